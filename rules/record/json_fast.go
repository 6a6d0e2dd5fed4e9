package record

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// horizon tells where in a piece of text the next @ stands, so that a value is
// known to have none without being read: the piece is searched once, at the
// speed of [bytes.IndexByte].
type horizon struct{ at int }

// clear reports whether p[from:end] holds no @ that could be an address's.
// Calls go upwards in p, and h is zero before the first.
func (h *horizon) clear(p []byte, from, end int) bool {
	if end <= h.at {
		return true
	}
	if h.at < from {
		h.at = from + nextAt(p[from:])
	}
	return end <= h.at
}

// nextAt returns where the next @ stands, or len(p). The one in the name of a
// picture's larger version (logo@2x.png) is none, see [assetName].
func nextAt(p []byte) int {
	for from := 0; ; {
		at := bytes.IndexByte(p[from:], '@')
		if at < 0 {
			return len(p)
		}
		at += from
		if at+4 >= len(p) || p[at+1]-'1' > 8 || p[at+2] != 'x' || p[at+3] != '.' || p[at+4]|0x20-'a' > 25 {
			return at
		}
		from = at + 4
	}
}

// stringEnd returns where in p, from i on, the first byte stands that is a
// double quote, a backslash or a control character, or len(p).
func stringEnd(p []byte, i int) int {
	for ; i <= len(p)-8; i += 8 {
		if m := stringStops(binary.LittleEndian.Uint64(p[i:])); m != 0 {
			return i + bits.TrailingZeros64(m)/8
		}
	}
	for i < len(p) && p[i] != '"' && p[i] != '\\' && p[i] >= ' ' {
		i++
	}
	return i
}

// stringStops has the top bit of each byte set that ends a string in x, and
// perhaps of bytes above the lowest of them: a borrow reaches higher bytes only.
func stringStops(x uint64) uint64 {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	// With this bit turned the quote takes the place of the blank, and the blank
	// that of the quote: it and what is below it are one range.
	q, e := x^('"'^' ')*ones, x^('\\'*ones)
	return ((q-('!'*ones))&^q | (e-ones)&^e) & tops
}

// fast reads from i on as long as tokens lie whole in p and are what JSON is
// made of mostly: keys, strings without escapes, numbers. It returns where it
// stopped, between tokens; what it does not know is left to the states, which
// say the same of everything that it reads.
func (s *jsonScanner) fast(p []byte, i int, off int64) int {
	object := s.object()
	for i < len(p) {
		b := p[i]
		if jsonBlanks[b] {
			i = blanks(p, i+1)
			continue
		}
		switch s.state {
		case jsonColon:
			if b != ':' {
				return i
			}
			s.state = jsonValue
			i++
			continue
		case jsonComma:
			if b == ',' && s.depth > 0 {
				i = s.comma(i, object)
				continue
			}
			if s.depth == 0 && b|0x20 == '{' { // the next text of several
				s.state = jsonValue
				continue
			}
			if b != '}' || !object {
				if b != ']' || object || s.depth == 0 {
					return i
				}
			}
			s.close(b, off+int64(i))
			object = s.object()
			i++
			continue
		case jsonKey:
			if b == '}' && object {
				s.close(b, off+int64(i))
				object = s.object()
				i++
				continue
			}
			if b != '"' {
				return i
			}
			end, ok := s.members(p, i, off)
			if i = end; !ok {
				return i
			}
			if s.state != jsonValue || i == len(p) {
				continue
			}
			b = p[i]
		case jsonValue:
		default:
			return i
		}
		switch b {
		case '"':
			end := stringEnd(p, i+1)
			s.start = off + int64(i)
			if end < len(p) && p[end] == '\\' {
				if end = s.escaped(p, i+1, end, object); end == 0 {
					return i
				}
			} else if end == len(p) || p[end] != '"' {
				return i
			} else {
				s.fastString(p, i+1, end, object)
			}
			i = end + 1
		case '{', '[':
			if end := s.quiet(p, i, off); end > 0 {
				i = end
				break
			}
			s.open(b)
			object = b == '{' || s.depth > maxDepth
			i++
			continue
		case ']':
			if object || s.depth == 0 {
				return i
			}
			s.close(b, off+int64(i))
			object = s.object()
			i++
			continue
		default:
			if jsonBlanks[b] {
				continue
			}
			end := s.fastBare(p, i, off, object)
			if end == i {
				return i
			}
			i = end
		}
		if i < len(p) && p[i] == ',' && s.depth > 0 && s.state == jsonComma {
			i = s.comma(i, object)
		}
	}
	return i
}

