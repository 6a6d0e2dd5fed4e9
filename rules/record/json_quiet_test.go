package record

import (
	"math/rand/v2"
	"reflect"
	"strconv"
	"testing"
)

// shapeKeys are keys of every kind and sense; shapeValues are values that tell
// something under some of them.
var (
	shapeKeys = []string{
		"id", "code", "name", "label", "title", "sku", "price", "total", "items", "lines", "lineItems", "data", "node", "createdAt", "date", "description", "note", "image", "token", "type", "role",
		"country", "city", "state", "company", "username", "x", "q", "c", "value", "status", "currency", "email", "phone", "firstName", "lastName", "fullName", "street", "house", "address",
		"postcode", "customer", "customerId", "user", "client", "order", "orders", "orderNumber", "orderDate", "shippingAddress", "billing", "product", "products", "shop", "staff", "seller", "group",
		"password", "birthDate", "cardNumber", "ssn", "openingHours", "monday", "payment", "edges", "variant", "quantity", "reviews", "author", "a b", "@type", "clé", "a\\u0062", "", "isAdmin",
	}
	shapeValues = []string{
		`"Ada Lund"`, `"Ada"`, `"Lund"`, `"ada@lund.example"`, `"bo@berg.example"`, `"info@shop.example"`, `"logo@2x.png"`, `"+49 30 1234567"`, `"0301234567"`, `"030 1234567"`, `"Elm Street 3"`, `"Storgata 5"`,
		`"12 Main St."`, `"神田町1-2-3"`, `"12345"`, `"7"`, `7`, `0`, `-1`, `1234567890`, `4111111111111111`, `"4111111111111111"`, `1.5e+3`, `true`, `false`, `null`, `""`, `"R-00000017"`, `"2026-11-23T13:02:48.983Z"`, `1764000000`,
		`"5f4dcc3b5aa765d61d8327deb882cf99"`, `"$2y$10$abcdefghijklmnopqrstuv"`, `"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI3NyJ9.c2lnbmF0dXJlLWZvci10ZXN0cy1vbmx5"`, `"admin"`, `"Mo-Fr 09:00-18:00, 12:00-13:00"`, `"a*b@c.example"`,
		`"<p>Size 42</p>"`, `"<b>ada@lund.example</b>"`, `"{\"email\":\"ada@lund.example\"}"`, `"{\"id\":7,\"name\":\"Blue\"}"`, `"a\/b"`, `"Elm Street 3 \/ \u00e9"`, `"Garten\u00e4 \"x\""`, `"12\nElm Street 3\n12345 Town"`, `"\u0041da Lund"`, `"  {\"phone\":\"+49 30 1234567\"}"`,
		`"DE"`, `"EUR"`, `"Blue"`, `"Green Garden Hose"`, `"12345678Z"`, `"RSSMRA85T10A562S"`, `"a longer text that goes on for more than eighty bytes, so that it is no name and no street of anybody"`, `" "`, `"\u3000"`, `"–"`,
	}
)

// shaped writes JSON of any shape from a list of choices.
type shaped struct {
	choices []byte
	body    []byte
	keys    int // how many of shapeKeys it has
}

func (s *shaped) choose(n int) int {
	if len(s.choices) == 0 {
		return 0
	}
	c := int(s.choices[0])
	s.choices = s.choices[1:]
	return c * n / 256
}

func (s *shaped) blank() {
	if s.choose(16) == 15 {
		s.body = append(s.body, "\n  "[:1+s.choose(3)]...)
	}
}

func (s *shaped) value(depth int) {
	s.blank()
	kind := s.choose(8)
	if depth == 0 {
		s.keys = 32
		if kind < 6 {
			kind = 6 + kind%2
			s.keys = len(shapeKeys)
		}
	}
	if kind < 6 || depth > 12 || len(s.choices) == 0 {
		s.body = append(s.body, shapeValues[s.choose(len(shapeValues))]...)
		return
	}
	// Often the same elements again, as lists have them.
	n := s.choose(6)
	if kind == 6 {
		s.body = append(s.body, '[')
		for i := range n {
			if i > 0 {
				s.body = append(s.body, ',')
			}
			s.value(depth + 1)
		}
		s.body = append(s.body, ']')
		return
	}
	s.body = append(s.body, '{')
	for i := range n {
		if i > 0 {
			s.body = append(s.body, ',')
		}
		s.blank()
		s.body = append(append(append(s.body, '"'), shapeKeys[s.choose(s.keys)]...), `":`...)
		s.value(depth + 1)
		s.blank()
	}
	s.body = append(s.body, '}')
}

// FuzzShapes holds what is found in JSON of any shape to what is found without
// short cuts, and to what is found in pieces.
func FuzzShapes(f *testing.F) {
	rng := rand.New(rand.NewPCG(3, 7))
	for range 300 {
		choices := make([]byte, 16+rng.IntN(300))
		for i := range choices {
			choices[i] = byte(rng.Uint32())
		}
		f.Add(choices)
	}
	f.Fuzz(func(t *testing.T, choices []byte) {
		s := shaped{choices: choices[:min(len(choices), 4096)]}
		for len(s.choices) > 0 {
			s.value(0)
			s.body = append(s.body, '\n')
		}
		want, h := without(t, "application/json", s.body)
		issued := h.Issued(nil)
		for _, piece := range [...]int{len(s.body), 1 + len(s.body)/3, 7} {
			parts, g := run(t, "application/json", s.body, func() int { return piece }, nil)
			if len(parts) != len(want) || len(parts) > 0 && !reflect.DeepEqual(parts, want) {
				t.Fatalf("%s\nin pieces of %d %v\nwithout short cuts %v", s.body, piece, parts, want)
			}
			weak, fields := g.Weak()
			wantWeak, wantFields := h.Weak()
			if g.Subjects() != h.Subjects() || g.Uninspected() != h.Uninspected() || weak != wantWeak || fields != wantFields || !reflect.DeepEqual(g.Issued(nil), issued) {
				t.Fatalf("%s\nin pieces of %d: %d subjects, %q; without short cuts %d, %q", strconv.Quote(string(s.body)), piece, g.Subjects(), g.Uninspected(), h.Subjects(), h.Uninspected())
			}
		}
	})
}
