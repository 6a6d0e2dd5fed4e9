package record

import (
	"bytes"

	"github.com/ordergate/ordergate/rules"
)

// attach hands the group of a structure that has ended to what it stood in.
func (g *grouper) attach(at int16, element bool) {
	i := g.parent()
	if i < 0 {
		g.finish(at)
		return
	}
	p := &g.frames[i]
	if p.kind == frameBlock {
		g.follow(at, p, element)
		return
	}
	r := &g.groups[at]
	if r.strong() {
		g.attachStrong(at, p, element)
		return
	}
	switch {
	case !g.useful(r, p, element):
		g.drop(at)
	case p.roots && !element && (!r.nameless() || r.customer.n > 0 || r.n > 0):
		g.wait(at, p, false)
	default:
		g.joinOwn(at, p)
	}
}

// useful reports whether a child that names nobody tells something about its
// parent.
func (g *grouper) useful(r *group, p *frame, element bool) bool {
	if r.sense&senseThing != 0 || r.fields == 0 && r.nameless() && r.customer.n == 0 && r.n == 0 && r.street.n == 0 && r.marks&markCard == 0 {
		return false
	}
	if element {
		return r.sense&(sensePlace|senseOrder|senseCustomer) != 0 && (r.nameless() || r.sense&sensePlace != 0) || r.fields&rules.FieldPurchase != 0
	}
	return p.own == none || r.nameless() || r.named || !g.groups[p.own].clashes(r)
}

// strangers reports whether two orders or addresses of several that wait in f name
// two different people, so that none of them is whom f is about. The addresses of
// one order or customer are theirs, whoever lives there.
func (g *grouper) strangers(f *frame) bool {
	listed := f.own == none || g.groups[f.own].n == 0 && g.groups[f.own].fields&rules.FieldPurchase == 0
	for a := f.pend; a != none; a = g.groups[a].next {
		for b := g.groups[a].next; b != none; b = g.groups[b].next {
			x, y := &g.groups[a], &g.groups[b]
			if (!x.many || !y.many || (x.sense|y.sense)&sensePlace != 0) && (!listed || !x.many && !y.many || x.sense&y.sense&sensePlace == 0) {
				continue
			}
			if !x.nameless() && !y.nameless() && !sameName(x, y) || x.customer.n > 0 && y.customer.n > 0 && !bytes.Equal(x.customer.bytes(), y.customer.bytes()) {
				return true
			}
		}
	}
	return false
}

// part makes a group a part of what frame f holds: the id of an object inside a
// customer (a login, an account, a contact) is not the customer's.
func (f *frame) part(r *group) {
	if f.class.sense&senseCustomer != 0 && !r.wrap {
		r.dropLogin()
	}
}

// absorb adds everything that one group knows to another. It spoils it.
func (g *grouper) absorb(to, from *group) {
	to.absorb(from)
	g.places.join(to, from)
}

func (g *grouper) joinOwn(at int16, p *frame) {
	p.part(&g.groups[at])
	if p.own == none {
		g.groups[at].marks &^= markSealed
		p.own = at
		return
	}
	g.absorb(&g.groups[p.own], &g.groups[at])
	g.release(at)
}

// repeat says that the innermost structure is one of several of the same name
// beside each other: an element, as of an array. Those before it that wait are
// people of their own then.
func (g *grouper) repeat() {
	n := len(g.frames)
	f, p := &g.frames[n-1], &g.frames[n-2]
	f.element = true
	for at := p.pend; at != none; {
		r := &g.groups[at]
		next := r.next
		if r.sense&(sensePlace|senseOrder) == 0 || r.mail() {
			g.finish(p.unlink(g, at))
		}
		at = next
	}
}

// unlink takes a pending group out of a frame.
func (f *frame) unlink(g *grouper, at int16) int16 {
	if f.pend == at {
		f.pend = g.groups[at].next
	} else {
		i := f.pend
		for g.groups[i].next != at {
			i = g.groups[i].next
		}
		g.groups[i].next = g.groups[at].next
	}
	f.npend--
	return at
}

func (g *grouper) attachStrong(at int16, p *frame, element bool) {
	r := &g.groups[at]
	dependent := r.sense&(sensePlace|senseOrder) != 0
	if p.own != none && !p.roots {
		o := &g.groups[p.own]
		if r.mail() && o.shares(r, rules.IdentifierEmail) || o.core() && !r.mail() && (dependent || !o.clashes(r)) {
			p.part(r)
			g.absorb(o, r)
			g.release(at)
			return
		}
	}
	if element && (r.mail() || !dependent) || p.crowd {
		g.finish(at)
		return
	}
	if !element && r.mail() && !r.named && g.crowded(r, p) {
		p.crowd = true
		for p.pend != none {
			g.finish(g.unpend(p))
		}
		g.finish(at)
		return
	}
	g.wait(at, p, element)
}

// wait lets a group wait for the end of frame p.
func (g *grouper) wait(at int16, p *frame, element bool) {
	g.groups[at].next, p.pend = p.pend, at
	if p.npend++; p.npend > maxPending {
		p.crowd = p.crowd || element
		g.finish(g.unpend(p))
	}
}

// crowded reports whether a sibling that waits in p is somebody else.
func (g *grouper) crowded(r *group, p *frame) bool {
	for i := p.pend; i != none; i = g.groups[i].next {
		if o := &g.groups[i]; !o.named && o.mail() && !o.shares(r, rules.IdentifierEmail) {
			return true
		}
	}
	return false
}

