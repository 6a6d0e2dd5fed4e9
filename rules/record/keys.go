package record

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"
	"sync"
)

const (
	keyRoom  = 40 // bytes of a key that the cache holds; of a longer one its hash and its end
	keyEnd   = 2  // bytes after a key in JSON: the quote and the colon
	keySets  = 64
	keyWays  = 4
	keyDepth = 8 // depths that the course of the keys tells apart
)

// keys remembers the classes of keys, so that one that repeats costs one
// comparison, and which key followed which, so that the next is guessed before
// its end is found. What it says never depends on what it remembers, so a
// cache serves one response after the other; it is not safe for concurrent
// use. Make one with newKeys.
type keys struct {
	seed     maphash.Seed
	cache    [keySets * keyWays]knownKey
	after    [keySets * keyWays * keyDepth]uint8 // the key that followed a key at a depth
	declared *declarations                       // nil: the lexicon alone counts
	named    bool                                // a key may be a person's address
}

// knownKey is a key with its class.
type knownKey struct {
	class class
	tells tells // what its values may tell where nobody is in sight
	loud  uint8 // structures behind it that are not tried to be passed over, see jsonScanner.quiet
	fails uint8 // how many that was the last time
	n     uint8 // bytes of the key; 0: free
	whole uint8 // bytes of text, with keyEnd; more than there are if no string of JSON is like it
	text  [keyRoom + keyEnd]byte
}

// keyPool holds caches between responses: the keys of a shop are few.
var keyPool = sync.Pool{New: func() any { return &keys{seed: maphash.MakeSeed()} }}

func newKeys() *keys { return keyPool.Get().(*keys) } //nolint:forcetypeassert // nothing else is in the pool

// release gives the cache away. k is not to be used after that. Addresses that
// were keys do not stay.
func (k *keys) release() {
	if k.named {
		*k = keys{seed: k.seed, declared: k.declared}
	}
	if k.declared != nil {
		k.declared.pool.Put(k)
		return
	}
	keyPool.Put(k)
}

// class returns what the lexicon says about a key, a label or a heading.
func (k *keys) class(key []byte) class {
	if len(key) == 0 || len(key) > maxKey {
		return class{}
	}
	return k.cache[k.find(key)].class
}

// find returns where the cache holds a key of 1 to maxKey bytes.
func (k *keys) find(key []byte) uint8 {
	var long [keyRoom]byte
	text, h := key, uint64(0)
	if len(key) <= keyRoom {
		h = mix(key)
	} else {
		h = maphash.Bytes(k.seed, key)
		binary.LittleEndian.PutUint64(long[:], h)
		copy(long[8:], key[len(key)-keyRoom+8:])
		text = long[:]
	}
	at := int(h>>32) % keySets * keyWays
	set := k.cache[at : at+keyWays]
	for i := range set {
		if e := &set[i]; int(e.n) == len(key) && string(e.text[:len(text)]) == string(text) {
			return uint8(at + i)
		}
	}
	i := int(h>>40) % keyWays
	for j := range set {
		if set[j].n == 0 {
			i = j
			break
		}
	}
	e := &set[i]
	e.n, e.class = uint8(len(key)), k.classify(key)
	e.tells, e.loud, e.fails = tellsOf(e.class), 0, 0
	e.whole = ^uint8(0)
	if n := copy(e.text[:], text); n == len(key) && stringEnd(key, 0) == n { // JSON would end at a quote in it
		e.whole = uint8(n + copy(e.text[n:], `":`))
	}
	k.named = k.named || bytes.IndexByte(key, '@') >= 0
	return uint8(at + i)
}

// follow tells whether p begins with the key, its quote and its colon, that
// followed the key prev at a depth when they were seen last, and which that is.
func (k *keys) follow(p []byte, prev uint8, depth int) (at uint8, ok bool) {
	at = k.after[uint(prev)*keyDepth+uint(depth)%keyDepth]
	e := &k.cache[at]
	n := int(e.whole)
	return at, n <= len(p) && n <= len(e.text) && string(p[:n]) == string(e.text[:n]) && n > 0
}

// learn notes that the key at followed prev.
func (k *keys) learn(prev uint8, depth int, at uint8) {
	k.after[uint(prev)*keyDepth+uint(depth)%keyDepth] = at
}

// next reads the key at p[i] behind the key prev, at a depth, its quotes and its
// colon. It returns where it ends and which it is; 0 if it does not end in p,
// and -1 if it is none.
func (k *keys) next(p []byte, i int, prev uint8, depth int) (end int, at uint8) {
	if i < len(p) && jsonBlanks[p[i]] {
		i = blanks(p, i)
	}
	if i >= len(p) {
		return 0, 0
	}
	if p[i] != '"' {
		return -1, 0
	}
	if at, ok := k.follow(p[i+1:], prev, depth); ok {
		return i + 1 + int(k.cache[at].whole), at
	}
	end = stringEnd(p, i+1)
	if end == len(p) {
		return 0, 0
	}
	n := end - i - 1
	if p[end] != '"' || n == 0 || n > maxKey {
		return -1, 0
	}
	at = k.find(p[i+1 : end])
	k.learn(prev, depth, at)
	if end = blanks(p, end+1); end == len(p) {
		return 0, 0
	}
	if p[end] != ':' {
		return -1, 0
	}
	return end + 1, at
}

// mix is a hash of a short key. It decides about speed only.
func mix(key []byte) uint64 {
	const odd = 0x9E3779B97F4A7C15 // 2^64 divided by the golden ratio
	var a, b uint64
	switch n := len(key); {
	case n >= 8:
		a, b = binary.LittleEndian.Uint64(key), binary.LittleEndian.Uint64(key[n-8:])
	case n >= 4:
		a, b = uint64(binary.LittleEndian.Uint32(key)), uint64(binary.LittleEndian.Uint32(key[n-4:]))
	default:
		a = uint64(key[0])<<16 | uint64(key[n/2])<<8 | uint64(key[n-1])
	}
	h := (a ^ uint64(len(key))) * odd
	return (h ^ h>>29 ^ b) * odd
}

// classify asks the declarations first, and then the lexicon.
func (k *keys) classify(key []byte) class {
	if k.declared != nil {
		var room [maxKey]byte
		if c, ok := k.declared.names[string(appendFolded(room[:0], key, len(room)))]; ok {
			return c
		}
	}
	return classify(key)
}
