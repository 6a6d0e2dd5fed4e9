package record

// quotedInPlace is quoted for a masker: every byte is given with the offset
// that it stands at, or that its escape ends at.
func (s *entity) quotedInPlace(p []byte, off int64) {
	from := 0
	for i := 0; i < len(p); i++ {
		b, at := p[i], off+int64(i)
		if s.n == 0 && b != '=' {
			continue
		}
		if s.n == 0 {
			s.run(p[from:i], off+int64(from))
			s.n, s.pending, from = 1, at, i+1
			continue
		}
		from = i + 1
		switch {
		case s.n == 1 && b == '\n':
			s.n = 0 // a soft break
		case s.n == 1 && (b == ' ' || b == '\t' || b == '\r'):
		case s.n == 1:
			s.code[0], s.at[0], s.n = b, at, 2
		default:
			s.n = 0
			if high, low := unhex(s.code[0]), unhex(b); high >= 0 && low >= 0 {
				s.g.places.escape(at, s.pending)
				s.run([]byte{byte(high<<4 | low)}, at)
				continue
			}
			s.noEscape()
			i--
			from = i + 1
		}
	}
	if s.n == 0 {
		s.run(p[from:], off+int64(from))
	}
}

// noEscape gives back what looked like the begin of an escape.
func (s *entity) noEscape() {
	s.run([]byte{'='}, s.pending)
	s.run(s.code[:1], s.at[0])
}

// run takes decoded bytes, if there are any.
func (s *entity) run(p []byte, off int64) {
	if len(p) > 0 {
		s.data(p, off)
	}
}

// base64InPlace is base64 for a masker: every byte is given with the offset of
// the sign that it begins in.
func (s *entity) base64InPlace(p []byte, off int64) {
	for i, b := range p {
		v := sextet(b)
		if v < 0 {
			if b == '=' {
				s.quantum()
			}
			continue
		}
		if s.n == 0 {
			s.pending = off + int64(i)
		}
		s.g.places.sign(off+int64(i), s.n)
		s.at[s.n] = off + int64(i)
		s.bits = s.bits<<6 | uint32(v)
		if s.n++; s.n == 4 {
			s.quantum()
		}
	}
}

// quantum takes the bytes of up to four signs.
func (s *entity) quantum() {
	n := s.n - 1
	out := s.rest(s.room[:0])
	if n > 0 && s.at[n-1]-s.at[0] == int64(n-1) {
		s.data(out, s.at[0])
		return
	}
	for k := range out {
		s.data(out[k:k+1], s.at[k])
	}
}

// decodedInPlace takes what is left at the body's end.
func (s *entity) decodedInPlace() {
	switch {
	case s.transfer == transferBase64:
		s.quantum()
	case s.n == 2:
		s.n = 0
		s.noEscape()
	}
	s.n = 0
}
