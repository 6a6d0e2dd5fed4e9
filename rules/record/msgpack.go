package record

import (
	"math"
)

// packState is what a packScanner reads next.
type packState uint8

const (
	packType   packState = iota // a type byte
	packHeader                  // the length or the number behind it
	packShort                   // a text that is read as a whole
	packLong                    // one that is read as it comes, or what is passed over
)

// packScanner reads MessagePack (github.com/msgpack/msgpack, spec.md), one value after
// the other.
type packScanner struct {
	treeScanner
	state  packState
	kind   byte
	levels [maxTreeDepth]packLevel
}

// packLevel is an open map or array.
type packLevel struct {
	left int64 // keys and values to come
	keys bool
	key  bool // a key comes
}

func newPack(g *grouper) *packScanner {
	return &packScanner{treeScanner: treeScanner{g: g, want: 1}}
}

func (s *packScanner) write(p []byte, off int64) {
	end := off + int64(len(p))
	for len(p) > 0 && !s.done {
		p = s.step(p, end-int64(len(p)))
	}
}

func (s *packScanner) step(p []byte, off int64) []byte {
	if s.state == packLong {
		rest, done := s.streamed(p, off)
		if done {
			s.next(off + int64(len(p)-len(rest)))
		}
		return rest
	}
	rest, whole := s.gathered(p, off)
	if !whole {
		return nil
	}
	at := off + int64(len(p)-len(rest))
	switch s.state {
	case packType:
		s.begin(s.buf[0], at)
	case packHeader:
		s.header(at)
	default:
		s.short(at)
	}
	return rest
}

// expect says what comes.
func (s *packScanner) expect(state packState, n int) {
	s.state, s.want, s.buf = state, n, s.buf[:0]
}

// next is the end of a key or a value, at offset off.
func (s *packScanner) next(off int64) {
	s.expect(packType, 1)
	s.g.age(off)
	for s.n > 0 {
		l := &s.levels[s.n-1]
		key := l.keys && l.key
		if l.keys {
			l.key = !l.key
		}
		if !key {
			s.class = class{}
		}
		if l.left--; l.left > 0 {
			return
		}
		s.n--
		s.class = class{}
		s.g.leave(off)
	}
	s.class = class{}
}

// naming reports whether a key is being read.
func (s *packScanner) naming() bool {
	return s.n > 0 && s.levels[s.n-1].keys && s.levels[s.n-1].key
}

// begin takes a type byte.
func (s *packScanner) begin(b byte, off int64) {
	s.kind = b
	switch {
	case s.n == 0 && (b < 0x80 || b >= 0xA0 && b < 0xDC || b >= 0xE0): // every text would be a row of numbers
		s.stop(off)
	case b < 0x80 || b >= 0xE0:
		s.integer(int64(int8(b)), off) //nolint:gosec // a negative one, by the format
	case b < 0x90:
		s.structure(int64(b&0x0F), true, off)
	case b < 0xA0:
		s.structure(int64(b&0x0F), false, off)
	case b < 0xC0:
		s.string(int64(b&0x1F), off)
	case b == 0xC1:
		s.stop(off)
	case b == 0xC0 || b == 0xC2 || b == 0xC3:
		s.next(off)
	default:
		s.expect(packHeader, packSizes[b-0xC4])
	}
}

// packSizes are how many bytes stand behind the type bytes from 0xC4 on.
var packSizes = [28]int{1, 2, 4, 2, 3, 5, 4, 8, 1, 2, 4, 8, 1, 2, 4, 8, 2, 3, 5, 9, 17, 1, 2, 4, 2, 4, 2, 4}

