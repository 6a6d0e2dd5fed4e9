package record

import (
	"errors"
	"io"

	"golang.org/x/text/encoding"
)

var errCharset = errors.New("charset")

// charsetReader decodes the words of a header in a charset that package mime
// does not know.
func charsetReader(label string, r io.Reader) (io.Reader, error) {
	e := charsetOf(label)
	if e == nil || e == encoding.Replacement {
		return nil, errCharset
	}
	return e.NewDecoder().Reader(r), nil
}

// quoted decodes quoted-printable text (RFC 2045 section 6.7). What is no
// escape stays as it is.
func (s *entity) quoted(p []byte, off int64) {
	out := s.room[:0]
	for i := 0; i < len(p); i++ {
		b := p[i]
		if len(out) > len(s.room)-4 {
			s.data(out, off)
			out = out[:0]
		}
		switch {
		case s.n == 0 && b != '=':
			out = append(out, b)
		case s.n == 0:
			s.n, s.pending = 1, off+int64(i)
		case s.n == 1 && b == '\n':
			s.n = 0 // a soft break
		case s.n == 1 && (b == ' ' || b == '\t' || b == '\r'):
		case s.n == 1:
			s.code[0], s.n = b, 2
		default:
			s.n = 0
			if high, low := unhex(s.code[0]), unhex(b); high >= 0 && low >= 0 {
				out = append(out, byte(high<<4|low))
			} else {
				out = append(out, '=', s.code[0])
				i-- // it may be an escape's begin
			}
		}
	}
	if len(out) > 0 {
		s.data(out, off)
	}
}

// base64 decodes base64 (RFC 4648, both alphabets); everything else between
// the signs is passed over, and padding begins anew.
func (s *entity) base64(p []byte, off int64) {
	out := s.room[:0]
	for i, b := range p {
		v := sextet(b)
		if v < 0 {
			if b == '=' {
				out = s.rest(out)
			}
			continue
		}
		if s.n == 0 {
			s.pending = off + int64(i)
		}
		s.bits = s.bits<<6 | uint32(v)
		if s.n++; s.n < 4 {
			continue
		}
		if out = s.rest(out); len(out) > len(s.room)-4 {
			s.data(out, off)
			out = out[:0]
		}
	}
	if len(out) > 0 {
		s.data(out, off)
	}
}

// rest appends the bytes of up to four signs.
func (s *entity) rest(out []byte) []byte {
	n, bits := s.n, s.bits
	s.n, s.bits = 0, 0
	bits <<= 6 * max(0, 4-n)
	for k := 0; k < n-1; k++ {
		out = append(out, byte(bits>>(16-8*k)))
	}
	return out
}

// decoded takes what is left at the body's end.
func (s *entity) decoded() {
	if s.n == 0 || !s.inBody || s.skip {
		return
	}
	if s.straight {
		s.decodedInPlace()
		return
	}
	out := s.room[:0]
	switch {
	case s.transfer == transferBase64:
		out = s.rest(out)
	case s.n == 2:
		out = append(out, '=', s.code[0])
	}
	at := s.pending
	if s.n = 0; len(out) > 0 {
		s.data(out, at)
	}
}

func sextet(b byte) int {
	switch {
	case 'A' <= b && b <= 'Z':
		return int(b - 'A')
	case 'a' <= b && b <= 'z':
		return int(b-'a') + 26
	case '0' <= b && b <= '9':
		return int(b-'0') + 52
	case b == '+' || b == '-':
		return 62
	case b == '/' || b == '_':
		return 63
	}
	return -1
}
