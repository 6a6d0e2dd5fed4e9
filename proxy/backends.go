package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

// Upstream is one server of the order platform.
type Upstream struct {
	URL    *url.URL
	Weight int // share of the requests, at least 1
}

// Health says how the platform's servers are asked whether they work. The zero
// value asks nothing.
type Health struct {
	Path    string        // asked with GET; a status below 400 is well. Empty: nothing is asked
	Every   time.Duration // 0 means 5 s
	Timeout time.Duration // of one question; 0 means 2 s
}

const (
	// maxFailures in a row, of connecting or of answering at all, take a server
	// out for outFor; then one request in every outFor tries it until one succeeds.
	maxFailures = 5
	outFor      = 10 * time.Second
	// Of a health check, this many answers in a row change a server's state.
	healthRise, healthFall = 2, 3
	maxHealthAnswer        = 64 << 10 // bytes of an answer that are read, so that its connection serves again
)

// UpstreamState is what metrics show of one server.
type UpstreamState struct {
	Name string // host, port and path, as configured
	Up   bool   // it gets requests
}

// backend is one server and what is known of how it does. Safe for concurrent use.
type backend struct {
	url    *url.URL
	weight int
	failed atomic.Int32 // in a row
	out    atomic.Int64 // until when it is taken out, in Unix nanoseconds; 0: it is not
	ill    atomic.Bool  // says its health check
}

// backends spreads requests over the servers by weight, without those that are
// down; where all are, all of them are asked: an error of ours is no better than
// theirs. A request that was surely not served is sent to another server, once:
// any that could not even connect, and one that is safe to repeat (RFC 9110,
// 9.2.2) whose connection broke before an answer began. A server that is slow
// may be working on the request, so that is never repeated.
type backends struct {
	all       []*backend
	transport *http.Transport
	log       *slog.Logger
	now       func() time.Time // the machine's own time
	retries   atomic.Uint64
	stop      context.CancelFunc
	checks    sync.WaitGroup
}

func newBackends(upstreams []Upstream, transport *http.Transport, health Health, log *slog.Logger) *backends {
	b := &backends{transport: transport, log: log, now: time.Now}
	for _, u := range upstreams {
		b.all = append(b.all, &backend{url: u.URL, weight: max(u.Weight, 1)})
	}
	var ctx context.Context
	ctx, b.stop = context.WithCancel(context.Background())
	if health.Path != "" {
		for _, server := range b.all {
			b.checks.Go(func() { b.check(ctx, server, health) })
		}
	}
	return b
}

// close ends the health checks and releases idle connections.
func (b *backends) close() {
	b.stop()
	b.checks.Wait()
	b.transport.CloseIdleConnections()
}

// states returns how every server does.
func (b *backends) states() []UpstreamState {
	states := make([]UpstreamState, len(b.all))
	for i, server := range b.all {
		states[i] = UpstreamState{Name: server.url.Host + server.url.Path, Up: !server.ill.Load() && server.out.Load() <= b.now().UnixNano()}
	}
	return states
}

// pick returns a server by weight: one that is up and is not the one that just
// failed, where there is one. Nil: there is no other.
func (b *backends) pick(not *backend) *backend {
	if len(b.all) == 1 {
		if not != nil {
			return nil
		}
		return b.all[0]
	}
	now := b.now().UnixNano()
	up := func(server *backend) bool {
		return server != not && !server.ill.Load() && server.out.Load() <= now
	}
	if server := b.among(up); server != nil {
		// Behind its time out, a server gets one request before it gets its share. What
		// became of that may never be told, so the next one comes after outFor.
		if until := server.out.Load(); until == 0 || server.out.CompareAndSwap(until, now+int64(outFor)) {
			return server
		}
		if other := b.among(func(s *backend) bool { return up(s) && s.out.Load() == 0 }); other != nil {
			return other
		}
		return server
	}
	return b.among(func(server *backend) bool { return server != not })
}

// among picks by weight among the servers that may be.
func (b *backends) among(may func(*backend) bool) *backend {
	total := 0
	for _, server := range b.all {
		if may(server) {
			total += server.weight
		}
	}
	if total == 0 {
		return nil
	}
	n := rand.IntN(total) //nolint:gosec // load balancing, not a secret
	for _, server := range b.all {
		if !may(server) {
			continue
		}
		if n -= server.weight; n < 0 {
			return server
		}
	}
	return nil
}

