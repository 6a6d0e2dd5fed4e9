package record

import (
	"bytes"
	"unicode/utf8"

	"github.com/ordergate/ordergate/rules"
)

// short and long hold one value each inside a group, cut at a rune.
type short struct {
	n uint8
	b [47]byte
}

type long struct {
	n uint8
	b [95]byte
}

func (t *short) set(v []byte)  { t.n = uint8(copy(t.b[:], whole(v, len(t.b)))) }
func (t *short) bytes() []byte { return t.b[:t.n] }
func (t *long) set(v []byte)   { t.n = uint8(copy(t.b[:], whole(v, len(t.b)))) }
func (t *long) bytes() []byte  { return t.b[:t.n] }

// cut returns the start of a long value as a short one.
func cut(t long) (s short) {
	s.set(t.bytes())
	return s
}

// whole cuts v to at most n bytes, between runes.
func whole(v []byte, n int) []byte {
	v = trim(v)
	if len(v) <= n {
		return v
	}
	for n > 0 && !utf8.RuneStart(v[n]) {
		n--
	}
	return v[:n]
}

// marks are what a group knows beside its values.
type marks uint32

const (
	markEmail marks = 1 << iota // an e-mail that names a person
	markRole                    // an e-mail that names an office
	markPhone
	markContact // a phone number that is often the shop's: it counts beside a person's name
	markCard
	markPersonKey // a key said that this object is a person's
	markNamed     // a key said that it has a person's name
	markProduct
	markOrder // a key said that this object is an order
	markTotal
	markLines
	markStreet
	markPostcode
	markHash // an unlabelled hash: a credential if a person stands beside it
	markStaff
	markResidence // name and street are digested
	markSealed
	markDate  // an order's date
	markDated // some date
	markMaybeCard
	markMaybeOfficial
	markClient // a key called it a customer, or a number a customer's
	markMasked // an e-mail address of which signs were starred out
	markVenue  // it has opening hours: a place of business, not a person
	markSited  // an address is the shop's
	markMails  // addresses stand in its lists, apart
	markLogin  // the customer number is the id of a login, an account or a nameless object
)

// group gathers what is known of one person while a record is being read.
// Groups live in the grouper's pool; next chains the pending ones of a frame.
type group struct {
	next   int16
	slot   int32 // of the subject that it was reported as, plus one
	places int32 // where its values stand, see places.push
	marks  marks
	sense  sense
	named  bool  // its key is a noun of the lexicon: a part of what it stands in
	many   bool  // it is one of an array or of a list
	wrap   bool  // its key says nothing: it is what it stands in
	start  int64 // offset of the oldest atom not yet reported; none: never
	fields rules.Fields

	ids [rules.MaxIdentifiers]rules.Identifier
	n   uint8

	nameRank, streetRank uint8 // whose name and street it is: see rank

	first, last, customer, generic, code, house, local, pair, town, shop short
	full, street, title                                                  long // title: a name of something

	// Values under keys that say nothing: what they are shows when an
	// e-mail stands beside them.
	maybe       [3]short
	maybePhone  short
	maybeStreet long
}

// reset makes a group new. The rooms behind the lengths keep what they have,
// which is cheaper by a kilobyte.
func (g *group) reset() {
	g.next, g.slot, g.places, g.marks, g.sense, g.named, g.wrap, g.many, g.start, g.fields, g.n = none, 0, 0, 0, 0, false, false, false, never, 0, 0
	g.first.n, g.last.n, g.customer.n, g.generic.n, g.code.n, g.house.n, g.local.n, g.pair.n, g.town.n, g.shop.n = 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
	g.full.n, g.street.n, g.title.n = 0, 0, 0
	g.maybe[0].n, g.maybe[1].n, g.maybe[2].n, g.maybePhone.n, g.maybeStreet.n = 0, 0, 0, 0, 0
	g.nameRank, g.streetRank = 0, 0
}

const never = int64(1)<<62 - 1

