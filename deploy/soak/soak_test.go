//go:build unix

package soak

import (
	"bytes"
	"context"
	"crypto/sha256"
	"flag"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/ordergate/ordergate/deploy/config"
	"github.com/ordergate/ordergate/deploy/gateway"
	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/metrics/ledger/sqlite"
	"github.com/ordergate/ordergate/rules"
)

var (
	lasting = flag.Duration("for", 6*time.Second, "how long the soak lasts")
	share   = flag.Float64("load", 0.7, "share of what the machine was measured to do")
	results = flag.String("results", "", "file that the results are written to")
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const staffToken = "staff-token-of-the-soak-0123456789"

// stalling is a store that stands still when it is told to.
type stalling struct {
	ledger.Store
	mu     sync.Mutex // held while it stands still
	stalls int
}

// Append implements ledger.Store.
func (s *stalling) Append(ctx context.Context, rows []rules.Disclosure) error {
	s.mu.Lock()
	s.mu.Unlock()                    //nolint:staticcheck // to wait is all it is for
	return s.Store.Append(ctx, rows) //nolint:wrapcheck // the store's own
}

// soak is one run.
type soak struct {
	*testing.T
	dir, file string
	platform  *platform
	store     *stalling
	gateway   *gateway.Gateway
	people    *people
	books     books
	log       bytes.Buffer
	reloads   [2]atomic.Int64 // refused, taken over
	samples   []sample
}

// sample is what the process held at a time.
type sample struct {
	at         time.Duration
	heap       uint64 // bytes alive after a collection
	goroutines int
}

func (s *soak) write(extra string) {
	s.Helper()
	if err := os.WriteFile(s.file, []byte(fmt.Sprintf(configText, filepath.Join(s.dir, "data"), sha256.Sum256([]byte(staffToken)))+extra), 0o600); err != nil {
		s.Fatal(err)
	}
}

// configText lets staff read as much as it wants: what is tried is the path of the
// records, not the caps.
const configText = `
listen: 127.0.0.1:0
admin: 127.0.0.1:0
data_dir: %s
sessions: [cookie:sid]
ledger: {wait: 500ms}
timeouts: {upstream_response_header: 1s}
responses: {hide_errors: true}
roles:
  - {role: staff, header: X-Staff-Token, sha256: %x}
caps:
  staff: {session: {1h: unlimited, 24h: unlimited}, response: 1000}
detectors: {baseline: {mode: observe}, walk: {mode: observe}, guess: {mode: observe}, rules: {mode: observe}}
`

func (s *soak) load(upstream string) func() (config.Config, error) {
	return func() (config.Config, error) { return config.Resolve(s.file, upstream) }
}

// TestSoak is what the package says. It ends with flat memory and goroutines, and
// every record that a client received is in the ledger.
func TestSoak(t *testing.T) {
	before := runtime.NumGoroutine()
	s := &soak{T: t, dir: t.TempDir(), platform: &platform{}}
	s.file = filepath.Join(s.dir, "ordergate.yaml")
	s.write("")
	upstream := httptest.NewServer(s.platform)
	load := s.load(upstream.URL)
	cfg, err := load()
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewJSONHandler(&lockedBuffer{b: &s.log}, &slog.HandlerOptions{Level: slog.LevelError}))
	s.gateway, err = gateway.Start(t.Context(), cfg, gateway.Options{Version: "soak", Log: log, Store: func(inner ledger.Store) ledger.Store {
		s.store = &stalling{Store: inner}
		return s.store
	}})
	if err != nil {
		t.Fatal(err)
	}
	s.people = newPeople("http://"+s.gateway.Addr(), &s.books)
	capacity := s.people.closedLoop(t.Context(), min(*lasting/10, 10*time.Second))
	s.platform.random.Store(true)
	s.people.faults.Store(true)
	s.disturbed(load, *share*capacity)
	s.people.client.CloseIdleConnections()
	held := runtime.NumGoroutine()
	if err := s.gateway.Stop(context.Background()); err != nil {
		t.Errorf("stopping: %v", err)
	}
	upstream.Close()
	s.judge(capacity, before, held)
}

// patience is how long a short run goes on at most until each kind of trouble
// has been met: on a slow machine there are few requests in six seconds.
const patience = 2 * time.Minute

