package exfil

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/ordergate/ordergate/rules"
)

// TestFullCapsAgainstModel lets far more keys come than are remembered: whatever
// is forgotten had one subject and no open reservation, nothing that had more ever
// is, newcomers that find no room share one count, and every answer is the model's.
func TestFullCapsAgainstModel(t *testing.T) {
	evictions, crowds := uint64(0), uint64(0)
	for seed := range uint64(60) {
		random := rand.New(rand.NewPCG(seed, 11))
		most := 2 + random.IntN(12)
		caps := NewCaps(most)
		table := caps.tables[tableIndex(rules.KeyAccount)]
		limits := Limits{{rules.WindowHour, 2 + random.IntN(9)}, {rules.WindowDay, 5 + random.IntN(15)}}
		caps.Keep(rules.KeyAccount, rules.WindowDay)
		models, crowd := map[rules.Digest]*model{}, &model{naiveSet{}}
		now := epoch
		type open struct {
			r   reservation
			set *model
			at  time.Time
		}
		var held []open
		for step := range 2000 {
			now = now.Add(time.Duration(random.Int64N(int64([]time.Duration{time.Second, time.Minute, 20 * time.Minute, 5 * time.Hour}[random.IntN(4)]))))
			if len(held) > 0 && random.IntN(2) == 0 {
				i := random.IntN(len(held))
				h := held[i]
				held = append(held[:i], held[i+1:]...)
				commit := random.IntN(4) > 0
				if commit {
					caps.commit(h.r)
				} else {
					caps.giveBack(h.r)
				}
				for _, subject := range h.r.subjects {
					settleModel(h.set.naiveSet[subject], h.at, commit)
				}
				continue
			}
			key := capKey{rules.KeyAccount, digest('a', random.IntN(3*most))}
			if random.IntN(3) == 0 {
				key.digest = digest('n', step) // never seen before
			}
			spot := caps.look(&key, caps.clock(now))
			set := models[key.digest]
			if spot.entry == table.crowd && spot.entry != nilNode || spot.entry == nilNode && !caps.room(table, caps.latest) {
				set = crowd
			} else if set == nil {
				set = &model{naiveSet{}}
			}
			demands := []demand{{key: key, limits: limits}}
			asked := distinct(random, 1+random.IntN(3), 40)
			r, trip := caps.reserve(demands, asked, now, 1, false)
			if want := modelTrips(map[capKey]naiveSet{key: set.naiveSet}, demands, asked, now); trip.Tripped() != want {
				t.Fatalf("seed %d step %d: tripped %v, the model says %v", seed, step, trip, want)
			}
			if trip.Tripped() {
				continue
			}
			if (r.spots[0].entry == table.crowd) != (set == crowd) {
				t.Fatalf("seed %d step %d: another count than the one that was looked at", seed, step)
			}
			for _, subject := range asked {
				if set.naiveSet[subject] == nil {
					set.naiveSet[subject] = &naiveSubject{}
				}
				set.naiveSet[subject].at = now
				set.naiveSet[subject].open++
			}
			if set != crowd {
				models[key.digest] = set
			}
			held = append(held, open{r, set, now})
			for digest, model := range models {
				if table.find(&digest) != nilNode {
					continue
				}
				if n := model.count(rules.WindowDay, now); n > 1 || model.open() {
					t.Fatalf("seed %d step %d: a key with %d subjects is forgotten", seed, step, n)
				}
				delete(models, digest)
			}
			if table.live > most {
				t.Fatalf("seed %d step %d: %d keys are remembered, more than %d", seed, step, table.live, most)
			}
		}
		sizes := caps.Sizes()[rules.KeyAccount]
		evictions, crowds = evictions+sizes.Evicted, crowds+sizes.Crowded
	}
	if evictions == 0 || crowds == 0 {
		t.Errorf("%d forgotten, %d in the crowd: the test does not test", evictions, crowds)
	}
}

// model is what one key should hold.
type model struct{ naiveSet }

func (m *model) open() bool {
	for _, s := range m.naiveSet {
		if s.open > 0 {
			return true
		}
	}
	return false
}

