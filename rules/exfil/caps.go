package exfil

import (
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/ordergate/ordergate/rules"
)

// capKey is one key whose subjects are counted.
type capKey struct {
	kind   rules.KeyKind
	digest rules.Digest
}

// Caps holds the exact counts of every key and decides reservations: all keys
// of all subjects, or none. Safe for concurrent use; one lock, so that the
// answer is the same under any interleaving.
//
// Memory is bounded: least recently used keys are evicted, each kind for
// itself, and counted. An evicted key starts again from nothing, so evictions
// are a signal; the site's own count is never evicted.
type Caps struct {
	mu      sync.Mutex
	site    *subjectSet
	keys    map[rules.KeyKind]*simplelru.LRU[rules.Digest, *subjectSet]
	evicted map[rules.KeyKind]uint64
	latest  int64 // time never runs backwards for the windows
}

// cappedKinds are the kinds of keys that subjects are counted under, besides
// the site.
var cappedKinds = [...]rules.KeyKind{rules.KeySession, rules.KeyAccount, rules.KeyIP, rules.KeyPrefix, rules.KeyTLSFingerprint, rules.KeyASN, keyClaim, keyAdopted, keyUnissued}

// keyClaim counts the identifiers that a session claimed as its own; it is
// kept like any key, but is no principal's.
const keyClaim rules.KeyKind = 255

// keyAdopted counts the addresses that a session wrote and saw again.
const keyAdopted rules.KeyKind = 254

// NewCaps returns empty counts that remember at most principals keys of each
// kind, at least 1.
func NewCaps(principals int) *Caps {
	c := &Caps{
		site:    newSubjectSet(),
		keys:    make(map[rules.KeyKind]*simplelru.LRU[rules.Digest, *subjectSet]),
		evicted: make(map[rules.KeyKind]uint64),
	}
	for _, kind := range cappedKinds {
		lru, err := simplelru.NewLRU(max(principals, 1), func(rules.Digest, *subjectSet) { c.evicted[kind]++ })
		if err != nil {
			panic("BUG: simplelru refuses a positive size: " + err.Error())
		}
		c.keys[kind] = lru
	}
	return c
}

// demand is one key with the limits that hold for it in one reservation.
type demand struct {
	key     capKey
	limits  Limits
	divisor int  // shrinks the limits; 0 and 1 leave them
	advice  bool // counted, never refuses
}

// Trip says which limit refused a reservation. The zero value means none did.
type Trip struct {
	Key        rules.KeyKind
	Window     rules.Window
	Observed   int // what the count would have become
	Max        int
	RetryAfter time.Duration // until the window has room for one subject again
}

// Tripped reports whether a limit refused.
func (t Trip) Tripped() bool { return t.Window != rules.WindowNone }

// reservation is what a Response holds: every subject under every key.
type reservation struct {
	keys     []capKey
	subjects []rules.Digest
	at       int64
}

// reserve counts subjects (distinct) under every demanded key, or none of
// them if any limit would be passed, unless force is set: then the trip is
// told and the subjects count all the same (observe mode).
func (c *Caps) reserve(demands []demand, subjects []rules.Digest, now time.Time, force bool) (reservation, Trip) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := c.clock(now)
	trip := Trip{}
	for i := range demands {
		if trip = c.check(&demands[i], subjects, at); trip.Tripped() {
			break
		}
	}
	if trip.Tripped() && !force {
		return reservation{}, trip
	}
	r := reservation{keys: make([]capKey, len(demands)), subjects: subjects, at: at}
	for i, d := range demands {
		r.keys[i] = d.key
		set := c.set(d.key)
		for _, subject := range subjects {
			set.reserve(subject, at)
			if int(set.live) > maxLive(d.limits) {
				set.forgetOldest()
			}
		}
	}
	return r, trip
}

