package exfil

import (
	"sync"
	"time"

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
// A key is remembered while a subject counts under it, and for nothing else: a
// request that is refused, or sent its own customer's record, leaves none behind.
// Memory is bounded for each kind of key for itself; keyTable says what is forgotten
// then, and what never is.
type Caps struct {
	mu       sync.Mutex
	tables   [capKinds]*keyTable
	few      pool[few]
	sets     []*subjectSet // the first is none
	freeSets []int32
	latest   int64 // time never runs backwards for the windows
	read     int32 // what warm read last: for nothing but that it is read
}

// The kinds of keys beside those of principals.
const (
	// keyClaim counts the identifiers that a session claimed as its own; it is
	// kept like any key, but is no principal's.
	keyClaim rules.KeyKind = 255
	// keyAdopted counts the addresses that a session wrote and saw again.
	keyAdopted rules.KeyKind = 254

	capKinds = int(rules.KeySite) + 4 // and keyUnissued
)

// tableIndex returns where the keys of a kind are.
func tableIndex(kind rules.KeyKind) int {
	if kind <= rules.KeySite {
		return int(kind)
	}
	return capKinds - 256 + int(kind)
}

// NewCaps returns empty counts that remember at most principals keys of each
// kind, at least 2.
func NewCaps(principals int) *Caps {
	c := &Caps{sets: make([]*subjectSet, 1)}
	for i := range c.tables {
		c.tables[i] = newKeyTable(principals)
	}
	return c
}

// Keep sets how long subjects are remembered under keys of a kind: at least as
// long as any limit that holds for it looks back. Without it, for 30 days.
func (c *Caps) Keep(kind rules.KeyKind, window rules.Window) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tables[tableIndex(kind)].horizon = int64(window)
}

// demand is one key with the limits that hold for it in one reservation.
// Demands of one reservation that can refuse are of different kinds.
type demand struct {
	key     capKey
	limits  Limits
	advice  bool // counted, never refuses: over its limits, those that shrink do
	shrinks bool
}

// maxDemands bounds the keys of one reservation.
const maxDemands = 8

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

// spot is a key's place. A key with an open reservation keeps its own until that
// one is settled.
type spot struct {
	table *keyTable
	entry int32
}

// reservation is what a Response holds: every subject under every key.
type reservation struct {
	spots    [maxDemands]spot
	keys     int
	subjects []rules.Digest // borrowed until it is settled
	at       int64
}

// reserve counts subjects (distinct) under every demanded key, or none of
// them if any limit would be passed, unless force is set: then the trip is
// told and the subjects count all the same (observe mode). While a key that only
// advises is over its limits, the limits that shrink are divided by shrink.
func (c *Caps) reserve(demands []demand, subjects []rules.Digest, now time.Time, shrink int, force bool) (r reservation, trip Trip) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := c.clock(now)
	c.warm(demands, subjects)
	divisor := 1
	for i := range demands {
		d := &demands[i]
		r.spots[i] = c.look(&d.key, at)
		if d.advice && c.reaches(r.spots[i], d.limits, at) {
			divisor = shrink // once: one of them is suspicion enough, and three are no more
		}
	}
	for i := range demands {
		if trip = c.check(&demands[i], r.spots[i], subjects, divisor, at); trip.Tripped() {
			break
		}
	}
	if trip.Tripped() && !force {
		return reservation{}, trip
	}
	r.keys, r.subjects, r.at = len(demands), subjects, at
	for i := range demands {
		r.spots[i] = c.take(&demands[i], r.spots[i], subjects, at)
	}
	return r, trip
}

// warm reads what reserve will read of every key, step by step for all of them: the
// processor fetches from memory what one step reads at once, and waits a few times
// and not a few times for each key. It decides nothing.
func (c *Caps) warm(demands []demand, subjects []rules.Digest) {
	var found [maxDemands]int32
	for i := range demands {
		key := &demands[i].key
		if t := c.tables[tableIndex(key.kind)]; t.buckets != nil {
			found[i] = *t.bucket(&key.digest)
		} else {
			found[i] = nilNode
		}
	}
	var first, large, older, newer [maxDemands]int32
	for i := range demands {
		if found[i] == nilNode {
			continue
		}
		e := c.tables[tableIndex(demands[i].key.kind)].entries.at(found[i])
		first[i], large[i], older[i], newer[i] = e.subjects.first, e.subjects.large, e.older, e.newer
	}
	read := int32(0)
	for i := range demands {
		if found[i] == nilNode {
			continue
		}
		entries := &c.tables[tableIndex(demands[i].key.kind)].entries
		if older[i] != nilNode {
			read += entries.at(older[i]).newer
		}
		if newer[i] != nilNode {
			read += entries.at(newer[i]).older
		}
		switch {
		case large[i] != 0:
			read += c.sets[large[i]].warm(subjects)
		case first[i] != nilNode:
			read += c.few.at(first[i]).pending
		}
	}
	c.read = read
}

