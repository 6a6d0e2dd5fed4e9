package config

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/ordergate/ordergate/proxy"
)

// UpstreamGroup is further servers of the platform, for some hosts or paths.
type UpstreamGroup struct {
	// Name is how the group is called in routes, metrics and logs: 1 to 32 small
	// letters, digits, - and _. Where the group has hosts, its routes are named
	// name:/path in ledger and incidents. Required.
	Name string `yaml:"name"`
	// Hosts are the names of the Host header (or :authority) that the group serves,
	// without ports; *.shop.example is every name below it. Empty: every host.
	Hosts []string `yaml:"hosts,omitempty"`
	// Paths are patterns of paths that the group serves: * stands for one segment, **
	// for any number. Letters match in both cases; empty segments and parameters
	// (/a;b=1) do not matter. Empty: every path.
	Paths []Glob `yaml:"paths,omitempty"`
	// Servers are the group's servers: one URL, or a list of {url, weight}. Required.
	Servers []Upstream `yaml:"servers"`
	// Health asks these servers whether they work, as health does.
	Health Health `yaml:"health,omitempty"`
	// TLS is how TLS is made to them, as upstream_tls.
	TLS UpstreamTLS `yaml:"tls,omitempty"`
}

// maxUpstreamGroups bounds the groups: each has its own connections, and a
// series of metrics for each server.
const maxUpstreamGroups = 64

// UpstreamGroups returns the groups of servers beside the default one, with the
// files read that their TLS needs. The error is [Faults].
func (c *Config) UpstreamGroups(now time.Time) ([]proxy.Group, error) {
	var groups []proxy.Group
	var faults Faults
	for i := range c.Upstreams {
		u := &c.Upstreams[i]
		tls, err := c.openUpstreamTLS(fmt.Sprintf("upstreams[%d].tls", i), u.TLS, now)
		if err != nil {
			faults = append(faults, err...)
		}
		group := proxy.Group{Name: u.Name, Hosts: lower(u.Hosts), Servers: servers(u.Servers), Health: u.Health.proxy(), TLS: tls}
		for _, path := range u.Paths {
			group.Paths = append(group.Paths, string(path))
		}
		groups = append(groups, group)
	}
	return groups, faults.err()
}

func lower(names []string) []string {
	var out []string
	for _, name := range names {
		out = append(out, strings.ToLower(name))
	}
	return out
}

var (
	groupName = regexp.MustCompile(`^[a-z0-9_-]{1,32}$`)
	hostName  = regexp.MustCompile(`(?i)^(\*\.)?[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$|^[0-9a-f:]+:[0-9a-f.:]*$`)
)

func (v *checker) upstreams(c *Config) {
	v.hosts("hosts", c.Hosts)
	if len(c.Upstreams) > maxUpstreamGroups {
		v.fault("upstreams", fmt.Sprint(len(c.Upstreams)), "are more groups than there can be", fmt.Sprintf("write at most %d", maxUpstreamGroups))
	}
	seen := make(map[string]int, len(c.Upstreams))
	for i := range c.Upstreams {
		u, path := &c.Upstreams[i], fmt.Sprintf("upstreams[%d].", i)
		first, again := seen[u.Name]
		switch {
		case !groupName.MatchString(u.Name):
			v.fault(path+"name", u.Name, "is not the name of a group", "write 1 to 32 small letters, digits, - or _, such as api")
		case again:
			v.fault(path+"name", u.Name, fmt.Sprintf("is also the name of upstreams[%d]", first), "write another one")
		default:
			seen[u.Name] = i
		}
		if len(u.Hosts) == 0 && len(u.Paths) == 0 {
			v.fault(strings.TrimSuffix(path, "."), "", "has no hosts and no paths, so it takes everything", "write at least one of the two; what no group fits goes to upstream")
		}
		v.hosts(path+"hosts", u.Hosts)
		if len(u.Servers) == 0 {
			v.fault(path+"servers", "", "is missing", "write the servers' address, such as http://127.0.0.1:3001")
		}
		v.serverList(path+"servers", u.Servers)
		v.health(path+"health.", &u.Health)
		v.upstreamTLS(path+"tls", u.TLS, u.Servers)
	}
	for i := range c.Routes {
		name := c.Routes[i].Upstream
		if _, known := seen[name]; name != "" && !known {
			v.fault(fmt.Sprintf("routes[%d].upstream", i), name, "is not the name of a group in upstreams", "write one of those names, or remove it")
		}
	}
}

func (v *checker) hosts(path string, hosts []string) {
	for i, host := range hosts {
		if len(host) > 253 || !hostName.MatchString(host) {
			v.fault(fmt.Sprintf("%s[%d]", path, i), host, "is not the name of a host",
				"write one without a port, such as shop.example or *.shop.example; other alphabets in their xn-- form")
		}
	}
}
