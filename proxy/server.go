package proxy

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Timeouts bounds every wait. A zero field means its default.
type Timeouts struct {
	ReadHeader      time.Duration // request line and header; 10 s
	Read            time.Duration // a whole request, body included; 60 s
	Write           time.Duration // how long one write to the client may stall; 60 s
	Idle            time.Duration // a connection between requests; 120 s
	UpstreamConnect time.Duration // dialling, and the TLS handshake; 5 s
	UpstreamHeader  time.Duration // from the request sent to the response header; 60 s
	Drain           time.Duration // open exchanges at shutdown; 30 s
	Flush           time.Duration // a pause of the upstream after which what is decided goes; 100 ms
}

func (t Timeouts) withDefaults() Timeouts {
	for field, value := range map[*time.Duration]time.Duration{
		&t.ReadHeader: 10 * time.Second, &t.Read: time.Minute, &t.Write: time.Minute, &t.Idle: 2 * time.Minute,
		&t.UpstreamConnect: 5 * time.Second, &t.UpstreamHeader: time.Minute, &t.Drain: 30 * time.Second,
		&t.Flush: 100 * time.Millisecond,
	} {
		if *field <= 0 {
			*field = value
		}
	}
	return t
}

// ServerConfig bounds a server.
type ServerConfig struct {
	Timeouts Timeouts
	// MaxHeader is the most bytes of a request header; net/http adds a slack of
	// 4 KiB and answers 431 beyond. 0 means 64 KiB.
	MaxHeader int
	// TLS ends here when it is set: HTTP/1.1 and HTTP/2 as the client chooses
	// (ALPN, RFC 7301). Nil: the listener speaks without TLS.
	TLS *TLS
	// Listener is one that is open already, such as one that systemd has opened; nil:
	// the address is opened. The server closes it.
	Listener net.Listener
	// Packets is the same for ListenHTTP3.
	Packets net.PacketConn
	// ProxyProtocol are the load balancers that say who the client is before the
	// connection's first byte (see withProxyProtocol); empty: none.
	ProxyProtocol []netip.Prefix
	// Connections bound how many clients may hold; servers may share them. Nil: none.
	Connections *Connections
	Log         *slog.Logger
}

const defaultMaxHeader = 64 << 10

// Server serves one handler on one listener with every timeout set.
type Server struct {
	server   *http.Server
	listener net.Listener
	drain    time.Duration
	started  atomic.Bool
	stopping atomic.Bool
	served   chan struct{} // closed when Serve has returned
	open     openConns
}

// lastRequest is how long a connection may still bring its request once the server
// stops.
const lastRequest = time.Second

// openConns counts the connections that net/http serves.
type openConns struct {
	mu    sync.Mutex
	count int
	none  chan struct{} // closed once there is none; nil: nobody waits
}

func (o *openConns) changed(state http.ConnState) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch state {
	case http.StateNew:
		o.count++
	case http.StateClosed, http.StateHijacked:
		o.count--
	case http.StateActive, http.StateIdle:
	}
	if o.count == 0 && o.none != nil {
		close(o.none)
		o.none = nil
	}
}

// wait returns a channel that is closed once no connection is open.
func (o *openConns) wait() <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	none := make(chan struct{})
	if o.count == 0 {
		close(none)
	} else {
		o.none = none
	}
	return none
}

// Listen opens an address for a handler, or takes the listener that is open already: HTTP/1.1 and HTTP/2, without TLS for
// clients that know it is there (h2c, RFC 9113, 3.3).
func Listen(address string, handler http.Handler, config ServerConfig) (*Server, error) {
	timeouts := config.Timeouts.withDefaults()
	if config.MaxHeader <= 0 {
		config.MaxHeader = defaultMaxHeader
	}
	listener := config.Listener
	if listener == nil {
		var err error
		if listener, err = net.Listen("tcp", address); err != nil { //nolint:noctx // opened once, at start
			return nil, fmt.Errorf("listening on %s: %w", address, err)
		}
	}
	listener = config.Connections.bounded(listener)
	listener = withProxyProtocol(listener, config.ProxyProtocol, timeouts.ReadHeader)
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	var accepting net.Listener
	if config.TLS != nil {
		protocols.SetHTTP2(true)
		accepting = newTLSListener(listener, config.TLS.server(), timeouts.ReadHeader, config.Log)
	} else {
		protocols.SetUnencryptedHTTP2(true)
		accepting = &refListener{Listener: listener, log: config.Log}
	}
	s := &Server{listener: accepting, served: make(chan struct{}), drain: timeouts.Drain}
	s.server = &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: timeouts.ReadHeader,
		ReadTimeout:       timeouts.Read,
		WriteTimeout:      timeouts.Write,
		IdleTimeout:       timeouts.Idle,
		MaxHeaderBytes:    config.MaxHeader,
		Protocols:         protocols,
		ConnContext: func(ctx context.Context, conn net.Conn) context.Context {
			return withFraming(withHello(ctx, conn), conn)
		},
		ConnState: func(conn net.Conn, state http.ConnState) {
			s.open.changed(state)
			config.Connections.changed(conn, state)
		},
		// OPTIONS * is refused by the handler, not answered by the server.
		DisableGeneralOptionsHandler: true,
		HTTP2:                        &http.HTTP2Config{MaxConcurrentStreams: 250},
		// The standard library's messages may quote what a client sent.
		ErrorLog: slog.NewLogLogger(discardLevel{config.Log.Handler()}, slog.LevelDebug),
	}
	return s, nil
}

// Addr is the address that is listened on.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Serve serves until Shutdown; it returns nil then. It may be called once.
func (s *Server) Serve() error {
	s.started.Store(true)
	defer close(s.served)
	if err := s.server.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) && !s.stopping.Load() {
		return fmt.Errorf("serving on %s: %w", s.Addr(), err)
	}
	return nil
}

// Shutdown stops accepting, lets open exchanges finish within the drain time
// and ctx, and cuts the rest. It may be called again.
func (s *Server) Shutdown(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.drain)
	defer cancel()
	s.lastRequests(ctx)
	if err := s.server.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("draining %s: %w", s.Addr(), err), s.server.Close())
	}
	return nil
}

// lastRequests accepts nothing more, and answers the requests of connections that
// were accepted: net/http's own Shutdown overlooks one that Accept has just returned,
// and closes one without an answer whose request comes a moment later. Connections
// that wait for another request are closed.
func (s *Server) lastRequests(ctx context.Context) {
	s.stopping.Store(true)
	_ = s.listener.Close() // it has nothing to lose
	if !s.started.Load() {
		return
	}
	select {
	case <-s.served:
	case <-ctx.Done():
		return
	}
	s.server.SetKeepAlivesEnabled(false)
	timer := time.NewTimer(lastRequest)
	defer timer.Stop()
	select {
	case <-s.open.wait():
	case <-timer.C:
	case <-ctx.Done():
	}
}
