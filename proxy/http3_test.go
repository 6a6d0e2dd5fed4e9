package proxy_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"github.com/ordergate/ordergate/proxy"
	"github.com/ordergate/ordergate/proxy/proxytest"
	"github.com/ordergate/ordergate/rules"
)

// overQUIC starts a world that speaks HTTP/3, and has its client speak it.
func overQUIC(t *testing.T, upstream http.Handler, change ...func(*proxytest.Setup)) (*proxytest.World, *http3.Transport) {
	t.Helper()
	a := proxytest.NewAuthority(t)
	ended := secured(t, a, nil, proxytest.Leaf{Names: []string{"shop.example"}})
	change = append([]func(*proxytest.Setup){withTLS(a, ended), func(s *proxytest.Setup) { s.HTTP3 = true }}, change...)
	w := proxytest.Start(t, upstream, change...)
	transport := quicTransport(t, w, &tls.Config{RootCAs: a.Pool, ServerName: "shop.example", MinVersion: tls.VersionTLS13})
	w.Client.Transport = transport
	return w, transport
}

// quicTransport is a client whose every request goes to the world's UDP address.
func quicTransport(t *testing.T, w *proxytest.World, config *tls.Config) *http3.Transport {
	t.Helper()
	transport := &http3.Transport{TLSClientConfig: config, DisableCompression: true, Dial: func(ctx context.Context, _ string, config *tls.Config, c *quic.Config) (*quic.Conn, error) {
		return quic.DialAddr(ctx, w.QUIC, config, c)
	}}
	t.Cleanup(func() { _ = transport.Close() })
	return transport
}

// TestHTTP3: requests and answers with bodies, the WAF, records and caps are what
// they are over TCP; each attack beside its innocent twin.
func TestHTTP3(t *testing.T) {
	w, _ := overQUIC(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Saw", r.Header.Get("X-Forwarded-Proto")+" "+r.Proto)
		w.Header().Set("Alt-Svc", `h3="elsewhere.example:443"`)
		w.Header().Set("Content-Type", "application/json")
		if strings.HasPrefix(r.URL.Path, "/orders/") {
			_, _ = io.WriteString(w, proxytest.Person(int(r.URL.Path[len(r.URL.Path)-1]-'0')))
			return
		}
		_, _ = fmt.Fprintf(w, `{"length":%d}`, len(body))
	}))
	if r := w.Do("POST", "/echo", "note="+strings.Repeat("tea ", 1999), "Content-Type: application/x-www-form-urlencoded"); r.Err != nil || r.StatusCode != 200 || r.Proto != "HTTP/3.0" || r.Body != `{"length":8001}` || r.Header.Get("X-Saw") != "https HTTP/1.1" {
		t.Fatalf("a form: %d %s %q, upstream saw %q: %v", r.StatusCode, r.Proto, r.Body, r.Header.Get("X-Saw"), r.Err)
	} else if got := r.Header.Get("Alt-Svc"); got != "" {
		t.Errorf("the platform leads clients to %q, past the gateway", got)
	}
	for _, c := range []struct {
		method, path, body string
		status             int
	}{
		{"GET", "/search?q=select+teas,+1+box", "", 200},
		{"GET", "/search?q=1%27+UNION+SELECT+email,password+FROM+customers--", "", 403},
		{"POST", "/login", "user=anna&password=correct horse", 200},
		{"POST", "/login", "user=anna' or '1'='1&password=x", 403},
		{"HEAD", "/", "", 200},
		{"TRACE", "/", "", 403},
	} {
		if r := w.Do(c.method, c.path, c.body, "Content-Type: application/x-www-form-urlencoded"); r.Err != nil || r.StatusCode != c.status {
			t.Errorf("%s %s: %d, want %d: %v", c.method, c.path, r.StatusCode, c.status, r.Err)
		}
	}
	statuses := ""
	for n := range 5 {
		r := w.Get(fmt.Sprintf("/orders/%d", n+1), "Cookie: sid=quic")
		statuses += fmt.Sprint(r.StatusCode, " ")
	}
	if statuses != "200 200 200 429 429 " {
		t.Errorf("a guest who reads orders gets %s, want a cap", statuses)
	}
	for _, row := range w.Settle().Rows() {
		if row.State != rules.Delivered && row.State != rules.Withheld {
			t.Errorf("a row is %v", row.State)
		}
	}
}

