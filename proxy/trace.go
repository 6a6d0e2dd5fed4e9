package proxy

import (
	"context"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/ordergate/ordergate/rules"
)

// traced are the spans of one exchange: a server's for the exchange, and a client's
// for each request to the platform; nil where tracing is off. Like the access log
// they hold templates and words of our own: no path, no query, no header's value, no
// address of a client, no text of an error. Nor is there a digest of a principal,
// because traces often go to a third party: the reference id leads to the log.
type traced struct {
	tracer  trace.Tracer
	server  trace.Span
	client  trace.Span // of the last request to the platform; nil: none was sent
	sends   int
	method  string
	scheme  string
	local   netip.AddrPort // where the request arrived
	dropped bool           // the trace begins here: what the client says of its own goes no further
}

// beginSpan begins the exchange's span, where tracing is on. A trusted hop's
// traceparent is its parent, and says whether it is kept (W3C Trace Context, 4.3).
// Anybody else could fill the collector or write into other people's traces: for him
// a trace begins here, which links to his.
func (x *exchange) beginSpan(r *http.Request, parent traceParent) {
	if x.policy.Tracer == nil {
		return
	}
	t := &traced{tracer: x.policy.Tracer, method: knownMethod(x.method), scheme: "http", dropped: true}
	if r.TLS != nil {
		t.scheme = "https"
	}
	if addr, ok := r.Context().Value(http.LocalAddrContextKey).(interface{ AddrPort() netip.AddrPort }); ok {
		t.local = addr.AddrPort()
	}
	name := t.method
	if name == otherMethod { // as the conventions for HTTP spans call it
		t.method, name = "_OTHER", "HTTP"
	}
	ctx := context.Background()
	options := append(make([]trace.SpanStartOption, 0, 3), trace.WithSpanKind(trace.SpanKindServer), trace.WithTimestamp(x.start))
	if remote := parent.remote(); remote.IsValid() {
		if t.dropped = !x.policy.fromTrusted(r); t.dropped {
			options = append(options, trace.WithLinks(trace.Link{SpanContext: remote}))
		} else {
			ctx = trace.ContextWithRemoteSpanContext(ctx, remote)
		}
	}
	_, t.server = t.tracer.Start(ctx, name+" "+x.route, options...)
	x.trace = t.server.SpanContext().TraceID().String()
	x.traced = t
}

// send begins the span of a request to a server of the platform, and makes it the
// parent of what the platform does: the header of W3C Trace Context is ours, where
// tracing is on.
func (t *traced) send(r *http.Request, server *backend) {
	if t == nil {
		return
	}
	parent := t.server.SpanContext()
	if t.server.IsRecording() {
		attributes := append(make([]attribute.KeyValue, 0, 8),
			semconv.HTTPRequestMethodKey.String(t.method), semconv.URLScheme(server.url.Scheme), semconv.ServerAddress(server.url.Hostname()))
		if port, err := strconv.Atoi(server.url.Port()); err == nil {
			attributes = append(attributes, semconv.ServerPort(port))
		}
		if t.sends > 0 {
			attributes = append(attributes, semconv.HTTPRequestResendCount(t.sends))
		}
		ctx := trace.ContextWithSpan(context.Background(), t.server)
		_, t.client = t.tracer.Start(ctx, t.method, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attributes...))
		parent = t.client.SpanContext()
	}
	t.sends++
	r.Header["Traceparent"] = []string{traceParentOf(parent)}
	if t.dropped { // 3.3.1.4: a trace that begins anew has no state
		delete(r.Header, "Tracestate")
	}
}

// received notes what came of it. The span ends with the answer's body, or with the
// exchange.
func (t *traced) received(r *http.Request, response *http.Response, err error) {
	switch {
	case t == nil || t.client == nil || !t.client.IsRecording():
	case err != nil:
		failed(t.client, sendFault(r, err))
		t.client.End()
	default:
		t.client.SetAttributes(semconv.HTTPResponseStatusCode(response.StatusCode))
		if response.StatusCode >= http.StatusBadRequest {
			failed(t.client, strconv.Itoa(response.StatusCode))
		}
		if response.StatusCode != http.StatusSwitchingProtocols { // whose body is the connection
			response.Body = &tracedBody{response.Body, r.Context(), t.client}
		}
	}
}

// sendFault names what a request to the platform failed by; it is a closed set.
func sendFault(r *http.Request, err error) string {
	var op *net.OpError
	var slow net.Error
	switch {
	case r.Context().Err() != nil:
		return string(rules.ReasonClientGone)
	case errors.As(err, &op) && op.Op == "dial":
		return "connect"
	case errors.As(err, &slow) && slow.Timeout():
		return string(rules.ReasonTimeout)
	}
	return string(rules.ReasonUpstream)
}

func failed(span trace.Span, by string) {
	span.SetAttributes(semconv.ErrorTypeKey.String(by))
	span.SetStatus(codes.Error, "")
}

// tracedBody ends a span with the body of the platform's answer.
type tracedBody struct {
	io.ReadCloser
	ctx  context.Context // the request's: it says whose fault a broken body is
	span trace.Span
}

// Read implements io.Reader.
func (b *tracedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		if err != io.EOF { //nolint:errorlint // io.Reader's contract
			by := rules.ReasonUpstreamGone
			if b.ctx.Err() != nil {
				by = rules.ReasonClientGone
			}
			failed(b.span, string(by))
		}
		b.span.End()
	}
	return n, err //nolint:wrapcheck // io.Reader's contract
}

// Close implements io.Closer.
func (b *tracedBody) Close() error {
	b.span.End()
	return b.ReadCloser.Close() //nolint:wrapcheck // nothing to add
}

