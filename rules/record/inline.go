package record

import (
	"math/bits"

	"github.com/ordergate/ordergate/rules"
)

// scriptScanner finds JSON in a script: every object or array that reads like
// it, with JavaScript's bare keys and single quotes.
type scriptScanner struct {
	g     *grouper
	level int
	json  *jsonScanner
	on    bool
}

func (s *scriptScanner) reset(g *grouper, level int) { s.g, s.level, s.on = g, level, false }

func (s *scriptScanner) write(p []byte, off int64) {
	for i := 0; i < len(p); {
		if s.on {
			i += s.feed(p[i:], off+int64(i))
			continue
		}
		at := opens(p, i)
		if at == len(p) {
			return
		}
		if i = at; !s.g.slow {
			if end := s.refused(p, i, off); end > i {
				i = end
				continue
			}
		}
		s.begin()
	}
}

func (s *scriptScanner) begin() {
	if s.json == nil {
		s.json = newJSON(s.g, s.level)
	}
	*s.json = jsonScanner{g: s.g, level: s.level, strict: true, buf: s.json.buf[:0], spare: s.json.spare}
	s.on = true
}

// opens returns where in p, from i on, the first brace or bracket stands, or
// len(p).
func opens(p []byte, i int) int {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	for ; i <= len(p)-8; i += 8 {
		x := (load(p, i) | 0x20*ones) ^ '{'*ones // the bracket has the place of the brace
		if m := (x - ones) &^ x & tops; m != 0 {
			return i + bits.TrailingZeros64(m)/8
		}
	}
	for i < len(p) && p[i] != '{' && p[i] != '[' {
		i++
	}
	return i
}

// refused returns where the JSON scanner would stop that begins at the brace or
// the bracket p[i], if it would before it has taken a value: most braces of
// programs open blocks, and most brackets name members. It returns i where it
// would read on, or where p ends before that is known.
func (s *scriptScanner) refused(p []byte, i int, off int64) int {
	at := scriptBlanks(p, i+1)
	if at == len(p) || len(s.g.frames) == maxDepth {
		return i
	}
	start := at
	switch b := p[at]; {
	case b == p[i]+2: // ] or }
		s.g.tick(off + int64(at))
		return at + 1
	case p[i] == '{':
		if b == '"' || b == '\'' || b == '`' {
			return i
		}
		if scriptWord[b] { // a key
			at = wordEnd(p, at)
			if at = scriptBlanks(p, at); at == len(p) {
				return i
			}
			if p[at] != ':' {
				break
			}
			if at = scriptBlanks(p, at+1); at == len(p) || scriptValue[p[at]] {
				return i
			}
			if start = at; shapes[p[at]]&shapeLetter == 0 {
				break
			}
			if at = wordEnd(p, at); at == len(p) || literal(p[start:at]) {
				return i
			}
			s.g.tick(off + int64(start))
		}
	case scriptValue[b]:
		return i
	case shapes[b]&shapeLetter != 0:
		if at = wordEnd(p, at); at == len(p) || literal(p[start:at]) {
			return i
		}
		s.g.tick(off + int64(start))
	}
	s.g.tick(off + int64(at))
	if p[at] == '{' || p[at] == '[' {
		return at // it may begin here
	}
	return at + 1
}

// scriptWord are the bytes of bare words, see [jsonScanner.inBare].
var scriptWord = func() (t [256]bool) {
	for b := range t {
		t[b] = b != '{' && (shapes[b]&(shapeDigit|shapeLetter|shapeHigh|shapePlus|shapeSecret) != 0 || b == '-' || b == '.' || b == '_')
	}
	return t
}()

// scriptValue are the bytes that values of JSON begin with, but words.
var scriptValue = func() (t [256]bool) {
	for b := range t {
		t[b] = scriptWord[b] && shapes[b]&shapeLetter == 0
	}
	for _, b := range []byte("\"'`{[") {
		t[b] = true
	}
	return t
}()

// wordEnd returns where the bare word ends of which p[i] is a part.
func wordEnd(p []byte, i int) int {
	for i < len(p) && scriptWord[p[i]] {
		i++
	}
	return i
}

// scriptBlanks returns where in p, from i on, the first byte stands that is none
// of the blanks of [jsonScanner.between].
func scriptBlanks(p []byte, i int) int {
	for i < len(p) && (jsonBlanks[p[i]] || p[i] == 0x1E) {
		i++
	}
	return i
}

// feed gives bytes to the JSON scanner, one value's worth at a time, and
// returns how many it took.
func (s *scriptScanner) feed(p []byte, off int64) int {
	i := s.json.read(p, off)
	switch s.json.state {
	case jsonAbort:
		s.stop(off + int64(i))
		if p[i] == '{' || p[i] == '[' {
			return i // it may begin here
		}
		return i + 1
	case jsonDone:
		s.stop(off + int64(i) - 1)
	}
	return i
}

func (s *scriptScanner) stop(off int64) {
	s.json.end(off)
	s.on = false
}

func (s *scriptScanner) end(off int64) {
	if s.on {
		s.stop(off)
	}
}

func (s *scriptScanner) held() int64 {
	if s.on {
		return s.json.held()
	}
	return never
}

func (s *scriptScanner) fault() rules.Uninspected { return rules.UninspectedNone }
