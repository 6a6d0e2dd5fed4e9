package record

import "github.com/ordergate/ordergate/rules"

// formScanner reads application/x-www-form-urlencoded pairs.
type formScanner struct {
	g     *grouper
	inVal bool
	class class
	buf   []byte
	shape shape
	start int64
	hex   int // digits of an escape still to come
	acc   byte
	esc   int64     // where it begins
	src   []stretch // where the bytes stand, for a masker
}

func newForm(g *grouper) *formScanner { return &formScanner{g: g} }

func (s *formScanner) fault() rules.Uninspected { return rules.UninspectedNone }

func (s *formScanner) held() int64 {
	switch {
	case len(s.buf) > 0:
		return s.start
	case s.hex > 0:
		return s.esc
	}
	return never
}

func (s *formScanner) write(p []byte, off int64) {
	for i, b := range p {
		switch {
		case s.hex > 0:
			if d := unhex(b); d >= 0 {
				s.acc = s.acc<<4 | byte(d)
			}
			if s.hex--; s.hex == 0 {
				s.g.places.escape(off+int64(i), s.esc)
				s.add(s.acc, s.esc, off+int64(i))
			}
		case b == '%':
			s.hex, s.acc, s.esc = 2, 0, off+int64(i)
		case b == '&' || b == '\n' || b == '\r':
			s.pair()
		case b == '=' && !s.inVal:
			s.class = s.g.keys.class(s.buf)
			s.inVal, s.buf, s.shape = true, s.buf[:0], 0
		case b == '+':
			s.add(' ', off+int64(i), off+int64(i))
		default:
			s.add(b, off+int64(i), off+int64(i))
		}
	}
}

// add takes a byte, decoded from what stands from one offset to another.
func (s *formScanner) add(b byte, from, to int64) {
	if len(s.buf) == 0 {
		s.start = from
	}
	s.shape |= shapes[b]
	if len(s.buf) < maxValue {
		if s.g.places != nil {
			s.src = addRun(s.src, len(s.buf), 1, to)
		}
		s.buf = append(s.buf, b)
	}
}

func (s *formScanner) pair() {
	if s.inVal && len(s.buf) > 0 {
		s.g.places.source(s.buf, s.src)
		s.g.value(s.class, s.buf, s.shape, s.start)
	}
	s.inVal, s.class, s.buf, s.shape, s.hex = false, class{}, s.buf[:0], 0, 0
}

func (s *formScanner) end(int64) { s.pair() }