// header takes what stands behind a type byte.
func (s *packScanner) header(off int64) {
	var n uint64
	for _, b := range s.buf[:min(len(s.buf), 8)] {
		n = n<<8 | uint64(b)
	}
	size := len(s.buf)
	switch k := s.kind; k {
	case 0xC4, 0xC5, 0xC6: // bytes
		s.skip(int64(n), off) //nolint:gosec // of 4 bytes at most
	case 0xC7, 0xC8, 0xC9: // an extension, of which the last byte is the type
		s.skip(int64(n>>8), off) //nolint:gosec // likewise
	case 0xCA:
		s.real(float64(math.Float32frombits(uint32(n))), off) //nolint:gosec // four bytes
	case 0xCB:
		s.real(math.Float64frombits(n), off)
	case 0xCC, 0xCD, 0xCE, 0xCF:
		s.integer(int64(min(n, math.MaxInt64)), off) //nolint:gosec // bounded
	case 0xD0, 0xD1, 0xD2, 0xD3:
		shift := 64 - 8*size
		s.integer(int64(n<<shift)>>shift, off) //nolint:gosec // the sign is meant
	case 0xD4, 0xD5, 0xD6, 0xD7, 0xD8:
		s.next(off)
	case 0xD9, 0xDA, 0xDB:
		s.string(int64(n), off) //nolint:gosec // of 4 bytes at most
	case 0xDC, 0xDD:
		s.structure(int64(n), false, off) //nolint:gosec // likewise
	default:
		s.structure(int64(n), true, off) //nolint:gosec // likewise
	}
}

func (s *packScanner) integer(n, off int64) {
	if !s.naming() {
		s.number(n)
	}
	s.next(off)
}

func (s *packScanner) real(f float64, off int64) {
	s.float(f)
	s.next(off)
}

func (s *packScanner) skip(n, off int64) {
	if s.naming() {
		s.class = class{}
	}
	if n == 0 {
		s.next(off)
		return
	}
	s.expect(packLong, 0)
	s.left = n
}

// string begins a text of n bytes.
func (s *packScanner) string(n, off int64) {
	switch {
	case n == 0:
		if s.naming() {
			s.class = class{}
		}
		s.next(off)
	case s.naming() && n > maxKey:
		s.skip(n, off)
	default:
		s.more = max(n-maxValue, 0)
		s.expect(packShort, int(n-s.more))
	}
}

// short takes a text that is whole.
func (s *packScanner) short(off int64) {
	switch {
	case s.naming():
		s.class = s.g.keys.class(s.buf)
	case s.more > 0:
		s.long(s.more)
		s.expect(packLong, 0)
		return
	default:
		s.text(s.buf)
	}
	s.next(off)
}

// structure begins a map or an array.
func (s *packScanner) structure(n int64, keys bool, off int64) {
	if s.naming() || s.n == maxTreeDepth {
		s.large = s.large || s.n == maxTreeDepth
		s.stop(off)
		return
	}
	kind := frameArray
	if keys {
		kind, n = frameObject, 2*n
	}
	if n == 0 {
		s.next(off)
		return
	}
	s.open(kind)
	s.levels[s.n] = packLevel{left: n, keys: keys, key: keys}
	s.n++
	s.expect(packType, 1)
}

func (s *packScanner) end(off int64) {
	s.broken = s.broken || s.n > 0 || s.state != packType
	if s.sub != nil {
		s.sub.end(off)
		s.sub = nil
	}
	if s.state == packShort && !s.naming() {
		s.text(s.buf)
	}
	s.buf = s.buf[:0]
	s.close(off)
}

// messagePacked reports whether a text's head is MessagePack: a map with a key that is a text, or
// arrays around one. Texts in no charset begin so.
func messagePacked(head []byte) bool {
	for depth := 0; depth < 4 && len(head) > 2; depth++ {
		b := head[0]
		switch {
		case b > 0x80 && b < 0x90:
			return packedKey(head[1:])
		case b == 0xDE && len(head) > 3:
			return packedKey(head[3:])
		case b == 0xDF && len(head) > 5:
			return packedKey(head[5:])
		case b > 0x90 && b < 0xA0:
			head = head[1:]
		case b == 0xDC && len(head) > 3:
			head = head[3:]
		case b == 0xDD && len(head) > 5:
			head = head[5:]
		default:
			return false
		}
	}
	return false
}

// packedKey reports whether a text of printable ASCII begins what follows.
func packedKey(v []byte) bool {
	n, from := 0, 1
	switch b := v[0]; {
	case b > 0xA0 && b < 0xC0:
		n = int(b & 0x1F)
	case b == 0xD9 && len(v) > 1:
		n, from = int(v[1]), 2
	}
	return n > 0 && printable(v[from:], n)
}

// printable reports whether v begins with n bytes of printable ASCII.
func printable(v []byte, n int) bool {
	if len(v) < n {
		return false
	}
	for _, b := range v[:n] {
		if b < ' ' || b >= 0x7F {
			return false
		}
	}
	return true
}
