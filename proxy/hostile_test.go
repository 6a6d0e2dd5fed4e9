package proxy_test

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/ordergate/ordergate/proxy"
	"github.com/ordergate/ordergate/proxy/proxytest"
	"github.com/ordergate/ordergate/rules"
)

var floodSize = flag.Int("flood", 1000, "connections, streams and frames of each flood")

// flat runs an attack, and wants memory and goroutines back where they were
// when it is over; most is how many goroutines it may hold meanwhile.
func flat(t *testing.T, w *proxytest.World, attack func()) {
	t.Helper()
	if got := w.Get("/products"); got.StatusCode != http.StatusOK { // whatever is made once is made
		t.Fatalf("before: %d %v", got.StatusCode, got.Err)
	}
	memory := func() uint64 {
		runtime.GC()
		runtime.GC() // what a sync.Pool holds outlives the first: Coraza's transactions keep the room of 11,000 names
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	heap, goroutines := memory(), runtime.NumGoroutine()
	attack()
	if got := w.Get("/products"); got.StatusCode != http.StatusOK {
		t.Errorf("an honest client, after the attack: %d %v", got.StatusCode, got.Err)
	}
	for give := time.Now().Add(30 * time.Second); runtime.NumGoroutine() > goroutines+16; runtime.Gosched() {
		if time.Now().After(give) {
			t.Fatalf("%d goroutines before, %d after", goroutines, runtime.NumGoroutine())
		}
	}
	if after := memory(); after > heap+(16<<20) {
		t.Errorf("%d KiB before, %d after", heap>>10, after>>10)
	}
}

// TestIdleFlood: many connections that never ask for anything shut nobody out, and
// hold no more than there may be. The twin is a client that keeps its connection.
func TestIdleFlood(t *testing.T) {
	const most = 100
	w := proxytest.Start(t, people, bounds(most, most, nil))
	flat(t, w, func() {
		conns := make([]net.Conn, *floodSize)
		for i := range conns {
			conns[i] = dial(t, w)
			if i%100 == 99 {
				if got := ask(t, dial(t, w), "/products"); got != http.StatusOK {
					t.Fatalf("an honest client beside %d idle ones: %d", i, got)
				}
			}
			if i >= most {
				closed(t, conns[i-most]) // the one that waited longest made room
			}
		}
		if s := w.Connections.State(); s.Open > most || s.RefusedAll+s.RefusedAddress > 0 || s.ReclaimedAddress < uint64(*floodSize-most) {
			t.Errorf("%+v", s)
		}
		for _, conn := range conns {
			_ = conn.Close()
		}
	})
}

// TestSlowClients: slow headers, bodies and readers end with their timeouts, and
// honest clients are served beside them.
func TestSlowClients(t *testing.T) {
	const clients, head = 50, " HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: t\r\nAccept: */*\r\n"
	large := strings.Repeat(`{"sku":"T-1","name":"Teapot","price":2495},`, 500_000)
	upstream := func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/large" {
			people(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/javascript")
		_, _ = io.WriteString(w, large)
	}
	for name, send := range map[string]string{
		"headers": "GET /products HTTP/1.1\r\nHost: shop.example\r\nX-A: b",
		"bodies":  "POST /basket" + head + "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\nsku=",
		"readers": "GET /large" + head + "\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			w := proxytest.Start(t, http.HandlerFunc(upstream), func(s *proxytest.Setup) {
				s.Timeouts.ReadHeader, s.Timeouts.Read, s.Timeouts.Write = time.Second, time.Second, time.Second
				if name == "readers" { // whoever is cut before he asked, on a loaded machine, is no exchange that ends
					s.Timeouts.ReadHeader, s.Timeouts.Read = time.Minute, time.Minute
				}
			})
			flat(t, w, func() {
				var all sync.WaitGroup
				over := make(chan struct{})
				for range clients {
					conn := dial(t, w)
					if tcp, ok := conn.(*net.TCPConn); ok {
						_ = tcp.SetReadBuffer(4 << 10)
					}
					all.Go(func() {
						defer conn.Close() //nolint:errcheck // a test's own
						_, _ = io.WriteString(conn, send)
						if name != "readers" {
							_, _ = io.Copy(io.Discard, conn) // ends when the gateway does
						}
						<-over
					})
				}
				if got := ask(t, dial(t, w), "/products"); got != http.StatusOK {
					t.Errorf("an honest client beside them: %d", got)
				}
				for slow := 0; name == "readers" && slow < clients; { // nobody reads, nobody leaves: the write timeout ends them
					if s := w.Observer.Next(); s.Reason != rules.ReasonNone { // it may take a little less than the timeout, which began before it
						slow++
					}
				}
				close(over)
				all.Wait()
			})
		})
	}
}

