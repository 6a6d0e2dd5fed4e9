package ledger

import (
	"maps"
	"slices"

	"github.com/ordergate/ordergate/rules"
)

// Affected merges disclosures into subjects. Add rows in any order, then ask
// for Subjects. Its memory is bounded by the rows that it is given: about 100
// bytes an identifier and 8 a response. The zero value is ready; it is not safe
// for concurrent use.
//
// Two disclosures are about one subject when they share an email address or a
// customer number, directly or through others. A phone number and a residence
// join less, because a household shares them: a record that has neither email
// nor customer number belongs to the one subject with its phone or residence;
// if there are several such subjects, it stays apart and is marked Shared. So
// two people of one household are two subjects, and neither is said to have
// lost what only the other has lost. The parts of one record (same exchange,
// same subject) are always together. Order and card numbers join nothing,
// except records that are named by nothing else.
type Affected struct {
	// All includes subjects' own data, sent to themselves; otherwise only
	// foreign and unlinked disclosures count.
	All bool

	ids       map[rules.Identifier]int32 // nodes by identifier
	records   map[recordName]int32       // nodes by record, for records without a strong subject
	links     links                      // joins nodes that are certainly one subject
	named     []bool                     // by node: it is a strong identifier
	traces    map[int32]*trace           // by anchor
	weak      map[edge]struct{}
	attempted int
}

// recordName names a record whose subject is weak.
type recordName struct {
	exchange rules.ExchangeID
	subject  rules.Identifier
}

// edge says that a record of an anchor has a weak identifier.
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
		a.ids, a.records = make(map[rules.Identifier]int32), make(map[recordName]int32)
		a.traces, a.weak = make(map[int32]*trace), make(map[edge]struct{})
	}
	anchor := a.anchor(&row)
	for _, id := range row.Record.Identifiers {
		switch {
		case strong(id.Kind):
			a.links.join(anchor, a.identifier(id))
		case joins(id, &row.Record):
			a.weak[edge{anchor, a.identifier(id)}] = struct{}{}
		}
	}
	t := a.traces[anchor]
	if t == nil {
		t = new(trace)
		a.traces[anchor] = t
	}
	t.add(&row)
}

func (a *Affected) node(named bool) int32 {
	n := int32(len(a.links)) //nolint:gosec // two billion identifiers do not fit in memory
	a.links, a.named = append(a.links, n), append(a.named, named)
	return n
}

func (a *Affected) identifier(id rules.Identifier) int32 {
	n, ok := a.ids[id]
	if !ok {
		n = a.node(strong(id.Kind))
		a.ids[id] = n
	}
	return n
}

// anchor returns the node that stands for the row's record.
func (a *Affected) anchor(row *Row) int32 {
	if strong(row.Record.Subject.Kind) {
		return a.identifier(row.Record.Subject)
	}
	name := recordName{row.Exchange, row.Record.Subject}
	n, ok := a.records[name]
	if !ok {
		n = a.node(false)
		a.records[name] = n
	}
	return n
}

// grouping says which subject a node belongs to, as the number of a node that
// stands for the subject.
type grouping struct {
	of      links             // the subject of a node, after find
	touches map[int32][]int32 // the named subjects that have a weak identifier
	shared  map[int32]bool    // subjects that may be one of several others
}

// group decides which nodes are one subject.
func (a *Affected) group() grouping {
	g := grouping{of: slices.Clone(a.links), touches: make(map[int32][]int32), shared: make(map[int32]bool)}
	named := make([]bool, len(a.links))
	for n, strong := range a.named {
		if strong {
			named[g.of.find(int32(n))] = true //nolint:gosec // see node
		}
	}
	// Records without a name of their own are first joined among themselves.
	for e := range a.weak {
		root := a.links.find(e.anchor)
		if !named[root] {
			g.of.join(root, e.identifier)
		} else if !slices.Contains(g.touches[e.identifier], root) {
			g.touches[e.identifier] = append(g.touches[e.identifier], root)
		}
	}
	// Then each such group goes to the one named subject that it touches.
	candidates := make(map[int32][]int32)
	for identifier, roots := range g.touches {
		group := g.of.find(identifier)
		for _, root := range roots {
			if !slices.Contains(candidates[group], root) && len(candidates[group]) < 2 {
				candidates[group] = append(candidates[group], root)
			}
		}
	}
	for group, roots := range candidates {
		if len(roots) == 1 {
			g.of.join(roots[0], group)
		} else {
			g.shared[group] = true
		}
	}
	return g
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
