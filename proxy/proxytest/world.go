package proxytest

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ordergate/ordergate/proxy"
	"github.com/ordergate/ordergate/rules"
	"github.com/ordergate/ordergate/rules/exfil"
	"github.com/ordergate/ordergate/rules/record"
	"github.com/ordergate/ordergate/rules/waf"
)

// Setup is what a test may change before the world starts.
type Setup struct {
	Policy        proxy.Policy
	Exfil         exfil.Config
	WAF           waf.Config
	Timeouts      proxy.Timeouts
	Callout       *proxy.Callout
	Access        *proxy.AccessLog
	TLS           *proxy.TLS // nil: without
	HTTP3         bool       // beside it, on UDP
	ProxyProtocol []netip.Prefix
	UpstreamTLS   *proxy.UpstreamTLS                                   // nil: the standard way
	Client        *tls.Config                                          // what the client trusts and shows, with TLS
	Now           func() time.Time                                     // nil: time.Now
	Wait          func(ctx context.Context, delay time.Duration) error // nil: by a timer
	// Upstreams are of the test's own, instead of the handler's; empty: none.
	Upstreams []proxy.Upstream
	Health    proxy.Health
	Groups    []proxy.Group
	Memory    proxy.Memory
	// Connections bound the clients' connections; nil: nothing does.
	Connections *proxy.Connections
}

// World is a running gateway in front of a test's own upstream.
type World struct {
	testing.TB
	URL         string // of the gateway
	QUIC        string // host and port where it speaks HTTP/3; empty: nowhere
	Upstream    *httptest.Server
	Gateway     *proxy.Gateway
	Engine      *exfil.Engine
	Hasher      *rules.Hasher
	Policy      *proxy.Policy
	Ledger      *Ledger
	Observer    *Observer
	Log         *Buffer
	Connections *proxy.Connections // of the setup
	Client      *http.Client       // follows no redirects, keeps no cookies
	sent        atomic.Int64
}

// Settle waits until every exchange begun by Do has finished, and returns the
// ledger: what it says is final then.
func (w *World) Settle() *Ledger {
	w.Observer.wait(int(w.sent.Load()))
	return w.Ledger
}

// Caps are those that tests start from: small, so that a case stays short.
func Caps() exfil.Config {
	hour := func(n int) exfil.Limits { return exfil.Limits{{Window: rules.WindowHour, Max: n}} }
	return exfil.Config{
		Roles: map[rules.Role]exfil.RoleCaps{
			rules.RoleGuest:   {Session: hour(3), Address: hour(30), Response: 2},
			rules.RoleShopper: {Session: hour(5), Address: hour(60), Response: 5},
			rules.RoleStaff:   {Session: hour(120), Response: 100},
		},
		Site: hour(300), Principals: 10_000,
	}
}

// engines keeps compiled rule sets between tests: compiling the Core Rule Set
// takes longer than most tests.
var engines sync.Map

func engineOf(tb testing.TB, config waf.Config) *waf.Engine {
	tb.Helper()
	key := fmt.Sprintf("%+v", config)
	if engine, ok := engines.Load(key); ok {
		return engine.(*waf.Engine) //nolint:forcetypeassert // stored below only
	}
	engine, err := waf.New(config)
	if err != nil {
		tb.Fatal(err)
	}
	engines.Store(key, engine)
	return engine
}

