package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// Target is where a client goes, and where it seems to come from.
type Target struct {
	// URL is the shop or the gateway in front of it, without a trailing slash.
	URL string
	// From is a loopback address (127.0.0.0/8) to connect from, so that clients
	// on one machine do not all look like one. Where the system does not allow
	// it, or when it is not valid, connections come from the usual address.
	From netip.Addr
}

// maxReply bounds what a client reads of one response, in bytes.
const maxReply = 64 << 20

// requestTimeout bounds one request of a client.
const requestTimeout = 20 * time.Second

// client is one visitor's HTTP client. It keeps the customers that it
// received. Not safe for concurrent use.
type client struct {
	target   Target
	http     *http.Client
	wires    *http.Transport
	token    string              // sent as a bearer token when not empty
	received map[string]struct{} // e-mail addresses of customers
}

// newClient returns a client, with a cookie jar or without.
func newClient(target Target, cookies bool) *client {
	wires := &http.Transport{
		DialContext:           target.dial,
		ResponseHeaderTimeout: requestTimeout,
		MaxIdleConnsPerHost:   2,
		IdleConnTimeout:       10 * time.Second,
	}
	c := &client{
		target: target, wires: wires, received: map[string]struct{}{},
		http: &http.Client{Transport: wires, Timeout: requestTimeout},
	}
	if cookies {
		c.http.Jar, _ = cookiejar.New(nil) // fails only on bad options.
	}
	return c
}

// dial connects from Target.From when that works.
func (t Target) dial(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := net.Dialer{Timeout: 5 * time.Second}
	if t.From.IsLoopback() {
		from := dialer
		from.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(t.From, 0))
		if conn, err := from.DialContext(ctx, network, address); err == nil {
			return conn, nil
		}
	}
	return dialer.DialContext(ctx, network, address)
}

func (c *client) close() { c.wires.CloseIdleConnections() }

// call is one request.
type call struct {
	method, path string // the path with its query
	contentType  string
	body         string
}

// plain returns the path without its query, which may hold a personal value.
func (c call) plain() string {
	path, _, _ := strings.Cut(c.path, "?")
	return path
}

func get(path string) call { return call{method: http.MethodGet, path: path} }

func postForm(path string, form url.Values) call {
	return call{http.MethodPost, path, "application/x-www-form-urlencoded", form.Encode()}
}

func postJSON(path, body string) call { return call{http.MethodPost, path, typeJSON, body} }

// reply is what came back: all of it, or what came before the connection was cut.
type reply struct {
	status int // 0 when it was cut before the status line
	body   []byte
	cut    bool
}

// refused reports whether a gateway kept the answer or a part of it. The shop
// itself never answers 403 or 429, and never breaks off.
func (r reply) refused() bool {
	return r.cut || r.status == http.StatusForbidden || r.status == http.StatusTooManyRequests
}

// served reports whether the whole answer came.
func (r reply) served() bool { return !r.cut && r.status >= 200 && r.status < 300 }

// do sends one request and follows redirects. It fails only when nobody
// listens or the context is over; a connection that breaks is a reply.
func (c *client) do(ctx context.Context, what call) (reply, error) {
	req, err := http.NewRequestWithContext(ctx, what.method, c.target.URL+what.path, strings.NewReader(what.body))
	if err != nil {
		return reply{}, fmt.Errorf("making a request to %q: the address or path is not valid", c.target.URL)
	}
	if what.contentType != "" {
		req.Header.Set("Content-Type", what.contentType)
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	req.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
	req.Header.Set("Accept", "text/html,application/json;q=0.9,*/*;q=0.8")
	req.Header.Set("Accept-Language", "en-AU,en;q=0.8")
	resp, err := c.http.Do(req)
	if err != nil {
		return c.broken(ctx, what, err)
	}
	defer func() { _ = resp.Body.Close() }() // it was read to its end, or is given up.
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxReply))
	collectEmails(c.received, resp.Header.Get("Content-Type"), body)
	if err != nil && ctx.Err() != nil {
		return reply{}, fmt.Errorf("reading %s: %w", what.plain(), ctx.Err())
	}
	return reply{status: resp.StatusCode, body: body, cut: err != nil}, nil
}

// broken tells a connection that was cut from one that could not be made.
func (c *client) broken(ctx context.Context, what call, err error) (reply, error) {
	var dial *net.OpError
	switch {
	case ctx.Err() != nil:
		return reply{}, fmt.Errorf("asking for %s: %w", what.plain(), ctx.Err())
	case errors.As(err, &dial) && dial.Op == "dial":
		return reply{}, fmt.Errorf("nobody listens at %s: %w", c.target.URL, dial)
	}
	return reply{cut: true}, nil
}

// customerEmail matches the addresses that [Generate] makes, and those of
// anybody else at a reserved domain; never the shop's own.
var customerEmail = regexp.MustCompile(`[a-z0-9._+-]+@(?:[a-z0-9-]+\.)*example\.(?:com|org|net)\b`)

// collectEmails adds the addresses of customers that the bytes hold, as far
// as they came. In HTML they may be written with character references.
func collectEmails(into map[string]struct{}, contentType string, body []byte) {
	if !bytes.Contains(body, []byte("example.")) {
		return // most pages, without the cost of a search.
	}
	if strings.HasPrefix(contentType, "text/html") && bytes.Contains(body, []byte("&#")) {
		body = []byte(html.UnescapeString(string(body)))
	}
	for _, email := range customerEmail.FindAll(body, -1) {
		into[string(email)] = struct{}{}
	}
}

// RefusedError says that somebody was refused what the shop would have given.
type RefusedError struct {
	Path   string // without its query
	Status int    // 0 when the connection was cut before the status line
	Cut    bool   // the answer broke off
}

// Error names the path and the status, and no personal value.
func (e *RefusedError) Error() string {
	if e.Cut {
		return fmt.Sprintf("%s: the connection was cut (status %d)", e.Path, e.Status)
	}
	return fmt.Sprintf("%s: refused with status %d", e.Path, e.Status)
}

// want sends a request and fails unless it is answered with the status: with
// a *RefusedError when a gateway refused.
func (c *client) want(ctx context.Context, status int, what call) (reply, error) {
	got, err := c.do(ctx, what)
	if err != nil {
		return got, err
	}
	if got.refused() {
		return got, &RefusedError{Path: what.plain(), Status: got.status, Cut: got.cut}
	}
	if got.status != status {
		return got, fmt.Errorf("%s %s: answered %d, want %d", what.method, what.plain(), got.status, status)
	}
	return got, nil
}
