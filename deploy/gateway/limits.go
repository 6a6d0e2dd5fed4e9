package gateway

import (
	"log/slog"
	"math"
	"net/netip"
	"runtime/debug"
	"slices"

	"github.com/KimMachineGun/automemlimit/memlimit"

	"github.com/ordergate/ordergate/deploy/config"
	"github.com/ordergate/ordergate/proxy"
)

// ceiling is how much memory the process may use, in bytes: what the config says;
// else what GOMEMLIMIT says; else four fifths of what the container, or the machine
// where there is none, has. 0: nobody knows, nothing is shed.
func ceiling(written config.Size, runtimeLimit int64, container, machine memlimit.Provider) int64 {
	if written > 0 {
		return int64(written)
	}
	if runtimeLimit < math.MaxInt64 {
		return runtimeLimit
	}
	least := uint64(math.MaxInt64)
	for _, provider := range []memlimit.Provider{container, machine} {
		if n, err := provider(); err == nil && n > 0 {
			least = min(least, n) // an error means that there is no such limit, or none that can be read
		}
	}
	if least == math.MaxInt64 {
		return 0
	}
	return int64(least) / 5 * 4 //nolint:gosec // below MaxInt64
}

// holdMemory makes the ceiling the garbage collector's own limit, so that it works
// harder before anything must be shed; a lower GOMEMLIMIT stays. The returned
// function takes it back.
func holdMemory(ceiling int64) (restore func()) {
	before := debug.SetMemoryLimit(-1)
	if ceiling <= 0 || before <= ceiling {
		return func() {}
	}
	debug.SetMemoryLimit(ceiling)
	return func() { debug.SetMemoryLimit(before) }
}

// spareFiles are file descriptors for what is not a client's or an upstream's
// connection: the ledger, listeners, the admin's clients, health checks.
const spareFiles = 256

// connections are how many connections clients may hold: what the config says, else
// half of the file descriptors there are, because each may need another one to the
// platform; and of one address, else an eighth of that.
func connections(limits *config.Limits, files uint64) (most, each int) {
	if most, each = limits.Connections, limits.ConnectionsPerAddress; most == 0 {
		most = int(min(max(files, spareFiles+128)-spareFiles, 1<<17)) / 2 //nolint:gosec // at most 65536
	}
	if each == 0 {
		each = max(most/8, min(most, 64))
	}
	return most, each
}

// bound makes the bounds of the process: of memory and of clients' connections.
func (g *Gateway) bound() proxy.Memory {
	limits := &g.config.Limits
	memory := proxy.Memory{Ceiling: ceiling(limits.Memory, debug.SetMemoryLimit(-1), memlimit.FromCgroup, memlimit.FromSystem)}
	g.unbound = holdMemory(memory.Ceiling)
	files := openFiles()
	most, each := connections(limits, files)
	if uint64(most) > files/2 { //nolint:gosec // not negative
		g.log.Warn("there are not enough file descriptors for so many connections: raise the limit (LimitNOFILE=, ulimit -n), or lower limits.connections",
			"connections", most, "file_descriptors", files)
	}
	g.connections = proxy.NewConnections(most, each, g.balancer)
	g.log.Info("bounds", slog.Int64("memory_bytes", memory.Ceiling), slog.Int("connections", most), slog.Int("connections_per_address", each))
	return memory
}

// balancer reports whether many clients stand behind an address.
func (g *Gateway) balancer(addr netip.Addr) bool {
	return g.proxy.Trusts(addr) || slices.ContainsFunc(g.config.ProxyProtocol, func(p netip.Prefix) bool { return p.Contains(addr) })
}
