package proxy_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"

	"github.com/ordergate/ordergate/proxy"
	"github.com/ordergate/ordergate/proxy/proxytest"
	"github.com/ordergate/ordergate/rules"
)

// encode compresses text as a Content-Encoding says.
func encode(t testing.TB, encoding, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	switch encoding {
	case "gzip":
		w = gzip.NewWriter(&b)
	case "deflate":
		w = zlib.NewWriter(&b)
	case "br":
		w = brotli.NewWriter(&b)
	case "zstd":
		encoder, err := zstd.NewWriter(&b)
		if err != nil {
			t.Fatal(err)
		}
		w = encoder
	default:
		return []byte(text)
	}
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestBytesPass: every kind of response that carries nothing foreign reaches
// the client byte for byte, with its header.
func TestBytesPass(t *testing.T) {
	catalogue := strings.Repeat(`<li class="product"><a href="/p/1">Teapot</a> <span>€ 24.95</span></li>`, 5000)
	cases := []struct {
		name, contentType, encoding, body string
		status                            int
	}{
		{"html", "text/html; charset=utf-8", "", "<html>" + catalogue, 200},
		{"json", "application/json", "", `{"items":[` + strings.Repeat(`{"sku":"T-1","price":2495},`, 9000) + `{}]}`, 200},
		{"broken json", "application/json", "", `{"items":[{"sku":`, 200},
		{"one own record", "application/json", "", proxytest.Person(1), 200},
		{"gzip", "text/html", "gzip", catalogue, 200},
		{"deflate", "text/html", "deflate", catalogue, 200},
		{"brotli", "text/html", "br", catalogue, 200},
		{"zstd", "text/html", "zstd", catalogue, 200},
		{"image", "image/png", "", "\x89PNG\r\n\x1a\n" + strings.Repeat("\x00\xff", 40000), 200},
		{"pdf", "application/pdf", "", "%PDF-1.4\n1 0 obj\n<< /Length 9 >>\nstream\n" + strings.Repeat("(Teapot) Tj ", 40000) + "\nendstream\nendobj\n", 200},
		{"spreadsheet of another kind", "application/zip", "", "PK\x03\x04" + strings.Repeat("\x00\xff", 40000), 200},
		{"gzip file", "application/gzip", "", string(encode(t, "gzip", catalogue)), 200},
		{"gzip file that breaks off", "application/gzip", "", string(encode(t, "gzip", catalogue))[:100], 200},
		{"messages", "application/grpc", "", strings.Repeat("\x00\x00\x00\x00\x08\x0A\x06Teapot", 5000), 200},
		{"program", "text/javascript", "", "!function(){" + strings.Repeat("var a={b:1};", 9000) + "}()", 200},
		{"packed program", "text/javascript", "gzip", "!function(){" + strings.Repeat("var a={b:1};", 90000) + "}()", 200},
		{"data script", "text/javascript", "br", "var items=[" + strings.Repeat(`{sku:"T-1",price:2495},`, 9000) + "]", 200},
		{"no type", "", "", "hello", 200},
		{"empty", "text/html", "", "", 200},
		{"not found", "text/html", "", "<html>nothing here</html>", 404},
		{"server error", "application/json", "", `{"error":"sorry"}`, 500},
		{"redirect", "text/html", "", "<a href=/>moved</a>", 302},
		{"not modified", "text/html", "", "", 304},
		{"no content", "", "", "", 204},
	}
	for _, c := range cases {
		for _, chunked := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, chunked %v", c.name, chunked), func(t *testing.T) {
				sent := encode(t, c.encoding, c.body)
				w := proxytest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					w.Header()["Content-Type"] = nil
					if c.contentType != "" {
						w.Header().Set("Content-Type", c.contentType)
					}
					if c.encoding != "" {
						w.Header().Set("Content-Encoding", c.encoding)
					}
					w.Header().Set("ETag", `"v1"`)
					w.WriteHeader(c.status)
					if chunked {
						_ = http.NewResponseController(w).Flush()
					}
					if c.status != 204 && c.status != 304 {
						_, _ = w.Write(sent)
					}
				}))
				got := w.Get("/page", "Accept-Encoding: gzip, deflate, br, zstd")
				if got.Err != nil || got.StatusCode != c.status || got.Body != string(sent) || got.Header.Get("ETag") != `"v1"` || got.Header.Get("Content-Encoding") != c.encoding {
					t.Fatalf("status %d, %d bytes, header %v, error %v: want %d and %d bytes", got.StatusCode, len(got.Body), got.Header, got.Err, c.status, len(sent))
				}
				if s := w.Observer.Next(); s.Reason != rules.ReasonNone {
					t.Errorf("outcome %s", s.Reason)
				}
				head := w.Do(http.MethodHead, "/page", "")
				if head.Err != nil || head.StatusCode != c.status || head.Body != "" {
					t.Errorf("HEAD: %d %q %v", head.StatusCode, head.Body, head.Err)
				}
			})
		}
	}
}

