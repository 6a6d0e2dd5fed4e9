package record

import (
	_ "embed"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/ordergate/ordergate/rules"
)

//go:embed testdata/cases.txtar
var casesText string

type testCase struct {
	name, contentType, body string
	subjects                int
	fields                  rules.Fields
	uninspected             string
}

var caseHead = regexp.MustCompile(`(?m)^-- (\S+) \| (.*) \| subjects=(\d+) fields=(\S*)(?: uninspected=(\S+))? --\n`)

// cases reads the fixtures, a txtar file whose file names say what is
// expected. Every attack needs a twin in the file: nothing is proven by what
// finds everything.
func cases(t testing.TB) []testCase {
	t.Helper()
	var out []testCase
	heads := caseHead.FindAllStringSubmatchIndex(casesText, -1)
	for i, h := range heads {
		part := func(n int) string {
			if h[2*n] < 0 {
				return ""
			}
			return casesText[h[2*n]:h[2*n+1]]
		}
		end := len(casesText)
		if i+1 < len(heads) {
			end = heads[i+1][0]
		}
		c := testCase{name: part(1), contentType: part(2), body: strings.TrimSuffix(casesText[h[1]:end], "\n"), uninspected: part(5)}
		c.subjects, _ = strconv.Atoi(part(3))
		if names := part(4); names != "" {
			fields, err := rules.ParseFields(strings.Split(names, ","))
			if err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			c.fields = fields
		}
		out = append(out, c)
	}
	if len(out) < 40 || strings.Count(casesText, "\n-- ") < len(out) {
		t.Fatalf("%d cases read", len(out))
	}
	return out
}

func TestCases(t *testing.T) {
	for _, c := range cases(t) {
		t.Run(c.name, func(t *testing.T) {
			check(t, &c)
			if strings.HasPrefix(c.name, "calendar/") { // RFC 5545 ends lines so, section 3.1
				c.body = strings.ReplaceAll(c.body, "\n", "\r\n")
				check(t, &c)
			}
		})
	}
}

// check looks for what a case has, and for nothing else.
func check(t *testing.T, c *testCase) {
	t.Helper()
	records, f := find(t, c.contentType, c.body)
	var fields rules.Fields
	for _, r := range records {
		fields |= r.Fields
		if r.Subject.Digest.IsZero() || r.Subject != r.Identifiers[0] {
			t.Errorf("subject %v is not the first of %v", r.Subject, r.Identifiers)
		}
	}
	if f.Subjects() != c.subjects || len(records) != c.subjects {
		t.Errorf("%d subjects, %d records, want %d", f.Subjects(), len(records), c.subjects)
	}
	if fields != c.fields {
		t.Errorf("fields %v, want %v", fields, c.fields)
	}
	if got := string(f.Uninspected()); got != c.uninspected {
		t.Errorf("uninspected %q, want %q", got, c.uninspected)
	}
}