// since notes that an atom at start belongs to the group.
func (g *group) since(start int64) { g.start = min(g.start, start) }

// add adds an identifier; when there is no room, the weakest gives way.
func (g *group) add(id rules.Identifier) {
	if g.has(id) {
		return
	}
	if int(g.n) < len(g.ids) {
		g.ids[g.n] = id
		g.n++
		return
	}
	weakest := 0
	for i, have := range g.ids {
		if have.Kind >= g.ids[weakest].Kind {
			weakest = i
		}
	}
	if id.Kind < g.ids[weakest].Kind {
		g.ids[weakest] = id
	}
}

// count returns how many identifiers of a kind the group has.
func (g *group) count(kind rules.IdentifierKind) (n int) {
	for _, id := range g.ids[:g.n] {
		if id.Kind == kind {
			n++
		}
	}
	return n
}

func (g *group) has(id rules.Identifier) bool {
	for i := range g.ids[:g.n] {
		if g.ids[i].Digest == id.Digest { // the kind is part of it
			return true
		}
	}
	return false
}

// shares reports whether two groups have an identifier of a kind in common.
func (g *group) shares(o *group, kind rules.IdentifierKind) bool {
	for _, id := range g.ids[:g.n] {
		if id.Kind == kind && o.has(id) {
			return true
		}
	}
	return false
}

func (g *group) mail() bool { return g.marks&(markEmail|markRole) != 0 }

func (g *group) nameless() bool { return g.first.n == 0 && g.last.n == 0 && g.full.n == 0 }

// strong reports whether the group singles a person out.
func (g *group) strong() bool {
	if g.marks&(markEmail|markResidence) != 0 {
		return true
	}
	if g.marks&markRole != 0 { // info@ with a phone number is an office, whatever it is called
		return g.fullName() || g.customer.n > 0 || g.delivered()
	}
	if g.marks&markPhone != 0 || g.marks&markContact != 0 && g.marks&markNamed != 0 && g.fullName() {
		return true
	}
	if g.marks&markClient != 0 && g.customer.n > 0 && g.fullName() {
		return true
	}
	return g.marks&markCard != 0 && !g.nameless() && g.customer.n > 0
}

// delivered reports whether an order went to the group's address, or its invoice: a
// firm that buys, whose mail goes to its office.
func (g *group) delivered() bool {
	return g.street.n > 0 && (g.marks&markClient != 0 || g.fields&(rules.FieldDeliveryAddress|rules.FieldBillingAddress) != 0)
}

// weak reports whether the group shows somebody's purchase, and of the person
// too little to single anybody out: a name, or a masked e-mail address.
func (g *group) weak() bool {
	if g.fields&rules.FieldPurchase == 0 || g.strong() {
		return false
	}
	return g.marks&markMasked != 0 || g.full.n > 0 && bytes.IndexByte(g.full.bytes(), ' ') > 0 || g.first.n > 0 && g.last.n > 0
}

// fullName reports whether the group has more of a name than reviews show: two
// words, or one in a script that writes names without a blank.
func (g *group) fullName() bool {
	if g.first.n > 0 && g.last.n > 0 {
		return true
	}
	return personLike(g.full.bytes()) || g.marks&markClient != 0 && clientLike(g.full.bytes())
}

// core reports whether the group's own values say whose it is.
func (g *group) core() bool {
	return g.mail() || g.customer.n > 0 && (!g.nameless() || g.marks&markPhone != 0) || g.marks&markResidence != 0
}

// bare reports whether the group is an e-mail address and says nothing of whose.
func (g *group) bare() bool {
	return g.marks&markEmail != 0 && g.n == 1 && g.nameless() && g.customer.n == 0 && g.street.n == 0
}

// client notes that the group is called a customer: what was taken for the
// customer number, for want of a better one, is not it. In many shops the
// logins are numbered apart, so that a login's id is another customer's number.
func (g *group) client() {
	g.dropLogin()
	g.marks |= markClient
}

