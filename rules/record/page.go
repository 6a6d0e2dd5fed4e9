package record

import (
	"bytes"
	"hash/maphash"
)

// raw says how the text of an element is read that holds no markup.
type raw uint8

const (
	rawNone raw = iota
	rawSkip
	rawJSON
	rawScript
)

const (
	maxElements = 256
	maxColumns  = 24
	maxTables   = 6
)

// table is an open table.
type table struct {
	heads   [maxColumns]class
	columns int // of the heading, 0 while there is none
	row     [maxColumns]class
	cells   int  // of the row so far
	at      int  // columns of the row so far
	span    int  // of the cell
	labels  int  // cells of the row that are labels
	data    bool // the row has a td
	trade   bool // its rows are those who sell, by its first heading
	inHead  bool
	said    bool // a cell of the row was a label for its neighbour
	across  across
}

// page gives tags and text their meaning: which frames there are, what is a
// label, which values stand in attributes.
type page struct {
	g      *grouper
	prose  *prose
	seed   maphash.Seed // XML: of the names' hashes
	xml    bool
	opened bool   // XML: the current tag's element is open already, for its attributes
	tree   []node // XML: the open elements
	deep   int    // of them beyond maxElements
	muted  int
	zone   int // open navigations and headers
	stack  []element
	table  []table

	tag     tag
	closing bool
	key     uint64       // of its name
	name    [maxTag]byte // XML
	n       int
	start   int64
	said    bool     // an attribute was kept
	kind    [12]byte // the type attribute
	kindLen int
	field   []byte
	value   []byte
	hrefAt  []stretch // where href's bytes stand, for places
	valueAt []stretch
	has     bool
	prop    class // itemprop
	span    int   // colspan
	seo     bool  // a script's JSON is for search engines: its authors are writers
	flat    bool  // a script's JSON is flat, see flatText
	href    []byte
	link    bool // a link to an address or a number is open
}

func (p *page) init(g *grouper) {
	if p.prose == nil {
		p.prose, p.seed, p.stack = new(prose), maphash.MakeSeed(), make([]element, 0, 24)
		p.prose.trail.rooms()
	}
	p.g = g
	p.prose.init(g)
	p.prose.page, g.paged = true, true
	p.reset()
}

func (p *page) reset() {
	p.prose.reset()
	p.prose.legal = false
	p.xml, p.deep, p.muted, p.zone = false, 0, 0, 0
	p.stack, p.tree, p.table, p.link = p.stack[:0], p.tree[:0], p.table[:0], false
}

// text takes a run of text.
func (p *page) text(s []byte, off int64) {
	if p.muted == 0 {
		p.prose.add(s, off)
	}
}

// begin is the name of a tag.
func (p *page) begin(name []byte, closing bool, start int64) {
	if p.xml {
		p.beginTag(tagElement, 0, closing, start)
		p.opened, p.n = false, copy(p.name[:], name)
		return
	}
	p.beginTag(tagOf(name), keyOf(name), closing, start)
}

// beginTag is begin for a tag that is known.
func (p *page) beginTag(t tag, key uint64, closing bool, start int64) {
	p.tag, p.key, p.closing, p.start = t, key, closing, start
	if p.said || len(p.g.frames) == 0 {
		p.renew()
	}
}

// renew forgets the attributes of the tag before; the first tag opens the page.
func (p *page) renew() {
	if len(p.g.frames) == 0 {
		p.fragment()
	}
	p.said, p.kindLen, p.has, p.prop, p.span, p.flat = false, 0, false, class{}, 0, false
	p.seo = false
	p.field, p.value, p.href = p.field[:0], p.value[:0], p.href[:0]
}

// fragment is a tag of a page without body: its blocks belong together as a
// page's do.
func (p *page) fragment() {
	if !p.xml {
		p.g.enter(frameBlock, class{})
	}
}