// comma takes the comma at i.
func (s *jsonScanner) comma(i int, object bool) int {
	if object {
		s.state, s.class = jsonKey, class{}
	} else {
		s.state = jsonValue
	}
	return i + 1
}

// jsonBlanks are the blanks of JSON (RFC 8259 section 2).
var jsonBlanks = [256]bool{' ': true, '\n': true, '\r': true, '\t': true}

// blanks returns where in p, from i on, the first byte stands that is none of
// jsonBlanks.
func blanks(p []byte, i int) int {
	for ; i+8 <= len(p) && binary.LittleEndian.Uint64(p[i:]) == 0x2020202020202020; i += 8 {
	}
	for i < len(p) && jsonBlanks[p[i]] {
		i++
	}
	return i
}

// members reads the members of an object from the key at p[i] on, as long as
// their values are strings, numbers or literals that lie whole in p. It returns
// where it stopped and whether that is before something that fast knows.
func (s *jsonScanner) members(p []byte, i int, off int64) (end int, ok bool) {
	g, last, answer := s.g, s.last, s.g.claim == nil
	k := g.keys
	for {
		at := k.guess(last, s.depth)
		e := &k.cache[at]
		if len(p)-i >= keyRoom+8 && e.leads((*[keyRoom + 8]byte)(p[i:])) {
			i += int(e.whole)
		} else {
			if end, at = k.next(p, i, last, s.depth); end <= i {
				s.last, s.state, s.class = last, jsonKey, class{}
				return i, false
			}
			i, e = end, &k.cache[at]
		}
		last = at
		b := byte(0)
		if i < len(p) {
			if b = p[i]; b <= ' ' {
				if i = blanks(p, i); i < len(p) {
					b = p[i]
				}
			}
		}
		end = i + 1
		if b == '"' {
			m := uint64(0)
			if end <= len(p)-8 { // most strings are short
				m = stringStops(binary.LittleEndian.Uint64(p[end:]))
			}
			if m != 0 {
				end += bits.TrailingZeros64(m) / 8
			} else {
				end = stringEnd(p, end)
			}
		} else if b-'0' <= 9 || b == '-' {
			for end < len(p) && (p[end]-'0' <= 9 || p[end] == '.' || p[end] == '-') {
				end++
			}
		}
		if end >= len(p) || b == '"' && p[end] != '"' {
			s.last, s.state, s.class = last, jsonValue, e.class
			return i, true
		}
		switch {
		case b == '"' && end == i+1:
			g.tick(off + int64(i))
			end++
		case b == '"':
			v := p[i+1 : end]
			if answer && len(v) <= maxValue && (end <= s.signs.at || s.signs.clear(p, i+1, end)) && (!openings[v[0]] || !opening(e.class, v)) {
				g.tick(off + int64(i))
				switch {
				case e.dull == dullAll, e.dull == dullWord && (len(v) < 32 || !hashed(v)):
				case e.dull != dullNever && g.bland(e.class, v, true):
				default:
					g.value(e.class, v, shapeOf(v), off+int64(i))
				}
			} else {
				s.start, s.state, s.class = off+int64(i), jsonValue, e.class
				s.fastString(p, i+1, end, true)
			}
			end++
		case (b-'0' <= 9 || b == '-') && answer && (p[end] == ',' || p[end] == '}') && g.blandNumber(e.class, p[i:end]):
			g.tick(off + int64(i))
		default:
			s.state, s.class = jsonValue, e.class
			if end = s.fastBare(p, i, off, true); end == i {
				s.last = last
				return i, true
			}
		}
		i = end
		if i+1 >= len(p) || p[i] != ',' {
			break
		}
		if i++; p[i] <= ' ' {
			i = blanks(p, i)
		}
		if i == len(p) || p[i] != '"' {
			s.started, s.last, s.state, s.class = true, last, jsonKey, class{}
			return i, true
		}
	}
	s.started, s.last, s.state, s.class = true, last, jsonComma, class{}
	return i, true
}

// fastString takes the string p[from:end], which has no escapes.
func (s *jsonScanner) fastString(p []byte, from, end int, object bool) {
	v := p[from:end]
	if len(v) > maxValue { // it is a text of its own
		s.isKey, s.buf, s.shape = false, s.buf[:0], 0
		s.keep(v, s.start+1)
		s.finishString(nil, s.start+1+int64(len(v)))
		return
	}
	c := s.class
	if len(v) == 0 {
		s.skip()
		return
	}
	if s.g.claim == nil && s.signs.clear(p, from, end) {
		if !object {
			c = s.g.around(c)
		}
		if !openings[v[0]] || !opening(c, v) { // no text in it
			if !s.g.bland(c, v, object) {
				s.g.value(s.class, v, shapeOf(v), s.start)
			}
			s.skip()
			return
		}
	}
	s.isKey = false
	s.shape = shapeOf(v)
	s.finishString(v, s.start+1+int64(len(v)))
}

