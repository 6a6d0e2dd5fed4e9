package proxy

import (
	"bufio"
	"bytes"
	"crypto/sha1" //nolint:gosec // RFC 6455 wants it, and nothing depends on it
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/gobwas/ws"

	"github.com/ordergate/ordergate/rules"
	"github.com/ordergate/ordergate/rules/record"
)

// asksForSocket reports whether a request asks for a WebSocket (RFC 6455, 4.1). No other
// protocol is handed on: behind an upgrade to HTTP/2 in clear text (h2c, which RFC 9113
// has taken back) a client would speak to the platform past the WAF and the caps.
func asksForSocket(r *http.Request) bool {
	upgrade := r.Header["Upgrade"]
	return r.Method == http.MethodGet && len(upgrade) == 1 && strings.EqualFold(upgrade[0], "websocket")
}

// narrowUpgrade leaves of a request's wish to change the protocol what can be
// inspected: WebSocket without extensions, so that messages come as they are.
func narrowUpgrade(in *http.Request, out http.Header) {
	out.Del("Http2-Settings")
	if len(out["Upgrade"]) == 0 {
		return
	}
	if !asksForSocket(in) {
		out.Del("Upgrade")
		out.Del("Connection")
		return
	}
	out.Del("Sec-Websocket-Extensions")
}

// acceptGUID is what a handshake's key is hashed with (RFC 6455, 1.3).
const acceptGUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

// upgraded puts the gate of a WebSocket before what the platform sends. What is no
// WebSocket after all is not handed on: nobody knows what it says.
func (x *exchange) upgraded(res *http.Response) rules.Verdict {
	conn, is := res.Body.(io.ReadWriteCloser)
	sum := sha1.Sum([]byte(res.Request.Header.Get("Sec-Websocket-Key") + acceptGUID)) //nolint:gosec // as above
	if !is || !strings.EqualFold(res.Header.Get("Upgrade"), "websocket") || res.Header.Get("Sec-Websocket-Accept") != base64.StdEncoding.EncodeToString(sum[:]) {
		return rules.Verdict{Action: rules.Refuse, Reason: rules.ReasonUpstream, Status: http.StatusBadGateway}
	}
	if res.Header.Get("Sec-Websocket-Extensions") != "" { // nobody asked for any
		if x.masks() {
			return x.unmasked(rules.UninspectedUpgrade)
		}
		return x.uninspected(rules.UninspectedUpgrade, x.policy.Uninspected)
	}
	x.response.Unmaskable() // what is not one's own ends it, see socket
	x.socket = &socket{x: x, conn: conn, client: clientSide{x: x, host: sayingHost(res.Request.Host)}, from: bufio.NewReader(conn)}
	res.Body = x.socket
	return rules.Passed
}

const (
	// maxPiece is how much of a message is read at a time, in bytes.
	maxPiece = 16 << 10
	// maxTold bounds the subjects whose records are known to have been told on a
	// connection; of others every message makes a row of the ledger.
	maxTold = 256
)

// socket is the platform's side of a WebSocket. What the platform says goes to the
// client message by message, once the records of a message are reserved and durable; a
// long message goes on in fragments, as a page does. Its policies:
//
//   - a message that is refused ends the connection: close code 1008, nothing of it
//     goes. So does one that comes when its principal is held harder than at the
//     beginning; the client may come again, and is treated accordingly;
//   - each message is a response of its own to the limit of one response; all limits
//     over time see the whole connection;
//   - frames that break the protocol end it: 1002;
//   - what the client says is judged before it goes, see clientSide; so ends what it
//     may not say.
//
// One goroutine reads, another one writes. The exchange is the reader's until stop.
type socket struct {
	x      *exchange
	conn   io.ReadWriteCloser
	client clientSide
	unsaid atomic.Pointer[ending] // the client may say nothing more
	fault  atomic.Pointer[any]    // whoever reads what it says panicked

	mu      sync.Mutex // of what follows, while it is read
	from    *bufio.Reader
	out     bytes.Buffer // what may go
	err     error        // what ends it once that has gone
	whole   bool         // the platform has ended it, and all that it said has gone
	cause   any          // it panicked: the exchange's goroutine does instead, so that the process lives
	message *message     // under way; nil: none
	told    map[rules.Digest]rules.Record
}

// message is one message of the platform's, or what has not gone yet of it.
type message struct {
	op     ws.OpCode // of its next fragment
	finder *record.Finder
	unread int64  // bytes before what the finder reads
	held   []byte // not gone yet
	gone   int64
	raw    bool // no longer inspected, by policy
}

