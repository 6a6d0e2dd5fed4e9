package record

import (
	"bytes"

	"github.com/ordergate/ordergate/rules"
)

// number takes the ids and numbers of customers, orders and objects.
func (g *grouper) number(c class, v []byte, start int64) {
	if c.kind == kindOrder {
		v = bytes.TrimPrefix(trim(v), []byte{'#'})
	}
	if c.kind == kindCode {
		if i := g.parent(); i >= 0 && g.frames[i].class.kind == kindPhone { // phone: {national_number: …}
			g.phone(c, v, start)
			return
		}
	}
	if c.kind == kindCode && len(v) >= 15 {
		if _, ok := cardNumber(g.scratch[:0], v); ok {
			g.own().marks |= markMaybeCard // "number", as of a payment instrument
			g.masks(g.own(), start)
			return
		}
	}
	n, ok := NormalizeCustomerID(v)
	if !ok || c.sense&senseOther != 0 && c.kind != kindOrder {
		return
	}
	o := g.own()
	switch c.kind {
	case kindCustomerID:
		g.customerID(o, c, n)
		if g.claim != nil {
			g.claimed(g.identifier(rules.IdentifierCustomerID, n))
		}
	case kindOrder:
		id := g.identifier(rules.IdentifierOrder, n)
		if g.claimed(id) || !digital(n) {
			return
		}
		o.add(id)
		o.marks |= markOrder
		o.fields |= rules.FieldPurchase
	case kindID:
		o.generic.set(n)
	default:
		o.code.set(n)
	}
	g.since(o, start)
}

// customerID takes a customer's number. The id of a login is taken for it as
// long as nothing is called a customer.
func (g *grouper) customerID(o *group, c class, n []byte) {
	if c.sense&senseClient != 0 {
		o.client()
	} else if o.marks&markClient != 0 || g.sense()&senseClient != 0 {
		return
	} else {
		o.marks |= markLogin
	}
	o.customer.set(n)
}

// digital reports whether v has a digit, as every order number has.
func digital(v []byte) bool {
	for _, b := range v {
		if b >= '0' && b <= '9' {
			return true
		}
	}
	return false
}

// pair takes an element of an array under a key for a customer's number: the number
// and the name beside it, partner_id: [14, "Ada Lund"]. Of several numbers none is whose
// the object is.
func (g *grouper) pair(c class, v []byte, s shape, start int64) {
	o := g.own()
	switch {
	case s&(shapeLetter|shapeHigh) == 0:
		n, ok := NormalizeCustomerID(v)
		if !ok || o.pair.n > 0 || o.customer.n > 0 {
			o.pair.n = 0
			return
		}
		o.pair.set(n)
		g.since(o, start)
	case o.pair.n > 0 && o.nameless() && clientLike(v):
		o.client()
		o.customer, o.pair.n = o.pair, 0
		g.nameValue(class{kindFullName, c.sense}, v, s, start)
	}
}