// h2 is an attacker's connection: frames as it likes, without TLS.
func h2(t *testing.T, w *proxytest.World) (*http2.Framer, net.Conn) {
	t.Helper()
	conn := dial(t, w)
	_, _ = io.WriteString(conn, http2.ClientPreface)
	framer := http2.NewFramer(conn, bufio.NewReader(conn))
	framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	if err := framer.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	return framer, conn
}

// fields encodes a request's header.
func fields(path string, more ...string) []byte {
	var b bytes.Buffer
	encoder := hpack.NewEncoder(&b)
	for _, f := range [][2]string{{":method", "GET"}, {":scheme", "http"}, {":authority", "shop.example"}, {":path", path}, {"user-agent", "t"}, {"accept", "*/*"}} {
		_ = encoder.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]})
	}
	for i, value := range more {
		_ = encoder.WriteField(hpack.HeaderField{Name: fmt.Sprintf("x-%d", i), Value: value})
	}
	return b.Bytes()
}

// answerOf reads frames until a stream's answer begins, and returns its status, or
// the error that the connection ended with.
func answerOf(framer *http2.Framer, stream uint32) (string, error) {
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			return "", err
		}
		switch f := frame.(type) {
		case *http2.MetaHeadersFrame:
			if f.StreamID == stream {
				return f.PseudoValue("status"), nil
			}
		case *http2.GoAwayFrame:
			return "", fmt.Errorf("GOAWAY %s", f.ErrCode) //nolint:err113 // a test's own
		}
	}
}

// TestRapidReset (CVE-2023-44487): streams that are reset as they begin. The twin
// asks as often, and waits for its answers.
func TestRapidReset(t *testing.T) {
	w := proxytest.Start(t, people)
	flat(t, w, func() {
		framer, conn := h2(t, w)
		go func() { _, _ = io.Copy(io.Discard, conn) }()
		header, peak := fields("/products"), 0
		for i := range *floodSize {
			stream := uint32(2*i + 1)
			if framer.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: header, EndHeaders: true, EndStream: true}) != nil ||
				framer.WriteRSTStream(stream, http2.ErrCodeCancel) != nil {
				break // the gateway has had enough
			}
			peak = max(peak, runtime.NumGoroutine())
		}
		if peak > 4*250+500 { // handlers under way are bounded by the streams of a connection
			t.Errorf("%d goroutines", peak)
		}
		if got := ask(t, dial(t, w), "/products"); got != http.StatusOK {
			t.Errorf("an honest client beside it: %d", got)
		}
		_ = conn.Close()
	})
	framer, _ := h2(t, w)
	for i := range 50 {
		stream := uint32(2*i + 1)
		_ = framer.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: fields("/products"), EndHeaders: true, EndStream: true})
		if status, err := answerOf(framer, stream); status != "200" {
			t.Fatalf("the twin's request %d: %s %v", i, status, err)
		}
	}
}

// TestContinuationFlood (CVE-2023-45288): a header that does not end. The twin's
// header comes in several frames, and ends.
func TestContinuationFlood(t *testing.T) {
	w := proxytest.Start(t, people)
	flat(t, w, func() {
		framer, conn := h2(t, w)
		ended := make(chan error, 1)
		go func() {
			_, err := answerOf(framer, 1)
			ended <- err
		}()
		if err := framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: fields("/products"), EndStream: true}); err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		_ = hpack.NewEncoder(&b).WriteField(hpack.HeaderField{Name: "x-a", Value: strings.Repeat("a", 8<<10), Sensitive: true})
		sent := 0
		for ; sent < 10_000; sent++ {
			if framer.WriteContinuation(1, false, b.Bytes()) != nil {
				break
			}
		}
		if err := <-ended; err == nil || sent == 10_000 {
			t.Errorf("%d frames were taken, then %v: want the connection closed", sent, err)
		}
		_ = conn.Close()
	})
	framer, _ := h2(t, w)
	header := fields("/products", strings.Repeat("b", 100))
	_ = framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: header[:20], EndStream: true})
	_ = framer.WriteContinuation(1, false, header[20:40])
	_ = framer.WriteContinuation(1, true, header[40:])
	if status, err := answerOf(framer, 1); status != "200" {
		t.Errorf("the twin: %s %v", status, err)
	}
}

