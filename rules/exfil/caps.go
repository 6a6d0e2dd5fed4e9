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
	blocks   blocks
	sets     []*subjectSet // the first is none
	freeSets []int32
	latest   int64 // time never runs backwards for the windows
}

// The kinds of keys beside those of principals.
const (
	// keyClaim counts the identifiers that a session claimed as its own; it is
	// kept like any key, but is no principal's.
	keyClaim rules.KeyKind = 255
	// keyAdopted counts the addresses that a session wrote and saw again.
	keyAdopted rules.KeyKind = 254
	// keyClaimIP and keyClaimPrefix count the customers that checkouts from one
	// address named, whatever their sessions.
	keyClaimIP     rules.KeyKind = 252
	keyClaimPrefix rules.KeyKind = 251
	// keyAdoptedIP and keyAdoptedPrefix count the phones and addresses that sessions
	// at one address wrote.
	keyAdoptedIP     rules.KeyKind = 250
	keyAdoptedPrefix rules.KeyKind = 249

	capKinds = int(rules.KeySite) + 8 // and keyUnissued
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

// spot is a key's place. A key with an open reservation keeps its own until that
// one is settled.
type spot struct {
	table *keyTable
	key   *keyEntry // nil where there is none, as entry is nilNode
	entry int32
}

// at returns the place of an entry, or of none.
func (t *keyTable) at(entry int32) spot {
	if entry == nilNode {
		return spot{t, nil, nilNode}
	}
	return spot{t, t.entries.at(entry), entry}
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
	c.locate(demands, &r.spots)
	divisor := 1
	for i := range demands {
		d := &demands[i]
		c.counting(&r.spots[i], at)
		if d.advice && c.reaches(r.spots[i].key, d.limits, at) {
			divisor = shrink // once: one of them is suspicion enough, and three are no more
		}
	}
	for i := range demands {
		if d := &demands[i]; !d.advice && !c.allows(d, &r.spots[i], subjects, divisor, &trip) {
			break
		}
	}
	if trip.Tripped() && !force {
		return reservation{}, trip
	}
	r.keys, r.subjects, r.at = len(demands), subjects, at
	for i := range demands {
		c.take(&demands[i], &r.spots[i], subjects, at)
	}
	return r, trip
}

// locate finds the entries of all keys step by step: the processor fetches from
// memory what one step reads at once, and waits a few times and not a few times for
// each key.
func (c *Caps) locate(demands []demand, spots *[maxDemands]spot) {
	for i := range demands {
		key := &demands[i].key
		t := c.tables[tableIndex(key.kind)]
		spots[i] = spot{table: t, entry: t.index.head(&key.digest)}
	}
	for open := true; open; {
		open = false
		for i := range demands {
			s := &spots[i]
			if s.key != nil || s.entry == nilNode {
				continue
			}
			if e := s.table.entries.at(s.entry); e.digest == demands[i].key.digest {
				s.key = e
			} else {
				s.entry, open = e.chain, true
			}
		}
	}
}

// look finds a key, with its subjects up to date; a key that is not remembered,
// and for which there is no room, counts in its kind's crowd.
func (c *Caps) look(key *capKey, at int64) spot {
	t := c.tables[tableIndex(key.kind)]
	s := t.at(t.find(&key.digest))
	c.counting(&s, at)
	return s
}

// counting brings the place up to date in which a key that was found, or not, counts:
// its own, or the crowd's, or none.
func (c *Caps) counting(s *spot, at int64) {
	if s.key == nil && !c.room(s.table, at) {
		*s = s.table.at(s.table.crowd) // none while nobody has counted in it
	}
	if s.key != nil {
		c.advance(s.key, s.table.horizon, at)
	}
}

// room reports whether a new key of a kind can be remembered.
func (c *Caps) room(t *keyTable, at int64) bool {
	return t.live < t.most || c.victim(t, at) != nilNode
}

// maxPassed bounds how many light keys with an open reservation are passed over
// in the search of one to forget.
const maxPassed = 64

// victim returns the key that is to be forgotten next; nilNode: none may be. None of
// its subjects is reserved: while one is, a light key may have more than one.
func (c *Caps) victim(t *keyTable, at int64) int32 {
	n := t.ends[light.list()].oldest
	for range maxPassed {
		if n == nilNode {
			break
		}
		if !c.reserved(t.entries.at(n)) {
			return n
		}
		n = t.lines.at(n).newer
	}
	if n = t.ends[heavy.list()].oldest; n != nilNode && (c.gone(t, n, at) || c.lightened(t.entries.at(n))) {
		return n
	}
	return nilNode
}

// lightened reports whether a heavy key has become a light one with time. Call
// advance first.
func (c *Caps) lightened(e *keyEntry) bool {
	return e.order != tight && c.live(e) == 1 && !c.reserved(e)
}

// gone reports whether every subject of a key has left the longest window.
func (c *Caps) gone(t *keyTable, n int32, at int64) bool {
	e := t.entries.at(n)
	c.advance(e, t.horizon, at)
	return c.live(e) == 0
}

// sweep forgets the keys at the old ends whose subjects are all gone: two for
// each that comes are enough to keep up.
func (c *Caps) sweep(t *keyTable, at int64) {
	for i := range t.ends {
		for range 2 {
			if n := t.ends[i].oldest; n != nilNode && c.gone(t, n, at) {
				c.forget(t, n)
			}
		}
	}
}

// forget forgets a key and its subjects.
func (c *Caps) forget(t *keyTable, n int32) {
	c.clear(t.entries.at(n))
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
		if c.live(t.entries.at(n)) > 0 {
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
		*t.entries.at(t.crowd) = keyEntry{}
	}
	return t.crowd
}

// reaches reports whether a key has as many subjects as one of limits allows.
func (c *Caps) reaches(key *keyEntry, limits Limits, at int64) bool {
	if key == nil {
		return false
	}
	for i := range limits {
		if c.count(key, windowIndex(limits[i].Window), at) >= limits[i].Max {
			return true
		}
	}
	return false
}

// allows reports whether the subjects pass no limit of d by now, which the clock
// has been set to; otherwise it fills in the first one.
func (c *Caps) allows(d *demand, s *spot, fresh []rules.Digest, divisor int, trip *Trip) bool {
	at := c.latest
	if !d.shrinks {
		divisor = 1
	}
	var known [len(windows)]int // of the fresh ones, those that count already
	if s.key != nil {
		for i := range fresh {
			last := c.last(s.key, &fresh[i])
			for w := range windows {
				if last > at-int64(windows[w]) {
					known[w]++
				}
			}
		}
	}
	for i := range d.limits {
		limit := &d.limits[i]
		w, allowed := windowIndex(limit.Window), shrunk(limit.Max, divisor)
		more, before := len(fresh)-known[w], 0
		if s.key != nil {
			before = c.count(s.key, w, at)
		}
		if more <= 0 || before+more <= allowed {
			continue
		}
		*trip = Trip{Key: d.key.kind, Window: limit.Window, Observed: before + more, Max: allowed}
		if s.key != nil {
			trip.RetryAfter = c.frees(s.key, w, at)
		}
		return false
	}
	return true
}

// take counts the subjects under one key; its place may be another one then.
func (c *Caps) take(d *demand, s *spot, fresh []rules.Digest, at int64) {
	t := s.table
	// A key of this reservation that came before may have pushed this one out.
	if s.key == nil || s.entry != t.crowd && (s.key.order == noOrder || s.key.digest != d.key.digest) {
		*s = t.at(c.enter(t, &d.key.digest, at))
	}
	if c.live(s.key) == 0 {
		t.leave(s.entry) // whatever it was, it begins anew
	}
	most := d.most()
	for i := range fresh {
		c.hold(s.key, &fresh[i], most, t.horizon, at)
	}
	if in := s.key.order; s.entry != t.crowd {
		switch {
		case d.tightens():
			in = tight
		case in == noOrder:
			in = light // rank sees to it when this is settled: until then it is not forgotten
		}
		t.rank(s.entry, in, at)
	}
}

// rank puts a key in the order that it belongs to, or forgets it when it has no
// subjects left.
func (c *Caps) rank(s *spot, at int64) {
	if s.entry == s.table.crowd {
		return
	}
	switch live := c.live(s.key); {
	case live == 0:
		c.forget(s.table, s.entry)
	case s.key.order == tight:
		s.table.rank(s.entry, tight, at)
	case live > 1:
		s.table.rank(s.entry, heavy, at)
	default:
		s.table.rank(s.entry, light, at)
	}
}

// commit makes a reservation stand. Each is settled once.
func (c *Caps) commit(r reservation) { c.settleAll(&r, true) }

// giveBack takes a reservation back. Each is settled once.
func (c *Caps) giveBack(r reservation) { c.settleAll(&r, false) }

func (c *Caps) settleAll(r *reservation, stands bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for k := range r.keys {
		s := &r.spots[k]
		for i := range r.subjects {
			c.settle(s.key, &r.subjects[i], stands, r.at, c.latest)
		}
		c.rank(s, c.latest)
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
	counted := t.entries.at(n)
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
	if s.key == nil {
		s = s.table.at(c.enter(s.table, &d.key.digest, c.latest))
	}
	c.remember(s.key, &subject, at.UnixNano(), s.table.horizon, c.latest)
	if c.live(s.key) > d.most() {
		c.forgetOldest(s.key)
	}
	c.rank(&s, c.latest)
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
