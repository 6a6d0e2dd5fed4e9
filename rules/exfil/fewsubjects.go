package exfil

import (
	"time"

	"github.com/ordergate/ordergate/rules"
)

const (
	// fewSubjects is how many subjects a key may have before it gets a subjectSet of
	// its own: nearly all keys have one or two, and looking at eight is quicker than any
	// index.
	fewSubjects = 8
	// inSet is the count of a key that has one.
	inSet = fewSubjects + 1
)

// few is one subject of a key that has few: 40 bytes.
type few struct {
	subject   rules.Digest
	at        int64 // last disclosure or reservation, Unix nanoseconds
	committed int64 // last committed disclosure, 0 while there is none
	pending   int32 // reservations neither committed nor given back
	more      int32 // of a key's first: the number of the block that the others are in, or of the subjectSet
}

// pageSize is how many values a page holds: what is taken from the heap at once.
const pageSize = 1024

// pages hold values of one type, named by number: no pointers for the collector to
// follow, no copying when they grow. The zero value is empty.
type pages[T any] []*[pageSize]T

func (p pages[T]) at(n int32) *T { return &p[uint32(n)/pageSize][uint32(n)%pageSize] }

// reach makes room for a number.
func (p *pages[T]) reach(n int32) {
	for int(n) >= len(*p)*pageSize {
		*p = append(*p, new([pageSize]T))
	}
}

// pool gives out values in pages, and allocates nothing while there are returned
// ones. The zero value is empty. Not safe for concurrent use.
type pool[T any] struct {
	pages[T]
	used int32
	free []int32
}

// take returns the number of an unused value, which may hold anything.
func (p *pool[T]) take() int32 {
	if last := len(p.free) - 1; last >= 0 {
		n := p.free[last]
		p.free = p.free[:last]
		return n
	}
	p.reach(p.used)
	p.used++
	return p.used - 1
}

func (p *pool[T]) give(n int32) { p.free = append(p.free, n) }

// The subjects of a key are few, the first of them in the entry itself and the others
// together in a block of 1, 3 or 7, or, once there were more, in a subjectSet. Both
// count alike (FuzzFewSubjects). The few are in no order.

// blocks hold what few subjects a key has beside its first.
type blocks struct {
	ones   pool[[1]few]
	threes pool[[3]few]
	sevens pool[[fewSubjects - 1]few]
}

// sizeOf returns how many places the block has of a key with so many subjects.
func sizeOf(count int) int {
	switch {
	case count <= 1:
		return 0
	case count == 2:
		return 1
	case count <= 4:
		return 3
	}
	return fewSubjects - 1
}

// at returns the whole of a block.
func (b *blocks) at(size int, n int32) []few {
	switch size {
	case 0:
		return nil
	case 1:
		return b.ones.at(n)[:]
	case 3:
		return b.threes.at(n)[:]
	}
	return b.sevens.at(n)[:]
}

func (b *blocks) take(size int) int32 {
	switch size {
	case 0:
		return 0
	case 1:
		return b.ones.take()
	case 3:
		return b.threes.take()
	}
	return b.sevens.take()
}

func (b *blocks) give(size int, n int32) {
	switch size {
	case 0:
	case 1:
		b.ones.give(n)
	case 3:
		b.threes.give(n)
	default:
		b.sevens.give(n)
	}
}

// set returns the subjectSet of a key; nil where it has few.
func (c *Caps) set(e *keyEntry) *subjectSet {
	if e.count != inSet {
		return nil
	}
	return c.sets[e.one.more]
}

// others returns the few of a key beside its first.
func (c *Caps) others(e *keyEntry) []few {
	if e.count <= 1 || e.count == inSet {
		return nil
	}
	return c.blocks.at(sizeOf(int(e.count)), e.one.more)[:e.count-1]
}

// nth returns one of the few: the first is 0.
func (c *Caps) nth(e *keyEntry, i int) *few {
	if i == 0 {
		return &e.one
	}
	return &c.blocks.at(sizeOf(int(e.count)), e.one.more)[i-1]
}

// resize makes the block as large as so many subjects need.
func (c *Caps) resize(e *keyEntry, count int) {
	before, after := sizeOf(int(e.count)), sizeOf(count)
	if before != after {
		n := c.blocks.take(after)
		copy(c.blocks.at(after, n), c.blocks.at(before, e.one.more))
		c.blocks.give(before, e.one.more)
		e.one.more = n
	}
	e.count = uint8(count) //nolint:gosec // at most fewSubjects
}

// drop takes one of the few out; the last one is in its place then.
func (c *Caps) drop(e *keyEntry, i int) {
	last := int(e.count) - 1
	if i != last {
		more := e.one.more
		*c.nth(e, i) = *c.nth(e, last)
		e.one.more = more
	}
	c.resize(e, last)
}

func (c *Caps) live(e *keyEntry) int {
	if set := c.set(e); set != nil {
		return int(set.live)
	}
	return int(e.count)
}

// advance forgets what lies the horizon back, unless it is reserved.
func (c *Caps) advance(e *keyEntry, horizon, now int64) {
	if set := c.set(e); set != nil {
		set.advance(now)
		return
	}
	for i := int(e.count) - 1; i >= 0; i-- {
		if n := c.nth(e, i); n.at <= now-horizon && n.pending == 0 {
			c.drop(e, i)
		}
	}
}

// count returns how many subjects lie inside window w. Call advance first.
func (c *Caps) count(e *keyEntry, w int, now int64) (count int) {
	if set := c.set(e); set != nil {
		return set.count(w)
	}
	from := now - int64(windows[w])
	if e.count > 0 && e.one.at > from {
		count++
	}
	others := c.others(e)
	for i := range others {
		if others[i].at > from {
			count++
		}
	}
	return count
}