// TestHTTP3Fingerprint: the client's JA4 says that it came over QUIC, and is that
// of each connection.
func TestHTTP3Fingerprint(t *testing.T) {
	w, _ := overQUIC(t, http.NotFoundHandler())
	if r := w.Get("/"); r.Err != nil {
		t.Fatal(r.Err)
	}
	got := w.Observer.Next().Peer.JA4
	if !strings.HasPrefix(got, "q13d") || !strings.Contains(got, "h3_") {
		t.Errorf("JA4 is %q", got)
	}
}

// TestHTTP3Streams: bodies of any size go through in both directions, trailers too.
func TestHTTP3Streams(t *testing.T) {
	const size = 8 << 20
	var peak atomic.Uint64
	w, _ := overQUIC(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		w.Header().Set("Trailer", "X-End")
		w.Header().Set("X-Read", fmt.Sprint(n))
		w.Header().Set("Content-Type", "application/octet-stream")
		for range size / (64 << 10) {
			_, _ = w.Write(bytes.Repeat([]byte{0xfe}, 64<<10))
		}
		w.Header().Set("X-End", "reached")
	}), func(s *proxytest.Setup) {
		s.Policy.Routes = []proxy.RouteRule{{Path: "/upload", StreamBody: true}}
		s.WAF.Mode = rules.Observe // the CRS has no octet-stream among the types of its uploads
	})
	request, err := http.NewRequest("POST", w.URL+"/upload", &pattern{left: size, peak: &peak})
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/octet-stream")
	response, err := w.Client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	n, err := io.Copy(io.Discard, response.Body)
	if err != nil || n != size || response.Header.Get("X-Read") != fmt.Sprint(size) || response.Trailer.Get("X-End") != "reached" {
		t.Errorf("%d, read %d bytes: %v; upstream read %s; trailer %v", response.StatusCode, n, err, response.Header.Get("X-Read"), response.Trailer)
	}
	_ = response.Body.Close()
}

// TestHTTP3Cancelled: a client that leaves inside an answer is told apart from one
// that read it.
func TestHTTP3Cancelled(t *testing.T) {
	more := make(chan struct{})
	w, _ := overQUIC(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/x-ndjson")
		_, _ = io.WriteString(w, proxytest.Person(1)+"\n")
		w.(http.Flusher).Flush()
		select {
		case <-more:
		case <-r.Context().Done():
		}
	}))
	defer close(more)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, "GET", w.URL+"/orders", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := w.Client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := response.Body.Read(make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	cancel()
	summary := w.Observer.Next()
	if summary.Reason != rules.ReasonClientGone {
		t.Errorf("the exchange ended as %q", summary.Reason)
	}
	_ = response.Body.Close()
}

// TestHTTP3Connections: connections over QUIC make room as those over TCP do, and
// one that serves a request is not taken for it.
func TestHTTP3Connections(t *testing.T) {
	hold := make(chan struct{})
	entered := make(chan struct{}, 2)
	w, _ := overQUIC(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/hold" {
			entered <- struct{}{}
			<-hold
		}
	}), func(s *proxytest.Setup) { s.Connections = proxy.NewConnections(2, 2, nil) })
	client := func() *http.Client {
		return &http.Client{Transport: quicTransport(t, w, &tls.Config{InsecureSkipVerify: true, ServerName: "shop.example"})}
	}
	get := func(c *http.Client, path string) error {
		response, err := c.Get(w.URL + path)
		if err == nil {
			_ = response.Body.Close()
		}
		return err
	}
	idle, busy := client(), client()
	if err := get(idle, "/"); err != nil {
		t.Fatal(err)
	}
	held := make(chan error, 2)
	go func() { held <- get(busy, "/hold") }()
	<-entered
	third := client()
	if err := get(third, "/"); err != nil { // the idle one made room
		t.Fatalf("a third connection: %v", err)
	}
	if state := w.Connections.State(); state.ReclaimedAddress+state.ReclaimedAll != 1 || state.Open != 2 {
		t.Errorf("%+v: want one connection that made room, and two", state)
	}
	go func() { held <- get(third, "/hold") }()
	<-entered
	if err := get(client(), "/"); err == nil {
		t.Error("a fourth connection was let in while none waits")
	}
	close(hold)
	for range 2 {
		if err := <-held; err != nil {
			t.Errorf("a request that was held: %v", err)
		}
	}
}

