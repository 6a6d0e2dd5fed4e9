package record

import (
	"bytes"
	"strings"

	"github.com/ordergate/ordergate/rules"
)

const maxCard = 24 // values of a card that are read together

// cardValue is a value of a card.
type cardValue struct {
	class class
	end   int // in cardScanner.text
	start int64
}

// cardScanner reads vCards of the versions 2.1, 3.0 (RFC 2426) and 4.0 (RFC
// 6350): content lines with folded ends, with quoted-printable values in the
// oldest version; and the events of calendars (RFC 5545), which are written so, too. A
// card is told at its end, since what says that it is an office's stands anywhere in it.
// What stands outside of all is another text, and is not inspected but for its addresses.
type cardScanner struct {
	g      *grouper
	field  []byte // the content line that is being read
	start  int64  // its offset
	inLine bool
	values [maxCard]cardValue
	n      int
	text   []byte
	office bool
	depth  int    // components that are open
	other  bool   // something stood outside of all
	cut    bool   // a line was too long
	full   []byte // FN, to compare ORG with
	org    []byte
}

func newCard(g *grouper) *cardScanner { return &cardScanner{g: g} }

func (s *cardScanner) fault() rules.Uninspected {
	switch {
	case s.cut:
		return rules.UninspectedSize
	case s.other:
		return rules.UninspectedSyntax
	}
	return rules.UninspectedNone
}

func (s *cardScanner) held() int64 {
	switch {
	case s.n > 0:
		return s.values[0].start
	case len(s.field) > 0:
		return s.start
	}
	return never
}

func (s *cardScanner) write(p []byte, off int64) {
	for len(p) > 0 {
		strip := false
		if !s.inLine {
			var goesOn bool
			if goesOn, strip = s.folded(p[0]); !goesOn {
				s.line()
				s.field, s.start = s.field[:0], off
			}
		}
		end := bytes.IndexByte(p, '\n')
		run := p
		if end >= 0 {
			run = p[:end]
		}
		if strip {
			run = run[1:]
		}
		s.inLine = end < 0
		s.field = append(s.field, run[:min(len(run), maxHeader-len(s.field))]...)
		if end < 0 {
			return
		}
		s.field = bytes.TrimRight(s.field, "\r")
		p, off = p[end+1:], off+int64(end)+1
	}
}

// folded reports whether the line that begins with b goes on with the field,
// and whether b is only the sign of that.
func (s *cardScanner) folded(b byte) (goesOn, strip bool) {
	if n := len(s.field); n > 0 && n < maxHeader && s.field[n-1] == '=' {
		if colon := bytes.IndexByte(s.field, ':'); colon > 0 && bytes.Contains(bytes.ToUpper(s.field[:colon]), []byte("QUOTED-PRINTABLE")) {
			s.field = s.field[:n-1]
			return true, false
		}
	}
	strip = b == ' ' || b == '\t'
	return strip, strip
}

// line takes the content line that is whole.
func (s *cardScanner) line() {
	s.g.tick(s.start)
	colon, quoted := -1, false
	for i, b := range s.field {
		if b == '"' {
			quoted = !quoted
		} else if b == ':' && !quoted {
			colon = i
			break
		}
	}
	if colon <= 0 || colon > maxHeader/4 || !cardName(s.field[:colon]) || s.depth == 0 && !bytes.EqualFold(trim(s.field[:colon]), []byte("BEGIN")) {
		s.loose()
		return
	}
	head, value := string(s.field[:colon]), s.field[colon+1:]
	name, parameters, _ := strings.Cut(head, ";")
	if at := strings.IndexByte(name, '.'); at >= 0 { // item1.EMAIL
		name = name[at+1:]
	}
	name, parameters = strings.ToUpper(strings.TrimSpace(name)), strings.ToUpper(parameters)
	switch name {
	case "PHOTO", "LOGO", "SOUND", "KEY":
		return
	}
	s.cut = s.cut || len(s.field) == maxHeader
	if !s.invited(name, head, value) {
		s.known(name, cardText(value, parameters))
	}
}

// cardName reports whether a content line may begin so: with a name of letters, digits
// and dashes, behind a group's, before its parameters.
func cardName(head []byte) bool {
	name, _, _ := bytes.Cut(head, []byte(";"))
	for _, b := range trim(name) {
		if b|0x20-'a' > 25 && !isDigit(b) && b != '-' && b != '.' && b != '_' {
			return false
		}
	}
	return true
}

// loose takes a line that is none of a card: whatever begins like a card may go on with
// something else. Whoever has an address in it is found.
func (s *cardScanner) loose() {
	line := trim(s.field)
	s.other = s.other || s.depth == 0 && len(line) > 0
	if shapeOf(line)&shapeAt == 0 {
		return
	}
	defer s.unplaced()()
	s.g.enter(frameArray, class{})
	s.g.enter(frameObject, class{})
	s.g.value(class{}, line, shapeOf(line), s.start)
	s.g.leave(s.start)
	s.g.leave(s.start)
}

// unplaced begins to tell values of which no masker knows the places, and returns what
// ends it.
func (s *cardScanner) unplaced() (end func()) {
	places := s.g.places
	if places != nil {
		places.blind, s.g.places = true, nil
	}
	return func() { s.g.places = places }
}

