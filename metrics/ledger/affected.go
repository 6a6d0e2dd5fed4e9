package ledger

import (
	"maps"
	"slices"

	"github.com/ordergate/ordergate/rules"
)

// Affected merges disclosures into subjects. Add rows in any order, then ask
// for Subjects. Its memory is bounded by the rows that it is given: about 100
// bytes an identifier, 300 a record without email, and 8 a response. The zero
// value is ready; it is not safe for concurrent use.
//
// Two disclosures are about one subject when they share an email address; two
// with different email addresses never are, whatever else they share (one that
// has both joins them). Everything else joins less, because it may be two
// people's: many shops number customers and logins apart, and a household
// shares a phone and a residence. A record without email belongs to the one
// subject with its customer number; without a customer number, to the one with
// its phone or residence; if there are several such subjects, it stays apart
// and is marked Shared. So two people are two subjects, and neither is said to
// have lost what only the other has lost. The parts of one record (same
// exchange, same subject) are together, unless they have different email
// addresses. Order and card numbers join nothing, except records that are named
// by nothing else.
type Affected struct {
	// All includes subjects' own data, sent to themselves; otherwise only
	// foreign and unlinked disclosures count.
	All bool

	ids       map[rules.Identifier]int32 // nodes by identifier
	records   map[recordName]int32       // nodes by record, for records whose subject is no email
	links     links                      // joins nodes that are certainly one subject
	rank      []rank                     // by node: what it names a subject by
	traces    map[int32]*trace           // by anchor
	weak      [ranks]map[edge]struct{}   // by the rank of the edges' second nodes
	attempted int
}

// rank orders what names a subject, the surest first.
type rank uint8

const (
	rankEmail rank = iota
	rankCustomer
	rankOther
	rankRecord // the record that a part belongs to: it names no subject
	ranks
)

// recordName names a record whose subject is no email.
type recordName struct {
	exchange rules.ExchangeID
	subject  rules.Identifier
}

// edge says that a record of an anchor has an identifier that does not join it
// for certain.
type edge struct{ anchor, identifier int32 }

// links is a disjoint-set forest with path halving (Tarjan and van Leeuwen,
// 1984) over nodes numbered from 0.
type links []int32

func (l links) find(n int32) int32 {
	for l[n] != n {
		l[n] = l[l[n]]
		n = l[n]
	}
	return n
}

func (l links) join(a, b int32) { l[l.find(b)] = l.find(a) }

// Add takes one row.
func (a *Affected) Add(row Row) {
	switch {
	case row.State == rules.Attempted:
		a.attempted++
		return
	case row.Ownership == rules.Own && !a.All:
		return
	}
	if a.ids == nil {
		a.ids, a.records, a.traces = make(map[rules.Identifier]int32), make(map[recordName]int32), make(map[int32]*trace)
		for r := range a.weak {
			a.weak[r] = make(map[edge]struct{})
		}
	}
	anchor := a.anchor(&row)
	for _, id := range row.Record.Identifiers {
		switch r := rankOf(id.Kind); {
		case r == rankEmail:
			a.links.join(anchor, a.identifier(id))
		case r == rankCustomer || joins(id, &row.Record):
			a.weak[r][edge{anchor, a.identifier(id)}] = struct{}{}
		}
	}
	t := a.traces[anchor]
	if t == nil {
		t = new(trace)
		a.traces[anchor] = t
	}
	t.add(&row)
}

func (a *Affected) node(r rank) int32 {
	n := int32(len(a.links)) //nolint:gosec // two billion identifiers do not fit in memory
	a.links, a.rank = append(a.links, n), append(a.rank, r)
	return n
}

func (a *Affected) identifier(id rules.Identifier) int32 {
	n, ok := a.ids[id]
	if !ok {
		n = a.node(rankOf(id.Kind))
		a.ids[id] = n
	}
	return n
}

// anchor returns the node that stands for the row's record: its first email or,
// if it has none, the record itself.
func (a *Affected) anchor(row *Row) int32 {
	subject := row.Record.Subject
	if subject.Kind == rules.IdentifierEmail {
		return a.identifier(subject)
	}
	name := recordName{row.Exchange, subject}
	record, ok := a.records[name]
	if !ok {
		record = a.node(rankRecord)
		a.records[name] = record
	}
	for _, id := range row.Record.Identifiers {
		if id.Kind == rules.IdentifierEmail {
			email := a.identifier(id)
			a.weak[rankRecord][edge{email, record}] = struct{}{}
			return email
		}
	}
	return record
}

