package proxy_test

import (
	"crypto/tls"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/ordergate/ordergate/proxy"
	"github.com/ordergate/ordergate/proxy/proxytest"
	"github.com/ordergate/ordergate/rules"
)

// named is an upstream that says which one it is, and shows people as people does.
func named(name string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Group", name)
		if strings.HasPrefix(r.URL.Path, "/orders/") || r.URL.Path == "/visit" {
			people(w, r)
		}
	}
}

// grouped is a platform of three groups: partners by their host, an API by its
// path, and the shop, which serves the rest.
func grouped(t *testing.T, served ...string) func(*proxytest.Setup) {
	t.Helper()
	partners, api := startServer(t, named("partners")), startServer(t, named("api"))
	return func(s *proxytest.Setup) {
		s.Policy.Hosts = served
		s.Groups = []proxy.Group{
			{Name: "partners", Hosts: []string{"partners.example", "*.partners.example"}, Servers: []proxy.Upstream{partners.upstream(t, 1)}},
			{Name: "api", Paths: []string{"/api/**"}, Servers: []proxy.Upstream{api.upstream(t, 1)}},
		}
	}
}

// TestGroups: which group gets a request, and which requests none gets.
func TestGroups(t *testing.T) {
	cases := []struct {
		served, host, path string
		want               string // the group; a status where none gets it
	}{
		{"", "shop.example", "/", "shop"},
		{"", "partners.example", "/", "partners"},
		{"", "PARTNERS.example.:8080", "/", "partners"},
		{"", "de.partners.example", "/api/orders", "partners"},
		{"", "badpartners.example", "/", "shop"},
		{"", ".partners.example", "/", "shop"}, // no name before the dot
		{"", "shop.example", "/api/orders", "api"},
		{"", "shop.example", "/%61pi/orders", "api"}, // as the platform reads it
		{"", "shop.example", "/apis", "shop"},
		{"", "anything.example", "/", "shop"},
		{"", "[::1]:8080", "/", "shop"},
		{"shop.example", "shop.example", "/", "shop"},
		{"shop.example", "SHOP.example:443", "/", "shop"},
		{"shop.example", "partners.example", "/", "partners"},
		{"shop.example", "anything.example", "/", "421"},
		{"shop.example", "127.0.0.1", "/", "421"},
		{"shop.example", "anything.example", "/api/orders", "api"}, // a group without hosts serves its paths on every one
		{"*.shop.example", "shop.example", "/", "421"},
		{"*.shop.example", "www.shop.example", "/", "shop"},
	}
	for _, c := range cases {
		t.Run(c.served+" "+c.host+c.path, func(t *testing.T) {
			var served []string
			if c.served != "" {
				served = []string{c.served}
			}
			w := proxytest.Start(t, named("shop"), grouped(t, served...))
			got := w.Get(c.path, "Host: "+c.host)
			if c.want == "421" {
				if got.StatusCode != http.StatusMisdirectedRequest || !strings.Contains(got.Body, "Reference: ") || w.Observer.Next().Reason != rules.ReasonMisdirected {
					t.Errorf("%d %q %v", got.StatusCode, got.Body, got.Err)
				}
				return
			}
			if got.StatusCode != http.StatusOK || got.Header.Get("X-Group") != c.want {
				t.Errorf("%d from %q, want %q (%v)", got.StatusCode, got.Header.Get("X-Group"), c.want, got.Err)
			}
		})
	}
}

// TestGroupsObserve: where nothing is refused, the default group gets the
// request that nobody serves.
func TestGroupsObserve(t *testing.T) {
	w := proxytest.Start(t, named("shop"), grouped(t, "shop.example"), func(s *proxytest.Setup) { s.Policy.Mode = rules.Observe })
	if got := w.Get("/", "Host: anything.example"); got.StatusCode != http.StatusOK || got.Header.Get("X-Group") != "shop" {
		t.Errorf("%d from %q", got.StatusCode, got.Header.Get("X-Group"))
	}
}

