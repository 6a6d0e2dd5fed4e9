package rules

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
)

// Digest is a keyed digest: HMAC-SHA-256 (RFC 2104) truncated to 128 bits, as
// RFC 2104 section 5 permits. The zero value means "none" and equals no
// digest of a value.
type Digest [16]byte

// IsZero reports whether d means "none".
func (d Digest) IsZero() bool { return d == Digest{} }

// String returns d in lower-case hexadecimal, 32 characters.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// MarshalText writes what [Digest.String] returns.
func (d Digest) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what [Digest.MarshalText] wrote.
func (d *Digest) UnmarshalText(text []byte) error {
	var out Digest
	if len(text) != 2*len(out) { // hex.Decode panics on a longer text
		return fmt.Errorf("digest of %d characters: want %d hexadecimal characters", len(text), 2*len(out))
	}
	if _, err := hex.Decode(out[:], text); err != nil {
		return fmt.Errorf("digest of %d characters: want %d hexadecimal characters", len(text), 2*len(out))
	}
	*d = out
	return nil
}

// Hasher makes keyed digests. It is not safe for concurrent use: every
// exchange takes its own with [Hasher.Clone]. The zero value is not usable;
// make one with [NewHasher].
type Hasher struct {
	key   []byte
	mac   hash.Hash // for long values; made when one comes
	sum   [sha256.Size]byte
	tag   [1]byte
	quick *blocks
}

// MinKeySize is the smallest accepted HMAC key, in bytes: the output size of
// SHA-256 (RFC 2104 section 3).
const MinKeySize = sha256.Size

// NewHasher returns a hasher for the deployment's key, which must have at
// least [MinKeySize] bytes. The key is copied.
func NewHasher(key []byte) (*Hasher, error) {
	if len(key) < MinKeySize {
		return nil, fmt.Errorf("digest key has %d bytes: want at least %d", len(key), MinKeySize)
	}
	key = append([]byte(nil), key...)
	h := &Hasher{key: key}
	h.quick = newBlocks(key)
	if h.quick != nil && !h.proven() {
		h.quick = nil
	}
	return h, nil
}

// Clone returns an independent hasher with the same key.
func (h *Hasher) Clone() *Hasher {
	return &Hasher{key: h.key, quick: h.quick.clone()}
}

// Identifier digests an identifier's normalised value. The kind is part of
// the input, so the same text as a phone number and as an order number gives
// two unrelated digests. The value is not kept.
func (h *Hasher) Identifier(kind IdentifierKind, normalised []byte) Digest {
	return h.digest('i', byte(kind), normalised)
}

// Key digests a raw key of a principal (a session token, an address) for
// [Principal.Keys]. The value is not kept.
func (h *Hasher) Key(kind KeyKind, raw []byte) Digest {
	return h.digest('k', byte(kind), raw)
}

// Segment digests a part of a URL that may be somebody's name, for route templates and
// for detectors that tell what was asked for apart. The value is not kept.
func (h *Hasher) Segment(raw []byte) Digest {
	return h.digest('s', 0, raw)
}

func (h *Hasher) digest(space, kind byte, value []byte) Digest {
	if h.quick != nil && len(value) <= maxQuick {
		return h.quick.digest(space, kind, value)
	}
	return h.slow(space, kind, value)
}

// slow is digest by crypto/hmac, for values of any length.
func (h *Hasher) slow(space, kind byte, value []byte) Digest {
	if h.mac == nil {
		h.mac = hmac.New(sha256.New, h.key)
	} else {
		h.mac.Reset()
	}
	h.tag[0] = space
	h.mac.Write(h.tag[:])
	h.tag[0] = kind
	h.mac.Write(h.tag[:])
	h.mac.Write(value)
	var d Digest
	copy(d[:], h.mac.Sum(h.sum[:0]))
	return d
}

// proven reports whether the quick way and crypto/hmac agree.
func (h *Hasher) proven() bool {
	var value [maxQuick]byte
	for n := range value {
		value[n] = byte(n * 7)
		if h.quick.digest('i', byte(n), value[:n]) != h.slow('i', byte(n), value[:n]) {
			return false
		}
	}
	return true
}
