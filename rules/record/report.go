package record

import (
	"encoding/binary"
	"slices"

	"github.com/ordergate/ordergate/rules"
)

const (
	maxSubjects = 16384 // subjects remembered in one response
	maxKnown    = 49152 // their digests
	maxIssued   = 8
)

// report remembers which subjects of a response were reported, with which
// fields and identifiers, so that each is counted once and told once.
type report struct {
	out      []rules.Record
	ids      []rules.Identifier // room that the records' identifiers are cut from
	subjects chunks[subject]
	digests  chunks[rules.Digest]
	table    []known // open addressing, by the digest's first bytes
	beyond   int     // reports that could not be remembered
	issued   []rules.Digest
	fresh    int // issued[fresh:] was not yet taken
	weak     weak
}

// weak is what was shown of people without singling them out.
type weak struct {
	count  int // may count somebody twice
	fields rules.Fields
}

type subject struct {
	id     rules.Identifier
	mail   bool // an e-mail is known: another one is another person
	fields rules.Fields
	name   uint64 // hash of the name, 0 while unknown
}

// known says that a digest was told about a subject: 16 bits of the digest's
// place in digests, 15 of the subject's slot, and 33 of the digest itself,
// which spare most looks at the whole of it. 0 is free: slots begin with 1.
type known uint64

const (
	slotBits  = 15
	indexBits = 16
	printBits = 64 - slotBits - indexBits

	_ = uint(1<<slotBits - 1 - maxSubjects) // they fit
	_ = uint(1<<indexBits - maxKnown)
)

func newKnown(d *rules.Digest, index int, slot int32) known {
	return known(print33(d))<<(slotBits+indexBits) | known(index)<<slotBits | known(slot)
}

// print33 is the part of a digest that finds its place in the table.
func print33(d *rules.Digest) uint64 {
	return binary.LittleEndian.Uint64(d[:8]) & (1<<printBits - 1)
}

func (k known) print() uint64 { return uint64(k >> (slotBits + indexBits)) }
func (k known) index() int    { return int(k >> slotBits & (1<<indexBits - 1)) }
func (k known) slot() int32   { return int32(k & (1<<slotBits - 1)) }

// find returns the slot of the subject that a digest was first told about, or
// 0.
func (r *report) find(d *rules.Digest) int32 {
	if len(r.table) == 0 {
		return 0
	}
	want, mask := print33(d), uint64(len(r.table)-1)
	for i := want & mask; r.table[i] != 0; i = (i + 1) & mask {
		if k := r.table[i]; k.print() == want && *r.digests.at(k.index()) == *d {
			return k.slot()
		}
	}
	return 0
}

// knows reports whether an identifier was told about a subject.
func (r *report) knows(d *rules.Digest, slot int32) bool {
	if len(r.table) == 0 {
		return false
	}
	want, mask := print33(d), uint64(len(r.table)-1)
	for i := want & mask; r.table[i] != 0; i = (i + 1) & mask {
		if k := r.table[i]; k.slot() == slot && k.print() == want && *r.digests.at(k.index()) == *d {
			return true
		}
	}
	return false
}

func (r *report) insert(d *rules.Digest, slot int32) {
	if r.digests.n >= maxKnown {
		return
	}
	if 4*(r.digests.n+1) > 3*len(r.table) {
		old := r.table
		r.table = make([]known, max(64, 2*len(old)))
		for _, k := range old {
			if k != 0 {
				r.put(k)
			}
		}
	}
	r.put(newKnown(d, r.digests.n, slot))
	r.digests.push(*d)
}

func (r *report) put(k known) {
	mask := uint64(len(r.table) - 1)
	i := k.print() & mask
	for r.table[i] != 0 {
		i = (i + 1) & mask
	}
	r.table[i] = k
}

// cut returns room for n identifiers that stay with the record.
func (r *report) cut(n int) []rules.Identifier {
	if len(r.ids)+n > cap(r.ids) {
		r.ids = make([]rules.Identifier, 0, 128)
	}
	from := len(r.ids)
	r.ids = r.ids[:from+n]
	return r.ids[from : from : from+n]
}

// slotOf finds the subject that a group belongs to: the one with the same
// e-mail, customer number, residence, or with the same phone and no other
// name. Different e-mails are different people whatever else they share.
func (r *report) slotOf(g *group, name uint64) int32 {
	have := 0
	for i := range g.ids[:g.n] {
		have |= 1 << g.ids[i].Kind
	}
	for _, kind := range [...]rules.IdentifierKind{
		rules.IdentifierEmail, rules.IdentifierCustomerID, rules.IdentifierResidence, rules.IdentifierPhone, rules.IdentifierCard,
	} {
		if have&(1<<kind) == 0 {
			continue
		}
		for i := range g.ids[:g.n] {
			id := &g.ids[i]
			if id.Kind != kind {
				continue
			}
			slot := r.find(&id.Digest)
			if slot == 0 {
				continue
			}
			s := r.subjects.at(int(slot - 1))
			if kind != rules.IdentifierEmail && s.mail && g.mail() {
				continue
			}
			if kind == rules.IdentifierPhone && s.name != 0 && name != 0 && s.name != name {
				continue
			}
			return slot
		}
	}
	return 0
}

// add reports a group: a new subject, or what is new about a known one.
func (r *report) add(g *group, name uint64) {
	sortIdentifiers(g.ids[:g.n])
	slot := g.slot
	if slot == 0 {
		slot = r.slotOf(g, name)
	}
	fields, first := g.fields, slot == 0
	if first {
		if r.subjects.n >= maxSubjects {
			r.beyond++
			r.push(g.ids[0], g.ids[:g.n], fields)
			return
		}
		r.subjects.push(subject{id: g.ids[0]})
		slot = int32(r.subjects.n)
	}
	g.slot = slot
	s := r.subjects.at(int(slot - 1))
	s.mail = s.mail || g.mail()
	if s.name == 0 {
		s.name = name
	}
	var fresh [rules.MaxIdentifiers]rules.Identifier
	n := 0
	for i := range g.ids[:g.n] {
		id := &g.ids[i]
		if first || !r.knows(&id.Digest, slot) {
			fresh[n] = *id
			n++
			r.insert(&id.Digest, slot)
		}
	}
	fields &^= s.fields
	if n == 0 && fields == 0 {
		return
	}
	s.fields |= fields
	r.push(s.id, fresh[:n], fields)
}

func (r *report) push(subject rules.Identifier, ids []rules.Identifier, fields rules.Fields) {
	n := len(ids)
	if !slices.Contains(ids, subject) {
		n++
	}
	room := r.cut(n)
	room = append(room, subject)
	for _, id := range ids {
		if id != subject {
			room = append(room, id)
		}
	}
	if len(room) > rules.MaxIdentifiers {
		room = room[:rules.MaxIdentifiers]
	}
	r.out = append(r.out, rules.Record{Subject: subject, Identifiers: room, Fields: fields})
}

// token remembers the digest of a session or bearer token that was issued.
func (r *report) token(d rules.Digest) {
	if len(r.issued) >= maxIssued {
		return
	}
	for _, have := range r.issued {
		if have == d {
			return
		}
	}
	r.issued = append(r.issued, d)
}
