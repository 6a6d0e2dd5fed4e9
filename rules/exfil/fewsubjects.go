package exfil

import (
	"time"

	"github.com/ordergate/ordergate/rules"
)

// fewSubjects is how many subjects a key may have before it gets a subjectSet of
// its own: nearly all keys have one or two, and looking at eight is quicker than any
// index.
const fewSubjects = 8

// few is one subject of a key that has few: 40 bytes.
type few struct {
	subject   rules.Digest
	at        int64 // last disclosure or reservation, Unix nanoseconds
	committed int64 // last committed disclosure, 0 while there is none
	pending   int32 // reservations neither committed nor given back
	next      int32 // nilNode: the last one
}

// pageSize is how many values a pool takes from the heap at once.
const pageSize = 1024

// pool holds values of one type in pages, named by number: no pointers for the
// collector to follow, no copying when it grows, and no allocation while there are
// returned ones. The zero value is empty. Not safe for concurrent use.
type pool[T any] struct {
	pages []*[pageSize]T
	used  int32
	free  []int32
}

func (p *pool[T]) at(n int32) *T { return &p.pages[uint32(n)/pageSize][uint32(n)%pageSize] }

// take returns the number of an unused value, which may hold anything.
func (p *pool[T]) take() int32 {
	if last := len(p.free) - 1; last >= 0 {
		n := p.free[last]
		p.free = p.free[:last]
		return n
	}
	if int(p.used) == len(p.pages)*pageSize {
		p.pages = append(p.pages, new([pageSize]T))
	}
	p.used++
	return p.used - 1
}

func (p *pool[T]) give(n int32) { p.free = append(p.free, n) }

// subjects are the counted subjects of one key: a list of few, or, once there
// were more, a subjectSet. Both count alike (TestFewSubjectsAgainstSet). The list is
// in no order.
type subjects struct {
	first int32 // of the list; nilNode: it is empty
	large int32 // number of the subjectSet in Caps.sets; 0: the list holds them
	few   uint8 // length of the list
}

func (c *Caps) live(s *subjects) int {
	if s.large != 0 {
		return int(c.sets[s.large].live)
	}
	return int(s.few)
}

// advance forgets what lies the horizon back, unless it is reserved.
func (c *Caps) advance(s *subjects, horizon, now int64) {
	if s.large != 0 {
		c.sets[s.large].advance(now)
		return
	}
	for link := &s.first; *link != nilNode; {
		if n := c.few.at(*link); n.at <= now-horizon && n.pending == 0 {
			c.unlink(s, link)
		} else {
			link = &n.next
		}
	}
}

// unlink drops the subject that a link of the list leads to.
func (c *Caps) unlink(s *subjects, link *int32) {
	n := *link
	*link = c.few.at(n).next
	c.few.give(n)
	s.few--
}

// count returns how many subjects lie inside window w. Call advance first.
func (c *Caps) count(s *subjects, w int, now int64) (count int) {
	if s.large != 0 {
		return c.sets[s.large].count(w)
	}
	for n := s.first; n != nilNode; n = c.few.at(n).next {
		if c.few.at(n).at > now-int64(windows[w]) {
			count++
		}
	}
	return count
}

// find returns the subject's place in the list; nil where it is not.
func (c *Caps) find(s *subjects, subject rules.Digest) *few {
	for n := s.first; n != nilNode; {
		node := c.few.at(n)
		if node.subject == subject {
			return node
		}
		n = node.next
	}
	return nil
}

// contains reports whether subject lies inside window w. Call advance first.
func (c *Caps) contains(s *subjects, subject rules.Digest, w int, now int64) bool {
	if s.large != 0 {
		return c.sets[s.large].contains(subject, w, now)
	}
	n := c.find(s, subject)
	return n != nil && n.at > now-int64(windows[w])
}

// frees returns how long it takes until the oldest subject leaves window w.
func (c *Caps) frees(s *subjects, w int, now int64) time.Duration {
	if s.large != 0 {
		return c.sets[s.large].frees(w, now)
	}
	oldest := int64(0)
	for n := s.first; n != nilNode; n = c.few.at(n).next {
		if at := c.few.at(n).at; at > now-int64(windows[w]) && (oldest == 0 || at < oldest) {
			oldest = at
		}
	}
	if oldest == 0 {
		return 0
	}
	return time.Duration(oldest + int64(windows[w]) - now)
}

