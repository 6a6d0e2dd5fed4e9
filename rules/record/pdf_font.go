package record

import (
	"bytes"
	"slices"
	"unicode/utf8"
)

const (
	maxPDFNames   = 48       // fonts of a document
	maxPDFRanges  = 3000     // ranges of all its character maps, of 6 bytes
	maxPDFWaiting = 16 << 10 // bytes of codes that wait for their map
)

// pdfRange says that the codes lo to hi are the characters from to on.
type pdfRange struct{ lo, hi, to uint16 }

// pdfMap is a /ToUnicode character map (ISO 32000-1, 9.10.3).
type pdfMap struct {
	object, from, end int
	wide              bool // codes of two bytes
}

// pdfFonts knows what the codes of a document's fonts mean. A font is named in
// a page's resources, which name its object, which names its map; all of them
// mostly follow the pages that need them. So text in codes waits.
type pdfFonts struct {
	names   []pdfLink // name to font
	unicode []pdfLink // font to map
	maps    []pdfMap
	ranges  []pdfRange
	coded   []string // fonts that have shown codes
	current string

	stream  int // object of the stream
	mapping bool
	per     int // strings of an entry
	array   bool
	next    uint16 // code of the next string of an array
	opened  bool   // the stream is a map
	isWide  bool

	small   bool // the document lies in an archive, whose decoder takes the room
	waiting []byte
	since   int64
	buf     []byte
}

// pdfLink leads from a name or an object to an object.
type pdfLink struct {
	name     string
	from, to int
}

// room returns how much may be kept, of what may be at best.
func (f *pdfFonts) room(most int) int {
	if f.small {
		return most / 3
	}
	return most
}

func (f *pdfFonts) held() int64 {
	if len(f.waiting) > 0 {
		return f.since
	}
	return never
}

// learn reads the references in the object num.
func (f *pdfFonts) learn(num int, object []byte) {
	for {
		_, rest, ok := bytes.Cut(object, []byte{'/'})
		if !ok {
			return
		}
		object = rest
		n := bytes.IndexAny(rest, " \r\n\t/<>[]()")
		if n <= 0 || n > 32 {
			continue
		}
		name, fields := string(rest[:n]), bytes.Fields(rest[n:min(len(rest), n+24)])
		if len(fields) < 3 || fields[2][0] != 'R' {
			continue
		}
		to := refNumber(fields[0])
		switch name {
		case "Parent", "Contents", "Resources", "Length", "Pages", "FontDescriptor", "DescendantFonts", "Font", "Root", "Info", "Annots":
		case "ToUnicode":
			if len(f.unicode) < maxPDFNames {
				f.unicode = append(f.unicode, pdfLink{from: num, to: to})
			}
		default:
			at := slices.IndexFunc(f.names, func(l pdfLink) bool { return l.name == name })
			if at < 0 && len(f.names) < maxPDFNames {
				f.names = append(f.names, pdfLink{})
				at = len(f.names) - 1
			}
			if at >= 0 {
				f.names[at] = pdfLink{name: name, to: to}
			}
		}
	}
}

// begin starts a stream, which may be a map.
func (f *pdfFonts) begin(num int) {
	f.stream, f.mapping, f.opened, f.isWide, f.array = num, false, false, false, false
}

// finish ends a stream.
func (f *pdfFonts) finish() {
	if f.opened {
		m := &f.maps[len(f.maps)-1]
		m.end = len(f.ranges)
		slices.SortStableFunc(f.ranges[m.from:], func(a, b pdfRange) int { return int(a.lo) - int(b.lo) })
	}
	f.mapping, f.opened = false, false
}

// operator carries out an operator of a map.
func (f *pdfFonts) operator(word string, ends []int) {
	switch word {
	case "endcodespacerange":
		f.isWide = len(ends) > 0 && ends[0] > 1
		return
	case "endbfchar", "endbfrange":
		f.mapping = false
		return
	}
	if !f.opened {
		if len(f.maps) == maxPDFNames {
			return
		}
		f.opened = true
		f.maps = append(f.maps, pdfMap{object: f.stream, from: len(f.ranges), end: len(f.ranges)})
	}
	f.maps[len(f.maps)-1].wide = f.isWide
	f.mapping, f.array, f.per = true, false, 2
	if word == "beginbfrange" {
		f.per = 3
	}
}

// entry takes the strings of one entry, or of one string of an array.
func (f *pdfFonts) entry(str []byte, ends []int) {
	lo := code(str[:ends[0]])
	if f.array {
		f.add(pdfRange{f.next, f.next, character(str[ends[1]:ends[2]])})
		f.next++
		return
	}
	last := character(str[ends[f.per-2]:ends[f.per-1]])
	hi := lo
	if f.per == 3 {
		hi = max(lo, code(str[ends[0]:ends[1]]))
	}
	f.add(pdfRange{lo, hi, last})
}

func (f *pdfFonts) add(r pdfRange) {
	if len(f.ranges) < f.room(maxPDFRanges) {
		f.ranges = append(f.ranges, r)
	}
}

func code(s []byte) (n uint16) {
	for _, b := range s {
		n = n<<8 | uint16(b)
	}
	return n
}

