package record

import (
	"bytes"
)

// openings are the bytes that texts in texts, password hashes that name their
// scheme and phone numbers begin with. Blanks before them may be of any
// script.
var openings = func() (t [256]bool) {
	for _, b := range []byte("{[<$+ pabs\xC2\xE1\xE2\xE3") {
		t[b] = true
	}
	return t
}()

// opening reports whether a value that begins with one of openings may be what
// they stand for, see [jsonScanner.nests] and [crypted].
func opening(c class, v []byte) bool {
	switch v[0] {
	case 'p':
		return bytes.HasPrefix(v, []byte("pbkdf2_"))
	case 's':
		return bytes.HasPrefix(v, []byte("scrypt:"))
	case 'a':
		return bytes.HasPrefix(v, []byte("argon2$"))
	case 'b':
		return bytes.HasPrefix(v, []byte("bcrypt$"))
	case '<':
		return c.kind != kindText || bytes.IndexByte(v, '{') >= 0 || bytes.IndexByte(v, '$') >= 0
	}
	return true
}

// around returns the class of the values of the innermost array.
func (g *grouper) around(c class) class {
	if n := len(g.frames); n > 0 && g.frames[n-1].kind == frameArray {
		return g.frames[n-1].class
	}
	return c
}

// bland reports whether a value without an @ and without one of [openings],
// under a key of class c, tells nothing that [grouper.value] would keep. What
// it tells beside that is noted.
func (g *grouper) bland(c class, v []byte, object bool) bool {
	if g.timed() && dullOf(c) == dullAsk {
		return false
	}
	switch c.kind {
	case kindCity:
		g.town(v)
		return true
	case kindRegion, kindCountry:
		return true
	case kindNone:
		if c.sense&senseKnown == 0 && !wordless(v) || c.sense&senseClient != 0 {
			return false
		}
		if around := g.sense(); shopNamed(c.kind, c.sense|around, around) && g.deep == 0 {
			g.shopName(v)
		}
	case kindText:
		if len(v) <= 80 && v[0] != '<' && (!alone(v) || officialSize(v)) && !plain(v) {
			return false
		}
	case kindPrice:
		if len(v) <= 80 && !alone(v) || len(v) >= 32 || g.deep > 0 {
			return false
		}
		g.own().marks |= markProduct
	case kindName:
		around := g.sense()
		sense := c.sense | around
		if sense&(senseThing|senseProduct|senseOther) == 0 || g.deep > 0 {
			return false
		}
		if shopNamed(c.kind, sense, around) {
			g.shopName(v)
		}
	case kindDate, kindOrderDate:
		return g.dated(c, v)
	case kindOpaque:
		return v[0] != 'e'
	case kindUsername:
		if bytes.IndexByte(v, ' ') > 0 {
			return false
		}
	case kindCompany, kindTypename:
	default:
		return false
	}
	return len(v) < 32 || !hashed(v)
}

// dated notes a date that begins with its digits. It is false for another value,
// and where a date may be an hour.
func (g *grouper) dated(c class, v []byte) bool {
	if v[0]-'0' > 9 || g.deep > 0 || !dateLike(v) {
		return false
	}
	if c.kind == kindOrderDate {
		g.own().marks |= markOrder | markDate
	} else {
		g.own().marks |= markDated
	}
	return true
}

// timed reports whether the innermost structure tells when a place is open.
func (g *grouper) timed() bool {
	n := len(g.frames)
	if n > 1 && g.frames[n-1].kind == frameArray && g.frames[n-2].class.kind == kindHours { // opening_hours: {weekday_text: […]}
		return true
	}
	return n > 0 && g.frames[n-1].class.kind == kindHours
}

// dull says which values without an @ under a key are bland wherever it stands.
type dull uint8

const (
	dullAsk   dull = iota // see bland
	dullNever             // none
	dullWord              // those that are no hash
	dullAll
)

// dullOf returns which values under a key of class c are dull.
func dullOf(c class) dull {
	switch c.kind {
	case kindRegion, kindCountry:
		return dullAll
	case kindNone:
		if c.sense&(senseKnown|senseClient|senseShop) == senseKnown {
			return dullWord
		}
	case kindCompany, kindTypename:
		return dullWord
	case kindText, kindPrice, kindName, kindOpaque, kindUsername, kindDate, kindOrderDate, kindCity:
	default:
		return dullNever
	}
	return dullAsk
}

// sense returns what the values of the innermost structure inherit.
func (g *grouper) sense() sense {
	if i := g.parent(); i >= 0 {
		return g.frames[i].class.sense
	}
	return 0
}

// alone reports whether v is one word that no phone number begins like: no
// candidate whatever its key says.
func alone(v []byte) bool {
	return v[0] != '0' && v[0] != '(' && bytes.IndexByte(v, ' ') < 0
}

// wordless reports whether v, under a key that says nothing, is no candidate
// for a name, a street or a number.
func wordless(v []byte) bool {
	last := v[len(v)-1]
	switch b := v[0]; {
	case b-'a' <= 25:
	case officialSize(v):
		return false
	case b-'1' <= 8 && (len(v) < 15 || last|0x20-'a' <= 25):
	default:
		return len(v) < 2
	}
	return len(v) > 80 || bytes.IndexByte(v, ' ') < 0
}

// officialSize reports whether v is as long as the official numbers that are
// known by their check, see [official].
func officialSize(v []byte) bool { return len(v) >= 9 && len(v) <= 16 }

// plain reports whether v has no digit.
func plain(v []byte) bool {
	for _, b := range v {
		if b-'0' <= 9 {
			return false
		}
	}
	return true
}

// hashed reports whether v, of 32 bytes or more, begins as a hash or a token
// does.
func hashed(v []byte) bool {
	if v[0] == 'e' && v[1] == 'y' {
		return true
	}
	for _, b := range v[:32] {
		if b-'0' > 9 && b|0x20-'a' > 5 {
			return false
		}
	}
	return true
}

// blandNumber is bland for a number.
func (g *grouper) blandNumber(c class, v []byte) bool {
	switch c.kind {
	case kindNone:
		return len(v) < 9
	case kindText:
		return v[0] != '0' && len(v) < 32 && !officialSize(v)
	case kindCity, kindRegion, kindCountry, kindTypename, kindUsername, kindCompany:
		return v[0] != '0' && len(v) < 32
	case kindPrice:
		if v[0] == '0' || len(v) >= 32 || g.deep > 0 {
			return false
		}
		g.own().marks |= markProduct
		return true
	case kindTotal, kindDate:
		if v[0] == '0' || v[0] == '-' || len(v) >= 32 || g.deep > 0 || g.timed() {
			return false
		}
		if c.kind == kindTotal {
			g.own().marks |= markTotal
		} else {
			g.own().marks |= markDated
		}
		return true
	}
	return false
}
