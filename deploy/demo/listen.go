package demo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// Server is a handler on a real socket. Make one with [Listen].
type Server struct {
	URL string // "http://127.0.0.1:port"

	server *http.Server
	done   chan struct{} // closed when err is set
	err    error
}

// Listen serves the handler on a loopback address such as "127.0.0.1:0", with
// every timeout set, until [Server.Close]. Other addresses are refused: the
// shop has holes on purpose.
func Listen(address string, handler http.Handler) (*Server, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("listening on %q: %w; use an address like 127.0.0.1:0", address, err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("listening on %q: the sample shop has holes on purpose and stays on loopback; use 127.0.0.1", address)
	}
	socket, err := new(net.ListenConfig).Listen(context.Background(), "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listening on %q: %w", address, err)
	}
	s := &Server{
		URL: "http://" + socket.Addr().String(),
		server: &http.Server{
			Handler:           handler,
			ReadHeaderTimeout: 5 * time.Second,
			ReadTimeout:       15 * time.Second,
			WriteTimeout:      60 * time.Second,
			IdleTimeout:       60 * time.Second,
			MaxHeaderBytes:    64 << 10,
		},
		done: make(chan struct{}),
	}
	go func() {
		s.err = s.server.Serve(socket)
		close(s.done)
	}()
	return s, nil
}

// Close stops taking requests, waits for those under way until the context
// ends, and then cuts them off. It may be called again.
func (s *Server) Close(ctx context.Context) error {
	err := s.server.Shutdown(ctx)
	if err != nil {
		err = errors.Join(fmt.Errorf("closing the sample shop: %w", err), s.server.Close())
	}
	<-s.done
	if !errors.Is(s.err, http.ErrServerClosed) {
		err = errors.Join(err, fmt.Errorf("serving the sample shop: %w", s.err))
	}
	return err
}
