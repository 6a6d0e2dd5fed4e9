package record

import (
	"slices"
	"strings"
	"testing"

	"github.com/ordergate/ordergate/rules"
)

// TestWhoseColumn does the same for a customer list.
func TestWhoseColumn(t *testing.T) {
	for columns, want := range map[string]string{
		"id,user_id,email": "1", "user_id,id,email": "2", "user_id,customer_number,email": "2", "account_id,name,email": "1", "uid,email": "1",
	} {
		var got []rules.Identifier
		for _, id := range Identify(testHasher(t), nil, strings.Split(columns, ","), []string{"1", "2", "3"}) {
			if id.Kind == rules.IdentifierCustomerID {
				got = append(got, id)
			}
		}
		if len(got) != 1 || got[0] != idOf(t, rules.IdentifierCustomerID, want) {
			t.Errorf("columns %s: %v, want the number %s only", columns, got, want)
		}
	}
}

// TestWhoseID tells the customer's own number from the ids of what stands
// inside the customer: in many shops the login is a table of its own, whose
// ids are other people's customer numbers.
func TestWhoseID(t *testing.T) {
	for name, c := range map[string]struct {
		body string
		want []string // customer numbers, of all records together
	}{
		"login of a customer": {`{"data":{"orders":{"items":[{"code":"AAA1","customer":{"emailAddress":"ann@mail.example","user":{"id":"3"}}}]}}}`, nil},
		"login first":         {`{"customer":{"user":{"id":"3"},"id":"7","emailAddress":"ann@mail.example"}}`, []string{"7"}},
		"login last":          {`{"customer":{"id":"7","emailAddress":"ann@mail.example","user":{"id":"3"}}}`, []string{"7"}},
		"login with its own email": {
			`{"customer":{"id":"7","firstName":"Ann","user":{"id":"3","email":"ann@mail.example"}}}`, []string{"7"},
		},
		"login alone has the email":     {`{"customer":{"firstName":"Ann","user":{"id":"3","email":"ann@mail.example"}}}`, nil},
		"login of a login":              {`{"customer":{"email":"ann@mail.example","account":{"user":{"id":"3"}}}}`, nil},
		"logins in a list":              {`{"customer":{"email":"ann@mail.example","accounts":[{"id":"3"}]}}`, nil},
		"key of a login":                {`{"customer":{"id":"7","email":"ann@mail.example","userId":"3","accountId":4}}`, []string{"7"}},
		"login beside the customer":     {`{"order":{"code":"A1","user":{"id":"3"},"customer":{"id":"7","email":"ann@mail.example"}}}`, []string{"7"}},
		"login's id on the order":       {`{"order":{"code":"A1","userId":"3","customer":{"email":"ann@mail.example"}}}`, nil},
		"account of a login without id": {`{"me":{"email":"ann@mail.example","account":{"id":6}}}`, nil},
		"a compound of a login":         {`{"order":{"customer_user_id":3,"email":"ann@mail.example","customer":{"id":7}}}`, []string{"7"}},
		"parts of a customer": {
			`{"customer":{"email":"ann@mail.example","role":{"id":4},"channel":{"id":5},"addresses":[{"id":6,"street":"Storgata 5","city":"Oslo"}],"group":{"id":8}}}`, nil,
		},
		"contact of a customer": {`{"customer":{"email":"ann@mail.example","contactPerson":{"id":3,"firstName":"Ann","lastName":"Lund"}}}`, nil},

		"its id":                {`{"customer":{"id":7,"email":"ann@mail.example"}}`, []string{"7"}},
		"its number":            {`{"order":{"customerNumber":"K7","email":"ann@mail.example"}}`, []string{"K7"}},
		"its id on the order":   {`{"order":{"customer_id":7,"customer":{"email":"ann@mail.example"}}}`, []string{"7"}},
		"its id in the login":   {`{"customer":{"email":"ann@mail.example","account":{"customerId":7}}}`, []string{"7"}},
		"wrapped":               {`{"customer":{"data":{"id":7,"email":"ann@mail.example"}}}`, []string{"7"}},
		"customer of a login":   {`{"user":{"id":3,"email":"ann@mail.example","customer":{"id":7}}}`, []string{"7"}},
		"a list of logins":      {`{"users":[{"id":5,"email":"ann@mail.example"},{"id":6,"email":"bo@mail.example"}]}`, []string{"5", "6"}},
		"a list without a name": {`{"data":[{"id":5,"email":"ann@mail.example","role":"customer"}]}`, []string{"5"}},
		"one login":             {`{"user":{"id":5,"email":"ann@mail.example"}}`, []string{"5"}},
		"an order's login":      {`{"orders":[{"orderNumber":"A1","user":{"id":5,"email":"ann@mail.example"}}]}`, []string{"5"}},
		"account of a login":    {`{"me":{"id":5,"email":"ann@mail.example","account":{"id":6}}}`, []string{"5"}},
		"login in a wrapper":    {`{"user":{"data":{"id":5,"email":"ann@mail.example"}}}`, []string{"5"}},
		"rows of a user table":  {`[{"userId":5,"email":"ann@mail.example"}]`, []string{"5"}},
	} {
		t.Run(name, func(t *testing.T) {
			records, _ := find(t, "application/json", c.body)
			got := 0
			for _, r := range records {
				for _, id := range r.Identifiers {
					if id.Kind != rules.IdentifierCustomerID {
						continue
					}
					got++
					if !slices.ContainsFunc(c.want, func(n string) bool { return idOf(t, id.Kind, n) == id }) {
						t.Errorf("%s: an id that is not the customer's is taken for it", c.body)
					}
				}
			}
			if got != len(c.want) || len(records) != max(1, len(c.want)) {
				t.Errorf("%s: %d customer numbers in %d records, want %v", c.body, got, len(records), c.want)
			}
		})
	}
}
