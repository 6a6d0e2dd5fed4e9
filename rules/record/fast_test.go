package record

import (
	"bytes"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/ordergate/ordergate/rules"
)

// without runs a finder over a body without any short cut.
func without(t testing.TB, contentType string, body []byte) ([]rules.Record, *Finder) {
	t.Helper()
	f := NewFinder(&Config{}, testHasher(t), contentType)
	f.group.slow = true
	_, _ = f.Write(body)
	_ = f.Close()
	return f.Take(nil), f
}

// FuzzShortCuts holds what is found with all short cuts to what is found
// without any.
func FuzzShortCuts(f *testing.F) {
	for _, c := range cases(f) {
		f.Add(c.contentType, []byte(c.body))
	}
	for _, v := range []string{
		"2b@4x.png", "2026-11-23", "0301234567", "4111111111111111", "-1", "Ada", "ada", "Elm Street 3", "pbkdf2_{", "$2y$10$abcdefghijklmnopqrstuv",
		"5f4dcc3b5aa765d61d8327deb882cf99", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI3NyJ9.c2lnbmF0dXJlLWZvci10ZXN0cy1vbmx5", "<p>a 1</p>", "<{\\\"email\\\":1}>", "+49301234567", "é 1",
		`https:\/\/shop.example\/a.png`, `Ada \u00c5s`, `12\n34 Elm Street 3\n12345 Town`, `\u0040`, `a\u0040b.example`, `\u002b49301234567`, `x\"y\\`, `\ud83d\ude00 x`, `\ud83d`, `a\qb`, `a\u00zz`,
	} {
		f.Add("application/json", []byte(`{"x":"`+v+`","note":"`+v+`","city":"`+v+`","sku":"`+v+`","name":"`+v+`","facets":[{"name":"`+v+`"}],"image":"`+v+`","email":"a@b.example","l":["`+v+`",`+v+`],"m":`+v+`}`))
	}
	for _, v := range []string{`{}`, `[ ]`, `{a}`, `{ a : b }`, `{a:b{c:1}`, `{a:}`, `{a:[`, `{,}`, `[b]`, `[b{"email":"a@b.example"}]`, `[null,"a@b.example"]`, `{x:-a}`, `{`, `[`, `{a`, `{a:`, `{a:b`, `[b`, "{\x1E\"email\":\"a@b.example\"}", `{return{email:"a@b.example",name:"Ada Lund"}}`, `a[0]={email:'a@b.example'}`, `{true:true,email:"a@b.example"}`} {
		f.Add("text/html", []byte(`<script>var f=function(a)`+v+`;</script><p>x</p>`))
		f.Add("text/html", []byte(`<script>f(`+v+`)</script>`))
	}
	f.Add("text/csv", []byte(",,,phone\n0,,000000,")) // the last cell is empty, not the one before it
	f.Add("text/csv", []byte("name,phone,email\nAda,\"+4722\"\"123456\","))
	f.Add("text/html", []byte(`<p DATA-x="a@b.example" class=x title='a&amp;b' = "x" data-y="`+`{&quot;email&quot;:1}" hidden>E-Mail: a@b.example<td>Name</td>`))
	for _, v := range []string{
		"7", "ada@lund.example", "ada&#64;lund.example", "{&quot;email&quot;:&quot;ada@lund.example&quot;}", "[{]", "+49301234567", "a&commat;b.example", "", "x>y", "logo@2x.png Elm Street 3",
		"?a=1&amp;customer_id=7", "?a=1&amp;b=2", "?a&amp;customer_i&#100;=7", "?customer_i&amp;d=7", "&amp;?customer_id=7", "?a&amp;b&", "?order&lowbar;id=7&amp;x=1", "&#109;ailto:ada@lund.example", "/order_id=7?a=1", "?customer_id&equals;7",
	} {
		for _, name := range []string{"data-id", "data-phone", "data-customer-id", "data-", "data-E", "title", "TITLE", "href", "aria-label", "content"} {
			f.Add("text/html", []byte(`<div class="a"><p title="x" `+name+`="`+v+`" class="b">Ada Lund</p>   <a `+name+`='`+v+`' >Mail</a><br/><i id=x `+name+`="`+v+`"/>text beyond</div>`))
		}
	}
	f.Fuzz(func(t *testing.T, contentType string, body []byte) {
		if len(body) > 64<<10 {
			return
		}
		shortCuts(t, contentType, body)
	})
}

// shortCuts holds what is found with all short cuts to what is found without
// any.
func shortCuts(t testing.TB, contentType string, body []byte) {
	t.Helper()
	parts, g := run(t, contentType, body, func() int { return len(body) }, nil)
	want, h := without(t, contentType, body)
	if len(parts) != len(want) || len(parts) > 0 && !reflect.DeepEqual(parts, want) {
		t.Fatalf("with short cuts %v\nwithout         %v", parts, want)
	}
	if g.Subjects() != h.Subjects() || g.Uninspected() != h.Uninspected() || !reflect.DeepEqual(g.Issued(nil), h.Issued(nil)) {
		t.Fatalf("with short cuts %d subjects, %q; without %d, %q", g.Subjects(), g.Uninspected(), h.Subjects(), h.Uninspected())
	}
}

// FuzzBytes holds the searches by several bytes at a time to the plain ones.
func FuzzBytes(f *testing.F) {
	for _, s := range []string{"", `abcdefgh"`, "abcdefg\\hijkl", "12345678\x1F", "a!\" b", "\x80\"", "logo@2x.png a@b.example", "@", "a@3x.", "a@2x.1", "a b  c\td\n\xC2\xA0e&f<g ", "   \n  x"} {
		f.Add([]byte(s), 1)
	}
	f.Fuzz(func(t *testing.T, p []byte, from int) {
		from = min(max(from, 0), len(p))
		want := from
		for want < len(p) && p[want] != '"' && p[want] != '\\' && p[want] >= ' ' {
			want++
		}
		if got := stringEnd(p, from); got != want {
			t.Fatalf("stringEnd(%q, %d) = %d, want %d", p, from, got, want)
		}
		for want = from; want < len(p) && bytes.IndexByte([]byte(" \t\r\n"), p[want]) >= 0; {
			want++
		}
		if got := blanks(p, from); got != want {
			t.Fatalf("blanks(%q, %d) = %d, want %d", p, from, got, want)
		}
		if at := nextAt(p); at < len(p) && p[at] != '@' {
			t.Fatalf("nextAt(%q) = %d", p, at)
		} else if v := p[:at]; bytes.IndexByte(v, '@') >= 0 {
			if start, _ := findEmail(v, 0, inValue); start >= 0 {
				t.Fatalf("nextAt(%q) = %d skips an address", p, at)
			}
		}
		fast, slow := newProse(&grouper{slow: true, oldest: never, keys: newKeys()}), newProse(&grouper{slow: true, oldest: never, keys: newKeys()})
		fast.g.init(&Config{}, testHasher(t))
		slow.g.init(&Config{}, testHasher(t))
		fast.add(p[:from], 5)
		fast.add(p[from:], 5+int64(from))
		for i := range p {
			addByte(slow, p[i], 5+int64(i))
		}
		if !bytes.Equal(fast.line, slow.line) || !bytes.Equal(fast.text, slow.text) || fast.n != slow.n || fast.blank != slow.blank ||
			fast.from != slow.from || fast.start != slow.start || fast.begun != slow.begun {
			t.Fatalf("add(%q): line %q from %d, want %q from %d", p, fast.line, fast.from, slow.line, slow.from)
		}
	})
}

// addByte is prose.add, for one byte.
func addByte(p *prose, b byte, off int64) {
	if b == ' ' || b == '\n' || b == '\t' || b == '\r' || b == 0 {
		p.blank = true
		return
	}
	if b == 0xA0 && len(p.line) > 0 && p.line[len(p.line)-1] == 0xC2 {
		p.line = p.line[:len(p.line)-1]
		p.blank = true
		return
	}
	if len(p.line) == 0 {
		p.from = off
		if !p.begun {
			p.begun, p.start = true, p.from
		}
	} else if p.blank {
		p.line = append(p.line, ' ')
	}
	p.blank = false
	p.line = append(p.line, b)
	if len(p.line) >= maxLine {
		p.slide(off)
	}
}

// leads reports whether a text begins with a key of the cache.
func (k *keys) leads(at uint8, text []byte) bool {
	e := &k.cache[at]
	room := append(append([]byte(nil), text...), make([]byte, keyRoom+8)...)
	return e.leads((*[keyRoom + 8]byte)(room))
}

// TestLeads: a label with a quote, which the cache has from a page, is not
// taken for one key where JSON has two.
func TestLeads(t *testing.T) {
	k := newKeys()
	if k.leads(k.find([]byte(`a":{"email`)), []byte(`"a":{"email":"ada@lund.example"}`)) {
		t.Error("two keys are taken for one")
	}
	for at := range k.cache {
		if e := &k.cache[at]; e.n == 0 && (k.leads(uint8(at), nil) || k.leads(uint8(at), []byte(`"":1`))) {
			t.Fatal("a free place of the cache leads something")
		}
	}
}

// FuzzTexts holds the quick answers about labels, names and keys to the long
// ones.
func FuzzTexts(f *testing.F) {
	for _, s := range []string{"L", "Ada Lund", "E-Mail", "kundenNr.", "no", "Nr 2", "2 Items", "straße", "emailAddress2", "Made of solid oak", "Jan della Rossi", "Anna-Lena O'Neil", "shippingstreet", "x y z", "Ada@Lund", "Calle Mayor, s/n", "Elm Street", "Ab", "(e) mail", "XMLHttpRequest2Id", "a1B2--C3", "HTMLé", "ada.lund-x", "Ada van der Lund, Dr. jur. a b c d e f", "Bo Åse Ek", "Bo -- Ek ", "ada.lundQx", "?a=1&order_id=7", "id=", `a":{"b`, `a\\`, "ada.lund@mail.example", "a@b.c1", "a..b@c.example", "logo@2x.png", "a@b-.example", "a@1.2x.example", "no-Reply", " x\u00A0", "a@b.example.", "é@b.example", "a@b@c.example", "x@y.css", "a_very_long_key_that_does_not_fit_into_the_room_of_the_cache_at_all"} {
		f.Add([]byte(s))
	}
	k := newKeys()
	f.Fuzz(func(t *testing.T, s []byte) {
		if len(s) > 0 && len(s) <= maxKey {
			want := classify(s)
			if !lexiconGrams().may(s) && want.sense&senseKnown != 0 {
				t.Errorf("%q may be no label, and is %+v", s, want)
			}
			for range 2 {
				if got := k.class(s); got != want {
					t.Errorf("class(%q) = %+v, want %+v", s, got, want)
				}
			}
			at := k.find(s)
			k.learn(at, 3, at)
			for _, more := range []string{`":`, `x":`, `"`} {
				text := append(append([]byte{'"'}, s...), more...)
				want := more == `":` && k.class(s).kind != kindKeyed && k.class(s).kind != kindTyped && len(s) <= keyRoom && stringEnd(s, 0) == len(s)
				if got := k.leads(at, text); got != want {
					t.Errorf("%q leads %q: %v, want %v", s, text, got, want)
				}
			}
		}
		if len(s) <= maxKey {
			var quick, slow tokens
			if a, b := quick.split(s), slow.splitRunes(s); a != b || a && quick != slow {
				t.Errorf("split(%q) = %v %v, want %v %v", s, a, quick, b, slow)
			}
		}
		for _, how := range [...]trust{inText, inValue, inEmail} {
			if got, ok := packedEmail(s, how); plainEmail(s, how) && (!ok || !bytes.Equal(got, s)) {
				t.Errorf("%q is not the address %q, %v", s, got, ok)
			}
		}
		var room [24]byte
		if word := appendFolded(room[:0], s, len(room)); roleNames()[string(word)] && len(word) < len(room) && !roleShapes().may(s) {
			t.Errorf("%q may be no office, and is one", s)
		}
		wordsAlike(t, s)
		if got, want := trim(s), bytes.TrimSpace(s); !bytes.Equal(got, want) {
			t.Errorf("trim(%q) = %q, want %q", s, got, want)
		}
		if got, want := small(s), bytes.Equal(bytes.ToLower(s), s) && !bytes.ContainsFunc(s, func(r rune) bool { return r >= 0x80 }); got != want {
			t.Errorf("small(%q) = %v, want %v", s, got, want)
		}
		var short, long [maxName]byte
		var ends, wants [maxNameWord]uint8
		if n, ok := foldASCII(&short, &ends, s); ok && (n != foldWords(&long, &wants, s) || ends != wants || n > 0 && !bytes.Equal(short[:ends[n-1]], long[:ends[n-1]])) {
			t.Errorf("%q folds to %q, want %q", s, short, long)
		}
		digits, kinds := 0, shape(0)
		for _, b := range s {
			kinds |= shapes[b]
			if b >= '0' && b <= '9' {
				digits++
			}
		}
		if digitsOf(s) != digits || shapeOf(s) != kinds {
			t.Errorf("%q has %d digits and shape %b, want %d and %b", s, digitsOf(s), shapeOf(s), digits, kinds)
		}
		if want := bytes.Contains(s, []byte("id=")); withID(s) != want {
			t.Errorf("withID(%q) = %v, want %v", s, !want, want)
		}
		if !mayName(s) && personLike(s) {
			t.Errorf("%q may be no name, and is one", s)
		}
	})
}

// wordsAlike holds the quick answers about the words of names and streets to the
// long ones.
func wordsAlike(t *testing.T, s []byte) {
	t.Helper()
	var room [48]byte
	f := appendFolded(room[:0], s, len(room))
	if long := appendFolded(nil, s, len(room)); !bytes.Equal(f, long) {
		t.Errorf("%q folds to %q, and to %q", s, f, long)
	}
	if len(f) > 0 && streetWords()[string(f)] && !streetShapes().may(f) {
		t.Errorf("%q may be no word for street, and is one", f)
	}
	if _, known := lexicon()[string(f)]; known && len(f) > 2 && !lexiconGrams().may(f) {
		t.Errorf("%q may not be in the lexicon, and is", f)
	}
	want := slices.ContainsFunc(streetEnds[:], func(end string) bool {
		return len(f) > len(end)+2 && strings.HasSuffix(string(f), end)
	})
	if got := endsLikeStreet(f); got != want {
		t.Errorf("%q ends like a street: %v, want %v", f, got, want)
	}
	want = true
	for _, r := range string(s) {
		want = want && (r == ' ' || unicode.IsLetter(r) || unicode.IsMark(r) || strings.ContainsRune("'’-.·", r))
	}
	if got := wordsOfName(s); got != want {
		t.Errorf("%q are words of a name: %v, want %v", s, got, want)
	}
}

// TestFinderAllocations bounds what a finder allocates from its making to its
// end, whatever the size of the body; what is found costs more.
func TestFinderAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector changes counts")
	}
	for name, c := range map[string]struct {
		contentType string
		body        []byte
		most        float64
	}{
		"small JSON":  {"application/json", catalogueJSON(1), 14},
		"catalogue":   {"application/json", catalogueJSON(1000), 14},
		"page":        {"text/html", productPage(), 24},
		"style sheet": {"text/plain", stylesheet(500), 20},
		"one order":   {"application/json", customersJSON(1), 20},
		"1000 orders": {"application/json", customersJSON(1000), 160},
	} {
		h, cfg := testHasher(t), &Config{}
		var records []rules.Record
		n := testing.AllocsPerRun(20, func() { records = finding(cfg, h, c.contentType, c.body, records) })
		if n > c.most {
			t.Errorf("%s: %v allocations, want at most %v", name, n, c.most)
		}
	}
}
