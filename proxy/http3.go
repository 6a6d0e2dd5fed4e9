package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
)

// HTTP3 serves one handler over HTTP/3 (RFC 9114) on one UDP address, with the
// certificates and the bounds of the TLS listener beside it. The policies:
//
//   - early data (0-RTT) is refused: it can be replayed by whoever saw it, and an
//     order must not be placed twice (RFC 8470);
//   - while many handshakes are under way, a newcomer must show first that it gets
//     what is sent to its address (Retry, RFC 9000, 8.1.2); beyond maxHandshakes
//     newcomers are refused, so that spoofed addresses cost a bounded amount;
//   - a connection counts into Connections as one over TCP does: the one that has
//     waited longest for a request makes room.
type HTTP3 struct {
	server    *http3.Server
	transport *quic.Transport
	listener  *quic.EarlyListener
	packets   net.PacketConn
	timeouts  Timeouts
	bounds    *Connections

	handshakes atomic.Int64 // under way

	mu       sync.Mutex
	open     map[*quicConn]*quic.Conn
	draining bool // connections without a request are closed
}

const (
	// freeHandshakes may be under way before addresses must be validated.
	freeHandshakes = 256
	maxHandshakes  = 4096
	// Streams that a client may have open: requests as over HTTP/2, and the
	// three of HTTP/3 itself with room for reserved ones (RFC 9114, 6.2).
	maxStreams    = 250
	maxUniStreams = 16
	// What a client may send ahead of what was read, in bytes.
	streamWindow     = 1 << 20
	connectionWindow = 4 << 20
	// goAwayGrace is how long clients have, when the server stops, to learn that no
	// new request is taken before their idle connections are closed: what they send
	// meanwhile is refused as safe to repeat (RFC 9114, 5.2).
	goAwayGrace = 300 * time.Millisecond
)

// ListenHTTP3 opens a UDP address for a handler. config.TLS is needed;
// config.ProxyProtocol has no form for UDP and is not looked at.
func ListenHTTP3(address string, handler http.Handler, config ServerConfig) (*HTTP3, error) {
	if config.TLS == nil {
		return nil, errors.New("HTTP/3 has no form without TLS: give it certificates")
	}
	if config.MaxHeader <= 0 {
		config.MaxHeader = defaultMaxHeader
	}
	s := &HTTP3{timeouts: config.Timeouts.withDefaults(), bounds: config.Connections, open: make(map[*quicConn]*quic.Conn)}
	packets := config.Packets
	if packets == nil {
		var err error
		if packets, err = net.ListenPacket("udp", address); err != nil { //nolint:noctx // opened once, at start
			return nil, fmt.Errorf("listening on %s (UDP): %w", address, err)
		}
	}
	s.packets = packets
	var err error
	s.transport = &quic.Transport{
		Conn: packets, ConnContext: s.begin,
		VerifySourceAddress: func(net.Addr) bool { return s.handshakes.Load() >= freeHandshakes },
	}
	s.listener, err = s.transport.ListenEarly(http3.ConfigureTLSConfig(config.TLS.quic()), &quic.Config{
		Versions: []quic.Version{quic.Version1, quic.Version2}, HandshakeIdleTimeout: s.timeouts.ReadHeader, MaxIdleTimeout: s.timeouts.Idle,
		MaxIncomingStreams: maxStreams, MaxIncomingUniStreams: maxUniStreams,
		MaxStreamReceiveWindow: streamWindow, MaxConnectionReceiveWindow: connectionWindow, Allow0RTT: false,
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("listening on %s for QUIC: %w", address, err), packets.Close())
	}
	s.server = &http3.Server{
		Handler: s.bounded(handler), MaxHeaderBytes: config.MaxHeader, IdleTimeout: s.timeouts.Idle, ConnContext: s.accepted,
		// The library's messages may quote what a client sent.
		Logger: slog.New(slog.DiscardHandler),
	}
	return s, nil
}

// Addr is the address that is listened on.
func (s *HTTP3) Addr() string { return s.packets.LocalAddr().String() }

