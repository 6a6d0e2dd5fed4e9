package contract

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ordergate/ordergate/rules"
)

func shop(t testing.TB) *Document {
	t.Helper()
	d, err := Load("testdata/shop.yaml", os.ReadFile)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestJudge: each request beside its innocent twin.
func TestJudge(t *testing.T) {
	d := shop(t)
	for _, c := range []struct {
		method, target, body, header string
		want                         rules.Deviation
		operation                    string
	}{
		{"GET", "/api/orders/7?view=full", "", "", rules.DeviationNone, "GET /orders/{id}"},
		{"GET", "/api/orders/7?view=all", "", "", rules.DeviationQuery, "GET /orders/{id}"},
		{"GET", "/api/orders/marieke", "", "", rules.DeviationPath, "GET /orders/{id}"},
		{"GET", "/api/orders/7", "", "X-Client: web", rules.DeviationNone, "GET /orders/{id}"},
		{"GET", "/api/orders/7", "", "X-Client: something longer", rules.DeviationHeader, "GET /orders/{id}"},
		{"GET", "/api/orders/7", "", "Cookie: tier=2", rules.DeviationNone, "GET /orders/{id}"},
		{"GET", "/api/orders/7", "", "Cookie: tier=gold", rules.DeviationCookie, "GET /orders/{id}"},
		{"GET", "/api/orders", "", "", rules.DeviationNone, "GET /orders"},
		{"DELETE", "/api/orders", "", "", rules.DeviationMethod, ""},
		{"GET", "/api/debug", "", "", rules.DeviationRoute, ""},
		{"GET", "/orders", "", "", rules.DeviationRoute, ""},
		{"POST", "/api/orders", `{"sku":"TP-1","quantity":2}`, "Content-Type: application/json", rules.DeviationNone, "POST /orders"},
		{"POST", "/api/orders", `{"sku":"TP-1","role":"admin"}`, "Content-Type: application/json", rules.DeviationBody, "POST /orders"},
		{"POST", "/api/orders", `{"sku":"marieke@example.net"}`, "Content-Type: application/json", rules.DeviationBody, "POST /orders"},
		{"POST", "/api/orders", `{"sku":`, "Content-Type: application/json", rules.DeviationBody, "POST /orders"},
		{"POST", "/api/orders", `<a/>`, "Content-Type: text/xml", rules.DeviationContentType, "POST /orders"},
		{"POST", "/api/orders", "RIFF", "Content-Type: image/webp", rules.DeviationNone, "POST /orders"},
	} {
		r := httptest.NewRequest(c.method, c.target, strings.NewReader("not this one"))
		if name, value, ok := strings.Cut(c.header, ": "); ok {
			r.Header.Set(name, value)
		}
		before := r.Body
		operation, got := d.Judge(r, []byte(c.body), true)
		name := ""
		if operation != nil {
			name = operation.Name
		}
		if got != c.want || name != c.operation {
			t.Errorf("%s %s %s %s: %q of %q, want %q of %q", c.method, c.target, c.header, c.body, got, name, c.want, c.operation)
		}
		if r.Body != before {
			t.Error("the request's own body was touched")
		}
	}
	r := httptest.NewRequest("POST", "/api/orders", nil)
	r.Header.Set("Content-Type", "application/json")
	if _, got := d.Judge(r, []byte(`{"sku":`), false); got != rules.DeviationNone {
		t.Errorf("the beginning of a body was judged: %q", got)
	}
	if _, got := (&Document{}).Judge(r, nil, true); got != rules.DeviationUnchecked { // the library panics
		t.Errorf("what cannot be judged is %q", got)
	}
	for _, deviation := range rules.Deviations() {
		if status := deviation.Status(); status < 400 || status > 499 {
			t.Errorf("%s is refused with %d", deviation, status)
		}
	}
}

// TestWalk: fields that are not declared, wherever they stand.
func TestWalk(t *testing.T) {
	d := shop(t)
	for _, c := range []struct {
		operation   string
		status      int
		contentType string
		body        string
		want        []string
		undeclared  bool
	}{
		{"GET /orders/{id}", 200, "application/json", `{"id":1,"customer":{"name":"a","address":{"street":"b"}},"shipped":"c","returned":true}`, nil, false},
		{
			"GET /orders/{id}", 200, "application/json; charset=utf-8", `{"id":1,"customer":{"name":"a","birthDate":"1990-01-01","address":{"geo":{"lat":1}}},"internal_note":[{"x":1}]}`,
			[]string{"/customer/birthDate", "/customer/address/geo", "/internal_note"},
			false,
		},
		{"GET /orders/{id}", 200, "application/json", `{"parent":{"parent":{"passwordHash":"x"}}}`, []string{"/parent/parent/passwordHash"}, false},
		{"GET /orders/{id}", 200, "application/json", `{"\u0069d":1,"a\/b~c":{},"s":"}]\"{"}`, []string{"/*", "/s"}, false},
		{
			"GET /orders", 200, "application/json", `{"data":[{"id":1,"iban":"x"},{"id":2,"iban":"y"}],"totals":{"2026":{"sum":1,"vat":2},"marieke@example.net":{"sum":3}},"extra":{"a":"","b":1},"free":{"x":{"y":1}}}`,
			[]string{"/data/*/iban", "/totals/*/vat"},
			false,
		},
		{"GET /orders", 200, "application/json", `{"marieke@example.net":1,"+31612345678":2}`, []string{"/*"}, false},
		{"GET /orders/{id}", 404, "application/problem+json", `{"title":"none","trace":"at x"}`, []string{"/trace"}, false},
		{"GET /orders/{id}", 500, "application/json", `{}`, nil, true},
		{"GET /orders/{id}", 200, "text/html", `<html>`, nil, false},
		{"POST /orders", 201, "application/json", `{"anything":1}`, nil, false},
	} {
		o := operationOf(t, d, c.operation)
		w, undeclared := o.Walk(c.status, c.contentType)
		var got []string
		if w != nil {
			for i := range len(c.body) { // byte by byte: any split is the same
				w.Write([]byte{c.body[i]})
			}
			got = pointers(w)
		}
		if !slices.Equal(got, c.want) || undeclared != c.undeclared {
			t.Errorf("%s %d %s: %q, undeclared %v; want %q, %v", c.operation, c.status, c.body, got, undeclared, c.want, c.undeclared)
		}
	}
	many := make([]string, 40)
	for i := range many {
		many[i] = fmt.Sprintf(`"customer%c%c":1`, 'a'+i/20, 'a'+i%20)
	}
	w, _ := operationOf(t, d, "GET /orders").Walk(200, "application/json")
	w.Write([]byte("{" + strings.Join(many, ",") + "}"))
	if got := pointers(w); len(got) != maxUnnamed+1 || got[maxUnnamed] != "/*" {
		t.Errorf("an object of 40 names: %q", got)
	}
}

func operationOf(t testing.TB, d *Document, name string) *Operation {
	t.Helper()
	for _, o := range d.operations {
		if o.Name == name {
			return o
		}
	}
	t.Fatalf("no operation %s", name)
	return nil
}

// TestLoad: faults say where, and nothing is read but what is below the document's
// folder.
func TestLoad(t *testing.T) {
	const head = "openapi: 3.0.3\ninfo: {title: x, version: '1'}\n"
	for name, c := range map[string]struct{ text, want string }{
		"nothing":        {"", "shop.yaml"},
		"no paths":       {"openapi: 3.0.3\ninfo: {title: x}\npaths: {}", "version"},
		"a file outside": {head + "paths: {/a: {get: {responses: {'200': {$ref: '../secret.yaml#/A'}}}}}", "not below its folder"},
		"an address":     {head + "paths: {/a: {get: {responses: {'200': {$ref: 'http://169.254.169.254/a.yaml#/A'}}}}}", "not below its folder"},
		"an absolute":    {head + "paths: {/a: {get: {responses: {'200': {$ref: '/etc/passwd'}}}}}", "not below its folder"},
		"a bad pattern":  {head + "paths: {/a: {get: {parameters: [{name: q, in: query, schema: {type: string, pattern: '('}}], responses: {'200': {description: x}}}}}", "regexp"},
	} {
		read := func(file string) ([]byte, error) {
			if file != "docs/shop.yaml" {
				t.Errorf("%s: reads %s", name, file)
				return nil, fs.ErrNotExist
			}
			return []byte(c.text), nil
		}
		if _, err := Load("docs/shop.yaml", read); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an error with %q", name, err, c.want)
		}
	}
	if _, err := Load(filepath.Join(t.TempDir(), "none.yaml"), os.ReadFile); err == nil {
		t.Error("a file that is not there was loaded")
	}
}

