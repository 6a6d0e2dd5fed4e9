package proxy_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/ordergate/ordergate/proxy"
	"github.com/ordergate/ordergate/proxy/proxytest"
	"github.com/ordergate/ordergate/rules"
	"github.com/ordergate/ordergate/rules/exfil"
)

// api is an order platform whose logins answer 200 with a fresh cookie,
// whether they succeed or not, as several do.
func api() http.Handler {
	var serial atomic.Int64
	mux := http.NewServeMux()
	login := func(w http.ResponseWriter, r *http.Request) {
		var form struct{ Username, Password string }
		_ = json.NewDecoder(r.Body).Decode(&form)
		http.SetCookie(w, &http.Cookie{Name: "sid", Value: fmt.Sprintf("session-%d", serial.Add(1))})
		w.Header().Set("Content-Type", "application/json")
		switch {
		case form.Password != "right" && strings.Contains(r.URL.Path, "terse"):
			_, _ = io.WriteString(w, `{"data":null}`)
		case form.Password != "right":
			fmt.Fprintf(w, `{"data":{"login":{"errorCode":"INVALID_CREDENTIALS_ERROR","user":%q}}}`, form.Username)
		default:
			fmt.Fprintf(w, `{"token":"opaque-%024d","user":{"id":"1","username":%q}}`, serial.Add(1), form.Username)
		}
	}
	mux.HandleFunc("POST /staff/answer/login", func(w http.ResponseWriter, r *http.Request) { // says what it is told to say
		http.SetCookie(w, &http.Cookie{Name: "sid", Value: fmt.Sprintf("session-%d", serial.Add(1))})
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, r.Header.Get("X-Answer"))
	})
	mux.HandleFunc("POST /staff/form/login", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "sid", Value: r.FormValue("password") + strconv.FormatInt(serial.Add(1), 10)})
		http.Redirect(w, r, "/staff/", http.StatusFound) // failed or not
	})
	mux.HandleFunc("GET /staff/{$}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		if cookie, err := r.Cookie("sid"); err == nil && strings.HasPrefix(cookie.Value, "right") {
			_, _ = io.WriteString(w, "<h1>Orders of today</h1><a href=/logout>Log out</a>")
			return
		}
		_, _ = io.WriteString(w, `<form method=post><input name=user><input type="password" name=password></form>`)
	})
	mux.HandleFunc("POST /staff/login", login)
	mux.HandleFunc("POST /staff/terse/login", login)
	mux.HandleFunc("POST /api/login", login)
	mux.Handle("GET /staff/people", http.StripPrefix("/staff", people))
	mux.HandleFunc("POST /addresses", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.Copy(w, r.Body)
	})
	mux.HandleFunc("POST /checkout", func(w http.ResponseWriter, r *http.Request) {
		var form struct{ Email string }
		_ = json.NewDecoder(r.Body).Decode(&form)
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"order":{"code":"A1","customer":{"emailAddress":%q%s}}}`, form.Email, r.Header.Get("X-Reveal"))
	})
	mux.Handle("/", people)
	return mux
}

func staffAPI(s *proxytest.Setup) {
	s.Policy.Roles = []proxy.RoleRule{{Role: rules.RoleStaff, Path: "/staff/**"}}
	s.Exfil.Roles[rules.RoleStaff] = exfil.RoleCaps{Session: exfil.Limits{{Window: rules.WindowHour, Max: 12}}, Response: 10}
}

// post sends JSON and returns the cookie header of the session it was given.
func post(w *proxytest.World, path, body string, headers ...string) string {
	got := w.Do(http.MethodPost, path, body, append(headers, "Content-Type: application/json")...)
	for _, cookie := range got.Cookies() {
		return "Cookie: " + cookie.Name + "=" + cookie.Value
	}
	return ""
}

// TestLoginNeedsEvidence: a fresh cookie and status 200 make nobody staff; the
// answer must name who logged in and speak of no failure.
func TestLoginNeedsEvidence(t *testing.T) {
	for _, c := range []struct {
		path, name, password string
		status               int
	}{
		{"/staff/login", "superadmin", "right", http.StatusOK},
		{"/staff/login", "superadmin", "wrong", http.StatusForbidden},
		{"/staff/terse/login", "superadmin", "wrong", http.StatusForbidden},
		{"/staff/terse/login", "data", "wrong", http.StatusForbidden}, // a name that stands in every answer
		{"/staff/terse/login", "null", "wrong", http.StatusForbidden},
	} {
		w := proxytest.Start(t, api(), staffAPI)
		cookie := post(w, c.path, fmt.Sprintf(`{"username":%q,"password":%q}`, c.name, c.password))
		if got := w.Get("/staff/people?from=0&n=8", cookie); got.StatusCode != c.status {
			t.Errorf("%s as %s with the %s password, then a list: %d, want %d", c.path, c.name, c.password, got.StatusCode, c.status)
		}
	}
}

// TestFailedLoginsAreNoStaff: what platforms answer to failed logins under
// status 200, with a new cookie each time; then a list is asked for with the
// new cookie and with the old one.
func TestFailedLoginsAreNoStaff(t *testing.T) {
	for answer, status := range map[string]int{
		`{"status":1,"email":"superadmin","message":"Bad credentials"}`:                           http.StatusForbidden,
		`{"username":"superadmin","message":"Das Passwort ist falsch"}`:                           http.StatusForbidden,
		`{"form":{"username":"superadmin"},"message":"Please check your password and try again"}`: http.StatusForbidden,
		`{"user":"superadmin","next":"2fa"}`:                                                      http.StatusForbidden,
		`{"message":"Das Passwort ist falsch"}`:                                                   http.StatusForbidden,
		`{"id":7,"username":"superadmin","errorCode":"LOCKED"}`:                                   http.StatusForbidden,
		`{"id":"req-83b1","username":"superadmin","message":"Bad credentials"}`:                   http.StatusForbidden,
		`{"user":{"id":5,"username":"superadmin"},"next":"2fa"}`:                                  http.StatusForbidden,
		`{"message":"Bad credentials","csrf":"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln"}`:        http.StatusForbidden,
		`{"id":7,"username":"superadmin"}`:                                                        http.StatusForbidden,
		`{"id":7,"username":"superadmin","token":"0123456789abcdef01234567"}`:                     http.StatusOK,
		`{"access_token":"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln"}`:                            http.StatusOK,
	} {
		w := proxytest.Start(t, api(), staffAPI)
		old := post(w, "/api/login", `{"username":"x","password":"wrong"}`)
		fresh := post(w, "/staff/answer/login", `{"username":"superadmin","password":"x"}`, "X-Answer: "+answer, old)
		if got := w.Get("/staff/people?from=0&n=8", fresh); got.StatusCode != status {
			t.Errorf("%s: the new session gets %d, want %d", answer, got.StatusCode, status)
		}
	}
}

// TestFormLoginLands: a redirect makes nobody staff; the page behind it does,
// when it shows no login form.
func TestFormLoginLands(t *testing.T) {
	for password, status := range map[string]int{"right": http.StatusOK, "wrong": http.StatusForbidden} {
		w := proxytest.Start(t, api(), staffAPI)
		got := w.Do(http.MethodPost, "/staff/form/login", "user=superadmin&password="+password, "Content-Type: application/x-www-form-urlencoded")
		cookie := "Cookie: sid=" + got.Cookies()[0].Value
		w.Get("/staff/", cookie)
		if got := w.Get("/staff/people?from=0&n=8", cookie); got.StatusCode != status {
			t.Errorf("%s password: %d, want %d", password, got.StatusCode, status)
		}
	}
}

// TestCheckoutRevealsNothing: a fresh session for every victim named at a
// checkout, which shows the victim's phone number: the budget holds.
func TestCheckoutRevealsNothing(t *testing.T) {
	w := proxytest.Start(t, api(), func(s *proxytest.Setup) { s.Exfil.Site = exfil.Limits{{Window: rules.WindowHour, Max: 10}} })
	received := 0
	for n := range 40 {
		cookie := post(w, "/api/login", `{"username":"x","password":"wrong"}`)
		got := w.Do(http.MethodPost, "/checkout", fmt.Sprintf(`{"email":%q}`, proxytest.Email(n)), cookie,
			"Content-Type: application/json", fmt.Sprintf(`X-Reveal: ,"phoneNumber":"+31 6 1200 %04d"`, n))
		if got.StatusCode == http.StatusOK {
			received++
		}
	}
	if received != 10 {
		t.Errorf("%d phone numbers revealed, the site's budget is 10", received)
	}
}

// TestPaidElsewhere: more guests an hour than the site's budget buy at a shop that
// takes its payments elsewhere, and come back to a page that shows their order. A
// thief who names customers at the same checkout, and knows nothing else of them, is
// held to the budget.
func TestPaidElsewhere(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /checkout/payment", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"status":"pending","next":"https://pay.example/"}`)
	})
	mux.HandleFunc("POST /{$}", func(w http.ResponseWriter, r *http.Request) { // ?wc-ajax=checkout
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"result":"success","redirect":"https://shop.example/checkout/order-received/1/?key=wc_order_x"}`)
	})
	mux.HandleFunc("GET /thanks/{n}", func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.PathValue("n"))
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, "<h1>Thank you!</h1><p>We have sent a confirmation of your order to <b>%s</b>.</p>", proxytest.Email(n))
	})
	mux.HandleFunc("GET /received/{n}", func(w http.ResponseWriter, r *http.Request) { // the address in one line
		n, _ := strconv.Atoi(r.PathValue("n"))
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, "<h1>Thank you!</h1><dl><dt>E-mail</dt><dd>%s</dd><dt>Name</dt><dd>Marieke Janssen</dd><dt>Deliver to</dt><dd>Lindenlaan %d, 1012 AB Utrecht</dd></dl>", proxytest.Email(n), n)
	})
	mux.Handle("/", api())
	budget := func(s *proxytest.Setup) {
		s.Exfil.Site, s.WAF.Mode = exfil.Limits{{Window: rules.WindowHour, Max: 10}}, rules.Off
	}
	honest := func(n int) string {
		return fmt.Sprintf(`{"email":%q,"name":"Marieke Janssen %d","phone":"+31 6 1200 %04d","street":"Lindenlaan %d","postcode":"1012 AB","city":"Utrecht"}`, proxytest.Email(n), n, n, n)
	}
	form := func(n int) string {
		return url.Values{
			"billing_email": {proxytest.Email(n)}, "billing_first_name": {"Marieke"}, "billing_last_name": {"Janssen"}, "billing_phone": {fmt.Sprintf("+31 6 1200 %04d", n)},
			"billing_address_1": {fmt.Sprintf("Lindenlaan %d", n)}, "billing_postcode": {"1012 AB"}, "billing_city": {"Utrecht"},
		}.Encode()
	}
	for name, c := range map[string]struct {
		at       string
		checkout func(n int) string
		page     string
		want     int
	}{
		"honest guests":                        {"/checkout/payment", honest, "/orders/%d", 30},
		"who are thanked":                      {"/checkout/payment", honest, "/thanks/%d", 30},
		"who named somebody":                   {"/checkout/payment", func(n int) string { return honest(n + 100) }, "/thanks/%d", 10},
		"who send a form":                      {"/?wc-ajax=checkout", form, "/orders/%d", 30},
		"whose page has one line":              {"/?wc-ajax=checkout", form, "/received/%d", 30},
		"a page in one line for somebody else": {"/?wc-ajax=checkout", func(n int) string { return form(n + 100) }, "/received/%d", 10},
		"a form for something":                 {"/?wc-ajax=search", form, "/thanks/%d", 10},
		"a thief with e-mail addresses": {"/checkout/payment", func(n int) string {
			return fmt.Sprintf(`{"email":%q,"phone":"+31 6 9999 0000","street":"Keizersgracht 1","postcode":"1015 CN","city":"Amsterdam"}`, proxytest.Email(n))
		}, "/orders/%d", 10},
	} {
		w := proxytest.Start(t, mux, budget)
		received := 0
		for n := range 30 {
			cookie := post(w, "/api/login", `{"username":"x","password":"wrong"}`)
			if body := c.checkout(n); strings.HasPrefix(body, "{") {
				post(w, c.at, body, cookie)
			} else {
				w.Do(http.MethodPost, c.at, body, cookie, "Content-Type: application/x-www-form-urlencoded")
			}
			if w.Get(fmt.Sprintf(c.page, n), cookie).StatusCode == http.StatusOK {
				received++
			}
		}
		if received != c.want {
			t.Errorf("%s: %d of 30 pages, want %d", name, received, c.want)
		}
	}
}

// TestAccountSharesCaps: logging in again gives no new cap.
func TestAccountSharesCaps(t *testing.T) {
	w := proxytest.Start(t, api(), staffAPI)
	received := 0
	for i := range 4 {
		cookie := post(w, "/staff/login", `{"username":"superadmin","password":"right"}`)
		if w.Get(fmt.Sprintf("/staff/people?from=%d&n=6", 10*i), cookie).StatusCode == http.StatusOK {
			received += 6
		}
	}
	if received != 12 {
		t.Errorf("%d customers to four sessions of one account, its cap is 12", received)
	}
	cookie := post(w, "/staff/login", `{"username":"another.one","password":"right"}`)
	if got := w.Get("/staff/people?from=90&n=6", cookie); got.StatusCode != http.StatusOK {
		t.Errorf("the twin, another member of staff: %d", got.StatusCode)
	}
}

// TestFailedLoginClaimsNobody: naming a customer in a failed login makes their
// orders nobody's own; a login that succeeds does.
func TestFailedLoginClaimsNobody(t *testing.T) {
	for _, password := range []string{"right", "wrong"} {
		w := proxytest.Start(t, api())
		cookie := post(w, "/api/login", fmt.Sprintf(`{"username":%q,"password":%q}`, proxytest.Email(5), password))
		w.Get("/orders/5", cookie)
		rows := w.Settle().Rows()
		if last := rows[len(rows)-1]; (last.Ownership == rules.Own) != (password == "right") {
			t.Errorf("after a login with the %s password the order is %s", password, last.Ownership)
		}
	}
}

// TestCheckoutIsNoLogin: a guest who names an e-mail at the checkout sees that
// order as own, and stays a guest.
func TestCheckoutIsNoLogin(t *testing.T) {
	w := proxytest.Start(t, api())
	cookie := post(w, "/api/login", `{"username":"x","password":"wrong"}`)
	post(w, "/checkout", fmt.Sprintf(`{"email":%q}`, proxytest.Email(1)), cookie)
	if rows := w.Settle().Rows(); len(rows) == 0 || rows[len(rows)-1].Ownership != rules.Own {
		t.Errorf("the guest's own order: %+v", rows)
	}
	if got := w.Get("/people?from=50&n=3", cookie); got.StatusCode != http.StatusForbidden {
		t.Errorf("three strangers to a guest: %d", got.StatusCode)
	}
	rows := w.Settle().Rows()
	if role := rows[len(rows)-1].Principal.Role; role != rules.RoleGuest {
		t.Errorf("after a checkout the role is %s", role)
	}
}

// TestOwnAddressBook: addresses that a session writes are its own when it sees
// them again; an address that it did not write is not.
func TestOwnAddressBook(t *testing.T) {
	w := proxytest.Start(t, api())
	cookie := post(w, "/api/login", fmt.Sprintf(`{"username":%q,"password":"right"}`, proxytest.Email(5)))
	for n := range 8 {
		body := fmt.Sprintf(`{"address":{"fullName":"Gift Recipient %c","streetLine1":"Lindenlaan %d","city":"Utrecht","postalCode":"1012 AB"}}`, 'A'+n, n+1)
		if got := w.Do(http.MethodPost, "/addresses", body, "Content-Type: application/json", cookie); got.StatusCode != http.StatusOK {
			t.Fatalf("address %d: %d", n, got.StatusCode)
		}
	}
	written := 0
	for _, row := range w.Settle().Rows() {
		if row.Record.Subject.Kind == rules.IdentifierResidence {
			written++
		}
		if row.Ownership != rules.Own {
			t.Errorf("an address of one's own is %s", row.Ownership)
		}
	}
	if written != 8 {
		t.Errorf("%d addresses seen, want 8", written)
	}
	w.Get("/orders/77", cookie)
	rows := w.Settle().Rows()
	if last := rows[len(rows)-1]; last.Ownership != rules.Foreign {
		t.Errorf("the twin, somebody else's order, is %s", last.Ownership)
	}
}
