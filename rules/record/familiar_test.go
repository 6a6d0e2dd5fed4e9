package record

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/ordergate/ordergate/rules"
)

// filling makes a passage long enough to be remembered, and says nothing.
var filling = strings.Repeat("<i class=\"x\"></i>\n", 40)

// readAs reads a page in pieces, as others with the same configuration did.
func readAs(t testing.TB, cfg *Config, body []byte, next func() int) ([]rules.Record, *Finder) {
	t.Helper()
	f := NewFinder(cfg, testHasher(t), "text/html")
	var parts []rules.Record
	for at := 0; at < len(body); {
		n := min(max(next(), 1), len(body)-at)
		_, _ = f.Write(bytes.Clone(body[at : at+n]))
		parts = f.Take(parts)
		at += n
	}
	_ = f.Close()
	return f.Take(parts), f
}

// remembered holds what is found in pages to what is found in them without any
// short cut, when they were read before, one after the other.
func remembered(t testing.TB, seed uint64, pages ...[]byte) {
	t.Helper()
	cfg := &Config{}
	rng := rand.New(rand.NewPCG(seed, 3))
	type finding struct {
		parts []rules.Record
		f     *Finder
	}
	wants := make([]finding, len(pages))
	for i, page := range pages {
		wants[i].parts, wants[i].f = without(t, "text/html", page)
	}
	for round := range 4 {
		for i, page := range pages {
			next := func() int { return len(page) }
			if round == 3 {
				next = func() int { return 1 + rng.IntN(2*len(page)) }
			}
			parts, g := readAs(t, cfg, page, next)
			want, h := wants[i].parts, wants[i].f
			if len(parts) != len(want) || len(parts) > 0 && !reflect.DeepEqual(parts, want) {
				t.Fatalf("round %d: page %d: %v\nwant %v", round, i, parts, want)
			}
			if g.Subjects() != h.Subjects() || g.Uninspected() != h.Uninspected() || !slices.Equal(g.group.report.issued, h.group.report.issued) {
				t.Fatalf("round %d: page %d: %d subjects, %q; want %d, %q", round, i, g.Subjects(), g.Uninspected(), h.Subjects(), h.Uninspected())
			}
			weak, fields := g.Weak()
			if people, want := h.Weak(); weak != people || fields != want {
				t.Fatalf("round %d: page %d: %d weak %v, want %d %v", round, i, weak, fields, people, want)
			}
		}
	}
}

// FuzzFamiliar reads the same passage between other things, over and over.
func FuzzFamiliar(f *testing.F) {
	for _, c := range cases(f) {
		if strings.Contains(c.contentType, "html") {
			f.Add([]byte("<div>"), []byte(c.body), []byte("</div>"), uint64(1))
			f.Add([]byte("<table><tr><td>E-Mail</td><td>"), []byte(c.body), []byte("<p>Customer</p>"), uint64(2))
		}
	}
	for _, in := range []string{
		`<a href="mailto:ada@lund.example">Ada Lund</a>`, `<script>{"email":"ada@lund.example","name":"Ada Lund"}</script>`, `<script>var a = ["ada@lund.example"];</script>`, `$10.00`, `<h1>Impressum</h1>`,
		`</div></div><td>Ada Lund</td>`, `<td>E-Mail`, `<tr><td>ada@lund.example`, `<b>E-Mail:</b>`, `<input name="email" value="ada@lund.example">`, `<!-- <div> -->`, `<p>Elm Street 3<br>12345 Town</p>`, `<a href="tel:+4722334455">`,
		`<a href="?customer_id=7">x</a>`, `<svg><a title="ada@lund.example"></svg>`, `<select><option>Ada Lund</select>`, `<footer>Ada Lund ada@lund.example</footer>`, `<script>x={opening_hours:"Mo-Fr 9:00-18:00"}</script>`,
	} {
		for _, around := range [][2]string{{"", ""}, {"<nav>", "</nav>"}, {"<b>Customer</b>", "ada@lund.example"}, {"<div itemprop=\"email\">", "<p>Ada Lund</p>"}, {"<tr><td>Customer<td>", "</table>"}, {"<h1>Impressum</h1>", "<h1>Order #17</h1>"}, {`<script>{"email":"bo@ek.example","telephone":`, `<script>[`}} {
			f.Add([]byte(around[0]), []byte(in), []byte(around[1]), uint64(1))
		}
	}
	f.Fuzz(func(t *testing.T, before, passage, behind []byte, seed uint64) {
		if len(before)+len(passage)+len(behind) > 16<<10 {
			return
		}
		page := func(parts ...string) []byte { return []byte("<html><body>" + strings.Join(parts, "") + filling) }
		block := "<div>" + filling + string(passage) + "</div>\n"
		remembered(t, seed,
			page(string(before), block, string(behind)),
			page(block, string(before), string(behind)),
			page("<nav>", block, "</nav>", string(before), block, string(behind), "</div>", block, string(passage)),
			page("<div>", string(behind), block, string(before), "<script>", string(passage), filling, "</script>", string(behind)),
		)
	})
}

