package demo

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// TestDrillRoutes: what the drills attack is there in their shop, and in no other.
func TestDrillRoutes(t *testing.T) {
	customers := Generate(200, 7)
	var told []string
	shop, err := NewShop(customers, ShopOptions{Drill: true, Told: func(request string, ids []string) { told = append(told, request+" "+strings.Join(ids, " ")) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := shop.Close(); err != nil {
			t.Error(err)
		}
	})
	c := customers[5]
	order := c.Orders[0].NumberText()
	shopper := "Authorization: Bearer " + SignedToken(customers[9].ID, "x")
	for _, test := range []struct{ method, path, body, header, want string }{
		{"GET", "/confirm/" + order, "", "", "Order " + order},
		{"GET", "/orders/" + order + "/label.png", "", "", "PNG"},
		{"GET", "/orders/" + order + "/invoice.pdf", "", shopper, "%PDF"},
		{"GET", "/old-api/contacts/" + c.ID, "", "", c.Email},
		{"GET", "/v2/accounts/" + c.ID, "", "X-Api-Key: " + FlatKey, c.Email},
		{"GET", "/app/profile/" + c.ID, "", "X-App-Key: " + AppKey, c.Email},
		{"GET", "/api/people?q=*", "", shopper, c.Email},
		{"GET", "/api/people?q=*&format=csv", "", shopper, c.Email},
		{"GET", "/api/lookup?email=" + c.Email, "", "", c.ID},
		{"POST", "/api/lookup", `{"emails":["` + c.Email + `"]}`, "", c.ID},
		{"GET", "/browse?format=json&size=25&postcode=" + c.Address.Postcode[:1], "", "", `"orders":[{`},
		{"GET", "/browse?surname=S", "", "", "<table"},
		{"POST", "/graphql/batch", `[{"query":"{a:order(number:\"` + order + `\"){customer{email}}}"}]`, shopper, c.Email},
		{"GET", "/api/v3/orders", "", shopper, "TT-2026-"},
		{"GET", "/erp/orders?limit=250", "", "X-ERP-Key: " + ERPKey, `"number"`},
		{"GET", "/warehouse/orders/" + order, "", "X-Picker-Key: " + PickerKey, "delivery_address"},
		{"GET", "/account", "", shopper, customers[9].Email},
	} {
		r, err := http.NewRequestWithContext(t.Context(), test.method, test.path, strings.NewReader(test.body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set(DrillRequest, "1")
		if name, value, ok := strings.Cut(test.header, ": "); ok {
			r.Header.Set(name, value)
		}
		if got := recorder(shop, r); got.Code != http.StatusOK || !strings.Contains(got.Body.String(), test.want) {
			t.Errorf("%s %s: answered %d without %q", test.method, test.path, got.Code, test.want)
		}
		r.Body = io.NopCloser(strings.NewReader(test.body))
		if got := recorder(newStage(t, 60).shop, r); got.Code == http.StatusOK {
			t.Errorf("%s %s: the demo's own shop answers it, too", test.method, test.path)
		}
	}
	if want := "1 " + c.ID; fmt.Sprint(told) != fmt.Sprint([]string{want, want}) {
		t.Errorf("told %q of label and invoice, want %q twice", told, want)
	}
}

// TestPartnersAndSellers log in and see what is theirs, and partners more.
func TestPartnersAndSellers(t *testing.T) {
	customers := Generate(200, 7)
	shop, err := NewShop(customers, ShopOptions{Drill: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := shop.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, test := range []struct {
		who  func(int) (string, string)
		path string
		page string
	}{
		{Partner, "/partner/login", "/partner/assets/" + AssetTag(customers[0].Orders[0].Number)},
		{Seller, "/seller/login", "/seller/orders"},
		{Seller, "/seller/login", "/seller/labels.pdf"},
		{Agent, "/staff/login", "/staff/customers"},
	} {
		login, password := test.who(3)
		for _, try := range []string{password, "wrong"} {
			r, _ := http.NewRequestWithContext(t.Context(), "POST", test.path, bytes.NewBufferString(fmt.Sprintf(`{"email":%q,"password":%q}`, login, try)))
			r.Header.Set("Content-Type", typeJSON)
			answer := recorder(shop, r)
			token, _ := tokenIn(answer.Body.Bytes())
			next, _ := http.NewRequestWithContext(t.Context(), "GET", test.page, nil)
			next.Header.Set("Authorization", "Bearer "+token)
			if got := recorder(shop, next).Code; (got == http.StatusOK) != (try == password) {
				t.Errorf("%s with the %s password, then %s: %d", test.path, try, test.page, got)
			}
		}
	}
}
