package record

import (
	"bytes"
	"hash/maphash"
)

// openTable opens a table or a part of one; what HTML allows to leave open
// before it is closed.
func (p *page) openTable(off int64) {
	p.prose.gap()
	if p.tag == tagTable {
		if len(p.table) == maxTables {
			p.tag = tagBlock
			p.openBlock(off)
			return
		}
		p.table = append(p.table, table{})
		p.g.enter(frameBlock, class{})
		p.push(element{frame: true}, off)
		return
	}
	if len(p.table) == 0 {
		return // part of a table that is not there: only a gap
	}
	t := &p.table[len(p.table)-1]
	switch p.tag {
	case tagHead, tagBody:
		p.popTo(off, tagRow, tagCell, tagHeading, tagHead, tagBody)
		t.inHead = p.tag == tagHead
		p.push(element{}, off)
	case tagRow:
		p.popTo(off, tagRow, tagCell, tagHeading)
		t.cells, t.labels, t.data, t.said = 0, 0, false, false
		p.g.enter(frameRow, class{sense: p.prop.sense & (senseCustomer | senseClient)})
		p.push(element{frame: true}, off)
	default:
		p.popTo(off, tagCell, tagHeading)
		p.prose.label, p.prose.cell = class{}, false
		if t.said {
			p.prose.label = t.row[max(0, min(t.cells, maxColumns)-1)]
		}
		if !t.inHead && t.cells < t.columns {
			p.prose.label, p.prose.cell = t.heads[t.cells], true
		}
		if p.prose.said = false; p.prop.sense&senseDeclared != 0 {
			p.prose.label, p.prose.cell = p.prop, true
		}
		p.push(element{}, off)
	}
}

// popTo closes the outermost open element of the given tags in the innermost
// table.
func (p *page) popTo(off int64, tags ...tag) {
	at := -1
	for i := len(p.stack) - 1; i >= 0 && p.stack[i].tag != tagTable; i-- {
		for _, t := range tags {
			if p.stack[i].tag == t {
				at = i
			}
		}
	}
	if at >= 0 {
		tag, n, name := p.tag, p.n, p.name
		p.pop(at, off)
		p.tag, p.n, p.name = tag, n, name
	}
}

// endCell is the end of a cell: a heading, a label or data.
func (p *page) endCell(tag tag) {
	if len(p.table) == 0 {
		p.prose.gap()
		return
	}
	t := &p.table[len(p.table)-1]
	t.data = t.data || tag == tagCell
	p.prose.brk()
	c, label := class{}, false
	switch {
	case p.prose.n == 1:
		line := trimLabel(p.prose.at(0))
		if c, label = p.prose.labels(line); !label && t.inHead {
			c = p.g.keys.class(line)
		}
	case p.prose.n == 0 && p.prose.said: // the label was a block of its own
		c, label = p.prose.label, true
	}
	if t.inHead {
		p.prose.reset()
	} else {
		p.prose.gap()
	}
	if t.cells < maxColumns {
		t.row[t.cells] = c
	}
	t.cells++
	if label {
		t.labels++
	}
	// In a table without headings a label speaks for the cell after it.
	t.said = label && t.columns == 0 && !t.inHead
	p.prose.label, p.prose.cell = class{}, false
}

// endRow is the end of a row. A row of nothing but headings names the
// columns; a row of a label and its value is a part of the table's record.
func (p *page) endRow() {
	if len(p.table) == 0 {
		return
	}
	t := &p.table[len(p.table)-1]
	if t.cells > 0 && (t.inHead || !t.data || t.columns == 0 && t.cells > 1 && t.labels == t.cells) {
		t.columns = min(t.cells, maxColumns)
		t.heads = t.row
		return
	}
	if t.columns == 0 && t.labels > 0 && t.labels*2 >= t.cells {
		if n := len(p.g.frames); n > 0 && p.g.frames[n-1].kind == frameRow {
			p.g.frames[n-1].element = false
		}
	}
}

// finishXML is the end of a tag of XML: an element with elements inside is a
// structure, any other is a value under its name.
func (p *page) finishXML(void bool, off int64) {
	if p.closing {
		p.closeXML(off)
		return
	}
	if !p.opened {
		p.openXML()
	}
	if void {
		p.closeXML(off)
	}
}

// directive reports whether an attribute of XML speaks of the element and not
// of what it tells: namespaces, types.
func directive(name []byte) bool {
	i := bytes.IndexByte(name, ':')
	if i < 0 {
		return false
	}
	switch string(name[:i]) {
	case "xsi", "xml", "xmlns":
		return true
	}
	return bytes.HasSuffix(name, []byte("encodingStyle")) || bytes.HasSuffix(name, []byte("arrayType"))
}

// openXML opens an element of XML. An element beside one of the same name is
// one of many: the first of them then no longer waits for what it stands in.
func (p *page) openXML() {
	name := p.name[:p.n]
	if i := bytes.LastIndexByte(name, ':'); i >= 0 {
		name = name[i+1:]
	}
	if n := len(p.stack); n > 0 {
		p.stack[n-1].kids = true
		p.frameXML(n - 1)
	}
	p.prose.reset()
	if len(p.stack) == maxElements {
		p.deep++
		p.g.size = true
		return
	}
	p.stack = append(p.stack, element{tag: tagElement, class: p.g.keys.class(name), hash: maphash.Bytes(p.seed, name)})
}

// frameXML makes an open element a structure.
func (p *page) frameXML(at int) {
	if at < 0 || p.deep > 0 || p.stack[at].frame {
		return
	}
	e := &p.stack[at]
	e.frame = true
	p.g.enter(frameObject, e.class)
	if at > 0 && p.stack[at-1].last == e.hash && len(p.g.frames) > 1 && p.g.deep == 0 {
		p.g.repeat()
	}
}

// closeXML ends an element. Text in an element without elements inside is the
// value of its name, for the structure around it.
func (p *page) closeXML(off int64) {
	n := len(p.stack)
	if p.deep > 0 {
		p.deep--
		return
	}
	if n == 0 {
		return
	}
	e := p.stack[n-1]
	p.stack = p.stack[:n-1]
	if n > 1 {
		p.stack[n-2].last = e.hash
	}
	if e.kids {
		p.prose.gap()
		p.g.leave(off)
		return
	}
	p.prose.brk()
	if e.frame {
		p.g.leave(off)
	}
	before := p.prose.sourced()
	for i := range p.prose.n {
		if v := p.prose.at(i); len(v) > 0 {
			p.g.value(e.class, v, shapeOf(v)&^shapeLine, p.prose.lines[i].start)
		}
	}
	p.prose.reset()
	p.g.places.back(before)
}
