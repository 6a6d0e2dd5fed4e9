package proxy_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/ordergate/ordergate/proxy"
	"github.com/ordergate/ordergate/proxy/proxytest"
	"github.com/ordergate/ordergate/rules"
)

var streamSize = flag.Int64("stream", 32<<20, "bytes of the streamed upload and download; a gigabyte is 1073741824")

// pattern is so many bytes that are read, not held; peak is how much memory was in
// use meanwhile.
type pattern struct {
	left, read int64
	peak       *atomic.Uint64
}

// Read implements io.Reader.
func (p *pattern) Read(b []byte) (int, error) {
	if p.left == 0 {
		return 0, io.EOF
	}
	n := int(min(int64(len(b)), p.left))
	for i := range b[:n] {
		b[i] = byte('a' + (p.read+int64(i))%23)
	}
	if p.read>>22 != (p.read+int64(n))>>22 { // every 4 MiB
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		p.peak.Store(max(p.peak.Load(), m.HeapAlloc))
	}
	p.left, p.read = p.left-int64(n), p.read+int64(n)
	return n, nil
}

// TestStreams: an upload and a download of any size go through byte for byte, with
// bounded memory: TestStreams -stream 1073741824 sends a gigabyte each way.
func TestStreams(t *testing.T) {
	var peak atomic.Uint64
	size := *streamSize
	if testing.Short() { // under the race detector every byte costs a hundred times as much
		size = min(size, 4<<20)
	}
	sum := func(r io.Reader) string {
		h := sha256.New()
		n, err := io.Copy(h, r)
		return fmt.Sprintf("%d %x %v", n, h.Sum(nil), err)
	}
	want := sum(&pattern{left: size, peak: &peak})
	peak.Store(0)
	got := make(chan string, 1)
	w := proxytest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			got <- sum(r.Body)
			return
		}
		w.Header().Set("Content-Type", "application/octet-stream")
		_, _ = io.Copy(w, &pattern{left: size, peak: &peak})
	}), func(s *proxytest.Setup) {
		s.Policy.Routes = []proxy.RouteRule{{Path: "/upload", StreamBody: true}}
		s.WAF.Mode = rules.Observe // the CRS has no octet-stream among the types of its uploads
	})
	w.Get("/warm") // also makes its stream once
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	peak.Store(0)
	request, err := http.NewRequestWithContext(context.Background(), http.MethodPost, w.URL+"/upload", &pattern{left: size, peak: &peak})
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/octet-stream")
	response, err := w.Client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if uploaded := <-got; uploaded != want || response.StatusCode != http.StatusOK {
		t.Errorf("upload: %d, %s, want %s", response.StatusCode, uploaded, want)
	}
	if downloaded := sum(open(t, w, "/download").Body); downloaded != want {
		t.Errorf("download: %s, want %s", downloaded, want)
	}
	if most := peak.Load(); most > before.HeapAlloc+(64<<20) {
		t.Errorf("%d MiB in use before, %d MiB at most while %d bytes went each way", before.HeapAlloc>>20, most>>20, size)
	}
	t.Logf("%d MiB in use before, %d MiB at most while %d bytes went each way", before.HeapAlloc>>20, peak.Load()>>20, size)
}

// TestMessages: gRPC calls keep their messages and their trailer fields, over
// HTTP/2 on both sides of a client, and are counted as not inspected.
func TestMessages(t *testing.T) {
	w := proxytest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/grpc")
		w.Header().Set("Trailer", "Grpc-Status")
		_, _ = w.Write(body)
		w.Header().Set("Grpc-Status", "0")
	}), func(s *proxytest.Setup) { s.WAF.Mode = rules.Observe })
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: protocols}
	defer transport.CloseIdleConnections()
	message := "\x00\x00\x00\x00\x08\x0A\x06Teapot"
	request, err := http.NewRequestWithContext(context.Background(), http.MethodPost, w.URL+"/shop.Orders/Get", strings.NewReader(message))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/grpc")
	request.Header.Set("Te", "trailers")
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // a test's own
	body, err := io.ReadAll(response.Body)
	if err != nil || string(body) != message || response.Trailer.Get("Grpc-Status") != "0" || response.ProtoMajor != 2 {
		t.Errorf("%q, trailer %v, HTTP/%d, %v", body, response.Trailer, response.ProtoMajor, err)
	}
}

// TestEarlyHints: an interim answer reaches the client before the platform has the
// final one, and the final one is inspected like any other.
func TestEarlyHints(t *testing.T) {
	hinted := make(chan struct{})
	w := proxytest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "</style.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		<-hinted
		onePerson(w, r)
	}))
	var link string
	trace := &httptrace.ClientTrace{Got1xxResponse: func(code int, header textproto.MIMEHeader) error {
		if code == http.StatusEarlyHints {
			link = header.Get("Link")
			close(hinted)
		}
		return nil
	}}
	request, err := http.NewRequestWithContext(httptrace.WithClientTrace(context.Background(), trace), http.MethodGet, w.URL+"/page", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := w.Client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // a test's own
	if body, err := io.ReadAll(response.Body); err != nil || response.StatusCode != http.StatusOK || link == "" || string(body) != proxytest.Person(1) {
		t.Errorf("%d %q, hint %q, %v", response.StatusCode, body, link, err)
	}
	if s := w.Observer.Next(); s.Subjects == [3]int{} {
		t.Error("the answer behind the hint was not inspected")
	}
}

// TestExpectTooMuch: a body that is too large is refused before it is invited; what
// is invited is in testdata/wire.
func TestExpectTooMuch(t *testing.T) {
	w := proxytest.Start(t, people)
	got := raw(w, "POST /basket HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: t\r\nAccept: */*\r\nContent-Length: 1048576\r\nExpect: 100-continue\r\n\r\n", nil)
	if got.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("%d first, %v", got.StatusCode, got.Err)
	}
}

// TestWebSocket: frames go both ways after the handshake of RFC 6455, and either
// side may end.
func TestWebSocket(t *testing.T) {
	w := proxytest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Upgrade", "websocket")
		w.Header().Set("Connection", "Upgrade")
		w.Header().Set("Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") // of the RFC's own key
		w.WriteHeader(http.StatusSwitchingProtocols)
		conn, both, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close() //nolint:errcheck // a test's own
		for frame := make([]byte, 11); ; {
			if _, err := io.ReadFull(both, frame); err != nil {
				return
			}
			_, _ = conn.Write([]byte("\x81\x05Hello"))
		}
	}))
	conn := dial(t, w)
	_, _ = io.WriteString(conn, "GET /chat HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: t\r\nAccept: */*\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
	reader := bufio.NewReader(conn)
	response, err := http.ReadResponse(reader, nil)
	if err != nil || response.StatusCode != http.StatusSwitchingProtocols || response.Header.Get("Sec-Websocket-Accept") == "" {
		t.Fatal(response, err)
	}
	for range 3 {
		_, _ = conn.Write([]byte("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58")) // "Hello", masked (RFC 6455, 5.7)
		answer := make([]byte, 7)
		if _, err := io.ReadFull(reader, answer); err != nil || string(answer) != "\x81\x05Hello" {
			t.Fatalf("%q %v", answer, err)
		}
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.Close()
	}
	if s := w.Observer.Next(); s.Uninspected != rules.UninspectedNone {
		t.Errorf("uninspected %q", s.Uninspected)
	}
}