// follow is attach in page text: a block belongs to the blocks before it until
// it clashes with them.
func (g *grouper) follow(at int16, p *frame, element bool) {
	r := &g.groups[at]
	if element && !r.strong() && (r.fields&^rules.FieldPurchase == 0 || !r.nameless()) {
		g.drop(at)
		return
	}
	if element && r.mail() {
		g.finish(at)
		return
	}
	if p.own == none {
		p.own = at
		r.marks &^= markSealed
		return
	}
	o := &g.groups[p.own]
	if !o.clashes(r) && !(o.strong() && r.strong() && o.marks&r.marks&markResidence != 0 && !o.shares(r, rules.IdentifierResidence) && o.nameless()) {
		g.absorb(o, r)
		g.release(at)
		return
	}
	if !r.strong() && o.strong() {
		g.drop(at)
		return
	}
	if !element && gift(o, r) {
		g.absorb(o, r)
		g.release(at)
		return
	}
	g.finish(p.own)
	p.own = at
	r.marks &^= markSealed
}

// gift reports whether two blocks of a page are the billing and the delivery
// address of one order, sent to somebody else than its buyer: one labelled so,
// the other so, and nothing else between them that is two people's. The buyer's
// name is then the name of both.
func gift(o, r *group) bool {
	const places = rules.FieldAddress | rules.FieldBillingAddress | rules.FieldDeliveryAddress
	a, b := o.fields&places, r.fields&places
	if a|b != rules.FieldBillingAddress|rules.FieldDeliveryAddress || a&b != 0 || a == 0 || b == 0 {
		return false
	}
	for _, kind := range [...]rules.IdentifierKind{rules.IdentifierEmail, rules.IdentifierCustomerID, rules.IdentifierOrder} {
		if o.count(kind) > 0 && r.count(kind) > 0 && !o.shares(r, kind) {
			return false
		}
	}
	if b == rules.FieldBillingAddress && !o.mail() || r.mail() {
		o.first, o.last, o.full = r.first, r.last, r.full
	}
	return true
}

// finish reports a group, if it names somebody, and forgets it.
func (g *grouper) finish(at int16) {
	g.emit(at)
	g.release(at)
}

// resolve decides at the end of an object what its own values and its waiting
// children are together. It returns the group that stands for the object, or
// none.
func (g *grouper) resolve(f *frame) int16 {
	if f.own != none {
		g.seal(&g.groups[f.own], f.class.sense)
	}
	if f.pend == none {
		return f.own
	}
	base := f.own
	if base == none || !g.groups[base].core() {
		if f.roots {
			g.apart(f)
		}
		base = g.principal(f)
	}
	if base == none { // several people, none of them the one that it is about
		for f.pend != none {
			g.finish(g.unpend(f))
		}
		if f.own != none {
			g.release(f.own)
		}
		return none
	}
	if base != f.own {
		f.part(&g.groups[base])
	}
	for at := f.pend; at != none; {
		next := g.groups[at].next
		if at != base {
			g.settle(f, base, at)
		}
		at = next
	}
	if f.own != none && f.own != base {
		own := &g.groups[f.own]
		if own.sense = f.class.sense; !own.nameless() && g.groups[base].clashes(own) && !own.strong() {
			own.first, own.last, own.full = short{}, short{}, long{}
		}
		g.absorb(&g.groups[base], own)
		g.release(f.own)
	}
	g.groups[base].next = none
	return base
}

// principal picks, among the children of an object without a person of its
// own, the one that the object is about: the only one with an e-mail, or the
// one that is called customer; without e-mails the first.
func (g *grouper) principal(f *frame) int16 {
	mails, customers := 0, 0
	var mail, customer, first, place int16 = none, none, none, none
	for at := f.pend; at != none; at = g.groups[at].next {
		r := &g.groups[at]
		if r.sense&sensePlace == 0 {
			if r.mail() {
				mails++
				mail = at
			}
			if r.sense&senseCustomer != 0 {
				customers++
				customer = at
			}
			first = at
		} else {
			place = at
		}
	}
	switch {
	case customers == 1:
		return customer
	case mails == 1:
		return mail
	case mails > 1, mails == 0 && g.strangers(f):
		return none
	case first != none:
		return first
	}
	return place
}

// settle gives a waiting child to the object's person, or lets it stand for
// itself.
func (g *grouper) settle(f *frame, base, at int16) {
	b, r := &g.groups[base], &g.groups[at]
	part := r.sense&(sensePlace|senseOrder) != 0
	switch {
	case r.mail() && b.mail() && (!part || r.sense&sensePlace == 0) && !b.shares(r, rules.IdentifierEmail): // a parcel may go to somebody else, an order is its buyer's
		g.finish(at)
	case !r.named && !part && b.clashes(r):
		g.finish(at)
	case base == f.own && r.bare(): // defaultEmailAddress: {emailAddress: …}
		g.absorb(b, r)
		g.release(at)
	case !r.named && !b.named && !part && b.sense&sensePlace == 0 && !r.mail() != !b.mail() && r.core() && b.core():
		g.finish(at)
	default:
		f.part(r)
		g.absorb(b, r)
		g.release(at)
	}
}
