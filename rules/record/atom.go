package record

import (
	"bytes"
	"hash/maphash"

	"github.com/ordergate/ordergate/rules"
)

// shape is the set of kinds of bytes that a value has; scanners collect it on
// their way, so that most values are dismissed without a second look.
type shape uint8

const (
	shapeAt shape = 1 << iota
	shapeDigit
	shapeLetter
	shapeHigh   // not ASCII
	shapeSecret // $ and {: password hashes that name their scheme, JSON
	shapePlus
	shapeLine // a line feed
	shapeTag  // <
)

var shapes = func() (t [256]shape) {
	for b := range t {
		switch {
		case b >= 'a' && b <= 'z', b >= 'A' && b <= 'Z':
			t[b] = shapeLetter
		case b >= '0' && b <= '9':
			t[b] = shapeDigit
		case b >= 0x80:
			t[b] = shapeHigh
		}
	}
	t['@'], t['$'], t['{'], t['+'], t['\n'], t['<'] = shapeAt, shapeSecret, shapeSecret, shapePlus, shapeLine, shapeTag
	return t
}()

func shapeOf(v []byte) (s shape) {
	for len(v) >= 4 {
		s |= shapes[v[0]] | shapes[v[1]] | shapes[v[2]] | shapes[v[3]]
		v = v[4:]
	}
	for _, b := range v {
		s |= shapes[b]
	}
	return s
}

// value takes one value, found at start, under a key of class c. It keeps
// nothing of v.
func (g *grouper) value(c class, v []byte, s shape, start int64) {
	g.tick(start)
	if len(v) == 0 || g.deep > 0 {
		return
	}
	g.places.see(v)
	array, timed := false, c.kind == kindHours || g.timed()
	if n := len(g.frames); n > 0 {
		f := &g.frames[n-1]
		if f.kind == frameArray {
			if c.sense&senseDeclared == 0 {
				c, array = f.class, true
			}
			if i := g.parent(); i >= 0 {
				f = &g.frames[i]
			} else {
				f = nil
			}
		}
		if f != nil {
			c = c.inherits(f.class.sense)
		}
	}
	if c.kind == kindIgnored {
		return
	}
	if g.claim != nil && s&shapeSecret != 0 && len(v) > 16 {
		g.arguments(v, start)
	}
	if timed && s&shapeDigit != 0 && g.hours(c, v) {
		return
	}
	g.tell(c, v, s, start, array)
}

// tell takes a value once its class is known.
func (g *grouper) tell(c class, v []byte, s shape, start int64, array bool) {
	if s&shapeAt != 0 && g.emails(c, v, start, array) {
		return
	}
	if c.kind == kindEmail && bytes.IndexByte(v, '*') >= 0 {
		g.own().marks |= markMasked
	}
	if c.sense&senseShop != 0 && shopNamed(c.kind, c.sense, g.sense()) {
		g.shopName(v)
	}
	switch c.kind {
	case kindNone, kindText, kindUsername, kindAuthor, kindCompany, kindEmail, kindTypename, kindColumns, kindRelated:
		g.unlabelled(c, v, s, start)
	case kindPhone:
		g.phone(c, v, start)
	case kindFirstName, kindLastName, kindFullName, kindName, kindHolder:
		g.nameValue(c, v, s, start)
	case kindStreet, kindHouse, kindAddress, kindPostcode:
		g.place(c, v, s, start)
	case kindCity:
		g.town(v)
		g.beside(v, start)
	case kindRegion, kindCountry:
		g.beside(v, start)
	case kindCustomerID, kindID, kindCode, kindOrder:
		if !array {
			g.number(c, v, start)
		} else if c.kind == kindCustomerID && c.sense&senseClient != 0 {
			g.pair(c, v, s, start)
		}
	default:
		g.other(c, v, s, start)
	}
}

// emails takes the addresses in v; true means that v was nothing else.
func (g *grouper) emails(c class, v []byte, start int64, array bool) bool {
	how := inValue
	if c.kind == kindAuthor && g.manifest && !g.asked() && g.aside.author(maphash.Bytes(g.keys.seed, v)) {
		return true // "Ada Lund <ada@…>"
	}
	if c.kind == kindEmail {
		how = inEmail
	} else if nextAt(v) == len(v) {
		return false // logo@2x.png
	}
	if email, ok := wholeEmail(v, how); ok {
		g.email(c, email, start, array)
		return true
	}
	if len(v) <= maxEmail && highlit(v) {
		g.hit = plainHit(g.hit[:0], v)
		return g.emails(c, g.hit, start, array)
	}
	from, end := 0, 0
	only := false
	for n := 0; n < 512; n++ {
		if from, end = findEmail(v, end, inText); from < 0 {
			break
		}
		if forExample(v[:from]) {
			continue
		}
		next, _ := findEmail(v, end, inText)
		only = next < 0 && n == 0
		g.email(c, v[from:end], start, array || !only)
		if only && !array && from > 0 && v[from-1] == '<' {
			g.mailbox(c, v[:from-1], start)
		}
	}
	g.places.see(v)
	return false
}

