package proxy_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobwas/ws"
	tracepb "go.opentelemetry.io/proto/slim/otlp/trace/v1"

	"github.com/ordergate/ordergate/metrics"
	"github.com/ordergate/ordergate/metrics/otlp"
	"github.com/ordergate/ordergate/metrics/otlp/otlptest"
	"github.com/ordergate/ordergate/proxy"
	"github.com/ordergate/ordergate/proxy/proxytest"
	"github.com/ordergate/ordergate/rules"
)

// collected is a world whose spans go to a collector of the test.
type collected struct {
	*proxytest.World
	collector *otlptest.Receiver
	traces    *otlp.Traces
}

// collect starts one; of the traces that begin there one in so many is kept.
func collect(t *testing.T, sample int, upstream http.Handler, change ...func(*proxytest.Setup)) *collected {
	t.Helper()
	c := &collected{collector: otlptest.Start(t)}
	c.traces = otlp.New(otlp.Config{
		Target: otlp.Target{Endpoint: c.collector.Endpoint(), Sample: sample},
		Told:   func(metrics.SpanOutcome, int) {},
		Failed: func(err error) { t.Errorf("spans not sent: %v", err) },
	})
	t.Cleanup(func() { c.traces.Close(context.Background()) })
	c.World = proxytest.Start(t, upstream, append(change, func(s *proxytest.Setup) { s.Policy.Tracer = c.traces.Tracer() })...)
	return c
}

// spans returns those of all exchanges, once these have finished: servers' first, each
// in the order of their ends.
func (c *collected) spans() (servers, clients []otlptest.Span) {
	c.Helper()
	c.Settle()
	if lost := c.traces.Close(context.Background()); lost != 0 {
		c.Errorf("%d spans lost", lost)
	}
	for _, s := range c.collector.Spans() {
		switch s.Kind {
		case tracepb.Span_SPAN_KIND_SERVER:
			servers = append(servers, s)
		case tracepb.Span_SPAN_KIND_CLIENT:
			clients = append(clients, s)
		default:
			c.Errorf("a span of kind %v", s.Kind)
		}
	}
	return servers, clients
}

// says compares some attributes.
func says(t *testing.T, s *otlptest.Span, want map[string]any) {
	t.Helper()
	for key, value := range want {
		if got := s.Attributes[key]; got != value {
			t.Errorf("%s of %q is %v, want %v", key, s.Name, got, value)
		}
	}
}

