package proxy_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/ordergate/ordergate/proxy/proxytest"
	"github.com/ordergate/ordergate/rules"
	"github.com/ordergate/ordergate/rules/exfil"
)

// storefront answers clean traffic: a page, a catalogue, an own order, a style
// sheet.
var storefront = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/":
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, storefrontPage)
	case "/api/products":
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, storefrontProducts)
	case "/style.css":
		w.Header().Set("Content-Type", "text/css")
		_, _ = io.WriteString(w, storefrontProducts)
	default:
		people(w, r)
	}
})

var (
	storefrontPage     = "<html><body><ul>" + strings.Repeat(`<li class="product"><a href="/p/1">Teapot</a> <span>24.95</span></li>`, 350) + "</ul></body></html>"
	storefrontProducts = `{"items":[` + strings.Repeat(`{"sku":"T-1","name":"Teapot","price":2495,"text":"a pot for tea"},`, 180) + `{}]}`
)

// BenchmarkSideBySide is the same traffic through a bare
// httputil.ReverseProxy and through the gateway with everything on, with the
// WAF off, and for each kind of response. Compare ratios within one run.
func BenchmarkSideBySide(b *testing.B) {
	for _, path := range []string{"/", "/api/products", "/style.css", "/orders/900"} {
		name := strings.ReplaceAll(strings.Trim(path, "/"), "/", "-")
		if name == "" {
			name = "page"
		}
		b.Run(name+"/bare", func(b *testing.B) { benchmarkBare(b, path) })
		b.Run(name+"/gateway", func(b *testing.B) { benchmarkGateway(b, path, rules.Enforce) })
		b.Run(name+"/gateway-without-waf", func(b *testing.B) { benchmarkGateway(b, path, rules.Off) })
	}
}

func benchmarkBare(b *testing.B, path string) {
	upstream := httptest.NewServer(storefront)
	defer upstream.Close()
	target, err := url.Parse(upstream.URL)
	if err != nil {
		b.Fatal(err)
	}
	transport := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64}
	defer transport.CloseIdleConnections()
	front := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }, Transport: transport})
	defer front.Close()
	client := &http.Transport{DisableCompression: true}
	defer client.CloseIdleConnections()
	benchmarkGet(b, client, front.URL+path, "")
}

func benchmarkGateway(b *testing.B, path string, mode rules.Mode) {
	w := proxytest.Start(b, storefront, func(s *proxytest.Setup) {
		s.WAF.Mode = mode
		guest := s.Exfil.Roles[rules.RoleGuest]
		guest.Session, guest.Address = nil, nil
		s.Exfil.Roles[rules.RoleGuest] = guest
		s.Exfil.Site = exfil.Limits{}
	})
	w.Ledger.Forget()
	client := &http.Transport{DisableCompression: true}
	defer client.CloseIdleConnections()
	benchmarkGet(b, client, w.URL+path, "Mozilla/5.0")
}

func benchmarkGet(b *testing.B, client *http.Transport, address, agent string) {
	for b.Loop() {
		request, err := http.NewRequestWithContext(b.Context(), http.MethodGet, address, http.NoBody)
		if err != nil {
			b.Fatal(err)
		}
		request.Host = "shop.example" // an address would be a finding of the WAF (CRS 920350)
		request.Header.Set("User-Agent", agent)
		request.Header.Set("Accept", "*/*")
		response, err := client.RoundTrip(request)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, response.Body); err != nil || response.StatusCode != http.StatusOK {
			b.Fatal(fmt.Errorf("status %d: %w", response.StatusCode, err))
		}
		_ = response.Body.Close()
	}
}
