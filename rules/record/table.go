package record

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
		p.popTo(off, 1<<tagRow|1<<tagCell|1<<tagHeading|1<<tagHead|1<<tagBody)
		t.inHead = p.tag == tagHead
		p.push(element{}, off)
	case tagRow:
		p.popTo(off, 1<<tagRow|1<<tagCell|1<<tagHeading)
		p.prose.trail.clear()
		t.cells, t.at, t.labels, t.data, t.said = 0, 0, 0, false, false
		row := class{sense: p.prop.sense & (senseCustomer | senseClient)}
		if t.trade {
			row.sense |= senseShop
		}
		p.g.enter(frameRow, row)
		p.push(element{frame: true}, off)
	default:
		p.popTo(off, 1<<tagCell|1<<tagHeading)
		p.prose.label, p.prose.cell = class{}, false
		if t.said {
			p.prose.label = t.row[max(0, min(t.at, maxColumns)-1)]
		}
		if !t.inHead && t.at < t.columns {
			p.prose.label, p.prose.cell = t.heads[t.at], true
		}
		if p.prose.said = false; p.prop.sense&senseDeclared != 0 {
			p.prose.label, p.prose.cell = p.prop, true
		}
		p.sideways(t)
		t.span = min(max(p.span, 1), maxColumns)
		p.push(element{}, off)
	}
}

// popTo closes the outermost open element of the given tags, a set of bits, in
// the innermost table.
func (p *page) popTo(off int64, tags uint32) {
	at := -1
	for i := len(p.stack) - 1; i >= 0 && p.stack[i].tag != tagTable; i-- {
		if 1<<p.stack[i].tag&tags != 0 {
			at = i
		}
	}
	if at >= 0 {
		tag, key := p.tag, p.key
		p.pop(at, off)
		p.tag, p.key = tag, key
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
	if p.prose.n == 0 && !t.inHead && !p.prose.said && len(p.prose.line) > 0 {
		if t.columns == 0 && p.prose.single() || !p.g.slow && p.prose.dull() {
			p.prose.clear()
		}
	}
	p.prose.brk()
	c, label := class{}, false
	switch {
	case p.prose.n == 1:
		line := trimLabel(p.prose.at(0))
		if c, label = p.prose.labels(line); !label {
			if c = (class{}); t.inHead {
				c = p.g.keys.class(line)
			}
		}
		p.prose.lines[0].plain = !label
	case p.prose.n == 0 && p.prose.said: // the label was a block of its own
		c, label = p.prose.label, true
	}
	if t.inHead {
		p.prose.reset()
	} else {
		p.prose.gap()
	}
	for ; t.span > 0; t.span-- {
		if t.at < maxColumns {
			t.row[t.at] = c
		}
		t.at++
	}
	t.cells++
	p.crossing(t, label)
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
		t.columns = min(t.at, maxColumns)
		if t.heads = t.row; t.heads == [maxColumns]class{} {
			t.columns = 0 // they say nothing
		}
		t.trade = trading(t.heads[:t.columns])
		return
	}
	if t.columns == 0 && t.labels > 0 && t.labels*2 >= t.cells {
		if n := len(p.g.frames); n > 0 && p.g.frames[n-1].kind == frameRow {
			p.g.frames[n-1].element = false
		}
	}
}

// trading reports whether a table's headings are those of a list of sellers, such as
// Supplier, Contact, E-Mail: the first one that is known says so, and none is about a
// customer or an order.
func trading(heads []class) bool {
	first := true
	trade := false
	for _, c := range heads {
		if c.sense&(senseCustomer|senseClient|senseOrder|senseDelivery|senseBilling) != 0 && c.kind != kindNone || c.sense&(senseClient|senseOrder) != 0 {
			return false
		}
		if c == (class{}) {
			continue
		}
		if first {
			trade = c.kind == kindNone && c.sense&^senseKnown == senseShop
		}
		first = false
	}
	return trade
}
