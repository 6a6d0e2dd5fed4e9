package proxy

import (
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ordergate/ordergate/rules"
	"github.com/ordergate/ordergate/rules/exfil"
	"github.com/ordergate/ordergate/rules/record"
)

// modifyResponse decides about a response before its status line goes out.
func (g *Gateway) modifyResponse(res *http.Response) error {
	x := exchangeOf(res.Request.Context())
	x.extendWrite(time.Time{})
	now := g.now()
	x.Upstream = now.Sub(x.start)
	x.Status = res.StatusCode
	if x.policy.SubjectsHeader != "" {
		res.Header.Del(x.policy.SubjectsHeader) // the platform's own is not believed
	}
	res.Header.Del("Alt-Svc") // the platform's own would lead clients past the gateway (RFC 7838)
	x.strip(res.Header)
	x.response = g.engine.Open(x.visit(res), now)
	x.landing = x.method == http.MethodGet && x.response.Landing(now)
	x.lists = x.method == http.MethodGet && res.StatusCode == http.StatusOK && x.response.Known() && record.ListsOrders(x.path, x.hasher)
	x.judgeRedirect(res)
	verdict := x.enforce(x.waf.Header(res.StatusCode, res.Proto, res.Header))
	x.spend(StageWAFResponse, now)
	if verdict.Action == rules.Refuse {
		return &refusal{verdict}
	}
	if res.StatusCode >= http.StatusInternalServerError && x.hidesErrors() {
		return &refusal{rules.Verdict{Action: rules.Refuse, Reason: rules.ReasonUpstream, Status: res.StatusCode}}
	}
	if verdict = x.judgeHeader(res); verdict.Action == rules.Refuse {
		return &refusal{verdict}
	}
	if res.StatusCode == http.StatusSwitchingProtocols {
		if verdict = x.upgraded(res); verdict.Action == rules.Refuse {
			return &refusal{verdict}
		}
		x.answered = true
		return nil
	}
	if bodyless(res) {
		if x.masks() && res.Request.Method == http.MethodHead && record.Inspectable(res.Header.Get("Content-Type")) {
			rewritten(res) // as the answer to GET would be
		}
		x.answered = true
		return nil
	}
	body, verdict := x.inspect(res)
	if verdict.Action == rules.Refuse {
		return &refusal{verdict}
	}
	res.Body = body
	if x.mask != nil {
		rewritten(res)
	}
	x.answered = true
	x.keepPrivate(res.Header)
	x.tell(res)
	return nil
}

// tell puts the number of foreign customers that the first window discloses
// into a header, for whoever limits clients in front of the gateway.
func (x *exchange) tell(res *http.Response) {
	if name := x.policy.SubjectsHeader; name != "" {
		res.Header.Set(name, strconv.Itoa(x.Subjects[rules.Foreign]+x.Subjects[rules.Unlinked]))
	}
}

// keepPrivate forbids shared caches (RFC 9111, 5.2.2.7) to keep a response in
// whose first window somebody's record was found, whatever the platform said: a
// CDN that keeps it shows it to the next client, and no ledger would know.
func (x *exchange) keepPrivate(header http.Header) {
	if x.Subjects == [3]int{} || x.observes() {
		return
	}
	var kept []string
	for directive := range strings.SplitSeq(strings.Join(header.Values("Cache-Control"), ","), ",") {
		directive = strings.TrimSpace(directive)
		name, _, _ := strings.Cut(directive, "=")
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "no-store":
			return
		case "", "public", "s-maxage", "private": // a private with field names covers these only
		default:
			kept = append(kept, directive)
		}
	}
	header.Set("Cache-Control", strings.Join(append([]string{"private"}, kept...), ", "))
	header.Del("Cdn-Cache-Control") // RFC 9213: these go before Cache-Control
	header.Del("Surrogate-Control")
}

// strip takes away the headers that are nobody's business outside.
func (x *exchange) strip(header http.Header) {
	for _, pattern := range x.policy.StripHeaders {
		if !strings.HasSuffix(pattern, "*") {
			header.Del(pattern)
			continue
		}
		for name := range header {
			if matchName(strings.ToLower(pattern), strings.ToLower(name)) {
				delete(header, name)
			}
		}
	}
}