// TestRequestsPass: what the upstream reads is what the client wrote.
func TestRequestsPass(t *testing.T) {
	type seen struct {
		line, body, host string
		header           http.Header
	}
	got := make(chan seen, 1)
	w := proxytest.Start(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- seen{r.Method + " " + r.RequestURI, string(body), r.Host, r.Header}
	}))
	for _, line := range []string{
		"GET /", "GET /a%20b/c%2Fd?q=%C3%A9&x=1+2&y", "GET //double//slash", "GET /a/.b;c/d", "DELETE /basket/1?force", "GET /?a=b&a=c", "GET /p?",
		"POST /checkout", "PUT /basket/1", "PATCH /basket/1", "OPTIONS /api",
	} {
		method, uri, _ := strings.Cut(line, " ")
		body := ""
		if method == "POST" || method[0] == 'P' {
			body = `{"sku":"T-1"}`
		}
		if r := w.Do(method, uri, body, "Content-Type: application/json", "X-Forwarded-For: 203.0.113.9", "X-Forwarded-Proto: https", "Cookie: sid=abc"); r.StatusCode != 200 {
			t.Errorf("%s: status %d, outcome %s", line, r.StatusCode, w.Observer.Next().Reason)
			continue
		}
		s := <-got
		if s.line != line || s.body != body {
			t.Errorf("sent %q %q, the upstream read %q %q", line, body, s.line, s.body)
		}
		if s.header.Get("X-Forwarded-Proto") != "http" || s.header.Get("X-Forwarded-For") != "127.0.0.1" || s.header.Get("Cookie") != "sid=abc" || !strings.HasPrefix(w.URL, "http://"+s.host) {
			t.Errorf("header %v, host %s", s.header, s.host)
		}
	}
}

func TestAcceptEncodingIsNarrowed(t *testing.T) {
	got := make(chan string, 1)
	w := proxytest.Start(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got <- r.Header.Get("Accept-Encoding") }))
	for sent, want := range map[string]string{
		"gzip, deflate, br, zstd": "gzip, deflate, br, zstd", "sdch, gzip;q=0.5, dcb": "gzip;q=0.5", "compress": "identity", "": "identity",
	} {
		w.Get("/", "Accept-Encoding: "+sent)
		if read := <-got; read != want {
			t.Errorf("Accept-Encoding %q reaches the upstream as %q, want %q", sent, read, want)
		}
	}
}

