package proxy

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestErrand: looking something up creates nothing, however it is written.
func TestErrand(t *testing.T) {
	const form, parts, js = "application/x-www-form-urlencoded", "multipart/form-data; boundary=b", "application/json"
	part := func(name, value string) string {
		return "--b\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value + "\r\n--b--\r\n"
	}
	mutation := func(document string) string { return `{"query":"` + document + `"}` }
	for _, c := range []struct {
		uri, media, body string
		want             errand
	}{
		{"/kasse/", form, "email=a%40example.org", errandCreate},
		{"/rest/V1/guest-carts/x/payment-information", js, `{"email":"a@example.org"}`, errandCreate},
		{"/api/checkout?step=2", js, `{"email":"a@example.org"}`, errandCreate},
		{"/checkout/", parts, part("email", "a@example.org"), errandCreate},
		{"/orders", js, `{"email":"a@example.org"}`, errandUnknown},
		{"/api/customers", js, `{"email":"a@example.org"}`, errandUnknown},

		{"/track", form, "order=1&email=a@example.org", errandOther},
		{"/api/orders/lookup", js, `{"email":"a@example.org"}`, errandOther},
		{"/suivi-de-commande", form, "email=a%40example.org", errandOther},
		{"/checkout/track", form, "email=a%40example.org", errandOther},
		{"/order-state;checkout", form, "email=a%40example.org", errandOther},
		{"/checkout/..;/order-state", form, "email=a%40example.org", errandOther},
		{"/checkout%2f..%2forder-state", form, "email=a%40example.org", errandOther},
		{"/checkout/../order-state", form, "email=a%40example.org", errandOther},
		{"//checkout/order-state", form, "email=a%40example.org", errandOther},
		{"/order-state", js, `{"email":"a@example.org","note":"mutation login"}`, errandUnknown},

		// WordPress and PrestaShop choose the page by fields of the form, too.
		{"/checkout/", form, "pagename=my-order&email=a%40example.org", errandOther},
		{"/checkout/", form, "%20pagename=my-order&email=a%40example.org", errandOther},
		{"/checkout/", form, "page.id=7&email=a%40example.org", errandOther},
		{"/checkout/", form, "a;pagename=my-order", errandOther},
		{"/checkout/", parts, part("pagename", "my-order"), errandOther},
		{"/checkout/", parts, strings.TrimSuffix(part("email", "a@example.org"), "--b--\r\n"), errandOther},
		{"/checkout/?pagename=my-order", form, "email=a%40example.org", errandOther},
		{"/kasse", form, "controller=guest-tracking&email=a%40example.org", errandOther},
		{"/kasse", form, "controller=order&email=a%40example.org", errandCreate},
		{"/checkout/", form, "pages=2&name=p&email=a%40example.org", errandCreate},

		// A method that is written into a form goes before POST.
		{"/checkout/", form, "_method=GET&email=a%40example.org", errandOther},
		{"/checkout/", form, "_method%5B%5D=get&email=a%40example.org", errandOther},
		{"/checkout/?_method=HEAD", js, `{"email":"a@example.org"}`, errandOther},
		{"/checkout/", parts, part("_method", "GET"), errandOther},
		{"/checkout/", form, "_method=put&email=a%40example.org", errandCreate},

		{"/?wc-ajax=checkout", form, "billing_email=a%40example.org", errandCreate},
		{"/de/?wc-ajax=checkout", form, "billing_email=a%40example.org", errandCreate},
		{"/en_GB/index.php?route=checkout/guest/save&language=en-gb", form, "email=a%40example.org", errandCreate},
		{"/index.php?route=checkout/guest/save", form, "email=a%40example.org", errandCreate},
		{"/?wc-ajax=get_refreshed_fragments", form, "email=a%40example.org", errandOther},
		{"/?wc-ajax=checkout&wc-ajax=state", form, "email=a%40example.org", errandOther},
		{"/?wc-ajax=checkout&tab=1", form, "email=a%40example.org", errandUnknown},
		{"/?wc-ajax=checkout&route=checkout", form, "email=a%40example.org", errandUnknown},
		{"/?wc-ajax=checkout", form, "pagename=my-order&email=a%40example.org", errandOther},
		{"/index.php?route=account/return", form, "email=a%40example.org", errandOther},
		{"/order-state?wc-ajax=checkout", form, "email=a@example.org", errandUnknown},
		{"/member/?wc-ajax=checkout", form, "email=a@example.org", errandUnknown},

		{"/graphql", js, mutation(`mutation { setCustomerForOrder(input:{}) { id } }`), errandCreate},
		{"/graphql", js, mutation(`mutation Buy($e: String!) { a: setGuestEmailOnCart(e:$e) { ...F } placeOrder(id:1) { id } } fragment F on Cart { id }`), errandCreate},
		{"/shop-api", js, mutation(`mutation { login(username:1) { id } }`), errandCreate},
		{"/graphql", "application/graphql", `mutation { checkoutCreate { id } }`, errandCreate},
		{"/graphql", js, mutation(`{ orders(email:1) { id } }`), errandOther},
		{"/graphql", js, mutation(`query { orders(email:1) { id } } # mutation login`), errandOther},
		{"/graphql", js, mutation(`query checkout($mutation: Int) { orders(email:1) { id } }`), errandOther},
		{"/graphql", js, mutation(`mutation checkout { trackOrder(email:1) { id } }`), errandOther},
		{"/graphql", js, mutation(`mutation { login: orderState(email:1) { id } }`), errandOther},
		{"/graphql", js, mutation(`mutation { login { id } orderState(email:1) { id } }`), errandOther},
		{"/graphql", js, mutation(`mutation { ... on Mutation { login { id } } }`), errandOther},
		{"/graphql", js, mutation(`mutation a { login { id } } query b { orders(email:1) { id } }`), errandOther},
		{"/graphql", js, `[` + mutation(`mutation { login { id } }`) + `,` + mutation(`{ orders { id } }`) + `]`, errandOther},
		{"/graphql", js, `{"query":"mutation { login { id } }","query":"{ orders { id } }"}`, errandOther},
		{"/graphql?query=%7Borders%7D", js, mutation(`mutation { login { id } }`), errandOther},
		{"/graphql", js, mutation(`mutation { login`), errandOther},
		{"/graphql", js, mutation(`mutation { createCustomer { query { customerByEmail(email:1) { email } } } }`), errandOther},
		{"/graphql", js, mutation(`mutation { login { ... on Payload { a: node(id:1) { id } } } }`), errandOther},
		{"/graphql", js, mutation(`mutation { login { ...F } } fragment F on Payload { viewer { email } }`), errandOther},
	} {
		r := httptest.NewRequest("POST", "/", strings.NewReader(c.body))
		way, query, _ := strings.Cut(c.uri, "?")
		r.URL.Path, r.URL.RawQuery = way, query
		r.Header.Set("Content-Type", c.media)
		if got := errandOf(r, c.uri, []byte(c.body)); got != c.want {
			t.Errorf("%s %s %s: %v, want %v", c.uri, c.media, c.body, got, c.want)
		}
	}
	for e, want := range map[errand][2]bool{errandUnknown: {false, true}, errandCreate: {true, true}, errandOther: {false, false}} {
		if got := [2]bool{e.creates(200), e.creates(201)}; got != want {
			t.Errorf("%v creates under 200 and 201: %v, want %v", e, got, want)
		}
	}
}

