package record

import (
	"bytes"
	"unicode/utf8"
)

const (
	maxProtoField = 8 << 10 // bytes of a field that is read as a whole; longer ones are read as they come
	maxProtoDepth = 32      // messages inside each other
)

// Wire types of protobuf.
const (
	wireVarint  = 0
	wireFixed64 = 1
	wireLen     = 2
	wireFixed32 = 5
)

// protoState is what a protoScanner reads next.
type protoState uint8

const (
	protoTag protoState = iota
	protoVarint
	protoLength
	protoSkip  // a fixed number
	protoField // a field that is read as a whole
	protoLong  // before the first byte of a longer one
	protoText  // in a longer one that is a text
	protoStop
)

// protoScanner reads a protobuf message (protobuf.dev, encoding) whose schema
// nobody has told: the strings in it, and which of them stand in one message
// together. A field with a length is a text if it is printable, a message if it
// reads as one wholly, and nothing otherwise.
type protoScanner struct {
	treeScanner
	state  protoState
	value  uint64
	shift  uint
	tag    uint64
	last   uint64 // tag of the field before
	levels [maxProtoDepth]struct {
		left    int64 // bytes to come; less than 0: unknown
		element bool
	}
}

func newProto(g *grouper) *protoScanner {
	s := &protoScanner{treeScanner: treeScanner{g: g, n: 1}}
	s.levels[0].left = -1
	g.enter(frameObject, class{})
	return s
}

func (s *protoScanner) held() int64 {
	switch {
	case s.state == protoField:
		return s.start
	case s.sub != nil:
		return s.sub.held()
	}
	return never
}

func (s *protoScanner) write(p []byte, off int64) {
	end := off + int64(len(p))
	for len(p) > 0 && s.state != protoStop {
		at := end - int64(len(p))
		n := s.step(p, at)
		p = p[n:]
		s.count(int64(n), at+int64(n))
	}
}

// count takes n bytes off the messages that they belong to, and closes those
// that end.
func (s *protoScanner) count(n, off int64) {
	for i := range s.n {
		if l := &s.levels[i]; l.left >= 0 {
			l.left -= n
		}
	}
	for s.n > 1 && s.levels[s.n-1].left <= 0 {
		if s.state != protoTag || s.levels[s.n-1].left < 0 || s.shift > 0 {
			s.stop(off)
			return
		}
		s.pop(off)
	}
}

func (s *protoScanner) pop(off int64) {
	s.n--
	s.g.leave(off)
	if s.levels[s.n].element {
		s.g.leave(off)
	}
	s.last = 0
}

// stop gives up: what follows is no message. What was read is reported.
func (s *protoScanner) stop(off int64) {
	s.broken, s.state = true, protoStop
	s.close(off)
}

// close closes all messages.
func (s *protoScanner) close(off int64) {
	for s.n > 1 {
		s.pop(off)
	}
	if s.n == 1 {
		s.n = 0
		s.g.leave(off)
	}
}

// step reads one part and returns how many bytes it took.
func (s *protoScanner) step(p []byte, off int64) int {
	switch s.state {
	case protoTag, protoVarint, protoLength:
		s.varint(p[0], off)
		return 1
	case protoSkip:
		n := min(s.left, int64(len(p)))
		if s.left -= n; s.left == 0 {
			s.state = protoTag
		}
		return int(n)
	case protoField:
		n := int(min(s.left, int64(len(p))))
		s.buf = append(s.buf, p[:n]...)
		if s.left -= int64(n); s.left == 0 {
			s.state = protoTag
			s.whole(s.buf, s.start)
			s.g.age(off + int64(n))
		}
		return n
	case protoLong:
		s.long(p[0])
		return 0
	}
	n := min(s.left, int64(len(p)))
	s.sub.write(p[:n], off)
	if s.left -= n; s.left == 0 {
		s.state = protoTag
		s.sub.end(off + n)
		s.sub = nil
	}
	return int(n)
}

// long decides by its first byte what a long field is, which ends too late to
// be asked whether it reads as a message wholly: the tags of a message's first
// fields are no signs of a text.
func (s *protoScanner) long(b byte) {
	if b >= ' ' || s.n == len(s.levels) {
		s.large = s.large || b < ' '
		s.state = protoText
		if b == '{' || b == '[' {
			s.sub = s.spare.newJSON(s.g, 1, class{})
		} else {
			s.sub = s.spare.newText(s.g, class{})
		}
		return
	}
	l := &s.levels[s.n]
	l.left, l.element = s.left, s.last == s.tag
	s.n++
	if l.element {
		s.g.enter(frameArray, class{})
	}
	s.g.enter(frameObject, class{})
	s.state, s.tag = protoTag, 0
}

// whole takes a field that was read as a whole. It is an element of a list if
// the field before it was one of the same number.
func (s *protoScanner) whole(v []byte, start int64) {
	if readsAsText(v) {
		s.string(v, class{}, start)
	} else if wellFormed(v) {
		s.message(v, start, s.last == s.tag, 1)
	} else if utf8.Valid(v) {
		s.string(v, class{}, start)
	}
}

// string takes a text.
func (s *protoScanner) string(v []byte, c class, start int64) {
	switch {
	case len(v) > 1 && (v[0] == '{' || v[0] == '[') && nestedText(v):
		read := s.spare.newJSON(s.g, 1, c)
		read.write(v, start)
		read.end(start + int64(len(v)))
	case len(v) > maxValue:
		read := s.spare.newText(s.g, c)
		read.write(v, start)
		read.end(start + int64(len(v)))
	default:
		s.g.value(c, v, shapeOf(v), start)
	}
}

func (s *protoScanner) end(off int64) {
	if s.state != protoTag || s.shift > 0 || s.n > 1 {
		s.broken = true
	}
	if s.state == protoField {
		s.string(bytes.ToValidUTF8(s.buf, []byte{' '}), class{}, s.start)
	}
	if s.sub != nil {
		s.sub.end(off)
		s.sub = nil
	}
	s.close(off)
}

// varint reads a byte of a tag, a number or a length.
func (s *protoScanner) varint(b byte, off int64) {
	if s.shift > 63 {
		s.stop(off)
		return
	}
	s.value |= uint64(b&0x7F) << s.shift
	if s.shift += 7; b >= 0x80 {
		return
	}
	v := s.value
	s.value, s.shift = 0, 0
	switch s.state {
	case protoTag:
		s.last, s.tag = s.tag, v
		if v>>3 == 0 {
			s.stop(off)
			return
		}
		switch v & 7 {
		case wireVarint:
			s.state = protoVarint
		case wireLen:
			s.state = protoLength
		case wireFixed64:
			s.state, s.left = protoSkip, 8
		case wireFixed32:
			s.state, s.left = protoSkip, 4
		default:
			s.stop(off)
		}
	case protoVarint:
		s.state = protoTag
	case protoLength:
		s.length(v, off+1)
	}
}

// length begins a field with a length.
func (s *protoScanner) length(v uint64, off int64) {
	room := s.levels[s.n-1].left
	switch {
	case v > 1<<40 || room >= 0 && int64(v) > room-1:
		s.stop(off)
		return
	case v == 0:
		s.state = protoTag
		return
	}
	s.left, s.start, s.buf, s.state = int64(v), off, s.buf[:0], protoField
	if v > maxProtoField {
		s.state = protoLong
	}
}
