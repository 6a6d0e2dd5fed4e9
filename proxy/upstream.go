package proxy

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"strings"
	"time"

	"github.com/ordergate/ordergate/rules"
	"github.com/ordergate/ordergate/rules/record"
)

// reverseProxy stands on the standard library's: no hop-by-hop list and no
// copy loop of our own.
func (g *Gateway) reverseProxy() *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Rewrite:        g.rewrite,
		Transport:      g.groups,
		ModifyResponse: g.modifyResponse,
		ErrorHandler:   g.upstreamError,
		BufferPool:     g.pool,
		ErrorLog:       slog.NewLogLogger(discardLevel{g.log.Handler()}, slog.LevelDebug),
	}
}

func (g *Gateway) rewrite(pr *httputil.ProxyRequest) {
	x := exchangeOf(pr.In.Context())
	x.backend, x.target = x.group.pick(nil), pr.In.URL
	pr.SetURL(x.backend.url)
	pr.Out.Host = pr.In.Host
	x.policy.passHops(pr.In, pr.Out.Header, pr.SetXForwarded)
	for _, name := range elsewhere {
		pr.Out.Header.Del(name)
	}
	narrowUpgrade(pr.In, pr.Out.Header)
	x.wholeOnly(pr.Out)
	if pr.Out.Body != nil && !x.streamed {
		// What net/http knows to be in memory it sends in one write with the header,
		// anything else in a second one.
		pr.Out.Body = x.wholeBody()
	}
	if x.masks() {
		unconditional(pr.Out.Header)
	}
	pr.Out.Header.Set("Accept-Encoding", narrowEncoding(pr.In.Header.Get("Accept-Encoding")))
}

// elsewhere are the headers by which some platforms take another path than that of the
// request line, for which roles, caps and rules were chosen (CWE-436; Symfony's
// CVE-2018-14773): nobody is believed them.
var elsewhere = [...]string{"X-Original-Url", "X-Rewrite-Url"}

// narrowEncoding keeps of an Accept-Encoding what can be decoded; with nothing
// left the upstream is asked for plain bytes.
func narrowEncoding(accepted string) string {
	var kept []string
	for element := range strings.SplitSeq(accepted, ",") {
		element = strings.TrimSpace(element)
		name, _, _ := strings.Cut(element, ";")
		name = strings.ToLower(strings.TrimSpace(name))
		for _, known := range record.Decodable() {
			if name == known {
				kept = append(kept, element)
			}
		}
	}
	if len(kept) == 0 {
		return "identity"
	}
	return strings.Join(kept, ", ")
}

// upstreamError answers when there is no response of the upstream, or when
// its response was refused before the status line.
func (g *Gateway) upstreamError(w http.ResponseWriter, r *http.Request, err error) {
	x := exchangeOf(r.Context())
	var refused *refusal
	var netErr net.Error
	v := rules.Verdict{Action: rules.Refuse, Reason: rules.ReasonUpstream, Status: http.StatusBadGateway}
	switch {
	case errors.As(err, &refused):
		v = refused.verdict
	case r.Context().Err() != nil && errors.Is(err, context.Canceled):
		v.Reason, v.Status = rules.ReasonClientGone, statusClientGone
	case errors.As(err, &netErr) && netErr.Timeout():
		v.Reason, v.Status = rules.ReasonTimeout, http.StatusGatewayTimeout
	}
	if refused == nil && (v.Reason == rules.ReasonUpstream || v.Reason == rules.ReasonTimeout) {
		g.log.Warn("upstream failed", "exchange", x.id.String(), "route", x.route, "cause", describeUpstream(err))
	}
	x.refuse(w, v)
}

// describeUpstream names the fault. The text of a protocol error may quote
// what the upstream sent, so only the network's own errors are told whole.
func describeUpstream(err error) string {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Error()
	}
	var netErr net.Error
	if errors.As(err, &netErr) && netErr.Timeout() {
		return "timeout"
	}
	return fmt.Sprintf("protocol error (%T)", err)
}

func (g *Gateway) transport(upstreamTLS *UpstreamTLS) *http.Transport {
	dialer := &net.Dialer{Timeout: g.timeouts.UpstreamConnect, KeepAlive: 30 * time.Second}
	return &http.Transport{
		DialContext:            dialer.DialContext,
		TLSClientConfig:        upstreamTLS.client(),
		TLSHandshakeTimeout:    g.timeouts.UpstreamConnect,
		ResponseHeaderTimeout:  g.timeouts.UpstreamHeader,
		ExpectContinueTimeout:  time.Second,
		IdleConnTimeout:        90 * time.Second,
		MaxIdleConns:           1024,
		MaxIdleConnsPerHost:    256,
		MaxResponseHeaderBytes: 256 << 10,
		ReadBufferSize:         copySize, // most answers are read at once; 4 KiB take a page three reads
		DisableCompression:     true,     // bodies pass byte for byte
	}
}

// discardLevel keeps ReverseProxy's own messages ("http: proxy error: …"),
// which may quote a URL, out of the log; what matters of them is told by
// upstreamError.
type discardLevel struct{ slog.Handler }

// Enabled implements slog.Handler: nothing is.
func (discardLevel) Enabled(context.Context, slog.Level) bool { return false }