// character returns the character that a string in UTF-16 is; ligatures are
// characters of their own.
func character(s []byte) uint16 {
	switch string(s) {
	case "\x00f\x00f":
		return 0xFB00
	case "\x00f\x00i":
		return 0xFB01
	case "\x00f\x00l":
		return 0xFB02
	case "\x00f\x00f\x00i":
		return 0xFB03
	case "\x00f\x00f\x00l":
		return 0xFB04
	}
	return code(s[:min(2, len(s))])
}

func (f *pdfFonts) choose(name []byte) {
	if f.current != string(name) {
		f.current = string(name)
	}
}

// find returns the map of a font, or nil while it is not known.
func (f *pdfFonts) find(name string) *pdfMap {
	for _, n := range f.names {
		if n.name != name {
			continue
		}
		for _, u := range f.unicode {
			if u.from != n.to {
				continue
			}
			for i := range f.maps {
				if m := &f.maps[i]; m.object == u.to && m.end > m.from {
					return m
				}
			}
		}
	}
	return nil
}

// waits reports whether a string of the current font cannot be read yet.
func (f *pdfFonts) waits(str []byte) bool {
	if f.find(f.current) != nil {
		return false
	}
	if slices.Contains(f.coded, f.current) {
		return true
	}
	if bytes.IndexFunc(str, func(r rune) bool { return r < ' ' }) < 0 {
		return false
	}
	if len(f.coded) < maxPDFNames {
		f.coded = append(f.coded, f.current)
	}
	return true
}

// queue lets a string wait; false: there is no more room.
func (f *pdfFonts) queue(how pdfBreak, str []byte, at int64) bool {
	if len(f.waiting) == 0 {
		f.since = at
	}
	font := max(0, slices.Index(f.coded, f.current))
	f.waiting = append(f.waiting, byte(how), byte(font), byte(len(str)>>8), byte(len(str)))
	f.waiting = append(f.waiting, str...)
	return len(f.waiting) < f.room(maxPDFWaiting)
}

// drain calls put for every string that waits, with nil for what cannot be
// read.
func (f *pdfFonts) drain(put func(how pdfBreak, text []byte, at int64)) {
	rest := f.waiting
	for len(rest) >= 4 {
		n := int(rest[2])<<8 | int(rest[3])
		str := rest[4 : 4+n]
		var m *pdfMap
		if int(rest[1]) < len(f.coded) {
			m = f.find(f.coded[rest[1]])
		}
		if m == nil && len(f.maps) == 1 {
			m = &f.maps[0]
		}
		var text []byte
		if m != nil {
			text = f.decode(m, str)
		} else {
			text = f.guess(str)
		}
		put(pdfBreak(rest[0]), text, f.since)
		rest = rest[4+n:]
	}
	f.waiting = f.waiting[:0]
}

// decode reads codes by a map.
func (f *pdfFonts) decode(m *pdfMap, str []byte) []byte {
	out := f.buf[:0]
	for len(str) > 0 {
		n := 1
		if m.wide && len(str) > 1 {
			n = 2
		}
		c := code(str[:n])
		str = str[n:]
		if c == 0xFFFF {
			out = append(out, ' ')
			continue
		}
		ranges := f.ranges[m.from:m.end]
		i, _ := slices.BinarySearchFunc(ranges, c, func(r pdfRange, c uint16) int {
			if r.hi < c {
				return -1
			}
			return 1
		})
		if i < len(ranges) && ranges[i].lo <= c {
			out = appendCharacter(out, ranges[i].to+c-ranges[i].lo)
		}
	}
	f.buf = out
	return out
}

func appendCharacter(out []byte, c uint16) []byte {
	if c >= 0xFB00 && c <= 0xFB04 {
		return append(out, [...]string{"ff", "fi", "fl", "ffi", "ffl"}[c-0xFB00]...)
	}
	return utf8.AppendRune(out, rune(c))
}

// guess reads codes of two bytes whose map is not there as the characters
// themselves; nil if they are not.
func (f *pdfFonts) guess(str []byte) []byte {
	out := f.buf[:0]
	for len(str) > 1 {
		c := code(str[:2])
		if str = str[2:]; c < ' ' {
			return nil
		}
		if c == 0xFFFF {
			c = ' '
		}
		out = appendCharacter(out, c)
	}
	f.buf = out
	return out
}

// text reads a string of the current font.
func (f *pdfFonts) text(str []byte) []byte {
	if m := f.find(f.current); m != nil {
		return f.decode(m, str)
	}
	out := f.buf[:0]
	for _, b := range str {
		switch {
		case b < 0x80:
			out = append(out, b)
		case b < 0xA0:
			out = utf8.AppendRune(out, winAnsi[b-0x80])
		default:
			out = utf8.AppendRune(out, rune(b))
		}
	}
	f.buf = out
	return out
}

// winAnsi is what Windows-1252 has between ASCII and Latin-1.
var winAnsi = [32]rune{
	'€', ' ', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', ' ', 'Ž', ' ',
	' ', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', ' ', 'ž', 'Ÿ',
}
