package proxy_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/ordergate/ordergate/proxy/proxytest"
	"github.com/ordergate/ordergate/rules"
)

// TestHeadersDisclose: whoever walks links that lead on to a customer's e-mail address is
// held to what a guest may see, and the ledger says whose; a shop that leads on to what was
// asked for, or to no customer, is not.
func TestHeadersDisclose(t *testing.T) {
	for name, c := range map[string]struct {
		answer func(w http.ResponseWriter, r *http.Request, n int)
		want   int
		named  bool
	}{
		"a redirect": {func(w http.ResponseWriter, r *http.Request, n int) {
			http.Redirect(w, r, "/unsubscribed?email="+url.QueryEscape(proxytest.Email(n))+"&name=Marieke", http.StatusFound)
		}, 3, true},
		"a fragment": {func(w http.ResponseWriter, _ *http.Request, n int) {
			w.Header().Set("Location", "https://shop.example/#email="+proxytest.Email(n))
			w.WriteHeader(http.StatusSeeOther)
		}, 3, true},
		"the platform's own field": {func(w http.ResponseWriter, _ *http.Request, n int) {
			w.Header().Set("X-Customer-Email", proxytest.Email(n))
		}, 3, true},
		"the platform's own field in JSON": {func(w http.ResponseWriter, _ *http.Request, n int) {
			w.Header().Set("X-User", fmt.Sprintf(`{"id":%d,"email":%q}`, n, proxytest.Email(n)))
		}, 3, true},
		"an echo": {func(w http.ResponseWriter, r *http.Request, _ int) {
			http.Redirect(w, r, "/sent?email="+url.QueryEscape(r.URL.Query().Get("email")), http.StatusFound)
		}, 30, false},
		"an echo with somebody else beside it": {func(w http.ResponseWriter, r *http.Request, n int) {
			http.Redirect(w, r, "/sent?email=own@mail.example&customer_email="+url.QueryEscape(proxytest.Email(n)), http.StatusFound)
		}, 3, true},
		"a long value": {func(w http.ResponseWriter, _ *http.Request, n int) {
			w.Header().Set("X-User", fmt.Sprintf(`{"email":%q,"text":%q}`, proxytest.Email(n), strings.Repeat("a", 9<<10)))
		}, 3, true},
		"another page": {func(w http.ResponseWriter, r *http.Request, n int) {
			http.Redirect(w, r, "/p/"+strconv.Itoa(n)+"?ref=@home", http.StatusFound)
		}, 30, false},
		"an error tracker": {func(w http.ResponseWriter, _ *http.Request, n int) {
			w.Header().Set("Content-Security-Policy", fmt.Sprintf("report-uri https://key%d@errors.example/7", n))
		}, 30, false},
	} {
		w := proxytest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			n, _ := strconv.Atoi(r.URL.Query().Get("n"))
			c.answer(w, r, n)
		}))
		received := 0
		for n := range 30 {
			uri := fmt.Sprintf("/go?n=%d", n)
			if strings.Contains(name, "beside it") {
				uri += "&email=own@mail.example"
			}
			if !c.named {
				uri += "&email=" + url.QueryEscape(proxytest.Email(n))
			}
			if w.Get(uri).StatusCode < 400 {
				received++
			}
		}
		subjects := len(w.Settle().Subjects(rules.Delivered))
		if received != c.want || (subjects > 0) != c.named {
			t.Errorf("%s: %d of 30 answers and %d subjects, want %d answers", name, received, subjects, c.want)
		}
	}
}
