package rules

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"reflect"
	"unsafe"
)

// maxQuick is the longest value, in bytes, that fits into one block of SHA-256
// beside the two bytes before it and the padding (FIPS 180-4 section 5.1.1).
const maxQuick = sha256.BlockSize - 2 - 9

// blocks is HMAC-SHA-256 for short values: the states after the two blocks of
// the key are kept, as RFC 2104 section 4 advises, and each digest costs two
// blocks more. crypto/hmac keeps them too, but pads, copies and marshals its
// states for every sum, which takes longer than the hashing. Here the padding
// is written by hand, and the state is set and read where crypto/sha256 keeps
// it.
type blocks struct {
	hash  hash.Hash
	at    uintptr // of the state in hash
	state *words
	inner words // after the key's block
	outer words
	block [sha256.BlockSize]byte // zero between two digests: no readable value stays
	last  [sha256.BlockSize]byte // of the outer hash: the inner sum and its padding
}

// words are the state of SHA-256 between two blocks.
type words [8]uint32

// newBlocks returns nil if crypto/sha256 does not keep its state as expected.
func newBlocks(key []byte) *blocks {
	if len(key) > sha256.BlockSize {
		sum := sha256.Sum256(key)
		key = sum[:]
	}
	b := new(blocks)
	var ok bool
	if b.at, ok = stateAt(); !ok {
		return nil
	}
	b.init()
	b.inner, b.outer = b.after(key, 0x36), b.after(key, 0x5C)
	return b
}

func (b *blocks) init() {
	b.hash = sha256.New()
	b.state = (*words)(unsafe.Add(reflect.ValueOf(b.hash).UnsafePointer(), b.at)) //nolint:gosec // see stateAt
	b.last[sha256.Size] = 0x80
	binary.BigEndian.PutUint16(b.last[sha256.BlockSize-2:], 8*(sha256.BlockSize+sha256.Size))
}

// stateAt returns where crypto/sha256 keeps the state: in a field of that name
// and type. It is false if there is none; that it is what it seems to be,
// [Hasher.proven] sees.
func stateAt() (offset uintptr, ok bool) {
	t := reflect.TypeOf(sha256.New())
	if t.Kind() != reflect.Pointer || t.Elem().Kind() != reflect.Struct {
		return 0, false
	}
	f, ok := t.Elem().FieldByName("h")
	return f.Offset, ok && len(f.Index) == 1 && f.Type == reflect.TypeFor[[8]uint32]()
}

// after returns the state after the key's block with a pad.
func (b *blocks) after(key []byte, pad byte) words {
	var block [sha256.BlockSize]byte
	copy(block[:], key)
	for i := range block {
		block[i] ^= pad
	}
	b.hash.Reset()
	b.hash.Write(block[:])
	return *b.state
}

func (b *blocks) clone() *blocks {
	if b == nil {
		return nil
	}
	c := &blocks{at: b.at, inner: b.inner, outer: b.outer}
	c.init()
	return c
}

// digest is Hasher.slow for a value of at most maxQuick bytes.
func (b *blocks) digest(space, kind byte, value []byte) (d Digest) {
	m := &b.block
	m[0], m[1] = space, kind
	n := 2 + copy(m[2:], value)
	m[n] = 0x80
	binary.BigEndian.PutUint16(m[sha256.BlockSize-2:], uint16(8*(sha256.BlockSize+n)))
	s := b.state
	*s = b.inner
	b.hash.Write(m[:])
	binary.BigEndian.PutUint64(b.last[0:8], uint64(s[0])<<32|uint64(s[1]))
	binary.BigEndian.PutUint64(b.last[8:16], uint64(s[2])<<32|uint64(s[3]))
	binary.BigEndian.PutUint64(b.last[16:24], uint64(s[4])<<32|uint64(s[5]))
	binary.BigEndian.PutUint64(b.last[24:32], uint64(s[6])<<32|uint64(s[7]))
	*s = b.outer
	b.hash.Write(b.last[:])
	binary.BigEndian.PutUint64(d[0:8], uint64(s[0])<<32|uint64(s[1]))
	binary.BigEndian.PutUint64(d[8:16], uint64(s[2])<<32|uint64(s[3]))
	*m = [sha256.BlockSize]byte{}
	return d
}