// find returns which of the few a subject is; -1 where it is not.
func (c *Caps) find(e *keyEntry, subject *rules.Digest) int {
	if e.count > 0 && e.one.subject == *subject {
		return 0
	}
	others := c.others(e)
	for i := range others {
		if others[i].subject == *subject {
			return i + 1
		}
	}
	return -1
}

// last returns when a subject was disclosed or reserved last; 0: it does not count.
func (c *Caps) last(e *keyEntry, subject *rules.Digest) int64 {
	if set := c.set(e); set != nil {
		return set.last(subject)
	}
	if i := c.find(e, subject); i >= 0 {
		return c.nth(e, i).at
	}
	return 0
}

// frees returns how long it takes until the oldest subject leaves window w.
func (c *Caps) frees(e *keyEntry, w int, now int64) time.Duration {
	if set := c.set(e); set != nil {
		return set.frees(w, now)
	}
	oldest := int64(0)
	for i := range int(e.count) {
		if at := c.nth(e, i).at; at > now-int64(windows[w]) && (oldest == 0 || at < oldest) {
			oldest = at
		}
	}
	if oldest == 0 {
		return 0
	}
	return time.Duration(oldest + int64(windows[w]) - now)
}

// reserved reports whether a subject of a key is.
func (c *Caps) reserved(e *keyEntry) bool {
	if set := c.set(e); set != nil {
		return set.open > 0
	}
	for i := range int(e.count) {
		if c.nth(e, i).pending > 0 {
			return true
		}
	}
	return false
}

// place returns the subject's place, made where there is none; nil when the key
// has a subjectSet, which it may get here.
func (c *Caps) place(e *keyEntry, subject *rules.Digest, horizon, now int64) *few {
	if e.count == inSet {
		return nil
	}
	if i := c.find(e, subject); i >= 0 {
		return c.nth(e, i)
	}
	if e.count == fewSubjects {
		c.enlarge(e, horizon, now)
		return nil
	}
	c.resize(e, int(e.count)+1)
	n := c.nth(e, int(e.count)-1)
	*n = few{subject: *subject, more: n.more}
	return n
}

// enlarge moves the subjects into a subjectSet.
func (c *Caps) enlarge(e *keyEntry, horizon, now int64) {
	set := newSubjectSet()
	set.horizon = horizon
	for i := range int(e.count) {
		node := c.nth(e, i)
		n := set.take(&node.subject)
		moved := &set.nodes[n]
		moved.at, moved.committed, moved.pending = node.at, node.committed, node.pending
		set.open += node.pending
		set.insert(n, now)
	}
	c.clear(e)
	e.count = inSet
	if last := len(c.freeSets) - 1; last >= 0 {
		e.one.more, c.freeSets = c.freeSets[last], c.freeSets[:last]
		c.sets[e.one.more] = set
	} else {
		c.sets = append(c.sets, set)
		e.one.more = int32(len(c.sets) - 1) //nolint:gosec // at most one for each key
	}
}

// hold counts a subject from now on, until commit or giveBack. A key that has most
// subjects forgets the oldest that is not reserved for a new one.
func (c *Caps) hold(e *keyEntry, subject *rules.Digest, most int, horizon, now int64) {
	n := c.place(e, subject, horizon, now)
	if n == nil {
		c.set(e).reserve(subject, most, now)
		return
	}
	n.at = now
	n.pending++
	if c.live(e) > most {
		c.forgetOldest(e)
	}
}

// settle ends a reservation of a subject, made at the given time: it stands, or
// it is taken back.
func (c *Caps) settle(e *keyEntry, subject *rules.Digest, stands bool, at, now int64) {
	switch set := c.set(e); {
	case set != nil && stands:
		set.commit(subject, at, now)
	case set != nil:
		set.giveBack(subject, now)
	default:
		c.settleFew(e, subject, stands, at)
	}
}

func (c *Caps) settleFew(e *keyEntry, subject *rules.Digest, stands bool, at int64) {
	i := c.find(e, subject)
	if i < 0 {
		return // forgotten
	}
	n := c.nth(e, i)
	if stands {
		n.committed = max(n.committed, at)
	}
	switch n.pending = max(n.pending-1, 0); {
	case n.pending > 0: // it counts from the latest of all
	case n.committed == 0:
		c.drop(e, i)
	default:
		n.at = n.committed
	}
}

// remember counts a disclosure that was committed at an earlier time.
func (c *Caps) remember(e *keyEntry, subject *rules.Digest, at, horizon, now int64) {
	n := c.place(e, subject, horizon, now)
	if n == nil {
		c.set(e).restore(subject, at, now)
		return
	}
	if n.at < at {
		n.at, n.committed = at, at
	}
}

// forgetOldest drops the oldest subject that is not reserved.
func (c *Caps) forgetOldest(e *keyEntry) {
	if set := c.set(e); set != nil {
		set.forgetOldest()
		return
	}
	oldest, since := -1, int64(0)
	for i := range int(e.count) {
		if n := c.nth(e, i); n.pending == 0 && (oldest < 0 || n.at < since) {
			oldest, since = i, n.at
		}
	}
	if oldest >= 0 {
		c.drop(e, oldest)
	}
}

// clear forgets everything.
func (c *Caps) clear(e *keyEntry) {
	if e.count == inSet {
		c.sets[e.one.more] = nil
		c.freeSets = append(c.freeSets, e.one.more)
		e.count = 0
	}
	c.resize(e, 0)
}
