package record

import (
	"strings"
	"testing"

	"github.com/ordergate/ordergate/rules"
)

// TestWeak: purchases of people whom nothing singles out are no subjects, and
// are told; what shows no person, or one who is a subject, is not.
func TestWeak(t *testing.T) {
	for name, c := range map[string]struct {
		contentType, body string
		subjects, people  int
		fields            rules.Fields
	}{
		"rows of names": {
			"text/html", `<table><tr><th>Order ID</th><th>Customer</th><th>Total</th></tr><tr><td>17</td><td>Ada Lund</td><td>$5.00</td></tr><tr><td>18</td><td>Bo Ek</td><td>$7.00</td></tr></table>`,
			0, 2, rules.FieldName | rules.FieldPurchase,
		},
		"masked address": {"application/json", `{"orders":[{"orderId":"a-17","email":"*d*@l*nd.*x*mpl*","totalPrice":5}]}`, 0, 1, rules.FieldPurchase},
		"with an address": {
			"application/json", `{"orders":[{"orderId":"a-17","customer":{"fullName":"Ada Lund","email":"ada@lund.example"},"totalPrice":5}]}`, 1, 0, 0,
		},
		"own orders":   {"application/json", `{"orders":[{"orderId":"a-17","totalPrice":5,"lines":[{"name":"Oak Chair","quantity":1}]}]}`, 0, 0, 0},
		"brands":       {"application/json", `{"products":[{"name":"Anna Sui Lipstick","brand":{"name":"Anna Sui"},"price":5}]}`, 0, 0, 0},
		"review":       {"application/json", `{"reviews":[{"author":"Ada","text":"good"}]}`, 0, 0, 0},
		"masked alone": {"application/json", `{"email":"a**@b**.example"}`, 0, 0, 0},
	} {
		_, f := find(t, c.contentType, c.body)
		if people, fields := f.Weak(); f.Subjects() != c.subjects || people != c.people || fields != c.fields {
			t.Errorf("%s: %d subjects, %d weak with %v; want %d, %d with %v", name, f.Subjects(), people, fields, c.subjects, c.people, c.fields)
		}
		seen, err := Inspect(nil, testHasher(t), c.contentType, "", strings.NewReader(c.body))
		if err != nil || len(seen.Records) != c.subjects+min(c.people, 1) {
			t.Errorf("%s: inspect has %d records, %v", name, len(seen.Records), err)
		}
	}
}