// hidesErrors reports whether the platform's error pages are replaced here.
func (x *exchange) hidesErrors() bool {
	if x.rule.HideErrors != nil {
		return *x.rule.HideErrors
	}
	return x.policy.HideErrors
}

// bodyless reports whether no body follows the header (RFC 9112, 6.3).
func bodyless(res *http.Response) bool {
	return res.Request.Method == http.MethodHead || res.StatusCode == http.StatusNoContent ||
		res.StatusCode == http.StatusNotModified || res.ContentLength == 0
}

// visit gathers what exfil needs to know when a response begins.
func (x *exchange) visit(res *http.Response) exfil.Visit {
	v := exfil.Visit{
		Principal: x.principal, Exchange: x.id, Route: x.route, Wanted: x.wanted,
		Password: x.login.is, Me: x.me, Observe: x.observes(), Step: x.Step,
		Config: x.policy.Config, Status: res.StatusCode, Issued: x.issuedBy(res.Header),
	}
	if x.under != "" {
		v.Under = x.hasher.Segment([]byte(x.under))
	}
	if x.login.is {
		v.Agent = x.hasher.Key(rules.KeyClientID, []byte("agent\x00"+res.Request.UserAgent()))
	}
	if x.login.is || x.errand.creates(res.StatusCode) {
		v.Claim = x.claim.Identifiers
	}
	v.Tries = x.readTries
	v.Account, v.Supplied = x.loginAccount(), x.supplied
	v.Presented, v.Page = x.presented, x.pageDigest(x.uri)
	return v
}

// issuedBy returns the sessions that a response's header issues: values of
// the configured carriers that the request did not bring along itself, so
// that a platform's echo makes no made-up session an issued one.
func (x *exchange) issuedBy(header http.Header) []rules.Digest {
	var issued []rules.Digest
	add := func(value string) {
		if value == "" || len(issued) == maxCredentials {
			return
		}
		if d := x.hasher.Key(rules.KeySession, []byte(value)); !slices.Contains(x.presented, d) && !slices.Contains(issued, d) {
			issued = append(issued, d)
		}
	}
	var cookies []*http.Cookie
	if len(header["Set-Cookie"]) > 0 {
		cookies = (&http.Response{Header: header}).Cookies()
	}
	for _, carrier := range x.policy.Sessions {
		switch carrier.Kind {
		case Bearer:
			add(bearer(header.Get("Authorization")))
		case Header:
			add(header.Get(carrier.Name))
		case Cookie:
			for _, cookie := range cookies {
				if matchName(carrier.Name, cookie.Name) && cookie.MaxAge >= 0 && cookie.Value != "deleted" {
					add(cookie.Value)
				}
			}
		}
	}
	return issued
}

// inspect returns the body that goes to the client: behind the gate when the
// finder reads its type, as it is otherwise.
func (x *exchange) inspect(res *http.Response) (io.ReadCloser, rules.Verdict) {
	contentType := res.Header.Get("Content-Type")
	orders := x.opaqueOrders(res, contentType)
	readable := record.Inspectable(contentType)
	if !readable {
		x.mislabelled = !opaque(res, x.gateway.pool)
	}
	if v := x.purchases(orders, !readable || res.StatusCode != http.StatusOK); v.Action == rules.Refuse {
		return nil, v
	}
	switch {
	case !x.mislabelled && record.Harmless(contentType):
		return &pulse{ReadCloser: res.Body, x: x, res: res}, rules.Passed
	case res.StatusCode == http.StatusPartialContent && (readable || x.mislabelled || strings.HasPrefix(contentType, "multipart/")):
		// A record cut into ranges would pass the finder piece by piece.
		if v := x.uninspected(rules.UninspectedPartial, x.policy.Uninspected); v.Action == rules.Refuse {
			return nil, v
		}
	case !readable && x.masks():
		return nil, x.unmasked(rules.UninspectedType)
	case !readable && !x.mislabelled:
		if v := x.uninspected(rules.UninspectedType, rules.Pass); v.Action == rules.Refuse {
			return nil, v
		}
		return &pulse{ReadCloser: res.Body, x: x, res: res}, rules.Passed
	}
	gate, verdict := newGate(x, res)
	if verdict.Action == rules.Refuse {
		return nil, verdict
	}
	x.gate = gate
	if gate.subjects() == 0 && len(orders) > 0 {
		if v := x.purchases(orders, true); v.Action == rules.Refuse {
			gate.release()
			return nil, v
		}
	}
	return gate, rules.Passed
}

