package exfil

import (
	"encoding/binary"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ordergate/ordergate/rules"
)

// fullHistory fills whatever SaveHistory writes down as far as it goes, but for
// rules, of which there may be any number: one, with ten counts for each key.
func fullHistory(e *Engine) {
	text := func(n int) []byte { return binary.LittleEndian.AppendUint64(nil, uint64(n)) }
	for n := range defaultPrincipals / 50 {
		of := &tried{since: epoch}
		for slot := range maxSlots {
			numbers := make([]uint64, maxTried)
			of.slots = append(of.slots, slotTries{slot: uint64(slot), numbers: numbers, numeric: true, found: maxTried})
		}
		e.tries.sessions.add(principal(n), of)
	}
	for n := range maxFrontier {
		e.tries.frontier.add(frontierKey{1, e.seed.hash(text(n))}, &frontier{since: epoch, sessions: make([]rules.Digest, maxFrontiers)})
	}
	for n := range maxSiteSeen {
		e.site.foreign[uint64(n)] = struct{}{}
	}
	for n := range maxTakers {
		e.site.takers[principal(n)] = n
	}
	for n := range maxLoginSeen {
		e.logins.seen.add(e.seed.hash(text(n)), int64(n))
	}
	for n := range maxNetworks {
		e.logins.networks.add(principal(n), &networkLogins{since: epoch, failed: map[uint64]struct{}{1: {}, 2: {}, 3: {}, 4: {}}})
	}
	for n := range maxMissRoutes {
		o := e.misses.of(string(text(n)), epoch)
		for k := range maxOutcomes {
			o.seen[uint64(k)], o.who[principal(k)] = true, k
		}
	}
	for n := range defaultPrincipals / 20 {
		e.claimed.await(principal(n), []rules.Identifier{{Kind: rules.IdentifierEmail, Digest: principal(n)}}, epoch)
	}
	for _, kind := range unrecorded() {
		d := demand{key: capKey{kind: kind}, limits: adopted}
		for n := range defaultPrincipals / 4 {
			d.key.digest = principal(n)
			for k := range 1 + n%3 {
				e.caps.restore(&d, principal(n+k), epoch, epoch)
			}
		}
	}
	e.ruleset.known = map[string]bool{"peek": true}
	counts := e.ruleset.of("peek")
	for n := range maxRuleKeys {
		set := counts.set(principal(n))
		for k := range 10 {
			one := principal(n + k)
			set.restore(&one, epoch.UnixNano(), epoch.UnixNano())
		}
	}
}

// BenchmarkHistory saves a history with every list full, and tells how long an
// exchange waited at most for each detector's lock meanwhile; nobody's lock says how
// much of that is the scheduler's and the collector's.
func BenchmarkHistory(b *testing.B) {
	e := New(Config{})
	fullHistory(e)
	locks := map[string]sync.Locker{"tries": &e.tries.mu, "site": &e.site.mu, "logins": &e.logins.mu, "misses": &e.misses.mu, "rules": &e.ruleset.mu, "claimed": &e.claimed.mu, "caps": &e.caps.mu, "nobody's": &sync.Mutex{}}
	waited := map[string]time.Duration{}
	for b.Loop() {
		var done atomic.Bool
		var asking sync.WaitGroup
		asking.Go(func() {
			for !done.Load() {
				for name, lock := range locks {
					began := time.Now()
					lock.Lock()
					lock.Unlock() //nolint:staticcheck // it only waits
					waited[name] = max(waited[name], time.Since(began))
				}
			}
		})
		if err := e.SaveHistory(io.Discard); err != nil {
			b.Fatal(err)
		}
		done.Store(true)
		asking.Wait()
	}
	for name, most := range waited {
		b.ReportMetric(float64(most.Microseconds()), name+"-max-µs")
	}
}

// BenchmarkSeed hashes what a request asked for.
func BenchmarkSeed(b *testing.B) {
	s, text := newSeed(), []byte("/orders/{id}/track?postcode={}|10115")
	for b.Loop() {
		s.hash(text)
	}
}