// disturbed paces load for the whole time, and until each kind of trouble was
// met, with the operator, the platform and the disk making it beside.
func (s *soak) disturbed(load func() (config.Config, error), perSecond float64) {
	ctx, cancel := context.WithTimeout(s.Context(), *lasting+patience)
	defer cancel()
	var all sync.WaitGroup
	all.Go(func() { s.people.paced(ctx, perSecond) })
	all.Go(func() {
		defer cancel()
		s.met(ctx)
	})
	all.Go(func() { s.operate(ctx, load) })
	all.Go(func() { s.trouble(ctx) })
	all.Go(func() { s.watch(ctx) })
	all.Wait()
}

// met returns when the run has lasted as long as it was asked to and everything
// has happened that it is for, or when ctx ends.
func (s *soak) met(ctx context.Context) {
	ended := time.After(*lasting)
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for over := false; !over || len(s.missing()) > 0; {
		select {
		case <-ended:
			over = true
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// missing names what a run is for and has not met.
func (s *soak) missing() []string {
	var missing []string
	s.people.mu.Lock()
	defer s.people.mu.Unlock()
	for status, name := range map[int]string{200: "whole answers", 500: "a storm of errors", 0: "answers that broke off"} {
		if s.people.status[status] == 0 {
			missing = append(missing, name)
		}
	}
	if s.reloads[1].Load() == 0 {
		missing = append(missing, "a reload taken over")
	}
	s.books.mu.Lock()
	defer s.books.mu.Unlock()
	if s.books.responses == 0 {
		missing = append(missing, "a response with customers")
	}
	return missing
}

// operate sends SIGHUP to the process, as an operator does, with a good and a bad
// config by turns, and reloads when it comes, as serve does.
func (s *soak) operate(ctx context.Context, load func() (config.Config, error)) {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	ticker := time.NewTicker(max(*lasting/60, time.Second))
	defer ticker.Stop()
	for turn, sent := 0, false; ; {
		select {
		case <-ticker.C:
			s.write([]string{"waf: {paranoia: 9}\n", "", "limits: {first_window: 32KiB}\n"}[turn%3])
			turn++
			sent = syscall.Kill(os.Getpid(), syscall.SIGHUP) == nil
		case <-hangup:
			sent = false
			if err := s.gateway.Reload(load); err != nil {
				s.reloads[0].Add(1)
			} else {
				s.reloads[1].Add(1)
			}
		case <-ctx.Done():
			if sent {
				<-hangup // a signal that comes when nobody waits for it ends the process
			}
			return
		}
	}
}

// trouble makes the platform ill in a fifth of the time, and the disk stand still
// once in a while, for longer than a response may wait.
func (s *soak) trouble(ctx context.Context) {
	defer s.platform.now.Store(int32(well))
	turn := max(min(*lasting/12, 20*time.Second), 400*time.Millisecond)
	wait := func(d time.Duration) bool {
		select {
		case <-time.After(d):
			return true
		case <-ctx.Done():
			return false
		}
	}
	for round := 0; wait(turn); round++ {
		switch round % 3 {
		case 0:
			s.platform.now.Store(int32(storm))
		case 1:
			s.platform.now.Store(int32(slow))
		case 2:
			s.store.mu.Lock()
			s.store.stalls++
			wait(min(max(turn/4, 700*time.Millisecond), 2*time.Second)) // a response waits half a second
			s.store.mu.Unlock()
			continue
		}
		ok := wait(turn / 4)
		s.platform.now.Store(int32(well))
		if !ok {
			return
		}
	}
}

// watch takes samples until ctx ends.
func (s *soak) watch(ctx context.Context) {
	began := time.Now()
	ticker := time.NewTicker(*lasting / 60)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			s.samples = append(s.samples, sample{time.Since(began), m.HeapAlloc, runtime.NumGoroutine()})
		case <-ctx.Done():
			return
		}
	}
}

// judge compares what came out with what went in.
func (s *soak) judge(capacity float64, before, held int) {
	dir := filepath.Join(s.dir, "data")
	key, err := ledger.LoadOrCreateKey(dir)
	if err != nil {
		s.Fatal(err)
	}
	hasher, err := rules.NewHasher(key.Secret)
	if err != nil {
		s.Fatal(err)
	}
	a, err := s.books.compare(context.Background(), dir, hasher, ledger.NewKeyring([]ledger.Key{key}))
	if err != nil {
		s.Fatal(err)
	}
	faults := verified(s.T, dir)
	heapEarly, heapLate := median(s.samples, 1, func(x sample) int { return int(x.heap >> 10) }), median(s.samples, 3, func(x sample) int { return int(x.heap >> 10) })
	goEarly, goLate := median(s.samples, 1, func(x sample) int { return x.goroutines }), median(s.samples, 3, func(x sample) int { return x.goroutines })
	var out strings.Builder
	fmt.Fprintf(&out, "# A soak of %s at %.0f %% load, with faults injected\n\n", *lasting, 100**share)
	fmt.Fprintf(&out, "`go test ./deploy/soak -run TestSoak -for %s -v`, GOMAXPROCS %d, %s, %s/%s; clients, gateway and platform in one process.\n\n", *lasting, runtime.GOMAXPROCS(0), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	fmt.Fprintf(&out, "- Load: %.0f requests/s measured, %.0f aimed at, %d done in all, %d left out because %d were under way; p50 %s, p99 %s.\n", capacity, *share*capacity, s.people.done.Load(), s.people.busy.Load(), workers, s.quantile(0.5), s.quantile(0.99))
	fmt.Fprintf(&out, "- Answers: %s.\n", s.answers())
	fmt.Fprintf(&out, "- Faults: %d resets inside bodies, %d ledger stalls, %d aborts of clients beside those by timeout, %d reloads taken over, %d refused; storms and slow phases by turns.\n", s.platform.resets.Load(), s.store.stalls, s.people.aborted.Load(), s.reloads[1].Load(), s.reloads[0].Load())
	fmt.Fprintf(&out, "- Records: clients received %d (in %d responses), the ledger has %d (in %d rows); **%d received without a row**; verify finds %d faults.\n", a.shown, s.books.responses, a.recorded, a.rows, a.lost, faults)
	fmt.Fprintf(&out, "- Heap alive, medians: second quarter %d KiB, last quarter %d KiB. Goroutines: %d, %d; %d before the start, %d at the end with the gateway still up.\n", heapEarly, heapLate, goEarly, goLate, before, held)
	s.Log("\n" + out.String())
	if *results != "" {
		if err := os.WriteFile(*results, []byte(out.String()), 0o644); err != nil {
			s.Error(err)
		}
	}
	switch {
	case a.lost > 0 || a.shown == 0 || a.shown > a.recorded || faults > 0:
		s.Errorf("%+v, %d faults in the ledger", a, faults)
	case *lasting >= time.Minute && heapLate > heapEarly*5/4+(16<<10): // in a shorter run one reload, which compiles the rules, fills a quarter
		s.Errorf("the heap grew from %d to %d KiB", heapEarly, heapLate)
	case *lasting >= time.Minute && goLate > goEarly*5/4+64: // in a shorter run one slow phase does; what is left over at the end goleak tells
		s.Errorf("goroutines grew from %d to %d", goEarly, goLate)
	case len(s.missing()) > 0:
		s.Errorf("not met: %s", strings.Join(s.missing(), ", "))
	case strings.Contains(s.log.String(), "exchange died"):
		s.Errorf("an exchange died: %.2000s", s.log.String())
	}
}

// verified checks the ledger's files and its tree.
func verified(t *testing.T, dir string) int {
	t.Helper()
	store, err := sqlite.OpenReadOnly(context.Background(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close() //nolint:errcheck // read only
	v, err := store.Verify(context.Background(), ledger.VerifyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, fault := range v.Faults {
		t.Log(fault)
	}
	return len(v.Faults)
}

// median is that of a quarter of the samples, from 0.
func median(samples []sample, quarter int, of func(sample) int) int {
	var values []int
	for _, s := range samples[len(samples)*quarter/4 : len(samples)*(quarter+1)/4] {
		values = append(values, of(s))
	}
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	return values[len(values)/2]
}

func (s *soak) quantile(q float64) time.Duration {
	slices.Sort(s.people.took)
	return s.people.took[int(q*float64(len(s.people.took)-1))].Round(100 * time.Microsecond)
}

func (s *soak) answers() string {
	var parts []string
	for status, n := range s.people.status {
		name := fmt.Sprint(status)
		if status == 0 {
			name = "none or broken off"
		}
		parts = append(parts, fmt.Sprintf("%s: %d", name, n))
	}
	sort.Strings(parts)
	return strings.Join(parts, ", ")
}

// lockedBuffer is a log that several write to.
type lockedBuffer struct {
	mu sync.Mutex
	b  *bytes.Buffer
}

// Write implements io.Writer.
func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.b.Len() > 1<<20 {
		return len(p), nil
	}
	return l.b.Write(p)
}