// endSpans ends what has begun. Ending a span again does nothing.
func (x *exchange) endSpans() {
	t := x.traced
	if t == nil {
		return
	}
	if t.client != nil {
		t.client.End()
	}
	if t.server.IsRecording() {
		t.server.SetAttributes(x.attributes(make([]attribute.KeyValue, 0, 32))...)
		if by := x.spanFault(); by != "" {
			failed(t.server, by)
		}
	}
	t.server.End(trace.WithTimestamp(x.start.Add(x.Took)))
}

// spanFault says by what the exchange failed, empty where it did not: what a client is
// refused is no failure.
func (x *exchange) spanFault() string {
	broken := x.Cut || x.Reason == rules.ReasonUpstreamGone || x.Reason == rules.ReasonPanic
	switch {
	case !broken && x.Status < http.StatusInternalServerError:
		return ""
	case x.Reason == rules.ReasonNone:
		return strconv.Itoa(x.Status)
	}
	return string(x.Reason)
}

// attributes are what the exchange's span says. Names with a prefix are ours, the
// others OpenTelemetry's semantic conventions for HTTP; deploy/OBSERVABILITY.md tells
// operators of all.
func (x *exchange) attributes(to []attribute.KeyValue) []attribute.KeyValue {
	to = append(
		to, semconv.HTTPRequestMethodKey.String(x.traced.method), semconv.HTTPRoute(x.route), semconv.URLScheme(x.traced.scheme),
		semconv.NetworkProtocolVersion(strings.TrimSuffix(strings.TrimPrefix(protocol(x.proto), "HTTP/"), ".0")),
		semconv.HTTPRequestBodySize(len(x.body)+int(x.uploaded.Load())), semconv.HTTPResponseBodySize(int(x.sent)),
		attribute.String("ordergate.exchange", x.id.String()), attribute.String("ordergate.outcome", string(x.Reason)), attribute.String("ordergate.role", x.Role.String()),
	)
	if x.Status != 0 {
		to = append(to, semconv.HTTPResponseStatusCode(x.Status))
	}
	if x.traced.local.IsValid() {
		to = append(to, semconv.ServerAddress(x.traced.local.Addr().Unmap().String()), semconv.ServerPort(int(x.traced.local.Port())))
	}
	for _, text := range [...]struct{ name, value string }{
		{"ordergate.upstream", x.group.name}, {"ordergate.uninspected", string(x.Uninspected)}, {"ordergate.limited", string(x.Limited)}, {"ordergate.deviation", string(x.Deviation)},
	} {
		if text.value != "" {
			to = append(to, attribute.String(text.name, text.value))
		}
	}
	if x.Step != rules.StepNone {
		to = append(to, attribute.String("ordergate.held", x.Step.String()))
	}
	for _, number := range [...]struct {
		name  string
		value int
	}{
		{"ordergate.waf.hits", len(x.WAF.Hits)},
		{"ordergate.waf.rule", x.WAF.Blocked},
		{"ordergate.subjects.released", total(x.Subjects)},
		{"ordergate.subjects.withheld", total(x.Withheld)},
		{"ordergate.signals", x.Signals},
		{"ordergate.masked", x.Masked},
	} {
		if number.value != 0 {
			to = append(to, attribute.Int(number.name, number.value))
		}
	}
	for stage, took := range x.Stages {
		if took > 0 {
			to = append(to, attribute.Float64("ordergate.stage."+Stage(stage).String()+".seconds", took.Seconds()))
		}
	}
	return to
}

// traceParent is what a traceparent header says (W3C Trace Context, 3.2), in
// hexadecimal; empty where it is missing or invalid.
type traceParent struct{ trace, span, flags string }

// maxTraceParent bounds the header of a later version, in bytes.
const maxTraceParent = 256

// readTraceParent reads the header. Invalid are version ff, ids of zeros alone, and more
// than version 00 has.
func readTraceParent(parents []string) traceParent {
	if len(parents) != 1 || len(parents[0]) < 55 || len(parents[0]) > maxTraceParent {
		return traceParent{}
	}
	header := parents[0]
	version, p := header[:2], traceParent{header[3:35], header[36:52], header[53:55]}
	switch {
	case header[2] != '-' || header[35] != '-' || header[52] != '-' || len(header) > 55 && header[55] != '-',
		version == "ff" || version == "00" && len(header) > 55,
		!lowerHex(version) || !lowerHex(p.trace) || !lowerHex(p.span) || !lowerHex(p.flags),
		strings.Trim(p.trace, "0") == "" || strings.Trim(p.span, "0") == "":
		return traceParent{}
	}
	return p
}

func lowerHex(text string) bool { return strings.Trim(text, "0123456789abcdef") == "" }

// remote is the same for the tracer, invalid where there is none. Of the flags those
// are taken that version 00 has.
func (p traceParent) remote() trace.SpanContext {
	if p.trace == "" {
		return trace.SpanContext{}
	}
	out := trace.SpanContextConfig{Remote: true}
	var flags [1]byte
	_, _ = hex.Decode(out.TraceID[:], []byte(p.trace)) // readTraceParent has looked at all three
	_, _ = hex.Decode(out.SpanID[:], []byte(p.span))
	_, _ = hex.Decode(flags[:], []byte(p.flags))
	out.TraceFlags = trace.TraceFlags(flags[0]) & trace.FlagsSampled
	return trace.NewSpanContext(out)
}

// traceParentOf is the header for what follows a span.
func traceParentOf(c trace.SpanContext) string {
	return "00-" + c.TraceID().String() + "-" + c.SpanID().String() + "-" + c.TraceFlags().String()
}