// grouping says which subject a node belongs to, as the number of a node that
// stands for the subject.
type grouping struct {
	of      links             // the subject of a node, after find
	touches map[int32][]int32 // the named subjects that have an identifier
	unsure  []int32           // nodes of records that may be one of several subjects
	shared  map[int32]bool    // subjects that are only that
}

// group decides which nodes are one subject: the parts of a record first, then
// from the surest names on; each takes in the records that nothing surer names.
func (a *Affected) group() grouping {
	g := grouping{of: slices.Clone(a.links), touches: make(map[int32][]int32), shared: make(map[int32]bool)}
	g.take(a.weak[rankRecord], g.ranks(a.rank), rankEmail)
	g.take(a.weak[rankCustomer], g.ranks(a.rank), rankEmail)
	g.take(a.weak[rankOther], g.ranks(a.rank), rankCustomer)
	named := g.ranks(a.rank)
	for _, n := range g.unsure {
		if root := g.of.find(n); named[root] != rankEmail {
			g.shared[root] = true
		}
	}
	return g
}

// ranks returns, by the node that stands for a subject, the surest rank of what
// names it.
func (g *grouping) ranks(nodes []rank) []rank {
	surest := slices.Repeat([]rank{ranks}, len(nodes))
	for n, r := range nodes {
		root := g.of.find(int32(n)) //nolint:gosec // see node
		surest[root] = min(surest[root], r)
	}
	return surest
}

// take joins what edges to identifiers join. Subjects that are named as surely
// as limit says, or surer, are not joined with each other.
func (g *grouping) take(edges map[edge]struct{}, named []rank, limit rank) {
	before := slices.Clone(g.of)
	// Records without a surer name are first joined among themselves.
	touched := make(map[int32]struct{})
	for e := range edges {
		if root := before.find(e.anchor); named[root] > limit {
			g.of.join(root, e.identifier)
		} else {
			g.touches[e.identifier] = append(g.touches[e.identifier], root)
			touched[e.identifier] = struct{}{}
		}
	}
	// Then each such group goes to the one named subject that it touches.
	const several = -1
	candidates := make(map[int32]int32)
	for identifier := range touched {
		roots := g.touches[identifier]
		slices.Sort(roots)
		roots = slices.Compact(roots)
		g.touches[identifier] = roots
		group := g.of.find(identifier)
		if have, ok := candidates[group]; len(roots) > 1 || ok && have != roots[0] {
			candidates[group] = several
		} else {
			candidates[group] = roots[0]
		}
	}
	for group, root := range candidates {
		if root == several {
			g.unsure = append(g.unsure, group)
		} else {
			g.of.join(root, group)
		}
	}
}

// Subjects returns the affected subjects, those whose data was released, by
// First, then by Subject, and the counts of all.
func (a *Affected) Subjects() ([]Subject, Counts) {
	g := a.group()
	traces := make(map[int32]*trace)
	for _, anchor := range slices.Sorted(maps.Keys(a.traces)) { // in order of appearance
		subject := g.of.find(anchor)
		if traces[subject] == nil {
			traces[subject] = new(trace)
		}
		traces[subject].merge(a.traces[anchor])
	}
	identifiers := make(map[int32][]rules.Identifier)
	for id, n := range a.ids {
		own := g.of.find(n)
		identifiers[own] = append(identifiers[own], id)
		for _, root := range g.touches[n] {
			if root := g.of.find(root); root != own {
				identifiers[root] = append(identifiers[root], id)
			}
		}
	}
	counts := Counts{Attempted: a.attempted}
	var subjects []Subject
	for n, t := range traces {
		var s Subject
		t.fill(&s)
		switch {
		case s.Delivered > 0:
			counts.Delivered++
		case s.Unknown > 0:
			counts.Unknown++
		default:
			counts.Withheld++
			continue
		}
		s.Identifiers = identifiers[n]
		slices.SortFunc(s.Identifiers, compareIdentifiers)
		s.Identifiers = slices.Compact(s.Identifiers)
		if len(s.Identifiers) > 0 {
			s.Subject = s.Identifiers[0]
		}
		s.Shared = g.shared[n]
		subjects = append(subjects, s)
	}
	slices.SortFunc(subjects, func(a, b Subject) int {
		if order := a.First.Compare(b.First); order != 0 {
			return order
		}
		return compareIdentifiers(a.Subject, b.Subject)
	})
	return subjects, counts
}
