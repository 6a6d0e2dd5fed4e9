package record

import (
	"strings"
	"testing"

	"github.com/ordergate/ordergate/rules"
)

// TestAhead: beside an e-mail address, a phone number and an order's number, what will be
// digested at the end of their object is digested at once.
func TestAhead(t *testing.T) {
	for _, c := range []struct {
		name, body string
		kind       rules.IdentifierKind
		value      string
	}{
		{"customer", `{"customer":{"id":"4711","email":"ada@lund.example"`, rules.IdentifierCustomerID, "4711"},
		{"number", `{"customerNumber":"K-4711","phone":"+4722334455"`, rules.IdentifierCustomerID, "K-4711"},
		{"order", `{"id":"4711","orderNumber":"R-17"`, rules.IdentifierOrder, "4711"},
		{"residence", `{"address":{"fullName":"Ada Lund","street":"Elm Street 3","phone":"+4722334455"`, rules.IdentifierResidence, "\x00\x00Ada Lund\x00Elm Street 3\x00"},
	} {
		h := testHasher(t)
		f := NewFinder(&Config{}, h, "application/json")
		_, _ = f.Write([]byte(c.body + `,"end":"` + strings.Repeat("x", maxSniff)))
		d, ok := f.group.recent.find(c.kind, []byte(c.value))
		if !ok {
			t.Errorf("%s: %q is not digested", c.name, c.value)
			continue
		}
		want := []byte(c.value)
		if c.kind == rules.IdentifierResidence {
			want, _ = NormalizeResidence([]byte("Ada Lund"), []byte("Elm Street 3"))
		}
		if *d != h.Identifier(c.kind, want) {
			t.Errorf("%s: digest of something else than %q", c.name, want)
		}
		_ = f.Close()
	}
}
