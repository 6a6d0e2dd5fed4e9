package record

import "unicode/utf8"

// xmlEvents takes what an xmlTokens reads. x.name is the element's name
// without its prefix.
type xmlEvents interface {
	open(x *xmlTokens, off int64)
	attribute(x *xmlTokens) // x.attr and x.value; after open
	chars(p []byte, off int64)
	close(x *xmlTokens, off int64)
}

// xmlState is where an xmlTokens stands.
type xmlState uint8

const (
	xmlText xmlState = iota
	xmlEntity
	xmlOpen // behind <
	xmlName
	xmlTag    // between attributes
	xmlAttr   // in an attribute's name
	xmlQuote  // before an attribute's value
	xmlValue  // in it
	xmlIgnore // declarations and comments, up to >
)

// xmlTokens reads the simple XML that programs write into spreadsheets: without
// declarations of entities and without CDATA.
type xmlTokens struct {
	to      xmlEvents
	state   xmlState
	name    []byte
	attr    []byte
	value   []byte
	entity  []byte
	start   int64
	quote   byte
	closing bool
	void    bool
	opened  bool
}

func (x *xmlTokens) write(p []byte, off int64) {
	for i := 0; i < len(p); {
		if x.state != xmlText {
			x.byte(p[i], off+int64(i))
			i++
			continue
		}
		n := i
		for n < len(p) && p[n] != '<' && p[n] != '&' {
			n++
		}
		if n > i {
			x.to.chars(p[i:n], off+int64(i))
		}
		if i = n; i < len(p) {
			x.start, x.state, x.name, x.entity = off+int64(i), xmlOpen, x.name[:0], x.entity[:0]
			x.closing, x.void, x.opened = false, false, false
			if p[i] == '&' {
				x.state = xmlEntity
			}
			i++
		}
	}
}

// byte reads a byte that is no text.
func (x *xmlTokens) byte(b byte, off int64) {
	blank := b == ' ' || b == '\n' || b == '\t' || b == '\r'
	switch x.state {
	case xmlEntity:
		x.inEntity(b)
	case xmlOpen:
		switch b {
		case '/':
			x.closing = true
		case '?', '!':
			x.state = xmlIgnore
		default:
			x.name, x.state = append(x.name[:0], b), xmlName
		}
	case xmlName:
		switch {
		case b == ':':
			x.name = x.name[:0]
		case blank || b == '>' || b == '/':
			x.state = xmlTag
			x.tag(b, off)
		case len(x.name) < maxKey:
			x.name = append(x.name, b)
		}
	case xmlTag:
		x.tag(b, off)
	case xmlAttr:
		switch {
		case b == '=':
			x.state = xmlQuote
		case b == '>':
			x.tag(b, off)
		case !blank && len(x.attr) < maxKey:
			x.attr = append(x.attr, b)
		}
	case xmlQuote:
		switch b {
		case '"', '\'':
			x.quote, x.value, x.state = b, x.value[:0], xmlValue
		case '>':
			x.tag(b, off)
		}
	case xmlValue:
		if b == x.quote {
			x.to.attribute(x)
			x.state = xmlTag
		} else if len(x.value) < maxKey {
			x.value = append(x.value, b)
		}
	case xmlIgnore:
		if b == '>' {
			x.state = xmlText
		}
	}
}

// tag reads a byte between attributes, or the end of the tag.
func (x *xmlTokens) tag(b byte, off int64) {
	if !x.opened && !x.closing {
		x.opened = true
		x.to.open(x, x.start)
	}
	switch {
	case b == '/':
		x.void = true
	case b == '>':
		x.state = xmlText
		if x.closing || x.void {
			x.to.close(x, off)
		}
	case b > ' ':
		x.attr, x.state = append(x.attr[:0], b), xmlAttr
	}
}

// inEntity reads a reference to a character.
func (x *xmlTokens) inEntity(b byte) {
	if b != ';' && len(x.entity) < 10 {
		x.entity = append(x.entity, b)
		return
	}
	x.state = xmlText
	r := rune(0)
	switch e := string(x.entity); {
	case e == "amp":
		r = '&'
	case e == "lt":
		r = '<'
	case e == "gt":
		r = '>'
	case e == "quot":
		r = '"'
	case e == "apos":
		r = '\''
	case len(e) > 2 && e[0] == '#' && e[1] == 'x':
		for _, d := range []byte(e[2:]) {
			r = r<<4 | rune(max(0, unhex(d)))
		}
	case len(e) > 1 && e[0] == '#':
		r = rune(refNumber([]byte(e[1:])))
	}
	if r > 0 && utf8.ValidRune(r) {
		var room [utf8.UTFMax]byte
		x.to.chars(room[:utf8.EncodeRune(room[:], r)], x.start)
	}
}
