package record

import (
	"bytes"
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
	for i <= len(p)-skimRoom {
		from := i
		switch b := p[i]; {
		case b == '<':
			if n := len(s.memory.starts); n > 0 && s.memory.starts[n-1].depth >= len(s.page.stack) {
				s.passed(p, i, off)
			}
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
			s.page.prose.blank = true
			for i++; i <= len(p)-8; i += 8 {
				if x := load(p, i) ^ blankBytes; x != 0 {
					i += bits.TrailingZeros64(x) / 8
					break
				}
			}
			for i < len(p) && textBytes[p[i]] == textBlank { // tabs
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
	name := load(p, i+1)
	n := bytesTo(name, ';')
	if n == 64 {
		return i
	}
	r := s.refs.get(name & (1<<n - 1))
	if r.n == 0 {
		return i
	}
	end := i + 1 + int(n/8)
	s.page.prose.add(r.text[:r.n], off+int64(end-int(r.n)+1))
	return end + 1
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
	at := i + 1
	text := load(p, at)
	s.closing = byte(text) == '/'
	if s.closing {
		at++
		text = load(p, at)
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
		if !s.page.inert(tag) {
			s.page.closeTag(tag, key, off+int64(end))
		}
		return end + 1
	}
	if passages>>tag&1 != 0 {
		if end := s.pass(p, i, off); end > i {
			return end
		}
	}
	s.page.beginTag(tag, key, false, s.start)
	if next != '>' {
		if end = s.wholeAttrs(p, end, off); end == len(p) || p[end] != '>' {
			s.name, s.state = s.appendName(s.name[:0], p[at:at+int(n/8)], maxTag), htmlAttrs
			return end
		}
	}
	if tag == tagScript || tag == tagStyle {
		s.name = s.appendName(s.name[:0], p[at:at+int(n/8)], maxTag)
		s.finish(off + int64(end))
		return end + 1
	}
	s.begun(tag, off+int64(end))
	return end + 1
}

// begun is the > at off of a tag, which is neither script nor style, after its
// attributes.
func (s *htmlScanner) begun(tag tag, off int64) {
	switch {
	case tag == tagOther || tag == tagInline:
		if s.page.said {
			s.page.inline(off)
		}
	case tag == tagPara && !s.page.said:
		s.page.prose.gap()
	default:
		s.page.finish(s.void, off)
	}
}

// attrWay says how the value of an attribute is read by the short cut.
type attrWay uint8

const (
	attrAny   attrWay = iota // as by the states
	attrPlain                // not at all: it tells nothing of anybody
	attrLink                 // not if it is no link to an address, a number or somebody's record
	attrTitle                // not if there is no address in it
)

// attrNames are the attributes that are common, see [page.wants].
var attrNames = func() (t names[attrWay]) {
	for name := range strings.FieldsSeq(`class id style src alt srcset rel target width height role action method for lang loading decoding media sizes size
		rowspan scope align tabindex onclick d fill stroke color charset property dir async defer`) {
		if len(name) < 8 {
			t.put(name, attrPlain)
		}
	}
	t.put("href", attrLink)
	t.put("title", attrTitle)
	return t
}()

// wholeAttrs reads the attributes of a tag from p[i] on. It returns where it
// stopped between two of them, or behind the last.
func (s *htmlScanner) wholeAttrs(p []byte, i int, off int64) int {
	for i <= len(p)-skimRoom {
		text := load(p, i)
		if b := byte(text); b-'a' > 25 {
			switch b {
			case ' ', '\n', '\t', '\r', '\f':
				i++
				continue
			case '>':
				return i
			case '/':
				s.void = true
				i++
				continue
			}
		}
		s.void = false
		n := bytesTo(text, '=') & 56 // 64: a longer name, as if there were none
		way := attrNames.get(text & (1<<n - 1))
		if way == attrAny {
			end := i
			if text&(1<<40-1) == dataPrefix {
				end = s.dullData(p, i)
			}
			if end == i {
				end = s.wholeAttr(p, i, off)
			}
			if end == i {
				return i
			}
			i = end
			continue
		}
		from := i + int(n/8) + 2
		if p[from-1] != '"' {
			return i
		}
		end := from
		for { // most values are short
			if end > len(p)-8 || end > from+24 {
				if end = quoteEnd(p, end); end == len(p) {
					return i
				}
				break
			}
			if m := bytesIn(load(p, end), '"'); m != 0 {
				end += bits.TrailingZeros64(m) / 8
				break
			}
			end += 8
		}
		if way != attrPlain && !way.dull(p[from:end]) {
			if end = s.wholeAttr(p, i, off); end == i {
				return i
			}
			i = end
			continue
		}
		if i = end + 1; i < len(p) && p[i] == ' ' {
			i++
		}
	}
	return i
}

// dataPrefix is "data-".
const dataPrefix = 'd' | 'a'<<8 | 't'<<16 | 'a'<<24 | '-'<<32

// dullData returns where the attribute ends that begins with data- at p[i], if
// [page.attr] would make nothing of it; i if it may, or if it is written in
// another way.
func (s *htmlScanner) dullData(p []byte, i int) int {
	end := i + 5
	for end < len(p) && (p[end]-'a' <= 25 || p[end] == '-') {
		end++
	}
	if end+1 >= len(p) || end-i > maxKey || p[end] != '=' || p[end+1] != '"' {
		return i
	}
	from := end + 2
	at := quoteEnd(p, from)
	if at == len(p) || !dullValue(p[from:at]) || s.page.tag == tagScript {
		return i
	}
	switch s.page.g.keys.class(p[i+5 : end]).kind {
	case kindEmail, kindPhone, kindCustomerID:
		return i
	}
	return at + 1
}

// dullValue reports whether the value of an attribute has no address, no
// reference to a character and no other text in it, nor is one in base64.
func dullValue(v []byte) bool {
	return len(v) == 0 || len(v) <= maxValue && v[0] != '{' && v[0] != '[' && bytes.IndexByte(v, '@') < 0 && bytes.IndexByte(v, '&') < 0 && (len(v) < minCoded || !isCoded(v))
}

// dull reports whether a value tells nothing to [page.attr] and [page.inline].
func (w attrWay) dull(v []byte) bool {
	if w == attrTitle {
		return dullValue(v)
	}
	return dullLink(v)
}

// dullLink reports whether a link leads nowhere where [page.inline] looks: it has no
// number of a customer or an order, and no reference to a character but the
// ampersand that might stand for a part of one.
func dullLink(href []byte) bool {
	if len(href) == 0 || len(href) > maxValue {
		return false
	}
	switch href[0] {
	case 'm', 'M', 't', 'T', '{', '[':
		return false
	case 'd':
		if bytes.HasPrefix(href, []byte("data:")) {
			return false
		}
	}
	amp := bytes.IndexByte(href, '&')
	if amp < 0 {
		return bytes.IndexByte(href, '?') < 0 || !withID(href)
	}
	if withID(href) {
		return false
	}
	for rest := href[amp:]; bytes.HasPrefix(rest, []byte("&amp;")); rest = rest[amp:] {
		if rest = rest[5:]; bytes.IndexByte(rest, '&') < 0 {
			return true
		}
		amp = bytes.IndexByte(rest, '&')
	}
	return false
}
