package proxy_test

import (
	"net/http"
	"net/netip"
	"path/filepath"
	"slices"
	"testing"

	"github.com/ordergate/ordergate/proxy"
	"github.com/ordergate/ordergate/proxy/proxytest"
)

// TestTraceContext: whose trace an exchange belongs to, and what the platform is told:
// a stranger begins no trace of ours, and decides about none.
func TestTraceContext(t *testing.T) {
	loopback := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	elsewhere := []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}
	for _, tt := range []struct {
		name    string
		off     bool
		sample  int
		trusted []netip.Prefix
		send    []string
		spans   bool // the exchange is kept
		theirs  bool // it belongs to the trace that came
		link    bool // it links to it
		state   string
	}{
		{name: "none came", sample: 1, trusted: loopback, spans: true},
		{name: "none came, and none is kept", sample: 0},
		{name: "a trusted hop's, kept", trusted: loopback, send: []string{theirParent + "-01"}, spans: true, theirs: true},
		{name: "a trusted hop's, not kept", sample: 1, trusted: loopback, send: []string{theirParent + "-00"}, theirs: true},
		{name: "a trusted hop's with a state", trusted: loopback, send: []string{theirParent + "-01", "Tracestate: cdn=1"}, spans: true, theirs: true, state: "cdn=1"},
		{name: "a stranger's, to be kept", sample: 0, trusted: elsewhere, send: []string{theirParent + "-01"}},
		{name: "a stranger's, not to be kept", sample: 1, send: []string{theirParent + "-00"}, spans: true, link: true},
		{name: "a stranger's with a state", sample: 1, send: []string{theirParent + "-01", "Tracestate: cdn=1"}, spans: true, link: true},
		{name: "a trusted hop's that is none", sample: 1, trusted: loopback, send: []string{"Traceparent: 00-janssen", "Tracestate: cdn=1"}, spans: true},
		{name: "two of a trusted hop", sample: 1, trusted: loopback, send: []string{theirParent + "-01", theirParent + "-01"}, spans: true},
		{name: "tracing is off", off: true, send: []string{theirParent + "-01", "Tracestate: cdn=1"}, theirs: true, state: "cdn=1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := make(chan http.Header, 1)
			file := filepath.Join(t.TempDir(), "access.log")
			access, err := proxy.OpenAccessLog(proxy.AccessLogConfig{File: file})
			if err != nil {
				t.Fatal(err)
			}
			c := collect(t, tt.sample, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got <- r.Header }), func(s *proxytest.Setup) {
				s.Policy.TrustedProxies, s.Access = tt.trusted, access
			})
			if tt.off {
				policy := *c.Policy
				policy.Tracer = nil
				c.Gateway.Reload(&policy)
			}
			c.Get("/products", tt.send...)
			servers, clients := c.spans()
			if err := access.Close(t.Context()); err != nil {
				t.Error(err)
			}
			told := <-got
			if len(told["Traceparent"]) != 1 || len(told["Traceparent"][0]) != 55 {
				t.Fatalf("the platform is told %q", told["Traceparent"])
			}
			parent := told.Get("Traceparent")
			trace, span, flags := parent[3:35], parent[36:52], parent[53:]
			if (trace == theirTrace) != tt.theirs || (span == theirSpan) != tt.off || (flags == "01") != (tt.spans || tt.off) || told.Get("Tracestate") != tt.state {
				t.Errorf("the platform is told %q and %q", parent, told["Tracestate"])
			}
			if line := readLines(t, file)[0]; line["trace"] != trace {
				t.Errorf("the access log says trace %v, the platform is told %s", line["trace"], trace)
			}
			if !tt.spans {
				if len(servers)+len(clients) > 0 {
					t.Errorf("%+v %+v", servers, clients)
				}
				return
			}
			if len(servers) != 1 || len(clients) != 1 || servers[0].Trace != trace || clients[0].ID != span || clients[0].Parent != servers[0].ID {
				t.Fatalf("%+v %+v", servers, clients)
			}
			server := servers[0]
			if (server.Parent == theirSpan) != tt.theirs || server.Remote != tt.theirs || slices.Contains(server.Links, theirTrace) != tt.link {
				t.Errorf("%+v", server)
			}
		})
	}
}