// TestHTTP3Refusals: early data, a connection without our certificate's protocol,
// and a tunnel are refused, and the server lives on.
func TestHTTP3Refusals(t *testing.T) {
	w, transport := overQUIC(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	if r := w.Get("/"); r.Err != nil || r.StatusCode != 200 {
		t.Fatal(r.StatusCode, r.Err)
	}
	_, err := quic.DialAddr(t.Context(), w.QUIC, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"smtp"}}, nil)
	if err == nil {
		t.Error("a connection for another protocol was let in")
	}
	// A second connection with a ticket of the first: its data may not be early.
	cache := tls.NewLRUClientSessionCache(1)
	for i := range 2 {
		conn, err := quic.DialAddrEarly(t.Context(), w.QUIC, &tls.Config{InsecureSkipVerify: true, ServerName: "shop.example", NextProtos: []string{"h3"}, ClientSessionCache: cache}, nil)
		if err != nil {
			t.Fatal(err)
		}
		<-conn.HandshakeComplete()
		if conn.ConnectionState().Used0RTT {
			t.Errorf("connection %d used early data", i)
		}
		_ = conn.CloseWithError(0, "")
	}
	raw, err := quic.DialAddr(t.Context(), w.QUIC, &tls.Config{InsecureSkipVerify: true, ServerName: "shop.example", NextProtos: []string{"h3"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	tunnel := transport.NewClientConn(raw)
	stream, err := tunnel.OpenRequestStream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequest(http.MethodConnect, w.URL+"/chat", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Proto = "websocket" // extended CONNECT (RFC 9220)
	if err := stream.SendRequestHeader(request); err != nil {
		t.Fatal(err)
	}
	response, err := stream.ReadResponse()
	if err != nil || response.StatusCode < 400 {
		t.Errorf("a tunnel: %+v, %v: want it refused", response, err)
	}
	_ = raw.CloseWithError(0, "")
	if r := w.Get("/"); r.Err != nil || r.StatusCode != 200 {
		t.Errorf("afterwards: %d %v", r.StatusCode, r.Err)
	}
}

// TestHTTP3Drain: a server that stops lets a request end, and does not wait for
// idle connections.
func TestHTTP3Drain(t *testing.T) {
	a := proxytest.NewAuthority(t)
	ended := secured(t, a, nil, proxytest.Leaf{Names: []string{"shop.example"}})
	entered, hold := make(chan struct{}), make(chan struct{})
	server, err := proxy.ListenHTTP3("127.0.0.1:0", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/hold" {
			close(entered)
			<-hold
		}
		_, _ = io.WriteString(w, "done")
	}), proxy.ServerConfig{TLS: ended, Log: slog.New(slog.DiscardHandler), Timeouts: proxy.Timeouts{Drain: time.Minute}})
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve() }()
	w := &proxytest.World{QUIC: server.Addr()}
	client := func() *http.Client {
		return &http.Client{Transport: quicTransport(t, w, &tls.Config{RootCAs: a.Pool, ServerName: "shop.example"})}
	}
	idle, busy := client(), client()
	if response, err := idle.Get("https://shop.example/"); err != nil {
		t.Fatal(err)
	} else {
		_ = response.Body.Close()
	}
	answered := make(chan string, 1)
	go func() {
		response, err := busy.Get("https://shop.example/hold")
		if err != nil {
			answered <- err.Error()
			return
		}
		body, _ := io.ReadAll(response.Body)
		_ = response.Body.Close()
		answered <- string(body)
	}()
	<-entered
	down := make(chan error, 1)
	go func() { down <- server.Shutdown(context.Background()) }()
	close(hold)
	if got := <-answered; got != "done" {
		t.Errorf("the request under way got %q", got)
	}
	if err := <-down; err != nil {
		t.Errorf("shutdown: %v", err)
	}
	if err := <-served; err != nil {
		t.Errorf("serve: %v", err)
	}
}