// TestThiefIsNotForgotten: whoever has reached something is remembered, however
// many throwaway principals come after; when all that are remembered have, those who
// come share what one may take. Its twin comes when there is room again.
func TestThiefIsNotForgotten(t *testing.T) {
	const most = 1000
	limits := Limits{{rules.WindowHour, 3}, {rules.WindowDay, 10}}
	taken := func(caps *Caps, who rules.Digest, from, n int, at time.Time) (passed int) {
		for i := range n {
			d := []demand{{key: capKey{rules.KeyAccount, who}, limits: limits}}
			r, trip := caps.reserve(d, []rules.Digest{digest('c', from+i)}, at, 1, false)
			if !trip.Tripped() {
				caps.commit(r)
				passed++
			}
		}
		return passed
	}
	thief := digest('t', 1)
	t.Run("throwaways that take one each", func(t *testing.T) {
		caps := NewCaps(most)
		taken(caps, thief, 0, 2, epoch)
		for i := range 20 * most {
			if taken(caps, digest('x', i), 10+i, 1, epoch) != 1 {
				t.Fatalf("throwaway %d: the first record of a new principal is refused", i)
			}
		}
		if got := taken(caps, thief, 1_000_000, 10, epoch); got != 1 {
			t.Errorf("the thief takes %d more, want 1", got)
		}
		if sizes := caps.Sizes()[rules.KeyAccount]; sizes.Live != most || sizes.Evicted != 19*most+1 || sizes.Crowded != 0 {
			t.Errorf("%+v", sizes)
		}
	})
	t.Run("throwaways that take two each", func(t *testing.T) {
		caps := NewCaps(most)
		taken(caps, thief, 0, 2, epoch)
		late := 0
		for i := range 20 * most {
			if got := taken(caps, digest('x', i), 10+2*i, 2, epoch); i >= most-1 {
				late += got
			} else if got != 2 {
				t.Fatalf("throwaway %d takes %d", i, got)
			}
		}
		if late != 3 {
			t.Errorf("all who came too late take %d together, want the 3 of one", late)
		}
		if got := taken(caps, thief, 1_000_000, 10, epoch); got != 1 {
			t.Errorf("the thief takes %d more, want 1", got)
		}
		later := epoch.Add(time.Duration(rules.WindowMonth))
		if got := taken(caps, digest('h', 1), 2_000_000, 2, later); got != 2 {
			t.Errorf("when all is past, a new principal takes %d, want 2", got)
		}
	})
	t.Run("refusals and looks leave nothing behind", func(t *testing.T) {
		caps := NewCaps(most)
		none := []demand{{limits: Limits{{rules.WindowHour, 0}}}}
		for i := range 5000 {
			none[0].key = capKey{rules.KeyAccount, digest('x', i)}
			if _, trip := caps.reserve(none, []rules.Digest{digest('c', i)}, epoch, 1, false); !trip.Tripped() {
				t.Fatal("a limit of none lets one pass")
			}
			caps.distinct(none[0].key, rules.WindowHour, epoch)
		}
		d := []demand{{key: capKey{rules.KeyAccount, thief}, limits: limits}}
		r, _ := caps.reserve(d, []rules.Digest{digest('c', 1)}, epoch, 1, false)
		caps.giveBack(r)
		if live := caps.Sizes()[rules.KeyAccount].Live; live != 0 {
			t.Errorf("%d keys are remembered, of whom nothing counts", live)
		}
	})
}

