package record

import (
	"encoding/binary"

	"github.com/ordergate/ordergate/rules"
)

const (
	maxRecent  = 78 // bytes of a value whose digest is remembered
	recentSets = 16
)

// recent remembers the digests of the last values, and of some that are about to be
// asked for, see [grouper.ahead]: a page shows an address as a link and as its text, and
// an order's two addresses are often one, so that half of what a page has to be digested
// was digested just before. It is part of a grouper, and emptied with it: no readable
// value stays. The zero value knows none.
type recent [recentSets]recentDigest

type recentDigest struct {
	digest rules.Digest
	kind   rules.IdentifierKind
	n      uint8 // bytes of text; 0: free
	text   [maxRecent]byte
}

// at returns the place of a value, or nil if there is none for it.
func (r *recent) at(kind rules.IdentifierKind, v []byte) *recentDigest {
	if len(v) > maxRecent || len(v) == 0 {
		return nil
	}
	h := uint64(kind)
	if len(v) >= 8 {
		h += binary.LittleEndian.Uint64(v)*5 + binary.LittleEndian.Uint64(v[len(v)-8:])
	} else {
		for _, b := range v {
			h = h<<8 + uint64(b)
		}
	}
	return &r[h*0x9E3779B97F4A7C15>>60%recentSets]
}

// find returns the digest of a value, if it is remembered.
func (r *recent) find(kind rules.IdentifierKind, v []byte) (d *rules.Digest, ok bool) {
	e := r.at(kind, v)
	if e == nil || int(e.n) != len(v) || e.kind != kind || string(e.text[:len(v)]) != string(v) {
		return nil, false
	}
	return &e.digest, true
}

// keep remembers the digest of a value.
func (r *recent) keep(kind rules.IdentifierKind, v []byte, d rules.Digest) {
	if e := r.at(kind, v); e != nil {
		e.digest, e.kind = d, kind
		e.n = uint8(copy(e.text[:], v))
	}
}

// identifier digests a value of the innermost structure.
func (g *grouper) identifier(kind rules.IdentifierKind, v []byte) (id rules.Identifier) {
	g.stirs++
	id.Kind = kind
	if g.slow {
		id.Digest = g.h.Identifier(kind, v)
		return id
	}
	if g.paged || kind == rules.IdentifierOrder || kind == rules.IdentifierCustomerID {
		if d, ok := g.recent.find(kind, v); ok {
			id.Digest = *d
			return id
		}
	}
	if next, text, as := g.ahead(kind); text != nil {
		two := g.h.Identifiers([2]rules.IdentifierKind{kind, next}, v, text)
		id.Digest = two[0]
		g.recent.keep(next, as, two[1])
	} else {
		id.Digest = g.h.Identifier(kind, v)
	}
	if g.paged {
		g.recent.keep(kind, v, id.Digest)
	}
	return id
}

// ahead returns what will most likely be digested next, once its structure ends, when an
// identifier of a kind is: two digests at once take little more time than one. text is
// what is digested, and as what it is remembered; nil if nothing is foreseen. Whether it
// comes to that changes nothing but the time.
func (g *grouper) ahead(kind rules.IdentifierKind) (next rules.IdentifierKind, text, as []byte) {
	n := len(g.frames)
	if n == 0 || kind > rules.IdentifierPhone && kind != rules.IdentifierOrder || kind == rules.IdentifierCustomerID {
		return 0, nil, nil
	}
	f := &g.frames[n-1]
	if f.own == none {
		return 0, nil, nil
	}
	o := &g.groups[f.own]
	var v []byte
	switch {
	case kind == rules.IdentifierOrder:
		next, v = kind, o.generic.bytes()
	case o.customer.n > 0:
		next, v = rules.IdentifierCustomerID, o.customer.bytes()
	case f.class.sense&senseCustomer != 0:
		next, v = rules.IdentifierCustomerID, o.generic.bytes()
	}
	if len(v) > 0 {
		if _, ok := g.recent.find(next, v); !ok {
			return next, v, v
		}
	}
	if o.street.n == 0 || o.nameless() || o.marks&markResidence != 0 {
		return 0, nil, nil
	}
	as = o.home(g.home[:0])
	if _, ok := g.recent.find(rules.IdentifierResidence, as); ok {
		return 0, nil, nil
	}
	if text, ok := o.residence(g.next[:0]); ok {
		return rules.IdentifierResidence, text, as
	}
	return 0, nil, nil
}
