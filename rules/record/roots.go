package record

import (
	"bytes"

	"github.com/ordergate/ordergate/rules"
)

// apart decides what the roots of a GraphQL answer are together: the client chose
// what stands there and under which names (GraphQL, October 2021, section 2.7), so
// that neither says that two of them are one person's. Only an identifier or a whole
// name that both have does; whoever has none of the others' is reported by himself.
// It leaves at most one group that waits. Who gives his account the name of somebody
// else is not told from him.
func (g *grouper) apart(f *frame) {
	for again := true; again; {
		again = false
		for a := f.pend; a != none; a = g.groups[a].next {
			for b := g.groups[a].next; b != none; {
				next := g.groups[b].next
				if samePerson(&g.groups[a], &g.groups[b]) {
					g.joinRoot(a, f.unlink(g, b))
					again = true
				}
				b = next
			}
		}
	}
	for f.npend > 1 {
		g.finish(g.unpend(f))
	}
}

// joinRoot makes two roots one, which is what the one with an e-mail address is.
func (g *grouper) joinRoot(to, from int16) {
	a, b := &g.groups[to], &g.groups[from]
	if !a.mail() && b.mail() {
		a.sense, a.named = b.sense, b.named
	}
	g.absorb(a, b)
	g.release(from)
}

// samePerson reports whether two groups say themselves that they are one person's.
func samePerson(a, b *group) bool {
	for i := range a.ids[:a.n] {
		if a.ids[i].Kind != rules.IdentifierOrder && b.has(a.ids[i]) {
			return true
		}
	}
	if a.mail() && b.mail() && !a.shares(b, rules.IdentifierEmail) {
		return false
	}
	if a.customer.n > 0 && bytes.Equal(a.customer.bytes(), b.customer.bytes()) {
		return true
	}
	return a.fullName() && b.fullName() && sameName(a, b)
}
