package record

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"math"
	"time"
)

// bsonState is what a bsonScanner reads next.
type bsonState uint8

const (
	bsonSize   bsonState = iota // the length of a document
	bsonType                    // the type of an element, or the end of a document
	bsonKey                     // its key
	bsonLength                  // the length of a text or of bytes
	bsonFixed                   // a value of known size
	bsonShort                   // a text that is read as a whole
	bsonLong                    // one that is read as it comes, or what is passed over
)

// Types of elements (bsonspec.org, version 1.1).
const (
	bsonDouble   = 0x01
	bsonString   = 0x02
	bsonDocument = 0x03
	bsonArray    = 0x04
	bsonBinary   = 0x05
	bsonObjectID = 0x07
	bsonDate     = 0x09
	bsonPointer  = 0x0C
	bsonCode     = 0x0D
	bsonSymbol   = 0x0E
	bsonScoped   = 0x0F
	bsonInt32    = 0x10
	bsonInt64    = 0x12
)

// bsonSizes are the sizes of the values of known size, by type; -1: other ones.
var bsonSizes = func() (t [256]int) {
	for i := range t {
		t[i] = -1
	}
	for kind, n := range map[byte]int{bsonDouble: 8, 0x06: 0, bsonObjectID: 12, 0x08: 1, bsonDate: 8, 0x0A: 0, bsonInt32: 4, 0x11: 8, bsonInt64: 8, 0x13: 16, 0x7F: 0, 0xFF: 0} {
		t[kind] = n
	}
	return t
}()

// bsonScanner reads BSON documents, one after the other, as dumps and answers of
// databases have them.
type bsonScanner struct {
	treeScanner
	state bsonState
	kind  byte
	rows  [maxTreeDepth]bool // the open documents that are arrays
}

func newBSON(g *grouper) *bsonScanner {
	return &bsonScanner{treeScanner: treeScanner{g: g, want: 4}}
}

func (s *bsonScanner) write(p []byte, off int64) {
	end := off + int64(len(p))
	for len(p) > 0 && !s.done {
		p = s.step(p, end-int64(len(p)))
	}
}

func (s *bsonScanner) step(p []byte, off int64) []byte {
	switch s.state {
	case bsonLong:
		rest, done := s.streamed(p, off)
		if done {
			s.next(off + int64(len(p)-len(rest)))
		}
		return rest
	case bsonKey:
		return s.key(p, off)
	default:
	}
	rest, whole := s.gathered(p, off)
	if whole {
		s.whole(off + int64(len(p)-len(rest)))
	}
	return rest
}

// expect says what comes.
func (s *bsonScanner) expect(state bsonState, n int) {
	s.state, s.want, s.buf = state, n, s.buf[:0]
}

// next is the end of a value, at offset off.
func (s *bsonScanner) next(off int64) {
	s.class = class{}
	s.expect(bsonType, 1)
	s.g.age(off)
}

// key reads a key up to its zero byte.
func (s *bsonScanner) key(p []byte, off int64) []byte {
	if len(s.buf) == 0 {
		s.start = off
	}
	at := bytes.IndexByte(p, 0)
	run := p
	if at >= 0 {
		run = p[:at]
	}
	s.buf = append(s.buf, run[:min(len(run), maxKey+1-len(s.buf))]...)
	if at < 0 {
		return nil
	}
	off += int64(at) + 1
	s.class = class{}
	if n := len(s.buf); n <= maxKey && n > 0 && (s.n == 0 || !s.rows[s.n-1]) {
		s.class = s.g.keys.class(s.buf)
	}
	s.value(off)
	return p[at+1:]
}

// value begins the value of an element.
func (s *bsonScanner) value(off int64) {
	switch n := bsonSizes[s.kind]; {
	case n == 0:
		s.next(off)
	case n > 0:
		s.expect(bsonFixed, n)
	case s.kind == bsonDocument, s.kind == bsonArray:
		s.expect(bsonSize, 4)
	case s.kind == bsonString, s.kind == bsonBinary, s.kind >= bsonPointer && s.kind <= bsonScoped:
		s.expect(bsonLength, 4)
	default: // a regular expression, or what is unknown
		s.stop(off)
	}
}

