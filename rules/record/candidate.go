package record

import (
	"bytes"
	"unicode"
	"unicode/utf8"

	"github.com/ordergate/ordergate/rules"
)

// other takes the values of the remaining kinds.
func (g *grouper) other(c class, v []byte, s shape, start int64) {
	switch c.kind {
	case kindTotal:
		if s&shapeDigit != 0 && string(v) != "0" {
			g.own().marks |= markTotal
		}
	case kindLines:
		if s&(shapeDigit|shapeLetter) != 0 {
			g.own().marks |= markLines
		}
	case kindOrderDate:
		if s&shapeDigit != 0 && dateLike(v) { // not: Orders completed: 12
			o := g.own()
			o.marks |= markOrder | markDate
		}
	case kindPrice:
		g.own().marks |= markProduct
		g.unlabelled(c, v, s, start)
	case kindDate:
		if s&shapeDigit != 0 && (dateLike(v) || s == shapeDigit) {
			g.own().marks |= markDated
		} else {
			g.unlabelled(c, v, s, start)
		}
	case kindPassword:
		if g.claim != nil {
			g.claim.Password = true
		}
		if crypted(v) || plainPassword(v) {
			g.credential(start)
		}
	case kindToken:
		if bearing(v) {
			g.token(v)
			g.credential(start)
		}
	case kindOpaque:
		if jwt(v) {
			g.token(v)
		}
	case kindRole:
		if staffRole(v) {
			g.own().marks |= markStaff
		}
	case kindBirth:
		if s&shapeDigit != 0 && dateLike(v) {
			o := g.own()
			o.fields |= rules.FieldBirthDate
			g.since(o, start)
		}
	case kindCard:
		g.card(v, start)
	case kindLinked:
		if i := g.parent(); i >= 0 && g.frames[i].class.sense&senseClient == 0 && business(v) {
			g.own().marks |= markVenue
		}
	case kindGovernment:
		if governmentID(v) {
			o := g.own()
			o.fields |= rules.FieldGovernmentID
			g.since(o, start)
		}
	}
}

// token notes a session or bearer token that was issued.
func (g *grouper) token(v []byte) {
	g.stirs++
	g.report.token(g.h.Key(rules.KeySession, v))
}

func (g *grouper) credential(start int64) {
	o := g.own()
	o.fields |= rules.FieldCredential
	g.since(o, start)
}

func (g *grouper) card(v []byte, start int64) {
	n, ok := cardNumber(g.scratch[:0], v)
	if !ok {
		return
	}
	o := g.own()
	o.add(g.identifier(rules.IdentifierCard, n))
	o.marks |= markCard
	o.fields |= rules.FieldPaymentCard
	g.since(o, start)
}

// staffRole reports whether the value of a role key names somebody of the
// shop.
func staffRole(v []byte) bool {
	if len(v) > 32 {
		return false
	}
	var room [32]byte
	switch string(appendFolded(room[:0], v, len(room))) {
	case "admin", "administrator", "superadmin", "superadministrator", "staff", "employee", "manager", "accounting", "accountant", "moderator",
		"operator", "agent", "root", "superuser", "sysadmin", "editor", "shopmanager", "storemanager", "mitarbeiter", "verwalter", "true":
		return true
	}
	return false
}

// unlabelled takes a value whose key says nothing: what it is shows by its
// shape, or later by its neighbours.
func (g *grouper) unlabelled(c class, v []byte, s shape, start int64) {
	switch {
	case c.sense&senseClient != 0 && c.kind == kindNone && s&shapeDigit == 0 && clientLike(v): // "customer": "Ada Lund"
		g.nameValue(class{kindFullName, c.sense}, v, s, start)
	case c.kind == kindUsername && bytes.IndexByte(v, ' ') > 0 && personLike(v):
		g.nameValue(class{kindName, c.sense}, v, s, start)
	case s&shapeLine != 0 && len(v) < 400 && s&shapeDigit != 0:
		g.lines(c, v, start)
	case s&shapeSecret != 0 && crypted(v):
		g.credential(start)
	case s&shapePlus != 0 && v[0] == '+':
		if shapedPhone(v) && c.sense&senseProduct == 0 {
			g.phone(c, v, start)
		}
	case len(v) >= 32 && s&(shapeDigit|shapeLetter) == shapeDigit|shapeLetter:
		if jwt(v) {
			g.token(v)
			g.credential(start)
		} else if hexadecimal(v) {
			o := g.own()
			o.marks |= markHash
			g.since(o, start)
		} else if len(v) <= 80 {
			g.candidate(c, v, s, start)
		}
	case len(v) >= 2 && len(v) <= 80:
		g.candidate(c, v, s, start)
	}
}

// candidate remembers a value that an e-mail beside it may turn into a name,
// a street or a phone number.
func (g *grouper) candidate(c class, v []byte, s shape, start int64) {
	i := g.parent()
	if i < 0 || g.frames[i].kind == frameBlock || c.kind != kindNone && c.kind != kindText && c.kind != kindPrice && c.kind != kindDate || c.kind == kindNone && c.sense&senseKnown != 0 {
		return
	}
	if s&shapeDigit != 0 && len(v) >= 9 && len(v) <= 16 && c.kind != kindPrice && official(v) {
		g.own().marks |= markMaybeOfficial
		g.masks(g.own(), start)
		return
	}
	switch {
	case s&shapeDigit != 0 && s&(shapeLetter|shapeHigh) != 0:
		if (c.kind == kindNone || c.kind == kindText) && mayReside(v) && g.resident(c, v, start) {
			return
		}
		if len(v) >= 6 && bytes.IndexByte(v, ' ') > 0 && streetLike(v) == 2 {
			o := g.own()
			o.maybeStreet.set(v)
			g.since(o, start)
		}
	case s&shapeDigit != 0:
		var room [20]byte
		if d, _, ok := phoneDigits(v, &room); ok && c.kind != kindPrice && len(d) >= 9 && (v[0] == '0' || v[0] == '(') {
			o := g.own()
			o.maybePhone.set(v)
			g.since(o, start)
		} else if len(v) >= 15 && c.kind == kindNone {
			if _, ok := cardNumber(g.scratch[:0], v); ok && v[0] != '0' {
				g.own().marks |= markMaybeCard
				g.masks(g.own(), start)
			}
		}
	case s&(shapeLetter|shapeHigh) != 0 && c.kind == kindNone && len(v) <= 47:
		if r, _ := utf8.DecodeRune(v); g.frames[i].kind == frameRow && !personLike(v) {
			return
		} else if unicode.IsLetter(r) && (!unicode.IsLower(r) || particular(v)) && wordsOfName(v) {
			o := g.own()
			for i := range o.maybe {
				if o.maybe[i].n == 0 {
					o.maybe[i].set(v)
					break
				}
			}
			g.since(o, start)
		}
	}
}
