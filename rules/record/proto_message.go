package record

import (
	"bytes"
	"encoding/binary"
	"unicode/utf8"
)

// message reads a message that lies in memory.
func (s *protoScanner) message(v []byte, start int64, element bool, depth int) {
	if depth == maxProtoDepth {
		s.large = true
		return
	}
	if part := !element && leaf(v); !part {
		if element {
			s.g.enter(frameArray, class{})
		}
		s.g.enter(frameObject, class{})
		defer func() {
			s.g.leave(start + int64(len(v)))
			if element {
				s.g.leave(start + int64(len(v)))
			}
		}()
	}
	key := class{} // of an entry of a map: fields 1 and 2
	for rest, n := v, 0; len(rest) > 0; n++ {
		tag, field, size := protoNext(rest)
		rest = rest[size:]
		at := start + int64(len(v)-len(rest)-len(field))
		switch {
		case tag&7 != wireLen || len(field) == 0:
		case readsAsText(field) || !wellFormed(field):
			if utf8.Valid(field) {
				s.string(field, key, at)
			}
			if key = (class{}); n == 0 && tag>>3 == 1 && len(field) <= maxKey && oneMore(rest) {
				key = s.g.keys.class(field)
			}
		default:
			s.message(field, at, repeated(v, tag), depth+1)
		}
	}
}

// leaf reports whether a message is a part of what it stands in, such as an
// address or a text in a wrapper: no messages in it, and nobody's e-mail.
func leaf(v []byte) bool {
	for len(v) > 0 {
		tag, field, size := protoNext(v)
		if tag&7 == wireLen && (bytes.IndexByte(field, '@') >= 0 || len(field) > 0 && !readsAsText(field) && wellFormed(field)) {
			return false
		}
		v = v[size:]
	}
	return true
}

// oneMore reports whether a message goes on with field 2, a text, only.
func oneMore(rest []byte) bool {
	if len(rest) == 0 {
		return false
	}
	tag, field, size := protoNext(rest)
	return tag == 2<<3|wireLen && size == len(rest) && readsAsText(field)
}

// repeated reports whether a message has several fields with a tag. A field
// that is a message is one of a list then.
func repeated(v []byte, tag uint64) bool {
	n := 0
	for len(v) > 0 && n < 2 {
		t, _, size := protoNext(v)
		if t == tag {
			n++
		}
		v = v[size:]
	}
	return n > 1
}

// protoNext reads a field of a message. size is 0 if there is none.
func protoNext(v []byte) (tag uint64, field []byte, size int) {
	tag, n := binary.Uvarint(v)
	if n <= 0 || tag>>3 == 0 {
		return 0, nil, 0
	}
	body := v[n:]
	switch tag & 7 {
	case wireVarint:
		_, k := binary.Uvarint(body)
		if k <= 0 {
			return 0, nil, 0
		}
		return tag, body[:k], n + k
	case wireFixed64, wireFixed32:
		k := 8
		if tag&7 == wireFixed32 {
			k = 4
		}
		if len(body) < k {
			return 0, nil, 0
		}
		return tag, body[:k], n + k
	case wireLen:
		length, k := binary.Uvarint(body)
		if k <= 0 || length > uint64(len(body)-k) {
			return 0, nil, 0
		}
		return tag, body[k : k+int(length)], n + k + int(length)
	}
	return 0, nil, 0
}

// wellFormed reports whether v reads as a message wholly.
func wellFormed(v []byte) bool {
	for len(v) > 0 {
		_, _, size := protoNext(v)
		if size == 0 {
			return false
		}
		v = v[size:]
	}
	return true
}

// readsAsText reports whether v is printable, and not a message whose first
// tag, of field 1, is a line feed.
func readsAsText(v []byte) bool {
	if !utf8.Valid(v) {
		return false
	}
	for _, b := range v {
		if b < ' ' && b != '\n' && b != '\r' && b != '\t' || b == 0x7F {
			return false
		}
	}
	return len(v) == 0 || v[0] != '\n' || !wellFormed(v)
}
