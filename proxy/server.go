package proxy

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
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
}

// Listen opens an address for a handler: HTTP/1.1 and HTTP/2, without TLS for
// clients that know it is there (h2c, RFC 9113, 3.3).
func Listen(address string, handler http.Handler, config ServerConfig) (*Server, error) {
	timeouts := config.Timeouts.withDefaults()
	if config.MaxHeader <= 0 {
		config.MaxHeader = defaultMaxHeader
	}
	listener, err := net.Listen("tcp", address) //nolint:noctx // opened once, at start
	if err != nil {
		return nil, fmt.Errorf("listening on %s: %w", address, err)
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
	return &Server{
		listener: accepting,
		drain:    timeouts.Drain,
		server: &http.Server{
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
			ConnState: config.Connections.changed,
			// OPTIONS * is refused by the handler, not answered by the server.
			DisableGeneralOptionsHandler: true,
			HTTP2:                        &http.HTTP2Config{MaxConcurrentStreams: 250},
			// The standard library's messages may quote what a client sent.
			ErrorLog: slog.NewLogLogger(discardLevel{config.Log.Handler()}, slog.LevelDebug),
		},
	}, nil
}

// Addr is the address that is listened on.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Serve serves until Shutdown; it returns nil then.
func (s *Server) Serve() error {
	if err := s.server.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving on %s: %w", s.Addr(), err)
	}
	return nil
}

// Shutdown stops accepting, lets open exchanges finish within the drain time
// and ctx, and cuts the rest. It may be called again.
func (s *Server) Shutdown(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.drain)
	defer cancel()
	defer s.listener.Close() //nolint:errcheck // for where Serve was never called; closed already otherwise
	if err := s.server.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("draining %s: %w", s.Addr(), err), s.server.Close())
	}
	return nil
}
