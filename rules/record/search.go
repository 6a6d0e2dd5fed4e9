package record

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// The searches of this file look at eight bytes at a time (Hacker's Delight,
// section 6-1): in each byte of a word the top bit says whether it is one that is
// looked for.

// load returns the 8 bytes at p[i]. The bounds are written out so that the
// compiler makes one load of it and no slice.
func load(p []byte, i int) uint64 { return binary.LittleEndian.Uint64(p[i : i+8 : i+8]) }

// bytesIn has the top bit of each byte set that is b, and perhaps of bytes above
// the lowest of them.
func bytesIn(text uint64, b byte) uint64 {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	text ^= uint64(b) * ones
	return (text - ones) &^ text & tops
}

// bytesTo returns how many bits of 8 bytes stand before the first b, or 64.
func bytesTo(text uint64, b byte) uint {
	return uint(bits.TrailingZeros64(bytesIn(text, b))) &^ 7
}

// quoteEnd returns where in p, from i on, the first double quote stands, or
// len(p).
func quoteEnd(p []byte, i int) int {
	at := bytes.IndexByte(p[i:], '"')
	if at < 0 {
		return len(p)
	}
	return i + at
}

// stringEnd returns where in p, from i on, the first byte stands that is a
// double quote, a backslash or a control character, or len(p).
func stringEnd(p []byte, i int) int {
	for ; i <= len(p)-8; i += 8 {
		if m := stringStops(load(p, i)); m != 0 {
			return i + bits.TrailingZeros64(m)/8
		}
	}
	for i < len(p) && p[i] != '"' && p[i] != '\\' && p[i] >= ' ' {
		i++
	}
	return i
}

// stringStops has the top bit of each byte set that ends a string in x, and
// perhaps of bytes above the lowest of them: a borrow reaches higher bytes only.
func stringStops(x uint64) uint64 {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	// With this bit turned the quote takes the place of the blank, and the blank
	// that of the quote: it and what is below it are one range.
	q, e := x^('"'^' ')*ones, x^('\\'*ones)
	return ((q-('!'*ones))&^q | (e-ones)&^e) & tops
}

// jsonBlanks are the blanks of JSON (RFC 8259 section 2).
var jsonBlanks = [256]bool{' ': true, '\n': true, '\r': true, '\t': true}

// blanks returns where in p, from i on, the first byte stands that is none of
// jsonBlanks.
func blanks(p []byte, i int) int {
	for ; i+8 <= len(p) && load(p, i) == blankBytes; i += 8 {
	}
	for i < len(p) && jsonBlanks[p[i]] {
		i++
	}
	return i
}

const (
	blankBytes = 0x2020202020202020 // eight blanks
	highBytes  = 0x8080808080808080 // the bit that eight bytes beyond ASCII have
)

// small reports whether v is ASCII without capitals.
func small(v []byte) bool {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	i := 0
	for ; i <= len(v)-8; i += 8 {
		x := load(v, i)
		low := x &^ tops
		if (x|(low+(0x80-'A')*ones)&^(low+(0x7F-'Z')*ones))&tops != 0 {
			return false
		}
	}
	for ; i < len(v); i++ {
		if b := v[i]; b-'A' <= 25 || b >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// digitsOf returns how many digits v has.
func digitsOf(v []byte) (n int) {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	i := 0
	for ; i <= len(v)-8; i += 8 {
		x := load(v, i) ^ '0'*ones // a digit is at most 9 now
		n += bits.OnesCount64(^((x&^tops + (0x7F-9)*ones) | x) & tops)
	}
	for ; i < len(v); i++ {
		if v[i]-'0' <= 9 {
			n++
		}
	}
	return n
}
