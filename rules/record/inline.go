package record

import (
	"math/bits"
	"strings"

	"github.com/ordergate/ordergate/rules"
)

// scriptScanner finds JSON in a script: every object or array that reads like
// it, with JavaScript's bare keys and single quotes, and those that a string of the
// script holds, escaped: JSON.parse("{\"a\":1}").
type scriptScanner struct {
	g     *grouper
	level int
	json  *jsonScanner
	on    bool
	quote byte   // the last sign before, if it is a quote
	fresh bool   // the JSON scanner stands behind one, and has had nothing but heads
	head  []byte // braces and brackets that it begins with; or an escape that may be one
	from  int64  // where that begins
	code  scriptCode
}

func (s *scriptScanner) reset(g *grouper, level int) {
	s.g, s.level, s.on, s.fresh, s.quote, s.head = g, level, false, false, 0, s.head[:0]
	s.code = scriptCode{begun: s.code.begun[:0]}
}

func (s *scriptScanner) write(p []byte, off int64) {
	for i := 0; i < len(p); {
		if s.on {
			i += s.feed(p[i:], off+int64(i))
			continue
		}
		if len(s.head) > 0 {
			i += s.escape(p[i])
			continue
		}
		if s.code.busy() {
			i += s.coded(p[i:], off+int64(i))
			continue
		}
		at := opens(p, i)
		if at-i > minCoded || at == len(p) {
			if end := s.findCode(p, i, at, off); end > i {
				i = end
				continue
			}
		}
		s.passed(p[i:at])
		if at == len(p) {
			return
		}
		s.from = off + int64(at)
		if p[at] == '\\' {
			if s.quote != 0 {
				s.head = append(s.head, '\\')
			}
			i = at + 1
			continue
		}
		if i = at; !s.g.slow {
			if end := s.refused(p, i, off); end > i {
				i, s.quote = end, 0
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
	s.on, s.fresh, s.head = true, s.quote != 0, s.head[:0]
}

// passed notes what stands at the end of code that is no JSON.
func (s *scriptScanner) passed(p []byte) {
	for i := len(p) - 1; i >= 0; i-- {
		if b := p[i]; !jsonBlanks[b] {
			s.quote = 0
			if b == '"' || b == '\'' || b == '`' {
				s.quote = b
			}
			return
		}
	}
}

// escapedHeads are the braces and brackets that scripts hide from HTML in strings
// (escapejs of Django, and others).
var escapedHeads = [...]string{`\u007b`, `\u005b`, `\x7b`, `\x5b`}

// escape takes a byte behind a backslash, and returns whether it took it: an escape that
// is a brace begins a string that holds JSON.
func (s *scriptScanner) escape(b byte) int {
	s.head = append(s.head, b|0x20) // the backslash is there already, digits stay as they are
	for _, head := range escapedHeads {
		switch {
		case head == string(s.head):
			s.begin()
			s.quoted([]byte(head))
			return 1
		case strings.HasPrefix(head, string(s.head)):
			return 1
		}
	}
	s.head, s.quote = s.head[:0], 0
	return 0
}

// quoted makes the JSON scanner one of a string that begins with head.
func (s *scriptScanner) quoted(head []byte) {
	first := s.from
	s.json.end(first)
	*s.json = jsonScanner{g: s.g, level: s.level, strict: true, buf: s.json.buf[:0], spare: s.json.spare}
	s.json.read([]byte{s.quote}, max(first-1, 0))
	s.json.read(head, first)
	s.fresh = false
}

// maxHeads bounds the braces, brackets and blanks that JSON in a string begins with.
const maxHeads = 8

// heads returns how many bytes p begins with that are braces, brackets and blanks.
func heads(p []byte) int {
	n := 0
	for n < len(p) && (p[n] == '{' || p[n] == '[' || jsonBlanks[p[n]]) {
		n++
	}
	return n
}

// opens returns where in p, from i on, the first brace, bracket or backslash stands, or
// len(p).
func opens(p []byte, i int) int {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	for ; i <= len(p)-8; i += 8 {
		word := load(p, i)
		x := (word | 0x20*ones) ^ '{'*ones // the bracket has the place of the brace
		y := word ^ '\\'*ones
		if m := ((x-ones)&^x | (y-ones)&^y) & tops; m != 0 {
			return i + bits.TrailingZeros64(m)/8
		}
	}
	for i < len(p) && p[i] != '{' && p[i] != '[' && p[i] != '\\' {
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
		if b == '"' || b == '\'' || b == '`' || b == '\\' {
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
	case scriptValue[b] || b == '\\':
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
	if s.fresh {
		n := heads(p)
		whole := len(s.head)+n <= maxHeads
		if whole {
			s.head = append(s.head, p[:n]...)
		}
		switch {
		case n == len(p) && whole: // perhaps
		case n < len(p) && p[n] == '\\' && whole:
			s.quoted(s.head)
			s.head = s.head[:0]
			return n
		default:
			s.fresh, s.head = false, s.head[:0]
		}
	}
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
	s.on, s.fresh, s.quote, s.head = false, false, 0, s.head[:0]
}

func (s *scriptScanner) end(off int64) {
	if s.on {
		s.stop(off)
	}
	s.code.end(off)
}

func (s *scriptScanner) held() int64 {
	switch {
	case s.code.busy():
		return s.code.held()
	case s.fresh, !s.on && len(s.head) > 0:
		return s.from
	case s.on:
		return s.json.held()
	}
	return never
}

func (s *scriptScanner) fault() rules.Uninspected { return rules.UninspectedNone }
