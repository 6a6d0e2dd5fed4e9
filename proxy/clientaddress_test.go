package proxy_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/ordergate/ordergate/proxy/proxytest"
	"github.com/ordergate/ordergate/rules"
)

func TestTrustedHops(t *testing.T) {
	for _, c := range []struct {
		trusted []string
		xff     string
		same    bool // as another request with X-Forwarded-For: 203.0.113.50
	}{
		{nil, "203.0.113.9", true}, // nobody is believed: both are the peer
		{[]string{"127.0.0.0/8"}, "203.0.113.9", false},
		{[]string{"127.0.0.0/8"}, "203.0.113.9, 203.0.113.50", true}, // the nearest untrusted hop counts
		{[]string{"127.0.0.0/8", "203.0.113.50/32"}, "203.0.113.9, 203.0.113.50", false},
		{[]string{"127.0.0.0/8"}, "nonsense, 203.0.113.50", true},
	} {
		w := proxytest.Start(t, people, func(s *proxytest.Setup) { s.Policy.TrustedProxies = prefixes(c.trusted...) })
		w.Get("/orders/1", "X-Forwarded-For: 203.0.113.50")
		w.Get("/orders/2", "X-Forwarded-For: "+c.xff)
		rows := w.Settle().Rows()
		if len(rows) != 2 || (rows[0].Principal.IP == rows[1].Principal.IP) != c.same {
			t.Errorf("trusted %v, X-Forwarded-For %q: same address %v, want %v", c.trusted, c.xff, !c.same, c.same)
		}
	}
}

// TestClientAddress: an attacker's claim beside the same claim from a hop that may
// make it. claimed says that the client counts as 203.0.113.50.
func TestClientAddress(t *testing.T) {
	const lb, cdn = "127.0.0.0/8", "198.51.100.0/24"
	for name, c := range map[string]struct {
		trusted   []string
		forwarded bool
		from      []string // of CF-Connecting-IP
		headers   []string
		claimed   bool
	}{
		"forwarded":                       {[]string{lb}, true, nil, []string{"Forwarded: for=203.0.113.50;proto=https"}, true},
		"forwarded, port":                 {[]string{lb}, true, nil, []string{`Forwarded: For="203.0.113.50:4711"`}, true},
		"forwarded, two hops":             {[]string{lb, cdn}, true, nil, []string{"Forwarded: for=192.0.2.1, for=203.0.113.50", "Forwarded: for=198.51.100.7"}, true},
		"forwarded, an open quote before": {[]string{lb}, true, nil, []string{`Forwarded: for="192.0.2.1, for=203.0.113.50`}, true},
		"forwarded, spoofed before":       {[]string{lb}, true, nil, []string{"Forwarded: for=203.0.113.50, for=192.0.2.1"}, false},
		"forwarded, twice in one":         {[]string{lb}, true, nil, []string{"Forwarded: for=203.0.113.50;for=192.0.2.1"}, false},
		"forwarded, unknown":              {[]string{lb}, true, nil, []string{"Forwarded: for=203.0.113.50, for=unknown"}, false},
		"forwarded, none":                 {[]string{lb}, true, nil, nil, false},
		"forwarded of nobody trusted":     {nil, true, nil, []string{"Forwarded: for=203.0.113.50"}, false},
		"the other header, forwarded":     {[]string{lb}, false, nil, []string{"Forwarded: for=203.0.113.50"}, false},
		"the other header, x-forwarded":   {[]string{lb}, true, nil, []string{"X-Forwarded-For: 203.0.113.50"}, false},
		"CDN before the balancer":         {[]string{lb}, false, []string{cdn}, []string{"X-Forwarded-For: 198.51.100.7", "CF-Connecting-IP: 203.0.113.50"}, true},
		"CDN asks itself":                 {nil, false, []string{lb}, []string{"CF-Connecting-IP: 203.0.113.50"}, true},
		"past the CDN":                    {[]string{lb}, false, []string{cdn}, []string{"X-Forwarded-For: 192.0.2.1", "CF-Connecting-IP: 203.0.113.50"}, false},
		"CDN, twice":                      {[]string{lb}, false, []string{cdn}, []string{"X-Forwarded-For: 198.51.100.7", "CF-Connecting-IP: 203.0.113.50", "CF-Connecting-IP: 192.0.2.1"}, false},
		"CDN, not pinned":                 {[]string{lb}, false, nil, []string{"X-Forwarded-For: 198.51.100.7", "CF-Connecting-IP: 203.0.113.50"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			var asked http.Header
			w := proxytest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked = r.Header.Clone()
				people.ServeHTTP(w, r)
			}), func(s *proxytest.Setup) {
				s.Policy.TrustedProxies, s.Policy.Forwarded, s.Policy.AddressFrom = prefixes(c.trusted...), c.forwarded, prefixes(c.from...)
				if c.from != nil {
					s.Policy.AddressHeader = "CF-Connecting-IP"
				}
			})
			w.Get("/orders/1", c.headers...)
			rows := w.Settle().Rows()
			if len(rows) != 1 {
				t.Fatalf("%d rows", len(rows))
			}
			if got := rows[0].Principal.IP == w.Hasher.Key(rules.KeyIP, []byte("203.0.113.50/32")); got != c.claimed {
				t.Errorf("the client counts as 203.0.113.50: %v, want %v", got, c.claimed)
			}
			if pinned := c.from != nil; pinned && (asked.Get("CF-Connecting-IP") != "") != c.claimed {
				t.Errorf("the platform is sent CF-Connecting-IP %q", asked.Get("CF-Connecting-IP"))
			}
			if name == "forwarded, two hops" {
				if got := asked.Get("X-Forwarded-For"); got != "192.0.2.1, 203.0.113.50, 198.51.100.7, 127.0.0.1" {
					t.Errorf("X-Forwarded-For of the platform: %q", got)
				}
				if got := asked["Forwarded"]; !slices.Equal(got, []string{"for=192.0.2.1, for=203.0.113.50", "for=198.51.100.7", "for=127.0.0.1"}) {
					t.Errorf("Forwarded of the platform: %q", got)
				}
			}
			if got := asked.Get("X-Forwarded-For"); name == "forwarded, none" && (got != "127.0.0.1" || !slices.Equal(asked["Forwarded"], []string{"for=127.0.0.1"})) {
				t.Errorf("a balancer's own request: X-Forwarded-For %q, Forwarded %q", got, asked["Forwarded"])
			}
			if strings.HasPrefix(name, "forwarded, spoofed") && asked.Get("X-Forwarded-Proto") != "http" {
				t.Errorf("X-Forwarded-Proto %q", asked.Get("X-Forwarded-Proto"))
			}
			if name == "forwarded" && asked.Get("X-Forwarded-Proto") != "https" {
				t.Errorf("X-Forwarded-Proto %q, the balancer says https", asked.Get("X-Forwarded-Proto"))
			}
		})
	}
}
