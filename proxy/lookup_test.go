package proxy_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/ordergate/ordergate/proxy"
	"github.com/ordergate/ordergate/proxy/proxytest"
	"github.com/ordergate/ordergate/rules"
	"github.com/ordergate/ordergate/rules/exfil"
)

// TestLookUpsClaimNobody: a look-up that is written like a checkout, with a fresh
// session for every customer, is held to the site's budget; as many guests buy.
func TestLookUpsClaimNobody(t *testing.T) {
	order := func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var asked struct {
			Email     string
			Variables struct{ Email string }
		}
		if json.Unmarshal(body, &asked) != nil {
			form, _ := url.ParseQuery(string(body))
			asked.Email = form.Get("email")
		}
		w.Header().Set("Content-Type", "application/json")
		if strings.HasPrefix(r.URL.Path, "/new") {
			w.WriteHeader(http.StatusCreated) // as NestJS answers every POST
		}
		fmt.Fprintf(w, `{"data":{"order":{"code":"A1","total":4999,"customer":{"firstName":"Marieke","lastName":"Janssen","emailAddress":%q}}}}`, asked.Email+asked.Variables.Email)
	}
	mux := http.NewServeMux()
	for _, path := range []string{"POST /order-state", "POST /order-state;checkout", "POST /checkout/", "POST /new/lookup", "POST /graphql"} {
		mux.HandleFunc(path, order)
	}
	mux.Handle("/", api())
	inJSON := func(more string) func(email string) string {
		return func(email string) string { return fmt.Sprintf(`{"email":%q%s}`, email, more) }
	}
	inForm := func(more string) func(email string) string {
		return func(email string) string { return "email=" + url.QueryEscape(email) + more }
	}
	asked := func(document string) func(email string) string {
		return func(email string) string {
			return fmt.Sprintf(`{"query":%q,"variables":{"email":%q}}`, document, email)
		}
	}
	for name, c := range map[string]struct {
		at   string
		body func(email string) string
		want int
	}{
		"guests who buy":                    {"/checkout/", inJSON(""), 30},
		"guests who buy by a form":          {"/checkout/", inForm("&step=2"), 30},
		"guests who buy by GraphQL":         {"/graphql", asked(`mutation ($email: String!) { setCustomerForOrder(email: $email) { code } }`), 30},
		"a look-up":                         {"/order-state", inJSON(""), 10},
		"that speaks of mutations":          {"/order-state", inJSON(`,"note":"mutation login"`), 10},
		"in the path's parameters":          {"/order-state;checkout", inJSON(""), 10},
		"by a parameter that chooses pages": {"/checkout/", inForm("&pagename=my-order"), 10},
		"that is answered as created":       {"/new/lookup", inJSON(""), 10},
		"by a query with a comment":         {"/graphql", asked("query ($email: String!) { order(email: $email) { code } } # mutation login"), 10},
		"by a query beside a mutation":      {"/graphql", asked("mutation a { login { id } } query b($email: String!) { order(email: $email) { code } }"), 10},
		"by a mutation with an alias":       {"/graphql", asked("mutation ($email: String!) { login: orderState(email: $email) { code } }"), 10},
	} {
		w := proxytest.Start(t, mux, func(s *proxytest.Setup) {
			s.Exfil.Site, s.WAF.Mode = exfil.Limits{{Window: rules.WindowHour, Max: 10}}, rules.Off
		})
		received := 0
		for n := range 30 {
			cookie := post(w, "/api/login", `{"username":"x","password":"wrong"}`)
			media := "Content-Type: application/x-www-form-urlencoded"
			body := c.body(proxytest.Email(n))
			if body[0] == '{' {
				media = "Content-Type: application/json"
			}
			if w.Do(http.MethodPost, c.at, body, cookie, media).StatusCode < 300 {
				received++
			}
		}
		if received != c.want {
			t.Errorf("%s: %d of 30 orders, want %d", name, received, c.want)
		}
	}
}

