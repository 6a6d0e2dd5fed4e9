package record

import (
	"bytes"

	"github.com/ordergate/ordergate/rules"
)

// stateScanner reads the JSON of a page's script. Some frameworks (Angular, up to 16) write
// its quotes and other signs as references of their own, &q; &a; &s; &l; &g;, so that none
// of the page's end the script: how the text begins says so. The zero value with json set
// is ready.
type stateScanner struct {
	json    *jsonScanner
	aside   *places // the grouper's: values behind references are not masked
	head    []byte  // until it is known
	room    [stateHead]byte
	from    int64
	begun   bool
	escaped bool
	ref     [3]byte // a reference that has begun
	n       int
}

// stateHead is how many bytes tell an escaped text: blanks are none.
const stateHead = 4

// stateSigns are what the references stand for.
var stateSigns = [256]byte{'q': '"', 'a': '&', 's': '\'', 'l': '<', 'g': '>'}

func (s *stateScanner) reset(j *jsonScanner) {
	*s = stateScanner{json: j}
	s.head = s.room[:0]
}

func (s *stateScanner) write(p []byte, off int64) {
	if s.begun && !s.escaped {
		s.json.write(p, off)
		return
	}
	if i := blanks(p, 0); len(s.head) == 0 && len(p)-i >= stateHead && !escapedState(p[i:]) { // nearly every text
		s.begun = true
		s.json.write(p, off)
		return
	}
	for i := 0; i < len(p) && !s.begun; i++ {
		if len(s.head) == 0 {
			if jsonBlanks[p[i]] {
				continue
			}
			s.from = off + int64(i)
		}
		s.head = append(s.head, p[i])
		if len(s.head) == stateHead || len(s.head) == 1 && p[i] != '{' && p[i] != '[' {
			s.begin()
			p, off = p[i+1:], off+int64(i)+1
			if len(p) > 0 {
				s.write(p, off)
			}
			return
		}
	}
	if s.begun {
		s.unescape(p, off)
	}
}

// begin decides whether the text is escaped.
func (s *stateScanner) begin() {
	s.begun = true
	s.escaped = escapedState(s.head)
	if !s.escaped {
		s.json.write(s.head, s.from)
		return
	}
	if g := s.json.g; g.places != nil {
		s.aside, g.places = g.places, nil
		s.aside.blind = true
	}
	s.unescape(s.head, s.from)
}

// escapedState reports whether a text that begins so is escaped.
func escapedState(head []byte) bool {
	return bytes.HasPrefix(head[1:], []byte("&q;")) || bytes.HasPrefix(head[1:], []byte("{&q"))
}

// unescape gives JSON without its references, each at its last byte.
func (s *stateScanner) unescape(p []byte, off int64) {
	for i := 0; i < len(p); {
		if s.n == 0 {
			at := bytes.IndexByte(p[i:], '&')
			if at < 0 {
				s.json.write(p[i:], off+int64(i))
				return
			}
			if at > 0 {
				s.json.write(p[i:i+at], off+int64(i))
			}
			s.ref[0], s.n = '&', 1
			i += at + 1
			continue
		}
		b := p[i]
		if s.n == 2 && b == ';' || s.n == 1 && stateSigns[b] != 0 {
			if s.ref[s.n] = b; s.n == 1 {
				s.n, i = 2, i+1
				continue
			}
			s.ref[0], s.n = stateSigns[s.ref[1]], 0
			s.json.write(s.ref[:1], off+int64(i))
			i++
			continue
		}
		n := s.n // it is none
		s.n = 0
		s.json.write(s.ref[:n], off+int64(i-n))
	}
}

func (s *stateScanner) end(off int64) {
	if !s.begun && len(s.head) > 0 {
		s.begin()
	}
	s.json.end(off)
	if s.aside != nil {
		s.json.g.places, s.aside = s.aside, nil
	}
}

func (s *stateScanner) held() int64 {
	if !s.begun && len(s.head) > 0 {
		return s.from
	}
	return s.json.held()
}

func (s *stateScanner) fault() rules.Uninspected { return s.json.fault() }
