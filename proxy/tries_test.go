package proxy_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/ordergate/ordergate/proxy/proxytest"
	"github.com/ordergate/ordergate/rules"
)

// lookups is an upstream whose orders, by number in the path or by e-mail in
// the query, are found one time in ten.
var lookups = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	var n int
	switch {
	case r.URL.Path == "/account" || r.URL.Path == "/login":
		people(w, r)
		return
	case r.URL.Path == "/track":
		_, _ = fmt.Sscanf(r.PostFormValue("order_number"), "%d", &n)
	case strings.HasPrefix(r.URL.Path, "/orders/"):
		_, _ = fmt.Sscanf(r.URL.Path, "/orders/%d", &n)
	case strings.HasPrefix(r.URL.RawQuery, "order_id="):
		_, _ = fmt.Sscanf(r.URL.RawQuery, "order_id=%d", &n)
	case strings.HasPrefix(r.URL.RawQuery, "order="):
		_, _ = fmt.Sscanf(r.URL.RawQuery, "order=%d", &n)
	default:
		_, _ = fmt.Sscanf(r.URL.RawQuery, "email=person%d@", &n)
	}
	w.Header().Set("Content-Type", "application/json")
	if n%10 != 0 {
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, `{}`)
		return
	}
	fmt.Fprintf(w, `{"orderNumber":"A-%d","customer":%s}`, n, proxytest.Person(n/10))
})

// TestTries: requests that ask for one identifier after the other are seen by
// what they ask for, and people who ask for their own are not.
func TestTries(t *testing.T) {
	for name, c := range map[string]struct {
		detector rules.Detector
		path     func(i int) string
		want     bool
	}{
		"counting through numbers":      {rules.DetectorWalk, func(i int) string { return fmt.Sprintf("/orders/%d", i) }, true},
		"counting backwards in a query": {rules.DetectorWalk, func(i int) string { return fmt.Sprintf("/find?order_id=%d", 5000-i) }, true},
		"counting through order=":       {rules.DetectorWalk, func(i int) string { return fmt.Sprintf("/find?order=%d", i) }, true},
		"a list, sorted one way and another": {rules.DetectorGuess, func(i int) string {
			return fmt.Sprintf("/find?order=%s&page=%d", []string{"asc", "desc", "price"}[i%3], i)
		}, false},
		"trying one e-mail after another": {rules.DetectorGuess, func(i int) string { return fmt.Sprintf("/find?email=person%d@example.net", i) }, true},
		"one's own order, all day":        {rules.DetectorWalk, func(int) string { return "/orders/9000" }, false},
		"one's own order, mistyped":       {rules.DetectorGuess, func(i int) string { return fmt.Sprintf("/orders/9%d", i%4) }, false},
		"pages of a list, by page":        {rules.DetectorWalk, func(i int) string { return fmt.Sprintf("/find?page=%d", i+1) }, false},
	} {
		w := proxytest.Start(t, lookups)
		cookie := login(t, w, 900)
		for i := range 30 {
			w.Get(c.path(i), cookie)
		}
		w.Settle()
		if got := len(w.Observer.Signals(c.detector)) > 0; got != c.want {
			t.Errorf("%s: signal of %s %v, want %v", name, c.detector, got, c.want)
		}
	}
}

// TestTriesInForms: an order lookup is a form: who counts through the numbers
// in it walks; who mistypes his own does not.
func TestTriesInForms(t *testing.T) {
	for name, c := range map[string]struct {
		form func(i int) string
		want bool
	}{
		"number and postcode, one after another":   {func(i int) string { return fmt.Sprintf("order_number=%d&postcode=%d", 100+i/2, 10000+i*37) }, true},
		"one's own number, mistyped":               {func(i int) string { return fmt.Sprintf("order_number=9%d&postcode=10115", i%4) }, false},
		"one cart filled with one thing at a time": {func(i int) string { return fmt.Sprintf("quantity=1&size=%d", 30+i) }, false},
	} {
		w := proxytest.Start(t, lookups)
		cookie := login(t, w, 900)
		for i := range 30 {
			w.Do(http.MethodPost, "/track", c.form(i), cookie, "Content-Type: application/x-www-form-urlencoded")
		}
		w.Settle()
		if got := len(w.Observer.Signals(rules.DetectorWalk))+len(w.Observer.Signals(rules.DetectorGuess)) > 0; got != c.want {
			t.Errorf("%s: signals %v, want %v", name, got, c.want)
		}
	}
}