// TestExposures: a field is told once, when several clients have had it.
func TestExposures(t *testing.T) {
	var e Exposures
	told := ""
	for _, client := range []byte{1, 1, 2, 2, 3, 4} {
		if e.Note(Field{"GET /orders", 200, "/iban"}, rules.Digest{client}) {
			told += fmt.Sprint(client, " ")
		}
	}
	if told != "3 " {
		t.Errorf("told %q", told)
	}
	for i := range 3 * maxExposures {
		e.Note(Field{"GET /orders", 200, fmt.Sprint("/", i)}, rules.Digest{1})
	}
	if len(e.seen) != maxExposures || len(e.order) != maxExposures {
		t.Errorf("%d fields are remembered", len(e.seen))
	}
}

// pointers are what a walk found, in one text each.
func pointers(w *Walker) []string {
	var out []string
	for _, f := range w.Found() {
		out = append(out, f.Parent+"/"+escape(f.Name))
	}
	return out
}

// FuzzWalk compares the walk with one over the whole value, and holds that it is
// the same in any pieces.
func FuzzWalk(f *testing.F) {
	for _, text := range []string{`{"id":1,"x":{"y":[1,{"z":2}]}}`, `{"data":[{"customer":{"name":"a","email":"b"}}],"totals":{"a":{"b":1}}}`, `[[{"a":1}]]`, `{"a\u0062":"\\\"{"}`, `{"data":[]}]`} {
		f.Add(text, uint8(3))
	}
	o := operationOf(f, shop(f), "GET /orders")
	f.Fuzz(func(t *testing.T, text string, cut uint8) {
		whole, _ := o.Walk(200, "application/json")
		whole.Write([]byte(text))
		split, _ := o.Walk(200, "application/json")
		at := min(int(cut), len(text))
		split.Write([]byte(text[:at]))
		split.Write([]byte(text[at:]))
		if !slices.Equal(pointers(whole), pointers(split)) {
			t.Fatalf("%q: %q whole, %q in two pieces", text, pointers(whole), pointers(split))
		}
		var value any
		if len(text) > 2000 || json.Unmarshal([]byte(text), &value) != nil {
			return
		}
		want := map[string]bool{}
		slow(whole.root, value, "", want, 0)
		if len(want) >= maxFound || deep(value) >= maxDepth {
			return
		}
		for _, pointer := range pointers(whole) {
			if !want[pointer] && !strings.HasSuffix(pointer, "/*") { // names that repeat, or are many, are *
				t.Fatalf("%q: found %q, want %v", text, pointer, want)
			}
		}
		for pointer := range want {
			if !slices.Contains(pointers(whole), pointer) && len(whole.Found()) < maxUnnamed {
				t.Fatalf("%q: did not find %q, but %q", text, pointer, whole.Found())
			}
		}
	})
}

