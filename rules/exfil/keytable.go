package exfil

import (
	"time"

	"github.com/ordergate/ordergate/rules"
)

// keyEntry is one key whose subjects are counted: 64 bytes, one line of the
// processor's cache, because nearly all keys have one subject and a decision reads a
// line of each.
type keyEntry struct {
	digest rules.Digest
	one    few    // its first subject, which leads to the others
	chain  int32  // next of the same bucket, nilNode: last
	moved  uint16 // hour in which it was put last in its order; they begin anew after seven years
	count  uint8  // of its subjects; inSet: they are in a subjectSet
	order  order
}

// neighbours are those of a key in its order.
type neighbours struct{ older, newer int32 }

// order is how a key is remembered. There are two lists, each by the last
// reservation, exact to an hour: a key that was put last in this hour is not moved
// again, which spares a decision its neighbours.
type order uint8

const (
	noOrder order = iota
	// light keys have one subject, and no limit of one: what such a key was sent
	// is what any new key may be sent at once. What is reserved beside it makes a key
	// heavy when it stands.
	light
	// heavy keys have more.
	heavy
	// tight keys had a limit of one: one subject reaches it. They are in one list
	// with the heavy ones, and stay there.
	tight
)

// lists of keys in an order: the light, and all others.
const lists = 2

func (o order) list() int {
	if o == light {
		return 0
	}
	return 1
}

// keyTable remembers the keys of one kind.
//
// What it forgets, it forgets by this order, so that nobody can be made to be
// forgotten who has reached something:
//
//  1. keys whose subjects have all left the longest window, at any time: nothing
//     is lost;
//  2. when it is full, the light key that was used longest ago, to an hour, unless
//     a subject of it is reserved. Its count of one is lost, which gives whoever holds it
//     no more than a new key would. It is counted in evicted;
//  3. heavy keys never. When there are only those, a new key is not remembered:
//     it counts in the crowd, one key with the limits of a single principal, which all
//     newcomers of the kind share until there is room. It is counted in crowded.
type keyTable struct {
	most    int
	horizon int64 // subjects are forgotten after it: the longest window of the kind
	entries pool[keyEntry]
	lines   pages[neighbours] // under the numbers of entries
	index   keyIndex
	ends    [lists]struct{ oldest, newest int32 }
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

// find returns the key's entry; nilNode where it is not remembered.
func (t *keyTable) find(digest *rules.Digest) int32 {
	n := t.index.head(digest)
	for n != nilNode {
		e := t.entries.at(n)
		if e.digest == *digest {
			break
		}
		n = e.chain
	}
	return n
}

// add remembers a new key; there must be room.
func (t *keyTable) add(digest *rules.Digest) int32 {
	n := t.entries.take()
	t.lines.reach(n)
	*t.entries.at(n) = keyEntry{digest: *digest}
	t.index.put(n, &t.entries)
	t.live++
	return n
}

// drop forgets a key that is in no order any more, and has no subjects.
func (t *keyTable) drop(n int32) {
	t.index.drop(n, &t.entries)
	t.entries.give(n)
	t.live--
}

// hourOf is the hour of a time, as keyEntry.moved counts them.
func hourOf(at int64) uint16 { return uint16(at / int64(time.Hour)) } //nolint:gosec // it begins anew

// rank puts a key last in the list of an order: it is the one used last.
func (t *keyTable) rank(n int32, in order, at int64) {
	e, hour := t.entries.at(n), hourOf(at)
	if e.order != noOrder && e.order.list() == in.list() && e.moved == hour {
		e.order = in
		return
	}
	t.leave(n)
	end, own := &t.ends[in.list()], t.lines.at(n)
	e.order, e.moved = in, hour
	own.older, own.newer = end.newest, nilNode
	if end.newest != nilNode {
		t.lines.at(end.newest).newer = n
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
	end, own := &t.ends[e.order.list()], t.lines.at(n)
	if own.older != nilNode {
		t.lines.at(own.older).newer = own.newer
	} else {
		end.oldest = own.newer
	}
	if own.newer != nilNode {
		t.lines.at(own.newer).older = own.older
	} else {
		end.newest = own.older
	}
	e.order = noOrder
}
