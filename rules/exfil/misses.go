package exfil

import (
	"encoding/binary"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/ordergate/ordergate/rules"
)

const (
	// maxMissRoutes bounds the routes whose misses are watched, missedFew is how
	// many identifiers a session must have missed to take part: one or two are
	// mistyped.
	maxMissRoutes = 256
	missedFew     = 3
)

// misses watches, for each route, how many of the identifiers that all
// principals together ask for are nobody's. Safe for concurrent use, bounded:
// the route that was quiet longest is forgotten.
type misses struct {
	mu     sync.Mutex
	seed   seed
	since  time.Time
	routes *simplelru.LRU[string, *outcomes]
}

func newMisses() *misses {
	routes, err := simplelru.NewLRU[string, *outcomes](maxMissRoutes, nil)
	if err != nil {
		panic("BUG: simplelru refuses a positive size: " + err.Error())
	}
	return &misses{seed: newSeed(), routes: routes}
}

// of returns a route's outcomes. A route that is new on a day when others are
// known has no history, and needs none: what its finds do not explain counts.
func (m *misses) of(route string, now time.Time) *outcomes {
	if m.since.IsZero() {
		m.since = now
	}
	o, ok := m.routes.Get(route)
	if !ok {
		o = newOutcomes(min(driftLearn, int(now.Sub(m.since)/driftBucket)))
		m.routes.Add(route, o)
	}
	return o
}

// found counts that a session was answered with somebody's record: its own, or
// number's owner's.
func (m *misses) found(route string, session rules.Digest, number uint64, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.of(route, now).succeeded(m.key(session, number), now)
}

// missed counts that a session asked for a number that is nobody's, and says
// whether the route's misses stand out. A zero Limit: they do not.
func (m *misses) missed(route string, session rules.Digest, number uint64, now time.Time) shift {
	m.mu.Lock()
	defer m.mu.Unlock()
	o := m.of(route, now)
	o.failed(m.key(session, number), now)
	var joining []rules.Digest
	if o.takesPart(session, 1) == missedFew {
		joining = []rules.Digest{session}
	}
	return o.judge(joining, missedFew, rules.LinkGuesses)
}

func (m *misses) key(session rules.Digest, number uint64) uint64 {
	var both [len(session) + 8]byte
	copy(both[:], session[:])
	binary.LittleEndian.PutUint64(both[len(session):], number)
	return m.seed.hash(both[:])
}

// ownRecord stands for whatever a session was shown of its own: one success a
// quarter of an hour, however often it looks.
const ownRecord = 0

// everybody is the other half of detector 8, guess: on one route all
// principals together try many identifiers of which few are anybody's.
//
// It catches guessing that is spread over so many sessions or addresses that
// none of them tries often. Its innocent twin is a day on which twice as many
// people track their orders, and mistype as many more numbers.
//
// Severity high. The route's misses are compared with its finds and with its own
// history; the sessions that missed three times or more since it stands out are
// linked. Somebody who guesses on a busy route no more than one for each four
// honest visitors stays unseen by it; the caps bound what he finds.
func (r *Response) everybody(t *trail, now time.Time) (rules.Signal, bool) {
	p := &r.visit.Principal
	if r.stranger {
		r.engine.misses.found(r.visit.Route, p.Session, t.number, now)
		return rules.Signal{}, false
	}
	found := r.engine.misses.missed(r.visit.Route, p.Session, t.number, now)
	if found.Limit == 0 {
		return rules.Signal{}, false
	}
	s := r.signal(rules.DetectorGuess, rules.SeverityHigh, now)
	s.Key, s.Window, s.Observed, s.Threshold, s.Linked = rules.KeySite, rules.WindowHour, found.Observed, found.Limit, found.Takers
	return s, true
}
