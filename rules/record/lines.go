package record

import (
	"bytes"

	"github.com/ordergate/ordergate/rules"
)

// linesScanner reads text of lines "key: value" or "key = value", as programs
// write it: YAML as far as records are written in it, properties, exports of a
// form. An empty line, a list's dash, or a key that says who somebody is for the
// second time begins another object. Lines of another kind are read as text.
type linesScanner struct {
	g     *grouper
	prose *prose
	line  []byte
	src   []stretch // where it stands, for a masker
	start int64
	open  bool   // an object is
	seen  uint64 // kinds of its keys that name people
	outer class  // of the key that further indented lines belong to
	deep  int    // how far it is indented
}

func newLines(g *grouper) *linesScanner { return &linesScanner{g: g, prose: newProse(g)} }

func (s *linesScanner) fault() rules.Uninspected { return rules.UninspectedNone }

func (s *linesScanner) held() int64 {
	h := s.prose.held()
	if len(s.line) > 0 {
		h = min(h, s.start)
	}
	return h
}

func (s *linesScanner) write(p []byte, off int64) {
	for len(p) > 0 {
		end := bytes.IndexByte(p, '\n')
		run := p
		if end >= 0 {
			run = p[:end]
		}
		if len(s.line) == 0 {
			s.start = off
		}
		for {
			n := min(len(run), maxValue-len(s.line))
			if s.g.places != nil {
				s.src = addRun(s.src, len(s.line), n, off)
			}
			s.line = append(s.line, run[:n]...)
			if run, off = run[n:], off+int64(n); len(run) == 0 {
				break
			}
			s.text() // longer than any line of this kind
			s.start = off
		}
		if end < 0 {
			return
		}
		off++
		s.read(off)
		s.line = s.line[:0]
		p = p[end+1:]
	}
}

// text gives the line to the text around.
func (s *linesScanner) text() {
	if s.g.places == nil {
		s.prose.add(s.line, s.start)
	} else {
		for _, r := range s.src {
			s.prose.add(s.line[r.at:r.at+r.n], r.off)
		}
	}
	s.line = s.line[:0]
}

// read takes a line that ends before off.
func (s *linesScanner) read(off int64) {
	defer s.g.age(off)
	text := bytes.TrimSpace(s.line)
	if len(text) == 0 || bytes.Equal(text, []byte("---")) {
		s.close(off)
		return
	}
	if text[0] == '#' {
		return
	}
	indent := len(s.line) - len(bytes.TrimLeft(s.line, " \t"))
	if bytes.HasPrefix(text, []byte("- ")) {
		s.close(off)
		text, indent = bytes.TrimLeft(text[2:], " "), indent+2
	}
	key, value, is := pairOf(text)
	if !is {
		s.text()
		s.prose.brk()
		return
	}
	c := s.g.keys.class(key)
	if indent <= s.deep {
		s.outer, s.deep = class{}, 0
	}
	if len(value) == 0 {
		s.outer, s.deep, s.prose.label = c, indent, c
		return
	}
	c.sense |= s.outer.sense & (sensePlace | senseProduct | senseOther | senseCustomer | senseThing)
	s.pair(c, unquoted(value), off)
}

// pair takes a key and its value.
func (s *linesScanner) pair(c class, v []byte, off int64) {
	s.prose.label = class{}
	if c.kind == kindNone && c.sense&senseCustomer != 0 && personLike(v) {
		c.kind = kindFullName
	}
	switch c.kind {
	case kindEmail, kindFullName, kindName, kindFirstName, kindCustomerID, kindBirth:
		if c.sense&sensePlace != 0 {
			break
		}
		if s.seen&(1<<c.kind) != 0 {
			s.close(off)
		}
		s.seen |= 1 << c.kind
	default:
	}
	if !s.open {
		s.g.enter(frameArray, class{})
		s.g.enter(frameObject, class{})
		s.open = true
	}
	s.g.places.source(s.line, s.src)
	s.g.value(c, v, shapeOf(v), s.start)
}

// close ends the object.
func (s *linesScanner) close(off int64) {
	s.prose.gap()
	if s.open {
		s.g.leave(off)
		s.g.leave(off)
	}
	s.open, s.seen, s.outer, s.deep = false, 0, class{}, 0
}

func (s *linesScanner) end(off int64) {
	if len(s.line) > 0 {
		s.read(off)
	}
	s.close(off)
}

// pairOf divides a line at the sign behind its first word.
func pairOf(text []byte) (key, value []byte, is bool) {
	i := 0
	for i < len(text) && i <= maxLabel && (shapes[text[i]]&(shapeLetter|shapeDigit|shapeHigh) != 0 || bytes.IndexByte([]byte("_-. \"'"), text[i]) >= 0) {
		i++
	}
	key = bytes.Trim(text[:i], " \"'")
	if i == len(text) || text[i] != ':' && text[i] != '=' || len(key) == 0 || text[i] == ':' && i+1 < len(text) && text[i+1] != ' ' && text[i+1] != '\t' && text[i+1] != '"' {
		return nil, nil, false
	}
	return key, bytes.TrimSpace(text[i+1:]), true
}

// unquoted takes the quotes of a value away.
func unquoted(v []byte) []byte {
	if n := len(v); n > 1 && (v[0] == '"' || v[0] == '\'') && v[n-1] == v[0] {
		return v[1 : n-1]
	}
	return v
}

// paired reports whether every line of a text's head is a key and its value,
// and at least two keys are known, one of them a person's.
func paired(head []byte) bool {
	known, person := 0, false
	for lines := 0; len(head) > 0; lines++ {
		line, rest, whole := bytes.Cut(head, []byte{'\n'})
		if !whole && lines > 2 {
			break // the head may have cut it
		}
		head = rest
		text := bytes.TrimSpace(line)
		if len(text) == 0 || text[0] == '#' || bytes.Equal(text, []byte("---")) {
			continue
		}
		key, value, is := pairOf(bytes.TrimPrefix(text, []byte("- ")))
		if !is || len(value) == 0 && bytes.IndexByte(line, ' ') > 0 && line[0] != ' ' && line[0] != '-' {
			return false
		}
		c := classify(key)
		if c.sense&senseKnown != 0 {
			known++
		}
		switch c.kind {
		case kindEmail, kindPhone, kindFirstName, kindLastName, kindFullName, kindStreet:
			person = true
		default:
		}
	}
	return person && known >= 2
}
