package exfil

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/ordergate/ordergate/rules"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func digest(space byte, n int) rules.Digest {
	return rules.Digest{space, byte(n >> 16), byte(n >> 8), byte(n), 1}
}

// naiveSet is the model: every subject's last committed time and open
// reservations, counted by looking at all of them.
type naiveSet map[rules.Digest]*naiveSubject

type naiveSubject struct {
	committed, at time.Time // at: the latest reservation while one is open, committed otherwise
	open          int
}

func (n naiveSet) inside(subject rules.Digest, w rules.Window, now time.Time) bool {
	s, ok := n[subject]
	return ok && s.at.After(now.Add(-time.Duration(w)))
}

func (n naiveSet) count(w rules.Window, now time.Time) (count int) {
	for subject := range n {
		if n.inside(subject, w, now) {
			count++
		}
	}
	return count
}

// TestCapsAgainstModel runs random reservations, commits, returns and jumps in
// time through Caps and through the naive model: every answer and every count
// must agree.
func TestCapsAgainstModel(t *testing.T) {
	for seed := range uint64(40) {
		random := rand.New(rand.NewPCG(seed, 7))
		caps := NewCaps(1000)
		limits := Limits{{rules.WindowMinute, 1 + random.IntN(4)}, {rules.WindowHour, 3 + random.IntN(20)}, {rules.WindowDay, 10 + random.IntN(60)}, {rules.WindowMonth, 30 + random.IntN(100)}}
		site := Limits{{rules.WindowHour, 5 + random.IntN(30)}}
		models := map[capKey]naiveSet{}
		now := epoch
		type open struct {
			r    reservation
			keys []capKey
			at   time.Time
		}
		var held []open
		for step := range 3000 {
			now = now.Add(time.Duration(random.Int64N(int64([]time.Duration{time.Second, 20 * time.Second, 10 * time.Minute, 5 * time.Hour}[random.IntN(4)]))))
			if len(held) > 0 && random.IntN(2) == 0 {
				i := random.IntN(len(held))
				h := held[i]
				held = append(held[:i], held[i+1:]...)
				commit := random.IntN(3) > 0
				if commit {
					caps.commit(h.r)
				} else {
					caps.giveBack(h.r)
				}
				for _, key := range h.keys {
					for _, subject := range h.r.subjects {
						settleModel(models[key][subject], h.at, commit)
					}
				}
				continue
			}
			demands := []demand{{key: capKey{rules.KeySession, digest('s', random.IntN(3))}, limits: limits}, {key: capKey{kind: rules.KeySite}, limits: site}}
			subjects := distinct(random, 1+random.IntN(3), 60)
			r, trip := caps.reserve(demands, subjects, now, 1, false)
			if want := modelTrips(models, demands, subjects, now); trip.Tripped() != want {
				t.Fatalf("seed %d step %d: tripped %v, the model says %v", seed, step, trip, want)
			}
			if trip.Tripped() {
				continue
			}
			h := open{r: r, at: now}
			for _, d := range demands {
				h.keys = append(h.keys, d.key)
				if models[d.key] == nil {
					models[d.key] = naiveSet{}
				}
				for _, subject := range subjects {
					if models[d.key][subject] == nil {
						models[d.key][subject] = &naiveSubject{}
					}
					models[d.key][subject].at = now
					models[d.key][subject].open++
				}
			}
			held = append(held, h)
			for _, d := range demands {
				for _, w := range windows {
					if got, want := caps.distinct(d.key, w, now), models[d.key].count(w, now); got != want {
						t.Fatalf("seed %d step %d: %v has %d subjects in %v, the model has %d", seed, step, d.key.kind, got, w, want)
					}
				}
			}
		}
	}
}

func settleModel(s *naiveSubject, at time.Time, commit bool) {
	if commit && at.After(s.committed) {
		s.committed = at
	}
	if s.open--; s.open == 0 {
		s.at = s.committed
	}
}

func modelTrips(models map[capKey]naiveSet, demands []demand, subjects []rules.Digest, now time.Time) bool {
	for _, d := range demands {
		for _, limit := range d.limits {
			fresh := 0
			for _, subject := range subjects {
				if !models[d.key].inside(subject, limit.Window, now) {
					fresh++
				}
			}
			if fresh > 0 && models[d.key].count(limit.Window, now)+fresh > limit.Max {
				return true
			}
		}
	}
	return false
}

