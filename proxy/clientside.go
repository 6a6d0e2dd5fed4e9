package proxy

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/gobwas/ws"

	"github.com/ordergate/ordergate/rules"
	"github.com/ordergate/ordergate/rules/waf"
)

// clientSide is the client's side of a WebSocket. What the client says goes to the
// platform message by message, in its own frames, once the WAF has judged the message as
// a request to the handshake's address with that body. Its policies:
//
//   - a message that the WAF refuses ends the connection: close code 1008, nothing of it
//     goes. Where the WAF fails, the policy for requests holds;
//   - a message that is longer than a request's body may be ends it: 1009;
//   - frames that RFC 6455 does not allow a client end it: 1002;
//   - JSON is judged as JSON, another text as the only field of a form. What is no text
//     passes unread: the WAF has no reader for it;
//   - pings, pongs and ends go at once, as the protocol wants.
//
// One goroutine says; said may be asked for by others.
type clientSide struct {
	x    *exchange
	host string       // see sayingHost
	in   bytes.Buffer // what is no whole frame yet
	held []byte       // the message's frames, as they came
	text []byte       // what they say
	open bool         // a message is under way
	deaf bool         // nothing more goes

	mu     sync.Mutex
	report waf.Report // of all messages together
	failed bool
}

// ending is why a client is not heard any more.
type ending struct {
	verdict rules.Verdict
	code    ws.StatusCode
}

var (
	misspoken = &ending{malformed, ws.StatusProtocolError}
	verbose   = &ending{rules.Verdict{Action: rules.Refuse, Reason: rules.ReasonTooLarge, Status: http.StatusRequestEntityTooLarge}, ws.StatusMessageTooBig}
)

// hear takes what has come of the client, and returns what may go to the platform; an
// ending says that nothing may any more.
func (c *clientSide) hear(b []byte) (goes []byte, end *ending) {
	if c.deaf {
		return nil, nil
	}
	c.in.Write(b)
	for end == nil {
		header, size, whole := c.header()
		switch {
		case !whole && size < 0:
			end = misspoken
		case !whole:
			return goes, nil
		case c.faulty(header):
			end = misspoken
		case c.tooLong(header.Length):
			end = verbose
		case int64(c.in.Len()-size) < header.Length:
			return goes, nil
		default:
			var more []byte
			more, end = c.frame(header, c.in.Next(size+int(header.Length)), size)
			goes = append(goes, more...)
			if c.in.Len() == 0 {
				c.in = bytes.Buffer{} // a quiet connection holds no memory
			}
		}
	}
	c.deaf, c.in, c.held, c.text = true, bytes.Buffer{}, nil, nil
	return goes, end
}

// header reads the next frame's header, and how long it is: below 0 where it can be
// none.
func (c *clientSide) header() (header ws.Header, size int, whole bool) {
	from := bytes.NewReader(c.in.Bytes())
	header, err := ws.ReadHeader(from)
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return header, 0, false
	case err != nil:
		return header, -1, false
	}
	return header, c.in.Len() - from.Len(), true
}

// faulty reports whether a frame is none that a client may send here.
func (c *clientSide) faulty(header ws.Header) bool {
	switch op := header.OpCode; {
	case header.Rsv != 0 || !header.Masked || op.IsReserved():
		return true
	case op.IsControl():
		return !header.Fin || header.Length > ws.MaxControlFramePayloadSize
	default:
		return (op == ws.OpContinuation) != c.open
	}
}

// tooLong reports whether a message would be longer with so many more bytes than a
// request's body may be.
func (c *clientSide) tooLong(more int64) bool {
	// Frames count with their headers: a message may have any number without a text.
	return int64(len(c.held))+more > c.x.bodyLimit()
}

