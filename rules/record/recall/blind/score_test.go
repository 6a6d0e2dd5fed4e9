package blind

import (
	"github.com/ordergate/ordergate/rules"
	"github.com/ordergate/ordergate/rules/record"
)

// tally counts people of bodies and what was found of them.
type tally struct {
	bodies, people int
	exact          int // found as one subject, with exactly the fields shown
	found          int // found as a subject of their own
	excess         int // subjects that are nobody, or somebody a second time
}

func (t *tally) add(o tally) {
	t.bodies += o.bodies
	t.people += o.people
	t.exact += o.exact
	t.found += o.found
	t.excess += o.excess
}

// hits counts the decisions about one field.
type hits struct{ right, extra, missed int }

// outcome is what was found in one body.
type outcome struct {
	tally
	fields [16]hits
}

// score runs a finder over a body and compares.
func score(h *rules.Hasher, b *Body) outcome {
	f := record.NewFinder(&record.Config{Countries: []string{b.Country}}, h.Clone(), b.ContentType)
	_, _ = f.Write([]byte(b.Text))
	_ = f.Close()
	at := map[rules.Identifier]int{}
	var subjects []rules.Record
	for _, r := range f.Take(nil) {
		i, ok := at[r.Subject]
		if !ok {
			i = len(subjects)
			at[r.Subject] = i
			subjects = append(subjects, rules.Record{Subject: r.Subject})
		}
		subjects[i].Fields |= r.Fields
		subjects[i].Identifiers = append(subjects[i].Identifiers, r.Identifiers...)
	}
	out := outcome{tally: tally{bodies: 1, people: len(b.people)}}
	owner := make([]int, len(b.people)) // subject of each person, plus one
	for n := range subjects {
		if i := whose(h, b, &subjects[n], owner); i >= 0 {
			owner[i] = n + 1
		} else {
			out.excess++
		}
	}
	for i, p := range b.people {
		var seen rules.Fields
		if owner[i] > 0 {
			seen = subjects[owner[i]-1].Fields
			out.found++
			if seen == p.shown {
				out.exact++
			}
		}
		out.count(seen, p.shown)
	}
	return out
}

// whose returns the first person without a subject that a subject is, or -1.
func whose(h *rules.Hasher, b *Body, s *rules.Record, owner []int) int {
	for i, p := range b.people {
		if owner[i] > 0 {
			continue
		}
		for _, want := range p.identifiers(h, b.Country) {
			for _, have := range s.Identifiers {
				if have == want {
					return i
				}
			}
		}
	}
	return -1
}

func (o *outcome) count(seen, shown rules.Fields) {
	for bit := range o.fields {
		f := rules.Fields(1) << bit
		switch {
		case seen&shown&f != 0:
			o.fields[bit].right++
		case seen&f != 0:
			o.fields[bit].extra++
		case shown&f != 0:
			o.fields[bit].missed++
		}
	}
}

// identifiers are all identifiers that may stand for a person in a body that
// shows what p.shown says.
func (p *person) identifiers(h *rules.Hasher, country string) []rules.Identifier {
	var ids []rules.Identifier
	add := func(kind rules.IdentifierKind, v []byte, ok bool) {
		if ok {
			ids = append(ids, rules.Identifier{Kind: kind, Digest: h.Identifier(kind, v)})
		}
	}
	if p.has(rules.FieldEmail) {
		n, ok := record.NormalizeEmail([]byte(p.email))
		add(rules.IdentifierEmail, n, ok)
	}
	if p.numbered {
		n, ok := record.NormalizeCustomerID([]byte(p.number))
		add(rules.IdentifierCustomerID, n, ok)
	}
	if p.has(rules.FieldPhone) {
		for _, countries := range [][]string{{country}, nil} {
			n, ok := record.NormalizePhone([]byte(p.phone), countries)
			add(rules.IdentifierPhone, n, ok)
		}
	}
	for _, a := range []*place{&p.home, &p.delivery} {
		for _, street := range []string{p.street(a), a.street + " " + a.house, p.whole(a)} {
			n, ok := record.NormalizeResidence([]byte(p.full()), []byte(street))
			add(rules.IdentifierResidence, n, ok)
		}
	}
	return ids
}