func distinct(random *rand.Rand, n, of int) []rules.Digest {
	subjects := make([]rules.Digest, 0, n)
	for _, i := range random.Perm(of)[:n] {
		subjects = append(subjects, digest('c', i))
	}
	return subjects
}

// TestCapHoldsUnderConcurrency: whatever the interleaving, never more than N
// distinct subjects are committed under one key.
func TestCapHoldsUnderConcurrency(t *testing.T) {
	const workers, each, limit = 16, 200, 25
	caps := NewCaps(10)
	demands := []demand{{key: capKey{rules.KeySession, digest('s', 1)}, limits: Limits{{rules.WindowHour, limit}}}, {key: capKey{kind: rules.KeySite}, limits: Limits{{rules.WindowHour, 2 * limit}}}}
	var released sync.Map
	var refused atomic.Int64
	var wait sync.WaitGroup
	for worker := range workers {
		wait.Go(func() {
			random := rand.New(rand.NewPCG(uint64(worker), 3))
			for range each {
				subjects := distinct(random, 2, 500)
				r, trip := caps.reserve(demands, subjects, epoch, 1, false)
				switch {
				case trip.Tripped():
					refused.Add(1)
				case random.IntN(4) == 0:
					caps.giveBack(r)
				default:
					for _, subject := range subjects {
						released.Store(subject, true)
					}
					caps.commit(r)
				}
			}
		})
	}
	wait.Wait()
	count := 0
	released.Range(func(_, _ any) bool { count++; return true })
	if count > limit || count < limit-1 || refused.Load() == 0 {
		t.Errorf("%d distinct subjects released, %d refused: want the cap of %d reached and never passed", count, refused.Load(), limit)
	}
}

// TestClockStepsBack: a clock that is set back neither frees nor double counts.
func TestClockStepsBack(t *testing.T) {
	caps := NewCaps(3)
	d := []demand{{key: capKey{rules.KeySession, digest('s', 1)}, limits: Limits{{rules.WindowMinute, 1}}}}
	r, _ := caps.reserve(d, []rules.Digest{digest('c', 1)}, epoch, 1, false)
	caps.commit(r)
	if _, trip := caps.reserve(d, []rules.Digest{digest('c', 2)}, epoch.Add(-time.Hour), 1, false); !trip.Tripped() || trip.RetryAfter != time.Minute {
		t.Errorf("an hour back: %+v, want the cap to hold for a minute", trip)
	}
	if _, trip := caps.reserve(d, []rules.Digest{digest('c', 2)}, epoch.Add(time.Minute), 1, false); trip.Tripped() {
		t.Errorf("a minute on: %+v, want room", trip)
	}
}

// TestReserveAllocations pins what a decision that is refused, the hot path of
// an attack, may allocate.
func TestReserveAllocations(t *testing.T) {
	caps := NewCaps(10)
	d := []demand{{key: capKey{rules.KeySession, digest('s', 1)}, limits: Limits{{rules.WindowHour, 1}}}}
	r, _ := caps.reserve(d, []rules.Digest{digest('c', 1)}, epoch, 1, false)
	caps.commit(r)
	subjects := []rules.Digest{digest('c', 2)}
	if got := testing.AllocsPerRun(100, func() { caps.reserve(d, subjects, epoch, 1, false) }); got > 0 {
		t.Errorf("a refused reservation allocates %v times", got)
	}
}

func BenchmarkReserve(b *testing.B) {
	caps := NewCaps(1 << 16)
	now := epoch
	limits := Limits{{rules.WindowHour, 5}, {rules.WindowDay, 20}, {rules.WindowMonth, 60}}
	demands := []demand{{limits: limits}, {key: capKey{kind: rules.KeySite}, limits: Limits{{rules.WindowHour, 300}, {rules.WindowDay, 2000}}}}
	subjects := make([]rules.Digest, 1)
	n := 0
	for b.Loop() {
		n++
		now = now.Add(50 * time.Millisecond)
		demands[0].key = capKey{rules.KeySession, digest('s', n%5000)}
		subjects[0] = digest('c', n%3000)
		if r, trip := caps.reserve(demands, subjects, now, 1, false); !trip.Tripped() {
			caps.commit(r)
		}
	}
}
