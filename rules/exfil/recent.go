package exfil

import (
	"math"
	"slices"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/ordergate/ordergate/rules"
)

// sharePlaces is how many entries a share of a recent list has, about: to list the
// keys of one takes less than a millisecond, even where each is read from memory that
// the processor has not.
const sharePlaces = 1024

// recent remembers what was used last by keys that nobody outside can choose, in
// shares: of a share that is full, the entry that was quiet longest is forgotten.
// Shares are walked through one by one, so that nobody waits for a walk through all of
// a long list. Not safe for concurrent use.
type recent[K comparable, V any] struct {
	shares []*simplelru.LRU[K, V]
	spread func(K) uint32
}

// newRecent returns a list of at most so many entries, 1 at least, a few more where
// they cannot be shared evenly. spread tells keys apart; forgotten, which may be nil,
// is called for what is forgotten.
func newRecent[K comparable, V any](size int, spread func(K) uint32, forgotten func(K, V)) *recent[K, V] {
	r := &recent[K, V]{shares: make([]*simplelru.LRU[K, V], max(size/sharePlaces, 1)), spread: spread}
	for i := range r.shares {
		share, err := simplelru.NewLRU(max((size+len(r.shares)-1)/len(r.shares), 1), forgotten)
		if err != nil {
			panic("BUG: simplelru refuses a positive size: " + err.Error())
		}
		r.shares[i] = share
	}
	return r
}

func spreadDigest(d rules.Digest) uint32 { return printOf(&d) }

// spreadHash spreads what is a hash already.
func spreadHash(h uint64) uint32 { return uint32(h >> 32) } //nolint:gosec // the upper half

func (r *recent[K, V]) share(key K) *simplelru.LRU[K, V] {
	return r.shares[r.spread(key)%uint32(len(r.shares))] //nolint:gosec // a few hundred
}

func (r *recent[K, V]) get(key K) (V, bool)  { return r.share(key).Get(key) }
func (r *recent[K, V]) peek(key K) (V, bool) { return r.share(key).Peek(key) }
func (r *recent[K, V]) add(key K, value V)   { r.share(key).Add(key, value) }

func (r *recent[K, V]) len() (n int) {
	for _, share := range r.shares {
		n += share.Len()
	}
	return n
}

// dropOldest forgets the entry that was quiet longest of all shares; used tells when
// one was used last.
func (r *recent[K, V]) dropOldest(used func(V) int64) {
	oldest, since := -1, int64(math.MaxInt64)
	for i, share := range r.shares {
		if _, v, ok := share.GetOldest(); ok && used(v) < since {
			oldest, since = i, used(v)
		}
	}
	if oldest >= 0 {
		r.shares[oldest].RemoveOldest()
	}
}

// each calls f for every entry, of each share the one that was quiet longest first.
// Exchanges go on meanwhile: the lock is held for so many entries at a time, and while
// the keys of one share are listed. It is not held while between is called, behind each
// batch.
func (r *recent[K, V]) each(mu sync.Locker, batch int, f func(K, V), between func()) {
	for _, share := range r.shares {
		each(mu, share, batch, f, between)
	}
}

func each[K comparable, V any](mu sync.Locker, list *simplelru.LRU[K, V], batch int, f func(K, V), between func()) {
	mu.Lock()
	keys := list.Keys()
	mu.Unlock()
	for some := range slices.Chunk(keys, batch) {
		mu.Lock()
		for _, key := range some {
			if v, ok := list.Peek(key); ok {
				f(key, v)
			}
		}
		mu.Unlock()
		between()
	}
}