// Write implements io.Writer: to the platform. A fault of ours ends the connection; stop
// panics then in the exchange's goroutine, so that the process lives.
func (s *socket) Write(b []byte) (n int, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			s.fault.Store(&cause)
			_ = s.conn.Close()
			n, err = 0, errEnded
		}
	}()
	goes, end := s.client.hear(b)
	if len(goes) > 0 {
		if _, err := s.conn.Write(goes); err != nil {
			return 0, err //nolint:wrapcheck // io.Writer's contract
		}
	}
	if end != nil {
		s.unsaid.Store(end)
		_ = s.conn.Close() // whoever reads from it ends, and tells the client why
	}
	return len(b), nil // an error would end the connection before the client is told
}

// CloseWrite ends the client's half, as httputil.ReverseProxy asks.
func (s *socket) CloseWrite() error {
	if half, ok := s.conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite() //nolint:wrapcheck // says it all
	}
	return errEnded
}

// Close implements io.Closer.
func (s *socket) Close() error {
	return s.conn.Close() //nolint:wrapcheck // io.Closer's contract
}

// errEnded ends a connection of which one side has ended.
var errEnded = errors.New("a side has ended")

// endSocket makes the exchange its own goroutine's again, whose reader may still be at
// work.
func (x *exchange) endSocket() {
	if x.socket != nil {
		x.socket.stop()
	}
}

// stop ends the connection, waits until nobody reads from it, and panics if the reader
// did. It may be called again.
func (s *socket) stop() {
	_ = s.conn.Close() // a read that waits ends
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = errEnded
	cause := s.cause
	if fault := s.fault.Swap(nil); cause == nil && fault != nil {
		cause = *fault
	}
	if s.cause = nil; cause != nil {
		panic(cause)
	}
}

// Read implements io.Reader: from the platform.
func (s *socket) Read(b []byte) (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer func() {
		if s.cause = recover(); s.cause != nil {
			s.err = errEnded
			n, err = 0, s.err
		}
	}()
	for s.out.Len() == 0 {
		if s.err != nil {
			return 0, s.err
		}
		// Whoever copies asks again when what it was given is written.
		s.err = s.frame()
		if end := s.unsaid.Load(); end != nil && s.err != nil && !s.x.Cut {
			s.x.cut(end.verdict)
			s.end(end.code)
		}
		s.whole = s.err == io.EOF && s.message == nil //nolint:errorlint // io.Reader's contract
	}
	n, _ = s.out.Read(b)
	s.x.sent += int64(n)
	return n, nil
}

// errFrame says that the platform's frames break the protocol.
var errFrame = errors.New("a frame that RFC 6455 does not allow")

// frame reads the platform's next frame. An error ends the connection.
func (s *socket) frame() error {
	header, err := ws.ReadHeader(s.from)
	switch {
	case errors.Is(err, ws.ErrHeaderLengthMSB), errors.Is(err, ws.ErrHeaderLengthUnexpected):
		return s.fail()
	case err != nil:
		return err //nolint:wrapcheck // io.Reader's contract
	case header.Rsv != 0 || header.Masked || header.OpCode.IsReserved():
		return s.fail()
	case header.OpCode.IsControl():
		return s.control(header)
	case (header.OpCode == ws.OpContinuation) != (s.message != nil):
		return s.fail()
	}
	if s.message == nil {
		s.message = &message{op: header.OpCode}
	}
	return s.data(header)
}

func (s *socket) fail() error {
	s.x.Reason = rules.ReasonUpstream
	s.end(ws.StatusProtocolError)
	return errFrame
}

// end tells the client why nothing follows. A fragment may be missing: clients drop
// what they have of its message.
func (s *socket) end(code ws.StatusCode) {
	body := ws.NewCloseFrameBody(code, "")
	s.put(ws.OpClose, true, body)
}

func (s *socket) put(op ws.OpCode, last bool, payload []byte) {
	_ = ws.WriteHeader(&s.out, ws.Header{Fin: last, OpCode: op, Length: int64(len(payload))}) // memory
	s.out.Write(payload)
}

// control passes a ping, a pong or an end on, at once: they may come between the
// fragments of a message.
func (s *socket) control(header ws.Header) error {
	if !header.Fin || header.Length > ws.MaxControlFramePayloadSize {
		return s.fail()
	}
	payload := make([]byte, header.Length)
	if _, err := io.ReadFull(s.from, payload); err != nil {
		return err //nolint:wrapcheck // io.Reader's contract
	}
	s.put(header.OpCode, true, payload)
	return nil
}

// data reads a frame of a message.
func (s *socket) data(header ws.Header) error {
	m := s.message
	for left := header.Length; left > 0; {
		at, n := len(m.held), int(min(left, maxPiece))
		m.held = slices.Grow(m.held, n)[:at+n]
		if _, err := io.ReadFull(s.from, m.held[at:]); err != nil {
			return err //nolint:wrapcheck // io.Reader's contract
		}
		left -= int64(n)
		m.show(s.x, m.held[at:])
		if len(m.held) >= s.x.policy.window() && (left > 0 || !header.Fin) {
			if v := s.settle(false); v.Action == rules.Refuse {
				return s.cut(v)
			}
		}
	}
	if !header.Fin {
		return nil
	}
	if v := s.settle(true); v.Action == rules.Refuse {
		return s.cut(v)
	}
	s.message = nil
	return nil
}

