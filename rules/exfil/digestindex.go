package exfil

import (
	"encoding/binary"
	"math/bits"

	"github.com/ordergate/ordergate/rules"
)

// slot is one place of a digestIndex: a part of a digest and the number of its
// node, plus one. The zero value is empty.
type slot struct {
	print uint32
	node  int32
}

// digestIndex finds nodes by their digests: a hash table with open addressing and
// linear probing, at most half full (Knuth, TAOCP 3, 6.4, algorithm L, and R for
// taking one out). A digest that it does not know costs one look into memory, which
// matters where it knows a million. The zero value is empty. Not safe for concurrent
// use.
type digestIndex struct {
	slots []slot // a power of two
	used  int
}

// minSlots is how many slots the first node brings.
const minSlots = 64

// printOf returns the part of a digest that is kept. Digests are keyed, so nobody
// outside can choose them; the multiplication (Fibonacci hashing) spreads the few
// that are no digests.
func printOf(digest *rules.Digest) uint32 {
	mixed := (binary.LittleEndian.Uint64(digest[:8]) ^ bits.RotateLeft64(binary.LittleEndian.Uint64(digest[8:]), 32)) * 0x9e3779b97f4a7c15
	return uint32(mixed >> 32) //nolint:gosec // the upper half
}

// home is where a digest with such a print is looked for first.
func (x *digestIndex) home(print uint32) int {
	return int(print >> (32 - bits.Len(uint(len(x.slots)-1))))
}

// find returns the node with the digest; nilNode where there is none.
func (x *digestIndex) find(digest *rules.Digest, nodes []node) int32 {
	if x.used == 0 {
		return nilNode
	}
	print := printOf(digest)
	for at := x.home(print); x.slots[at].node != 0; at = (at + 1) & (len(x.slots) - 1) {
		if s := x.slots[at]; s.print == print && nodes[s.node-1].subject == *digest {
			return s.node - 1
		}
	}
	return nilNode
}

// put adds a node whose digest is not there yet.
func (x *digestIndex) put(digest *rules.Digest, n int32) {
	if 2*(x.used+1) > len(x.slots) {
		before := x.slots
		x.slots = make([]slot, max(2*len(before), minSlots))
		for _, s := range before {
			if s.node != 0 {
				x.insert(s)
			}
		}
	}
	x.insert(slot{printOf(digest), n + 1})
	x.used++
}

func (x *digestIndex) insert(s slot) {
	at := x.home(s.print)
	for x.slots[at].node != 0 {
		at = (at + 1) & (len(x.slots) - 1)
	}
	x.slots[at] = s
}

// drop takes a node out that is there.
func (x *digestIndex) drop(digest *rules.Digest, n int32) {
	mask := len(x.slots) - 1
	hole := x.home(printOf(digest))
	for x.slots[hole].node != n+1 {
		hole = (hole + 1) & mask
	}
	for at := (hole + 1) & mask; x.slots[at].node != 0; at = (at + 1) & mask {
		// What would not be found behind a hole moves into it.
		if home := x.home(x.slots[at].print); (at-home)&mask >= (at-hole)&mask {
			x.slots[hole] = x.slots[at]
			hole = at
		}
	}
	x.slots[hole] = slot{}
	x.used--
}
