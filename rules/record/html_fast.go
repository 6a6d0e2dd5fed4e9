package record

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"strings"
)

// skimRoom is how many bytes skim looks ahead.
const skimRoom = 16

// skim reads from p[i] on, between tags, what pages are made of mostly: text,
// references to characters, and tags that lie whole in p with their attributes
// in quotes. It returns where it stopped: at something else, which is left to
// the states, which say the same of everything that it reads; or inside a tag.
func (s *htmlScanner) skim(p []byte, i int, off int64) int {
	for len(p)-i >= skimRoom {
		from := i
		switch b := p[i]; {
		case b == '<':
			if i = s.wholeTag(p, i, off); s.state != htmlText {
				return i
			}
		case s.page.muted > 0:
			at := bytes.IndexByte(p[i:], '<')
			if at < 0 {
				return len(p)
			}
			i += at
			continue
		case textBytes[b] == textBlank:
			for s.page.prose.blank = true; i < len(p) && textBytes[p[i]] == textBlank; {
				i++
			}
			continue
		case b == '&':
			i = s.wholeReference(p, i, off)
		default:
			i = s.page.prose.words(p, i, off, textMarkup|textBlank)
			continue
		}
		if i == from {
			break
		}
	}
	return i
}

// wholeReference reads the reference to a character at p[i], behind which there
// is room. It returns where it ends, or i if it is not a common one.
func (s *htmlScanner) wholeReference(p []byte, i int, off int64) int {
	name := binary.LittleEndian.Uint64(p[i+1:])
	n := bytesTo(name, ';')
	if n == 64 {
		return i
	}
	r := references().get(name & (1<<n - 1))
	if r.n == 0 {
		return i
	}
	end := i + 1 + int(n/8)
	s.page.prose.add(r.text[:r.n], off+int64(end-int(r.n)+1))
	return end + 1
}

// bytesTo returns how many bits of 8 bytes stand before the first b, or 64.
func bytesTo(text uint64, b byte) uint {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	text ^= uint64(b) * ones
	return uint(bits.TrailingZeros64((text-ones)&^text&tops)) &^ 7 // the lowest bit set is exact
}

const smallLetters = 0x2020202020202020 // the bit that small letters have, in each byte

// wordOf returns the letters that 8 bytes begin with, at most 7 of them and
// made small, and how many bits these are; digits but the first bytes' may be
// other bytes with the bit of letters.
func wordOf(text uint64) (key uint64, n uint) {
	const letters = 0x4040404040404040                 // blanks, signs and digits have not that bit
	n = uint(bits.TrailingZeros64(^text&letters)) & 56 // 64: a longer name, as if there were none
	return (text | smallLetters) & (1<<(n&63) - 1), n
}

// wholeTag reads a tag from its < at p[i] on, behind which there is room, and
// returns where it stopped: behind it, or with the rest left to the states, or
// at i when it is not even begun.
func (s *htmlScanner) wholeTag(p []byte, i int, off int64) int {
	q := (*[skimRoom]byte)(p[i:])
	text, at := binary.LittleEndian.Uint64(q[1:]), i+1
	s.closing = q[1] == '/'
	if s.closing {
		text, at = binary.LittleEndian.Uint64(q[2:]), i+2
	}
	key, n := wordOf(text)
	next := byte(text >> (n & 63))
	if next-'0' <= 9 && n == 8 { // h1
		key, n, next = key|uint64(next)<<8, 16, byte(text>>16)
	}
	tag := tagNames.get(key)
	if tag == tagUnknown || !nameEnds[next] || next == '=' {
		return i
	}
	s.start, s.void = off+int64(i), false
	end := at + int(n/8)
	if s.closing {
		if next != '>' {
			return i
		}
		s.page.closeTag(tag, key, off+int64(end))
		return end + 1
	}
	s.page.beginTag(tag, key, false, s.start)
	if next != '>' {
		if end = s.wholeAttrs(p, end, off); end == len(p) || p[end] != '>' {
			s.name, s.state = s.appendName(s.name[:0], p[at:at+int(n/8)], maxTag), htmlAttrs
			return end
		}
	}
	switch {
	case tag == tagOther || tag == tagInline:
		if s.page.said {
			s.page.inline(off + int64(end))
		}
	case tag == tagPara && !s.page.said:
		s.page.prose.gap()
	case tag == tagScript || tag == tagStyle:
		s.name = s.appendName(s.name[:0], p[at:at+int(n/8)], maxTag)
		s.finish(off + int64(end))
	default:
		s.page.finish(s.void, off+int64(end))
	}
	return end + 1
}

// attrWay says how the value of an attribute is read by the short cut.
type attrWay uint8

const (
	attrAny   attrWay = iota // as by the states
	attrPlain                // not at all: it tells nothing of anybody
	attrLink                 // not if it is no link to an address, a number or somebody's record
)

// attrNames are the attributes that are common, see [page.wants].
var attrNames = func() (t names[attrWay]) {
	for name := range strings.FieldsSeq(`class id style src alt srcset rel target width height role action method for lang loading decoding media sizes size
		colspan rowspan scope align tabindex onclick d fill stroke color charset property dir async defer`) {
		if len(name) < 8 {
			t.put(name, attrPlain)
		}
	}
	t.put("href", attrLink)
	return t
}()

// wholeAttrs reads the attributes of a tag from p[i] on. It returns where it
// stopped between two of them, or behind the last.
func (s *htmlScanner) wholeAttrs(p []byte, i int, off int64) int {
	for len(p)-i >= skimRoom {
		switch b := p[i]; {
		case b > '>':
		case b == ' ' || b == '\n' || b == '\t' || b == '\r' || b == '\f':
			i++
			continue
		case b == '>':
			return i
		case b == '/':
			s.void = true
			i++
			continue
		}
		s.void = false
		text := binary.LittleEndian.Uint64(p[i:])
		n := bytesTo(text, '=') & 56 // 64: a longer name, as if there were none
		if way := attrNames.get(text & (1<<n - 1)); way != attrAny {
			from := i + int(n/8) + 2
			end := quoteEnd(p, from)
			if end == 0 {
				return i
			}
			if way == attrPlain || dullLink(p[from:end]) {
				i = end + 1
				continue
			}
		}
		end := s.wholeAttr(p, i, off)
		if end == i {
			return i
		}
		i = end
	}
	return i
}

// quoteEnd returns where the double quotes end whose first stands before
// p[from], or 0 if none stands there or p has no second one. Most values are
// short.
func quoteEnd(p []byte, from int) int {
	if p[from-1] != '"' {
		return 0
	}
	p = p[from:]
	if len(p) >= 16 {
		n := bytesTo(binary.LittleEndian.Uint64(p), '"')
		if n < 64 {
			return from + int(n/8)
		}
		if n = bytesTo(binary.LittleEndian.Uint64(p[8:]), '"'); n < 64 {
			return from + 8 + int(n/8)
		}
	}
	at := bytes.IndexByte(p, '"')
	if at < 0 {
		return 0
	}
	return from + at
}

// dullLink reports whether a link leads nowhere where [page.inline] looks.
func dullLink(href []byte) bool {
	if len(href) == 0 || len(href) > maxValue || bytes.IndexByte(href, '?') >= 0 {
		return false
	}
	switch href[0] {
	case 'm', 'M', 't', 'T', '{', '[':
		return false
	}
	return bytes.IndexByte(href, '&') < 0
}
