package proxy

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/ordergate/ordergate/rules"
)

// tlsListener ends TLS. Handshakes run beside each other, each within a
// deadline; Accept returns connections whose handshake is over, so that the answers
// that net/http makes itself can be made ours (see refListener) here too.
type tlsListener struct {
	net.Listener
	config  *tls.Config
	timeout time.Duration
	log     *slog.Logger

	ready chan accepted
	ended context.Context
	end   context.CancelFunc
	wait  sync.WaitGroup
	begun sync.WaitGroup // handshakes under way
	close sync.Once
}

type accepted struct {
	conn net.Conn
	err  error
}

func newTLSListener(inner net.Listener, config *tls.Config, timeout time.Duration, log *slog.Logger) *tlsListener {
	l := &tlsListener{Listener: inner, config: config, timeout: timeout, log: log, ready: make(chan accepted)}
	l.ended, l.end = context.WithCancel(context.Background())
	l.wait.Go(l.accept)
	return l
}

// Accept implements net.Listener.
func (l *tlsListener) Accept() (net.Conn, error) {
	select {
	case a := <-l.ready:
		return a.conn, a.err
	case <-l.ended.Done():
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener; handshakes under way have lastRequest to end, and
// are cut then.
func (l *tlsListener) Close() (err error) {
	l.close.Do(func() {
		err = l.Listener.Close()
		cut := time.AfterFunc(lastRequest, l.end)
		defer cut.Stop()
		l.wait.Wait() // accept ends with its last handshake
		l.end()
	})
	return err //nolint:wrapcheck // net/http looks at it
}

func (l *tlsListener) accept() {
	for {
		conn, err := l.Listener.Accept()
		if err == nil {
			l.begun.Add(1)
			l.wait.Go(func() {
				defer l.begun.Done()
				l.handshake(conn)
			})
			continue
		}
		if errors.Is(err, net.ErrClosed) {
			l.begun.Wait() // what they come to is handed on first
		}
		// net/http waits a while after a passing error (no more file
		// descriptors) before it asks again: until then this waits, too.
		var passing interface{ Temporary() bool }
		if !l.hand(accepted{err: err}) || !errors.As(err, &passing) || !passing.Temporary() {
			return
		}
	}
}

// hand gives a connection or an error to Accept, unless the listener is closed.
func (l *tlsListener) hand(a accepted) bool {
	select {
	case l.ready <- a:
		return true
	case <-l.ended.Done():
		return false
	}
}

func (l *tlsListener) handshake(raw net.Conn) {
	ctx, cancel := context.WithTimeout(l.ended, l.timeout)
	defer cancel()
	conn := tls.Server(&helloConn{Conn: raw}, l.config)
	if err := conn.HandshakeContext(ctx); err != nil {
		l.failed(raw, err)
		return
	}
	if conn.ConnectionState().NegotiatedProtocol == protocolACME {
		_ = conn.Close() // the handshake was the answer (RFC 8737, 3)
		return
	}
	var out net.Conn = conn // net/http serves HTTP/2 on a *tls.Conn alone
	if conn.ConnectionState().NegotiatedProtocol != "h2" {
		out = &tlsRefConn{refConn: refConn{Conn: conn, log: l.log}, tls: conn}
	}
	if !l.hand(accepted{conn: out}) {
		_ = raw.Close() // nobody will read from it
	}
}

// failed ends a connection whose handshake failed. Whoever speaks HTTP without
// TLS gets an answer that can be read.
func (l *tlsListener) failed(raw net.Conn, err error) {
	defer raw.Close() //nolint:errcheck // nothing more is said on it
	var record tls.RecordHeaderError
	if !errors.As(err, &record) || record.Conn == nil || !looksLikeHTTP(record.RecordHeader) {
		return // scanners do it all day: no line for each
	}
	var id rules.ExchangeID
	rand.Read(id[:]) // never fails (crypto/rand, Go 1.24)
	l.log.Info("exchange", "exchange", id.String(), "status", http.StatusBadRequest, "outcome", string(rules.ReasonMalformed))
	body := refusalText(http.StatusBadRequest, id)
	_ = raw.SetWriteDeadline(time.Now().Add(l.timeout))
	_, _ = fmt.Fprintf(raw, "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nCache-Control: no-store\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", len(body), body)
}

// looksLikeHTTP reports whether what should have been the header of a record
// is the beginning of a request, as net/http tells it.
func looksLikeHTTP(header [5]byte) bool {
	switch string(header[:]) {
	case "GET /", "HEAD ", "POST ", "PUT /", "OPTIO", "DELET", "PATCH":
		return true
	}
	return false
}

// tlsRefConn is a refConn over TLS: net/http learns the TLS state from it.
type tlsRefConn struct {
	refConn
	tls *tls.Conn
}

// ConnectionState is what net/http makes Request.TLS of.
func (c *tlsRefConn) ConnectionState() tls.ConnectionState { return c.tls.ConnectionState() }

// CloseWrite ends our side, so that a client that still sends reads the last answer.
func (c *tlsRefConn) CloseWrite() error { return c.tls.CloseWrite() } //nolint:wrapcheck // a connection's own errors are looked at by net/http