// whole takes a part that is whole and ends before off.
func (s *bsonScanner) whole(off int64) {
	switch s.state {
	case bsonSize:
		s.document(off)
	case bsonType:
		if s.kind = s.buf[0]; s.kind != 0 {
			s.expect(bsonKey, 0)
			return
		}
		s.n--
		s.g.leave(off)
		if s.next(off); s.n == 0 {
			s.expect(bsonSize, 4)
		}
	case bsonLength:
		s.length(off)
	case bsonFixed:
		s.fixed()
		s.next(off)
	default:
		if s.more > 0 {
			s.long(s.more)
			s.expect(bsonLong, 0)
			return
		}
		s.text(bytes.TrimRight(s.buf, "\x00"))
		s.next(off)
	}
}

// document begins one.
func (s *bsonScanner) document(off int64) {
	if n := binary.LittleEndian.Uint32(s.buf); n < 5 || s.n == maxTreeDepth {
		s.large = s.large || s.n == maxTreeDepth
		s.stop(off)
		return
	}
	array := s.n > 0 && s.kind == bsonArray
	if s.n == 0 { // a document among others is an element
		s.class = class{}
	}
	kind := frameObject
	if array {
		kind = frameArray
	}
	s.open(kind)
	if s.n == 0 {
		s.g.frames[len(s.g.frames)-1].element = true
	}
	s.rows[s.n] = array
	s.n++
	s.expect(bsonType, 1)
}

// length begins a text, or what is passed over.
func (s *bsonScanner) length(off int64) {
	n := int64(binary.LittleEndian.Uint32(s.buf))
	text := s.kind == bsonString || s.kind == bsonSymbol || s.kind == bsonCode
	switch s.kind {
	case bsonBinary:
		n++ // its subtype
	case bsonPointer:
		n += 12
	case bsonScoped:
		n -= 4
	}
	switch {
	case n <= 0:
		s.stop(off)
	case !text:
		s.expect(bsonLong, 0)
		s.left = n
	default:
		s.more = max(n-maxValue, 0)
		s.expect(bsonShort, int(n-s.more))
	}
}

// fixed takes a value of known size.
func (s *bsonScanner) fixed() {
	switch s.kind {
	case bsonDouble:
		s.float(math.Float64frombits(binary.LittleEndian.Uint64(s.buf)))
	case bsonInt32:
		s.number(int64(int32(binary.LittleEndian.Uint32(s.buf)))) //nolint:gosec // the sign is meant
	case bsonInt64:
		s.number(int64(binary.LittleEndian.Uint64(s.buf))) //nolint:gosec // likewise
	case bsonObjectID:
		var room [24]byte
		if s.class.kind != kindNone {
			s.g.value(s.class, hex.AppendEncode(room[:0], s.buf), shapeDigit|shapeLetter, s.start)
		}
	case bsonDate:
		if ms := int64(binary.LittleEndian.Uint64(s.buf)); s.class.kind != kindNone && ms > -1<<48 && ms < 1<<48 { //nolint:gosec // likewise
			var room [32]byte
			s.g.value(s.class, time.UnixMilli(ms).UTC().AppendFormat(room[:0], time.DateOnly), shapeDigit, s.start)
		}
	}
}

func (s *bsonScanner) end(off int64) {
	s.broken = s.broken || s.n > 0 || len(s.buf) > 0
	if s.sub != nil {
		s.sub.end(off)
		s.sub = nil
	}
	if s.state == bsonShort {
		s.text(bytes.ToValidUTF8(s.buf, []byte{' '}))
	}
	s.buf = s.buf[:0]
	s.close(off)
}

// bsonLike reports whether head begins like a BSON document: its length, a type and a key,
// and at the length's end a zero byte, if that is in sight.
func bsonLike(head []byte) bool {
	if len(head) < 12 {
		return false
	}
	n := binary.LittleEndian.Uint32(head)
	if n < 12 || n > 16<<20+16<<10 || int(n) <= len(head) && head[n-1] != 0 {
		return false
	}
	kind := head[4]
	end := bytes.IndexByte(head[5:], 0)
	if end < 1 || end > maxKey || !printable(head[5:], end) || kind == 0 || kind > 0x13 && kind != 0x7F && kind != 0xFF {
		return false
	}
	value := head[5+end+1:]
	switch kind {
	case bsonString:
		return len(value) > 4 && binary.LittleEndian.Uint32(value) < n
	case bsonDocument, bsonArray:
		return len(value) >= 4 && binary.LittleEndian.Uint32(value) < n && binary.LittleEndian.Uint32(value) >= 5
	}
	return true
}
