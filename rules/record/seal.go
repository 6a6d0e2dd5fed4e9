package record

import (
	"bytes"
	"hash/maphash"

	"github.com/ordergate/ordergate/rules"
)

// seal concludes, when the direct values of a structure are all known, what
// its generic values mean: the id and the name of a person, the number of an
// order, the values under keys that say nothing.
func (g *grouper) seal(o *group, s sense) {
	if o.marks&markSealed != 0 {
		return
	}
	o.marks |= markSealed
	product := s&senseProduct != 0 || o.marks&markProduct != 0 && o.marks&markPersonKey == 0
	g.guess(o, s)
	if s&senseClient != 0 {
		o.client()
	}
	if o.title.n > 0 && o.first.n > 0 && o.last.n == 0 && o.full.n == 0 && !product && !digital(o.title.bytes()) {
		o.last = cut(o.title) // prénom and nom, Vorname and Name
	}
	if o.title.n > 0 && o.nameless() && !product && s&(senseThing|senseOther) == 0 && !digital(o.title.bytes()) &&
		(s&(senseCustomer|sensePlace) != 0 || o.mail() || o.marks&markPhone != 0 || o.customer.n > 0 || o.street.n > 0) {
		o.full = o.title
	}
	g.sealNumbers(o, s, product)
	if o.customer.n > 0 {
		o.add(g.identifier(rules.IdentifierCustomerID, o.customer.bytes()))
	}
	if !o.nameless() {
		o.fields |= rules.FieldName
	}
	if o.marks&markHash != 0 && o.mail() {
		o.fields |= rules.FieldCredential
	}
	if o.marks&markMaybeCard != 0 && o.mail() {
		o.fields |= rules.FieldPaymentCard
	}
	if o.marks&markMaybeOfficial != 0 && o.mail() {
		o.fields |= rules.FieldGovernmentID
	}
	g.residence(o)
}

// sealNumbers decides whether the id and the code of an object are a
// customer's or an order's.
func (g *grouper) sealNumbers(o *group, s sense, product bool) {
	order := s&senseOrder != 0 || o.marks&markOrder != 0
	if o.marks&markTotal != 0 && o.marks&markLines != 0 && (o.code.n > 0 || o.marks&markDate != 0) || o.marks&markTotal != 0 && o.marks&markDated != 0 && o.code.n > 0 && !product {
		order = true
	}
	if order && s&senseThing == 0 {
		for _, n := range [...]*short{&o.code, &o.generic} {
			if n.n > 0 && digital(n.bytes()) && (o.marks&(markTotal|markLines|markDate|markOrder) != 0 || s&senseOrder != 0) {
				o.add(g.identifier(rules.IdentifierOrder, n.bytes()))
				o.fields |= rules.FieldPurchase
			}
		}
		if o.marks&(markTotal|markDate) != 0 || o.marks&markLines != 0 && s&senseOrder != 0 {
			o.fields |= rules.FieldPurchase
		}
		return
	}
	if o.generic.n == 0 || o.customer.n > 0 || product || s&(sensePlace|senseThing|senseOther) != 0 {
		return
	}
	if s&senseCustomer != 0 || o.marks&markPersonKey != 0 && (o.mail() || o.first.n > 0 || o.last.n > 0) {
		o.customer = o.generic
		if o.marks&markClient == 0 {
			o.marks |= markLogin
		}
	}
}

// residence digests name and street, once both are known.
func (g *grouper) residence(o *group) {
	if o.street.n == 0 || o.nameless() || o.marks&markResidence != 0 {
		return
	}
	if o.house.n == 0 && !digital(o.street.bytes()) && classify(o.street.bytes()).kind != kindNone {
		return // "street": "Street", as translations have it
	}
	id, ok := g.home(o)
	if !ok {
		return
	}
	o.marks |= markResidence
	if !g.cfg.ignores(id) {
		o.add(id)
	}
}

// home is the identifier of who lives there. It is remembered as name and street are
// written: the second address of an order is mostly the first one.
func (g *grouper) home(o *group) (id rules.Identifier, ok bool) {
	var room [2 * maxRecent]byte
	written := append(append(append(room[:0], o.first.bytes()...), 0), o.last.bytes()...)
	written = append(append(append(written, 0), o.full.bytes()...), 0)
	written = append(append(append(written, o.street.bytes()...), 0), o.house.bytes()...)
	id.Kind = rules.IdentifierResidence
	if id.Digest, ok = g.recent.find(id.Kind, written); ok && !g.slow {
		g.stirs++
		return id, true
	}
	v, ok := o.residence(g.scratch[:0])
	if !ok {
		return id, false
	}
	g.stirs++
	id.Digest = g.h.Identifier(id.Kind, v)
	g.recent.keep(id.Kind, written, id.Digest)
	return id, true
}

