package exfil

import (
	"time"

	"github.com/ordergate/ordergate/rules"
)

// windows are the sliding windows a subjectSet counts over at once.
var windows = [...]rules.Window{rules.WindowMinute, rules.WindowHour, rules.WindowDay, rules.WindowMonth}

// nilNode ends the list of nodes.
const nilNode int32 = -1

// indexFrom is the number of nodes above which looking a subject up uses an
// index: below it a scan of adjacent memory is faster and takes none.
const indexFrom = 16

// node is one subject in a subjectSet's list, which is ordered by at.
type node struct {
	subject    rules.Digest
	at         int64 // last disclosure or reservation, Unix nanoseconds
	committed  int64 // last committed disclosure, 0 while there is none
	pending    int32 // reservations neither committed nor given back
	in         uint8 // bit i: counted by cursor i
	prev, next int32
}

// cursor counts the nodes inside one window.
type cursor struct {
	first int32 // the oldest node inside the window, nilNode when there is none
	count int32
	at    int64 // of first: advance reads no node before one leaves the window
}

// subjectSet counts the distinct subjects disclosed under one key over every
// window at once, exactly: a subject counts in a window while its last
// disclosure, or an open reservation, lies less than the window back. All
// operations are amortised O(1): nodes form a list ordered by time, and each
// window has a cursor to its oldest member. Not safe for concurrent use.
type subjectSet struct {
	nodes   []node
	index   digestIndex // empty while the set is small
	free    int32       // list of unused nodes, linked by next
	oldest  int32
	newest  int32
	live    int32
	open    int32 // reservations neither committed nor given back
	since   int64 // at of the oldest
	cursors [len(windows)]cursor
	horizon int64 // after which a subject is forgotten; 0: the longest window
}

func newSubjectSet() *subjectSet {
	s := &subjectSet{free: nilNode, oldest: nilNode, newest: nilNode}
	for i := range s.cursors {
		s.cursors[i].first = nilNode
	}
	return s
}

// advance drops what has left the windows by now; nodes older than the
// longest window are forgotten.
func (s *subjectSet) advance(now int64) {
	for i := range s.cursors {
		c, from := &s.cursors[i], now-int64(windows[i])
		for c.first != nilNode && c.at <= from {
			s.nodes[c.first].in &^= 1 << i
			c.count--
			s.point(c, s.nodes[c.first].next)
		}
	}
	from := now - int64(windows[len(windows)-1])
	if s.horizon > 0 {
		from = now - s.horizon
	}
	for s.oldest != nilNode && s.since <= from && s.nodes[s.oldest].pending == 0 {
		s.remove(s.oldest)
	}
}

// point sets a cursor on a node, or on none.
func (s *subjectSet) point(c *cursor, n int32) {
	if c.first = n; n != nilNode {
		c.at = s.nodes[n].at
	}
}

// begin makes a node, or none, the oldest.
func (s *subjectSet) begin(n int32) {
	if s.oldest = n; n != nilNode {
		s.since = s.nodes[n].at
	}
}

// count returns how many subjects lie inside window w. Call advance first.
func (s *subjectSet) count(w int) int { return int(s.cursors[w].count) }

// last returns when a subject was disclosed or reserved last; 0: it does not count.
func (s *subjectSet) last(subject *rules.Digest) int64 {
	if n := s.find(subject); n != nilNode {
		return s.nodes[n].at
	}
	return 0
}

// latest returns when any subject was disclosed or reserved last; 0: none counts.
func (s *subjectSet) latest() int64 {
	if s.newest == nilNode {
		return 0
	}
	return s.nodes[s.newest].at
}

// frees returns how long it takes until the oldest subject leaves window w.
func (s *subjectSet) frees(w int, now int64) time.Duration {
	first := s.cursors[w].first
	if first == nilNode {
		return 0
	}
	return time.Duration(s.cursors[w].at + int64(windows[w]) - now)
}

// reserve counts subject from now on, until commit or giveBack. A set that has most
// subjects forgets the oldest that is not reserved for a new one.
func (s *subjectSet) reserve(subject *rules.Digest, most int, now int64) {
	n := s.find(subject)
	if n == nilNode {
		if int(s.live) >= most {
			s.forgetOldest()
		}
		n = s.take(subject)
	} else {
		s.unlink(n)
	}
	s.nodes[n].at = now
	s.nodes[n].pending++
	s.open++
	s.append(n)
}

// commit makes one reservation of subject, made at the given time, stand.
func (s *subjectSet) commit(subject *rules.Digest, at, now int64) {
	n := s.find(subject)
	if n == nilNode {
		return // forgotten: older than the longest window
	}
	s.nodes[n].committed = max(s.nodes[n].committed, at)
	s.settle(n, now)
}

