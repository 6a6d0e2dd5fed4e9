package record

// bare starts a number, a literal, or the bare key of a script.
func (s *jsonScanner) bare(b byte, off int64) int {
	word := shapes[b]&(shapeDigit|shapeLetter|shapeHigh|shapeSecret) != 0 || b == '-' || b == '_' || b == '+' || b == '.'
	if s.state == jsonComma && s.depth == 0 && !s.strict {
		s.state = jsonValue
	}
	if !word || s.state != jsonValue && !(s.state == jsonKey && s.strict) {
		return s.stray()
	}
	s.isKey = s.state == jsonKey
	s.state, s.start, s.shape, s.buf = jsonBare, off, 0, s.buf[:0]
	return 0
}

// inBare reads a number, a literal or a bare key.
func (s *jsonScanner) inBare(p []byte, off int64) int {
	i := 0
	for i < len(p) {
		b := p[i]
		if shapes[b]&(shapeDigit|shapeLetter|shapeHigh|shapePlus|shapeSecret) == 0 && b != '-' && b != '.' && b != '_' || b == '{' {
			break
		}
		s.shape |= shapes[b]
		i++
	}
	if room := maxKey + 1 - len(s.buf); room > 0 && (i == len(p) || len(s.buf) > 0) {
		if s.g.places != nil {
			s.src = addRun(s.src, len(s.buf), min(i, room), off)
		}
		s.buf = append(s.buf, p[:min(i, room)]...)
	}
	if i == len(p) {
		return i
	}
	if len(s.buf) > 0 {
		s.finishBare(nil)
	} else {
		if s.g.places != nil {
			s.src = addRun(s.src, 0, i, off)
		}
		s.finishBare(p[:i])
	}
	return i
}

func (s *jsonScanner) finishBare(v []byte) {
	s.started = true
	if v == nil {
		v = s.buf
	}
	if s.isKey {
		s.state = jsonColon
		s.named(v)
		return
	}
	c := s.pointed()
	s.state, s.class = jsonComma, class{}
	s.g.tick(s.start)
	if s.flat != nil {
		var told bool
		if c, told = s.flat.number(s, v, c); told {
			return
		}
	}
	if s.shape&shapeLetter != 0 && !literal(v) {
		if s.stray(); s.state == jsonAbort {
			return
		}
		s.state = jsonComma
	}
	s.g.places.numeral(v, s.src)
	if len(v) <= maxNumber && (s.shape&shapeLetter == 0 || c.kind == kindRole) && (c.kind != kindNone || len(v) > 8 || !s.object()) {
		s.g.value(c, v, s.shape&^shapePlus, s.start)
	}
	if s.depth == 0 && s.strict {
		s.state = jsonDone
	}
}

// literal reports whether a bare word with letters is JSON.
func literal(v []byte) bool {
	switch string(v) {
	case "true", "false", "null", "NaN", "Infinity", "undefined":
		return true
	}
	for _, b := range v { // 1.5e+10
		if b != 'e' && b != 'E' && shapes[b]&shapeLetter != 0 {
			return false
		}
	}
	return true
}
