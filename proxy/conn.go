package proxy

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net"
	"strconv"

	"github.com/ordergate/ordergate/rules"
)

// refListener makes net/http's own refusals look like ours: a request that it
// cannot parse never reaches the handler, and is answered by the server with
// its own text. Here that answer becomes a status and a reference id.
type refListener struct {
	net.Listener
	log *slog.Logger
}

// Accept implements net.Listener.
func (l *refListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err //nolint:wrapcheck // net/http looks at it
	}
	return &refConn{Conn: conn, log: l.log}, nil
}

type refConn struct {
	net.Conn
	log     *slog.Logger
	framing framing
}

// Read implements net.Conn.
func (c *refConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.framing.feed(b[:n])
	return n, err //nolint:wrapcheck // a connection's own errors are looked at by net/http
}

// NetConn is the connection below, see [countedOf].
func (c *refConn) NetConn() net.Conn { return c.Conn }

// CloseWrite ends our side, so that a client that still sends reads the last answer.
func (c *refConn) CloseWrite() error { return closeWrite(c.Conn) }

func (c *refConn) framed() *framing { return &c.framing }

// framingKey is the context key of a connection's framing.
type framingKey struct{}

// withFraming lets the handler ask how its request was framed
// ([http.Server.ConnContext]).
func withFraming(ctx context.Context, conn net.Conn) context.Context {
	if c, ok := conn.(interface{ framed() *framing }); ok { // HTTP/2 over TLS is not
		return context.WithValue(ctx, framingKey{}, c.framed())
	}
	return ctx
}

// errorHeaders is what net/http (server.go, conn.serve) writes behind the
// status line of a refusal of its own, and no handler's response has: that
// carries a Date. Pinned by a test.
const errorHeaders = "\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"

// Write implements net.Conn.
func (c *refConn) Write(b []byte) (int, error) {
	answer, ok := c.refusal(b)
	if !ok {
		return c.Conn.Write(b) //nolint:wrapcheck // a connection's own errors are looked at by net/http
	}
	if _, err := c.Conn.Write(answer); err != nil {
		return 0, err //nolint:wrapcheck // as above
	}
	return len(b), nil
}

// refusal turns one of net/http's own refusals into ours.
func (c *refConn) refusal(b []byte) ([]byte, bool) {
	const start = "HTTP/1.1 "
	if !bytes.HasPrefix(b, []byte(start+"4")) && !bytes.HasPrefix(b, []byte(start+"5")) || len(b) < len(start)+3 {
		return nil, false
	}
	line, _, found := bytes.Cut(b, []byte("\r\n"))
	if !found || !bytes.HasPrefix(b[len(line):], []byte(errorHeaders)) {
		return nil, false
	}
	status, err := strconv.Atoi(string(b[len(start) : len(start)+3]))
	if err != nil {
		return nil, false
	}
	var id rules.ExchangeID
	rand.Read(id[:]) // never fails (crypto/rand, Go 1.24)
	c.log.Info("exchange", "exchange", id.String(), "status", status, "outcome", string(rules.ReasonMalformed))
	body := refusalText(status, id)
	reason := line[min(len(start)+4, len(line)):]
	if i := bytes.IndexByte(reason, ':'); i >= 0 {
		reason = reason[:i] // net/http adds what it choked on
	}
	return fmt.Appendf(nil, "%s%d %s\r\nContent-Type: text/plain; charset=utf-8\r\nCache-Control: no-store\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s",
		start, status, reason, len(body), body), true
}
