package record

// maxAcross is how many people stand beside each other in a table whose first column names
// what its rows are.
const maxAcross = 6

// across is a table that is written sideways: a row is a label and the values of several
// people, each of whom is a column (comparisons, duplicates to be merged). Whether it is
// one shows in the first row with a second value.
type across struct {
	on     bool
	cell   bool             // the cell that is open is a person's
	groups [maxAcross]int16 // of the columns, plus one; 0: nothing is known of it
}

// sideways makes the group of the cell's column the row's own, if the table is written
// sideways.
func (p *page) sideways(t *table) {
	n := len(p.g.frames)
	if t.columns > 0 || t.inHead || t.cells == 0 || t.labels != 1 || t.row[0] == (class{}) || p.g.deep > 0 || p.g.frames[n-1].kind != frameRow {
		return
	}
	a, f := &t.across, &p.g.frames[n-1]
	if !a.on {
		if t.cells != 2 || t.said || p.crossed() {
			return
		}
		a.on = true
		if f.own != none { // of the cell before
			a.groups[0], f.own = f.own+1, none
		}
	}
	k := t.cells - 1
	if k >= maxAcross {
		return
	}
	a.cell = true
	if f.own == none {
		f.own = a.groups[k] - 1
	}
	p.prose.label = t.row[0]
}

// crossed reports whether a table around is written sideways.
func (p *page) crossed() bool {
	for i := range p.table[:len(p.table)-1] {
		if p.table[i].across.on {
			return true
		}
	}
	return false
}

// crossing is the end of a cell: its group waits for the next row. A second label makes the
// row one of labels each with a value.
func (p *page) crossing(t *table, label bool) {
	a, n := &t.across, len(p.g.frames)
	if !a.cell {
		return
	}
	a.cell = false
	if n == 0 || p.g.frames[n-1].kind != frameRow {
		return
	}
	f := &p.g.frames[n-1]
	if label {
		a.on = false
		if f.own == none {
			f.own = a.groups[0] - 1
			a.groups[0] = 0
		}
		p.uncross(t)
		return
	}
	a.groups[t.cells-2], f.own = f.own+1, none
}

// uncross tells the people of the columns.
func (p *page) uncross(t *table) {
	for i, at := range t.across.groups {
		if at > 0 {
			p.g.seal(&p.g.groups[at-1], 0)
			p.g.finish(at - 1)
			t.across.groups[i] = 0
		}
	}
	t.across.on = false
}
