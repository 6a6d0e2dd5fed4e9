package proxy_test

import (
	"net/http"
	"runtime"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ordergate/ordergate/proxy"
	"github.com/ordergate/ordergate/proxy/proxytest"
	"github.com/ordergate/ordergate/rules"
)

// gauge is a memory reading and a clock of a test.
type gauge struct{ percent, seconds atomic.Int64 }

func (g *gauge) memory(s *proxytest.Setup) {
	s.Memory = proxy.Memory{
		Ceiling: 100 << 20, Used: func() int64 { return g.percent.Load() << 20 },
		Now: func() time.Time { return time.Unix(1_700_000_000+g.seconds.Load(), 0) },
	}
}

// reads makes the gateway read a value, seconds later.
func (g *gauge) reads(percent, seconds int64) {
	g.percent.Store(percent)
	g.seconds.Add(seconds)
}

// asks are requests of a stranger and of somebody whose session the platform
// issued, from the cheapest to the dearest.
var asks = []struct {
	name, method, path, body string
	known                    bool
	from                     int // the step that sheds it
}{
	{"a stranger's catalogue", "GET", "/products", "", false, 3},
	{"a shopper's catalogue", "GET", "/products", "", true, 3},
	{"a stranger's order", "GET", "/orders/1", "", false, 1},
	{"a shopper's order", "GET", "/orders/1", "", true, 2},
	{"a stranger's basket", "POST", "/basket", "sku=T-1", false, 1},
	{"a shopper's basket", "POST", "/basket", "sku=T-1", true, 2},
	{"a shopper's upload", "POST", "/basket", "note=" + strings.Repeat("x", 20<<10), true, 1},
}

// TestMemoryCeiling: above its ceiling the gateway sheds by policy, says so, and
// recovers. The innocent twin is the same traffic below the ceiling.
func TestMemoryCeiling(t *testing.T) {
	g := &gauge{}
	w := proxytest.Start(t, people, g.memory)
	cookie := visitor(t, w)
	if got := w.Get("/orders/1", cookie); got.StatusCode != http.StatusOK { // the route is known to carry records from now on
		t.Fatal(got.StatusCode)
	}
	check := func(step int) {
		t.Helper()
		if state := w.Gateway.Memory(); int(state.Step) != step || state.Ceiling != 100<<20 {
			t.Errorf("step %d is told as %+v", step, state)
		}
		for _, a := range asks {
			headers := []string{"Content-Type: application/x-www-form-urlencoded"}
			if a.known {
				headers = append(headers, cookie)
			}
			got := w.Do(a.method, a.path, a.body, headers...)
			s := lastOf(w)
			if shed := step >= a.from; shed != (got.StatusCode == http.StatusServiceUnavailable) || shed != (s.Reason == rules.ReasonOverload) || got.Err != nil {
				t.Errorf("step %d, %s: %d, outcome %s, error %v", step, a.name, got.StatusCode, s.Reason, got.Err)
			} else if shed && (!refusalBody.MatchString(got.Body) || got.Header.Get("Retry-After") != "5") {
				t.Errorf("step %d, %s is shown %q %v", step, a.name, got.Body, got.Header)
			}
		}
	}
	for _, reading := range []struct{ percent, seconds, step int64 }{
		{50, 1, 0}, {85, 1, 1}, {92, 1, 2}, {99, 1, 3}, // up
		{60, 4, 3}, {60, 1, 2}, {60, 5, 1}, {60, 5, 0}, // calm
		{82, 1, 1}, {75, 60, 1}, {65, 5, 0}, // hysteresis: no end of it above 70
	} {
		g.reads(reading.percent, reading.seconds)
		check(int(reading.step))
	}
}

// TestMemoryObserved: a process that is killed serves nobody, so observe mode sheds,
// too.
func TestMemoryObserved(t *testing.T) {
	g := &gauge{}
	w := proxytest.Start(t, people, g.memory, func(s *proxytest.Setup) { s.Policy.Mode = rules.Observe })
	g.reads(99, 1)
	if got := w.Get("/products"); got.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("%d", got.StatusCode)
	}
}

// TestMemoryForReal fills the process's own memory above a ceiling, and frees it.
func TestMemoryForReal(t *testing.T) {
	if testing.Short() {
		t.Skip("the race detector's own memory is counted, too")
	}
	var seconds atomic.Int64
	probe := proxytest.Start(t, people, func(s *proxytest.Setup) { s.Memory.Ceiling = 1 << 40 })
	debug.FreeOSMemory() // what earlier tests have left must not be most of the ceiling
	idle := probe.Gateway.Memory().Used
	w := proxytest.Start(t, people, func(s *proxytest.Setup) {
		s.Memory.Ceiling = idle + 256<<20
		s.Memory.Now = func() time.Time { return time.Unix(1_700_000_000+seconds.Load(), 0) }
	})
	cookie := visitor(t, w)
	order := func() int { seconds.Add(1); return w.Get("/orders/1", cookie).StatusCode }
	if got := order(); got != http.StatusOK {
		t.Fatalf("before: %d, %+v", got, w.Gateway.Memory())
	}
	ballast := make([][]byte, 0, 400)
	for range cap(ballast) {
		piece := make([]byte, 1<<20)
		for i := 0; i < len(piece); i += 4096 {
			piece[i] = 1
		}
		ballast = append(ballast, piece)
	}
	runtime.GC()
	if got := order(); got != http.StatusServiceUnavailable {
		t.Errorf("above the ceiling: %d, %+v", got, w.Gateway.Memory())
	}
	runtime.KeepAlive(ballast)
	runtime.GC()
	for give := time.Now().Add(time.Minute); order() != http.StatusOK; { // memory is given back beside the requests
		if time.Now().After(give) {
			t.Fatalf("no recovery: %+v, idle %d", w.Gateway.Memory(), idle)
		}
	}
}

// visitor returns the cookie of a session that the platform has just issued.
func visitor(t *testing.T, w *proxytest.World) string {
	t.Helper()
	if got := w.Get("/visit?n=1"); got.StatusCode != http.StatusOK {
		t.Fatalf("visit: %d %v", got.StatusCode, got.Err)
	}
	return "Cookie: sid=visitor-1"
}

// lastOf is the exchange that was done last.
func lastOf(w *proxytest.World) proxy.Summary {
	w.Settle()
	return w.Observer.Last()
}