// slow is the walk over a value in memory.
func slow(s *shape, value any, at string, found map[string]bool, depth int) {
	if s == nil || depth > maxDepth {
		return
	}
	switch v := value.(type) {
	case []any:
		for _, item := range v {
			slow(s.items, item, at+"/*", found, depth+1)
		}
	case map[string]any:
		for name, item := range v {
			switch {
			case s.fields[name].of != nil:
				slow(s.fields[name].of, item, at+"/"+escape(name), found, depth+1)
			case s.rest != nil:
				slow(s.rest, item, at+"/*", found, depth+1)
			case !s.open && !nameable(name) || len(v) > maxUnnamed && !s.open:
				found[at+"/*"] = true
			case !s.open:
				found[at+"/"+escape(name)] = true
			}
		}
	}
}

func deep(value any) int {
	most := 0
	switch v := value.(type) {
	case []any:
		for _, item := range v {
			most = max(most, 1+deep(item))
		}
	case map[string]any:
		for _, item := range v {
			most = max(most, 1+deep(item))
		}
	}
	return most
}

// BenchmarkWalk is an answer of 100 orders.
func BenchmarkWalk(b *testing.B) {
	o := operationOf(b, shop(b), "GET /orders")
	body := []byte(`{"data":[` + strings.Repeat(`{"id":1,"customer":{"name":"Marieke Janssen","address":{"street":"Lindenlaan 7"}},"shipped":"2026-01-01"},`, 99) + `{"id":2}]}`)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		w, _ := o.Walk(http.StatusOK, "application/json")
		w.Write(body)
	}
}
