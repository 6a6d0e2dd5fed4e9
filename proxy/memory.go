package proxy

import (
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"sync/atomic"
	"time"
)

// Memory is the ceiling that the process is to stay under. The zero value has
// none: nothing is ever shed.
type Memory struct {
	Ceiling int64 // bytes; 0: none
	// Used is how many bytes are in use; nil: what the runtime says, see inUse. It
	// must be quick and safe for concurrent use.
	Used func() int64
	// Now is the time for how long a step lasts; nil: the machine's own, also where
	// decisions take another.
	Now func() time.Time
}

const (
	// readEvery is how often the memory in use is read at most. A reading takes about
	// a microsecond (BenchmarkInUse).
	readEvery = 50 * time.Millisecond
	// collectEvery is how often garbage is collected and given back to the operating
	// system while requests are shed: with little traffic the collector would not run
	// for two minutes, and nothing would show that the memory is free again.
	collectEvery = 2 * time.Second
)

// memory reads how much is in use, on behalf of whoever asks. Safe for concurrent
// use.
type memory struct {
	Memory
	collect func()

	current    atomic.Uint32 // Shedding
	last       atomic.Int64  // when it was read, in Unix nanoseconds
	used       atomic.Int64
	collecting atomic.Bool

	mu        sync.Mutex // of what follows
	state     shedder
	collected time.Time
}

func newMemory(config Memory) *memory {
	m := &memory{Memory: config, collect: debug.FreeOSMemory}
	if m.Now == nil {
		m.Now = time.Now
	}
	if m.Used == nil {
		m.Used = func() int64 { return inUse(m.Ceiling) }
	}
	return m
}

// step says how much is shed now.
func (m *memory) step() Shedding {
	if m.Ceiling <= 0 {
		return ShedNothing
	}
	if now := m.Now(); now.UnixNano()-m.last.Load() >= int64(readEvery) && m.mu.TryLock() {
		m.read(now)
		m.mu.Unlock()
	}
	return Shedding(m.current.Load())
}

// read takes a reading; m.mu is held.
func (m *memory) read(now time.Time) {
	m.last.Store(now.UnixNano())
	used := m.Used()
	m.used.Store(used)
	m.state = m.state.next(used, m.Ceiling, now)
	m.current.Store(uint32(m.state.step))
	if m.state.step != ShedNothing && now.Sub(m.collected) >= collectEvery && m.collecting.CompareAndSwap(false, true) {
		m.collected = now
		go func() { // nobody's request waits for it; one at a time
			defer m.collecting.Store(false)
			m.collect()
		}()
	}
}

// inUse is how much memory the process needs, in bytes: what the last collection
// found alive, the stacks and the runtime's own. Garbage does not count, for it can
// be had back, until the process holds more than the ceiling together with it: then
// the collector has failed to keep it below, and all counts that the operating
// system has given. That, without what was given back, is also what GOMEMLIMIT
// bounds (runtime/debug, SetMemoryLimit). Memory that the embedded database maps
// by itself is not known to the runtime; it is some MiB.
func inUse(ceiling int64) int64 {
	samples := [...]metrics.Sample{
		{Name: "/gc/heap/live:bytes"},
		{Name: "/memory/classes/total:bytes"},
		{Name: "/memory/classes/heap/released:bytes"},
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/heap/free:bytes"},
		{Name: "/memory/classes/heap/unused:bytes"},
	}
	metrics.Read(samples[:])
	value := func(i int) int64 { return int64(samples[i].Value.Uint64()) } //nolint:gosec // memory sizes
	held := value(1) - value(2)
	if held > ceiling {
		return held
	}
	return value(0) + held - value(3) - value(4) - value(5)
}

// MemoryState is what metrics show of the memory.
type MemoryState struct {
	Used, Ceiling int64 // bytes; both 0 without a ceiling
	Step          Shedding
}

// Memory says how much memory is in use and what is shed.
func (g *Gateway) Memory() MemoryState {
	step := g.memory.step()
	return MemoryState{Used: g.memory.used.Load(), Ceiling: max(g.memory.Ceiling, 0), Step: step}
}
