package rules

import (
	"crypto/sha256"
	"encoding"
	"encoding/binary"
	"hash"
)

// maxQuick is the longest value, in bytes, that fits into one block of SHA-256
// beside the two bytes before it and the padding (FIPS 180-4 section 5.1.1).
const maxQuick = sha256.BlockSize - 2 - 9

// blocks is HMAC-SHA-256 for short values: the states after the two blocks of
// the key are kept, as RFC 2104 section 4 advises, and each digest costs two
// blocks more. crypto/hmac keeps them too, but pads and copies its states for
// every sum, which takes as long again as the hashing. Here the padding is
// written by hand and the state read where [hash.Hash] marshals it.
type blocks struct {
	hash  hash.Hash
	set   encoding.BinaryUnmarshaler
	get   encoding.BinaryAppender
	inner []byte // marshalled states after the key's blocks; never written
	outer []byte
	state [128]byte
	block [sha256.BlockSize]byte
	last  [sha256.BlockSize]byte // of the outer hash: the inner sum and its padding
}

// stateAt is where the eight words of the state lie in a marshalled SHA-256.
const stateAt = 4

// newBlocks returns nil if SHA-256 cannot marshal its state as expected.
func newBlocks(key []byte) *blocks {
	if len(key) > sha256.BlockSize {
		sum := sha256.Sum256(key)
		key = sum[:]
	}
	b := new(blocks)
	if !b.init() {
		return nil
	}
	var ok bool
	if b.inner, ok = b.after(key, 0x36); !ok {
		return nil
	}
	if b.outer, ok = b.after(key, 0x5C); !ok {
		return nil
	}
	return b
}

func (b *blocks) init() bool {
	b.hash = sha256.New()
	var set, get bool
	b.set, set = b.hash.(encoding.BinaryUnmarshaler)
	b.get, get = b.hash.(encoding.BinaryAppender)
	b.last[sha256.Size] = 0x80
	binary.BigEndian.PutUint16(b.last[sha256.BlockSize-2:], 8*(sha256.BlockSize+sha256.Size))
	return set && get
}

// after returns the state after the key's block with a pad.
func (b *blocks) after(key []byte, pad byte) ([]byte, bool) {
	var block [sha256.BlockSize]byte
	copy(block[:], key)
	for i := range block {
		block[i] ^= pad
	}
	b.hash.Reset()
	b.hash.Write(block[:])
	state, err := b.get.AppendBinary(nil)
	return state, err == nil && len(state) >= stateAt+sha256.Size && len(state) <= len(b.state) && b.set.UnmarshalBinary(state) == nil
}

func (b *blocks) clone() *blocks {
	if b == nil {
		return nil
	}
	c := &blocks{inner: b.inner, outer: b.outer}
	c.init()
	return c
}

// digest is Hasher.slow for a value of at most maxQuick bytes. Its errors are
// none that a state which was read once could give.
func (b *blocks) digest(space, kind byte, value []byte) (d Digest) {
	m := &b.block
	*m = [sha256.BlockSize]byte{space, kind}
	n := 2 + copy(m[2:], value)
	m[n] = 0x80
	binary.BigEndian.PutUint16(m[sha256.BlockSize-2:], uint16(8*(sha256.BlockSize+n)))
	_ = b.set.UnmarshalBinary(b.inner)
	b.hash.Write(m[:])
	state, _ := b.get.AppendBinary(b.state[:0])
	copy(b.last[:sha256.Size], state[stateAt:])
	_ = b.set.UnmarshalBinary(b.outer)
	b.hash.Write(b.last[:])
	state, _ = b.get.AppendBinary(b.state[:0])
	copy(d[:], state[stateAt:])
	clear(m[:])
	return d
}