// served notes how a server did with a request.
func (b *backends) served(server *backend, well bool) {
	if well {
		server.failed.Store(0)
		if server.out.Swap(0) != 0 {
			b.log.Info("upstream is back", "upstream", server.url.Host)
		}
		return
	}
	if server.failed.Add(1) >= maxFailures || server.out.Load() != 0 {
		if server.out.Swap(b.now().Add(outFor).UnixNano()) == 0 {
			b.log.Warn("upstream is out after failures in a row", "upstream", server.url.Host, "failures", server.failed.Load(), "for", outFor.String())
		}
	}
}

// RoundTrip implements http.RoundTripper for httputil.ReverseProxy.
func (b *backends) RoundTrip(r *http.Request) (*http.Response, error) {
	x := exchangeOf(r.Context())
	response, err := b.send(r, x, x.backend)
	if err == nil || !repeatable(r, x, err) {
		return response, err //nolint:wrapcheck // upstreamError looks at it
	}
	other := b.pick(x.backend)
	if other == nil {
		return nil, err //nolint:wrapcheck // as above
	}
	again, bodyErr := b.again(r, x, other)
	if bodyErr != nil {
		return nil, err //nolint:wrapcheck // as above
	}
	b.retries.Add(1)
	return b.send(again, x, other)
}

// send sends a request to a server, and notes what came of it.
func (b *backends) send(r *http.Request, x *exchange, server *backend) (*http.Response, error) {
	x.traced.send(r, server)
	response, err := b.transport.RoundTrip(r)
	x.traced.received(r, response, err)
	b.settle(r, server, response, err)
	return response, err //nolint:wrapcheck // upstreamError looks at it
}

// settle notes what a request says about the server that got it: nothing, when
// the client went away, or when this process had no file descriptor to dial with.
func (b *backends) settle(r *http.Request, server *backend, response *http.Response, err error) {
	switch {
	case err == nil:
		// 500 is the answer of a page, these are those of a server that has no answer.
		status := response.StatusCode
		b.served(server, status != http.StatusBadGateway && status != http.StatusServiceUnavailable && status != http.StatusGatewayTimeout)
	case r.Context().Err() == nil && !errors.Is(err, errMisframed) && !outOfDescriptors(err):
		b.served(server, false)
	}
}

// repeatable reports whether a request that failed was surely not served, or
// may be served twice.
func repeatable(r *http.Request, x *exchange, err error) bool {
	if r.Context().Err() != nil || x.streamed {
		return false
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return true
	}
	var slow net.Error
	if errors.As(err, &slow) && slow.Timeout() {
		return false
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return true
	}
	return false
}

// again is the request for another server.
func (b *backends) again(r *http.Request, x *exchange, other *backend) (*http.Request, error) {
	out := r.Clone(r.Context())
	if r.GetBody != nil {
		body, err := r.GetBody()
		if err != nil {
			return nil, fmt.Errorf("reading the request's body again: %w", err)
		}
		out.Body = body
	} else if r.Body != nil && r.Body != http.NoBody {
		return nil, errors.New("the request's body is gone")
	}
	in := r.Clone(r.Context())
	in.URL = x.target
	pr := &httputil.ProxyRequest{In: in, Out: out}
	*out.URL = *x.target
	pr.SetURL(other.url)
	out.Host = r.Host
	x.backend = other
	return out, nil
}

// check asks a server until ctx ends.
func (b *backends) check(ctx context.Context, server *backend, health Health) {
	every, timeout := health.Every, health.Timeout
	if every <= 0 {
		every = 5 * time.Second
	}
	if timeout <= 0 {
		timeout = 2 * time.Second
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for well, ill := 0, 0; ; {
		if err := b.ask(ctx, server, health.Path, timeout); err == nil {
			well, ill = well+1, 0
		} else if ctx.Err() == nil {
			well, ill = 0, ill+1
		}
		if was := server.ill.Load(); was && well >= healthRise || !was && ill >= healthFall {
			server.ill.Store(!was)
			b.log.Warn("upstream health check", "upstream", server.url.Host, "up", was)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// ask asks a server once.
func (b *backends) ask(ctx context.Context, server *backend, path string, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, server.url.JoinPath(path).String(), http.NoBody)
	if err != nil {
		return fmt.Errorf("making the health check: %w", err)
	}
	r.Header.Set("User-Agent", "ordergate-health")
	response, err := b.transport.RoundTrip(r)
	if err != nil {
		return fmt.Errorf("health check: %w", err)
	}
	_, err = io.CopyN(io.Discard, response.Body, maxHealthAnswer)
	_ = response.Body.Close() // read as far as it matters
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("reading the health check's answer: %w", err)
	}
	if response.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("health check: status %d", response.StatusCode)
	}
	return nil
}
