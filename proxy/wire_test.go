package proxy_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/ordergate/ordergate/proxy"
	"github.com/ordergate/ordergate/proxy/proxytest"
	"github.com/ordergate/ordergate/rules"
)

// wireLimit ends a case that would hang.
const wireLimit = time.Minute

// rawUpstream is a server that reads requests as bytes, and answers bytes.
type rawUpstream struct {
	listener net.Listener
	answer   string // raw; closed behind it
	got      chan string
}

func startRaw(t *testing.T, answer string) *rawUpstream {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	u := &rawUpstream{listener: listener, answer: answer, got: make(chan string, 16)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			u.serve(conn)
		}
	}()
	t.Cleanup(func() {
		_ = listener.Close() // a test's own
		<-done
	})
	return u
}

// serve reads one request to its end, keeps its bytes, and answers.
func (u *rawUpstream) serve(conn net.Conn) {
	defer conn.Close() //nolint:errcheck // a test's own
	_ = conn.SetDeadline(time.Now().Add(wireLimit))
	var raw bytes.Buffer
	request, err := http.ReadRequest(bufio.NewReader(io.TeeReader(oneByOne{conn}, &raw)))
	if err == nil {
		_, err = io.Copy(io.Discard, request.Body)
	}
	if err == nil {
		u.got <- raw.String()
	}
	_, _ = io.WriteString(conn, u.answer)
}

// oneByOne reads a byte at a time, so that a reader behind it never takes more
// than it needs.
type oneByOne struct{ io.Reader }

func (r oneByOne) Read(b []byte) (int, error) {
	return r.Reader.Read(b[:min(len(b), 1)]) //nolint:wrapcheck // io.Reader's contract
}

var repeats = regexp.MustCompile(`\{(\d+)\*([^}]+)\}`)