// TestH2C: the same gateway speaks HTTP/2 without TLS.
func TestH2C(t *testing.T) {
	w := proxytest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"read":%q}`, r.URL.Path)
	}))
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: protocols}
	defer transport.CloseIdleConnections()
	response, err := (&http.Client{Transport: transport}).Get(w.URL + "/over/h2")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // a test's own
	body, err := io.ReadAll(response.Body)
	if err != nil || response.ProtoMajor != 2 || string(body) != `{"read":"/over/h2"}` {
		t.Errorf("HTTP/%d, %q, %v", response.ProtoMajor, body, err)
	}
}

// TestEventStream: an event reaches the client before the next one is made.
func TestEventStream(t *testing.T) {
	next := make(chan struct{})
	w := proxytest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for i := range 3 {
			fmt.Fprintf(w, "data: {\"stock\":%d}\n\n", i)
			_ = http.NewResponseController(w).Flush()
			<-next
		}
	}))
	request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, w.URL+"/events", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := w.Client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // a test's own
	lines := bufio.NewScanner(response.Body)
	for i := range 3 {
		if !lines.Scan() || lines.Text() != fmt.Sprintf(`data: {"stock":%d}`, i) {
			t.Fatalf("event %d: %q %v", i, lines.Text(), lines.Err())
		}
		lines.Scan()
		next <- struct{}{}
	}
}

// TestUpgrade: nobody changes to a protocol that is not inspected; the same request is
// answered without.
func TestUpgrade(t *testing.T) {
	seen := make(chan http.Header, 1)
	w := proxytest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen <- r.Header
		if protocol := r.Header.Get("Upgrade"); protocol != "" {
			w.Header().Set("Upgrade", protocol)
			w.Header().Set("Connection", "Upgrade")
			w.WriteHeader(http.StatusSwitchingProtocols)
			return
		}
		_, _ = io.WriteString(w, "as ever")
	}))
	for _, header := range []string{
		"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n",
		"Connection: Upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n",
		"Connection: Upgrade\r\nUpgrade: websocket, h2c\r\n",
		"Connection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c\r\n",
		"Connection: Upgrade\r\nUpgrade: TLS/1.2\r\n",
		"Connection: Upgrade\r\nUpgrade: echo\r\n",
	} {
		got := raw(w, "GET /ws HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: t\r\nAccept: */*\r\n"+header+"\r\n", nil)
		if got.StatusCode != http.StatusOK || got.Body != "as ever" {
			t.Errorf("%q: %d %q", header, got.StatusCode, got.Body)
			continue
		}
		if h := <-seen; h.Get("Upgrade") != "" || h.Get("Connection") != "" || h.Get("Http2-Settings") != "" {
			t.Errorf("%q: the platform is told %v", header, h)
		}
	}
}

// TestReverseProxyHeaders pins the two things we rely on the standard library for.
func TestReverseProxyHeaders(t *testing.T) {
	got := make(chan http.Header, 1)
	w := proxytest.Start(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got <- r.Header }),
		func(s *proxytest.Setup) { s.Policy.TrustedProxies = prefixes("127.0.0.0/8", "198.51.100.0/24") })
	w.Get("/", "X-Forwarded-For: 203.0.113.9, 198.51.100.7", "X-Forwarded-Proto: https", "X-Forwarded-Host: shop.example", "Proxy-Authorization: Basic x", "Te: trailers")
	header := <-got
	if header.Get("X-Forwarded-Proto") != "https" || header.Get("X-Forwarded-Host") != "shop.example" {
		t.Errorf("a trusted hop's scheme and host: %q %q", header.Get("X-Forwarded-Proto"), header.Get("X-Forwarded-Host"))
	}
	if xff := header.Get("X-Forwarded-For"); xff != "203.0.113.9, 198.51.100.7, 127.0.0.1" {
		t.Errorf("X-Forwarded-For behind a trusted hop: %q", xff)
	}
	if header.Get("Proxy-Authorization") != "" {
		t.Error("a hop-by-hop header went on")
	}
}

// TestSlowIsNotGone: a response that takes longer than the read and write
// timeouts, and moves, is not cut; so is an upload.
func TestSlowIsNotGone(t *testing.T) {
	const timeout = time.Second // a busy machine may stand still for longer than a third of less
	w := proxytest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		for i := range 5 {
			fmt.Fprintf(w, "data: %d of %d\n\n", i, len(body))
			_ = http.NewResponseController(w).Flush()
			<-time.After(timeout / 3) // the deadline under test is the socket's own
		}
	}), func(s *proxytest.Setup) {
		s.Timeouts.Read, s.Timeouts.Write = timeout, timeout
		s.WAF.Mode = rules.Observe // the CRS has no text/plain among the types of its uploads
		s.Policy.Routes = []proxy.RouteRule{{Path: "/upload", StreamBody: true}}
	})
	if got := w.Get("/events"); got.Err != nil || !strings.HasSuffix(got.Body, "data: 4 of 0\n\n") {
		t.Errorf("a slow response: %q, %v", got.Body, got.Err)
	}
	got := w.Do(http.MethodPost, "/upload", strings.Repeat("x", 300<<10), "Content-Type: text/plain")
	if got.Err != nil || !strings.HasSuffix(got.Body, fmt.Sprintf("data: 4 of %d\n\n", 300<<10)) {
		t.Errorf("a streamed upload: %q, %v", got.Body, got.Err)
	}
}

// TestTimeOfDecisions: a gateway whose decisions take another time than the
// machine's still serves: deadlines of sockets are the machine's.
func TestTimeOfDecisions(t *testing.T) {
	for _, year := range []int{2001, 2051} {
		w := proxytest.Start(t, people, func(s *proxytest.Setup) {
			s.Now = func() time.Time { return time.Date(year, 3, 2, 0, 0, 0, 0, time.UTC) }
			s.Policy.Routes = []proxy.RouteRule{{Path: "/upload", StreamBody: true}}
		})
		if got := w.Get("/people?from=0&n=1"); got.Err != nil || got.StatusCode != http.StatusOK {
			t.Errorf("in %d: answered %d, %v", year, got.StatusCode, got.Err)
		}
		for _, row := range w.Settle().Rows() {
			if row.Time.Year() != year {
				t.Errorf("in %d: a row of %s", year, row.Time)
			}
		}
	}
}
