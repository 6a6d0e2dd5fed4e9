package proxy

import (
	"crypto/tls"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/ordergate/ordergate/rules"
)

// Group is several servers of the order platform that serve the same hosts and
// paths. Each group has its own connections, so that one that hangs takes none from another.
type Group struct {
	Name    string   // in route templates, metrics and the log; at most 32 bytes
	Hosts   []string // lower case, without ports; *.shop.example is every name below it; empty: every host
	Paths   []string // globs, as in RouteRule; empty: every path
	Servers []Upstream
	Health  Health
	TLS     *UpstreamTLS // nil: the standard way
}

// group is one that runs; the default one has no name and serves what no other does.
type group struct {
	name         string
	hosts, paths []string
	*backends
}

// groups sends every request to the group that its exchange belongs to.
type groups struct {
	fallback *group
	named    []*group // the first that fits
}

// RoundTrip implements http.RoundTripper for httputil.ReverseProxy.
func (g *groups) RoundTrip(r *http.Request) (*http.Response, error) {
	return exchangeOf(r.Context()).group.RoundTrip(r)
}

func (g *groups) all() []*group { return append([]*group{g.fallback}, g.named...) }

func (g *groups) close() {
	for _, each := range g.all() {
		each.close()
	}
}

// fits reports whether a group serves a host's path.
func (g *group) fits(host, path string) bool {
	return (len(g.hosts) == 0 || matchHosts(g.hosts, host)) &&
		(len(g.paths) == 0 || slices.ContainsFunc(g.paths, func(glob string) bool { return matchPath(glob, path) }))
}

// of returns the group for a host's path. Served are the hosts of the default
// group, empty for every one; nil: nobody serves this host here.
func (g *groups) of(served []string, host, path string) *group {
	for _, each := range g.named {
		if each.fits(host, path) {
			return each
		}
	}
	if len(served) == 0 || matchHosts(served, host) {
		return g.fallback
	}
	return nil
}

// chosen returns the group that a request is for: by its Host alone, since a
// connection may carry requests for several names (RFC 9113, 9.1.1). Nil is the
// policy for a request that is answered 421 (RFC 9110, 15.5.20): its host is
// nobody's, or its TLS handshake named a host that another group serves. A filter
// in front that lets connections through by that name must not be led to a group
// that it did not allow; honest clients ask again on a connection of their own.
func (g *groups) chosen(served []string, r *http.Request) *group {
	if len(g.named) == 0 && len(served) == 0 {
		return g.fallback
	}
	host := hostName(r.Host)
	chosen := g.of(served, host, r.URL.Path)
	if name := serverName(r.TLS); name != "" && name != host && chosen != g.of(served, name, r.URL.Path) {
		return nil
	}
	return chosen
}

// misdirected is the answer to a request for a host that is not served.
var misdirected = rules.Verdict{Action: rules.Refuse, Reason: rules.ReasonMisdirected, Status: http.StatusMisdirectedRequest}

// directed chooses the exchange's tenant and group; without one, the exchange has the
// default one, which gets the request where nothing is refused (observe).
func (x *exchange) directed(r *http.Request) {
	if len(x.policy.Tenants) > 0 {
		x.tenant = x.policy.tenant(hostName(r.Host))
	}
	if x.group = x.gateway.groups.chosen(x.policy.Hosts, r); x.group == nil {
		x.group, x.astray = x.gateway.groups.fallback, true
	}
}

// hostName is a Host without its port, in lower case and without the dot of an
// absolute name.
func hostName(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
}

func serverName(state *tls.ConnectionState) string {
	if state == nil {
		return ""
	}
	return hostName(state.ServerName)
}

// matchHosts reports whether a host is one of the patterns, all in lower case.
func matchHosts(patterns []string, host string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		if suffix, ok := strings.CutPrefix(pattern, "*"); ok {
			return len(host) > len(suffix) && strings.HasSuffix(host, suffix)
		}
		return host == pattern
	})
}