// look finds a key, with its subjects up to date; a key that is not remembered,
// and for which there is no room, counts in its kind's crowd.
func (c *Caps) look(key *capKey, at int64) spot {
	t := c.tables[tableIndex(key.kind)]
	s := spot{t, t.find(&key.digest)}
	if s.entry == nilNode && !c.room(t, at) {
		s.entry = t.crowd // nilNode while nobody has counted in it
	}
	if s.entry != nilNode {
		c.advance(&t.entries.at(s.entry).subjects, t.horizon, at)
	}
	return s
}

// room reports whether a new key of a kind can be remembered.
func (c *Caps) room(t *keyTable, at int64) bool {
	return t.live < t.most || c.victim(t, at) != nilNode
}

// maxPassed bounds how many light keys with an open reservation are passed over
// in the search of one to forget.
const maxPassed = 64

// victim returns the key that is to be forgotten next; nilNode: none may be.
func (c *Caps) victim(t *keyTable, at int64) int32 {
	n := t.ends[light].oldest
	for range maxPassed {
		if n == nilNode {
			break
		}
		e := t.entries.at(n)
		if !c.reserved(&e.subjects) {
			return n
		}
		n = e.newer
	}
	if n = t.ends[heavy].oldest; n != nilNode && (c.gone(t, n, at) || c.lightened(t.entries.at(n))) {
		return n
	}
	return nilNode
}

// lightened reports whether a heavy key has become a light one with time. Call
// advance first.
func (c *Caps) lightened(e *keyEntry) bool {
	return !e.tight && c.live(&e.subjects) == 1 && !c.reserved(&e.subjects)
}

// gone reports whether every subject of a key has left the longest window.
func (c *Caps) gone(t *keyTable, n int32, at int64) bool {
	s := &t.entries.at(n).subjects
	c.advance(s, t.horizon, at)
	return c.live(s) == 0
}

// sweep forgets the keys at the old ends whose subjects are all gone: two for
// each that comes are enough to keep up.
func (c *Caps) sweep(t *keyTable, at int64) {
	for in := light; in < orders; in++ {
		for range 2 {
			if n := t.ends[in].oldest; n != nilNode && c.gone(t, n, at) {
				c.forget(t, n)
			}
		}
	}
}

// forget forgets a key and its subjects.
func (c *Caps) forget(t *keyTable, n int32) {
	c.clear(&t.entries.at(n).subjects)
	t.leave(n)
	t.drop(n)
}

// enter remembers a new key, or returns its kind's crowd.
func (c *Caps) enter(t *keyTable, digest *rules.Digest, at int64) int32 {
	c.sweep(t, at)
	if t.live >= t.most {
		n := c.victim(t, at)
		if n == nilNode {
			t.crowded++
			return c.crowdOf(t)
		}
		if c.live(&t.entries.at(n).subjects) > 0 {
			t.evicted++
		}
		c.forget(t, n)
	}
	return t.add(digest)
}

// crowdOf returns the key that newcomers share. It is in no order: it is never
// forgotten.
func (c *Caps) crowdOf(t *keyTable) int32 {
	if t.crowd == nilNode {
		t.crowd = t.entries.take()
		*t.entries.at(t.crowd) = keyEntry{chain: nilNode, subjects: subjects{first: nilNode}}
	}
	return t.crowd
}

// reaches reports whether a key has as many subjects as one of limits allows.
func (c *Caps) reaches(s spot, limits Limits, at int64) bool {
	if s.entry == nilNode {
		return false
	}
	counted := &s.table.entries.at(s.entry).subjects
	for _, limit := range limits {
		if c.count(counted, windowIndex(limit.Window), at) >= limit.Max {
			return true
		}
	}
	return false
}

// check returns the first limit of d that the subjects would pass.
func (c *Caps) check(d *demand, s spot, fresh []rules.Digest, divisor int, at int64) Trip {
	if d.advice {
		return Trip{}
	}
	if !d.shrinks {
		divisor = 1
	}
	for _, limit := range d.limits {
		w, allowed, more := windowIndex(limit.Window), shrunk(limit.Max, divisor), len(fresh)
		if s.entry == nilNode {
			if more > allowed {
				return Trip{Key: d.key.kind, Window: limit.Window, Observed: more, Max: allowed}
			}
			continue
		}
		counted := &s.table.entries.at(s.entry).subjects
		for i := range fresh {
			if c.contains(counted, fresh[i], w, at) {
				more--
			}
		}
		if observed := c.count(counted, w, at) + more; more > 0 && observed > allowed {
			return Trip{Key: d.key.kind, Window: limit.Window, Observed: observed, Max: allowed, RetryAfter: c.frees(counted, w, at)}
		}
	}
	return Trip{}
}

