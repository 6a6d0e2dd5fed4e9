package record

import (
	"bytes"
	"hash/maphash"

	"github.com/ordergate/ordergate/rules"
)

// branch reports whether a group is one of the shop's places of business: a phone
// number and an address under a key of the shop, without a name.
func (g *grouper) branch(o *group) bool {
	if o.sense&senseShop == 0 || !o.nameless() || o.mail() || o.customer.n > 0 || o.fields&^rules.FieldPhone != 0 || g.aside.branches == maxBranches || g.asked() {
		return false
	}
	g.aside.branches++
	return true
}

// town notes the town of an object of which something was told before.
func (g *grouper) town(v []byte) {
	n := len(g.frames)
	if n == 0 || g.frames[n-1].own == none || g.frames[n-1].class.sense&senseTheirs != 0 || g.frames[n-1].kind == frameArray || g.deep > 0 || v[0] == '-' || isDigit(v[0]) {
		return
	}
	if o := &g.groups[g.frames[n-1].own]; o.marks&(markNamed|markClient) == 0 && o.town.n == 0 {
		o.town.set(v)
	}
}

// senseTheirs is the sense of what is a customer's, and no branch's.
const senseTheirs = senseCustomer | senseClient | senseOrder | senseDelivery | senseBilling

// shopNamed reports whether a value under a key of kind k, which has the sense s with what
// it inherits from around, is what a shop is called.
func shopNamed(k kind, s, around sense) bool {
	return s&senseShop != 0 && s&(senseProduct|senseThing) == 0 && (k == kindName || k == kindNone && around&senseShop == 0)
}

// shopName notes what the shop is called that an object is about or names.
func (g *grouper) shopName(v []byte) {
	if len(v) < 3 || len(v) > len(short{}.b) || v[0] == '-' || isDigit(v[0]) || filler(v) {
		return
	}
	if o := g.own(); o.shop.n == 0 {
		o.shop.set(v)
	}
}

// ofTown reports whether a group is a branch that is called by its town: "Chairs Oslo" in
// Oslo, or oslo@chairs.example there, and has nothing that customers alone have. The names
// of a few people are those of their towns, too, but not their first names all the same.
func (g *grouper) ofTown(o *group) bool {
	const all = rules.FieldName | rules.FieldEmail | rules.FieldPhone | rules.FieldAddress
	if o.fields&^all != 0 || o.sense&senseTheirs != 0 || o.marks&(markClient|markNamed|markCard|markMasked|markMails|markOrder|markTotal) != 0 ||
		o.customer.n > 0 && o.marks&markLogin == 0 || o.first.n+o.last.n > 0 || g.asked() {
		return false
	}
	town := o.town.bytes()
	mailed := o.marks&markEmail != 0
	if mailed && !bytes.EqualFold(bytes.TrimRight(o.local.bytes(), "0123456789"), town) {
		return false
	}
	name := o.full.bytes()
	if o.full.n == 0 {
		if mailed {
			return g.chain(nil)
		}
		name = o.shop.bytes()
	}
	brand, ok := townName(name, town)
	return ok && g.chain(brand)
}

// located reports whether the name above an address is that of a branch in its town.
func (g *grouper) located(name, town []byte) bool {
	brand, ok := townName(name, town)
	return ok && len(brand) > 0 && g.chain(brand)
}

// chain reports whether a branch that is called so beside its town is one of the first of a
// response, with one of its first such names: a person may be called like a town, and a query
// may put any two texts together.
func (g *grouper) chain(brand []byte) bool {
	a := &g.aside
	if a.located == maxLocated || !among(a.brands[:], &a.chains, maphash.Bytes(g.keys.seed, brand)) {
		return false
	}
	a.located++
	return true
}

// townName returns what a name is beside the name of its town: "Chairs" of "Chairs Oslo" and
// of "Chairs Oslo-Majorstuen", nothing of "Oslo". That a name begins with a town says
// nothing: it may be Florence.
func townName(name, town []byte) (brand []byte, ok bool) {
	if name = trim(name); len(name) > 2 && (bytes.EqualFold(name, trim(town)) || bytes.IndexByte(name, ' ') < 0 && inTown(town, name)) {
		return nil, true
	}
	for rest := name; len(rest) > 0; {
		var w []byte
		at := len(name) - len(rest)
		w, rest = nextWord(rest)
		if at > 0 && len(w) > 2 && inTown(town, w) {
			return trim(name[:at]), true
		}
	}
	return nil, false
}

// inTown reports whether a word, or the part of it before a hyphen, is one of a town's.
func inTown(town, word []byte) bool {
	part, _, _ := bytes.Cut(word, []byte{'-'})
	for rest := town; len(rest) > 0; {
		var w []byte
		w, rest = nextWord(rest)
		if bytes.EqualFold(w, word) || len(part) > 2 && bytes.EqualFold(w, part) {
			return true
		}
	}
	return false
}

// townOf returns the end of an address in one line in which its town stands: what is behind
// the last comma, or before it where that is no more than a state and a postcode.
func townOf(address []byte) []byte {
	end := bytes.LastIndexByte(address, ',')
	if end < 0 {
		return nil
	}
	if last := trim(address[end+1:]); townBehind(last) && !stateLike(last[:min(len(last), 2)]) || shapeOf(last)&(shapeLetter|shapeHigh) != 0 && isDigit(last[0]) {
		return last
	}
	return trim(address[bytes.LastIndexByte(address[:end], ',')+1 : end])
}