// Serve serves until Shutdown; it returns nil then.
func (s *HTTP3) Serve() error {
	if err := s.server.ServeListener(s.listener); err != nil && !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, quic.ErrServerClosed) {
		return fmt.Errorf("serving HTTP/3 on %s: %w", s.Addr(), err)
	}
	return nil
}

// Shutdown refuses newcomers, tells clients to ask elsewhere (GOAWAY), lets open
// exchanges finish within the drain time and ctx, and cuts the rest.
func (s *HTTP3) Shutdown(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.timeouts.Drain)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- s.server.Shutdown(ctx) }()
	grace := time.AfterFunc(goAwayGrace, s.closeIdle)
	defer grace.Stop()
	err := <-ended
	if err != nil {
		err = errors.Join(fmt.Errorf("draining %s (HTTP/3): %w", s.Addr(), err), s.server.Close())
	}
	return errors.Join(err, s.listener.Close(), s.transport.Close(), ignoreClosed(s.packets.Close()))
}

// closeIdle closes every connection that has no request now, and each other one
// when its last request is over.
func (s *HTTP3) closeIdle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.draining = true
	for c, conn := range s.open {
		if c.requests == 0 {
			go asConn{quic: conn}.Close() //nolint:errcheck // it may have ended by itself
		}
	}
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// Advertising tells clients in every answer of its handler that HTTP/3 is spoken at
// the same host (Alt-Svc, RFC 7838), once it has been told where. A client that
// cannot get there by UDP goes on as before. Safe for concurrent use.
type Advertising struct {
	Handler http.Handler
	value   atomic.Pointer[string]
}

// Tell says where HTTP/3 is spoken: on the port of a server.
func (a *Advertising) Tell(s *HTTP3) {
	if _, port, err := net.SplitHostPort(s.Addr()); err == nil {
		value := `h3=":` + port + `"; ma=86400`
		a.value.Store(&value)
	}
}

// ServeHTTP implements http.Handler.
func (a *Advertising) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if value := a.value.Load(); value != nil {
		w.Header().Set("Alt-Svc", *value)
	}
	a.Handler.ServeHTTP(w, r)
}

// quicConn is what is known of a QUIC connection.
type quicConn struct {
	shaken   sync.Once
	ja4      string   // empty: none could be made
	count    *counted // nil: connections are not counted
	requests int      // under way; guarded by HTTP3.mu
}

type quicConnKey struct{}

// begin is asked about every newcomer.
func (s *HTTP3) begin(ctx context.Context, _ *quic.ClientInfo) (context.Context, error) {
	if s.handshakes.Add(1) > maxHandshakes {
		s.handshakes.Add(-1)
		return nil, errors.New("too many handshakes")
	}
	c := &quicConn{}
	context.AfterFunc(ctx, func() { c.shaken.Do(func() { s.handshakes.Add(-1) }) })
	return context.WithValue(ctx, quicConnKey{}, c), nil
}

// accepted is told of every connection whose handshake is over.
func (s *HTTP3) accepted(ctx context.Context, conn *quic.Conn) context.Context {
	c, ok := conn.Context().Value(quicConnKey{}).(*quicConn)
	if !ok {
		return ctx
	}
	c.shaken.Do(func() { s.handshakes.Add(-1) })
	s.mu.Lock()
	s.open[c] = conn
	s.mu.Unlock()
	context.AfterFunc(conn.Context(), func() {
		s.mu.Lock()
		delete(s.open, c)
		s.mu.Unlock()
	})
	if !s.count(c, conn) {
		_ = conn.CloseWithError(quic.ApplicationErrorCode(http3.ErrCodeExcessiveLoad), "") // it learns of it or is gone
	}
	ctx = context.WithValue(ctx, quicConnKey{}, c)
	if c.ja4 != "" {
		ctx = context.WithValue(ctx, connKey{}, c.ja4)
	}
	return ctx
}

