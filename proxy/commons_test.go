package proxy_test

import (
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"testing"

	"github.com/ordergate/ordergate/proxy/proxytest"
	"github.com/ordergate/ordergate/rules"
	"github.com/ordergate/ordergate/rules/record"
)

// TestShopsOwn: an address in the foot of each page stops being a record
// once enough strangers were shown it everywhere; a customer on a page that
// as many ask for does not.
func TestShopsOwn(t *testing.T) {
	footer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, `<html><body><h1>Chairs</h1>`)
		if r.URL.Path == "/thanks" {
			_, _ = io.WriteString(w, `<p>For Ada Lund, ada@lund.example</p>`)
		}
		_, _ = io.WriteString(w, `<div>Ask <a href="mailto:hanne@chairs.example">Hanne</a></div></body></html>`)
	})
	w := proxytest.Start(t, footer, func(s *proxytest.Setup) {
		s.Policy.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	})
	w.Policy.Records = &record.Config{Common: w.Engine.Commons().Has}
	w.Gateway.Reload(w.Policy)
	routes := []string{"/", "/chairs", "/thanks", "/imprint"}
	for n := range 60 {
		if got := w.Get(routes[n%4], fmt.Sprintf("X-Forwarded-For: 198.51.%d.7", n%20)); got.StatusCode != http.StatusOK {
			t.Fatalf("page %d: %d", n, got.StatusCode)
		}
	}
	learnt := len(w.Settle().Rows())
	w.Get("/chairs", "X-Forwarded-For: 203.0.113.9")
	w.Get("/thanks", "X-Forwarded-For: 203.0.113.9")
	rows := w.Settle().Rows()[learnt:]
	if len(rows) != 1 || rows[0].Record.Subject.Kind != rules.IdentifierEmail || len(rows[0].Record.Identifiers) != 1 {
		t.Errorf("%d rows after %d, want the customer alone", len(rows), learnt)
	}
}
