package proxy_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ordergate/ordergate/proxy"
	"github.com/ordergate/ordergate/proxy/proxytest"
	"github.com/ordergate/ordergate/rules"
)

// TestRates: floods are refused with the time until the next request may come;
// the twin of each is somebody who asks as often as a person does.
func TestRates(t *testing.T) {
	var clock atomic.Int64 // seconds
	w := proxytest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if session, ok := strings.CutPrefix(r.URL.Path, "/issue/"); ok {
			http.SetCookie(w, &http.Cookie{Name: "sid", Value: session})
		}
		_, _ = io.WriteString(w, "ok")
	}), func(s *proxytest.Setup) {
		s.Now = func() time.Time { return time.Unix(1_800_000_000+clock.Load(), 0) }
		s.Policy.TrustedProxies = prefixes("127.0.0.1/32")
		s.Policy.Rates = proxy.Rates{Session: proxy.Rate{PerMinute: 60, Burst: 3}, Address: proxy.Rate{PerMinute: 60, Burst: 20}}
		s.Policy.Routes = []proxy.RouteRule{{Path: "/login", Rates: proxy.Rates{Address: proxy.Rate{PerMinute: 2}}}}
	})
	ask := func(path, session, address string) proxytest.Response {
		return w.Get(path, "Cookie: sid="+session, "X-Forwarded-For: "+address)
	}
	expect := func(what string, got proxytest.Response, status int, retry string) {
		t.Helper()
		if got.StatusCode != status || got.Header.Get("Retry-After") != retry {
			t.Errorf("%s: %d, Retry-After %q, want %d %q", what, got.StatusCode, got.Header.Get("Retry-After"), status, retry)
		}
	}
	w.Get("/issue/a", "X-Forwarded-For: 192.0.2.9")
	w.Get("/issue/b", "X-Forwarded-For: 192.0.2.9")
	for i := range 3 {
		expect(fmt.Sprintf("burst %d", i), ask("/p", "a", "192.0.2.1"), 200, "")
	}
	expect("beyond the burst", ask("/p", "a", "192.0.2.1"), 429, "1")
	expect("another session", ask("/p", "b", "192.0.2.1"), 200, "")
	clock.Add(1)
	expect("a second later", ask("/p", "a", "192.0.2.1"), 200, "")
	expect("and at once again", ask("/p", "a", "192.0.2.1"), 429, "1")

	refused := 0
	for i := range 60 { // a made-up session for every request
		if ask("/p", fmt.Sprintf("new-%d", i), "192.0.2.2").StatusCode == http.StatusTooManyRequests {
			refused++
		}
	}
	if refused != 40 {
		t.Errorf("of 60 requests with new sessions %d were refused, want 40: the address had a burst of 20", refused)
	}
	for i := range 2 {
		expect(fmt.Sprintf("login %d", i), ask("/login", fmt.Sprintf("l-%d", i), "192.0.2.3"), 200, "")
	}
	expect("a third login in the minute", ask("/login", "l-3", "192.0.2.3"), 429, "30")
	expect("the same client elsewhere", ask("/p", "l-3", "192.0.2.3"), 200, "")
	for w.Observer.Next().Reason != rules.ReasonRate {
	}
}

// TestResponseHeaders: what a response's header may say outside.
func TestResponseHeaders(t *testing.T) {
	upstream := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Powered-By", "PHP/5.6")
		w.Header().Set("X-Debug-Token", "a")
		w.Header().Set("X-Shop", "b")
		if said := r.Header.Get("X-Say"); said != "" {
			w.Header().Set("Cache-Control", said)
		}
		w.Header().Set("CDN-Cache-Control", "max-age=600")
		switch r.URL.Path {
		case "/person":
			_, _ = io.WriteString(w, proxytest.Person(1))
		case "/broken":
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = io.WriteString(w, `{"trace":"at Orders.php line 17"}`)
		default:
			_, _ = io.WriteString(w, `{"sku":"T-1"}`)
		}
	})
	shown := false
	w := proxytest.Start(t, upstream, func(s *proxytest.Setup) {
		s.Policy.HideErrors, s.Policy.StripHeaders = true, []string{"X-Powered-By", "x-debug-*"}
		s.Policy.Routes = []proxy.RouteRule{{Path: "/shown/**", HideErrors: &shown}}
	})
	for _, c := range []struct{ path, said, want, cdn string }{
		{"/product", "public, max-age=60", "public, max-age=60", "max-age=600"},
		{"/product", "", "", "max-age=600"},
		{"/person", "public, max-age=60", "private, max-age=60", ""},
		{"/person", "s-maxage=600, must-revalidate", "private, must-revalidate", ""},
		{"/person", "", "private", ""},
		{"/person", "no-store", "no-store", "max-age=600"},
		{"/person", `private="X-Shop"`, "private", ""},
	} {
		got := w.Get(c.path, "X-Say: "+c.said)
		if cc, cdn := got.Header.Get("Cache-Control"), got.Header.Get("CDN-Cache-Control"); cc != c.want || cdn != c.cdn {
			t.Errorf("%s, the platform says %q: Cache-Control %q, CDN-Cache-Control %q, want %q and %q", c.path, c.said, cc, cdn, c.want, c.cdn)
		}
		if got.Header.Get("X-Powered-By") != "" || got.Header.Get("X-Debug-Token") != "" || got.Header.Get("X-Shop") != "b" {
			t.Errorf("header %v", got.Header)
		}
	}
	if got := w.Get("/broken"); got.StatusCode != 500 || !refusalBody.MatchString(got.Body) {
		t.Errorf("an error page: %d %q", got.StatusCode, got.Body)
	}
	if got := w.Get("/shown/broken"); got.StatusCode != 200 {
		t.Errorf("another page: %d", got.StatusCode)
	}
}
