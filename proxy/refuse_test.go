package proxy_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ordergate/ordergate/proxy/proxytest"
	"github.com/ordergate/ordergate/rules"
)

func prefixes(texts ...string) (out []netip.Prefix) {
	for _, text := range texts {
		out = append(out, netip.MustParsePrefix(text))
	}
	return out
}

// refusalBody is all that a refused client is shown.
var refusalBody = regexp.MustCompile(`^\d{3} [A-Za-z -]+\nReference: [0-9a-f]{32}\n$`)

// TestFailurePolicies is the table of what happens when something is wrong:
// what the client sees, and what is told.
func TestFailurePolicies(t *testing.T) {
	page := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, proxytest.Person(1))
	}
	pass := func(s *proxytest.Setup) { s.Policy.Uninspected, s.Policy.LedgerFailure = rules.Pass, rules.Pass }
	cases := []struct {
		name        string
		upstream    http.HandlerFunc
		setup       func(*proxytest.Setup)
		before      func(*proxytest.World)
		do          func(*proxytest.World) proxytest.Response
		status      int
		reason      rules.Reason
		uninspected rules.Uninspected
	}{
		{
			name: "WAF blocks", status: 403, reason: rules.ReasonWAF,
			do: func(w *proxytest.World) proxytest.Response {
				return w.Get("/search?q=1%27%20UNION%20SELECT%20email,password%20FROM%20customers--")
			},
		},
		{
			name: "body too large, declared", status: 413, reason: rules.ReasonTooLarge,
			do: func(w *proxytest.World) proxytest.Response {
				return w.Do("POST", "/upload", strings.Repeat("x", 200<<10), "Content-Type: text/plain")
			},
		},
		{
			name: "a query that would be rewritten: semicolon", status: 400, reason: rules.ReasonMalformed,
			do: func(w *proxytest.World) proxytest.Response { return w.Get("/p?a=1;b=2") },
		},
		{
			name: "a query that would be rewritten: bad escape", status: 400, reason: rules.ReasonMalformed,
			do: func(w *proxytest.World) proxytest.Response { return w.Get("/p?discount=50%") },
		},
		{
			name: "upstream down", status: 502, reason: rules.ReasonUpstream,
			before: func(w *proxytest.World) { w.Upstream.Close() },
		},
		{
			name: "upstream slow", status: 504, reason: rules.ReasonTimeout,
			setup:    func(s *proxytest.Setup) { s.Timeouts.UpstreamHeader = 30 * time.Millisecond },
			upstream: func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		},
		{
			name: "ledger fails", status: 503, reason: rules.ReasonLedger,
			before: func(w *proxytest.World) { w.Ledger.Fail(errors.New("disk full")) },
		},
		{
			name: "ledger fails, policy pass", status: 200, reason: rules.ReasonNone, setup: pass,
			before: func(w *proxytest.World) { w.Ledger.Fail(errors.New("disk full")) },
		},
		{
			name: "ledger stalls", status: 503, reason: rules.ReasonLedger,
			setup:  func(s *proxytest.Setup) { s.Policy.LedgerWait = 20 * time.Millisecond },
			before: func(w *proxytest.World) { w.Cleanup(w.Ledger.Block()) },
		},
		{
			name: "lying encoding", status: 502, reason: rules.ReasonUninspected, uninspected: rules.UninspectedEncoding,
			upstream: encoded("gzip", []byte(proxytest.Person(1))),
		},
		{
			name: "lying encoding, policy pass", status: 200, reason: rules.ReasonNone, uninspected: rules.UninspectedEncoding, setup: pass,
			upstream: encoded("gzip", []byte(proxytest.Person(1))),
		},
		{
			name: "unknown encoding", status: 502, reason: rules.ReasonUninspected, uninspected: rules.UninspectedEncoding,
			upstream: encoded("compress", []byte(proxytest.Person(1))),
		},
		{
			name: "something behind the compressed body", status: 502, reason: rules.ReasonUninspected, uninspected: rules.UninspectedEncoding,
			upstream: encoded("gzip", append(encode(t, "gzip", "hello"), proxytest.Person(1)...)),
		},
		{
			name: "decompression bomb", status: 502, reason: rules.ReasonUninspected, uninspected: rules.UninspectedBomb,
			upstream: encoded("gzip", encode(t, "gzip", strings.Repeat("0", 8<<20))),
		},
		{
			name: "a part of a text", status: 502, reason: rules.ReasonUninspected, uninspected: rules.UninspectedPartial,
			upstream: func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				w.Header().Set("Content-Range", "bytes 0-9/100")
				w.WriteHeader(http.StatusPartialContent)
				_, _ = io.WriteString(w, `"a@example`)
			},
		},
		{
			name: "a part of a document", status: 502, reason: rules.ReasonUninspected, uninspected: rules.UninspectedPartial,
			upstream: func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/pdf")
				w.Header().Set("Content-Range", "bytes 0-9/100")
				w.WriteHeader(http.StatusPartialContent)
				_, _ = io.WriteString(w, "%PDF-1.7 x")
			},
		},
		{
			name: "a part of a document that nobody reads", status: 206, reason: rules.ReasonNone, uninspected: rules.UninspectedType,
			upstream: func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/msword")
				w.Header().Set("Content-Range", "bytes 0-9/100")
				w.WriteHeader(http.StatusPartialContent)
				_, _ = io.WriteString(w, "\xD0\xCF\x11\xE0 x")
			},
		},
		{
			name: "a type that nobody reads", status: 200, reason: rules.ReasonNone, uninspected: rules.UninspectedType,
			upstream: func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/x-unheard-of")
				_, _ = io.WriteString(w, "\x00\x01")
			},
		},
		{
			name: "invalid JSON passes, counted", status: 200, reason: rules.ReasonNone, uninspected: rules.UninspectedSyntax,
			upstream: func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				_, _ = io.WriteString(w, `{"sku" 1}`)
			},
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if c.upstream == nil {
				c.upstream = page
			}
			var changes []func(*proxytest.Setup)
			if c.setup != nil {
				changes = append(changes, c.setup)
			}
			w := proxytest.Start(t, c.upstream, changes...)
			if c.before != nil {
				c.before(w)
			}
			do := c.do
			if do == nil {
				do = func(w *proxytest.World) proxytest.Response { return w.Get("/api/orders/1") }
			}
			got := do(w)
			s := w.Observer.Next()
			if got.Err != nil || got.StatusCode != c.status || s.Reason != c.reason || s.Uninspected != c.uninspected {
				t.Fatalf("status %d, error %v, outcome %s, uninspected %q: want %d, %s, %q", got.StatusCode, got.Err, s.Reason, s.Uninspected, c.status, c.reason, c.uninspected)
			}
			if c.status < 400 {
				return
			}
			if !refusalBody.MatchString(got.Body) || got.Header.Get("Cache-Control") != "no-store" || got.Header.Get("Server") != "" || got.Header.Get("ETag") != "" {
				t.Errorf("the client is shown %q %v: want a status and a reference id", got.Body, got.Header)
			}
			reference := strings.TrimSpace(got.Body[strings.Index(got.Body, ": ")+2:])
			if !strings.Contains(w.Log.String(), reference) {
				t.Errorf("reference %s is not in the log", reference)
			}
			if subjects := w.Ledger.Subjects(rules.Delivered); len(subjects) > 0 {
				t.Errorf("a refused response has %d delivered subjects in the ledger", len(subjects))
			}
		})
	}
}