// FuzzFewSubjects: a list of few subjects and a subjectSet give the same
// answers. Each byte is an operation on one of eight subjects.
func FuzzFewSubjects(f *testing.F) {
	f.Add([]byte{0, 8, 16, 24, 1, 200, 2, 9, 255, 10})
	f.Add([]byte("A\xbe\xef>\x7f")) // one behind a reserved one that is past, too
	f.Add([]byte("a longer walk through all operations, with time that goes on"))
	f.Fuzz(func(t *testing.T, ops []byte) {
		caps, now := NewCaps(2), epoch.UnixNano()
		horizon := int64(windows[len(windows)-1])
		small, set := keyEntry{}, newSubjectSet()
		type open struct {
			subject rules.Digest
			at      int64
		}
		var held []open
		for i, op := range ops {
			subject := digest('c', int(op%8))
			caps.advance(&small, horizon, now)
			set.advance(now)
			switch op / 8 % 8 {
			case 0, 1, 2:
				caps.hold(&small, &subject, fewSubjects, horizon, now)
				set.reserve(&subject, fewSubjects, now)
				held = append(held, open{subject, now})
			case 3, 4:
				if len(held) > 0 {
					h := held[i%len(held)]
					held = append(held[:i%len(held)], held[i%len(held)+1:]...)
					stands := op&64 == 0
					caps.settle(&small, &h.subject, stands, h.at, now)
					if stands {
						set.commit(&h.subject, h.at, now)
					} else {
						set.giveBack(&h.subject, now)
					}
				}
			case 5:
				at := now - int64(op)*int64(time.Hour)
				caps.remember(&small, &subject, at, horizon, now)
				set.restore(&subject, at, now)
			case 6:
				now += int64(op%8) * int64(20*time.Minute)
			case 7:
				now += int64(op%8) * int64(40*time.Hour)
			}
			caps.advance(&small, horizon, now)
			set.advance(now)
			if small.count == inSet {
				t.Fatal("eight subjects need a set")
			}
			for w := range windows {
				if got, want := caps.count(&small, w, now), set.count(w); got != want {
					t.Fatalf("after %d operations: %d subjects in %v, the set has %d", i+1, got, windows[w], want)
				}
				if got, want := caps.frees(&small, w, now), set.frees(w, now); got != want {
					t.Fatalf("after %d operations: %v frees in %v, the set's in %v", i+1, windows[w], got, want)
				}
			}
			// What lies beyond the horizon counts nowhere, remembered or not.
			if got, want := max(caps.last(&small, &subject), now-horizon), max(set.last(&subject), now-horizon); got != want {
				t.Fatalf("after %d operations: last at %d, in the set at %d", i+1, got, want)
			}
		}
	})
}

// principals are keys of principals that are as apart as digests are.
func principal(n int) rules.Digest {
	h := uint64(n+1) * 0x9e3779b97f4a7c15
	d := rules.Digest{}
	for i := range 8 {
		d[i], d[8+i] = byte(h>>(8*i)), byte(h>>(56-8*i))
	}
	return d
}

// populate lets so many principals take one record each, under session, account
// and address, one every decisionStep.
func populate(caps *Caps, principals int) {
	limits, address := Limits{{rules.WindowHour, 5}, {rules.WindowDay, 20}, {rules.WindowMonth, 60}}, Limits{{rules.WindowHour, 60}}
	demands := []demand{{limits: limits, shrinks: true}, {limits: limits, shrinks: true}, {limits: address, advice: true}}
	taken := make([]rules.Digest, 1)
	for n := range principals {
		d, now := principal(n), epoch.Add(time.Duration(n)*decisionStep)
		demands[0].key, demands[1].key, demands[2].key = capKey{rules.KeySession, d}, capKey{rules.KeyAccount, d}, capKey{rules.KeyIP, d}
		taken[0] = principal(-n - 2)
		r, _ := caps.reserve(demands, taken, now, 3, false)
		caps.commit(r)
	}
}

