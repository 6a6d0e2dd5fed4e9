package proxy_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ordergate/ordergate/proxy"
	"github.com/ordergate/ordergate/proxy/proxytest"
)

// dial opens a connection to the gateway that ends with the test.
func dial(t testing.TB, w *proxytest.World) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", w.URL[strings.Index(w.URL, "://")+3:])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	return conn
}

// closed waits until the gateway has closed a connection.
func closed(t testing.TB, conn net.Conn) {
	t.Helper()
	if n, err := conn.Read(make([]byte, 1)); n != 0 || err == nil || strings.Contains(err.Error(), "timeout") {
		t.Fatalf("read %d bytes, %v: want a closed connection", n, err)
	}
}

// waiting waits until so many connections wait for a request.
func waiting(t testing.TB, w *proxytest.World, n int) {
	t.Helper()
	for end := time.Now().Add(time.Minute); w.Connections.State().Waiting != n; runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatalf("%+v, want %d that wait", w.Connections.State(), n)
		}
	}
}

// ask sends a request and reads the answer's status.
func ask(t testing.TB, conn net.Conn, path string) int {
	t.Helper()
	_, _ = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: t\r\nAccept: */*\r\n\r\n", path)
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0
	}
	defer response.Body.Close() //nolint:errcheck // a test's own
	_, _ = io.Copy(io.Discard, response.Body)
	return response.StatusCode
}

func bounds(most, each int, exempt func(netip.Addr) bool) func(*proxytest.Setup) {
	return func(s *proxytest.Setup) { s.Connections = proxy.NewConnections(most, each, exempt) }
}

// hanging is an upstream that answers /hang when the test says so.
func hanging(begun chan<- struct{}, end <-chan struct{}) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/hang" {
			begun <- struct{}{}
			<-end
		}
		people(w, r)
	}
}

// TestConnections: whoever waits longest makes room, serving ones never do.
func TestConnections(t *testing.T) {
	everybody := func(netip.Addr) bool { return true }
	for name, c := range map[string]struct {
		most, each int
		exempt     func(netip.Addr) bool
		address    bool // the address is what is full
	}{
		"all together":       {3, 100, nil, false},
		"of one address":     {100, 3, nil, true},
		"a balancer is many": {3, 1, everybody, false},
	} {
		t.Run(name, func(t *testing.T) {
			begun, end := make(chan struct{}), make(chan struct{})
			w := proxytest.Start(t, hanging(begun, end), bounds(c.most, c.each, c.exempt))
			answer := sync.OnceFunc(func() { close(end) })
			t.Cleanup(answer) // a test that fails must not leave the platform waiting
			count := func(refused, reclaimed uint64) {
				t.Helper()
				s := w.Connections.State()
				s.Waiting = 0
				want := proxy.ConnectionsState{Open: 3, Most: c.most, RefusedAll: refused, ReclaimedAll: reclaimed}
				if c.address {
					want = proxy.ConnectionsState{Open: 3, Most: c.most, RefusedAddress: refused, ReclaimedAddress: reclaimed}
				}
				if s != want {
					t.Errorf("%+v, want %+v", s, want)
				}
			}
			answered := make(chan int, 3)
			hang := func(conn net.Conn) {
				go func() { answered <- ask(t, conn, "/hang") }()
				<-begun
			}
			silent, half := dial(t, w), dial(t, w)
			_, _ = io.WriteString(half, "GET / HTTP/1.1\r\nHost: shop.ex") // a header that never ends waits, too
			kept := dial(t, w)
			if got := ask(t, kept, "/products"); got != http.StatusOK {
				t.Fatal(got)
			}
			waiting(t, w, 3) // the answer comes before the connection waits again
			first := dial(t, w)
			closed(t, silent)
			hang(first)
			count(0, 1)
			second := dial(t, w)
			closed(t, half)
			hang(second)
			third := dial(t, w)
			closed(t, kept)
			hang(third)
			count(0, 3)
			closed(t, dial(t, w)) // all serve: the newcomer goes
			count(1, 3)
			answer()
			for range 3 {
				if got := <-answered; got != http.StatusNotFound {
					t.Errorf("a request that was under way: %d", got)
				}
			}
			if got := ask(t, dial(t, w), "/products"); got != http.StatusOK {
				t.Errorf("afterwards: %d", got)
			}
		})
	}
}

// TestConnectionsHTTP2: on HTTP/2 a connection waits while it has no stream, with
// TLS and without, and behind a load balancer that speaks PROXY protocol.
func TestConnectionsHTTP2(t *testing.T) {
	authority := proxytest.NewAuthority(t)
	for _, secure := range []bool{false, true} {
		t.Run(fmt.Sprint("TLS ", secure), func(t *testing.T) {
			begun, end := make(chan struct{}), make(chan struct{})
			answer := sync.OnceFunc(func() { close(end) })
			protocols := new(http.Protocols)
			protocols.SetUnencryptedHTTP2(true)
			changes := []func(*proxytest.Setup){bounds(1, 1, nil)}
			if secure {
				changes = append(changes, withTLS(authority, secured(t, authority, nil, proxytest.Leaf{Names: []string{"shop.example"}})))
			}
			w := proxytest.Start(t, hanging(begun, end), changes...)
			t.Cleanup(answer) // as above
			client := w.Client
			if !secure {
				transport := &http.Transport{Protocols: protocols}
				t.Cleanup(transport.CloseIdleConnections)
				client = &http.Client{Transport: transport}
			}
			get := func(path string) int {
				response, err := client.Get(w.URL + path)
				if err != nil {
					return 0
				}
				defer response.Body.Close() //nolint:errcheck // a test's own
				if response.ProtoMajor != 2 {
					t.Errorf("HTTP/%d", response.ProtoMajor)
				}
				return response.StatusCode
			}
			answered := make(chan int, 1)
			go func() { answered <- get("/hang") }()
			<-begun
			closed(t, dial(t, w)) // it has a stream
			answer()
			if got := <-answered; got != http.StatusNotFound {
				t.Errorf("the stream: %d", got)
			}
			for w.Connections.State().ReclaimedAddress == 0 { // it waits a moment after its stream
				dial(t, w)
			}
			if state := w.Connections.State(); state.Open != 1 {
				t.Errorf("%+v", state)
			}
		})
	}
}
