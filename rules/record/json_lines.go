package record

import "bytes"

// lines finds where a text of several begins (NDJSON, JSON lines) though the one
// before it broke off: whoever writes a record a line may break off in one, and
// the next line is whole again. A raw line feed stands in no string (RFC 8259
// section 7), and an object only where a value can: what begins with a line feed,
// a brace and a quote inside of a string, or with a line feed and a brace behind
// a key or a value, is a text of its own. Behind a colon it is one where each line
// before was. An object in an array may begin its line, too, and stays in it. The
// zero value finds none: for a text inside another.
type lines struct {
	on    bool
	seen  uint8 // how much of a line's begin was read last: a line feed, a brace
	at    int64 // of the line feed
	rows  bool  // a line was a text, and the next one began another
	parts bool  // a line began with a part of a text
}

// read lets s read p as far as lines may begin in it, and returns the rest.
func (l *lines) read(s *jsonScanner, p []byte, off int64) (rest []byte, at int64) {
	take := func(n int) {
		s.read(p[:n], off)
		p, off = p[n:], off+int64(n)
	}
	for len(p) > 0 {
		switch l.seen {
		case 0:
			i := bytes.Index(p, []byte("\n{"))
			if i < 0 {
				if p[len(p)-1] == '\n' {
					l.seen, l.at = 1, off+int64(len(p))-1
				}
				return p, off
			}
			l.seen, l.at = 1, off+int64(i)
			take(i + 1)
		case 1:
			if l.seen = 0; p[0] != '{' {
				continue
			}
			switch {
			case s.state == jsonKey, s.state == jsonColon, s.state == jsonComma && s.depth > 0, s.state == jsonValue && s.object() && l.rows && !l.parts:
				s.restart(off)
			case s.state == jsonComma:
				l.rows = true
			case s.depth > 0 && s.state == jsonValue:
				l.parts = true
			}
			l.seen = 2
			take(1)
		default:
			if l.seen = 0; p[0] == '"' && s.state == jsonString && s.start < l.at {
				if s.sub == nil {
					s.buf = bytes.TrimSuffix(s.buf, []byte("\n{"))
				}
				s.restart(off)
				s.open('{')
			}
		}
	}
	return p, off
}

// restart gives up the text that is being read and is ready for another one.
func (s *jsonScanner) restart(off int64) {
	s.syntax = true
	if s.state == jsonString {
		s.finishString(nil, off)
	}
	for ; s.depth > 0; s.depth-- {
		s.g.leave(off)
	}
	s.state, s.class = jsonComma, class{}
}
