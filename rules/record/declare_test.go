package record

import (
	"strings"
	"testing"

	"github.com/ordergate/ordergate/rules"
)

// TestDeclarations: what an operator declares is found where nothing else says
// what it is, and nothing is found there without the declaration.
func TestDeclarations(t *testing.T) {
	const rows = `{"rows":[["Ada Lund","4711","0301234567"],["Bo Ek","4712","0307654321"]],"n":[["Desk","1","2"]]}`
	for name, c := range map[string]struct {
		contentType, body string
		declared          []Declaration
		before, after     int // subjects
		fields            rules.Fields
	}{
		"rows without keys": {
			"application/json", rows,
			[]Declaration{{Pointer: "/rows/*", Is: "customer"}, {Pointer: "/rows/*/0", Is: "name"}, {Pointer: "/rows/*/1", Is: "customer_id"}, {Pointer: "/rows/*/2", Is: "phone"}},
			0, 2, rules.FieldName | rules.FieldPhone,
		},
		"a key of the shop's own": {
			"application/json", `{"list":[{"kx":"+49 30 1234567","ky":"Ada"},{"kx":"+49 30 7654321","ky":"Bo"}]}`,
			[]Declaration{{Name: "kx", Is: "nothing"}},
			2, 0, 0,
		},
		"a key that means a phone": {
			"application/json", `{"list":[{"K-X":"0301234567"},{"K-X":"0307654321"}]}`,
			[]Declaration{{Name: "kx", Is: "phone"}},
			0, 2, rules.FieldPhone,
		},
		"a column": {
			"text/csv", "no;zzz;yyy\n1;Ada Lund;Bakken 5\n2;Bo Ek;Haugen 7\n",
			[]Declaration{{Name: "zzz", Is: "name"}, {Name: "yyy", Is: "street"}},
			0, 2, rules.FieldName | rules.FieldAddress,
		},
		"cells by class": {
			"text/html", `<table><tr><td class="a kd-n">Ada Lund</td><td class="kd-t">0301234567</td></tr><tr><td class="kd-n">Bo Ek</td><td class="kd-t">0307654321</td></tr></table>`,
			[]Declaration{{Select: ".kd-n", Is: "name"}, {Select: ".kd-t", Is: "phone"}},
			0, 2, rules.FieldName | rules.FieldPhone,
		},
		"spans by id and attribute": {
			"text/html", `<div><span id="kdn">Ada Lund</span> <span data-kd="tel">0301234567</span></div>`,
			[]Declaration{{Select: "#kdn", Is: "name"}, {Select: `[data-kd="tel"]`, Is: "phone"}},
			0, 1, rules.FieldName | rules.FieldPhone,
		},
		"a form's field": {
			"text/html", `<form><input name="q17" class="t" value="0301234567"></form>`,
			[]Declaration{{Select: ".t", Is: "phone"}},
			0, 1, rules.FieldPhone,
		},
		"escaped pointer": {
			"application/json", `{"a/b":{"m~n":"0301234567"},"a":{"b":{"m~n":"0307654321"}}}`,
			[]Declaration{{Pointer: "/a~1b/m~0n", Is: "phone"}},
			0, 1, rules.FieldPhone,
		},
		"another place": {
			"application/json", `{"x":{"rows":[["0301234567"]]}}`,
			[]Declaration{{Pointer: "/rows/*/0", Is: "phone"}},
			0, 0, 0,
		},
	} {
		for _, declared := range [][]Declaration{nil, c.declared} {
			cfg := &Config{Declared: declared}
			want, fields := c.before, rules.Fields(0)
			if declared != nil {
				want, fields = c.after, c.fields
			}
			for _, size := range []int{len(c.body), 1, 7} {
				f := NewFinder(cfg, testHasher(t), c.contentType)
				var got rules.Fields
				for at := 0; at < len(c.body); at += size {
					_, _ = f.Write([]byte(c.body[at:min(at+size, len(c.body))]))
				}
				_ = f.Close()
				for _, r := range f.Take(nil) {
					got |= r.Fields
				}
				if f.Subjects() != want || declared != nil && got != fields {
					t.Errorf("%s, %d declarations, pieces of %d: %d subjects with %v, want %d with %v", name, len(declared), size, f.Subjects(), got, want, fields)
				}
			}
		}
	}
}

// TestDeclarationFaults: what is wrong is told with a remedy.
func TestDeclarationFaults(t *testing.T) {
	for want, d := range map[string]Declaration{
		"is: \"shoe\"":           {Name: "a", Is: "shoe"},
		"0 of name, pointer":     {Is: "name"},
		"2 of name, pointer":     {Name: "a", Select: ".b", Is: "name"},
		"begin with a slash":     {Pointer: "rows", Is: "name"},
		"17 tokens":              {Pointer: strings.Repeat("/a", 17), Is: "name"},
		"one class, id":          {Select: "div > p", Is: "name"},
		"no letter and no digit": {Name: "--", Is: "name"},
	} {
		if err := d.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", d, err, want)
		}
	}
	for _, d := range []Declaration{{Name: "Kd-Nr.", Is: "customer_id"}, {Pointer: "/a/*/0", Is: "customer"}, {Select: "itemprop=mail", Is: "email"}} {
		if err := d.Check(); err != nil {
			t.Errorf("%+v: %v", d, err)
		}
	}
}
