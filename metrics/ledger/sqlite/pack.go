package sqlite

import (
	"fmt"
	"time"

	"github.com/ordergate/ordergate/rules"
)

// identifierSize is a packed identifier: one byte of kind, then the digest.
const identifierSize = 1 + len(rules.Digest{})

// blob returns what is stored for a digest: NULL for none.
func blob(d *rules.Digest) any {
	if d.IsZero() {
		return nil
	}
	return d[:]
}

func nonEmpty(b []byte) any {
	if len(b) == 0 {
		return nil
	}
	return b
}

func packIdentifier(dst []byte, id rules.Identifier) []byte {
	return append(append(dst, byte(id.Kind)), id.Digest[:]...)
}

// unpackIdentifiers is the inverse of packing identifiers one after another.
func unpackIdentifiers(packed []byte) ([]rules.Identifier, error) {
	if len(packed)%identifierSize != 0 {
		return nil, fmt.Errorf("identifiers of %d bytes: want a multiple of %d", len(packed), identifierSize)
	}
	if len(packed) == 0 {
		return nil, nil
	}
	ids := make([]rules.Identifier, 0, len(packed)/identifierSize)
	for ; len(packed) > 0; packed = packed[identifierSize:] {
		ids = append(ids, rules.Identifier{Kind: rules.IdentifierKind(packed[0]), Digest: rules.Digest(packed[1:identifierSize])})
	}
	return ids, nil
}

// unpackDigest reads a digest or NULL.
func unpackDigest(packed []byte, d *rules.Digest) error {
	if len(packed) != 0 && len(packed) != len(d) {
		return fmt.Errorf("digest of %d bytes: want %d", len(packed), len(d))
	}
	copy(d[:], packed)
	return nil
}

func fromNanos(n int64) time.Time { return time.Unix(0, n).UTC() }

// nanos clamps a time to what a column can hold; zero gives unset.
func nanos(t time.Time, unset int64) int64 {
	switch {
	case t.IsZero():
		return unset
	case t.Before(time.Unix(0, 0)):
		return 0
	case t.Year() >= 2262:
		return 1<<63 - 1
	}
	return t.UnixNano()
}
