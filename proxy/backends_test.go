package proxy_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ordergate/ordergate/proxy"
	"github.com/ordergate/ordergate/proxy/proxytest"
)

// server is one of several upstreams, and what it was asked for.
type server struct {
	*httptest.Server
	mu    sync.Mutex
	asked []string
}

func startServer(t *testing.T, answer http.HandlerFunc) *server {
	t.Helper()
	s := &server{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		s.asked = append(s.asked, strings.TrimSpace(r.Method+" "+r.URL.Path+" "+string(body)))
		s.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

// requests returns what the server was asked for, but for health checks.
func (s *server) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(s.asked), func(line string) bool { return line == "GET /health" })
}

func (s *server) upstream(t *testing.T, weight int) proxy.Upstream {
	t.Helper()
	target, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	return proxy.Upstream{URL: target, Weight: weight}
}

// always is a weight beside which another server of weight 1 is asked only when
// this one is not.
const always = 1 << 40

func well(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "well") }

// TestAnotherServer: what a client gets when the server that was chosen fails,
// and what the other one is asked for.
func TestAnotherServer(t *testing.T) {
	gone := func(w http.ResponseWriter, _ *http.Request) { // after it has read the request
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			_ = conn.Close()
		}
	}
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
	}
	slow := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	cases := []struct {
		name         string
		first        http.HandlerFunc // nil: it cannot be reached
		method, body string
		want         int
		other        []string
	}{
		{"unreachable, get", nil, "GET", "", 200, []string{"GET /p"}},
		{"unreachable, post: it was surely not served", nil, "POST", "sku=T-1", 200, []string{"POST /p sku=T-1"}},
		{"gone, get: safe to repeat", gone, "GET", "", 200, []string{"GET /p"}},
		{"gone, post: it may have been served", gone, "POST", "sku=T-1", 502, nil},
		{"gone, delete: not repeated either", gone, "DELETE", "", 502, nil},
		{"slow: it may be working on it", slow, "GET", "", 504, nil},
		{"an error of its own", status(500), "GET", "", 500, nil},
		{"overloaded: its answer", status(503), "GET", "", 503, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			answer := c.first
			if answer == nil {
				answer = well
			}
			first, other := startServer(t, answer), startServer(t, well)
			if c.first == nil {
				first.Close()
			}
			w := proxytest.Start(t, http.NotFoundHandler(), func(s *proxytest.Setup) {
				s.Upstreams = []proxy.Upstream{first.upstream(t, always), other.upstream(t, 1)}
				s.Timeouts.UpstreamHeader = time.Second // the other server shall make it on a busy machine, too
			})
			got := w.Do(c.method, "/p", c.body, "Content-Type: application/x-www-form-urlencoded")
			if got.StatusCode != c.want {
				t.Errorf("status %d, want %d: %v", got.StatusCode, c.want, got.Err)
			}
			if asked := other.requests(); !slices.Equal(asked, c.other) {
				t.Errorf("the other server was asked for %q, want %q", asked, c.other)
			}
			if _, retries := w.Gateway.Upstreams(); retries != uint64(len(c.other)) {
				t.Errorf("%d retries told", retries)
			}
		})
	}
}

// TestServerOut: a server that fails five times in a row gets no more requests,
// and is told; when no other is left, it is asked all the same.
func TestServerOut(t *testing.T) {
	first, other := startServer(t, well), startServer(t, well)
	first.Close()
	w := proxytest.Start(t, http.NotFoundHandler(), func(s *proxytest.Setup) {
		s.Upstreams = []proxy.Upstream{first.upstream(t, always), other.upstream(t, 1)}
	})
	for i := range 8 {
		if got := w.Get("/p"); got.StatusCode != http.StatusOK {
			t.Fatalf("request %d: %d", i, got.StatusCode)
		}
	}
	states, retries := w.Gateway.Upstreams()
	if retries != 5 || states[0].Up || !states[1].Up || len(other.requests()) != 8 {
		t.Errorf("%d retries, states %+v, the other was asked %d times", retries, states, len(other.requests()))
	}
	other.Close()
	if got := w.Get("/p"); got.StatusCode != http.StatusBadGateway {
		t.Errorf("with none left: %d", got.StatusCode)
	}
}

// TestHealth: a server whose health check fails three times gets no requests
// until it has answered well twice.
func TestHealth(t *testing.T) {
	var ill atomic.Bool
	ill.Store(true)
	checks := make(chan struct{}, 1000)
	first := startServer(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/health" {
			if ill.Load() {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
			checks <- struct{}{}
		}
	})
	other := startServer(t, well)
	w := proxytest.Start(t, http.NotFoundHandler(), func(s *proxytest.Setup) {
		s.Upstreams = []proxy.Upstream{first.upstream(t, always), other.upstream(t, 1)}
		s.Health = proxy.Health{Path: "/health", Every: 5 * time.Millisecond, Timeout: 5 * time.Second}
	})
	until := func(up bool) {
		t.Helper()
		for range 1000 {
			if states, _ := w.Gateway.Upstreams(); states[0].Up == up {
				return
			}
			<-checks
		}
		t.Fatalf("after 1000 checks up is not %v", up)
	}
	until(false)
	w.Get("/while-ill")
	ill.Store(false)
	until(true)
	w.Get("/while-well")
	if a, b := fmt.Sprint(first.requests()), fmt.Sprint(other.requests()); a != "[GET /while-well]" || b != "[GET /while-ill]" {
		t.Errorf("the first was asked for %s, the other for %s", a, b)
	}
}
