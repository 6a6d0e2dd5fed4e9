package record

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/ordergate/ordergate/rules"
)

// inString reads a string up to its quote, an escape, or the end of p.
func (s *jsonScanner) inString(p []byte, off int64) int {
	sh, i := s.shape, 0
	q := s.quote
	for i < len(p) {
		b := p[i]
		if b == q || b == '\\' {
			break
		}
		sh |= shapes[b]
		i++
	}
	s.shape = sh
	if i == len(p) {
		s.keep(p, off)
		return i
	}
	if p[i] == '\\' {
		s.keep(p[:i], off)
		if s.high == 0 {
			s.esc = off + int64(i)
		}
		s.state = jsonEscape
		return i + 1
	}
	if s.high != 0 {
		s.keepRune(utf8.RuneError, off-1)
	}
	if len(s.buf) == 0 && s.sub == nil && i <= maxValue {
		s.finishString(p[:i], off+int64(i))
	} else {
		s.keep(p[:i], off)
		s.finishString(nil, off+int64(i))
	}
	return i + 1
}

// keep appends bytes of an unfinished string; what grows beyond maxValue is
// read as a text of its own.
func (s *jsonScanner) keep(p []byte, off int64) {
	if s.high != 0 && len(p) > 0 {
		s.keepRune(utf8.RuneError, off-1)
	}
	if s.sub != nil {
		s.sub.write(p, off)
		s.over = off + int64(len(p))
		return
	}
	if s.isKey && len(s.buf)+len(p) > maxKey {
		p = p[:max(0, maxKey+1-len(s.buf))]
	}
	rest := min(len(p), maxValue-len(s.buf))
	if s.g.places != nil {
		s.src = addRun(s.src, len(s.buf), rest, off)
	}
	s.buf = append(s.buf, p[:rest]...)
	if rest == len(p) {
		return
	}
	s.sub = s.nested(s.buf)
	s.g.places.replay(s.sub, s.buf, s.src, s.start+1)
	s.sub.write(p[rest:], off+int64(rest))
	s.over = off + int64(len(p))
}

// nested returns a scanner for the text that a string holds.
func (s *jsonScanner) nested(text []byte) scanner {
	if s.level < maxNested {
		if from, is := coded(text); is {
			return newCoded(s.g, s.level+1, text, from)
		}
		switch text = bytes.TrimLeft(text, " \t\r\n"); {
		case len(text) > 1 && (text[0] == '{' || text[0] == '[' || flightRow(text)):
			j := s.spare.newJSON(s.g, s.level+1, s.class)
			j.flight = text[0] != '{' && text[0] != '['
			j.flat = newFlat(text)
			return j
		case len(text) > 1 && text[0] == '<':
			return s.spare.newHTML(s.g, s.level+1)
		}
	}
	if d := delimiter(text); d != 0 && len(text) == maxValue && bytes.IndexByte(text, '\n') > 0 && headings(text, d) > 1 {
		return newCSV(s.g, d)
	}
	return s.spare.newText(s.g, s.class)
}

// spare keeps scanners for nested texts, so that each is made once.
type spare struct {
	json *jsonScanner
	html *htmlScanner
	text *textScanner
}

func (s *spare) newHTML(g *grouper, level int) *htmlScanner {
	if s.html == nil {
		s.html = newHTML(g, level)
	}
	s.html.reset()
	return s.html
}

func (s *jsonScanner) escape(b byte, off int64) {
	s.state = jsonString
	if s.high != 0 && b != 'u' {
		s.keepRune(utf8.RuneError, off-2)
		s.esc = off - 1
	}
	switch b {
	case 'n':
		b = '\n'
	case 'r':
		b = '\r'
	case 't':
		b = '\t'
	case 'b', 'f':
		b = ' '
	case 'u':
		s.state, s.hex, s.digits = jsonHex, 0, 0
		return
	case 'x': // a script's own, of two digits
		s.state, s.hex, s.digits = jsonHex, 0, 2
		return
	}
	s.shape |= shapes[b]
	s.tiny[0] = b
	s.g.places.escape(off, s.esc)
	s.keep(s.tiny[:1], off)
}

func (s *jsonScanner) inHex(b byte, off int64) int {
	d := unhex(b)
	if d < 0 {
		s.syntax = true
		s.state = jsonString
		return 0
	}
	s.hex = s.hex<<4 | rune(d)
	if s.digits++; s.digits < 4 {
		return 1
	}
	s.state = jsonString
	r := s.hex
	switch {
	case s.high != 0:
		high := s.high
		s.high = 0
		if pair := utf16.DecodeRune(high, r); pair != utf8.RuneError {
			r = pair
		} else {
			s.keepRune(utf8.RuneError, off-6)
			s.esc = off - 5
		}
		s.keepRune(r, off)
	case utf16.IsSurrogate(r) && r < 0xDC00:
		s.high = r
	default:
		s.keepRune(r, off)
	}
	return 1
}

