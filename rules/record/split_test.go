package record

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/ordergate/ordergate/rules"
)

// run feeds a body in pieces whose sizes next gives, and returns all parts of
// records in order. At every step it checks that what the finder calls safe
// holds nothing unreported.
func run(t testing.TB, contentType string, body []byte, next func() int, check func(f *Finder, parts []rules.Record)) ([]rules.Record, *Finder) {
	t.Helper()
	f := NewFinder(&Config{}, testHasher(t), contentType)
	var parts []rules.Record
	safe := int64(0)
	for at := 0; at < len(body); {
		n := min(max(next(), 1), len(body)-at)
		piece := append([]byte(nil), body[at:at+n]...)
		_, _ = f.Write(piece)
		clear(piece) // borrowed only
		at += n
		parts = f.Take(parts)
		now := f.Safe()
		if now < safe || now > f.Offset() || f.Offset() != int64(at) {
			t.Fatalf("Safe went from %d to %d at offset %d (Offset %d)", safe, now, at, f.Offset())
		}
		safe = now
		if check != nil {
			check(f, parts)
		}
	}
	_ = f.Close()
	_ = f.Close()
	parts = f.Take(parts)
	if f.Safe() != int64(len(body)) {
		t.Fatalf("Safe = %d after Close of %d bytes", f.Safe(), len(body))
	}
	return parts, f
}

// same feeds a body whole, byte by byte, and split by seed, and wants the same
// parts of records each time.
func same(t testing.TB, contentType string, body []byte, seed uint64) {
	t.Helper()
	whole, f := run(t, contentType, body, func() int { return len(body) }, nil)
	issued := f.Issued(nil) // those since the last call: once
	rng := rand.New(rand.NewPCG(seed, 7))
	for name, next := range map[string]func() int{
		"bytes":  func() int { return 1 },
		"small":  func() int { return 1 + rng.IntN(8) },
		"medium": func() int { return 1 + rng.IntN(700) },
	} {
		parts, g := run(t, contentType, body, next, nil)
		if len(parts) != len(whole) || len(parts) > 0 && !reflect.DeepEqual(parts, whole) {
			t.Fatalf("%s pieces: %d parts, whole: %d\n%v\n%v", name, len(parts), len(whole), parts, whole)
		}
		if f.Subjects() != g.Subjects() || f.Uninspected() != g.Uninspected() {
			t.Fatalf("%s pieces: %d subjects %q, whole: %d %q", name, g.Subjects(), g.Uninspected(), f.Subjects(), f.Uninspected())
		}
		if !slices.Equal(issued, g.Issued(nil)) {
			t.Fatalf("%s pieces: other tokens", name)
		}
	}
}

func FuzzSplitAnywhere(f *testing.F) {
	for _, c := range cases(f) {
		f.Add(c.contentType, []byte(c.body), uint64(1))
	}
	for _, c := range binaryCases(f) {
		if len(c.body) < 8<<10 {
			f.Add(c.contentType, []byte(c.body), uint64(1))
		}
	}
	f.Add("", []byte("\xFF\xFEa\x00"), uint64(1))
	for _, c := range slices.Concat(eventCases(), charsetCases(f), partCases(f), cardCases(f), scriptCases()) {
		f.Add(c.contentType, []byte(c.body), uint64(1))
	}
	f.Add("text/html", []byte("<a href='mailto:x&#64;y.example'>&eacute;<![CDATA[a@b.example]]><!-- - -> a@c.example -->"), uint64(2))
	f.Fuzz(func(t *testing.T, contentType string, body []byte, seed uint64) {
		if len(body) > 64<<10 {
			return
		}
		same(t, contentType, body, seed)
	})
}

func TestSplitAnywhere(t *testing.T) {
	for _, c := range cases(t) {
		t.Run(c.name, func(t *testing.T) {
			same(t, c.contentType, []byte(c.body), 1)
			same(t, "", []byte(c.body), 2)
		})
	}
}