func encoded(encoding string, body []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Encoding", encoding)
		_, _ = w.Write(body)
	}
}

// TestMalformedRequests writes raw bytes: net/http's own refusals carry a
// reference id like ours, and nothing reaches the upstream, with the WAF off, too.
func TestMalformedRequests(t *testing.T) {
	w := proxytest.Start(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("the upstream got %s %s", r.Method, r.RequestURI)
	}), func(s *proxytest.Setup) { s.WAF.Mode = rules.Off })
	for name, raw := range map[string]string{
		"two lengths":               "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
		"length and chunked":        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
		"bad length":                "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\nx",
		"space before colon":        "GET / HTTP/1.1\r\nHost: a\r\nX-Thing : b\r\n\r\n",
		"no host":                   "GET / HTTP/1.1\r\n\r\n",
		"NUL in a header":           "GET / HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n",
		"not HTTP":                  "hello there\r\n\r\n",
		"control in the target":     "GET /a\x01b HTTP/1.1\r\nHost: a\r\n\r\n",
		"bad escape in the path":    "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n",
		"CONNECT":                   "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n",
		"asterisk":                  "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
		"header too large":          "GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("x", 90<<10) + "\r\n\r\n",
		"bad chunk":                 "POST / HTTP/1.1\r\nHost: a\r\nUser-Agent: t\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nx\r\n0\r\n\r\n",
		"version nobody knows":      "GET / HTTP/9.9\r\nHost: a\r\n\r\n",
		"a path that is rewritten":  "GET /a\"b HTTP/1.1\r\nHost: a\r\n\r\n",
		"a path that leads away":    "GET /a/../b HTTP/1.1\r\nHost: a\r\n\r\n",
		"away by an escape":         "GET /a/%2e%2e/b HTTP/1.1\r\nHost: a\r\n\r\n",
		"away by a parameter":       "GET /a/..;x/b HTTP/1.1\r\nHost: a\r\n\r\n",
		"away by the other slash":   "GET /a%5c..%5cb HTTP/1.1\r\nHost: a\r\n\r\n",
		"nowhere":                   "GET /./b HTTP/1.1\r\nHost: a\r\n\r\n",
		"a fragment in the request": "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := net.Dial("tcp", strings.TrimPrefix(w.URL, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close() //nolint:errcheck // a test's own
			go func() { _, _ = io.WriteString(conn, raw) }()
			response, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close() //nolint:errcheck // a test's own
			body, _ := io.ReadAll(response.Body)
			if response.StatusCode < 400 || response.StatusCode > 505 || !refusalBody.Match(body) {
				t.Errorf("%d %q: want a 4xx with a reference id and nothing else", response.StatusCode, body)
			}
		})
	}
}

