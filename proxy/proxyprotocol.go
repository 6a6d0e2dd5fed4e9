package proxy

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/pires/go-proxyproto"
)

// withProxyProtocol reads who the client is from a PROXY protocol header
// (haproxy.org, proxy-protocol.txt, versions 1 and 2) on connections of the named
// addresses, before TLS. Its policies:
//
//   - from a named address the header is required: without one, or with one that
//     cannot be read, or that does not come in time, the connection is closed without
//     an answer. Guessing would let whoever reaches the load balancer's other ways
//     in say who he is;
//   - from any other address nothing is read: what begins with a header is no
//     request, and is refused like one (400), or is no TLS;
//   - the balancer's own connections (LOCAL, UNKNOWN: health checks) are its own.
func withProxyProtocol(inner net.Listener, from []netip.Prefix, timeout time.Duration) net.Listener {
	if len(from) == 0 {
		return inner
	}
	return &proxyproto.Listener{
		Listener: inner, ReadHeaderTimeout: timeout, ValidateHeader: tcpOnly,
		ConnPolicy: func(options proxyproto.ConnPolicyOptions) (proxyproto.Policy, error) {
			peer, err := netip.ParseAddrPort(options.Upstream.String())
			if err == nil && slices.ContainsFunc(from, func(p netip.Prefix) bool { return p.Contains(peer.Addr().Unmap()) }) {
				return proxyproto.REQUIRE, nil
			}
			return proxyproto.SKIP, nil
		},
	}
}

var errNotTCP = errors.New("a PROXY protocol header of what is not TCP")

// tcpOnly refuses headers whose addresses are no clients' of ours.
func tcpOnly(header *proxyproto.Header) error {
	if header.Command.IsLocal() || header.TransportProtocol.IsUnspec() || header.TransportProtocol == proxyproto.TCPv4 || header.TransportProtocol == proxyproto.TCPv6 {
		return nil
	}
	return errNotTCP
}