// wire turns a case's lines into bytes: every line ends in CRLF unless it ends
// in a backslash; \xHH, \r, \n, \t, \0 and \\ are escapes; {90*ab} is repeated.
func wire(t *testing.T, lines []string) string {
	t.Helper()
	var b strings.Builder
	for _, line := range lines {
		line, open := strings.CutSuffix(line, `\`)
		line = repeats.ReplaceAllStringFunc(line, func(s string) string {
			m := repeats.FindStringSubmatch(s)
			n, _ := strconv.Atoi(m[1])
			return strings.Repeat(m[2], n)
		})
		text, err := strconv.Unquote(`"` + strings.ReplaceAll(strings.ReplaceAll(line, `"`, `\"`), `\0`, `\x00`) + `"`)
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		b.WriteString(text)
		if !open {
			b.WriteString("\r\n")
		}
	}
	return b.String()
}

// wireCases reads the cases of an archive: the raw side before the line ---,
// what is to come of it behind it.
func wireCases(t *testing.T, name string) []wireCase {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "wire", name))
	if err != nil {
		t.Fatal(err)
	}
	var cases []wireCase
	for _, file := range txtar.Parse(text).Files {
		raw, want, ok := strings.Cut(string(file.Data), "\n---\n")
		if !ok {
			t.Fatalf("%s: no line ---", file.Name)
		}
		cases = append(cases, wireCase{file.Name, strings.Split(raw, "\n"), strings.Split(strings.TrimSpace(want), "\n")})
	}
	return cases
}

type wireCase struct {
	name      string
	raw, want []string
}

// exchange sends raw to the gateway, with half also the end of what it sends,
// and reads until the gateway closes the connection, idle or not.
func exchange(t *testing.T, w *proxytest.World, raw string, half bool) string {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() //nolint:errcheck // a test's own
	_ = conn.SetDeadline(time.Now().Add(wireLimit))
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		_, _ = io.WriteString(conn, raw) // refused early: the rest has no reader
		if half {
			_ = conn.(*net.TCPConn).CloseWrite()
		}
	}()
	back, err := io.ReadAll(conn)
	if err != nil && len(back) == 0 {
		t.Fatal(err)
	}
	<-sent
	return string(back)
}

// statuses are those of the responses in back, in order.
func statuses(t *testing.T, back string) (codes []int) {
	t.Helper()
	reader := bufio.NewReader(strings.NewReader(back))
	for {
		response, err := http.ReadResponse(reader, nil)
		if err != nil {
			return codes
		}
		_, err = io.Copy(io.Discard, response.Body)
		if codes = append(codes, response.StatusCode); err != nil {
			return codes
		}
	}
}

// TestWireRequests: each request as bytes, the status that the client gets, and
// what the platform really received: exactly those lines, or nothing.
func TestWireRequests(t *testing.T) {
	for _, c := range wireCases(t, "requests.txtar") {
		t.Run(c.name, func(t *testing.T) {
			upstream := startRaw(t, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
			w := startWire(t, upstream)
			back := exchange(t, w, wire(t, c.raw), slices.Contains(c.want, "half"))
			got := ""
			select {
			case got = <-upstream.got:
			default:
			}
			head, body, _ := strings.Cut(got, "\r\n\r\n")
			lines := strings.Split(head, "\r\n")
			reached := false
			for _, want := range c.want {
				kind, text, _ := strings.Cut(want, " ")
				if kind != "status" {
					text = strings.TrimSuffix(wire(t, []string{text}), "\r\n")
				}
				switch kind {
				case "status":
					if codes := fmt.Sprint(statuses(t, back)); codes != "["+text+"]" {
						t.Errorf("answered %s, want [%s]: %.200q", codes, text, back)
					}
				case "=": // a line that the platform gets
					reached = true
					if !slices.Contains(lines, text) {
						t.Errorf("the platform got %.300q, not the line %q", head, text)
					}
				case "!": // a beginning that none of its lines has
					for _, line := range lines {
						if strings.HasPrefix(strings.ToLower(line), strings.ToLower(text)) {
							t.Errorf("the platform got the line %q", line)
						}
					}
				case "half": // the client ends what it sends
				case "body":
					reached = true
					if body != text {
						t.Errorf("the platform got the body %q, want %q", body, text)
					}
				default:
					t.Fatalf("unknown expectation %q", want)
				}
			}
			if !reached && got != "" {
				t.Errorf("the platform got %.300q, want nothing", got)
			}
		})
	}
}

// startWire starts a gateway in front of u, without the WAF: what is refused
// here is refused for its form.
func startWire(t *testing.T, u *rawUpstream) *proxytest.World {
	t.Helper()
	return proxytest.Start(t, http.NotFoundHandler(), func(s *proxytest.Setup) {
		s.WAF.Mode = rules.Off
		s.Upstreams = []proxy.Upstream{{URL: &url.URL{Scheme: "http", Host: u.listener.Addr().String()}, Weight: 1}}
		s.Timeouts.UpstreamHeader = 5 * time.Second
		s.Timeouts.Idle, s.Timeouts.ReadHeader = 100*time.Millisecond, 2*time.Second // a busy machine takes its time
	})
}

// TestWireResponses: each response of the platform as bytes, and what the
// client gets of it.
func TestWireResponses(t *testing.T) {
	for _, c := range wireCases(t, "responses.txtar") {
		t.Run(c.name, func(t *testing.T) {
			request, raw := c.raw[0], c.raw[1:]
			upstream := startRaw(t, wire(t, raw))
			w := startWire(t, upstream)
			back := exchange(t, w, request+" HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n", false)
			early, final := "", back
			for strings.HasPrefix(final, "HTTP/1.1 1") {
				head, rest, _ := strings.Cut(final, "\r\n\r\n")
				early, final = early+head+"\r\n", rest
			}
			head, body, _ := strings.Cut(final, "\r\n\r\n")
			lines := strings.Split(early+head, "\r\n")
			for _, want := range c.want {
				kind, text, _ := strings.Cut(want, " ")
				text = strings.TrimSuffix(wire(t, []string{text}), "\r\n")
				switch kind {
				case "=":
					if !slices.Contains(lines, text) {
						t.Errorf("the client got %.300q, not the line %q", head, text)
					}
				case "!":
					for _, line := range lines {
						if strings.HasPrefix(strings.ToLower(line), strings.ToLower(text)) {
							t.Errorf("the client got the line %q", line)
						}
					}
				case "body":
					if body != text {
						t.Errorf("the client got the body %.300q, want %q", body, text)
					}
				case "refused":
					if !strings.HasPrefix(head, "HTTP/1.1 "+text) || !refusalBody.MatchString(body) {
						t.Errorf("the client got %.300q %.300q, want %s with a reference id and nothing else", head, body, text)
					}
				case "cut": // after the status line: the end is missing
					response, err := http.ReadResponse(bufio.NewReader(strings.NewReader(final)), httptest.NewRequest("GET", "/", http.NoBody))
					if err != nil {
						t.Fatalf("%v: %.300q", err, back)
					}
					if _, err = io.ReadAll(response.Body); err == nil {
						t.Errorf("the client takes a part for the whole: %.300q", back)
					}
				default:
					t.Fatalf("unknown expectation %q", want)
				}
			}
		})
	}
}

// TestTrailersAreJudged: the rules see what stands behind a chunked body, too.
func TestTrailersAreJudged(t *testing.T) {
	w := proxytest.Start(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
	}), func(s *proxytest.Setup) { s.Timeouts.Idle = 100 * time.Millisecond })
	for trailer, want := range map[string]string{
		"User-Agent: () { :;}; /bin/bash -c 'cat /etc/passwd'": "[403]",
		"User-Agent: Mozilla/5.0":                              "[200]",
	} {
		back := exchange(t, w, "POST /p HTTP/1.1\r\nHost: shop.example\r\nAccept: */*\r\nContent-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n3\r\na=b\r\n0\r\n"+trailer+"\r\n\r\n", false)
		if got := fmt.Sprint(statuses(t, back)); got != want {
			t.Errorf("%s: %s, want %s", trailer, got, want)
		}
	}
}
