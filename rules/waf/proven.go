package waf

import (
	"hash/maphash"
	"slices"
	"sync"

	"github.com/corazawaf/coraza/v3/types/variables"
	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// Bounds of the memory of proven values, per rule set: some 2 MiB when full.
const (
	provenShards  = 64
	provenRows    = 128      // of a shard
	provenWays    = 8        // values of a row: two lines of a processor's cache
	provenMatched = 128      // of a shard: values that a guard matches
	provenLongest = 32 << 10 // bytes, below 64 KiB; a longer value is asked about every time
)

// proven remembers which guards match a value: for nearly every value, none.
// It holds digests of 128 bits under a secret of this process and this rule
// set, so that nobody can look for values that collide, and nothing of a value
// can be read from it. Safe for concurrent use.
//
// Values that no guard matches stand in rows, the value that was used last first,
// which forgets the one that was used least lately of a row, not of all: a list in
// the order of use costs some misses of the cache for each of an exchange's values
// (4.7 % of the gateway's CPU on deploy/bench's mix, by its profile).
type proven struct {
	seeds  [2]maphash.Seed
	shards [provenShards]provenShard
}

// provenShard is what one lock guards.
type provenShard struct {
	sync.Mutex
	clean   [provenRows]provenRow
	matched *simplelru.LRU[digest, []int] // values with the guards that match them
}

// provenRow are values of which no guard matches any, used last first; the zero
// digest is an empty place.
type provenRow [provenWays]digest

type digest [2]uint64

func newProven() *proven {
	p := &proven{seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}}
	for i := range p.shards {
		p.shards[i].matched, _ = simplelru.NewLRU[digest, []int](provenMatched, nil) // fails for a size below 1 only
	}
	return p
}

// get returns the value's digest, the guards that match it, and whether they
// are known. The zero digest stands for a value that is too long.
func (p *proven) get(v variables.RuleVariable, key, value string) (id digest, bits []int, known bool) {
	if len(key)+len(value) > provenLongest {
		return digest{}, nil, false
	}
	id = p.digest(v, key, value)
	shard, row := p.place(id)
	shard.Lock()
	defer shard.Unlock()
	if row.use(id) {
		return id, nil, true
	}
	bits, known = shard.matched.Get(id)
	return id, bits, known
}

// digest hashes a value; a short one in one piece, which takes two thirds of the time
// of a running hash.
func (p *proven) digest(v variables.RuleVariable, key, value string) (id digest) {
	var room [256]byte
	text := append(room[:0], byte(v), byte(len(key)), byte(len(key)>>8))
	if len(text)+len(key)+len(value) <= len(room) {
		text = append(append(text, key...), value...)
		return digest{maphash.Bytes(p.seeds[0], text), maphash.Bytes(p.seeds[1], text)}
	}
	for i := range id {
		var h maphash.Hash
		h.SetSeed(p.seeds[i])
		_, _ = h.Write(text)        // never fails
		_, _ = h.WriteString(key)   // never fails
		_, _ = h.WriteString(value) // never fails
		id[i] = h.Sum64()
	}
	return id
}

// add remembers a value by its digest.
func (p *proven) add(id digest, bits []int) {
	if id == (digest{}) {
		return
	}
	shard, row := p.place(id)
	shard.Lock()
	defer shard.Unlock()
	if len(bits) > 0 {
		shard.matched.Add(id, slices.Clone(bits))
		return
	}
	row.put(id)
}

// place is where a value stands if no guard matches it.
func (p *proven) place(id digest) (*provenShard, *provenRow) {
	shard := &p.shards[id[0]%provenShards]
	return shard, &shard.clean[id[1]%provenRows]
}

// use reports whether a value stands in the row, and makes it the one used last.
func (r *provenRow) use(id digest) bool {
	for i := range r {
		if r[i] == id {
			copy(r[1:i+1], r[:i])
			r[0] = id
			return true
		}
	}
	return false
}

// put makes a value the one used last; the one used least lately is forgotten.
func (r *provenRow) put(id digest) {
	if r.use(id) {
		return // another exchange was faster
	}
	copy(r[1:], r[:provenWays-1])
	r[0] = id
}
