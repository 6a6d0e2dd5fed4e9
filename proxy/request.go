package proxy

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/ordergate/ordergate/rules"
	"github.com/ordergate/ordergate/rules/record"
	"github.com/ordergate/ordergate/rules/waf"
)

// malformed is the answer to a request that two readers might read differently.
var malformed = rules.Verdict{Action: rules.Refuse, Reason: rules.ReasonMalformed, Status: http.StatusBadRequest}

// admit decides about the request: what it answers Refuse to never reaches
// the upstream.
func (x *exchange) admit(_ http.ResponseWriter, r *http.Request) rules.Verdict {
	if x.misframed() || !wellFormed(r) {
		// Not subject to observe mode: the WAF and the upstream would read
		// two different requests.
		return malformed
	}
	if x.astray && !x.observes() {
		return misdirected
	}
	x.uri = r.URL.RequestURI()
	x.identify(r)
	x.Role = x.principal.Role
	if v := x.shed(r); v.Action == rules.Refuse {
		return v
	}
	if v := x.contained(r.Context()); v.Action == rules.Refuse {
		x.attempted()
		return v
	}
	if v := x.rated(); v.Action == rules.Refuse {
		return v
	}
	if v := x.shapedHeader(r); v.Action == rules.Refuse {
		return v
	}
	if v := x.readBody(r); v.Action == rules.Refuse {
		return v
	}
	if v := x.shapedBody(r); v.Action == rules.Refuse {
		return v
	}
	x.readClaim(r)
	x.form = strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded")
	now := x.spend(StageAdmit, x.start)
	v := x.judgeRequest(r)
	x.spend(StageWAFRequest, now)
	if v.Action == rules.Refuse {
		return v
	}
	if strays(r.URL.Path) { // behind the WAF, which names the attack where it knows it
		return malformed
	}
	return x.contracted(r)
}

// contained asks whether the principal is held, and waits when it is slowed.
// Only so many wait at a time; beyond that, those held are refused: many slowed
// sessions together must not hold the gateway's connections.
func (x *exchange) contained(ctx context.Context) rules.Verdict {
	v := x.enforce(x.gateway.engine.Admit(&x.principal, x.start))
	x.Step = v.Step
	if !v.ByAddress { // whoever else is there has done nothing: the session is not to be ended
		x.gateway.callout.present(&x.principal, v.Step, x.held)
	}
	x.held = ""
	if v.Action == rules.Refuse || v.Delay <= 0 {
		return v
	}
	busy := rules.Verdict{Action: rules.Refuse, Reason: rules.ReasonContained, Status: http.StatusTooManyRequests, RetryAfter: v.Delay}
	select {
	case x.gateway.slowed <- struct{}{}:
	default:
		return busy
	}
	defer func() { <-x.gateway.slowed }()
	x.Slowed = true
	if x.gateway.wait(ctx, v.Delay) != nil {
		return rules.Verdict{Action: rules.Refuse, Reason: rules.ReasonClientGone, Status: http.StatusRequestTimeout}
	}
	return v
}