// wants reports whether the value of an attribute of the current tag matters.
func (p *page) wants(name []byte) bool {
	if p.closing {
		return false
	}
	if p.xml {
		return !bytes.HasPrefix(name, []byte("xmlns"))
	}
	if d := p.g.keys.declared; d != nil && d.attrs[string(name)] {
		return true
	}
	switch string(name) {
	case "name", "value", "type":
		return p.tag == tagInput || p.tag == tagText || p.tag == tagScript && len(name) == 4
	case "colspan":
		return p.tag == tagCell || p.tag == tagHeading
	case "href", "itemprop", "content", "title", "aria-label", "srcdoc":
		return true
	case "class", "id", "style", "src", "alt", "srcset", "rel", "target", "width", "height", "role", "action", "method", "placeholder":
		return false
	}
	return bytes.HasPrefix(name, []byte("data-")) || bytes.IndexByte(name, ':') >= 0 || bytes.HasPrefix(name, []byte("initial"))
}

// attr takes an attribute of the current tag.
func (p *page) attr(name, value []byte, start int64) {
	if p.xml {
		if len(value) > 0 && !p.closing && !directive(name) {
			if !p.opened {
				p.opened = true
				p.openXML()
				p.frameXML(len(p.tree) - 1)
			}
			p.g.value(p.g.keys.class(name), value, shapeOf(value), start)
		}
		return
	}
	p.said = true
	if d := p.g.keys.declared; d != nil && d.attrs[string(name)] {
		if c, ok := d.selected(name, value); ok {
			p.prop = c
		}
	}
	switch string(name) {
	case "class", "id":
	case "colspan":
		p.span = refNumber(value)
	case "name":
		p.field = append(p.field[:0], value...)
	case "value":
		p.value, p.has = append(p.value[:0], value...), true
		p.valueAt = p.g.places.copied(p.valueAt)
	case "type":
		p.kindLen = len(appendFolded(p.kind[:0], value, len(p.kind)))
		if p.tag == tagScript && bytes.Contains(value, []byte("json")) {
			p.kindLen = copy(p.kind[:], "json")
			p.seo = bytes.Contains(value, []byte("ld+json"))
		}
	case "data-nuxt-data", "data-ssr": // of a script with Nuxt's state
		p.flat = true
	case "href":
		p.href = append(p.href[:0], value...)
		p.hrefAt = p.g.places.copied(p.hrefAt)
	case "itemprop":
		if p.prop.sense&senseDeclared == 0 {
			p.prop = p.g.keys.class(value)
		}
	default:
		if len(value) == 0 {
			return
		}
		s := shapeOf(value)
		if s&shapeAt == 0 && string(name) == "title" {
			return
		}
		c := p.g.keys.class(bytes.TrimPrefix(name, []byte("data-")))
		if string(name) == "content" {
			c = p.prop
		}
		if s&shapeAt != 0 || c.kind == kindEmail || c.kind == kindPhone || c.kind == kindCustomerID {
			p.g.value(c, value, s, start)
		}
	}
}

// finish is the end of a tag. It says how the element's text is to be read.
func (p *page) finish(void bool, off int64) raw {
	if p.xml {
		p.finishXML(void, off)
		return rawNone
	}
	if p.closing {
		p.close(off)
		return rawNone
	}
	switch p.tag {
	case tagBreak:
		p.prose.brk()
	case tagPara:
		p.prose.gap()
		p.declared()
	case tagInput:
		p.input(off)
	case tagScript:
		switch {
		case p.kindLen == 4 && string(p.kind[:4]) == "json":
			return rawJSON
		default:
			return rawScript
		}
	case tagStyle:
		return rawSkip
	case tagText:
		p.prose.gap()
		if len(p.field) > 0 {
			p.prose.label = p.g.keys.class(p.field)
		}
	case tagMute:
		if !void {
			p.push(element{mute: true}, off)
		}
	case tagTable, tagHead, tagBody, tagRow, tagCell, tagHeading:
		p.openTable(off)
	case tagBlock, tagArticle, tagFooter, tagNav:
		if !void {
			p.openBlock(off)
		}
	default:
		p.inline(off)
	}
	return rawNone
}

func (p *page) openBlock(off int64) {
	p.prose.gap()
	c := class{}
	if p.tag == tagFooter && !p.inside(tagArticle) && !p.inside(tagRow) {
		c.sense = senseShop
	}
	c.sense |= p.prop.sense & (senseCustomer | senseClient)
	p.g.enter(frameBlock, c)
	p.push(element{frame: true}, off)
	if p.tag == tagNav {
		p.zone++
		p.prose.zone = true
	}
	p.declared()
}

