package record

import (
	"unicode/utf8"

	"github.com/ordergate/ordergate/rules"
)

// scanner reads one form of body, pushed in any chunking, and feeds the
// grouper. off is the offset of p[0] in the decoded body.
type scanner interface {
	write(p []byte, off int64)
	// end says that the text is complete.
	end(off int64)
	// held returns the offset of the first byte that is read but not yet
	// given to the grouper, or never.
	held() int64
	// fault returns why the text could not be read wholly.
	fault() rules.Uninspected
}

const (
	maxValue  = 2048 // bytes of a value that is looked at as a whole; longer ones are read as text
	maxNumber = 40   // bytes of a number that is looked at
	maxNested = 3    // texts inside texts: JSON in a JSON string in a script
)

// jsonState is where a jsonScanner stands.
type jsonState uint8

const (
	jsonValue  jsonState = iota // before a value
	jsonKey                     // before a key or the end of an object
	jsonColon                   // after a key
	jsonComma                   // after a value
	jsonString                  // inside a string
	jsonEscape                  // after a backslash
	jsonHex                     // inside \uXXXX
	jsonBare                    // inside a number or a literal, or a bare key
	jsonDone                    // after the root value of a strict scanner
	jsonAbort                   // a strict scanner met something else than JSON
)

// jsonScanner reads JSON, one root value after the other (NDJSON). It goes on
// after errors. A strict one, for scripts, stops at the first error or at the
// end of the root value, and takes JavaScript's bare keys and single quotes.
type jsonScanner struct {
	g      *grouper
	strict bool
	level  int // how many texts this one lies in

	state   jsonState
	isKey   bool // the string or bare word is a key
	quote   byte
	syntax  bool
	flight  bool // rows of JSON with a number before each
	started bool
	depth   int
	kinds   [(maxDepth + 63) / 64]uint64 // one bit a level: object

	class  class // of the key before the value
	shape  shape
	start  int64 // of the token
	buf    []byte
	tiny   [utf8.UTFMax]byte
	hex    rune
	esc    int64     // where the escape begins, for places
	src    []stretch // where buf's bytes stand, for places
	digits int
	high   rune // first half of a surrogate pair
	sub    scanner
	over   int64
	spare  spare

	point     pointing
	last      uint8   // the key before, where the cache holds it,
	lastDepth int     // and how deep it stood
	signs     horizon // of the piece that is being written
	lines     lines
	table     *jsonTable
	keyed     []byte     // an address that was a key
	links     *jsonLinks // nil: it is no JSON:API document
	values    []typedValue
	flat      *flatText // nil: values are where they stand
}

func newJSON(g *grouper, level int) *jsonScanner { return &jsonScanner{g: g, level: level} }

func (s *jsonScanner) object() bool {
	if s.depth == 0 || s.depth > maxDepth {
		return s.depth > maxDepth
	}
	return s.kinds[(s.depth-1)/64]&(1<<((s.depth-1)%64)) != 0
}

func (s *jsonScanner) fault() rules.Uninspected {
	switch {
	case s.g.size:
		return rules.UninspectedSize
	case s.syntax && !s.flight:
		return rules.UninspectedSyntax
	}
	return rules.UninspectedNone
}

func (s *jsonScanner) held() int64 {
	switch s.state {
	case jsonString, jsonEscape, jsonHex, jsonBare:
		if s.sub != nil {
			return min(s.sub.held(), s.over)
		}
		return s.start
	}
	return never
}

func (s *jsonScanner) end(off int64) {
	switch s.state {
	case jsonString, jsonEscape, jsonHex:
		s.syntax = true
		s.finishString(nil, off)
	case jsonBare:
		s.finishBare(nil)
	}
	s.syntax = s.syntax || s.depth > 0 || !s.started
	s.flat.leave(s, off)
	for ; s.depth > 0; s.depth-- {
		s.g.leave(off)
	}
}

func (s *jsonScanner) write(p []byte, off int64) {
	if s.lines.on {
		p, off = s.lines.read(s, p, off)
	}
	s.read(p, off)
}

// read is write; it returns how many bytes a strict scanner took: up to the
// end of the root value, or up to the byte, exclusive, that is not JSON.
func (s *jsonScanner) read(p []byte, off int64) int {
	s.signs = horizon{}
	i := 0
	for i < len(p) {
		switch s.state {
		case jsonString:
			i += s.inString(p[i:], off+int64(i))
		case jsonEscape:
			s.escape(p[i], off+int64(i))
			i++
		case jsonHex:
			i += s.inHex(p[i], off+int64(i))
		case jsonBare:
			i += s.inBare(p[i:], off+int64(i))
		case jsonDone, jsonAbort:
			return i
		default:
			i = s.run(p, i, off)
		}
	}
	return i
}

// run reads from i on while the bytes follow the usual course; it is read
// without a way through every state for every byte.
func (s *jsonScanner) run(p []byte, i int, off int64) int {
	for i < len(p) && s.state <= jsonComma {
		if !s.g.slow && !s.table.naming() && s.flat == nil {
			if i = s.fast(p, i, off); i == len(p) || s.state > jsonComma {
				break
			}
		}
		if b := p[i]; b == '"' && (s.state == jsonValue || s.state == jsonKey) {
			s.isKey = s.state == jsonKey
			s.state, s.quote, s.start, s.shape, s.buf = jsonString, b, off+int64(i), 0, s.buf[:0]
			i++
			i += s.inString(p[i:], off+int64(i))
			continue
		}
		n := s.between(p[i:], off+int64(i))
		if s.state == jsonAbort {
			return i
		}
		i += n
	}
	return i
}