// count counts a connection among those of all clients; false where there is no
// room.
func (s *HTTP3) count(c *quicConn, conn *quic.Conn) bool {
	if s.bounds == nil {
		return true
	}
	victim, ok := s.bounds.join(c, conn)
	if victim != nil {
		_ = victim.Conn.Close() // whoever reads from it learns of it
	}
	if ok {
		context.AfterFunc(conn.Context(), func() { s.bounds.left(c.count) })
	}
	return ok
}

// bounded gives each request its deadlines, as [http.Server] does, and keeps the
// count of connections that wait for one.
func (s *HTTP3) bounded(handler http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(w)
		now := time.Now()
		_ = control.SetReadDeadline(now.Add(s.timeouts.Read)) // a stream that is gone needs none
		_ = control.SetWriteDeadline(now.Add(s.timeouts.Write))
		if c, ok := r.Context().Value(quicConnKey{}).(*quicConn); ok {
			s.requests(c, 1)
			defer s.requests(c, -1)
		}
		handler.ServeHTTP(w, r)
	})
}

// requests follows how many requests a connection has under way.
func (s *HTTP3) requests(c *quicConn, more int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.requests += more
	if conn := s.open[c]; conn != nil && c.requests == 0 && s.draining {
		go asConn{quic: conn}.Close() //nolint:errcheck // it may have ended by itself
	}
	if c.count == nil {
		return
	}
	of := c.count.of
	of.mu.Lock()
	defer of.mu.Unlock()
	if c.requests > 0 {
		of.busy(c.count)
	} else {
		of.wait(c.count)
	}
}

// asConn lets a QUIC connection be closed and counted as one over TCP.
type asConn struct {
	net.Conn // nil: nothing else is asked of it
	quic     *quic.Conn
}

// Close implements net.Conn.
func (c asConn) Close() error {
	return c.quic.CloseWithError(quic.ApplicationErrorCode(http3.ErrCodeNoError), "") //nolint:wrapcheck // nobody looks at it
}

// RemoteAddr implements net.Conn.
func (c asConn) RemoteAddr() net.Addr { return c.quic.RemoteAddr() }

// join counts a connection; victim is to be closed, and ok is false where there is
// no room.
func (c *Connections) join(newcomer *quicConn, conn *quic.Conn) (victim *counted, ok bool) {
	as := asConn{quic: conn}
	count := &counted{Conn: as, of: c, address: c.addressOf(as)}
	c.mu.Lock()
	defer c.mu.Unlock()
	if victim, ok = c.enter(count); ok {
		newcomer.count = count
	}
	return victim, ok
}

// left forgets a connection that has ended.
func (c *Connections) left(conn *counted) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.remove(conn)
}

// quic returns the config of a listener for HTTP/3, which has TLS 1.3 alone.
func (t *TLS) quic() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			if c, ok := hello.Context().Value(quicConnKey{}).(*quicConn); ok {
				c.ja4 = quicHello(hello).ja4()
			}
			config := t.current.Load().Clone()
			config.MinVersion = tls.VersionTLS13
			return config, nil
		},
	}
}

// quicHello is a ClientHello as crypto/tls tells of it: the bytes are encrypted
// packets here. What it leaves out are the values of GREASE, as a fingerprint does.
func quicHello(hello *tls.ClientHelloInfo) *clientHello {
	out := &clientHello{quic: true, named: hello.ServerName != ""}
	for _, version := range hello.SupportedVersions {
		if !grease(version) {
			out.version = max(out.version, version)
		}
	}
	for _, cipher := range hello.CipherSuites {
		if !grease(cipher) {
			out.ciphers = append(out.ciphers, cipher)
		}
	}
	for _, extension := range hello.Extensions {
		if !grease(extension) {
			out.extensions = append(out.extensions, extension)
		}
	}
	for _, scheme := range hello.SignatureSchemes {
		if !grease(uint16(scheme)) {
			out.signatures = append(out.signatures, uint16(scheme))
		}
	}
	if len(hello.SupportedProtos) > 0 {
		out.protocol = []byte(hello.SupportedProtos[0])
	}
	return out
}
