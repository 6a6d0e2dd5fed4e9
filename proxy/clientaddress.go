package proxy

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// clientAddress returns who sent the request: the hop that nobody trusted speaks
// for, or, where that is one of AddressFrom, who it names in AddressHeader.
func (p *Policy) clientAddress(r *http.Request) netip.AddrPort {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.AddrPort{} // a listener without addresses: everybody is one stand-in
	}
	addr := p.lastHop(r, peer.Addr().Unmap())
	if said, ok := p.named(r.Header, addr); ok {
		addr = said
	}
	return netip.AddrPortFrom(addr, peer.Port())
}

// lastHop returns the peer, or, as long as the hop before is a trusted proxy, what
// that one says.
func (p *Policy) lastHop(r *http.Request, addr netip.Addr) netip.Addr {
	if !p.trusts(addr) {
		return addr
	}
	for _, hop := range slices.Backward(p.hops(r.Header)) {
		said, ok := hopAddress(hop)
		if !ok {
			break // what cannot be read is not read past
		}
		addr = said
		if !p.trusts(addr) {
			break
		}
	}
	return addr
}

// named returns whom a hop of AddressFrom names. From anybody else the header is
// his own word; twice it is nobody's.
func (p *Policy) named(header http.Header, hop netip.Addr) (netip.Addr, bool) {
	if p.AddressHeader == "" || !contains(p.AddressFrom, hop) {
		return netip.Addr{}, false
	}
	values := header.Values(p.AddressHeader)
	if len(values) != 1 {
		return netip.Addr{}, false
	}
	return hopAddress(strings.TrimSpace(values[0]))
}

// hops returns who asked whom, the nearest last, as it is written.
func (p *Policy) hops(header http.Header) []string {
	if !p.Forwarded {
		hops := strings.Split(strings.Join(header.Values("X-Forwarded-For"), ","), ",")
		for i, hop := range hops {
			hops[i] = strings.TrimSpace(hop)
		}
		return hops
	}
	elements := forwardedElements(header)
	hops := make([]string, len(elements))
	for i, element := range elements {
		hops[i], _ = forwardedParameter(element, "for")
	}
	return hops
}

// forwardedElements returns the elements of Forwarded (RFC 7239, 4). They are
// divided at every comma, those in quotes, too: a client that leaves a quote open
// would otherwise hide what a proxy has written behind it. A proxy's own element
// has none.
func forwardedElements(header http.Header) []string {
	return strings.Split(strings.Join(header.Values("Forwarded"), ","), ",")
}

// forwardedParameter returns a parameter of an element, without quotes; false where
// there is none, or the element is not well-formed.
func forwardedParameter(element, name string) (string, bool) {
	found, ok := "", false
	for pair := range strings.SplitSeq(element, ";") {
		key, value, is := strings.Cut(strings.TrimSpace(pair), "=")
		if !is {
			return "", false
		}
		if len(value) >= 2 && value[0] == '"' && value[len(value)-1] == '"' {
			value = value[1 : len(value)-1]
		}
		if strings.ContainsAny(value, "\"\\ \t") {
			return "", false
		}
		if strings.EqualFold(key, name) {
			if ok {
				return "", false // twice: nobody knows which
			}
			found, ok = value, true
		}
	}
	return found, ok
}

// hopAddress reads an address; some proxies add a port, and Forwarded writes IPv6 in
// brackets.
func hopAddress(hop string) (netip.Addr, bool) {
	if addr, err := netip.ParseAddrPort(hop); err == nil {
		return addr.Addr().Unmap(), true
	}
	if inner, ok := strings.CutPrefix(hop, "["); ok {
		hop, ok = strings.CutSuffix(inner, "]")
		if !ok {
			return netip.Addr{}, false
		}
	}
	if addr, err := netip.ParseAddr(hop); err == nil {
		return addr.Unmap(), true
	}
	return netip.Addr{}, false
}

func (p *Policy) trusts(addr netip.Addr) bool { return contains(p.TrustedProxies, addr) }

func contains(prefixes []netip.Prefix, addr netip.Addr) bool {
	return slices.ContainsFunc(prefixes, func(prefix netip.Prefix) bool { return prefix.Contains(addr) })
}

// fromTrusted reports whether a request comes from a trusted proxy, not through one.
func (p *Policy) fromTrusted(r *http.Request) bool {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && p.trusts(peer.Addr().Unmap())
}

// passHops tells the platform who asked: of the headers that say so it gets those
// of trusted hops, and what the gateway adds. ReverseProxy has removed from out
// what anybody said.
func (p *Policy) passHops(in *http.Request, out http.Header, set func()) {
	peer, err := netip.ParseAddrPort(in.RemoteAddr)
	trusted := err == nil && p.trusts(peer.Addr().Unmap())
	if trusted {
		out["X-Forwarded-For"] = in.Header["X-Forwarded-For"]
	}
	if trusted && p.Forwarded {
		if len(in.Header["Forwarded"]) > 0 { // a balancer's own request has none
			out["X-Forwarded-For"] = []string{strings.Join(p.hops(in.Header), ", ")}
		} else {
			delete(out, "X-Forwarded-For") // the client's
		}
		out["Forwarded"] = append(slices.Clone(in.Header["Forwarded"]), forwardedFor(peer.Addr().Unmap()))
	}
	set()
	// A load balancer that ends TLS knows scheme and host better; without its word a
	// shop would redirect to https for ever.
	if trusted && p.Forwarded {
		elements := forwardedElements(in.Header)
		for name, parameter := range map[string]string{"X-Forwarded-Proto": "proto", "X-Forwarded-Host": "host"} {
			if said, ok := forwardedParameter(elements[len(elements)-1], parameter); ok {
				out[name] = []string{said}
			}
		}
	} else if trusted {
		for _, name := range [...]string{"X-Forwarded-Proto", "X-Forwarded-Host"} {
			if said := in.Header[name]; len(said) > 0 {
				out[name] = said
			}
		}
	}
	if p.AddressHeader != "" && err == nil {
		if _, ok := p.named(in.Header, p.lastHop(in, peer.Addr().Unmap())); !ok {
			out.Del(p.AddressHeader) // the platform may believe it
		}
	}
}

// forwardedFor is an element of Forwarded that names a hop.
func forwardedFor(addr netip.Addr) string {
	if addr.Is6() {
		return `for="[` + addr.WithZone("").String() + `]"`
	}
	return "for=" + addr.String()
}
