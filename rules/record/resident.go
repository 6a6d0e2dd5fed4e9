package record

import (
	"bytes"
	"unicode"
	"unicode/utf8"
)

const (
	minResident = 24  // bytes of name, street and town in one line
	maxResident = 160 // bytes of a line in which they are looked for
)

// resident finds a person with street and town in a line of text, "Marieke Jansen,
// Hoofdstraat 5, 1234 AB Amsterdam has ordered". Nothing says what they are, so all three
// must look like it: two words of a name, a street with a word for street or, before a
// postcode that is no plain number, with a house number, and behind it the postcode.
func resident(v []byte) (name, street []byte, ok bool) {
	if len(v) < minResident || len(v) > maxResident {
		return nil, nil, false
	}
	var before []byte
	part, rest := nextPart(v)
	for len(rest) > 0 {
		next, after := nextPart(rest)
		if n := streetLike(part); n > 0 {
			name, street = tailName(before), part
			if name == nil {
				name, street = headName(part)
			}
			further, _ := nextPart(after)
			if name != nil && (n == 2 && (posted(next, false) || posted(further, false)) || numbered(street) && posted(next, true)) {
				return name, street, true
			}
		}
		before, part, rest = part, next, after
	}
	return nil, nil, false
}

// nextPart cuts the part of a line up to a comma or another sign that parts.
func nextPart(v []byte) (part, rest []byte) {
	for i, b := range v {
		switch b {
		case ',', ';', '|':
			return trim(v[:i]), v[i+1:]
		case ' ':
			for _, dash := range [...]string{" - ", " – ", " — ", " · "} {
				if bytes.HasPrefix(v[i:], []byte(dash)) {
					return trim(v[:i]), v[i+len(dash):]
				}
			}
		}
	}
	return trim(v), nil
}

// tailName returns the person's name that a part of a line ends with, or nil.
func tailName(part []byte) (name []byte) {
	words := 0
	for i := len(part) - 1; i >= 0 && words < 4; i-- {
		if i > 0 && part[i-1] != ' ' {
			continue
		}
		w, _ := nextWord(part[i:])
		r, _ := utf8.DecodeRune(w)
		if unicode.IsLower(r) && !particle(w) {
			break
		}
		if words++; words > 1 && !unicode.IsLower(r) && personLike(part[i:]) {
			name = part[i:]
		}
	}
	return name
}

// headName divides a name and a street that begins with its number: "Ada Lund 12 Elm
// Street".
func headName(part []byte) (name, street []byte) {
	for i, b := range part {
		if isDigit(b) && i > 0 && part[i-1] == ' ' {
			if name = tailName(trim(part[:i])); streetLike(part[i:]) == 2 {
				return name, part[i:]
			}
			break
		}
	}
	return nil, part
}

// posted reports whether a part of a line begins with a postcode and a town, or ends with
// one, as far as a sentence may go on behind it. With strict the postcode is more than a
// plain number.
func posted(part []byte, strict bool) bool {
	end := 0
	for words := 0; end < len(part) && words < 3; words++ {
		w, rest := nextWord(part[end:])
		before := trim(part[:end])
		end = len(part) - len(rest)
		if n := len(w); n >= 4 && n <= 6 && plainNumber(w) && !strict && townBehind(rest) {
			return true
		} else if n == 5 && plainNumber(w) && words > 0 && stateLike(before) { // GA 30309
			return true
		}
		if words == 0 && len(w) >= 6 && len(w) <= 9 && tiedNumber(w) && townBehind(rest) { // 60-166, 1100-060
			return true
		}
	}
	head := trim(part[:end])
	return lettered(head) || spacedNumber(part) || dutch(part)
}

// plainNumber reports whether a word has nothing but digits.
func plainNumber(w []byte) bool {
	for _, b := range w {
		if !isDigit(b) {
			return false
		}
	}
	return len(w) > 0
}

// tiedNumber reports whether a word is digits, a dash and at least three digits.
func tiedNumber(w []byte) bool {
	a, b, ok := bytes.Cut(w, []byte{'-'})
	return ok && plainNumber(a) && plainNumber(b) && len(b) >= 3 && len(a) >= 2
}

// spacedNumber reports whether text begins with a postcode of three and two digits: 111 36.
func spacedNumber(v []byte) bool {
	return len(v) > 8 && plainNumber(v[:3]) && v[3] == ' ' && plainNumber(v[4:6]) && v[6] == ' ' && townBehind(v[7:])
}

// dutch reports whether text begins with a postcode of four digits and two letters: 2312 JD.
func dutch(v []byte) bool {
	return len(v) >= 7 && plainNumber(v[:4]) && v[4] == ' ' && v[5]-'A' <= 25 && v[6]-'A' <= 25 && (len(v) == 7 || v[7] == ' ' && townBehind(v[8:]))
}

// townBehind reports whether a word follows that may be a town's.
func townBehind(v []byte) bool {
	r, _ := utf8.DecodeRune(v)
	return unicode.IsUpper(r) || r >= 0x2E80 && unicode.IsLetter(r)
}

// stateLike reports whether the last word is two capital letters.
func stateLike(v []byte) bool {
	n := len(v)
	return n >= 2 && v[n-1]-'A' <= 25 && v[n-2]-'A' <= 25 && (n == 2 || v[n-3] == ' ')
}

// mayReside reports whether a line may be one in which resident finds somebody: a comma or
// another sign that parts, and digits on both sides of one.
func mayReside(v []byte) bool {
	if len(v) < minResident || len(v) > maxResident {
		return false
	}
	if at := bytes.IndexByte(v, ','); at < 0 && (len(v) > 120 || bytes.IndexByte(v, '|') < 0 && bytes.IndexByte(v, ';') < 0 && !bytes.Contains(v, []byte(" - ")) && !bytes.Contains(v, []byte(" –"))) {
		return false
	}
	first, parted := false, false
	for i, b := range v {
		switch {
		case isDigit(b):
			if parted {
				return true
			}
			first = true
		case first && (b == ',' || b == ';' || b == '|' || b == ' ' && i+2 < len(v) && (v[i+1] == '-' || v[i+1] == 0xE2 || v[i+1] == 0xC2)):
			parted = true
		}
	}
	return false
}

// resident takes a person with street and town out of a value.
func (g *grouper) resident(c class, v []byte, start int64) bool {
	name, street, ok := resident(v)
	if ok {
		g.resides(c, name, street, start, start+int64(len(v)))
	}
	return ok
}

// resides tells a person with name and street as somebody of their own.
func (g *grouper) resides(c class, name, street []byte, start, off int64) {
	g.enter(frameObject, class{sense: c.sense &^ senseKnown})
	g.value(class{kind: kindFullName, sense: c.sense}, name, shapeLetter, start)
	g.value(class{kind: kindStreet, sense: c.sense}, street, shapeLetter|shapeDigit, start)
	g.leave(off)
}