// Start starts a gateway in front of upstream; both end with the test.
func Start(tb testing.TB, upstream http.Handler, change ...func(*Setup)) *World {
	tb.Helper()
	setup := Setup{
		Policy: proxy.Policy{
			Sessions:    []proxy.Carrier{{Kind: proxy.Cookie, Name: "sid"}, {Kind: proxy.Bearer}},
			Records:     &record.Config{},
			RequestBody: 128 << 10, Config: "0123456789abcdef",
		},
		Exfil: Caps(),
		WAF:   waf.Config{Paranoia: 1, Threshold: 5, RequestBody: 128 << 10, ResponseBody: 64 << 10},
	}
	for _, c := range change {
		c(&setup)
	}
	// On a loaded machine a thousand clients take longer than the defaults allow,
	// and a request that never arrives is an exchange that Settle waits for.
	for _, wait := range []*time.Duration{&setup.Timeouts.ReadHeader, &setup.Timeouts.UpstreamConnect} {
		if *wait == 0 {
			*wait = time.Minute
		}
	}
	w := &World{TB: tb, Ledger: &Ledger{}, Observer: newObserver(), Log: &Buffer{}, Engine: exfil.New(setup.Exfil), Policy: &setup.Policy, Connections: setup.Connections}
	w.Observer.engine = w.Engine
	var err error
	if w.Hasher, err = rules.NewHasher(bytes.Repeat([]byte{7}, rules.MinKeySize)); err != nil {
		tb.Fatal(err)
	}
	w.Policy.WAF = engineOf(tb, setup.WAF)
	w.Upstream = httptest.NewServer(upstream)
	if len(setup.Upstreams) == 0 {
		target, err := url.Parse(w.Upstream.URL)
		if err != nil {
			tb.Fatal(err)
		}
		setup.Upstreams = []proxy.Upstream{{URL: target, Weight: 1}}
	}
	log := slog.New(slog.NewJSONHandler(w.Log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	w.Gateway, err = proxy.New(&proxy.Config{
		Upstreams: setup.Upstreams, Health: setup.Health, UpstreamTLS: setup.UpstreamTLS, Groups: setup.Groups, Timeouts: setup.Timeouts, Hasher: w.Hasher,
		Engine: w.Engine, Ledger: w.Ledger, Observer: w.Observer, Log: log, Now: setup.Now, Wait: setup.Wait, Callout: setup.Callout, Access: setup.Access, Memory: setup.Memory,
	}, w.Policy)
	if err != nil {
		tb.Fatal(err)
	}
	w.listen(&setup, log)
	return w
}

func (w *World) listen(setup *Setup, log *slog.Logger) {
	w.Helper()
	config := proxy.ServerConfig{Timeouts: setup.Timeouts, TLS: setup.TLS, ProxyProtocol: setup.ProxyProtocol, Connections: setup.Connections, Log: log}
	var handler http.Handler = w.Gateway
	if setup.HTTP3 {
		advertising := &proxy.Advertising{Handler: handler}
		advertising.Tell(w.listenHTTP3(config))
		handler = advertising
	}
	server, err := proxy.Listen("127.0.0.1:0", handler, config)
	if err != nil {
		w.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve() }()
	w.URL = "http://" + server.Addr()
	if setup.TLS != nil {
		w.URL = "https://" + server.Addr()
	}
	transport := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64, TLSClientConfig: setup.Client, ForceAttemptHTTP2: setup.TLS != nil}
	w.Client = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	w.Cleanup(func() {
		transport.CloseIdleConnections()
		if err := server.Shutdown(context.Background()); err != nil {
			w.Errorf("shutdown: %v", err)
		}
		if err := <-served; err != nil {
			w.Errorf("serve: %v", err)
		}
		w.Gateway.Close()
		w.Upstream.Close()
	})
}

// listenHTTP3 serves HTTP/3 until the test ends.
func (w *World) listenHTTP3(config proxy.ServerConfig) *proxy.HTTP3 {
	w.Helper()
	server, err := proxy.ListenHTTP3("127.0.0.1:0", w.Gateway, config)
	if err != nil {
		w.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve() }()
	w.QUIC = server.Addr()
	w.Cleanup(func() {
		if err := server.Shutdown(context.Background()); err != nil {
			w.Errorf("shutdown of HTTP/3: %v", err)
		}
		if err := <-served; err != nil {
			w.Errorf("serve HTTP/3: %v", err)
		}
	})
	return server
}

// Response is a response with its body read; Err is what reading it ended with.
type Response struct {
	*http.Response
	Body string
	Err  error
}

// Do sends a request; each header is "Name: value".
func (w *World) Do(method, path, body string, headers ...string) Response {
	w.Helper()
	var reader io.Reader = http.NoBody
	if body != "" {
		reader = strings.NewReader(body)
	}
	request, err := http.NewRequestWithContext(context.Background(), method, w.URL+path, reader)
	if err != nil {
		w.Fatal(err)
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		if name == "Host" { // net/http takes it from elsewhere
			request.Host = value
		}
		request.Header.Add(name, value)
	}
	w.sent.Add(1)
	response, err := w.Client.Do(request)
	if err != nil {
		if op := (*net.OpError)(nil); errors.As(err, &op) && op.Op == "dial" {
			w.sent.Add(-1) // no exchange began: Settle must not wait for it
		}
		return Response{Response: &http.Response{}, Err: err}
	}
	defer response.Body.Close() //nolint:errcheck // a test's own
	read, err := io.ReadAll(response.Body)
	return Response{Response: response, Body: string(read), Err: err}
}

// Get sends a GET request.
func (w *World) Get(path string, headers ...string) Response {
	w.Helper()
	return w.Do(http.MethodGet, path, "", headers...)
}

// Person is a customer record of a test, as JSON.
func Person(n int) string {
	return fmt.Sprintf(`{"id":"C-%05d","name":"Marieke Janssen %d","email":"%s","phone":"+31 6 1200 %04d","street":"Lindenlaan %d","postcode":"1012 AB","city":"Utrecht"}`,
		n, n, Email(n), n%10000, n)
}

// Email is the e-mail address of person n.
func Email(n int) string { return fmt.Sprintf("marieke.%d@example.net", n) }
