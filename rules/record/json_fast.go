package record

import (
	"bytes"
	"math/bits"
)

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
			if b != '"' || s.valued() != nil {
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
			if b == '{' || object || s.depth == 0 || s.table.settled(s.depth) { // the table must see its rows
				if end := s.quiet(p, i, off); end > 0 {
					i = end
					break
				}
			}
			s.open(b)
			object = b == '{' || s.depth > maxDepth
			if i++; s.table.naming() {
				return i
			}
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
		if s.table != nil {
			s.class = s.table.comma(s.depth)
		}
	}
	return i + 1
}

// members reads the members of an object from the key at p[i] on, as long as
// their values are strings, numbers or literals that lie whole in p. It returns
// where it stopped and whether that is before something that fast knows.
func (s *jsonScanner) members(p []byte, i int, off int64) (end int, ok bool) {
	g, last, answer := s.g, s.last, s.g.claim == nil
	k, in := g.keys, level(s.depth, s.lastDepth)
	around, plain := g.plainly()
	for {
		at := k.guess(last, in)
		e := &k.cache[at]
		if len(p)-i >= keyRoom+8 && e.leads((*[keyRoom + 8]byte)(p[i:])) {
			i += int(e.whole)
		} else {
			if end, at = k.next(p, i, last, in); end <= i {
				s.last, s.state, s.class = last, jsonKey, class{}
				return i, false
			}
			i, e = end, &k.cache[at]
		}
		if last = at; in >= keyDepth {
			in -= keyDepth
			s.lastDepth = s.depth
		}
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
				m = stringStops(load(p, end))
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
			if s.links != nil && e.class.kind == kindTypename && len(v) <= maxValue {
				s.typed(v)
			}
			clear := end <= s.signs.at || s.signs.clear(p, i+1, end)
			if answer && len(v) <= maxValue && (len(v) < minCoded || !isCoded(v)) && (!openings[v[0]] || !opening(e.class, v)) && (clear || v[0] != '<') { // no text in it
				g.tick(off + int64(i))
				switch {
				case clear && e.dull == dullAll, clear && plain && e.dull == dullWord && (len(v) < 32 || !hashed(v)):
				case clear && e.dull != dullNever && g.bland(e.class, v, true):
				case plain && e.class.kind != kindHours:
					g.member(e.class, v, off+int64(i), around, clear)
				default:
					g.value(e.class, v, shapeOf(v), off+int64(i))
				}
			} else {
				s.start, s.state, s.class = off+int64(i), jsonValue, e.class
				s.fastString(p, i+1, end, true)
			}
			end++
		case (b-'0' <= 9 || b == '-') && answer && (p[end] == ',' || p[end] == '}'):
			g.tick(off + int64(i))
			if v := p[i:end]; g.blandNumber(e.class, v) || len(v) > maxNumber {
			} else if plain && e.class.kind != kindHours {
				g.member(e.class, v, off+int64(i), around, true)
			} else {
				g.value(e.class, v, shapeOf(v), off+int64(i))
			}
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
	if s.links != nil && object && s.class.kind == kindTypename && len(v) <= maxValue {
		s.typed(v)
	}
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
		if !isCoded(v) && (!openings[v[0]] || !opening(c, v)) { // no text in it
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
	case kindRegion, kindCountry, kindText, kindOpaque, kindCompany, kindTypename:
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
	if len(v) > maxValue || mayBeCoded(v) || openings[v[0]] && opening(c, v) || !s.g.bland(c, v, object) {
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