// escaped passes over the string p[from:], whose first backslash is p[at], if
// it is nothing whatever its escapes stand for, and returns where its quote is;
// 0 if not.
func (s *jsonScanner) escaped(p []byte, from, at int, object bool) int {
	c := s.class
	if !object {
		c = s.g.around(c)
	}
	switch c.kind {
	case kindCity, kindRegion, kindCountry, kindText, kindOpaque, kindCompany, kindTypename:
	case kindNone:
		if c.sense&senseKnown == 0 {
			return 0
		}
	default:
		return 0
	}
	end, most, lines := escapedEnd(p, at)
	if end == 0 || at == from || s.g.claim != nil || !s.signs.clear(p, from, end) {
		return 0
	}
	v := p[from:end]
	if len(v) > maxValue || openings[v[0]] && opening(c, v) || !s.g.bland(c, v, object) {
		return 0
	}
	if left := len(v) - most; lines && left < 400 || c.kind == kindText && len(v) > 80 && left <= 80 {
		return 0 // short enough for an address
	}
	s.skip()
	return end
}

// escapedEnd returns where the string ends whose first backslash is p[i], by
// how many bytes at most it is shorter than it is written, and whether it may
// have lines; 0 if it does not end in p, or has an escape that stands for a
// letter or a digit, or is none of JSON's.
func escapedEnd(p []byte, i int) (end, most int, lines bool) {
	for i+1 < len(p) && p[i] == '\\' {
		switch p[i+1] {
		case '"', '\\', '/':
			i, most = i+2, most+1
		case 'n', 'r', 't':
			i, most, lines = i+2, most+1, true
		case 'u':
			if i+6 > len(p) || unhex(p[i+2]) < 0 || unhex(p[i+3]) < 0 || unhex(p[i+4]) < 0 || unhex(p[i+5]) < 0 ||
				p[i+2] == '0' && p[i+3] == '0' && unhex(p[i+4]) < 8 {
				return 0, 0, false
			}
			i, most = i+6, most+5
		default:
			return 0, 0, false
		}
		i = stringEnd(p, i)
	}
	if i >= len(p) || p[i] != '"' {
		return 0, 0, false
	}
	return i, most, lines
}

// skip passes over a value that is nothing.
func (s *jsonScanner) skip() {
	s.started, s.state, s.class = true, jsonComma, class{}
	s.g.tick(s.start)
}

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
	switch c.kind {
	case kindCity, kindRegion, kindCountry:
		return true
	case kindNone:
		if c.sense&senseKnown == 0 && !wordless(v) || c.sense&senseClient != 0 {
			return false
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
		if (c.sense|g.sense())&(senseThing|senseProduct|senseShop|senseStaff) == 0 || g.deep > 0 {
			return false
		}
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
	case kindCity, kindRegion, kindCountry:
		return dullAll
	case kindNone:
		if c.sense&(senseKnown|senseClient) == senseKnown {
			return dullWord
		}
	case kindCompany, kindTypename:
		return dullWord
	case kindText, kindPrice, kindName, kindOpaque, kindUsername:
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

// fastBare takes the number or the literal that begins at p[i] and returns
// where it ends; i if it is none, or has no end in p.
func (s *jsonScanner) fastBare(p []byte, i int, off int64, object bool) int {
	end := i
	c := s.class
	switch b := p[i]; {
	case b-'0' <= 9 || b == '-':
		for end++; end < len(p) && (p[end]-'0' <= 9 || p[end] == '.' || p[end] == '-'); {
			end++
		}
	case c.kind == kindRole:
		return i
	case b == 't' && bytes.HasPrefix(p[i:], []byte("true")), b == 'n' && bytes.HasPrefix(p[i:], []byte("null")):
		end += 4
	case b == 'f' && bytes.HasPrefix(p[i:], []byte("false")):
		end += 5
	default:
		return i
	}
	if end == len(p) {
		return i
	}
	switch p[end] {
	case ',', '}', ']', ' ', '\n', '\r', '\t':
	default:
		return i
	}
	v := p[i:end]
	if !object {
		c = s.g.around(c)
	}
	s.start = off + int64(i)
	if b := v[0]; b >= 'a' || s.g.claim == nil && s.g.blandNumber(c, v) {
		s.skip()
		return end
	}
	s.isKey, s.shape, s.buf = false, shapeOf(v), s.buf[:0]
	s.finishBare(v)
	return end
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
	}
	return false
}