// take counts the subjects under one key, and returns where.
func (c *Caps) take(d *demand, s spot, fresh []rules.Digest, at int64) spot {
	t := s.table
	// A key of this reservation that came before may have pushed this one out.
	if s.entry == nilNode || s.entry != t.crowd && (t.entries.at(s.entry).order == noOrder || t.entries.at(s.entry).digest != d.key.digest) {
		s.entry = c.enter(t, &d.key.digest, at)
	}
	counted := &t.entries.at(s.entry).subjects
	most := d.most()
	for i := range fresh {
		c.hold(counted, fresh[i], t.horizon, at)
		if c.live(counted) > most {
			c.forgetOldest(counted)
		}
	}
	e := t.entries.at(s.entry)
	for _, limit := range d.limits {
		e.tight = e.tight || !d.advice && limit.Max <= 1
	}
	c.rank(s)
	return s
}

// rank puts a key last in the order that it belongs to, or forgets it when it
// has no subjects left.
func (c *Caps) rank(s spot) {
	if s.entry == s.table.crowd {
		return
	}
	e := s.table.entries.at(s.entry)
	switch live := c.live(&e.subjects); {
	case live == 0:
		c.forget(s.table, s.entry)
	case live > 1 || e.tight:
		s.table.rank(s.entry, heavy)
	default:
		s.table.rank(s.entry, light)
	}
}

// commit makes a reservation stand. Each is settled once.
func (c *Caps) commit(r reservation) { c.settleAll(&r, true) }

// giveBack takes a reservation back. Each is settled once.
func (c *Caps) giveBack(r reservation) { c.settleAll(&r, false) }

func (c *Caps) settleAll(r *reservation, stands bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range r.spots[:r.keys] {
		counted := &s.table.entries.at(s.entry).subjects
		for _, subject := range r.subjects {
			c.settle(counted, subject, stands, r.at, c.latest)
		}
		if !stands {
			c.rank(s)
		}
	}
}

// distinct returns how many subjects a key has in a window: 0 for one that is
// not remembered, whatever its crowd has.
func (c *Caps) distinct(key capKey, window rules.Window, now time.Time) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := c.clock(now)
	t := c.tables[tableIndex(key.kind)]
	n := t.find(&key.digest)
	if n == nilNode {
		return 0
	}
	counted := &t.entries.at(n).subjects
	c.advance(counted, t.horizon, at)
	return c.count(counted, windowIndex(window), at)
}

// restore counts a disclosure of an earlier run of the process.
func (c *Caps) restore(d *demand, subject rules.Digest, at, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.look(&d.key, c.clock(now))
	if at.UnixNano() <= c.latest-s.table.horizon {
		return
	}
	if s.entry == nilNode {
		s.entry = c.enter(s.table, &d.key.digest, c.latest)
	}
	counted := &s.table.entries.at(s.entry).subjects
	c.remember(counted, subject, at.UnixNano(), s.table.horizon, c.latest)
	if c.live(counted) > d.most() {
		c.forgetOldest(counted)
	}
	c.rank(s)
}

// Remaining returns how many subjects the site may still disclose in each
// limited window, never negative.
func (c *Caps) Remaining(site Limits, now time.Time) map[rules.Window]int {
	left := make(map[rules.Window]int, len(site))
	for _, limit := range site {
		left[limit.Window] = max(limit.Max-c.distinct(capKey{kind: rules.KeySite}, limit.Window, now), 0)
	}
	return left
}

// Sizes returns how many keys of each kind are remembered and what became of
// others, of those that name principals.
func (c *Caps) Sizes() map[rules.KeyKind]rules.Remembered {
	c.mu.Lock()
	defer c.mu.Unlock()
	sizes := make(map[rules.KeyKind]rules.Remembered)
	for _, kind := range rules.KeyKinds() {
		t := c.tables[tableIndex(kind)]
		sizes[kind] = rules.Remembered{Live: t.live, Evicted: t.evicted, Crowded: t.crowded}
	}
	return sizes
}

// clock turns now into nanoseconds that never run backwards: a clock that
// steps back must not let a window forget, nor count a subject twice.
func (c *Caps) clock(now time.Time) int64 {
	c.latest = max(c.latest, now.UnixNano())
	return c.latest
}

// most bounds the subjects of a key that may pass its limits (observe mode,
// addresses): one more than the widest limit is enough to keep telling that it is
// passed; what only advises needs no more.
func (d *demand) most() int {
	widest := 64
	if d.advice && len(d.limits) > 0 {
		widest = 0
	}
	for _, limit := range d.limits {
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