// giveBack takes one reservation of subject back.
func (s *subjectSet) giveBack(subject *rules.Digest, now int64) {
	if n := s.find(subject); n != nilNode {
		s.settle(n, now)
	}
}

// settle ends one reservation. While others are open the subject counts from
// the latest of all; after the last one it counts from its last committed
// disclosure, or not at all.
func (s *subjectSet) settle(n int32, now int64) {
	node := &s.nodes[n]
	if node.pending > 0 {
		node.pending--
		s.open--
	}
	if node.pending > 0 || node.at == node.committed {
		return
	}
	if node.committed == 0 {
		s.remove(n)
		return
	}
	s.unlink(n)
	s.advance(now) // insert needs cursors that are up to date
	node.at = node.committed
	s.insert(n, now)
}

// restore counts a disclosure that was committed at an earlier time.
func (s *subjectSet) restore(subject *rules.Digest, at, now int64) {
	s.advance(now)
	n := s.find(subject)
	if n == nilNode {
		n = s.take(subject)
	} else {
		if s.nodes[n].at >= at {
			return
		}
		s.unlink(n)
	}
	s.nodes[n].at, s.nodes[n].committed = at, at
	s.insert(n, now)
}

// forgetOldest drops the oldest subject that is not reserved; a set in
// observe mode is bounded by it.
func (s *subjectSet) forgetOldest() {
	for n := s.oldest; n != nilNode; n = s.nodes[n].next {
		if s.nodes[n].pending == 0 {
			s.remove(n)
			return
		}
	}
}

func (s *subjectSet) find(subject *rules.Digest) int32 {
	if s.index.used > 0 {
		return s.index.find(subject, s.nodes)
	}
	for n := s.newest; n != nilNode; n = s.nodes[n].prev {
		if s.nodes[n].subject == *subject {
			return n
		}
	}
	return nilNode
}

// take gives subject an unused node, not yet in the list.
func (s *subjectSet) take(subject *rules.Digest) int32 {
	n := s.free
	if n != nilNode {
		s.free = s.nodes[n].next
		s.nodes[n] = node{subject: *subject}
	} else {
		n = int32(len(s.nodes)) //nolint:gosec // bounded by the caps, far below 2^31
		s.nodes = append(s.nodes, node{subject: *subject})
	}
	s.live++
	if s.index.used == 0 && s.live > indexFrom {
		for m := s.oldest; m != nilNode; m = s.nodes[m].next {
			s.index.put(&s.nodes[m].subject, m)
		}
	}
	if s.live > indexFrom || s.index.used > 0 {
		s.index.put(subject, n)
	}
	return n
}

// remove unlinks a node and puts it on the free list.
func (s *subjectSet) remove(n int32) {
	s.unlink(n)
	if s.index.used > 0 {
		s.index.drop(&s.nodes[n].subject, n)
	}
	s.nodes[n].next, s.free = s.free, n
	s.live--
}

// unlink takes a node out of the list and out of every window it is in.
func (s *subjectSet) unlink(n int32) {
	node := s.nodes[n]
	for i := range s.cursors {
		c := &s.cursors[i]
		if node.in&(1<<i) != 0 {
			c.count--
			if c.first == n {
				s.point(c, node.next)
			}
		}
	}
	if node.prev != nilNode {
		s.nodes[node.prev].next = node.next
	} else {
		s.begin(node.next)
	}
	if node.next != nilNode {
		s.nodes[node.next].prev = node.prev
	} else {
		s.newest = node.prev
	}
}

// append links a node as the newest, inside every window.
func (s *subjectSet) append(n int32) {
	s.nodes[n].prev, s.nodes[n].next, s.nodes[n].in = s.newest, nilNode, 1<<len(windows)-1
	if s.newest != nilNode {
		s.nodes[s.newest].next = n
	} else {
		s.begin(n)
	}
	s.newest = n
	for i := range s.cursors {
		c := &s.cursors[i]
		c.count++
		if c.first == nilNode {
			s.point(c, n)
		}
	}
}

// insert links a node where its time belongs.
func (s *subjectSet) insert(n int32, now int64) {
	at := s.nodes[n].at
	after := s.newest
	for after != nilNode && s.nodes[after].at > at {
		after = s.nodes[after].prev
	}
	next := s.oldest
	if after != nilNode {
		next = s.nodes[after].next
		s.nodes[after].next = n
	} else {
		s.begin(n)
	}
	if next != nilNode {
		s.nodes[next].prev = n
	} else {
		s.newest = n
	}
	s.nodes[n].prev, s.nodes[n].next, s.nodes[n].in = after, next, 0
	for i := range s.cursors {
		c := &s.cursors[i]
		if at <= now-int64(windows[i]) {
			continue
		}
		c.count++
		s.nodes[n].in |= 1 << i
		if c.first == nilNode || c.first == next {
			s.point(c, n)
		}
	}
}