// between reads what stands outside of strings and bare words.
func (s *jsonScanner) between(p []byte, off int64) int {
	b := p[0]
	switch b {
	case ' ', '\n', '\r', '\t', 0x1E: // 0x1E divides JSON text sequences (RFC 7464)
		return 1
	case '"', '\'', '`':
		if b != '"' && !s.strict {
			return s.stray()
		}
		if s.state == jsonColon || s.state == jsonComma {
			if s.stray(); s.state == jsonAbort {
				return 1
			}
		}
		s.isKey = s.state == jsonKey || s.state == jsonComma && s.object()
		s.state, s.quote, s.start, s.shape, s.buf = jsonString, b, off, 0, s.buf[:0]
		return 1
	case '{', '[':
		s.open(b)
		return 1
	case '}', ']':
		s.close(b, off)
		return 1
	case ':':
		if s.state != jsonColon {
			return s.stray()
		}
		s.state = jsonValue
		return 1
	case ',':
		if s.state != jsonComma || s.depth == 0 {
			return s.stray()
		}
		s.next()
		return 1
	}
	return s.bare(b, off)
}

func (s *jsonScanner) stray() int {
	s.syntax = true
	if s.strict {
		s.state = jsonAbort
	}
	return 1
}

// next is what a comma leads to.
func (s *jsonScanner) next() {
	if s.object() {
		s.state, s.class = jsonKey, class{}
	} else {
		s.state = jsonValue
		s.flat.comma(s)
		if s.table != nil {
			s.class = s.table.comma(s.depth)
		}
	}
}

func (s *jsonScanner) open(b byte) {
	if s.state != jsonValue && !(s.state == jsonComma && s.depth == 0) {
		if s.stray(); s.state == jsonAbort {
			return
		}
	}
	s.started = true
	c := s.pointed()
	within := s.depth > 0 && !s.object()
	if b == '{' && c.kind == kindColumns && c.sense&senseThing != 0 { // fields: {…} is what it stands in
		c = class{sense: senseTransparent | senseKnown}
	}
	s.class = class{}
	if s.depth++; s.depth <= maxDepth {
		bit := uint64(1) << ((s.depth - 1) % 64)
		if b == '{' {
			s.kinds[(s.depth-1)/64] |= bit
		} else {
			s.kinds[(s.depth-1)/64] &^= bit
		}
	}
	s.point.open(s.depth)
	if s.flat.open(s, b) {
		if s.state = jsonValue; b == '{' {
			s.state = jsonKey
		}
		return
	}
	kind := frameArray
	if b == '{' || c.sense&(senseDeclared|senseCustomer) == senseDeclared|senseCustomer { // a row without keys, declared to be a customer's
		kind = frameObject
	}
	if b == '[' && s.array(c, within) {
		kind = frameObject
	}
	s.g.enter(kind, c)
	if c.kind == kindKeyed {
		s.addressKey(class{kind: kindEmail}, false)
	}
	if s.links != nil {
		s.opened(c)
	}
	if s.state = jsonValue; b == '{' {
		s.state = jsonKey
	}
}

// pointed returns the class of the value that begins: what the key says, or
// what is declared for the place.
func (s *jsonScanner) pointed() class {
	if len(s.point.list) == 0 {
		return s.class
	}
	if s.depth > 0 && !s.object() {
		s.point.element(s.depth)
	}
	return s.point.class(s.depth, s.class)
}

// named notes a key.
func (s *jsonScanner) named(key []byte) {
	s.class = class{}
	if s.flat.named(s, key) {
		return
	}
	if len(key) <= maxKey {
		s.class = s.g.keys.class(key)
	}
	if s.class.kind == kindTyped {
		s.class = s.unwrap(string(key) == "v")
	} else if len(s.values) > 0 {
		s.rewrap()
	}
	if len(s.point.list) > 0 {
		s.point.key(s.depth, key)
	}
}

func (s *jsonScanner) close(b byte, off int64) {
	if s.depth == 0 || s.depth <= maxDepth && s.object() != (b == '}') || s.state == jsonColon {
		if s.stray(); s.depth == 0 || s.state == jsonAbort {
			return
		}
		if s.object() != (b == '}') {
			return
		}
	}
	if s.table != nil {
		s.table.close(s.depth)
	}
	if s.valued() != nil {
		s.values = s.values[:len(s.values)-1]
		s.depth--
		s.g.tick(off)
	} else if s.flat.close(s, off) {
		s.depth--
	} else if s.links != nil {
		s.leaveLinked(b, off)
	} else {
		s.depth--
		s.g.leave(off)
	}
	s.state, s.class = jsonComma, class{}
	if s.depth == 0 && s.strict {
		s.state = jsonDone
	}
}

func (s *spare) newJSON(g *grouper, level int, c class) *jsonScanner {
	if s.json == nil {
		s.json = newJSON(g, level)
	}
	*s.json = jsonScanner{g: g, level: level, class: c, buf: s.json.buf[:0], spare: s.json.spare}
	return s.json
}

// wipe takes away what the scanners have of a text, and all of them but the one of
// JSON.
func (s *spare) wipe() {
	if j := s.json; j != nil {
		*j = jsonScanner{buf: wiped(j.buf)}
	}
	s.html, s.text = nil, nil
}

// wiped returns the memory of a value without it; none if it has grown beyond
// what most values need.
func wiped(b []byte) []byte {
	if cap(b) > maxValue {
		return nil
	}
	clear(b[:cap(b)])
	return b[:0]
}

func (s *spare) newText(g *grouper, c class) *textScanner {
	if s.text == nil {
		s.text = newText(g)
	}
	s.text.reset(c)
	return s.text
}