// declared makes what is declared for the element the label of its text.
func (p *page) declared() {
	if p.prop.sense&senseDeclared != 0 && p.prop.kind != kindNone {
		p.prose.label = p.prop
	}
}

// inline is a link, or an element that says what its text is.
func (p *page) inline(off int64) {
	if p.prop.kind != kindNone {
		p.prose.gap()
		p.prose.label = p.prop
	}
	if len(p.href) == 0 {
		return
	}
	sense := sense(0)
	if p.zone > 0 || p.prose.legal {
		sense = senseShop
	}
	switch href := p.href; {
	case len(href) > 7 && href[0]|0x20 == 'm' && bytes.EqualFold(href[:7], []byte("mailto:")):
		p.prose.brk() // its text is a value of its own
		p.link = true
		v, _, _ := bytes.Cut(href[7:], []byte{'?'})
		p.g.places.source(p.href, p.hrefAt)
		p.g.value(class{kindEmail, sense | senseKnown}, v, shapeOf(v), p.start)
	case len(href) > 4 && href[0]|0x20 == 't' && bytes.EqualFold(href[:4], []byte("tel:")):
		p.prose.brk()
		p.link = true
		o := p.g.own()
		had := o.marks & markPhone
		p.g.places.source(p.href, p.hrefAt)
		p.g.places.see(href[4:])
		p.g.phone(class{kindPhone, sense}, href, p.start)
		// A number that can be called is often the shop's: it names nobody alone.
		o = p.g.own()
		if o.marks&markPhone != 0 {
			o.marks |= markContact
		}
		o.marks = o.marks&^markPhone | had
	case p.zone == 0 && withID(href):
		p.query(href)
	}
}

// withID reports whether a link has a number in it, as "id=".
func withID(href []byte) bool {
	for {
		at := bytes.IndexByte(href, '=')
		if at < 0 {
			return false
		}
		if at >= 2 && href[at-1] == 'd' && href[at-2] == 'i' {
			return true
		}
		href = href[at+1:]
	}
}

// query takes customer and order numbers out of a link.
func (p *page) query(href []byte) {
	at := bytes.IndexByte(href, '?')
	if at < 0 {
		return
	}
	for rest := href[at+1:]; len(rest) > 0; {
		var pair []byte
		if end := bytes.IndexByte(rest, '&'); end >= 0 {
			pair, rest = rest[:end], rest[end+1:]
		} else {
			pair, rest = rest, nil
		}
		is := bytes.IndexByte(pair, '=')
		if is < 0 {
			continue
		}
		k, v := pair[:is], pair[is+1:]
		if len(v) == 0 || len(v) > 40 {
			continue
		}
		if c := p.g.keys.class(k); c.kind == kindCustomerID || c.kind == kindOrder {
			p.g.places.source(p.href, p.hrefAt)
			p.g.value(c, v, shapeDigit, p.start)
		}
	}
}

// input takes the value of a form's field.
func (p *page) input(int64) {
	p.prose.gap()
	label := p.prose.label
	p.prose.label = class{}
	if !p.has || len(p.value) == 0 {
		return
	}
	switch string(p.kind[:p.kindLen]) {
	case "checkbox", "radio", "submit", "button", "image", "reset", "password":
		return
	}
	c := p.g.keys.class(p.field)
	if p.prop.sense&senseDeclared != 0 {
		c = p.prop
	}
	if c.kind == kindNone || (c.kind == kindCode || c.kind == kindID) && (label.kind == kindOrder || label.kind == kindCustomerID) {
		c.kind, c.sense = label.kind, c.sense|label.sense
	}
	switch c.kind {
	case kindToken, kindPassword, kindOpaque, kindID, kindCode, kindName, kindText:
		if shapeOf(p.value)&shapeAt == 0 && (c.kind != kindPassword || !crypted(p.value) && !hexadecimal(p.value)) && (c.kind != kindName || !personLike(p.value)) {
			return
		}
	}
	p.g.places.source(p.value, p.valueAt)
	p.g.value(c, p.value, shapeOf(p.value), p.start)
}
