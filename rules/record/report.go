package record

import (
	"slices"

	"github.com/ordergate/ordergate/rules"
)

const (
	maxSubjects = 16384 // subjects remembered in one response
	maxIssued   = 8
)

// report remembers which subjects of a response were reported, with which
// fields and identifiers, so that each is counted once and told once.
type report struct {
	out      []rules.Record
	ids      []rules.Identifier // room that the records' identifiers are cut from
	told     *told              // nil: nothing yet
	subjects int                // how many told has
	beyond   int                // reports that could not be remembered
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

// cut returns room for n identifiers that stay with the record.
func (r *report) cut(n int) []rules.Identifier {
	if len(r.ids)+n > cap(r.ids) {
		r.ids = make([]rules.Identifier, 0, 128)
	}
	from := len(r.ids)
	r.ids = r.ids[:from+n]
	return r.ids[from : from : from+n]
}

// slotOf finds the subject that a group, whose identifiers are sorted, belongs to:
// the one with the same e-mail, customer number, residence, or with the same phone
// and no other name, or with the same card. Different e-mails are different people
// whatever else they share.
func (r *report) slotOf(g *group, name uint64) (slot int32) {
	for i := range g.ids[:g.n] {
		id := &g.ids[i]
		if id.Kind > rules.IdentifierCard || id.Kind == rules.IdentifierCard && slot != 0 {
			break
		}
		found := r.told.find(&id.Digest)
		if found == 0 {
			continue
		}
		s := r.told.subjects.at(int(found - 1))
		switch {
		case id.Kind != rules.IdentifierEmail && s.mail && g.mail():
		case id.Kind != rules.IdentifierPhone:
			return found
		case slot == 0 && (s.name == 0 || name == 0 || s.name == name): // a residence goes before
			slot = found
		}
	}
	return slot
}

// add reports a group: a new subject, or what is new about a known one.
func (r *report) add(g *group, name uint64) {
	sortIdentifiers(g.ids[:g.n])
	if r.told == nil {
		r.told = newTold()
	}
	slot := g.slot
	if slot == 0 {
		slot = r.slotOf(g, name)
	}
	fields, first := g.fields, slot == 0
	if first {
		if r.subjects >= maxSubjects {
			r.beyond++
			r.push(g.ids[0], g.ids[:g.n], fields)
			return
		}
		r.told.subjects.push(subject{id: g.ids[0]})
		r.subjects++
		slot = int32(r.subjects)
	}
	g.slot = slot
	s := r.told.subjects.at(int(slot - 1))
	s.mail = s.mail || g.mail()
	if s.name == 0 {
		s.name = name
	}
	fields &^= s.fields
	if first {
		for i := range g.ids[:g.n] {
			r.told.insert(&g.ids[i].Digest, slot)
		}
		s.fields = fields
		r.push(s.id, g.ids[:g.n], fields)
		return
	}
	var fresh [rules.MaxIdentifiers]rules.Identifier
	n := 0
	for i := range g.ids[:g.n] {
		id := &g.ids[i]
		if !r.told.knows(&id.Digest, slot) {
			fresh[n] = *id
			n++
			r.told.insert(&id.Digest, slot)
		}
	}
	if n == 0 && fields == 0 {
		return
	}
	s.fields |= fields
	r.push(s.id, fresh[:n], fields)
}

func (r *report) push(subject rules.Identifier, ids []rules.Identifier, fields rules.Fields) {
	n := len(ids)
	var room []rules.Identifier
	if n > 0 && ids[0] == subject { // as the first part of a record has it
		room = append(r.cut(n), ids...)
	} else {
		if !slices.Contains(ids, subject) {
			n++
		}
		room = append(r.cut(n), subject)
		for _, id := range ids {
			if id != subject {
				room = append(room, id)
			}
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
