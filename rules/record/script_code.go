package record

import "bytes"

// scriptCode is a string of a script that holds a text in base64 or with percent signs,
// as states of pages are written that a call decodes: atob("eyJ…"),
// decodeURIComponent("%7B%22…"). How the string begins says so, not the call.
type scriptCode struct {
	scan  *codedScanner // of a string that is one
	quote byte
	begun []byte // a quote and signs behind it, which end with a piece and may begin one
	from  int64
}

// busy reports whether a string is being read, or begins.
func (c *scriptCode) busy() bool { return c.scan != nil || len(c.begun) > 0 }

func (c *scriptCode) held() int64 {
	if c.scan != nil {
		return c.scan.held()
	}
	return c.from
}

// end ends the string with the script.
func (c *scriptCode) end(off int64) {
	if c.scan != nil {
		c.scan.end(off)
		c.scan = nil
	}
	c.begun = c.begun[:0]
}

// quotes are the signs around strings of scripts.
var quotes = [256]bool{'"': true, '\'': true, '`': true}

// codeSigns are the signs of what may be coded: base64, and percent signs with what
// stands between them.
var codeSigns = func() (t [256]bool) {
	for b := range t {
		t[b] = sextets[b] != 0xFF
	}
	for _, b := range []byte("%-_.!~*()=") {
		t[b] = true
	}
	return t
}()

// codedRun returns how many of the first minCoded bytes may be coded.
func codedRun(p []byte) int {
	n := 0
	for n < len(p) && n < minCoded && codeSigns[p[n]] {
		n++
	}
	return n
}

// findCode looks for a coded string in the code p[i:end], which has no brace, bracket or
// backslash in it. It returns where the first one begins, behind its quote, or the end of
// the piece if one may; else i.
func (s *scriptScanner) findCode(p []byte, i, end int, off int64) int {
	if s.level >= maxNested {
		return i
	}
	for at := i; at < end; at++ {
		if !quotes[p[at]] {
			continue
		}
		n := codedRun(p[at+1 : end])
		switch {
		case n == minCoded:
			if codedWhole(p[at+1 : at+1+n]) {
				s.decode(p[at], p[at+1:at+1+n])
				return at + 1
			}
		case at+1+n == len(p):
			s.code.begun, s.code.from = append(s.code.begun[:0], p[at:]...), off+int64(at)
			return len(p)
		}
		at += n
	}
	return i
}

// decode begins to read a string.
func (s *scriptScanner) decode(quote byte, head []byte) {
	from, _ := coded(head)
	s.code.scan, s.code.quote, s.quote = newCoded(s.g, s.level+1, head, from), quote, 0
}

// coded reads on, and returns how many bytes it took.
func (s *scriptScanner) coded(p []byte, off int64) int {
	c := &s.code
	if c.scan == nil {
		n := codedRun(p)
		n = min(n, minCoded+1-len(c.begun))
		c.begun = append(c.begun, p[:n]...)
		whole := len(c.begun) == minCoded+1
		if !whole && n == len(p) {
			return n
		}
		if whole && codedWhole(c.begun[1:]) {
			s.decode(c.begun[0], c.begun[1:])
			c.scan.write(c.begun[1:], c.from+1)
		} else {
			s.passed(c.begun)
		}
		c.begun = c.begun[:0]
		return n
	}
	at := bytes.IndexByte(p, c.quote)
	if at < 0 {
		c.scan.write(p, off)
		return len(p)
	}
	c.scan.write(p[:at], off)
	c.end(off + int64(at))
	return at + 1
}