// opaqueOrders returns the orders that the address of a picture, a document or
// another body that is not text names. A picture that the platform itself says
// is for everybody (RFC 9111, 5.2.2.9) names none: a banner, the goods.
func (x *exchange) opaqueOrders(res *http.Response, contentType string) []rules.Identifier {
	if res.StatusCode != http.StatusOK && res.StatusCode != http.StatusPartialContent || !record.Opaque(contentType) {
		return nil
	}
	if record.Harmless(contentType) && forEverybody(res.Header) {
		return nil
	}
	_, query, _ := strings.Cut(x.uri, "?")
	return record.NamedOrders(x.path, query, x.hasher)
}

// forEverybody reports whether shared caches may keep a response.
func forEverybody(header http.Header) bool {
	control := strings.ToLower(strings.Join(header.Values("Cache-Control"), ","))
	return strings.Contains(control, "public") && !strings.Contains(control, "private") && !strings.Contains(control, "no-store") && len(header["Set-Cookie"]) == 0
}

// purchases discloses, before a picture, a document or another body that is
// not text goes out, what its address says of it: an order, whose owner
// earlier responses have shown. What the body itself says comes on top, where it
// can be read. An order that nobody was seen with counts as a subject itself, in
// a body that is not read or says nothing of anybody: a label is somebody's.
func (x *exchange) purchases(orders []rules.Identifier, unread bool) rules.Verdict {
	if len(orders) == 0 {
		return rules.Passed
	}
	records, unknown := x.gateway.engine.Owners().Purchases(orders)
	if unknown > 0 && !unread {
		records = slices.DeleteFunc(records, func(r rules.Record) bool { return r.Subject.Kind == rules.IdentifierOrder })
	}
	if len(records) == 0 {
		return rules.Passed
	}
	x.response.Unmaskable()
	subjects := make(map[rules.Digest]struct{}, len(records))
	for i := range records {
		subjects[records[i].Subject.Digest] = struct{}{}
	}
	return x.disclose(records, nil, len(subjects))
}

// uninspected notes why a response was not (wholly) inspected, and applies
// the route's policy, or the given one.
func (x *exchange) uninspected(reason rules.Uninspected, policy rules.Action) rules.Verdict {
	x.Uninspected = reason
	if x.rule.Uninspected != nil {
		policy = *x.rule.Uninspected
	}
	return x.fail(policy, rules.ReasonUninspected, http.StatusBadGateway)
}

// streams reports whether a response's type is read by its client as it
// arrives, so that waiting for a whole first window would stop it.
func streams(contentType string) bool {
	media, _, _ := strings.Cut(contentType, ";")
	switch media = strings.ToLower(strings.TrimSpace(media)); media {
	case "text/event-stream", "application/x-ndjson", "application/jsonl", "application/stream+json", "application/json-seq", "multipart/mixed":
	default:
		if !strings.HasPrefix(media, "application/grpc") {
			return false
		}
	}
	_, _, err := mime.ParseMediaType(contentType)
	return err == nil
}

// pulse passes a body on as it is and moves the write deadline with it.
type pulse struct {
	io.ReadCloser
	x    *exchange
	res  *http.Response
	last time.Time
}

// Read implements io.Reader.
func (p *pulse) Read(b []byte) (int, error) {
	n, err := p.ReadCloser.Read(b)
	p.x.sent += int64(n)
	p.last = p.x.extendWrite(p.last) // behind the wait for the upstream, before the write
	if err != nil && err != io.EOF { //nolint:errorlint // io.Reader's contract
		p.x.Reason = brokenBy(p.res)
	}
	return n, err
}

// often is how often a deadline is moved, for one of this length.
func often(timeout time.Duration) time.Duration { return min(time.Second, timeout/4) }

// extendWrite moves the write deadline, not more than often: the server's
// WriteTimeout bounds how long one write may stall, not how long a download
// may last. It is a matter of the machine's time, whatever decisions take for it.
func (x *exchange) extendWrite(last time.Time) time.Time {
	now := time.Now()
	if now.Sub(last) < often(x.gateway.timeouts.Write) {
		return last
	}
	// A connection that does not support it keeps the server's own timeout.
	_ = x.control.SetWriteDeadline(now.Add(x.gateway.timeouts.Write))
	return now
}
