package proxy

import (
	"net/http/httptest"
	"strings"
	"testing"
)

// TestAsksForSelf: a request about its own sender, and beside it those that name
// somebody else.
func TestAsksForSelf(t *testing.T) {
	query := func(document string) string { return `{"query":"` + document + `"}` }
	for _, c := range []struct {
		method, uri, body string
		want              bool
	}{
		{"GET", "/api/me", "", true},
		{"GET", "/rest/V1/customers/me", "", true},
		{"GET", "/api/v1/users/current/profile", "", true},
		{"GET", "/admin-shop/2026-10/customer/account/", "", true},
		{"GET", "/toyshop/de/mein-konto", "", true}, // a store's, or somebody's: TestStores
		{"GET", "/account/", "", true},
		{"GET", "/api/me?include=addresses&_=1764348000", "", true},
		{"POST", "/account", "", false},
		{"GET", "/account/orders", "", false},

		{"GET", "/api/customers/17/profile", "", false},
		{"GET", "/api/users/ada/profile", "", false},
		{"GET", "/users/9f2c1d7e-0000-4000-8000-000000000000/account", "", false},
		{"GET", "/u/ada/b/profile", "", false},
		{"GET", "/orders/A1;/me", "", false},
		{"GET", "/customers/17/../me", "", false},
		{"GET", "/customers/17%2fprofile/me", "", false},
		{"GET", "/api/me?id=17", "", false},
		{"GET", "/api/me?user=ada", "", false},
		{"GET", "/my-account/?pagename=track&order=1", "", false},
		{"GET", "/api/me?fields=a&fields[]=b", "", false},

		{"POST", "/graphql", query(`{ me { email } }`), true},
		{"POST", "/shop-api", query(`query Me { activeCustomer { ...C } } fragment C on Customer { emailAddress }`), true},
		{"POST", "/graphql", query(`{ me { email } order(number:1) { email } }`), false}, // a null me beside somebody else
		{"POST", "/graphql", query(`{ me { email } order\u0028number:1\u0029 { email } }`), false},
		{"POST", "/graphql", query(`{ customers { email } }`), false},
		{"POST", "/graphql", query(`{ customers { email } } # me { email }`), false},
		{"POST", "/graphql", query(`{ me: customers { email } }`), false},
		{"POST", "/graphql", query(`query a { me { email } } query b { customers { email } }`), false},
		{"POST", "/graphql", `[` + query(`{ me { email } }`) + `,` + query(`{ customers { email } }`) + `]`, false},
		{"POST", "/graphql?query=%7Bcustomers%7Bemail%7D%7D", query(`{ me { email } }`), false},
		{"POST", "/graphql", query(`{ me { email }`), false},
	} {
		r := httptest.NewRequest(c.method, "/", strings.NewReader(c.body))
		way, query, _ := strings.Cut(c.uri, "?")
		r.URL.Path, r.URL.RawQuery = way, query
		r.Header.Set("Content-Type", "application/json")
		if got, _ := new(Policy).asksForSelf(r, c.uri, []byte(c.body)); got != c.want {
			t.Errorf("%s %s %s: %v", c.method, c.uri, c.body, got)
		}
	}
}

// TestUnder: what no word tells of an account page's path is told to the engine.
func TestUnder(t *testing.T) {
	policy := &Policy{words: map[string]struct{}{"kirjakauppa": {}}}
	for uri, want := range map[string]string{
		"/account": "", "/en/shop/my-account": "", "/api/v1/users/me": "", "/store/2026-10/customer/account": "", "/kirjakauppa/account": "",
		"/toyshop/de/account": "toyshop", "/ada/profile": "ada", "/ada/lovelace/profile": "ada/lovelace",
	} {
		is, under := policy.asksForSelf(httptest.NewRequest("GET", uri, nil), uri, nil)
		if !is || under != want {
			t.Errorf("%s: %v, %q, want %q", uri, is, under, want)
		}
	}
}