// mailbox takes the name before an address in angle brackets (RFC 5322,
// section 3.4): To: "Ada Lund" <ada@…>.
func (g *grouper) mailbox(c class, v []byte, start int64) {
	if at := bytes.LastIndexByte(v, ':'); at >= 0 {
		v = v[at+1:]
	}
	v = bytes.Trim(v, " \t\"'")
	if o := g.own(); o.nameless() && o.marks&markEmail != 0 && personLike(v) {
		g.places.see(v)
		g.nameValue(class{kindFullName, c.sense}, v, shapeOf(v), start)
	}
}

// email takes one address. apart says that it stands in a list of values.
func (g *grouper) email(c class, v []byte, start int64, apart bool) {
	g.places.see(v)
	low := v
	if !small(v) {
		low = append(g.scratch[:0], bytes.ToLower(v)...)
		g.scratch = low[:0]
	}
	id := g.identifier(rules.IdentifierEmail, low)
	if g.claimed(id) || g.cfg.ignores(id) || c.sense&senseOther != 0 && g.others(c, id, low) {
		return
	}
	if sampleAddress(low) {
		return
	}
	mark := markEmail
	if roleAddress(low) {
		mark = markRole
	}
	o := g.own()
	if mark == markEmail && o.marks&markRole != 0 && o.marks&markEmail == 0 && o.nameless() && o.customer.n == 0 && !o.has(id) {
		o.drop(rules.IdentifierEmail) // an office beside a person is not theirs
		o.marks &^= markRole
		o.local = short{}
	}
	stranger := o.mail() && !o.has(id) && (apart || c.kind != kindEmail && c.sense&sensePlace == 0 || o.count(rules.IdentifierEmail) > 1)
	if apart && o.n == 0 && o.nameless() || stranger {
		o.marks |= markMails
		at := g.alloc()
		r := &g.groups[at]
		r.add(id)
		r.marks |= mark
		r.fields |= rules.FieldEmail
		r.since(start)
		g.places.note(r)
		g.finish(at)
		return
	}
	o.add(id)
	o.marks |= mark
	o.fields |= rules.FieldEmail
	if c.kind == kindEmail {
		o.marks |= markPersonKey
	}
	if o.local.n == 0 {
		o.local.set(low[:bytes.IndexByte(low, '@')])
	}
	g.since(o, start)
}

func (g *grouper) since(o *group, start int64) {
	o.since(start)
	g.oldest = min(g.oldest, o.start)
	g.places.note(o)
}

// masks is since for a value that holds nothing back but where somebody masks.
func (g *grouper) masks(o *group, start int64) {
	if g.places != nil {
		g.since(o, start)
	}
}

// beside is masks for a part of an address that is nothing alone, such as a town.
func (g *grouper) beside(v []byte, start int64) {
	if g.places == nil {
		return
	}
	if i := g.parent(); i >= 0 && g.frames[i].own != none {
		g.places.see(v)
		g.since(g.own(), start)
	}
}

// maxPhones is how many phone numbers one person has at most.
const maxPhones = 4

func (g *grouper) phone(c class, v []byte, start int64) {
	n, ok := normalizePhone(g.scratch[:0], v, g.cfg.Countries)
	if !ok {
		return
	}
	id := g.identifier(rules.IdentifierPhone, n)
	if g.claimed(id) || g.cfg.ignores(id) || c.sense&senseOther != 0 && g.others(c, id, nil) {
		return
	}
	o := g.own()
	if !g.paged && o.count(rules.IdentifierPhone) >= maxPhones && o.marks&markMails == 0 && !o.has(id) { // a list of people's
		at := g.alloc()
		r := &g.groups[at]
		r.add(id)
		r.marks |= markPhone
		r.fields |= rules.FieldPhone
		r.since(start)
		g.places.note(r)
		g.finish(at)
		return
	}
	o.add(id)
	o.marks |= markPhone
	o.fields |= rules.FieldPhone
	g.since(o, start)
}