// residence appends the name and the street in normal form.
func (g *group) residence(dst []byte) ([]byte, bool) {
	var name, street [200]byte
	n := append(name[:0], g.full.bytes()...)
	if len(n) == 0 {
		n = append(append(append(n, g.first.bytes()...), ' '), g.last.bytes()...)
	}
	return appendResidence(dst, n, append(append(append(street[:0], g.street.bytes()...), ' '), g.house.bytes()...))
}

// guess gives the values under telling-nothing keys their meaning: beside an
// e-mail, words that recur in its local part are the person's names, and a
// street or a number is the person's.
func (g *grouper) guess(o *group, s sense) {
	if o.nameless() && o.maybe[0].n > 0 {
		g.guessName(o, s)
	}
	names := !o.nameless()
	if !o.mail() && !names {
		return
	}
	if o.maybeStreet.n > 0 && o.street.n == 0 {
		o.street = o.maybeStreet
		o.fields |= rules.FieldAddress
	}
	if o.maybePhone.n > 0 && o.marks&markPhone == 0 && (o.mail() || s&senseCustomer != 0) {
		if n, ok := normalizePhone(g.scratch[:0], o.maybePhone.bytes(), g.cfg.Countries); ok {
			o.add(g.identifier(rules.IdentifierPhone, n))
			o.marks |= markPhone
			o.fields |= rules.FieldPhone
		}
	}
}

// guessName finds the person's name among the values under keys that say
// nothing: one that recurs in the e-mail's local part, with the other beside
// it; one of two words beside an e-mail or a street; else two beside a street.
func (g *grouper) guessName(o *group, s sense) {
	near := o.maybeStreet.n > 0 || o.maybePhone.n > 0 && s&senseCustomer != 0
	if !near && !o.mail() {
		return
	}
	for i := range o.maybe {
		if m := o.maybe[i].bytes(); personLike(m) && (o.mail() || near) {
			o.full.set(m)
			return
		}
	}
	for i := range o.maybe {
		if m := o.maybe[i].bytes(); len(m) > 0 && o.mail() && within(m, o.local.bytes()) {
			o.first, o.last = o.maybe[0], o.maybe[1]
			if i == 2 {
				o.first, o.last = o.maybe[1], o.maybe[2]
			}
			return
		}
	}
	if near && o.maybe[1].n > 0 {
		o.first, o.last = o.maybe[0], o.maybe[1]
	}
}

// within reports whether a word of a name recurs in an e-mail's local part.
func within(name, local []byte) bool {
	var ra, rb [64]byte
	l := appendFolded(ra[:0], local, len(ra))
	for rest := name; len(rest) > 0; {
		var w []byte
		w, rest = nextWord(rest)
		if f := appendFolded(rb[:0], w, len(rb)); len(f) >= 3 && bytes.Contains(l, f) {
			return true
		}
	}
	return false
}

// emit reports a group, if it names a person who is a customer.
func (g *grouper) emit(at int16) {
	o := &g.groups[at]
	if o.marks&markSealed == 0 {
		g.seal(o, o.sense)
		o.marks &^= markSealed // more may come
	} else {
		g.residence(o)
		if !o.nameless() {
			o.fields |= rules.FieldName
		}
	}
	o.start = never
	if o.n == 0 || !o.strong() || g.claim != nil || o.marks&markVenue != 0 || o.marks&markSited != 0 && g.branch(o) || o.town.n > 0 && g.ofTown(o) {
		g.weak(o)
		g.places.settle(o, ownerNobody)
		return
	}
	if o.marks&markStaff != 0 && g.aside.staff < maxStaff {
		g.aside.staff++
		g.places.settle(o, ownerNobody)
		return
	}
	var name uint64
	if !o.nameless() {
		var room [maxName + maxNameWord]byte
		name = maphash.Bytes(g.keys.seed, o.name(room[:0]))
	}
	if g.join != 0 {
		g.related(o)
	}
	g.report.add(o, name)
	g.joined = o.slot
	if o.slot == 0 {
		g.places.settle(o, ownerBeyond)
		return
	}
	g.places.settle(o, o.slot)
}

// weak notes a group that names nobody exactly, and is given up.
func (g *grouper) weak(o *group) {
	if g.claim == nil && o.weak() {
		g.report.weak.count++
		g.report.weak.fields |= o.fields
		g.places.settle(o, ownerWeak)
	}
}

// drop gives a group up that is nobody's record.
func (g *grouper) drop(at int16) {
	g.weak(&g.groups[at])
	g.release(at)
}

// claimed adds an identifier to the claim, when the grouper reads a request.
func (g *grouper) claimed(id rules.Identifier) bool {
	if g.claim == nil {
		return false
	}
	for _, have := range g.claim.Identifiers {
		if have == id {
			return true
		}
	}
	if len(g.claim.Identifiers) < maxClaims {
		g.claim.Identifiers = append(g.claim.Identifiers, id)
	}
	return true
}
