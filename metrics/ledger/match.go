package ledger

import (
	"slices"

	"github.com/ordergate/ordergate/rules"
)

// Matcher joins affected subjects with a list of customers that is read one
// customer at a time. It holds the subjects, not the list. Make one with
// [NewMatcher]; it is not safe for concurrent use.
//
// A customer is affected when one of its email addresses was disclosed. A
// customer number decides only where no email address can: when the disclosed
// record has none, or the list has none. A phone number or residence decides
// where neither can. So nobody is told of a loss that was another's: of the
// household, or with the same number in another table of the shop.
type Matcher struct {
	subjects []Subject
	has      []kinds // by subject
	by       map[rules.Identifier][]int32
	matched  []bool
	hits     []int32
}

// kinds is a set of identifier kinds.
type kinds uint8

const (
	emailKind   = kinds(1 << rules.IdentifierEmail)
	strongKinds = emailKind | 1<<rules.IdentifierCustomerID
)

func kindsOf(ids []rules.Identifier) (k kinds) {
	for _, id := range ids {
		k |= 1 << id.Kind
	}
	return k
}

// NewMatcher returns a matcher for what [Affected.Subjects] returned.
func NewMatcher(subjects []Subject) *Matcher {
	m := &Matcher{
		subjects: subjects, has: make([]kinds, len(subjects)), matched: make([]bool, len(subjects)),
		by: make(map[rules.Identifier][]int32, 2*len(subjects)),
	}
	for i := range subjects {
		m.has[i] = kindsOf(subjects[i].Identifiers)
		for _, id := range subjects[i].Identifiers {
			m.by[id] = append(m.by[id], int32(i)) //nolint:gosec // bounded by Affected
		}
	}
	return m
}

// surer returns the kinds that decide where a customer and a subject both have
// them, so that a common identifier of this kind says nothing.
func surer(kind rules.IdentifierKind) kinds {
	if r := rankOf(kind); r == rankEmail {
		return 0
	} else if r == rankCustomer {
		return emailKind
	}
	return strongKinds
}

// Match returns what was disclosed about the customer with these identifiers,
// or false if nothing was. The result is Shared if it may be another's: several
// subjects with different email addresses, told apart by nothing that the
// customer has.
func (m *Matcher) Match(ids []rules.Identifier) (Subject, bool) {
	m.hits = m.hits[:0]
	has := kindsOf(ids)
	for _, id := range ids {
		for _, i := range m.by[id] {
			if m.has[i]&has&surer(id.Kind) == 0 && !slices.Contains(m.hits, i) {
				m.hits = append(m.hits, i)
			}
		}
	}
	if len(m.hits) == 0 {
		return Subject{}, false
	}
	slices.Sort(m.hits)
	found, mails := Subject{}, kinds(0)
	several := false
	for n, i := range m.hits {
		m.matched[i] = true
		several = several || m.has[i]&mails != 0
		mails |= m.has[i] & emailKind
		if n == 0 {
			found = m.subjects[i]
		} else {
			found = found.with(&m.subjects[i])
		}
	}
	found.Shared = found.Shared || several && has&emailKind == 0
	return found, true
}

// Unmatched returns how many subjects no customer has matched so far.
func (m *Matcher) Unmatched() int {
	n := 0
	for _, matched := range m.matched {
		if !matched {
			n++
		}
	}
	return n
}

// with returns the two subjects as one. A response that carried both counts
// twice.
func (s Subject) with(other *Subject) Subject {
	t := trace{fields: s.Fields, to: slices.Clone(s.To), toCut: s.ToCut}
	t.merge(&trace{fields: other.Fields, to: other.To, toCut: other.ToCut})
	s.Fields, s.To, s.ToCut = t.fields, t.to, t.toCut
	if other.First.Before(s.First) {
		s.First = other.First
	}
	if other.Last.After(s.Last) {
		s.Last = other.Last
	}
	s.Delivered += other.Delivered
	s.Unknown += other.Unknown
	s.Withheld += other.Withheld
	s.Identifiers = append(slices.Clone(s.Identifiers), other.Identifiers...)
	slices.SortFunc(s.Identifiers, compareIdentifiers)
	s.Identifiers = slices.Compact(s.Identifiers)
	s.Shared = s.Shared && other.Shared
	return s
}
