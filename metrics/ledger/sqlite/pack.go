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

// network packs the two digests of a client's address.
func network(p *rules.Principal) any {
	if p.IP.IsZero() && p.Prefix.IsZero() {
		return nil
	}
	return append(append(make([]byte, 0, 2*len(p.IP)), p.IP[:]...), p.Prefix[:]...)
}

func packFlags(p *rules.Principal) int64 {
	flags := int64(p.Machine) << 2
	if p.Credential {
		flags |= 1
	}
	if p.Issued {
		flags |= 2
	}
	return flags
}

func unpackFlags(flags int64, p *rules.Principal) {
	p.Credential, p.Issued, p.Machine = flags&1 != 0, flags&2 != 0, int(flags>>2)
}

// packRecord appends the record's subject and its other identifiers to dst.
func packRecord(dst []byte, r *rules.Record) []byte {
	if !r.Subject.Digest.IsZero() {
		dst = packIdentifier(dst, r.Subject)
	}
	for _, id := range r.Identifiers {
		if id != r.Subject && !id.Digest.IsZero() {
			dst = packIdentifier(dst, id)
		}
	}
	return dst
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