// FuzzErrand: no request makes it panic, and what is a look-up stays one whatever
// stands beside it in the body.
func FuzzErrand(f *testing.F) {
	f.Add("/checkout", "a=1", "multipart/form-data; boundary=b", "--b\r\n\r\n")
	f.Add("/graphql", "", "application/json", `{"query":"mutation { login }"}`)
	f.Add("/track", "route=checkout", "application/x-www-form-urlencoded", "pagename=x")
	f.Fuzz(func(t *testing.T, way, query, media, body string) {
		r := httptest.NewRequest("POST", "/", strings.NewReader(body))
		r.URL.Path, r.URL.RawQuery = way, query
		r.Header.Set("Content-Type", media)
		got := errandOf(r, way+"?"+query, []byte(body))
		if got == errandCreate && !graphQLPath(way) && !strings.HasPrefix(media, "application/graphql") && hasWord(way, lookUpWords) {
			t.Errorf("%q creates", way)
		}
	})
}

// TestErrandOverridden: a header that makes a POST a reading request makes it a look-up.
func TestErrandOverridden(t *testing.T) {
	for method, want := range map[string]errand{"GET": errandOther, "get": errandOther, "DELETE": errandOther, "PUT": errandCreate, "": errandCreate} {
		for _, name := range overrides {
			r := httptest.NewRequest("POST", "/checkout/", http.NoBody)
			if method != "" {
				r.Header.Set(name, method)
			}
			if got := errandOf(r, "/checkout/", nil); got != want {
				t.Errorf("%s: %q: %v, want %v", name, method, got, want)
			}
		}
	}
}