// TestGroupsShareCaps: one session reads from every group, and has one cap; the
// ledger says which group a route was of, where the path alone would not.
func TestGroupsShareCaps(t *testing.T) {
	w := proxytest.Start(t, named("shop"), grouped(t), func(s *proxytest.Setup) {
		s.Policy.Routes = []proxy.RouteRule{{Path: "/orders/*", Upstream: "partners", Template: "/partner-orders"}}
	})
	w.Get("/visit?n=1")
	cookie := "Cookie: sid=visitor-1"
	for i, host := range []string{"shop.example", "de.partners.example", "shop.example"} {
		if got := w.Get("/orders/"+string(rune('1'+i)), "Host: "+host, cookie); got.StatusCode != http.StatusOK {
			t.Fatalf("order %d at %s: %d %s", i+1, host, got.StatusCode, w.Log)
		}
	}
	if got := w.Get("/orders/4", "Host: partners.example", cookie); got.StatusCode != http.StatusTooManyRequests {
		t.Errorf("the fourth customer in an hour: %d, whatever the group", got.StatusCode)
	}
	w.Settle()
	var routes []string
	for _, row := range w.Ledger.Rows() {
		routes = append(routes, row.Route)
	}
	if want := []string{"/orders/{id}", "/partner-orders", "/orders/{id}", "/partner-orders"}; !slices.Equal(routes, want) {
		t.Errorf("rows of %q, want %q", routes, want)
	}
	w.Get("/visit?n=2", "Host: partners.example")
	if got := w.Get("/orders/5/x", "Host: partners.example", "Cookie: sid=visitor-2"); got.StatusCode != http.StatusOK {
		t.Fatalf("order 5: %d", got.StatusCode)
	}
	rows := w.Settle().Rows()
	if last := rows[len(rows)-1].Route; last != "partners:/orders/{id}/x" {
		t.Errorf("the row is of %q", last)
	}
}

// TestGroupsServerName: a connection whose TLS handshake named one group's host
// reaches no other group through it; a client that coalesces connections asks again.
func TestGroupsServerName(t *testing.T) {
	a := proxytest.NewAuthority(t)
	ended := secured(t, a, nil, proxytest.Leaf{Names: []string{"shop.example", "www.shop.example", "partners.example"}})
	w := proxytest.Start(t, named("shop"), grouped(t), func(s *proxytest.Setup) {
		s.TLS, s.Client = ended, &tls.Config{RootCAs: a.Pool, ServerName: "shop.example", MinVersion: tls.VersionTLS12}
	})
	for host, want := range map[string]int{
		"shop.example": http.StatusOK, "www.shop.example": http.StatusOK, "partners.example": http.StatusMisdirectedRequest,
	} {
		if got := w.Get("/", "Host: "+host); got.StatusCode != want {
			t.Errorf("shop.example in the handshake, %s in the request: %d, want %d (%v)", host, got.StatusCode, want, got.Err)
		}
	}
}

// TestGroupsApart: a group whose server is gone is its own fault only, and is
// told by its name.
func TestGroupsApart(t *testing.T) {
	gone := startServer(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "never") })
	servers := []proxy.Upstream{gone.upstream(t, 1)}
	gone.Close()
	w := proxytest.Start(t, named("shop"), func(s *proxytest.Setup) {
		s.Groups = []proxy.Group{{Name: "api", Paths: []string{"/api/**"}, Servers: servers}}
	})
	for range 5 {
		if got := w.Get("/api/x"); got.StatusCode != http.StatusBadGateway {
			t.Fatalf("a server that is gone: %d", got.StatusCode)
		}
	}
	if got := w.Get("/"); got.StatusCode != http.StatusOK {
		t.Errorf("the other group: %d", got.StatusCode)
	}
	states, _ := w.Gateway.Upstreams()
	if len(states) != 2 || !states[0].Up || states[1].Up || !strings.HasPrefix(states[1].Name, "api 127.0.0.1:") {
		t.Errorf("%+v", states)
	}
}
