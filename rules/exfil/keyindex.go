package exfil

import (
	"math/bits"

	"github.com/ordergate/ordergate/rules"
)

// bucketsPerKey is how many chains there are for each key that was ever held at a
// time: nearly every key is the first of its chain.
const bucketsPerKey = 2

// keyIndex finds the entries of a keyTable by their digests: chains under buckets
// that grow with the keys, a few at each that comes (Litwin, "Linear Hashing", VLDB
// 1980). What a thousand keys need is small enough for the processor's cache, and
// nobody waits until an index of a million is made anew. It never shrinks. The zero
// value is empty. Not safe for concurrent use.
type keyIndex struct {
	buckets pages[int32] // the number of an entry and one; 0: none
	count   uint32       // buckets in use
	keys    uint32
}

// bucket returns where the chain begins of digests with such a print. Buckets from
// count on are not there yet: their digests are in the one they will be split from.
func (x *keyIndex) bucket(print uint32) *int32 {
	mask := uint32(1)<<bits.Len32(x.count-1) - 1
	n := print & mask
	if n >= x.count {
		n = print & (mask >> 1)
	}
	return x.buckets.at(int32(n)) //nolint:gosec // at most bucketsPerKey for each entry
}

// head returns the first entry of the chain that a digest is in; nilNode where there
// is none.
func (x *keyIndex) head(digest *rules.Digest) int32 {
	if x.count == 0 {
		return nilNode
	}
	return *x.bucket(printOf(digest)) - 1
}

// put adds an entry whose digest is not there yet.
func (x *keyIndex) put(n int32, entries *pool[keyEntry]) {
	x.keys++
	for x.count < bucketsPerKey*x.keys {
		x.split(entries)
	}
	x.link(n, entries.at(n))
}

func (x *keyIndex) link(n int32, e *keyEntry) {
	head := x.bucket(printOf(&e.digest))
	e.chain, *head = *head-1, n+1
}

// split makes one more bucket, and moves into it what belongs there.
func (x *keyIndex) split(entries *pool[keyEntry]) {
	x.buckets.reach(int32(x.count)) //nolint:gosec // at most bucketsPerKey for each entry
	made := x.count
	x.count++
	if made == 0 {
		return
	}
	from := x.buckets.at(int32(made &^ (1 << (bits.Len32(made) - 1)))) //nolint:gosec // below made
	n := *from - 1
	*from = 0
	for n != nilNode {
		e := entries.at(n)
		next := e.chain
		x.link(n, e)
		n = next
	}
}

// drop takes out an entry that is there.
func (x *keyIndex) drop(n int32, entries *pool[keyEntry]) {
	e := entries.at(n)
	x.keys--
	head := x.bucket(printOf(&e.digest))
	if *head-1 == n {
		*head = e.chain + 1
		return
	}
	for before := entries.at(*head - 1); ; before = entries.at(before.chain) {
		if before.chain == n {
			before.chain = e.chain
			return
		}
	}
}
