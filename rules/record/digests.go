package record

import (
	"encoding/binary"

	"github.com/ordergate/ordergate/rules"
)

const (
	maxRecent  = 78 // bytes of a value whose digest is remembered
	recentSets = 16
)

// recent remembers the digests of the last values: a page shows an address as a
// link and as its text, and an order's two addresses are often one, so that half
// of what a page has to be digested was digested just before. It is part of a
// grouper, and emptied with it: no readable value stays. The zero value knows none.
type recent [recentSets]recentDigest

// recentDigest is a value as it was found, and the digest of its normal form.
type recentDigest struct {
	digest rules.Digest
	kind   rules.IdentifierKind
	n      uint8 // bytes of text; 0: free
	text   [maxRecent]byte
}

// at returns the place of a value, or nil if there is none for it.
func (r *recent) at(kind rules.IdentifierKind, v []byte) *recentDigest {
	if len(v) < 4 || len(v) > maxRecent {
		return nil
	}
	return &r[(binary.LittleEndian.Uint32(v)*5+binary.LittleEndian.Uint32(v[len(v)-4:])*0x9E3779B1+uint32(kind))>>15%recentSets]
}

// find returns the digest of a value, if it is remembered.
func (r *recent) find(kind rules.IdentifierKind, v []byte) (d rules.Digest, ok bool) {
	e := r.at(kind, v)
	if e == nil || int(e.n) != len(v) || e.kind != kind || string(e.text[:len(v)]) != string(v) {
		return d, false
	}
	return e.digest, true
}

// keep remembers the digest of a value.
func (r *recent) keep(kind rules.IdentifierKind, v []byte, d rules.Digest) {
	if e := r.at(kind, v); e != nil {
		e.digest, e.kind = d, kind
		e.n = uint8(copy(e.text[:], v))
	}
}