// TestPanicKillsOneExchange: a fault of ours ends its own exchange; the
// process and everybody else live.
func TestPanicKillsOneExchange(t *testing.T) {
	w := proxytest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, proxytest.Person(1))
	}))
	policy := *w.Policy
	policy.WAF = nil // nothing to begin a transaction with
	w.Gateway.Reload(&policy)
	got := w.Get("/api/orders/1")
	if s := w.Observer.Next(); got.StatusCode != 500 || !refusalBody.MatchString(got.Body) || s.Reason != rules.ReasonPanic {
		t.Errorf("status %d, %q, outcome %s", got.StatusCode, got.Body, s.Reason)
	}
	w.Gateway.Reload(w.Policy)
	if got := w.Get("/api/orders/1"); got.StatusCode != 200 {
		t.Errorf("the next request: %d", got.StatusCode)
	}
}

// TestUpstreamBreaksOff: in what is decided before the status line, the client
// gets a clean answer, and nobody was shown anything. Later the connection is
// cut, so that the client cannot take the part for the whole, and what was
// recorded of it stays unknown.
func TestUpstreamBreaksOff(t *testing.T) {
	for name, c := range map[string]struct {
		filler          int
		unknown, status int
	}{
		"early": {0, 0, http.StatusBadGateway},
		"late":  {100 << 10, 1, http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) {
			w := proxytest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				w.Header().Set("Content-Length", "1000000")
				_, _ = fmt.Fprintf(w, `[%s,%s`, proxytest.Person(1), strings.Repeat("0,", c.filler/2))
				_ = http.NewResponseController(w).Flush()
				panic(http.ErrAbortHandler)
			}))
			got := w.Get("/api/orders")
			s := w.Observer.Next()
			if got.StatusCode != c.status || (got.Err == nil) != (c.status != http.StatusOK) || s.Reason != rules.ReasonUpstreamGone {
				t.Errorf("status %d, error %v, outcome %s, body %.200q", got.StatusCode, got.Err, s.Reason, got.Body)
			}
			if n := len(w.Settle().Subjects(rules.Unknown)); n != c.unknown {
				t.Errorf("%d subjects in state unknown, want %d", n, c.unknown)
			}
		})
	}
}

// TestObserve: everything is computed and told, nothing is refused.
func TestObserve(t *testing.T) {
	observe := rules.Observe
	w := proxytest.Start(t, people, func(s *proxytest.Setup) {
		s.Policy.Mode = observe
		s.WAF.Mode = observe
	})
	for i := range 6 {
		if got := w.Get(fmt.Sprintf("/people?from=%d&n=4", 10*i)); got.StatusCode != 200 {
			t.Fatalf("status %d", got.StatusCode)
		}
	}
	if len(w.Observer.Signals(rules.DetectorCap)) == 0 || len(w.Observer.Signals(rules.DetectorBulkResponse)) == 0 || len(w.Settle().Subjects(rules.Delivered)) != 24 {
		t.Errorf("signals %d and %d, %d delivered", len(w.Observer.Signals(rules.DetectorCap)), len(w.Observer.Signals(rules.DetectorBulkResponse)), len(w.Settle().Subjects(rules.Delivered)))
	}
	if got := w.Get("/search?q=1%27%20UNION%20SELECT%20email,password%20FROM%20customers--"); got.StatusCode != 404 {
		t.Errorf("an attack in observe mode: status %d, want the upstream's 404", got.StatusCode)
	}
}
