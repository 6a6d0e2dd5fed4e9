package gateway

import (
	"math"
	"runtime/debug"
	"testing"

	"github.com/KimMachineGun/automemlimit/memlimit"

	"github.com/ordergate/ordergate/deploy/config"
)

func none() (uint64, error) { return 0, memlimit.ErrNoLimit }

// TestCeiling: the config goes first, then GOMEMLIMIT, then what there is.
func TestCeiling(t *testing.T) {
	for name, c := range map[string]struct {
		written            config.Size
		runtime            int64
		container, machine memlimit.Provider
		want               int64
	}{
		"config":                 {1000, 2000, memlimit.Limit(5000), memlimit.Limit(9000), 1000},
		"GOMEMLIMIT":             {0, 2000, memlimit.Limit(5000), memlimit.Limit(9000), 2000},
		"container":              {0, math.MaxInt64, memlimit.Limit(5000), memlimit.Limit(9000), 4000},
		"container over machine": {0, math.MaxInt64, memlimit.Limit(1 << 62), memlimit.Limit(9000), 7200},
		"machine":                {0, math.MaxInt64, none, memlimit.Limit(9000), 7200},
		"nobody knows":           {0, math.MaxInt64, none, none, 0},
		"none, as some say it":   {0, math.MaxInt64, memlimit.Limit(math.MaxUint64), none, 0},
	} {
		if got := ceiling(c.written, c.runtime, c.container, c.machine); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

// TestHoldMemory: the collector's limit is lowered to the ceiling, never raised,
// and taken back.
func TestHoldMemory(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	defer debug.SetMemoryLimit(before)
	for _, c := range []struct{ runtime, ceiling, want int64 }{
		{math.MaxInt64, 1 << 40, 1 << 40}, {1 << 39, 1 << 40, 1 << 39}, {1 << 41, 0, 1 << 41},
	} {
		debug.SetMemoryLimit(c.runtime)
		restore := holdMemory(c.ceiling)
		if got := debug.SetMemoryLimit(-1); got != c.want {
			t.Errorf("%+v: %d", c, got)
		}
		if restore(); debug.SetMemoryLimit(-1) != c.runtime {
			t.Errorf("%+v: not taken back", c)
		}
	}
}

func TestConnectionBounds(t *testing.T) {
	for _, c := range []struct {
		limits     config.Limits
		files      uint64
		most, each int
	}{
		{config.Limits{}, 20_000, 9872, 1234},
		{config.Limits{}, 1024, 384, 64},
		{config.Limits{}, 64, 64, 64},
		{config.Limits{}, math.MaxUint64, 65536, 8192},
		{config.Limits{Connections: 4000}, 1024, 4000, 500},
		{config.Limits{Connections: 32}, 20_000, 32, 32},
		{config.Limits{Connections: 4000, ConnectionsPerAddress: 20}, 20_000, 4000, 20},
	} {
		if most, each := connections(&c.limits, c.files); most != c.most || each != c.each {
			t.Errorf("%+v with %d files: %d and %d, want %d and %d", c.limits, c.files, most, each, c.most, c.each)
		}
	}
}