// TestSpans: what the spans of an exchange say, whatever becomes of it. An attack
// stands beside its innocent twin.
func TestSpans(t *testing.T) {
	slow := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
	}
	for _, tt := range []struct {
		name, method, path, body string
		upstream                 http.HandlerFunc // nil: people
		setup                    func(*proxytest.Setup)
		want                     string
		failed                   bool
		says                     map[string]any
		clients                  []map[string]any // by the order of their ends; "" is the name
	}{
		{
			name: "a catalogue page", path: "/products", want: "GET /products",
			says: map[string]any{
				"http.request.method": "GET", "http.route": "/products", "http.response.status_code": 200, "url.scheme": "http", "network.protocol.version": "1.1",
				"server.address": "127.0.0.1", "ordergate.outcome": "passed", "ordergate.role": "guest", "error.type": nil, "ordergate.waf.rule": nil, "ordergate.subjects.released": nil,
				"http.response.body.size": 54, "http.request.body.size": 0,
			},
			clients: []map[string]any{{"": "GET", "http.request.method": "GET", "http.response.status_code": 200, "url.scheme": "http", "server.address": "127.0.0.1", "error.type": nil, "http.request.resend_count": nil}},
		},
		{
			name: "an order", path: "/orders/7", want: "GET /orders/{id}",
			says:    map[string]any{"http.response.status_code": 200, "ordergate.subjects.released": 1},
			clients: []map[string]any{{"": "GET"}},
		},
		{
			name: "a list that is too long", path: "/people?from=1&n=50", want: "GET /people", // refused by us: no failure
			says:    map[string]any{"http.response.status_code": 403, "ordergate.outcome": "bulk", "ordergate.subjects.withheld": 50, "ordergate.subjects.released": nil, "error.type": nil},
			clients: []map[string]any{{"http.response.status_code": 200}},
		},
		{
			name: "an attack", path: "/search?q=<script>alert(1)</script>", want: "GET /search",
			says: map[string]any{"http.response.status_code": 403, "ordergate.outcome": "waf", "ordergate.waf.rule": 949110, "error.type": nil},
		},
		{
			name: "its innocent twin", path: "/search?q=teapot", want: "GET /search",
			says:    map[string]any{"http.response.status_code": 404, "ordergate.outcome": "passed", "ordergate.waf.rule": nil, "error.type": nil},
			clients: []map[string]any{{"http.response.status_code": 404, "error.type": "404"}},
		},
		{
			name: "an order is posted", method: "POST", path: "/orders/", body: "sku=T-1&quantity=2", upstream: well, want: "POST /orders",
			says:    map[string]any{"http.request.body.size": 18, "http.request.method": "POST", "ordergate.route": nil},
			clients: []map[string]any{{"": "POST"}},
		},
		{
			name: "a method that a client made up", method: "JANSSEN", path: "/products", upstream: well, want: "HTTP /products",
			says: map[string]any{"http.request.method": "_OTHER", "http.response.status_code": 403},
		},
		{
			name: "the platform's own error", path: "/products", upstream: status(500), want: "GET /products", failed: true,
			says:    map[string]any{"http.response.status_code": 500, "error.type": "500", "ordergate.outcome": "passed"},
			clients: []map[string]any{{"error.type": "500"}},
		},
		{
			name: "the platform is slow", path: "/products", upstream: slow, setup: func(s *proxytest.Setup) { s.Timeouts.UpstreamHeader = 50 * time.Millisecond },
			want: "GET /products", failed: true, says: map[string]any{"http.response.status_code": 504, "error.type": "timeout"},
			clients: []map[string]any{{"error.type": "timeout", "http.response.status_code": nil}},
		},
		{
			name: "the platform breaks the protocol", path: "/products", upstream: hijacked("HTTP/9 nonsense\r\n\r\n", nil),
			want: "GET /products", failed: true, says: map[string]any{"http.response.status_code": 502, "error.type": "upstream"},
			clients: []map[string]any{{"error.type": "upstream"}},
		},
		{
			name: "the platform breaks off", path: "/products", upstream: breaks(`{"items":[` + strings.Repeat(`{"sku":"T-1"},`, 10_000)),
			want: "GET /products", failed: true, says: map[string]any{"http.response.status_code": 200, "error.type": "upstream_gone", "ordergate.uninspected": "partial"},
			clients: []map[string]any{{"http.response.status_code": 200, "error.type": "upstream_gone"}},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			upstream := tt.upstream
			if upstream == nil {
				upstream = people.ServeHTTP
			}
			var change []func(*proxytest.Setup)
			if tt.setup != nil {
				change = append(change, tt.setup)
			}
			c := collect(t, 1, upstream, change...)
			method := tt.method
			if method == "" {
				method = http.MethodGet
			}
			c.Do(method, tt.path, tt.body, "Host: shop.example", "Content-Type: application/x-www-form-urlencoded")
			servers, clients := c.spans()
			if len(servers) != 1 || len(clients) != len(tt.clients) {
				t.Fatalf("%d and %d spans: %+v %+v", len(servers), len(clients), servers, clients)
			}
			server := servers[0]
			if server.Name != tt.want || server.Failed != tt.failed || server.Parent != "" || server.Took <= 0 {
				t.Errorf("%+v, want %q, failed %v", server, tt.want, tt.failed)
			}
			says(t, &server, tt.says)
			for i, want := range tt.clients {
				client := clients[i]
				if name, ok := want[""]; ok && client.Name != name {
					t.Errorf("a client's span called %q, want %q", client.Name, name)
				}
				delete(want, "")
				says(t, &client, want)
				if client.Parent != server.ID || client.Trace != server.Trace || client.Remote || client.Took > server.Took {
					t.Errorf("%+v is no child of %+v", client, server)
				}
				if _, failed := client.Attributes["error.type"]; failed != client.Failed {
					t.Errorf("failed: %+v", client)
				}
			}
			if got := server.Attributes["ordergate.exchange"]; !strings.Contains(c.Log.String(), fmt.Sprint(got)) {
				t.Errorf("the log has no exchange %v", got)
			}
		})
	}
}

