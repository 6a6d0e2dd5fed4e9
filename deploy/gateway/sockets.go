package gateway

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"

	"github.com/coreos/go-systemd/v22/activation"

	"github.com/ordergate/ordergate/deploy/config"
)

// Sockets are those that whoever starts the gateway has opened for it; nil ones are
// opened by the gateway. Because they outlive a process, connections wait in them
// while one gateway ends and the next one starts, and none is refused.
type Sockets struct {
	Listen, TLS, Admin net.Listener
	HTTP3              net.PacketConn
}

// socketNames are what the sockets are called (FileDescriptorName= of systemd).
var socketNames = []string{"listen", "tls", "http3", "admin"}

// Inherited returns the sockets that systemd has opened (sd_listen_fds(3)); none
// when there are none. A socket without a name that is wanted is an error: nobody
// would ever answer on it.
func Inherited(cfg *config.Config) (Sockets, error) {
	var s Sockets
	var faults []error
	for _, file := range activation.Files(true) {
		if err := s.take(cfg, file); err != nil {
			faults = append(faults, err)
		}
	}
	if len(faults) > 0 {
		return s, errors.Join(append(faults, s.Close())...)
	}
	return s, nil
}

// take makes a socket of a file, which it closes.
func (s *Sockets) take(cfg *config.Config, file *os.File) (err error) {
	defer file.Close() //nolint:errcheck // the socket has a descriptor of its own
	name := file.Name()
	switch {
	case !slices.Contains(socketNames, name):
		return fmt.Errorf("systemd passes a socket %q: name it by FileDescriptorName= as one of %s", name, strings.Join(socketNames, ", "))
	case (name == "tls" || name == "http3") && !cfg.TLS.On(), name == "http3" && !cfg.TLS.HTTP3:
		return fmt.Errorf("systemd passes a socket %q, which the config has no use for: write tls, or remove the socket", name)
	}
	if name == "http3" {
		if s.HTTP3 != nil {
			return fmt.Errorf("systemd passes two sockets %q: one is enough", name)
		}
		s.HTTP3, err = net.FilePacketConn(file)
	} else {
		to := map[string]*net.Listener{"listen": &s.Listen, "tls": &s.TLS, "admin": &s.Admin}[name]
		if *to != nil {
			return fmt.Errorf("systemd passes two sockets %q: one is enough", name)
		}
		*to, err = net.FileListener(file)
	}
	if err != nil {
		return fmt.Errorf("using systemd's socket %q: %w: give it ListenStream=, and http3 ListenDatagram=", name, err)
	}
	return nil
}

// Close closes those that there are.
func (s *Sockets) Close() error {
	var errs []error
	for _, l := range []net.Listener{s.Listen, s.TLS, s.Admin} {
		if l != nil {
			errs = append(errs, closed(l.Close()))
		}
	}
	if s.HTTP3 != nil {
		errs = append(errs, closed(s.HTTP3.Close()))
	}
	return errors.Join(errs...)
}

// closed leaves the error that a server has closed it before.
func closed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}