// TestFamiliar: a page that is read the third time is passed over, where it tells
// nothing; a passage that tells somebody, or stands elsewhere, is read.
func TestFamiliar(t *testing.T) {
	cfg := &Config{}
	block := "<section><h2>Chairs</h2>" + filling + "<p>Made of oak.</p></section>\n"
	person := "<section>" + filling + "<p>ada@lund.example</p></section>\n"
	page := func(in ...string) []byte {
		return []byte("<html><body><main>" + strings.Repeat("<p>Welcome to the shop.</p>", 20) + strings.Join(in, "") + "</main></body></html>")
	}
	passed := func(head []byte, text string) bool {
		f := NewFinder(cfg, testHasher(t), "text/html")
		_, _ = f.Write(head)
		s, ok := f.body.scan.(*htmlScanner)
		if !ok {
			t.Fatalf("%d bytes are not enough to know a page by", len(head))
		}
		return s.pass([]byte(text), 0, f.Offset()) == len(text)
	}
	open := bytes.TrimSuffix(page(), []byte("</main></body></html>"))
	for i := range 3 {
		if got := passed(open, block); got != (i > 1) {
			t.Errorf("passed over after %d readings: %v", i, got)
		}
		if _, f := readAs(t, cfg, page(block, person), func() int { return 1 << 20 }); f.Subjects() != 1 {
			t.Errorf("%d subjects, want 1", f.Subjects())
		}
	}
	if passed(open, person) {
		t.Error("a passage with a person in it is passed over")
	}
	if passed(append(bytes.Clone(open), "<nav>"...), block) || passed(append(bytes.Clone(open), "<b>E-Mail:</b> "...), block) {
		t.Error("a passage is passed over where something else is open around it")
	}
	if other := strings.Replace(block, "oak.</p>", "oaks</p>", 1); passed(open, other) || passed(open, block[:len(block)-1]) {
		t.Error("another passage is passed over")
	}
}

// TestFamiliarBounds: what is remembered has a fixed number of places, and pages
// that are never the same twice are soon not looked up any more.
func TestFamiliarBounds(t *testing.T) {
	cfg := &Config{}
	for i := range 50 {
		var page strings.Builder
		page.WriteString("<html><body>")
		for k := range 200 {
			fmt.Fprintf(&page, "<div><div class=\"card\">%s<p>%04d</p></div></div>\n", filling, i*k%977)
		}
		f := NewFinder(cfg, testHasher(t), "text/html")
		for rest := []byte(page.String()); len(rest) > 0; rest = rest[min(len(rest), piece):] {
			_, _ = f.Write(rest[:min(len(rest), piece)])
		}
		s, is := f.body.scan.(*htmlScanner)
		if !is || s.memory.spent > maxSpan+f.Offset()/4+maxSpan {
			t.Fatalf("%d of %d bytes were looked at in vain", s.memory.spent, f.Offset())
		}
		_ = f.Close()
	}
}

// TestFamiliarTogether: responses that are read at the same time share what is
// remembered.
func TestFamiliarTogether(t *testing.T) {
	cfg := &Config{}
	page := []byte("<html><body>" + strings.Repeat("<section>"+filling+"</section>\n", 8) + "<p>ada@lund.example</p>" + strings.Repeat("<nav>"+filling+"</nav>", 4))
	hashers := make([]*rules.Hasher, 4)
	for i := range hashers {
		hashers[i] = testHasher(t)
	}
	var all sync.WaitGroup
	for _, h := range hashers {
		all.Go(func() {
			for range 20 {
				f := NewFinder(cfg, h.Clone(), "text/html")
				_, _ = f.Write(page)
				if _ = f.Close(); f.Subjects() != 1 {
					t.Errorf("%d subjects, want 1", f.Subjects())
				}
			}
		})
	}
	all.Wait()
}
