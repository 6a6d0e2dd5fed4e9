package record

import (
	"fmt"
	"strings"
	"testing"
)

// TestAuthorsAreBounded: what begins like a manifest has so many authors; an export that
// begins so hides no more of the customers who wrote something.
func TestAuthorsAreBounded(t *testing.T) {
	for name, c := range map[string]struct {
		each string // with a number
		n    int
		want int
	}{
		"a package's":            {`{"author":{"name":"Ada Lund","email":"ada.%d@lund.example.net"}}`, 20, 0},
		"in one line each":       {`{"author":"Ada Lund <ada.%d@lund.example.net>"}`, 20, 0},
		"one, again and again":   {`{"author":{"name":"Ada Lund","email":"ada@lund.example.net"},"n":%d}`, 200, 0},
		"customers' reviews":     {`{"author":{"name":"Ada Lund","email":"ada.%d@lund.example.net"}}`, 200, 200 - maxAuthors},
		"theirs in one line":     {`{"author":"Ada Lund <ada.%d@lund.example.net>"}`, 200, 200 - maxAuthors},
		"customers, not authors": {`{"customer":{"name":"Ada Lund","email":"ada.%d@lund.example.net"}}`, 20, 20},
	} {
		var list []string
		for i := range c.n {
			list = append(list, fmt.Sprintf(c.each, i))
		}
		body := `{"name":"orders-export","version":"1.2.0","items":[` + strings.Join(list, ",") + "]}"
		f := NewFinder(&Config{}, testHasher(t), "application/json")
		_, _ = f.Write([]byte(body))
		_ = f.Close()
		if got := f.Subjects(); got != c.want {
			t.Errorf("%s: %d subjects, want %d", name, got, c.want)
		}
	}
}

// TestColleaguesAreBounded: of the addresses below a shop's key the first at the domain of
// its own are the shop's; where that is a provider's, an export hides no more customers.
func TestColleaguesAreBounded(t *testing.T) {
	for n, want := range map[int]int{2: 0, 1 + maxAlike: 0, 200: 200 - 1 - maxAlike} {
		var list []string
		for i := range n {
			list = append(list, fmt.Sprintf(`{"store":{"email":"ada.%d@provider.example.net"}}`, i))
		}
		f := NewFinder(&Config{}, testHasher(t), "application/json")
		_, _ = f.Write([]byte("[" + strings.Join(list, ",") + "]"))
		_ = f.Close()
		if got := f.Subjects(); got != want {
			t.Errorf("%d stores: %d subjects, want %d", n, got, want)
		}
	}
}
