package record

import (
	"html"
	"strings"
	"sync"
)

// inEntity gathers a character reference; it returns 0 if the byte is not
// part of it.
func (s *htmlScanner) inEntity(b byte, off int64) int {
	if shapes[b]&(shapeLetter|shapeDigit) != 0 || b == '#' && len(s.entity) == 1 {
		if s.entity = append(s.entity, b); len(s.entity) < 12 {
			return 1
		}
		s.flushEntity(off)
		return 1
	}
	if b == ';' {
		s.entity = append(s.entity, b)
		s.flushEntity(off)
		return 1
	}
	s.flushEntity(off - 1)
	return 0
}

// flushEntity gives the text of a character reference, whose last byte is at
// off, to what is being read.
func (s *htmlScanner) flushEntity(off int64) {
	s.inEnt = false
	text := unescape(s.tiny[:0], s.entity)
	s.entity = s.entity[:0]
	at := off - int64(len(text)) + 1
	s.page.g.places.escape(at, s.entAt)
	if s.state == htmlAttrIn {
		s.keepValue(text, at)
	} else {
		s.page.text(text, at)
	}
}

// unescape appends the text of one character reference.
func unescape(dst, ref []byte) []byte {
	if len(ref) <= 10 && ref[len(ref)-1] == ';' {
		if r := references().get(keyOf(ref[1 : len(ref)-1])); r.n > 0 {
			return append(dst, r.text[:r.n]...)
		}
	}
	if len(ref) < 3 {
		return append(dst, ref...)
	}
	return append(dst, html.UnescapeString(string(ref))...)
}

// charText is the text of a character reference.
type charText struct {
	text [4]byte
	n    uint8
}

// references are the character references that are common in the pages of
// shops, with their texts: looking up all others costs an allocation.
var references = sync.OnceValue(func() *names[charText] {
	t := new(names[charText])
	for name := range strings.FieldsSeq(`amp lt gt quot #34 #034 #39 #039 apos #64 commat #x40 copy reg trade euro pound yen cent hellip mdash ndash laquo raquo ldquo rdquo lsquo rsquo bdquo sbquo bull middot times
		deg shy thinsp ensp emsp zwnj larr rarr uarr darr check star auml ouml uuml Auml Ouml Uuml szlig eacute egrave ecirc agrave aacute acirc ccedil
		ntilde oacute iacute uacute aring Aring aelig oslash Oslash frac12 sup2 sup3 plusmn infin colon comma period lbrace rbrace lpar rpar num
		#8364 #163 #160 #169 #174 #8211 #8212 #8216 #8217 #8220 #8221 #8230 #8226 #171 #187 #215 #43 #x2F #x27 #x2019 #xA0 #47 #58 #xa9 #10 #13`) {
		r := charText{}
		r.n = uint8(copy(r.text[:], html.UnescapeString("&"+name+";")))
		t.put(name, r)
	}
	t.put("nbsp", charText{text: [4]byte{' '}, n: 1})
	return t
})
