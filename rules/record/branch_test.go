package record

import (
	"fmt"
	"strings"
	"testing"
)

// TestBranchesAreBounded: a query that puts a word and the towns of customers together
// hides no more of them than a chain has branches.
func TestBranchesAreBounded(t *testing.T) {
	for name, c := range map[string]struct {
		each string // with a number, a phone's and a name
		n    int
		want int
	}{
		"a chain":               {`{"name":"Chairs Oslo","street":"Storgata %[1]d","city":"Oslo","phone":"+47 22 33 %[2]04d"}`, 40, 0},
		"a query's":             {`{"name":"x Oslo","street":"Storgata %[1]d","city":"Oslo","phone":"+47 22 33 %[2]04d"}`, 200, 200 - maxLocated},
		"named like their town": {`{"name":"A%[3]s Oslo","street":"Storgata 5","city":"Oslo","phone":"+47 22 33 %[2]04d"}`, 40, 40 - maxBrands},
		"the town alone":        {`{"name":"Oslo","street":"Storgata %[1]d","city":"Oslo","phone":"+47 22 33 %[2]04d"}`, 200, 200 - maxLocated},
		"by their addresses":    {`{"email":"oslo@b%[1]d.example","city":"Oslo","phone":"+47 22 33 %[2]04d"}`, 200, 200 - maxLocated},
	} {
		var list []string
		for i := range c.n {
			list = append(list, fmt.Sprintf(c.each, i+1, i, strings.Repeat("a", i+1)))
		}
		f := NewFinder(&Config{}, testHasher(t), "application/json")
		_, _ = f.Write([]byte("[" + strings.Join(list, ",\n") + "]"))
		_ = f.Close()
		if got := f.Subjects(); got != c.want {
			t.Errorf("%s: %d subjects, want %d", name, got, c.want)
		}
	}
}