// TestManyHeaders: a header is bounded by its bytes however many lines they make,
// on both protocols. The twin sends what browsers send at most.
func TestManyHeaders(t *testing.T) {
	w := proxytest.Start(t, people)
	lines := func(n int) []string {
		headers := make([]string, n)
		for i := range headers {
			headers[i] = fmt.Sprintf("X-%d: b", i)
		}
		return headers
	}
	flat(t, w, func() {
		for n, want := range map[int]int{50: http.StatusOK, 20_000: http.StatusRequestHeaderFieldsTooLarge} {
			got := raw(w, "GET /products HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: t\r\nAccept: */*\r\n"+strings.Join(lines(n), "\r\n")+"\r\n\r\n", func(c *net.TCPConn, _ *bufio.Reader) {})
			if got.StatusCode != want && !(want >= 400 && got.StatusCode == 0) { // or cut while it still sends
				t.Errorf("HTTP/1.1 with %d: %d %v", n, got.StatusCode, got.Err)
			}
			framer, conn := h2(t, w)
			header := fields("/products", make([]string, n)...)
			first := min(len(header), 10_000)
			_ = framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: header[:first], EndStream: true, EndHeaders: first == len(header)})
			for rest := header[first:]; len(rest) > 0; {
				piece := rest[:min(len(rest), 10_000)]
				if rest = rest[len(piece):]; framer.WriteContinuation(1, len(rest) == 0, piece) != nil {
					break
				}
			}
			status, err := answerOf(framer, 1)
			if ok := status == "200"; ok != (want == http.StatusOK) || err == nil && !ok && status != "431" {
				t.Errorf("HTTP/2 with %d: %s %v", n, status, err)
			}
			_ = conn.Close()
		}
	})
}

// TestHashFlood: names that collide under the hash functions of other languages
// cost what the same number of names costs that do not; beyond the limit of
// parameters both are refused.
func TestHashFlood(t *testing.T) {
	w := proxytest.Start(t, people, func(s *proxytest.Setup) {
		s.Policy.Routes = []proxy.RouteRule{{Path: "/products", RequestBody: 1 << 20}}
	})
	names := func(n int, collide bool) string {
		var b strings.Builder
		for i := range n {
			if i > 0 {
				b.WriteByte('&')
			}
			for bit := range 14 { // "Aa" and "BB" have one hash in Java, and so have their rows
				switch {
				case !collide:
					b.WriteByte(byte('a' + i>>bit&1 + 2*(bit%8)))
				case i>>bit&1 == 0:
					b.WriteString("Aa")
				default:
					b.WriteString("BB")
				}
			}
			b.WriteString("=1")
		}
		return b.String()
	}
	sizes := []int{100, 1000, 11_000}
	if testing.Short() { // the race detector makes a minute of the last one, and keeps its own memory for it
		sizes = sizes[:2]
	}
	flood := func() {
		for _, n := range sizes {
			var statuses [2]int
			for i, collide := range []bool{true, false} {
				got := w.Do(http.MethodPost, "/products", names(n, collide), "Content-Type: application/x-www-form-urlencoded", "User-Agent: t", "Accept: */*")
				statuses[i] = got.StatusCode
			}
			if statuses[0] != statuses[1] || statuses[0] == http.StatusInternalServerError {
				t.Errorf("%d names: %d where they collide, %d where not", n, statuses[0], statuses[1])
			}
		}
	}
	flood() // the WAF keeps the largest of its buffers
	flat(t, w, flood)
}

// TestRequestBomb: a compressed request body is never decompressed here, whatever
// it would come to: the Core Rule Set refuses what it cannot read. The twin is the
// same order as it is.
func TestRequestBomb(t *testing.T) {
	bomb := 64 << 20
	if testing.Short() { // the race detector takes ten seconds to pack it
		bomb = 8 << 20
	}
	w := proxytest.Start(t, people)
	order := url.Values{"sku": {"T-1"}}.Encode()
	flat(t, w, func() {
		for _, c := range []struct {
			name, body, encoding string
			want                 int
		}{
			{"bomb", string(encode(t, "gzip", strings.Repeat("0", bomb))), "gzip", http.StatusForbidden},
			{"compressed order", string(encode(t, "gzip", order)), "gzip", http.StatusForbidden},
			{"twin", order, "", http.StatusNotFound},
		} {
			headers := []string{"Content-Type: application/x-www-form-urlencoded", "User-Agent: t", "Accept: */*"}
			if c.encoding != "" {
				headers = append(headers, "Content-Encoding: "+c.encoding)
			}
			if got := w.Do(http.MethodPost, "/basket", c.body, headers...); got.StatusCode != c.want {
				t.Errorf("%s: %d %v, want %d", c.name, got.StatusCode, got.Err, c.want)
			}
		}
	})
}
