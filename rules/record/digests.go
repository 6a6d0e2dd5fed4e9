package record

import (
	"encoding/binary"

	"github.com/ordergate/ordergate/rules"
)

const (
	maxRecent  = 46 // bytes of a value whose digest is remembered
	recentSets = 16
)

// recent remembers the digests of the last values: a page shows an address as a
// link and as its text, and an order's two addresses are often one, so that half
// of what a page has to be digested was digested just before. It is part of a
// grouper, and emptied with it: no readable value stays. The zero value knows none.
type recent [recentSets]struct {
	digest rules.Digest
	kind   rules.IdentifierKind
	n      uint8 // bytes of text; 0: free
	text   [maxRecent]byte
}

// digest is [rules.Hasher.Identifier].
func (r *recent) digest(h *rules.Hasher, kind rules.IdentifierKind, v []byte) rules.Digest {
	if len(v) < 4 || len(v) > maxRecent {
		return h.Identifier(kind, v)
	}
	e := &r[(binary.LittleEndian.Uint32(v)*5+binary.LittleEndian.Uint32(v[len(v)-4:])*0x9E3779B1+uint32(kind))>>15%recentSets]
	if int(e.n) == len(v) && e.kind == kind && string(e.text[:len(v)]) == string(v) {
		return e.digest
	}
	e.digest, e.kind = h.Identifier(kind, v), kind
	e.n = uint8(copy(e.text[:], v))
	return e.digest
}
