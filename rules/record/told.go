package record

import (
	"encoding/binary"
	"sync"

	"github.com/ordergate/ordergate/rules"
)

const (
	maxKnown = 49152 // digests remembered in one response
	minTable = 64
	maxTable = 1 << 17 // places, 1 MiB: more than twice as many as digests
	maxKept  = 16384   // places of a table that stays for the next response, and its digests and subjects
)

// told remembers which digests were told about which subject of a response.
// Only its memory, wiped, serves one response after the other: in a long list it
// was half of all that a response allocated. Make one with newTold.
type told struct {
	digests  chunks[rules.Digest]
	subjects chunks[subject]
	table    []known // open addressing, by the digest's first bytes
	// room holds the tables of all sizes, each at its size: one that grows moves
	// to the next. What is behind table is free.
	room []known
}

var toldPool = sync.Pool{New: func() any { return &told{room: make([]known, 2*minTable)} }}

func newTold() *told {
	t := toldPool.Get().(*told) //nolint:forcetypeassert // nothing else is in the pool
	t.table = t.room[minTable : 2*minTable]
	return t
}

// release gives the memory away, without what it held. t is not to be used
// after that.
func (t *told) release() {
	if t == nil || len(t.table) > maxKept {
		return
	}
	clear(t.room[:2*len(t.table)])
	t.digests.clear()
	t.subjects.clear()
	toldPool.Put(t)
}

// grow makes the table four times as large, and empty: what moves from one table to the
// next moves a third as often as if it doubled. The largest one need not grow.
func (t *told) grow() {
	n := min(4*len(t.table), maxTable)
	if n > maxKept {
		t.table = make([]known, n)
		return
	}
	if len(t.room) < 2*n {
		t.room = make([]known, 2*n)
	}
	t.table = t.room[n : 2*n]
}

// known says that a digest was told about a subject: 16 bits of the digest's
// place in digests, 15 of the subject's slot, and 33 of the digest itself,
// which spare most looks at the whole of it. 0 is free: slots begin with 1.
type known uint64

const (
	slotBits  = 15
	indexBits = 16
	printBits = 64 - slotBits - indexBits

	_ = uint(1<<slotBits - 1 - maxSubjects) // they fit
	_ = uint(1<<indexBits - maxKnown)
	_ = uint(maxTable - 2*maxKnown)
)

func newKnown(d *rules.Digest, index int, slot int32) known {
	return known(print33(d))<<(slotBits+indexBits) | known(index)<<slotBits | known(slot)
}

// print33 is the part of a digest that finds its place in the table.
func print33(d *rules.Digest) uint64 {
	return binary.LittleEndian.Uint64(d[:8]) & (1<<printBits - 1)
}

func (k known) print() uint64 { return uint64(k >> (slotBits + indexBits)) }
func (k known) index() int    { return int(k >> slotBits & (1<<indexBits - 1)) }
func (k known) slot() int32   { return int32(k & (1<<slotBits - 1)) }

// find returns the slot of the subject that a digest was first told about, or
// 0.
func (t *told) find(d *rules.Digest) int32 {
	want, mask := print33(d), uint64(len(t.table)-1)
	for i := want & mask; t.table[i] != 0; i = (i + 1) & mask {
		if k := t.table[i]; k.print() == want && *t.digests.at(k.index()) == *d {
			return k.slot()
		}
	}
	return 0
}

// knows reports whether an identifier was told about a subject.
func (t *told) knows(d *rules.Digest, slot int32) bool {
	want, mask := print33(d), uint64(len(t.table)-1)
	for i := want & mask; t.table[i] != 0; i = (i + 1) & mask {
		if k := t.table[i]; k.slot() == slot && k.print() == want && *t.digests.at(k.index()) == *d {
			return true
		}
	}
	return false
}

func (t *told) insert(d *rules.Digest, slot int32) {
	if t.digests.n >= maxKnown {
		return
	}
	if n := t.digests.n + 1; 2*n > len(t.table) { // half empty, it is searched in half the steps
		old := t.table
		t.grow()
		for _, k := range old {
			if k != 0 {
				t.put(k)
			}
		}
	}
	t.put(newKnown(d, t.digests.n, slot))
	t.digests.push(*d)
}

func (t *told) put(k known) {
	mask := uint64(len(t.table) - 1)
	i := k.print() & mask
	for t.table[i] != 0 {
		i = (i + 1) & mask
	}
	t.table[i] = k
}