func (s *socket) cut(v rules.Verdict) error {
	s.x.cut(v)
	s.end(ws.StatusPolicyViolation)
	return errCut
}

// show gives the finder what has come. What frames of other protocols stand before the
// message's own text are none of it.
func (m *message) show(x *exchange, piece []byte) {
	if m.raw {
		return
	}
	if m.finder == nil {
		envelope, hint := unwrap(piece)
		m.unread = int64(envelope)
		m.finder = record.NewFinder(x.policy.Records, x.hasher.Clone(), hint)
		m.finder.Chosen() // a subscription of GraphQL has aliases, and its path says nothing
		piece = piece[envelope:]
	}
	_, _ = m.finder.Write(bytes.TrimRight(piece, "\x00")) // never fails; STOMP's end is no text
}

// envelope matches what stands before the text of a message: packet types, namespaces
// and numbers of Socket.IO (its protocol, version 5: 42/orders,7["new",{…}]) and SockJS
// (a["…"]), and the header of a STOMP frame (1.2).
var envelope = regexp.MustCompile(`^(?:[0-9a-z]{1,3}(?:/[^,{\["]{0,64},)?[0-9]{0,10}|(?:MESSAGE|CONNECTED|RECEIPT|ERROR)\r?\n(?:[^\r\n]+\r?\n){0,32}\r?\n)`)

// unwrap returns how many bytes stand before a message's text, and what it is, if it is
// known.
func unwrap(piece []byte) (envelopes int, mediaType string) {
	if found := envelope.Find(piece); len(found) < len(piece) && (found == nil || found[len(found)-1] == '\n' || piece[len(found)] == '[' || piece[len(found)] == '{') {
		envelopes = len(found)
	}
	if text := piece[envelopes:]; len(text) > 0 && (text[0] == '[' || text[0] == '{') {
		return envelopes, "application/json"
	}
	return envelopes, ""
}

// settle decides about what was found of the message since the last time, and lets
// go what is decided; done: the message is whole.
func (s *socket) settle(done bool) rules.Verdict {
	m := s.message
	if v := s.hold(); v.Action == rules.Refuse {
		return v
	}
	if m.finder != nil && !m.raw {
		if done {
			_ = m.finder.Close() // never fails
			s.note(m.finder)
		}
		if v := s.x.disclose(s.fresh(m.finder.Take(nil)), m.finder.Issued(nil), m.finder.Subjects()); v.Action == rules.Refuse {
			return v
		}
	}
	n := len(m.held)
	if !done && !m.raw {
		n = int(max(m.unread+m.finder.Safe()-m.gone, 0))
	}
	if len(m.held)-n > maxHeld {
		if v := s.x.uninspected(rules.UninspectedSize, s.x.policy.Uninspected); v.Action == rules.Refuse {
			return v
		}
		m.raw, n = true, len(m.held)
	}
	if n > 0 || done {
		s.put(m.op, done, m.held[:n])
		m.op, m.gone = ws.OpContinuation, m.gone+int64(n)
		m.held = append(m.held[:0], m.held[n:]...)
	}
	return rules.Passed
}

// hold refuses what comes for a principal that has been held since the connection
// began.
func (s *socket) hold() rules.Verdict {
	v := s.x.gateway.engine.Admit(&s.x.principal, s.x.gateway.now())
	if v = s.x.enforce(v); v.Action == rules.Refuse {
		return v
	}
	if withholds(v.Step) && !withholds(s.x.Step) {
		return s.x.enforce(rules.Verdict{Action: rules.Refuse, Reason: rules.ReasonContained, Status: http.StatusForbidden, Step: v.Step})
	}
	return rules.Passed
}

func withholds(step rules.Step) bool { return step == rules.StepMask || step == rules.StepCut }

func (s *socket) note(finder *record.Finder) {
	weak, _ := finder.Weak()
	s.x.Weak += weak
	if reason := finder.Uninspected(); reason != rules.UninspectedNone && s.x.Uninspected == rules.UninspectedNone {
		s.x.Uninspected = reason
	}
}

// fresh leaves out what the connection has told already: an order's state that is sent
// every few seconds is one disclosure.
func (s *socket) fresh(records []rules.Record) []rules.Record {
	return slices.DeleteFunc(records, func(r rules.Record) bool {
		subject := r.Subject.Digest
		before, ok := s.told[subject]
		if ok && r.Fields&^before.Fields == 0 && !slices.ContainsFunc(r.Identifiers, func(id rules.Identifier) bool { return !slices.Contains(before.Identifiers, id) }) {
			return true
		}
		if ok || len(s.told) < maxTold {
			if s.told == nil {
				s.told = make(map[rules.Digest]rules.Record)
			}
			s.told[subject] = r
		}
		return false
	})
}