// dropLogin forgets a customer number that is the id of a login.
func (g *group) dropLogin() {
	if g.marks&markLogin == 0 {
		return
	}
	g.marks &^= markLogin
	g.customer = short{}
	g.drop(rules.IdentifierCustomerID)
}

// drop forgets the identifiers of a kind.
func (g *group) drop(kind rules.IdentifierKind) {
	n := uint8(0)
	for _, id := range g.ids[:g.n] {
		if id.Kind != kind {
			g.ids[n] = id
			n++
		}
	}
	g.n = n
}

// absorb adds everything that o knows to g. It spoils o.
func (g *group) absorb(o *group) {
	if g.marks&markClient != 0 {
		o.dropLogin()
	} else if o.marks&markClient != 0 {
		g.dropLogin()
	}
	for _, id := range o.ids[:o.n] {
		g.add(id)
	}
	g.fields |= o.fields
	if g.street.n == 0 && o.street.n > 0 {
		g.street, g.house, g.streetRank = o.street, o.house, o.streetRank
	}
	if g.completes(o) {
		if g.first.n == 0 {
			g.first = o.first
		} else {
			g.last = o.last
		}
	}
	if g.nameless() {
		g.first, g.last, g.full, g.nameRank = o.first, o.last, o.full, o.nameRank
	}
	if g.customer.n == 0 {
		g.customer = o.customer
	}
	if g.local.n == 0 {
		g.local = o.local
	}
	if g.town.n == 0 && o.town.n > 0 {
		g.town = o.town
	}
	if g.shop.n == 0 && o.shop.n > 0 {
		g.shop = o.shop
	}
	if g.slot == 0 {
		g.slot = o.slot
	}
	g.marks |= o.marks &^ (markProduct | markOrder | markTotal | markLines | markSealed | markPersonKey | markVenue)
	g.start = min(g.start, o.start)
}

// clashes reports whether two groups cannot be the same person's: different
// e-mails, customer numbers or names.
func (g *group) clashes(o *group) bool {
	if g.mail() && o.mail() && !g.shares(o, rules.IdentifierEmail) {
		return true
	}
	if g.customer.n > 0 && o.customer.n > 0 && (g.marks^o.marks)&markLogin == 0 && !bytes.Equal(g.customer.bytes(), o.customer.bytes()) {
		return true
	}
	return !g.nameless() && !o.nameless() && !g.completes(o) && !sameName(g, o)
}

// completes reports whether one group has the first name alone and the other
// the last: two fields of a form in blocks of their own.
func (g *group) completes(o *group) bool {
	half := func(a, b *group) bool {
		return a.full.n == 0 && b.full.n == 0 && a.first.n > 0 && a.last.n == 0 && b.first.n == 0 && b.last.n > 0
	}
	return g.nameRank == o.nameRank && (half(g, o) || half(o, g))
}

// sameName reports whether every word of one group's name is in the other's.
func sameName(a, b *group) bool {
	var ra, rb [96]byte
	x, y := a.name(ra[:0]), b.name(rb[:0])
	if len(x) > len(y) {
		x, y = y, x
	}
	for rest := x; len(rest) > 0; {
		var w []byte
		w, rest, _ = bytes.Cut(rest, []byte{' '})
		if !hasWord(y, w) {
			return false
		}
	}
	return true
}

func hasWord(s, word []byte) bool {
	for len(s) > 0 {
		var w []byte
		w, s, _ = bytes.Cut(s, []byte{' '})
		if bytes.Equal(w, word) {
			return true
		}
	}
	return false
}

// name appends the group's name in normal form.
func (g *group) name(dst []byte) []byte {
	if g.full.n > 0 {
		return appendName(dst, g.full.bytes())
	}
	var room [96]byte
	both := append(append(append(room[:0], g.first.bytes()...), ' '), g.last.bytes()...)
	return appendName(dst, both)
}
