package record

import "bytes"

// tag is an element that means something to the page.
type tag uint8

// The tags.
const (
	tagOther tag = iota
	tagBlock     // div, section, ul and so on: a frame of its own
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

// tagOf returns what an element's name means.
func tagOf(name []byte) tag {
	switch string(name) {
	case "div", "section", "main", "aside", "form", "fieldset", "ul", "ol", "dl", "li", "details", "address", "figure", "body", "center", "dialog":
		return tagBlock
	case "article", "blockquote":
		return tagArticle
	case "footer":
		return tagFooter
	case "nav", "header":
		return tagNav
	case "table":
		return tagTable
	case "thead":
		return tagHead
	case "tbody", "tfoot":
		return tagBody
	case "tr":
		return tagRow
	case "td":
		return tagCell
	case "th":
		return tagHeading
	case "p", "h1", "h2", "h3", "h4", "h5", "h6", "dt", "dd", "legend", "caption", "pre", "hr", "label", "summary", "figcaption":
		return tagPara
	case "br":
		return tagBreak
	case "strong", "b", "span", "em", "i", "small", "a", "u", "time":
		return tagInline
	case "input":
		return tagInput
	case "select", "option", "button", "title", "datalist", "noscript", "svg", "head":
		return tagMute
	case "textarea":
		return tagText
	case "script":
		return tagScript
	case "style":
		return tagStyle
	}
	return tagOther
}

// element is an open element.
type element struct {
	tag   tag
	frame bool
	mute  bool
	name  [8]byte // the name's start: which end tag closes it
	n     uint8
	class class  // XML: of the name
	hash  uint64 // XML: of the name
	last  uint64 // XML: the hash of the element inside that ended last
	kids  bool   // XML: it has elements inside
}

// push opens an element.
func (p *page) push(e element, off int64) {
	if len(p.stack) == maxElements {
		if e.frame {
			p.g.leave(off)
		}
		return
	}
	e.tag = p.tag
	e.n = uint8(copy(e.name[:], p.name[:p.n]))
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

// close is an end tag: it closes the element of that name and what is still
// open inside it. End tags without an element are ignored.
func (p *page) close(off int64) {
	switch p.tag {
	case tagPara, tagText:
		p.prose.gap()
		return
	case tagBreak:
		p.prose.brk()
		return
	case tagInline:
		if p.link && p.n == 1 && p.name[0] == 'a' {
			p.link = false
			p.prose.brk()
			return
		}
		if l := p.prose.line; len(l) > 0 && len(l) <= maxLabel {
			if _, ok := p.prose.labels(trimLabel(l)); ok {
				p.prose.brk()
			}
		}
		return
	case tagOther, tagInput, tagScript, tagStyle:
		return
	}
	cell := p.tag < tagTable || p.tag > tagHeading
	for i := len(p.stack) - 1; i >= 0; i-- {
		e := &p.stack[i]
		if e.tag == p.tag && bytes.Equal(e.name[:e.n], p.name[:min(p.n, len(e.name))]) {
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
			p.table = p.table[:len(p.table)-1]
		}
	}
}

// end closes everything, at the end of the text.
func (p *page) end(off int64) {
	p.prose.gap()
	p.pop(0, off)
}