// reserved reports whether the only subject of a key is reserved.
func (c *Caps) reserved(s *subjects) bool {
	switch {
	case s.large != 0:
		set := c.sets[s.large]
		return set.oldest != nilNode && set.nodes[set.oldest].pending > 0
	case s.first != nilNode:
		return c.few.at(s.first).pending > 0
	}
	return false
}

// place returns the subject's place, made where there is none; nil when the key
// has a subjectSet, which it may get here.
func (c *Caps) place(s *subjects, subject rules.Digest, horizon, now int64) *few {
	if s.large != 0 {
		return nil
	}
	if n := c.find(s, subject); n != nil {
		return n
	}
	if s.few == fewSubjects {
		c.enlarge(s, horizon, now)
		return nil
	}
	n := c.few.take()
	node := c.few.at(n)
	*node = few{subject: subject, next: s.first}
	s.first = n
	s.few++
	return node
}

// enlarge moves the subjects into a subjectSet.
func (c *Caps) enlarge(s *subjects, horizon, now int64) {
	set := newSubjectSet()
	set.horizon = horizon
	if last := len(c.freeSets) - 1; last >= 0 {
		s.large, c.freeSets = c.freeSets[last], c.freeSets[:last]
		c.sets[s.large] = set
	} else {
		c.sets = append(c.sets, set)
		s.large = int32(len(c.sets) - 1) //nolint:gosec // at most one for each key
	}
	for s.first != nilNode {
		node := c.few.at(s.first)
		n := set.take(node.subject)
		moved := &set.nodes[n]
		moved.at, moved.committed, moved.pending = node.at, node.committed, node.pending
		set.insert(n, now)
		c.unlink(s, &s.first)
	}
}

// hold counts a subject from now on, until commit or giveBack.
func (c *Caps) hold(s *subjects, subject rules.Digest, horizon, now int64) {
	if n := c.place(s, subject, horizon, now); n != nil {
		n.at = now
		n.pending++
		return
	}
	c.sets[s.large].reserve(subject, now)
}

// settle ends a reservation of a subject, made at the given time: it stands, or
// it is taken back.
func (c *Caps) settle(s *subjects, subject rules.Digest, stands bool, at, now int64) {
	switch {
	case s.large != 0 && stands:
		c.sets[s.large].commit(subject, at, now)
	case s.large != 0:
		c.sets[s.large].giveBack(subject, now)
	default:
		c.settleFew(s, subject, stands, at)
	}
}

func (c *Caps) settleFew(s *subjects, subject rules.Digest, stands bool, at int64) {
	for link := &s.first; *link != nilNode; {
		n := c.few.at(*link)
		if n.subject != subject {
			link = &n.next
			continue
		}
		if stands {
			n.committed = max(n.committed, at)
		}
		if n.pending = max(n.pending-1, 0); n.pending > 0 {
			return // it counts from the latest of all
		}
		if n.committed == 0 {
			c.unlink(s, link)
			return
		}
		n.at = n.committed
		return
	}
}

// remember counts a disclosure that was committed at an earlier time.
func (c *Caps) remember(s *subjects, subject rules.Digest, at, horizon, now int64) {
	n := c.place(s, subject, horizon, now)
	if n == nil {
		c.sets[s.large].restore(subject, at, now)
		return
	}
	if n.at < at {
		n.at, n.committed = at, at
	}
}

// forgetOldest drops the oldest subject that is not reserved.
func (c *Caps) forgetOldest(s *subjects) {
	if s.large != 0 {
		c.sets[s.large].forgetOldest()
		return
	}
	var oldest *int32
	for link := &s.first; *link != nilNode; {
		n := c.few.at(*link)
		if n.pending == 0 && (oldest == nil || n.at < c.few.at(*oldest).at) {
			oldest = link
		}
		link = &n.next
	}
	if oldest != nil {
		c.unlink(s, oldest)
	}
}

// clear forgets everything.
func (c *Caps) clear(s *subjects) {
	for s.first != nilNode {
		c.unlink(s, &s.first)
	}
	if s.large != 0 {
		c.sets[s.large] = nil
		c.freeSets = append(c.freeSets, s.large)
		s.large = 0
	}
}