func (s *jsonScanner) keepRune(r rune, off int64) {
	s.high = 0
	n := utf8.EncodeRune(s.tiny[:], r)
	for _, b := range s.tiny[:n] {
		s.shape |= shapes[b]
	}
	// The escape is at least as long as what it stands for.
	off -= int64(n) - 1
	s.g.places.escape(off, s.esc)
	s.keep(s.tiny[:n], off)
}

func unhex(b byte) int {
	switch {
	case b >= '0' && b <= '9':
		return int(b - '0')
	case b >= 'a' && b <= 'f':
		return int(b-'a') + 10
	case b >= 'A' && b <= 'F':
		return int(b-'A') + 10
	}
	return -1
}

// finishString takes a whole string: v, or what was kept if v is nil.
func (s *jsonScanner) finishString(v []byte, off int64) {
	s.started = true
	if s.high != 0 {
		s.keepRune(utf8.RuneError, off-1)
	}
	kept := v == nil
	if kept {
		v = s.buf
	}
	if s.isKey {
		s.named(v)
		s.state = jsonColon
		if s.class.kind == kindKeyed {
			s.keyed = append(s.keyed[:0], v...)
			s.g.tick(s.start)
			s.addressKey(class{}, true)
		}
		return
	}
	s.state = jsonComma
	if s.links != nil && s.class.kind == kindTypename && s.sub == nil && s.object() {
		s.typed(v)
	}
	if s.table.naming() && s.sub == nil {
		s.table.value(s.g.keys, v, s.depth)
	}
	c := s.pointed()
	s.class = class{}
	if s.flat != nil {
		var told bool
		if c, told = s.flat.text(s, v, c); told && s.sub == nil {
			return
		}
	}
	if c.kind == kindNone && c.sense&(senseKnown|senseClient|senseShop) == senseKnown && s.shape&^(shapeDigit|shapeLetter|shapeHigh) == 0 && s.sub == nil && len(v) < 32 && s.object() {
		s.g.tick(s.start)
		return // nothing that a shape could tell
	}
	if s.sub != nil {
		s.sub.end(off)
		s.g.size = s.g.size || s.sub.fault() == rules.UninspectedSize
		s.sub = nil
	} else if len(v) > 8 && s.level < maxNested && s.nests(c, v) {
		s.class = c
		n := s.nested(v)
		s.class = class{}
		if kept {
			s.g.places.replay(n, v, s.src, s.start+1)
		} else {
			n.write(v, off-int64(len(v)))
		}
		n.end(off)
	} else {
		if kept {
			s.g.places.source(v, s.src)
		} else {
			s.g.places.straight(v, off-int64(len(v)))
		}
		s.g.value(c, v, s.shape, s.start)
	}
	if s.depth == 0 && s.strict {
		s.state = jsonDone
	}
}

// addressKey takes the address that was a key: {"ada@lund.example": {…}}. Keys are not
// masked, since two of them would become one; a masker's answer shows them still.
func (s *jsonScanner) addressKey(c class, apart bool) {
	places := s.g.places
	if places != nil {
		places.blind = true
	}
	s.g.places = nil
	s.g.email(c, bytes.TrimSpace(s.keyed), s.start, apart)
	s.g.places = places
}

// nests reports whether a whole string is to be read as a text of its own.
func (s *jsonScanner) nests(c class, v []byte) bool {
	if isCoded(v) {
		return true
	}
	if s.shape&shapeTag != 0 && c.kind == kindText && s.shape&(shapeAt|shapeSecret) == 0 {
		return false // a description in HTML
	}
	return (s.shape&(shapeSecret|shapeTag) != 0 || v[0] == '[') && nestedText(v)
}

// nestedText reports whether a string holds JSON or markup.
func nestedText(v []byte) bool {
	v = bytes.TrimSpace(v)
	if len(v) < 6 {
		return false
	}
	switch v[0] {
	case '{', '[':
		rest := bytes.TrimLeft(v[1:], " \t\r\n")
		return len(rest) > 0 && (rest[0] == '"' || rest[0] == '{' || rest[0] == '[')
	case '<':
		return v[len(v)-1] == '>'
	}
	return flightRow(v)
}
