package exfil

import (
	"math/bits"

	"github.com/ordergate/ordergate/rules"
)

// keyEntry is one key whose subjects are counted.
type keyEntry struct {
	digest       rules.Digest
	chain        int32 // next of the same bucket, nilNode: last
	older, newer int32 // neighbours in its order
	subjects     subjects
	order        order
	tight        bool // a limit of one held for it: one subject reaches it
}

// order is one of the two orders in which keys of a kind are remembered, by
// their last reservation.
type order uint8

const (
	noOrder order = iota
	// light keys have one subject, and no limit of one: what such a key was sent
	// is what any new key may be sent at once.
	light
	// heavy keys have more.
	heavy
	orders
)

// keyTable remembers the keys of one kind.
//
// What it forgets, it forgets by this order, so that nobody can be made to be
// forgotten who has reached something:
//
//  1. keys whose subjects have all left the longest window, at any time: nothing
//     is lost;
//  2. when it is full, the light key that was used longest ago, unless one of
//     its subjects is reserved. Its count of one is lost, which gives whoever holds it
//     no more than a new key would. It is counted in evicted;
//  3. heavy keys never. When there are only those, a new key is not remembered:
//     it counts in the crowd, one key with the limits of a single principal, which all
//     newcomers of the kind share until there is room. It is counted in crowded.
type keyTable struct {
	most    int
	horizon int64 // subjects are forgotten after it: the longest window of the kind
	entries pool[keyEntry]
	buckets []int32 // made when the first key comes; a power of two
	ends    [orders]struct{ oldest, newest int32 }
	live    int
	crowd   int32 // nilNode until there is one
	evicted uint64
	crowded uint64
}

// minKeys is the fewest keys of a kind that are remembered.
const minKeys = 2

func newKeyTable(most int) *keyTable {
	t := &keyTable{most: max(most, minKeys), horizon: int64(windows[len(windows)-1]), crowd: nilNode}
	for i := range t.ends {
		t.ends[i].oldest, t.ends[i].newest = nilNode, nilNode
	}
	return t
}

// bucket returns the head of a digest's chain.
func (t *keyTable) bucket(digest *rules.Digest) *int32 {
	if t.buckets == nil {
		t.buckets = make([]int32, 1<<bits.Len(uint(t.most-1)))
		for i := range t.buckets {
			t.buckets[i] = nilNode
		}
	}
	return &t.buckets[printOf(digest)>>(32-bits.Len(uint(len(t.buckets)-1)))]
}

// find returns the key's entry; nilNode where it is not remembered.
func (t *keyTable) find(digest *rules.Digest) int32 {
	if t.buckets == nil {
		return nilNode
	}
	for n := *t.bucket(digest); n != nilNode; {
		e := t.entries.at(n)
		if e.digest == *digest {
			return n
		}
		n = e.chain
	}
	return nilNode
}

// add remembers a new key; there must be room.
func (t *keyTable) add(digest *rules.Digest) int32 {
	n := t.entries.take()
	head := t.bucket(digest)
	*t.entries.at(n) = keyEntry{digest: *digest, chain: *head, subjects: subjects{first: nilNode}}
	*head = n
	t.live++
	return n
}

// drop forgets a key that is in no order any more, and has no subjects.
func (t *keyTable) drop(n int32) {
	e := t.entries.at(n)
	for link := t.bucket(&e.digest); ; link = &t.entries.at(*link).chain {
		if *link == n {
			*link = e.chain
			break
		}
	}
	t.entries.give(n)
	t.live--
}

// rank puts a key last in an order: it is the one used last.
func (t *keyTable) rank(n int32, in order) {
	e := t.entries.at(n)
	if e.order == in && t.ends[in].newest == n {
		return
	}
	t.leave(n)
	end := &t.ends[in]
	e.order, e.older, e.newer = in, end.newest, nilNode
	if end.newest != nilNode {
		t.entries.at(end.newest).newer = n
	} else {
		end.oldest = n
	}
	end.newest = n
}

// leave takes a key out of its order.
func (t *keyTable) leave(n int32) {
	e := t.entries.at(n)
	if e.order == noOrder {
		return
	}
	end := &t.ends[e.order]
	if e.older != nilNode {
		t.entries.at(e.older).newer = e.newer
	} else {
		end.oldest = e.newer
	}
	if e.newer != nilNode {
		t.entries.at(e.newer).older = e.older
	} else {
		end.newest = e.older
	}
	e.order = noOrder
}