// TestSpansOverTLS: what is said of an exchange over HTTP/2 with TLS, whose answer ends
// with trailers.
func TestSpansOverTLS(t *testing.T) {
	authority := proxytest.NewAuthority(t)
	files := authority.Write(t.TempDir(), "shop", proxytest.Leaf{Names: []string{"shop.example"}})
	opened, err := proxy.NewTLS(proxy.TLSConfig{Certificates: []proxy.CertificateFiles{files}}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	c := collect(t, 1, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/grpc")
		w.Header().Set("Trailer", "Grpc-Status")
		_, _ = io.WriteString(w, "hello")
		w.Header().Set("Grpc-Status", "0")
	}), func(s *proxytest.Setup) {
		s.TLS, s.Client = opened, &tls.Config{RootCAs: authority.Pool, ServerName: "shop.example"}
	})
	got := c.Get("/products")
	if got.Body != "hello" || got.Trailer.Get("Grpc-Status") != "0" {
		t.Errorf("%v, %q with trailers %v", got.Err, got.Body, got.Trailer)
	}
	servers, clients := c.spans()
	if len(servers) != 1 || len(clients) != 1 {
		t.Fatalf("%+v %+v", servers, clients)
	}
	says(t, &servers[0], map[string]any{"url.scheme": "https", "network.protocol.version": "2", "http.response.status_code": 200})
	says(t, &clients[0], map[string]any{"url.scheme": "http"})
}

// TestSpansOfRetry: both attempts are seen, and the platform's parent is the one that
// it was asked by.
func TestSpansOfRetry(t *testing.T) {
	var parent atomic.Value
	first := startServer(t, well)
	first.Close()
	other := startServer(t, func(_ http.ResponseWriter, r *http.Request) { parent.Store(r.Header.Get("Traceparent")) })
	c := collect(t, 1, http.NotFoundHandler(), func(s *proxytest.Setup) {
		s.Upstreams = []proxy.Upstream{first.upstream(t, always), other.upstream(t, 1)}
	})
	if got := c.Get("/p"); got.StatusCode != http.StatusOK {
		t.Fatal(got.StatusCode)
	}
	servers, clients := c.spans()
	if len(servers) != 1 || len(clients) != 2 || servers[0].Failed {
		t.Fatalf("%+v %+v", servers, clients)
	}
	says(t, &clients[0], map[string]any{"error.type": "connect", "http.request.resend_count": nil})
	says(t, &clients[1], map[string]any{"error.type": nil, "http.request.resend_count": 1, "http.response.status_code": 200})
	if want := "00-" + servers[0].Trace + "-" + clients[1].ID + "-01"; parent.Load() != want {
		t.Errorf("the platform is told %v, want %s", parent.Load(), want)
	}
}

// TestSpansOfStreams: the spans of what lasts end with it, and not before.
func TestSpansOfStreams(t *testing.T) {
	t.Run("upgrade", func(t *testing.T) {
		goOn := make(chan struct{})
		c := collect(t, 1, talk(func(conn net.Conn) {
			<-goOn
			quit(conn)
		}))
		conn, reader, response := upgrade(t, c.World)
		if response.StatusCode != http.StatusSwitchingProtocols {
			t.Fatal(response)
		}
		begun := time.Now()
		close(goOn)
		if header, _, err := frame(reader); err != nil || header.OpCode != ws.OpClose {
			t.Errorf("%+v %v", header, err)
		}
		lasted := time.Since(begun)
		_ = conn.Close()
		c.Observer.Next()
		servers, clients := c.spans()
		if len(servers) != 1 || len(clients) != 1 || servers[0].Took < lasted || clients[0].Took < lasted || servers[0].Failed || clients[0].Failed {
			t.Fatalf("%v: %+v %+v", lasted, servers, clients)
		}
		says(t, &servers[0], map[string]any{"http.response.status_code": 101})
	})
	t.Run("the client leaves", func(t *testing.T) {
		c := collect(t, 1, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, "data: hello\n\n")
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}))
		ctx, leave := context.WithCancel(t.Context())
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.URL+"/events", nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := c.Client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.ReadFull(response.Body, make([]byte, 13))
		leave()
		_ = response.Body.Close()
		c.Observer.Next()
		servers, clients := c.spans()
		if len(servers) != 1 || len(clients) != 1 || servers[0].Failed {
			t.Fatalf("%+v %+v", servers, clients)
		}
		says(t, &servers[0], map[string]any{"ordergate.outcome": "client_gone", "http.response.status_code": 200, "error.type": nil})
	})
}

// Of a request that came with a trace of its own.
const (
	theirTrace  = "0af7651916cd43dd8448eb211c80319c"
	theirSpan   = "b7ad6b7169203331"
	theirParent = "Traceparent: 00-" + theirTrace + "-" + theirSpan
)

