package record

import (
	"encoding/binary"

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
	subjects []subject
	table    []known // open addressing, by the digest's first bytes
	used     int
	beyond   int // reports that could not be remembered
	issued   []rules.Digest
	fresh    int // issued[fresh:] was not yet taken
}

type subject struct {
	id     rules.Identifier
	mail   bool // an e-mail is known: another one is another person
	fields rules.Fields
	name   uint64 // hash of the name, 0 while unknown
}

type known struct {
	digest rules.Digest
	slot   int32 // plus one; 0: free
}

func (r *report) find(id rules.Identifier) int32 {
	if len(r.table) == 0 {
		return 0
	}
	mask := uint64(len(r.table) - 1)
	for i := binary.LittleEndian.Uint64(id.Digest[:8]) & mask; r.table[i].slot != 0; i = (i + 1) & mask {
		if r.table[i].digest == id.Digest {
			return r.table[i].slot
		}
	}
	return 0
}

// knows reports whether an identifier was told about a subject.
func (r *report) knows(id rules.Identifier, slot int32) bool {
	if len(r.table) == 0 {
		return false
	}
	mask := uint64(len(r.table) - 1)
	for i := binary.LittleEndian.Uint64(id.Digest[:8]) & mask; r.table[i].slot != 0; i = (i + 1) & mask {
		if r.table[i].digest == id.Digest && r.table[i].slot == slot {
			return true
		}
	}
	return false
}

func (r *report) insert(id rules.Identifier, slot int32) {
	if r.used >= maxKnown {
		return
	}
	if 4*(r.used+1) > 3*len(r.table) {
		old := r.table
		r.table = make([]known, max(64, 2*len(old)))
		for _, k := range old {
			if k.slot != 0 {
				r.put(k)
			}
		}
	}
	r.put(known{id.Digest, slot})
	r.used++
}

func (r *report) put(k known) {
	mask := uint64(len(r.table) - 1)
	i := binary.LittleEndian.Uint64(k.digest[:8]) & mask
	for r.table[i].slot != 0 {
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
	for _, kind := range [...]rules.IdentifierKind{
		rules.IdentifierEmail, rules.IdentifierCustomerID, rules.IdentifierResidence, rules.IdentifierPhone, rules.IdentifierCard,
	} {
		for _, id := range g.ids[:g.n] {
			if id.Kind != kind {
				continue
			}
			slot := r.find(id)
			if slot == 0 {
				continue
			}
			s := &r.subjects[slot-1]
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
	fields := g.fields
	if slot == 0 {
		if len(r.subjects) >= maxSubjects {
			r.beyond++
			r.push(g.ids[0], g.ids[:g.n], fields)
			return
		}
		r.subjects = append(r.subjects, subject{id: g.ids[0]})
		slot = int32(len(r.subjects))
	}
	g.slot = slot
	s := &r.subjects[slot-1]
	s.mail = s.mail || g.mail()
	if s.name == 0 {
		s.name = name
	}
	var fresh [rules.MaxIdentifiers]rules.Identifier
	n := 0
	for _, id := range g.ids[:g.n] {
		if !r.knows(id, slot) {
			fresh[n] = id
			n++
			r.insert(id, slot)
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
	room := r.cut(len(ids) + 1)
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
