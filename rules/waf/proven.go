package waf

import (
	"hash/maphash"
	"slices"
	"sync"

	"github.com/corazawaf/coraza/v3/types/variables"
	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// Bounds of the memory of proven values, per rule set: about 10 MiB when full.
const (
	provenShards  = 16
	provenPerSet  = 4096
	provenLongest = 2048 // bytes; a longer value is asked about every time
)

// proven remembers which guards match a value: for nearly every value, none.
// It holds digests of 128 bits under a secret of this process and this rule
// set, so that nobody can look for values that collide, and nothing of a value
// can be read from it. Safe for concurrent use.
type proven struct {
	seeds  [2]maphash.Seed
	shards [provenShards]struct {
		sync.Mutex
		known *simplelru.LRU[digest, []int]
	}
}

type digest [2]uint64

func newProven() *proven {
	p := &proven{seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}}
	for i := range p.shards {
		p.shards[i].known, _ = simplelru.NewLRU[digest, []int](provenPerSet, nil) // fails for a size below 1 only
	}
	return p
}

// get returns the value's digest, the guards that match it, and whether they
// are known. The zero digest stands for a value that is too long.
func (p *proven) get(v variables.RuleVariable, key, value string) (id digest, bits []int, known bool) {
	if len(key)+len(value) > provenLongest {
		return digest{}, nil, false
	}
	for i := range id {
		var h maphash.Hash
		h.SetSeed(p.seeds[i])
		_ = h.WriteByte(byte(v))             // never fails
		_ = h.WriteByte(byte(len(key)))      // never fails
		_ = h.WriteByte(byte(len(key) >> 8)) // never fails
		_, _ = h.WriteString(key)            // never fails
		_, _ = h.WriteString(value)          // never fails
		id[i] = h.Sum64()
	}
	shard := &p.shards[id[0]%provenShards]
	shard.Lock()
	bits, known = shard.known.Get(id)
	shard.Unlock()
	return id, bits, known
}

// add remembers a value by its digest.
func (p *proven) add(id digest, bits []int) {
	if id == (digest{}) {
		return
	}
	shard := &p.shards[id[0]%provenShards]
	shard.Lock()
	shard.known.Add(id, slices.Clone(bits))
	shard.Unlock()
}