// check returns the first limit of d that the subjects would pass.
func (c *Caps) check(d *demand, subjects []rules.Digest, at int64) Trip {
	set := c.set(d.key)
	set.advance(at)
	if d.advice {
		return Trip{}
	}
	for _, limit := range d.limits {
		w := windowIndex(limit.Window)
		allowed := shrunk(limit.Max, d.divisor)
		fresh := 0
		for _, subject := range subjects {
			if !set.contains(subject, w, at) {
				fresh++
			}
		}
		if observed := set.count(w) + fresh; fresh > 0 && observed > allowed {
			return Trip{Key: d.key.kind, Window: limit.Window, Observed: observed, Max: allowed, RetryAfter: set.frees(w, at)}
		}
	}
	return Trip{}
}

// over reports whether key has more subjects than any of limits allows.
func (c *Caps) over(key capKey, limits Limits, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	set, ok := c.keys[key.kind].Get(key.digest)
	if !ok {
		return false
	}
	set.advance(c.clock(now))
	for _, limit := range limits {
		if set.count(windowIndex(limit.Window)) >= limit.Max {
			return true
		}
	}
	return false
}

// distinct returns how many subjects a key has in a window.
func (c *Caps) distinct(key capKey, window rules.Window, now time.Time) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	set, ok := c.keys[key.kind].Get(key.digest)
	if !ok {
		return 0
	}
	set.advance(c.clock(now))
	return set.count(windowIndex(window))
}

// commit makes a reservation stand.
func (c *Caps) commit(r reservation) {
	c.each(r, func(s *subjectSet, subject rules.Digest) { s.commit(subject, r.at, c.latest) })
}

// giveBack takes a reservation back.
func (c *Caps) giveBack(r reservation) {
	c.each(r, func(s *subjectSet, subject rules.Digest) { s.giveBack(subject, c.latest) })
}

func (c *Caps) each(r reservation, do func(*subjectSet, rules.Digest)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, key := range r.keys {
		set := c.set(key)
		for _, subject := range r.subjects {
			do(set, subject)
		}
	}
}

// restore counts a disclosure of an earlier run of the process.
func (c *Caps) restore(key capKey, subject rules.Digest, at, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.set(key).restore(subject, at.UnixNano(), c.clock(now))
}

// Remaining returns how many subjects the site may still disclose in each
// limited window, never negative.
func (c *Caps) Remaining(site Limits, now time.Time) map[rules.Window]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.site.advance(c.clock(now))
	left := make(map[rules.Window]int, len(site))
	for _, limit := range site {
		left[limit.Window] = max(limit.Max-c.site.count(windowIndex(limit.Window)), 0)
	}
	return left
}

// Sizes returns how many keys of each kind are remembered, and how many were
// evicted so far.
func (c *Caps) Sizes() (live map[rules.KeyKind]int, evicted map[rules.KeyKind]uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	live, evicted = make(map[rules.KeyKind]int), make(map[rules.KeyKind]uint64)
	for kind, lru := range c.keys {
		live[kind], evicted[kind] = lru.Len(), c.evicted[kind]
	}
	return live, evicted
}

func (c *Caps) set(key capKey) *subjectSet {
	if key.kind == rules.KeySite {
		return c.site
	}
	lru := c.keys[key.kind]
	if set, ok := lru.Get(key.digest); ok {
		return set
	}
	set := newSubjectSet()
	lru.Add(key.digest, set)
	return set
}

// clock turns now into nanoseconds that never run backwards: a clock that
// steps back must not let a window forget, nor count a subject twice.
func (c *Caps) clock(now time.Time) int64 {
	c.latest = max(c.latest, now.UnixNano())
	return c.latest
}

// maxLive bounds a set that may pass its limits (observe mode, addresses):
// one more than the widest limit is enough to keep telling that it is passed.
func maxLive(limits Limits) int {
	widest := 64
	for _, limit := range limits {
		widest = max(widest, limit.Max+1)
	}
	return widest
}

func shrunk(limit, divisor int) int {
	if divisor <= 1 || limit == 0 {
		return limit
	}
	return max((limit+divisor-1)/divisor, 1)
}

func windowIndex(w rules.Window) int {
	for i, known := range windows {
		if w == known {
			return i
		}
	}
	panic("BUG: a limit over a window that is not counted: " + w.String())
}