// frame takes a whole frame, of which so many bytes are its header.
func (c *clientSide) frame(header ws.Header, frame []byte, size int) (goes []byte, end *ending) {
	if header.OpCode.IsControl() {
		return frame, nil
	}
	c.open, c.held = !header.Fin, append(c.held, frame...)
	from := len(c.text)
	c.text = append(c.text, frame[size:]...)
	ws.Cipher(c.text[from:], header.Mask, 0)
	if !header.Fin {
		return nil, nil
	}
	goes, text := c.held, c.text
	c.held, c.text = nil, nil
	if v := c.judge(text); v.Action == rules.Refuse {
		return nil, &ending{v, ws.StatusPolicyViolation}
	}
	return goes, nil
}

// judge asks the WAF about a message.
func (c *clientSide) judge(text []byte) rules.Verdict {
	text = bytes.TrimRight(text, "\x00\x1e") // STOMP's end and SignalR's
	if len(text) == 0 || !utf8.Valid(text) {
		return rules.Passed
	}
	x := c.x
	if len(text) > heavyBody {
		if !x.takeTurn(context.Background()) {
			return x.fail(rules.Refuse, rules.ReasonWAFError, http.StatusServiceUnavailable)
		}
		defer func() { <-x.gateway.heavy }()
	}
	t := x.policy.WAF.Begin(x.id)
	verdict, err := t.Request(c.saying(text))
	report, finishErr := t.Finish()
	if err = errors.Join(err, finishErr); err != nil {
		x.gateway.log.Error("WAF failed on a message of a WebSocket", "exchange", x.id.String(), "route", x.route, "err", err)
		verdict = x.fail(x.policy.WAFRequestError, rules.ReasonWAFError, http.StatusServiceUnavailable)
	}
	c.note(&report, err != nil)
	return x.enforce(verdict)
}

// saying is a message as a request to the handshake's path. What the handshake's
// query and header said was judged then, and is not held against each message again.
func (c *clientSide) saying(text []byte) *waf.Request {
	body, mediaType := []byte(nil), "application/json"
	if envelopes, hint := unwrap(text); hint != "" && json.Valid(text[envelopes:]) {
		body = text[envelopes:]
	} else {
		body, mediaType = []byte("message="+url.QueryEscape(string(text))), "application/x-www-form-urlencoded"
	}
	path, _, _ := strings.Cut(c.x.uri, "?")
	return &waf.Request{
		Client: c.x.client, URI: path, Method: http.MethodPost, Proto: "HTTP/1.1", Host: c.host, Body: body,
		Header: http.Header{"Content-Type": {mediaType}, "Content-Length": {strconv.Itoa(len(body))}, "User-Agent": {"ordergate"}, "Accept": {"*/*"}},
	}
}

// sayingHost returns the host for which messages are judged: an operator's rules may
// ask for it, but a number scores (CRS 920350), as it did in the handshake.
func sayingHost(host string) string {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = host
	}
	if _, err = netip.ParseAddr(strings.Trim(name, "[]")); err == nil {
		return "platform.invalid"
	}
	return host
}

// note joins what the WAF said of a message with what it said of others.
func (c *clientSide) note(report *waf.Report, failed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failed = c.failed || failed
	joinReports(&c.report, report)
}

// said adds what the WAF said of the messages to what it said of the handshake.
func (c *clientSide) said(to *Summary) {
	c.mu.Lock()
	defer c.mu.Unlock()
	to.WAFFailed = to.WAFFailed || c.failed
	joinReports(&to.WAF, &c.report)
}

// joinReports adds a report to another one: the first rule that blocked, the highest
// scores, and as many hits as a log line has room for.
func joinReports(to, more *waf.Report) {
	to.Inbound, to.Outbound = max(to.Inbound, more.Inbound), max(to.Outbound, more.Outbound)
	to.Detected = to.Detected || more.Detected
	if to.Blocked == 0 {
		to.Blocked = more.Blocked
	}
	room := max(maxHits-len(to.Hits), 0)
	to.Hits = append(to.Hits, more.Hits[:min(len(more.Hits), room)]...)
}