// cardText decodes a value.
func cardText(value []byte, parameters string) []byte {
	if strings.Contains(parameters, "QUOTED-PRINTABLE") {
		value = unquote(value)
	}
	if at := strings.Index(parameters, "CHARSET="); at >= 0 {
		label, _, _ := strings.Cut(parameters[at+len("CHARSET="):], ";")
		if e := charsetOf(label); e != nil {
			if text, err := e.NewDecoder().Bytes(value); err == nil {
				return text
			}
		}
	}
	return value
}

// unquote decodes quoted-printable text in place.
func unquote(p []byte) []byte {
	out := p[:0]
	for i := 0; i < len(p); i++ {
		if p[i] == '=' && i+2 < len(p) && unhex(p[i+1]) >= 0 && unhex(p[i+2]) >= 0 {
			out = append(out, byte(unhex(p[i+1])<<4|unhex(p[i+2])))
			i += 2
		} else {
			out = append(out, p[i])
		}
	}
	return out
}

// known takes a property (RFC 6350 section 6).
func (s *cardScanner) known(name string, value []byte) {
	switch name {
	case "BEGIN":
		s.tell()
		s.depth++
	case "END":
		s.tell()
		s.depth--
	case "KIND", "X-ADDRESSBOOKSERVER-KIND":
		s.office = s.office || bytes.EqualFold(value, []byte("org")) || bytes.EqualFold(value, []byte("location"))
	case "X-ABSHOWAS":
		s.office = s.office || bytes.EqualFold(value, []byte("COMPANY"))
	case "ORG":
		org, _ := component(value)
		s.org = append(s.org[:0], org[:min(len(org), maxKey)]...)
	case "FN":
		value = unescapeCard(value)
		s.full = append(s.full[:0], value[:min(len(value), maxKey)]...)
		s.keep(class{kind: kindFullName}, value)
	case "N":
		s.components(value, kindLastName, kindFirstName)
	case "ADR":
		s.components(value, kindNone, kindNone, kindStreet, kindNone, kindNone, kindPostcode)
	case "EMAIL":
		s.keep(class{kind: kindEmail}, bytes.TrimPrefix(value, []byte("mailto:")))
	case "TEL":
		s.keep(class{kind: kindPhone}, unescapeCard(value))
	case "BDAY":
		s.keep(class{kind: kindBirth}, value)
	case "LABEL":
		s.keep(class{kind: kindAddress}, unescapeCard(value))
	case "NOTE", "DESCRIPTION", "SUMMARY", "CONTACT", "COMMENT":
		s.keep(class{}, unescapeCard(value))
	default:
		if len(name) > 2 && name[:2] == "X-" && len(name) <= maxKey {
			s.keep(s.g.keys.class([]byte(strings.ToLower(name[2:]))), unescapeCard(value))
		}
	}
}

// components keeps the parts of a structured value that have a kind.
func (s *cardScanner) components(value []byte, kinds ...kind) {
	for _, k := range kinds {
		var part []byte
		if part, value = component(value); k != kindNone {
			s.keep(class{kind: k}, unescapeCard(part))
		}
	}
}

// keep remembers a value until the card ends.
func (s *cardScanner) keep(c class, v []byte) {
	if v = bytes.TrimSpace(v); len(v) == 0 || len(v) > maxValue {
		return
	}
	if s.n == maxCard || len(s.text)+len(v) > 2*maxValue || s.n > 0 && s.start-s.values[0].start > maxSpan/2 {
		s.tell()
	}
	s.text = append(s.text, v...)
	s.values[s.n] = cardValue{class: c, end: len(s.text), start: s.start}
	s.n++
}

// tell gives a card to the grouper.
func (s *cardScanner) tell() {
	var c class
	if s.office || len(s.org) > 0 && bytes.Equal(s.org, s.full) {
		c.sense = senseShop
	}
	if s.n > 0 {
		placed := s.unplaced() // no value of several lines has a place
		s.g.enter(frameArray, class{})
		s.g.enter(frameObject, c)
		from := 0
		for i := range s.values[:s.n] {
			v := &s.values[i]
			text := s.text[from:v.end]
			from = v.end
			v.class.sense |= c.sense
			s.g.value(v.class, text, shapeOf(text), v.start)
		}
		s.g.leave(s.start)
		s.g.leave(s.start)
		placed()
	}
	s.n, s.text, s.office, s.full, s.org = 0, s.text[:0], false, s.full[:0], s.org[:0]
}

func (s *cardScanner) end(int64) {
	s.line()
	s.tell()
}

// component returns the part of a structured value up to the next semicolon
// that is not escaped, and what is behind it.
func component(v []byte) (part, rest []byte) {
	for i := 0; i < len(v); i++ {
		switch v[i] {
		case '\\':
			i++
		case ';':
			return v[:i], v[i+1:]
		}
	}
	return v, nil
}

// unescapeCard undoes the escapes of a value (RFC 6350 section 3.4) in place.
func unescapeCard(v []byte) []byte {
	out := v[:0]
	for i := 0; i < len(v); i++ {
		b := v[i]
		if b == '\\' && i+1 < len(v) {
			if i++; v[i] == 'n' || v[i] == 'N' {
				b = '\n'
			} else {
				b = v[i]
			}
		}
		out = append(out, b)
	}
	return out
}