// wait returns after the delay, or with an error when ctx ends before.
func wait(ctx context.Context, delay time.Duration) error {
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// misframed reports whether what has been read of the request was framed as
// another reader might frame it differently, see [framing]. HTTP/2 has frames of
// its own, which net/http checks.
func (x *exchange) misframed() bool { return x.framing != nil && x.framing.faulty(x.request) }

// wellFormed reports whether the request reaches the upstream as it came: no
// part of its request line that the standard library would write differently,
// and no header that is read as another one behind the gateway. What net/http
// refuses by itself (a bad chunk, a bad header) never gets here, and conn.go
// gives that answer its reference id.
func wellFormed(r *http.Request) bool {
	if r.Method == http.MethodConnect || r.RequestURI == "*" || !plainNames(r.Header) {
		return false
	}
	sent := r.RequestURI
	if r.URL.Host != "" { // absolute-form (RFC 9112, 3.2.2): the upstream gets origin-form
		if _, rest, ok := strings.Cut(sent, "://"); ok {
			if i := strings.IndexAny(rest, "/?"); i >= 0 {
				sent = rest[i:]
			} else {
				sent = "/"
			}
		}
	}
	return r.URL.RequestURI() == sent && cleanQuery(r.URL.RawQuery)
}

// plainNames reports whether no header is another one in disguise: platforms
// that hand headers on as CGI variables (RFC 3875, 4.1.18) read X_Forwarded_For
// as X-Forwarded-For, which the gateway sets, and Proxy as the variable
// HTTP_PROXY (CVE-2016-5385).
func plainNames(header http.Header) bool {
	for name := range header {
		if name == "Proxy" || strings.IndexByte(name, '_') >= 0 && telling(http.CanonicalHeaderKey(strings.ReplaceAll(name, "_", "-"))) {
			return false
		}
	}
	return true
}

// plainTrailer reports whether no trailer field is one that belongs into the
// header, where who asks and how long the body is was decided already.
func plainTrailer(trailer http.Header) bool {
	for name := range trailer {
		if telling(name) {
			return false
		}
	}
	return plainNames(trailer)
}

// telling reports whether a header says who asks, or for what, or how the body is
// read.
func telling(name string) bool {
	switch name {
	case "Host", "Content-Length", "Transfer-Encoding", "Content-Type", "Content-Encoding", "Cookie", "Authorization", "Forwarded", "X-Real-Ip", "Cf-Connecting-Ip", "True-Client-Ip", "Proxy",
		"X-Original-Url", "X-Rewrite-Url", "X-Http-Method-Override", "X-Http-Method", "X-Method-Override":
		return true
	}
	return strings.HasPrefix(name, "X-Forwarded-")
}

// maxQueryParameters is net/url's own default limit (GODEBUG
// urlmaxqueryparams): beyond it the standard library drops the query.
const maxQueryParameters = 10000

// cleanQuery reports whether httputil.ReverseProxy would leave the query as
// it is: no semicolon, no bad escape, not too many parameters.
func cleanQuery(raw string) bool {
	parameters := 1
	for i := 0; i < len(raw); i++ {
		switch raw[i] {
		case ';':
			return false
		case '&':
			parameters++
		case '%':
			if i+2 >= len(raw) || !isHex(raw[i+1]) || !isHex(raw[i+2]) {
				return false
			}
		}
	}
	return parameters <= maxQueryParameters
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f'
}

// bodyLimit is the most bytes that the client may send at once.
func (x *exchange) bodyLimit() int64 {
	if x.rule.RequestBody > 0 {
		return x.rule.RequestBody
	}
	return x.policy.RequestBody
}

// readBody reads the request body up to its limit and one byte more; the
// declared length is not believed.
func (x *exchange) readBody(r *http.Request) rules.Verdict {
	if r.Body == nil || r.Body == http.NoBody {
		return rules.Passed
	}
	limit := x.bodyLimit()
	tooLarge := rules.Verdict{Action: rules.Refuse, Reason: rules.ReasonTooLarge, Status: http.StatusRequestEntityTooLarge}
	if r.ContentLength > limit && !x.rule.StreamBody {
		return tooLarge // before it is read, and before 100 Continue invites it
	}
	var body bytes.Buffer
	if r.ContentLength > 0 {
		body.Grow(int(min(r.ContentLength, limit)) + bytes.MinRead)
	}
	_, err := body.ReadFrom(io.LimitReader(r.Body, limit+1))
	x.body = body.Bytes()
	switch {
	case x.misframed():
		return malformed
	case err != nil:
		return bodyError(r.Context(), err)
	case int64(len(x.body)) > limit && !x.rule.StreamBody:
		return tooLarge
	case !plainTrailer(r.Trailer):
		return malformed
	}
	x.streamed = int64(len(x.body)) > limit
	return rules.Passed
}

// bodyError tells a client that is slow or gone from one that sends nonsense.
func bodyError(ctx context.Context, err error) rules.Verdict {
	var netErr net.Error
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &netErr) && netErr.Timeout():
		return rules.Verdict{Action: rules.Refuse, Reason: rules.ReasonClientGone, Status: http.StatusRequestTimeout}
	case ctx.Err() != nil, errors.Is(err, io.ErrUnexpectedEOF):
		return rules.Verdict{Action: rules.Refuse, Reason: rules.ReasonClientGone, Status: http.StatusBadRequest}
	}
	return malformed
}

// readClaim reads what a create, login or checkout request says of its own
// sender. Queries claim nothing: a look-up by e-mail is not a login.
func (x *exchange) readClaim(r *http.Request) {
	x.me, x.under = x.asksForSelf(r)
	switch r.Method {
	case http.MethodPost, http.MethodPut, http.MethodPatch:
	default:
		return
	}
	if len(x.body) == 0 || graphQLQuery(x.path, x.body) {
		return
	}
	contentType := r.Header.Get("Content-Type")
	x.claim = record.Claims(x.body, contentType, "", x.hasher)
	x.login = readLogin(x.uri, x.body, contentType, x.claim.Password)
	if x.login.is {
		x.claim.Identifiers = nil // whoever else a login names is not its sender
	}
	if email, ok := record.NormalizeEmail([]byte(x.login.name)); ok {
		id := rules.Identifier{Kind: rules.IdentifierEmail, Digest: x.hasher.Identifier(rules.IdentifierEmail, email)}
		x.claim.Identifiers = []rules.Identifier{id}
	}
	if len(x.claim.Identifiers) > 0 {
		x.errand = x.errandOf(r)
	}
	x.supplied = supplied(x.policy.Records, x.hasher, x.body, contentType)
}