// TestSpansHoldNothingPersonal sends a customer's values in every part of a request, to
// a platform that puts them into every part of its answer, as an attack, as its
// innocent twin, and while things fail: no byte that leaves for the collector has one.
func TestSpansHoldNothingPersonal(t *testing.T) {
	var broken atomic.Bool
	c := collect(t, 1, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if broken.Load() {
			hijacked("marieke janssen, Lindenlaan 9\r\n\r\n", nil)(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Customer", "Marieke Janssen")
		w.Header().Set("Location", "/customers/marieke")
		_, _ = io.WriteString(w, proxytest.Person(9))
	}), func(s *proxytest.Setup) {
		s.Policy.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	})
	headers := []string{
		"Host: marieke.example", "User-Agent: Janssen", "Referer: http://shop.example/?name=Janssen", "X-Forwarded-For: 203.0.113.77", "X-Forwarded-Host: janssen.example",
		"Cookie: sid=session-of-marieke", "Authorization: Bearer marieke", "Traceparent: 00-marieke", "Tracestate: marieke=janssen", "Baggage: customer=marieke", "X-Request-Id: marieke",
		"Content-Type: application/x-www-form-urlencoded",
	}
	const body = "email=marieke.9@example.net&street=Lindenlaan+9&note="
	sent := 0
	for _, path := range []string{
		"/customers/marieke/Lindenlaan%209?email=marieke.9@example.net", "/Marieke-Janssen", "/search/marieke/janssen?postcode=1012AB", "/+31612000009",
	} {
		for _, request := range []struct{ method, body string }{
			{"GET", ""}, {"POST", body + "teapot"}, {"POST", body + "<script>alert('marieke')</script>"}, {"JANSSEN", ""},
		} {
			for _, fails := range []bool{false, true} {
				broken.Store(fails)
				c.Do(request.method, path, request.body, headers...)
				sent++
			}
		}
	}
	kept := theirParent + "-01"
	headers[7] = kept
	c.Get("/customers/marieke", headers...)
	servers, _ := c.spans()
	outcomes := map[any]int{}
	for _, s := range servers {
		outcomes[s.Attributes["ordergate.outcome"]]++
	}
	if len(servers) != sent+1 || outcomes["passed"] == 0 || outcomes["waf"] == 0 || outcomes["upstream"] == 0 {
		t.Fatalf("%d spans of %d exchanges: %v", len(servers), sent+1, outcomes)
	}
	exported := c.collector.Raw()
	for _, value := range []string{"marieke", "janssen", "lindenlaan", "1012ab", "203.0.113", "31612000", "@example", "script", "teapot", "session-of"} {
		if bytes.Contains(bytes.ToLower(exported), []byte(value)) {
			t.Errorf("the collector was sent %q", value)
		}
	}
	if !bytes.Contains(exported, []byte("/customers/{")) {
		t.Error("no route was sent: the test does not do what it says")
	}
}

// TestCollectorDown: exchanges do not notice a collector that refuses connections, or
// that takes them and does nothing.
func TestCollectorDown(t *testing.T) {
	hold := make(chan struct{})
	still := otlptest.Start(t)
	still.Answer(func(http.ResponseWriter, *http.Request) { <-hold })
	defer close(hold)
	gone := otlptest.Start(t)
	gone.Close()
	for name, collector := range map[string]*otlptest.Receiver{"refuses": gone, "stands still": still} {
		t.Run(name, func(t *testing.T) {
			var dropped atomic.Int64
			traces := otlp.New(otlp.Config{
				Target: otlp.Target{Endpoint: collector.Endpoint(), Sample: 1}, Failed: func(error) {},
				Told: func(outcome metrics.SpanOutcome, spans int) {
					if outcome != metrics.SpansExported {
						dropped.Add(int64(spans))
					}
				},
			})
			w := proxytest.Start(t, people, func(s *proxytest.Setup) {
				s.Policy.Tracer = traces.Tracer()
				s.WAF.Mode = rules.Off
			})
			const exchanges = 400 // two spans each
			for range exchanges {
				if got := w.Get("/products"); got.StatusCode != http.StatusOK || got.Err != nil {
					t.Fatal(got.StatusCode, got.Err)
				}
			}
			w.Settle()
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			traces.Close(ctx)
			if dropped.Load() != 2*exchanges {
				t.Errorf("%d spans are counted as lost, of %d", dropped.Load(), 2*exchanges)
			}
		})
	}
}
