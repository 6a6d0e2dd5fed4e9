package record

import (
	"bytes"
)

// trimLabel cuts the colons and blanks at the end of a label.
func trimLabel(s []byte) []byte {
	for len(s) > 0 && (s[len(s)-1] == ':' || s[len(s)-1] == ' ') {
		s = s[:len(s)-1]
	}
	if n := len(s); n > 3 && s[n-1] == 0x9A {
		return bytes.TrimSuffix(s, []byte("："))
	}
	return s
}

// messageID reports whether a line is a header of mail whose identifiers look
// like addresses (RFC 5322, section 3.6.4; RFC 2045, section 7).
func messageID(line []byte) bool {
	name, rest, ok := bytes.Cut(line[:min(len(line), 16)], []byte{':'})
	if !ok || bytes.IndexByte(rest, '@') < 0 && bytes.IndexByte(line, '<') < 0 {
		return false
	}
	for _, header := range [...]string{"message-id", "in-reply-to", "references", "content-id", "resent-message-id", "list-id"} {
		if bytes.EqualFold(name, []byte(header)) {
			return true
		}
	}
	return false
}

// noLabel are signs that stand in style sheets and programs, and in no label.
var noLabel = [256]bool{'{': true, '}': true, ';': true, '<': true, '>': true}

// labels reports whether a text is a label: words that the lexicon knows.
func (p *prose) labels(s []byte) (class, bool) {
	if len(s) < 2 || len(s) > maxLabel || s[len(s)-1]-'0' <= 9 && s[len(s)-2]-'0' <= 9 {
		return class{}, false // a number is a value, even beside a word
	}
	if !p.g.slow && !p.grams.may(s) {
		return class{}, false
	}
	if at := bytes.IndexByte(s, '@'); at > 0 && at+1 < len(s) && shapes[s[at-1]]&(shapeLetter|shapeDigit) != 0 && shapes[s[at+1]]&(shapeLetter|shapeDigit) != 0 {
		return class{}, false // an address
	}
	for _, b := range s {
		if noLabel[b] {
			return class{}, false
		}
	}
	c := p.g.keys.class(s)
	if c.sense&senseKnown == 0 || (c.kind == kindOrder || c.kind == kindHouse) && digital(s) { // Apt 3
		return class{}, false
	}
	return c, c.kind != kindNone && c.kind != kindText && c.kind != kindDate || c.sense&(senseCustomer|sensePlace|senseShop|senseStaff) != 0
}

// take gives a line's value to the grouper.
func (p *prose) take(c class, v []byte, start int64) {
	if len(v) == 0 {
		p.label = c
		return
	}
	s := shapeOf(v)
	if s&shapeAt != 0 && (c.kind == kindPassword || c.kind == kindToken || c.kind == kindOpaque) { // a cell under its neighbour's heading
		c.kind = kindNone
	}
	if c.kind == kindNone {
		if c.sense&senseCustomer != 0 && (personLike(v) || c.sense&senseClient != 0 && clientLike(v)) {
			c.kind = kindFullName
		} else if s&(shapeAt|shapePlus|shapeSecret) == 0 {
			return
		}
	}
	switch c.kind {
	case kindID, kindCode, kindName:
		if !p.cell && (c.kind != kindName || !personLike(v)) {
			return // of anything on the page
		}
	case kindToken, kindOpaque:
		return
	case kindPassword:
		if !crypted(v) && !hexadecimal(v) {
			return
		}
	}
	if p.page && (p.zone && c.kind == kindNone || p.legal) {
		c.sense |= senseShop
	}
	if !p.page || c.kind != kindNone {
		p.g.value(c, v, s&^shapeLine, start)
		return
	}
	// A number on a page that nothing is said about is often the shop's: it
	// names nobody alone.
	had := p.g.marked() & markPhone
	p.g.value(c, v, s&^shapeLine, start)
	if p.g.marked()&markPhone != 0 {
		o := p.g.own()
		o.marks = o.marks&^markPhone | markContact | had
	}
}

// heading takes the number out of "Order #2092" or "Invoice No. 17".
func (p *prose) heading(line []byte, start int64) bool {
	c, number := p.headed(line)
	if number != nil {
		p.g.value(class{kind: kindOrder, sense: c.sense}, number, shapeDigit, start)
	}
	return number != nil
}

// headed returns the number of an order that a heading names, or nil.
func (p *prose) headed(line []byte) (c class, number []byte) {
	if len(line) > maxHeading || !p.g.slow && !p.grams.begins(line) {
		return c, nil
	}
	cut := len(line) - 1
	for cut >= 0 && line[cut] != '#' && line[cut] != ' ' {
		cut--
	}
	if cut < 3 || cut+1 >= len(line) || !digital(line[cut+1:]) || bytes.IndexByte(line[:cut], '@') >= 0 {
		return c, nil
	}
	label := line[:cut]
	for len(label) > 0 && bytes.IndexByte([]byte("# :."), label[len(label)-1]) >= 0 {
		label = label[:len(label)-1]
	}
	if !p.g.slow && !p.grams.may(label) {
		return c, nil
	}
	c = p.g.keys.class(label)
	if c.sense&senseKnown == 0 || c.kind != kindOrder && (c.sense&senseOrder == 0 || c.kind != kindNone) || c.sense&senseVeto != 0 {
		return c, nil
	}
	return c, line[cut+1:]
}