// TestSplitLong splits bodies in which records, values and gaps between them
// are longer than the finder's bounds.
func TestSplitLong(t *testing.T) {
	filler := strings.Repeat("lorem ipsum ", 4000)
	bodies := map[string]string{
		"json": `{"me":{"email":"a@one.example","note":"` + filler + `","firstName":"Ada"},"text":"` + filler + ` b@two.example ` + filler + `",` +
			`"list":[` + strings.Repeat(`{"id":1,"q":[1,2,3],"name":"Chair"},`, 3000) + `{"email":"c@three.example"}],"phone":"+49 30 1234567"}`,
		"nested": `{"a":"{\"list\":[` + strings.Repeat(`{\"k\":\"v\\u00e9\"},`, 1000) + `{\"email\":\"d@four.example\",\"name\":\"Dora Vier\"}]}"}`,
		"html":   `<div>` + filler + `e@five.example` + filler + `</div><table>` + strings.Repeat(`<tr><td>x</td></tr>`, 5000) + `<tr><td>f@six.example</td></tr></table>`,
		"attr":   `<div data-page="{&quot;users&quot;:[` + strings.Repeat(`{&quot;k&quot;:1},`, 500) + `{&quot;email&quot;:&quot;g@seven.example&quot;}]}"></div>`,
		"text":   filler + "\n\nh@eight.example\n" + filler,
	}
	for name, body := range bodies {
		t.Run(name, func(t *testing.T) {
			same(t, "", []byte(body), 3)
			if _, f := find(t, "", body); f.Subjects() == 0 {
				t.Fatal("no subject found")
			}
		})
	}
}

// TestSafe checks that nothing lies in the safe part of a body before it was
// reported, for every identifier that the whole body has, byte by byte.
func TestSafe(t *testing.T) {
	h := testHasher(t)
	digest := func(email string) rules.Identifier {
		n, _ := NormalizeEmail([]byte(email))
		return rules.Identifier{Kind: rules.IdentifierEmail, Digest: h.Identifier(rules.IdentifierEmail, n)}
	}
	var json, html, csv, bare, text strings.Builder
	json.WriteString(`{"data":{"items":[`)
	html.WriteString(`<html><body><table><thead><tr><th>Name</th><th>E-Mail</th></tr></thead><tbody>`)
	csv.WriteString("name,email\n")
	for i := range 200 {
		fmt.Fprintf(&json, `{"id":%d,"address":{"street":"Main St %d"},"note":"%s","email":"user%d@mail.example"},`, i, i, strings.Repeat("x", i), i)
		fmt.Fprintf(&html, `<tr><td>Ann User%d</td><td><b>user%d@mail.example</b></td></tr>`, i, i)
		fmt.Fprintf(&bare, "user%d@mail.example,Ann,%0300d\n", i, i)
		fmt.Fprintf(&csv, "Ann,user%d@mail.example\n", i)
		fmt.Fprintf(&text, "Contact user%d@mail.example now.\n", i)
	}
	json.WriteString(`{}]}}`)
	for contentType, body := range map[string]string{
		"application/json": json.String(), "text/html": html.String(), "text/csv": csv.String(), "text/plain": text.String(),
		"text/csv; header=absent": bare.String(), "text/csv; charset=koi8-r": csv.String(),
	} {
		t.Run(contentType, func(t *testing.T) {
			seen := map[rules.Identifier]bool{}
			at := 0
			_, f := run(t, contentType, []byte(body), func() int { return 1 }, func(f *Finder, parts []rules.Record) {
				for _, p := range parts {
					for _, id := range p.Identifiers {
						seen[id] = true
					}
				}
				for {
					email := fmt.Sprintf("user%d@mail.example", at)
					from := strings.Index(body, email)
					if at == 200 || int64(from+len(email)) > f.Safe() {
						return
					}
					if !seen[digest(email)] {
						t.Fatalf("%s is safe at %d and was not reported", email, f.Safe())
					}
					at++
				}
			})
			if f.Subjects() != 200 {
				t.Fatalf("%d subjects, want 200", f.Subjects())
			}
		})
	}
}