// TestSelfNamesNobodyElse: customers' own pages, asked for with a fresh session each, are
// theirs; the same records behind a path, a parameter or a document that names them
// are held to the site's budget.
func TestSelfNamesNobodyElse(t *testing.T) {
	mux := http.NewServeMux()
	show := func(w http.ResponseWriter, number string) {
		n, _ := strconv.Atoi(number)
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"customer":{"id":"%d","firstName":"Marieke","lastName":"Janssen","emailAddress":%q,"phoneNumber":"+31 6 1200 %04d"}}`, 1000+n, proxytest.Email(n), n)
	}
	mux.HandleFunc("GET /api/customers/{n}/profile", func(w http.ResponseWriter, r *http.Request) { show(w, r.PathValue("n")) })
	mux.HandleFunc("GET /api/customers/me", func(w http.ResponseWriter, r *http.Request) {
		if n := r.URL.Query().Get("n"); n != "" {
			show(w, n)
			return
		}
		show(w, r.Header.Get("X-Who")) // whom the platform's session is of
	})
	mux.HandleFunc("POST /graphql", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var request struct{ Query string }
		_ = json.Unmarshal(body, &request)
		if _, after, named := strings.Cut(request.Query, "number:"); named {
			show(w, strings.TrimRight(after, ") {}email"))
			return
		}
		show(w, r.Header.Get("X-Who"))
	})
	mux.Handle("/", api())
	for name, c := range map[string]struct {
		at, document string
		want         int
	}{
		"their own page":            {"/api/customers/me", "", 30},
		"their own by GraphQL":      {"/graphql", `{"query":"{ me { email } }"}`, 30},
		"a profile by its number":   {"/api/customers/%d/profile", "", 10},
		"a parameter":               {"/api/customers/me?n=%d", "", 10},
		"an argument":               {"/graphql", `{"query":"{ me { email } order(number:%d) { email } }"}`, 10},
		"an argument, written away": {"/graphql", `{"query":"{ me { email } order\u0028number:%d\u0029 { email } }"}`, 10},
	} {
		w := proxytest.Start(t, mux, func(s *proxytest.Setup) {
			s.Exfil.Site, s.WAF.Mode = exfil.Limits{{Window: rules.WindowHour, Max: 10}}, rules.Off
		})
		fill := func(text string, n int) string { return strings.ReplaceAll(text, "%d", strconv.Itoa(n)) }
		received := 0
		for n := range 30 {
			method, headers := http.MethodGet, []string{post(w, "/api/login", `{"username":"x","password":"wrong"}`), "X-Who: " + strconv.Itoa(n)}
			if c.document != "" {
				method, headers = http.MethodPost, append(headers, "Content-Type: application/json")
			}
			if w.Do(method, fill(c.at, n), fill(c.document, n), headers...).StatusCode == http.StatusOK {
				received++
			}
		}
		if received != c.want {
			t.Errorf("%s: %d of 30 customers, want %d", name, received, c.want)
		}
	}
}

// TestPurposes: what an operator says of a route counts, and not what its path tells.
func TestPurposes(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/bestellung", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"customer":{"id":"%s","emailAddress":%q}}`, r.Header.Get("X-Who"), r.FormValue("email"))
	})
	mux.Handle("/", api())
	for name, c := range map[string]struct {
		purpose proxy.Purpose
		method  string
		want    int
	}{
		"a checkout by a word nobody knows": {proxy.PurposeTold, http.MethodPost, 10},
		"declared":                          {proxy.PurposeCheckout, http.MethodPost, 30},
		"declared as something else":        {proxy.PurposeOther, http.MethodPost, 10},
		"an account page nobody knows":      {proxy.PurposeTold, http.MethodGet, 10},
		"an account page, declared":         {proxy.PurposeAccount, http.MethodGet, 30},
	} {
		w := proxytest.Start(t, mux, func(s *proxytest.Setup) {
			s.Exfil.Site, s.WAF.Mode = exfil.Limits{{Window: rules.WindowHour, Max: 10}}, rules.Off
			s.Policy.Routes = []proxy.RouteRule{{Path: "/bestellung", Purpose: c.purpose}}
		})
		received := 0
		for n := range 30 {
			cookie, who := post(w, "/api/login", `{"username":"x","password":"wrong"}`), "X-Who: "+strconv.Itoa(1000+n)
			pairs := "email=" + url.QueryEscape(proxytest.Email(n))
			at, body := "/bestellung", pairs
			if c.method == http.MethodGet {
				at, body = at+"?"+pairs, ""
			}
			if w.Do(c.method, at, body, cookie, who, "Content-Type: application/x-www-form-urlencoded").StatusCode == http.StatusOK {
				received++
			}
		}
		if received != c.want {
			t.Errorf("%s: %d of 30, want %d", name, received, c.want)
		}
	}
}

// TestNoOtherPath: the platform is not told of another path than the one that was judged.
func TestNoOtherPath(t *testing.T) {
	w := proxytest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Header.Get("X-Original-Url"), r.Header.Get("X-Rewrite-Url"), r.Header.Get("X-Client-Version"))
	}))
	if got := w.Get("/", "X-Original-URL: /admin/customers", "X-Rewrite-URL: /admin/customers", "X-Client-Version: 7"); got.Body != "7" {
		t.Errorf("the platform is told %q, want 7", got.Body)
	}
}
