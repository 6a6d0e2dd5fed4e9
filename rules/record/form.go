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
}

func newForm(g *grouper) *formScanner { return &formScanner{g: g} }

func (s *formScanner) fault() rules.Uninspected { return rules.UninspectedNone }

func (s *formScanner) held() int64 {
	if len(s.buf) > 0 {
		return s.start
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
				s.add(s.acc, off+int64(i)-2)
			}
		case b == '%':
			s.hex, s.acc = 2, 0
		case b == '&' || b == '\n' || b == '\r':
			s.pair()
		case b == '=' && !s.inVal:
			s.class = s.g.keys.class(s.buf)
			s.inVal, s.buf, s.shape = true, s.buf[:0], 0
		case b == '+':
			s.add(' ', off+int64(i))
		default:
			s.add(b, off+int64(i))
		}
	}
}

func (s *formScanner) add(b byte, off int64) {
	if len(s.buf) == 0 {
		s.start = off
	}
	s.shape |= shapes[b]
	if len(s.buf) < maxValue {
		s.buf = append(s.buf, b)
	}
}

func (s *formScanner) pair() {
	if s.inVal && len(s.buf) > 0 {
		s.g.value(s.class, s.buf, s.shape, s.start)
	}
	s.inVal, s.class, s.buf, s.shape, s.hex = false, class{}, s.buf[:0], 0, 0
}

func (s *formScanner) end(int64) { s.pair() }