// TestMillionPrincipals: a million live principals, each known by session,
// account and address of its own, take at most 300 MiB.
func TestMillionPrincipals(t *testing.T) {
	if testing.Short() || raceEnabled {
		t.Skip("a million principals take a while")
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	caps := NewCaps(1_000_000)
	populate(caps, 1_000_000)
	runtime.GC()
	runtime.ReadMemStats(&after)
	if live := caps.Sizes()[rules.KeyAccount].Live; live != 1_000_000 {
		t.Fatalf("%d principals are remembered", live)
	}
	held := after.HeapAlloc - before.HeapAlloc
	t.Logf("%d MiB: %d bytes for each principal", held>>20, held/1_000_000)
	if held > 300<<20 {
		t.Errorf("%d MiB, want at most 300", held>>20)
	}
	runtime.KeepAlive(caps)
}

// TestDecisionAllocations: a decision that lets a record go allocates nothing.
func TestDecisionAllocations(t *testing.T) {
	engine := New(Config{
		Roles: map[rules.Role]RoleCaps{rules.RoleShopper: {Session: Limits{{rules.WindowHour, 5}}, Address: Limits{{rules.WindowHour, 60}}, ASN: Limits{{rules.WindowHour, 60}}, Response: 5}},
		Site:  Limits{{rules.WindowHour, 300}}, Principals: 1000,
	})
	p := &rules.Principal{
		Role: rules.RoleShopper, Session: principal(1), Account: principal(2), IP: principal(3), Prefix: principal(4),
		TLS: principal(5), ASN: principal(6),
	}
	taken := []rules.Digest{digest('c', 1)}
	if got := testing.AllocsPerRun(100, func() {
		var buffer [maxDemands]demand
		r, _ := engine.caps.reserve(engine.demands(buffer[:0], p), taken, epoch, 3, false)
		engine.caps.commit(r)
	}); got > 0 {
		t.Errorf("a decision allocates %v times", got)
	}
}

// decisionStep is the time between two decisions of a benchmark: 10,000 a second.
const decisionStep = 100 * time.Microsecond

// decisionBatch is how many decisions are timed together, and then settled together:
// few enough to be those of one moment's requests, many enough that reading the clock
// does not count.
const decisionBatch = 64

// BenchmarkDecision decides about one record of one of so many live principals,
// under session, account, address, network, operator, program and site: of a customer
// that counts already, of a new one (given back, so that the counts stay), and of one
// that is refused. Principals come in random order, 10,000 a second. ns/op is the
// decision alone, settling-ns/op what follows once the record is durable or withheld;
// making the principals is in neither. With a million of them what it takes is reads
// of memory that the processor has not.
func BenchmarkDecision(b *testing.B) {
	for _, principals := range []int{1000, 30_000, 1_000_000} {
		b.Run(fmt.Sprintf("principals=%d", principals), func(b *testing.B) {
			engine := New(Config{
				Roles: map[rules.Role]RoleCaps{rules.RoleShopper: {
					Session: Limits{{rules.WindowHour, 5}, {rules.WindowDay, 20}, {rules.WindowMonth, 60}}, Address: Limits{{rules.WindowHour, 60}},
					ASN: Limits{{rules.WindowHour, 200}}, Response: 5,
				}, rules.RoleGuest: {
					Session: Limits{{rules.WindowHour, 0}}, Address: Limits{{rules.WindowHour, 60}}, ASN: Limits{{rules.WindowHour, 200}}, Response: 5,
				}},
				Site: Limits{{rules.WindowHour, 1 << 20}, {rules.WindowDay, 1 << 20}},
			})
			populate(engine.caps, principals)
			now := epoch.Add(time.Duration(principals) * decisionStep)
			for _, kind := range []string{"again", "new", "refused"} {
				b.Run(kind, func(b *testing.B) { now = decide(b, engine, principals, kind, now) })
			}
		})
	}
}

// decide is one of BenchmarkDecision's; it returns what time it has become.
func decide(b *testing.B, engine *Engine, principals int, kind string, now time.Time) time.Time {
	var (
		batch             [decisionBatch]rules.Principal
		subjects          [decisionBatch][1]rules.Digest
		made              [decisionBatch]reservation
		deciding, settled time.Duration
		random            = rand.New(rand.NewPCG(1, 2))
	)
	prepare := func() {
		for i := range batch {
			n := random.IntN(principals)
			p := rules.Principal{Role: rules.RoleShopper, Session: principal(n), Account: principal(n), IP: principal(n)}
			p.Prefix, p.TLS, p.ASN = principal(n%5000), principal(n%50), principal(n%20)
			if kind == "refused" {
				p.Role = rules.RoleGuest
			}
			if batch[i], subjects[i][0] = p, principal(-n-2); kind != "again" {
				subjects[i][0] = principal(-principals - n - 3)
			}
		}
	}
	rounds := func(n int) {
		start := time.Now()
		for i := range n {
			now = now.Add(decisionStep)
			var buffer [maxDemands]demand
			var trip Trip
			made[i], trip = engine.caps.reserve(engine.demands(buffer[:0], &batch[i]), subjects[i][:], now, 3, false)
			if trip.Tripped() != (kind == "refused") {
				b.Fatalf("%+v", trip)
			}
		}
		between := time.Now()
		for i := range n {
			switch kind {
			case "again":
				engine.caps.commit(made[i])
			case "new":
				engine.caps.giveBack(made[i])
			}
		}
		deciding, settled = deciding+between.Sub(start), settled+time.Since(between)
	}
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		if n++; n%decisionBatch == 0 {
			prepare()
			rounds(decisionBatch)
		}
	}
	prepare()
	rounds(n % decisionBatch)
	b.ReportMetric(float64(deciding.Nanoseconds())/float64(n), "ns/op")
	b.ReportMetric(float64(settled.Nanoseconds())/float64(n), "settling-ns/op")
	return now
}
