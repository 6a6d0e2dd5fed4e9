package record

import (
	"testing"

	"github.com/ordergate/ordergate/rules"
)

// TestRoots: what a GraphQL answer has beside each other was asked for by one
// client, under names of its choice: it is one person's only where it says so itself.
// An own account beside an order must not make the order's customer its own.
func TestRoots(t *testing.T) {
	const (
		ada     = `{"id":"7","email":"ada@lund.example","firstName":"Ada","lastName":"Lund"}`
		boParts = `"firstName":"Bo","lastName":"Ek","street":"Kungsgatan 12","postcode":"11122","phone":"+46 8 123 456 78"`
		bo      = `{"number":"4711","total":12.5,"shippingAddress":{` + boParts + `}}`
		adas    = `{"number":"4712","total":12.5,"shippingAddress":{"firstName":"Ada","lastName":"Lund","street":"Storgata 5","postcode":"0155","phone":"+47 22 12 34 56"}}`
	)
	mail, number := idOf(t, rules.IdentifierEmail, "ada@lund.example"), idOf(t, rules.IdentifierCustomerID, "7")
	of := map[rules.Identifier]bool{} // what names whom the orders go to
	for _, body := range []string{bo, adas} {
		records, _ := find(t, "application/json", body)
		for _, id := range records[0].Identifiers {
			of[id] = id.Kind != rules.IdentifierOrder
		}
	}
	for name, c := range map[string]struct {
		body     string
		subjects int
		joined   bool // whom the order is about is whom the account is
	}{
		"an order beside me":                  {`{"data":{"me":` + ada + `,"order":` + bo + `}}`, 2, false},
		"before me":                           {`{"data":{"order":` + bo + `,"me":` + ada + `}}`, 2, false},
		"in a batch":                          {`[{"data":{"me":` + ada + `,"order":` + bo + `}}]`, 2, false},
		"under the order's customer":          {`{"data":{"customer":` + ada + `,"order":` + bo + `}}`, 2, false},
		"as the address of an order":          {`{"data":{"order":` + ada + `,"shippingAddress":` + bo + `}}`, 2, false},
		"as something without a name":         {`{"data":{"me":` + ada + `,"x":` + bo + `}}`, 2, false},
		"two of them":                         {`{"data":{"me":` + ada + `,"a":` + bo + `,"b":` + adas + `}}`, 2, true},
		"beside my number alone":              {`{"data":{"me":{"id":"7"},"order":` + bo + `}}`, 1, false},
		"beside my number and name":           {`{"data":{"customer":{"id":"7","firstName":"Ada"},"order":` + bo + `}}`, 1, false},
		"in a list":                           {`{"data":{"me":` + ada + `,"orders":[` + bo + `]}}`, 2, false},
		"a phone number and no name":          {`{"data":{"me":` + ada + `,"order":{"number":"4711","total":1,"shippingAddress":{"phone":"+46 8 123 456 78","street":"Kungsgatan 12"}}}}`, 2, false},
		"twin: my order":                      {`{"data":{"me":` + ada + `,"order":` + adas + `}}`, 1, true},
		"twin: my order before me":            {`{"data":{"order":` + adas + `,"me":` + ada + `}}`, 1, true},
		"twin: my order by my e-mail":         {`{"data":{"me":` + ada + `,"order":{"number":"4712","email":"ada@lund.example","shippingAddress":{` + boParts + `}}}}`, 1, true},
		"twin: my order by my number":         {`{"data":{"me":` + ada + `,"order":{"number":"4712","customer":{"id":"7"},"shippingAddress":{` + boParts + `}}}}`, 1, true},
		"twin: my orders inside me":           {`{"data":{"me":{"id":"7","email":"ada@lund.example","orders":[` + bo + `]}}}`, 1, true},
		"twin: an order without a person":     {`{"data":{"me":` + ada + `,"order":{"number":"4712","total":12.5}}}`, 1, false},
		"twin: data that is the person":       {`{"data":{"id":7,"email":"ada@lund.example","shippingAddress":{` + boParts + `}}}`, 1, true},
		"twin: not an answer of GraphQL's":    {`{"customer":` + ada + `,"order":` + bo + `}`, 1, true},
		"twin: one order with its own person": {`{"data":{"order":{"number":"4712","customer":` + ada + `,"shippingAddress":{` + boParts + `}}}}`, 1, true},
	} {
		records, _ := find(t, "application/json", c.body)
		if len(records) != c.subjects {
			t.Errorf("%s: %d subjects, want %d: %+v", name, len(records), c.subjects, records)
		}
		joined := false
		for i := range records {
			mine, theirs := false, false
			for _, id := range records[i].Identifiers {
				mine = mine || id == mail || id == number
				theirs = theirs || of[id]
			}
			joined = joined || mine && theirs
		}
		if joined != c.joined {
			t.Errorf("%s: the order's person is the account's: %v, want %v: %+v", name, joined, c.joined, records)
		}
	}
}
