package record

import (
	"bytes"
	"strconv"
	"unicode/utf8"

	"github.com/ordergate/ordergate/rules"
)

const maxTreeDepth = 64 // structures inside each other of which the end is known

// treeScanner is what the readers of binary trees of values with keys (MessagePack, BSON,
// protobuf) have in common: what lies in p is taken in steps, a header, a key or a value at a time.
type treeScanner struct {
	g      *grouper
	buf    []byte // of the header, the key or the value
	want   int    // bytes of it
	left   int64  // bytes to come of a value that is passed over or streamed
	more   int64  // bytes to come of a text behind those that are gathered
	start  int64
	class  class // of the key before the value
	n      int   // structures that are open
	sub    scanner
	spare  spare
	broken bool
	large  bool
	done   bool
}

func (s *treeScanner) fault() rules.Uninspected {
	switch {
	case s.large || s.g.size:
		return rules.UninspectedSize
	case s.broken:
		return rules.UninspectedSyntax
	}
	return rules.UninspectedNone
}

func (s *treeScanner) held() int64 {
	switch {
	case s.sub != nil:
		return s.sub.held()
	case len(s.buf) > 0:
		return s.start
	}
	return never
}

// gathered takes bytes until the wanted ones are there, and returns what is left of p.
func (s *treeScanner) gathered(p []byte, off int64) (rest []byte, whole bool) {
	if len(s.buf) == 0 {
		s.start = off
	}
	s.buf, rest, whole = gather(s.buf, p, s.want)
	return rest, whole
}

// streamed takes bytes of a long value, and returns what is left of p; done at its end.
func (s *treeScanner) streamed(p []byte, off int64) (rest []byte, done bool) {
	n := min(s.left, int64(len(p)))
	if s.sub != nil {
		s.sub.write(p[:n], off)
	}
	if s.left -= n; s.left > 0 {
		return nil, false
	}
	if s.sub != nil {
		s.sub.end(off + n)
		s.sub = nil
	}
	return p[n:], true
}

// long begins a text that is read as it comes, with what is gathered of it.
func (s *treeScanner) long(rest int64) {
	s.left, s.sub = rest, s.nested(s.buf)
	s.sub.write(s.buf, s.start)
}

// nested returns a scanner for the text that begins with v.
func (s *treeScanner) nested(v []byte) scanner {
	j := jsonScanner{g: s.g, level: 1, spare: s.spare, class: s.class}
	return j.nested(v)
}

// text takes a value that is whole.
func (s *treeScanner) text(v []byte) {
	if !utf8.Valid(v) {
		v = bytes.ToValidUTF8(v, []byte{' '}) // an older charset, or bytes: what is ASCII is read
	}
	if len(v) == 0 {
		return
	}
	if len(v) > 8 && (isCoded(v) || nestedText(v)) {
		n := s.nested(v)
		n.write(v, s.start)
		n.end(s.start + int64(len(v)))
		return
	}
	s.g.value(s.class, v, shapeOf(v), s.start)
}

// number takes a number, as JSON would write it.
func (s *treeScanner) number(n int64) {
	var room [24]byte
	s.digits(strconv.AppendInt(room[:0], n, 10))
}

func (s *treeScanner) float(f float64) {
	var room [32]byte
	if v := strconv.AppendFloat(room[:0], f, 'f', -1, 64); len(v) <= maxNumber {
		s.digits(v)
	}
}

func (s *treeScanner) digits(v []byte) {
	if s.class.kind != kindNone || len(v) > 8 {
		s.g.value(s.class, v, shapeDigit, s.start)
	}
}

// open begins a structure under the key before.
func (s *treeScanner) open(k frameKind) {
	s.g.enter(k, s.class)
	s.class = class{}
}

// stop gives up.
func (s *treeScanner) stop(off int64) {
	s.broken, s.done, s.buf = true, true, s.buf[:0]
	s.close(off)
}

// close ends the structures that are open.
func (s *treeScanner) close(off int64) {
	for ; s.n > 0; s.n-- {
		s.g.leave(off)
	}
}
