package record

import "strings"

// tag is an element that means something to the page.
type tag uint8

// The tags.
const (
	tagUnknown tag = iota
	tagOther       // known to mean nothing
	tagBlock       // div, section, ul and so on: a frame of its own
	tagFooter
	tagNav // header, nav
	tagArticle
	tagTable
	tagHead // thead
	tagBody // tbody, tfoot
	tagRow
	tagCell
	tagHeading // th
	tagPara    // p, h1, dt, dd and so on: a gap in the text
	tagBreak
	tagInline // strong, b, span, label: may hold a label
	tagInput
	tagMute // select, option, button: no data
	tagText // textarea
	tagScript
	tagStyle
	tagElement // of XML
)

// tagWords are the names of the elements that mean something, but two that are
// longer than 8 bytes.
var tagWords = [...]struct {
	tag   tag
	names string
}{
	{tagOther, "img link meta path g use source picture sup sub code abbr col iframe video template"},
	{tagBlock, "div section main aside form fieldset ul ol dl li details address figure body center dialog"},
	{tagArticle, "article"},
	{tagFooter, "footer"},
	{tagNav, "nav header"},
	{tagTable, "table"},
	{tagHead, "thead"},
	{tagBody, "tbody tfoot"},
	{tagRow, "tr"},
	{tagCell, "td"},
	{tagHeading, "th"},
	{tagPara, "p h1 h2 h3 h4 h5 h6 dt dd legend caption pre hr label summary"},
	{tagBreak, "br"},
	{tagInline, "strong b span em i small a u time"},
	{tagInput, "input"},
	{tagMute, "select option button title datalist noscript svg head"},
	{tagText, "textarea"},
	{tagScript, "script"},
	{tagStyle, "style"},
}

// tagNames are the tags by their names.
var tagNames = func() (t names[tag]) {
	for _, w := range tagWords {
		for name := range strings.FieldsSeq(w.names) {
			t.put(name, w.tag)
		}
	}
	return t
}()

// tagOf returns what an element's name means.
func tagOf(name []byte) tag {
	if len(name) <= 8 {
		return tagNames.get(keyOf(name))
	}
	switch string(name) {
	case "blockquote":
		return tagArticle
	case "figcaption":
		return tagPara
	}
	return tagUnknown
}

// element is an open element.
type element struct {
	tag   tag
	frame bool
	mute  bool
	key   uint64 // of the name: which end tag closes it
}

// push opens an element.
func (p *page) push(e element, off int64) {
	if len(p.stack) == maxElements {
		if e.frame {
			p.g.leave(off)
		}
		return
	}
	e.tag, e.key = p.tag, p.key
	if e.mute {
		p.muted++
	}
	p.stack = append(p.stack, e)
}

func (p *page) inside(t tag) bool {
	for i := range p.stack {
		if p.stack[i].tag == t {
			return true
		}
	}
	return false
}

// inert reports whether an end tag means nothing where the page is.
func (p *page) inert(t tag) bool {
	return (t == tagOther || t == tagInline && len(p.prose.line) == 0 && !p.link) && len(p.g.frames) > 0
}

// closeTag is the end tag of a name that is known.
func (p *page) closeTag(t tag, key uint64, off int64) {
	p.tag, p.key, p.closing = t, key, true
	if len(p.g.frames) == 0 {
		p.fragment()
	}
	switch {
	case t == tagPara:
		p.headed(key)
		p.prose.gap()
	case t == tagInline && len(p.prose.line) == 0 && !p.link, t == tagOther:
	default:
		p.close(off)
	}
}

// close is an end tag: it closes the element of that name and what is still
// open inside it. End tags without an element are ignored.
func (p *page) close(off int64) {
	switch p.tag {
	case tagPara, tagText:
		p.headed(p.key)
		p.prose.gap()
		return
	case tagBreak:
		p.prose.brk()
		return
	case tagInline:
		if p.link && p.key == 'a' {
			p.link = false
			p.prose.brk()
			return
		}
		if p.prose.labelled() {
			p.prose.brk()
		}
		return
	case tagUnknown, tagOther, tagInput, tagScript, tagStyle:
		return
	}
	cell := p.tag < tagTable || p.tag > tagHeading
	for i := len(p.stack) - 1; i >= 0; i-- {
		e := &p.stack[i]
		if e.tag == p.tag && e.key == p.key {
			p.pop(i, off)
			return
		}
		if cell && (e.tag == tagCell || e.tag == tagHeading) {
			return
		}
		if e.tag == tagTable && p.tag != tagTable {
			return
		}
	}
}

// pop closes the open elements from i on.
func (p *page) pop(i int, off int64) {
	for len(p.stack) > i {
		e := &p.stack[len(p.stack)-1]
		if e.tag == tagCell || e.tag == tagHeading {
			p.endCell(e.tag)
		} else {
			p.prose.gap()
		}
		if e.tag == tagRow {
			p.prose.trail.clear()
			p.endRow()
		}
		p.stack = p.stack[:len(p.stack)-1]
		if e.mute {
			p.muted--
		}
		if e.tag == tagNav {
			p.zone--
			p.prose.zone = p.zone > 0
			p.prose.label = class{} // "Contact" in a menu is no label of the page
		}
		if e.frame {
			p.g.leave(off)
		}
		if e.tag == tagTable && len(p.table) > 0 {
			p.uncross(&p.table[len(p.table)-1])
			p.table = p.table[:len(p.table)-1]
		}
	}
}

// end closes everything, at the end of the text.
func (p *page) end(off int64) {
	p.prose.gap()
	p.pop(0, off)
	for len(p.tree) > 0 {
		if p.tree[len(p.tree)-1].frame {
			p.g.leave(off)
		}
		p.tree = p.tree[:len(p.tree)-1]
	}
}
