package record

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"
	"sync"
)

const (
	keyRoom  = 36 // bytes of a key that the cache holds; of a longer one its hash and its end
	keyMore  = 3  // bytes around a key in JSON: the quotes and the colon
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
	after    [keySets * keyWays * 2 * keyDepth]uint8 // the key that followed a key at a level
	declared *declarations                           // nil: the lexicon alone counts
	named    bool                                    // a key may be a person's address
}

// knownKey is a key with its class.
type knownKey struct {
	// The first and the last eight bytes of text, as far as it has them: that
	// much of JSON is compared at once.
	head, tail, mask uint64
	back             uint8 // where the last ones begin
	whole            uint8 // bytes of text; 0 if no string of JSON is like it
	n                uint8 // bytes of the key; 0: free
	dull             dull  // which of its values are bland
	tells            tells // what its values may tell where nobody is in sight
	loud             uint8 // structures behind it that are not tried to be passed over, see jsonScanner.quiet
	fails            uint8 // how many that was the last time
	class            class
	text             [keyRoom + keyMore]byte // the key, its quotes and its colon
}

// set makes e the key of a text of n bytes, as [keys.find] cuts it.
func (e *knownKey) set(text []byte, n int, c class) {
	*e = knownKey{n: uint8(n), class: c, dull: dullOf(c), tells: tellsOf(c), head: ^uint64(0), mask: ^uint64(0)} // nothing in UTF-8 is like that
	e.text[0] = '"'
	end := 1 + copy(e.text[1:], text)
	if len(text) < n || c.kind == kindKeyed || c.kind == kindTyped || stringEnd(text, 0) < n { // JSON would end at a quote in it
		return
	}
	end += copy(e.text[end:], `":`)
	e.whole, e.back = uint8(end), uint8(max(end-8, 0))
	e.head, e.tail = binary.LittleEndian.Uint64(e.text[:]), binary.LittleEndian.Uint64(e.text[e.back:])
	if end < 8 {
		e.mask = 1<<(8*end) - 1
	}
}

// leads reports whether p begins with the key, its quotes and its colon.
func (e *knownKey) leads(p *[keyRoom + 8]byte) bool {
	d := (binary.LittleEndian.Uint64(p[:]) ^ e.head) | (binary.LittleEndian.Uint64(p[e.back&31:]) ^ e.tail)
	return d&e.mask == 0 && (e.whole-1 < 16 || e.whole > 16 && string(p[8:e.back]) == string(e.text[8:e.back]))
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
		if e := &set[i]; int(e.n) == len(key) && string(e.text[1:1+len(text)]) == string(text) {
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
	set[i].set(text, len(key), k.classify(key))
	k.named = k.named || bytes.IndexByte(key, '@') > 0 // "@type" is no address
	return uint8(at + i)
}

// level says where a key stands behind the one before it: at which depth, and
// whether that one stood at another depth, in a structure that has ended or around
// this one. In a list of objects that is nearly always the same.
func level(depth, before int) uint {
	l := uint(depth) % keyDepth
	if before != depth {
		l += keyDepth
	}
	return l
}

// guess returns the key that followed the key prev at a level when they were
// seen last.
func (k *keys) guess(prev uint8, level uint) uint8 {
	return k.after[uint(prev)*(2*keyDepth)+level%(2*keyDepth)]
}

// learn notes that the key at followed prev.
func (k *keys) learn(prev uint8, level uint, at uint8) {
	k.after[uint(prev)*(2*keyDepth)+level%(2*keyDepth)] = at
}

// next reads the key at p[i], its quotes and its colon, where it is not the one
// that was foreseen behind the key prev, at a level. It returns where it ends and
// which it is; 0 if it does not end in p, and -1 if it is none, or one that the
// cache cannot hold.
func (k *keys) next(p []byte, i int, prev uint8, level uint) (end int, at uint8) {
	if i >= len(p) {
		return 0, 0
	}
	if p[i] != '"' {
		return -1, 0
	}
	end = stringEnd(p, i+1)
	if end == len(p) {
		return 0, 0
	}
	n := end - i - 1
	if p[end] != '"' || n == 0 || n > maxKey {
		return -1, 0
	}
	if at = k.find(p[i+1 : end]); k.cache[at].class.kind == kindKeyed || k.cache[at].class.kind == kindTyped {
		return -1, 0
	}
	k.learn(prev, level, at)
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