func (g *grouper) nameValue(c class, v []byte, s shape, start int64) {
	if c.kind == kindName {
		if s&shapeSecret != 0 && crypted(v) || s == shapeDigit|shapeLetter && hexadecimal(v) {
			g.unlabelled(c, v, s, start)
			return
		}
		if s&(shapeLetter|shapeHigh) != 0 && c.sense&(senseThing|senseProduct|senseOther) == 0 && len(v) <= 95 {
			o := g.own()
			o.title.set(v)
			g.since(o, start)
		}
		return
	}
	if s&(shapeLetter|shapeHigh) == 0 || len(v) > 120 || c.sense&(senseOther|senseProduct) != 0 || filler(v) || v[0] == '*' {
		return
	}
	o := g.own()
	g.since(o, start)
	if c.kind != kindHolder {
		o.marks |= markPersonKey | markNamed
	}
	if r := rank(c.sense); r != o.nameRank {
		if r < o.nameRank {
			return
		}
		o.first, o.last, o.full, o.nameRank = short{}, short{}, long{}, r
	}
	switch c.kind {
	case kindFirstName:
		o.first.set(v)
	case kindLastName:
		if bytes.HasSuffix(o.last.bytes(), whole(v, len(o.last.b))) {
			return
		}
		if o.last.n > 0 && int(o.last.n)+1+len(v) <= len(o.last.b) {
			var room [64]byte
			o.last.set(append(append(append(room[:0], o.last.bytes()...), ' '), v...))
		} else {
			o.last.set(v)
		}
	default:
		if o.full.n == 0 {
			o.full.set(v)
		}
	}
}

// rank says how much the name or the street of a part of a record is the
// customer's own, when the parts stand beside each other: the buyer's before
// the payer's, theirs before the recipient's.
func rank(s sense) uint8 {
	switch {
	case s&sensePlace == 0:
		return 4
	case s&senseBilling != 0:
		return 3
	case s&senseDelivery == 0:
		return 2
	}
	return 1
}

// filler reports whether a value stands for no value.
func filler(v []byte) bool {
	switch string(v) {
	case "null", "NULL", "none", "None", "undefined", "N/A", "n/a", "true", "false", `\N`, "nil", "NaN":
		return true
	}
	return false
}

// placeField says which address field a sense means.
func placeField(s sense) (f rules.Fields) {
	if s&senseDelivery != 0 {
		f |= rules.FieldDeliveryAddress
	}
	if s&senseBilling != 0 {
		f |= rules.FieldBillingAddress
	}
	if f == 0 {
		f = rules.FieldAddress
	}
	return f
}

func (g *grouper) place(c class, v []byte, s shape, start int64) {
	if s&(shapeLetter|shapeHigh|shapeDigit) == 0 || c.sense&(senseOther|senseProduct) != 0 || filler(v) || len(v) > 300 {
		if c.sense&senseShop != 0 {
			g.sited()
		}
		return
	}
	if c.kind == kindAddress && s&(shapeLine|shapeTag) != 0 {
		g.lines(c, v, start)
		return
	}
	o := g.own()
	if r := rank(c.sense); c.kind != kindPostcode && r != o.streetRank {
		if r < o.streetRank {
			o.fields |= placeField(c.sense)
			g.since(o, start)
			return
		}
		if c.kind != kindHouse || o.street.n > 0 {
			o.street, o.house = long{}, short{}
		}
		o.streetRank = r
	}
	switch c.kind {
	case kindStreet:
		if s&(shapeLetter|shapeHigh) == 0 && o.street.n > 0 { // a house number in the second line
			o.house.set(v)
			g.masks(o, start)
			return
		}
		if o.street.n == 0 {
			name, street := homeStreet(c.kind, v)
			if name != nil && o.nameless() {
				o.full.set(name)
			}
			o.street.set(street)
		}
	case kindAddress:
		if len(v) < 8 || s&(shapeLetter|shapeHigh) == 0 || s&shapeDigit == 0 && bytes.IndexByte(v, ',') < 0 && !streetWord(v) {
			return
		}
		if o.street.n == 0 {
			name, street := homeStreet(c.kind, v)
			if name != nil && o.nameless() {
				o.full.set(name)
			}
			o.street.set(street)
			if c.sense&senseTheirs == 0 && o.marks&(markNamed|markClient) == 0 && o.town.n == 0 {
				o.town.set(townOf(v))
			}
		}
	case kindHouse:
		if len(v) <= 16 {
			o.house.set(v)
		}
		g.masks(o, start)
		return
	case kindPostcode:
		if !postcodeLike(v) {
			return
		}
		o.marks |= markPostcode
	}
	o.fields |= placeField(c.sense)
	g.since(o, start)
}

func (g *grouper) identifier(kind rules.IdentifierKind, v []byte) rules.Identifier {
	g.stirs++
	remembers := !g.slow && g.paged
	if remembers {
		if d, ok := g.recent.find(kind, v); ok {
			return rules.Identifier{Kind: kind, Digest: d}
		}
	}
	id := rules.Identifier{Kind: kind, Digest: g.h.Identifier(kind, v)}
	if remembers {
		g.recent.keep(kind, v, id.Digest)
	}
	return id
}
