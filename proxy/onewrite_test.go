package proxy_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/ordergate/ordergate/proxy"
	"github.com/ordergate/ordergate/proxy/proxytest"
)

// readsListener notes what each read of its connections brought.
type readsListener struct {
	net.Listener
	mu    sync.Mutex
	reads []string
}

func (l *readsListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	return &readsConn{conn, l}, err
}

type readsConn struct {
	net.Conn
	l *readsListener
}

func (c *readsConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.l.mu.Lock()
	defer c.l.mu.Unlock()
	c.l.reads = append(c.l.reads, string(b[:n]))
	return n, err
}

// TestOneWrite: a request whose body the gateway has goes to the platform in one
// piece; header and body in two would wake the platform twice, and cost both a system
// call.
func TestOneWrite(t *testing.T) {
	platform := &readsListener{}
	shop := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	platform.Listener = shop.Listener
	shop.Listener = platform
	shop.Start()
	t.Cleanup(shop.Close) // after the gateway
	target, err := url.Parse(shop.URL)
	if err != nil {
		t.Fatal(err)
	}
	w := proxytest.Start(t, people, func(s *proxytest.Setup) { s.Upstreams = []proxy.Upstream{{URL: target, Weight: 1}} })
	const orders = 20
	for range orders {
		if got := w.Do(http.MethodPost, "/cart", `{"sku":"TP-77"}`, "Content-Type: application/json"); got.StatusCode != http.StatusOK {
			t.Fatal(got.StatusCode, got.Body)
		}
	}
	platform.mu.Lock()
	defer platform.mu.Unlock()
	alone := 0 // not the other way round: where a request begins, net/http may read a byte ahead
	for _, read := range platform.reads {
		if strings.HasPrefix(read, "{") {
			alone++
		}
	}
	if got := strings.Count(strings.Join(platform.reads, ""), `{"sku":"TP-77"}`); alone > 0 || got != orders {
		t.Errorf("%d of %d bodies came, %d behind their header: %q", got, orders, alone, platform.reads)
	}
}