// supplied returns the phones and residences in a request body: an answer that
// shows them again tells its sender nothing new.
func supplied(config *record.Config, h *rules.Hasher, body []byte, contentType string) []rules.Identifier {
	finder := record.NewFinder(config, h, contentType)
	_, _ = finder.Write(body) // never fails
	_ = finder.Close()        // never fails
	var ids []rules.Identifier
	for _, found := range finder.Take(nil) {
		for _, id := range found.Identifiers {
			if (id.Kind == rules.IdentifierPhone || id.Kind == rules.IdentifierResidence) && len(ids) < rules.MaxOwn {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// judgeRequest runs the WAF's request phases.
func (x *exchange) judgeRequest(r *http.Request) rules.Verdict {
	x.waf = x.policy.WAF.Begin(x.id)
	x.WAFRan = true
	if len(x.body) > heavyBody {
		if !x.takeTurn(r.Context()) {
			return x.fail(rules.Refuse, rules.ReasonWAFError, http.StatusServiceUnavailable)
		}
		defer func() { <-x.gateway.heavy }()
	}
	verdict, err := x.waf.Request(&waf.Request{
		Client: x.client, URI: x.uri, Method: r.Method, Proto: r.Proto, Host: r.Host,
		Header: r.Header, Trailer: r.Trailer, TransferEncoding: r.TransferEncoding, Body: x.body,
	})
	if err != nil {
		x.WAFFailed = true
		x.gateway.log.Error("WAF failed on a request", "exchange", x.id.String(), "route", x.route, "err", err)
		return x.fail(x.policy.WAFRequestError, rules.ReasonWAFError, http.StatusServiceUnavailable)
	}
	return x.enforce(verdict)
}

// The full rule set takes up to 25 milliseconds of CPU for each KiB of prose, so
// large bodies take turns: half of the processors stay free for everybody else.
const (
	heavyBody = 8 << 10
	heavyWait = 10 * time.Second
)

// takeTurn waits until the WAF may read another large body; false means that
// it took too long, or that the client is gone: the request is refused, in
// observe mode it goes on.
func (x *exchange) takeTurn(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, heavyWait)
	defer cancel()
	select {
	case x.gateway.heavy <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// outgoing is the request as the upstream gets it. On a streaming route its body is
// the bytes that were read, then the rest, without trailer fields: the WAF has not
// seen them. Elsewhere it is what was read, see [Gateway.rewrite].
func (x *exchange) outgoing(r *http.Request) *http.Request {
	out := r.WithContext(context.WithValue(r.Context(), exchangeKey{}, x))
	if x.streamed {
		rest := &upload{ReadCloser: r.Body, x: x}
		out.Body = struct {
			io.Reader
			io.Closer
		}{io.MultiReader(bytes.NewReader(x.body), rest), rest}
	} else if out.Body != nil { // for an upstream that could not be reached, or was gone
		out.GetBody = func() (io.ReadCloser, error) { return x.wholeBody(), nil }
	}
	if x.streamed {
		out.Trailer = nil
		out.Header = r.Header.Clone()
		out.Header.Del("Trailer")
	}
	return out
}

// wholeBody is the body of a request that was read to its end. The upstream may
// still be sent it when the exchange is over: nobody writes to it.
func (x *exchange) wholeBody() io.ReadCloser { return io.NopCloser(bytes.NewReader(x.body)) }

// errMisframed ends a streamed request body, see [framing].
var errMisframed = errors.New("request body framed ambiguously")

// upload passes on the rest of a streamed request body and moves the read
// deadline with it: the read timeout bounds a stall, not a long upload.
type upload struct {
	io.ReadCloser
	x    *exchange
	last time.Time
}

// Read implements io.Reader.
func (u *upload) Read(b []byte) (int, error) {
	if now := time.Now(); now.Sub(u.last) >= often(u.x.gateway.timeouts.Read) {
		u.last = now
		_ = u.x.control.SetReadDeadline(now.Add(u.x.gateway.timeouts.Read)) // a connection without deadlines keeps none
	}
	n, err := u.ReadCloser.Read(b)
	u.x.uploaded.Add(int64(n))
	if u.x.misframed() {
		return 0, errMisframed // the upstream gets no end of the body, so no request
	}
	if err != nil {
		_ = u.x.control.SetReadDeadline(time.Time{}) // as in ServeHTTP
	}
	return n, err //nolint:wrapcheck // io.Reader's contract
}
