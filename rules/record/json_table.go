package record

// jsonTable follows a table that JSON holds as arrays in an array: rows without
// keys. What their columns are is said by an array of names beside them, under a
// key such as columns or meta (databases, dashboards, data frames), or by the first
// row (spreadsheets). A scanner has one once it has met an array in an array, or
// an array of names.
type jsonTable struct {
	heads   [64]class
	columns int // 0: nothing is known of them
	scope   int // depth of the structure with whose end that is over

	outer int // depth of the array whose elements are rows; 0: none is open
	row   int // depth of the row that is open; 0: none is
	col   int // in it

	names int  // depth of an array that may name columns; 0: none is open
	sure  bool // its key says so
	named int  // its elements
	known int  // those that the lexicon knows
	said  bool // this element has a name
	fresh [64]class
}

// array notes that an array begins under a key of class c, or in another array. It
// reports whether it is a row, an object whose values have columns for keys.
func (s *jsonScanner) array(c class, within bool) bool {
	if t := s.table; t != nil && t.sure && t.columns > 0 && t.names == 0 && !within && c == (class{}) && t.scope < s.depth-1 && s.element() { // rows: [{"c": [{"v": …}, …]}]
		s.table.row, s.table.col = s.depth, 0
		s.class = s.table.head()
		return true
	}
	if !within && c.kind != kindColumns || s.flight || len(s.point.list) > 0 || s.depth > maxDepth {
		return false
	}
	if s.table == nil {
		s.table = new(jsonTable)
	}
	t := s.table
	if !within {
		t.begin(s.depth, true)
		return false
	}
	if t.names > 0 {
		return false
	}
	if t.outer != s.depth-1 {
		if t.outer = s.depth - 1; t.columns == 0 {
			t.begin(s.depth, false)
		}
	}
	t.row, t.col = s.depth, 0
	s.class = t.head()
	return true
}

// element reports whether the innermost structure is an object of a list.
func (s *jsonScanner) element() bool {
	n := len(s.g.frames)
	return n > 0 && s.g.deep == 0 && s.g.frames[n-1].kind == frameObject && s.g.frames[n-1].element
}

// begin reads the array at a depth for names of columns.
func (t *jsonTable) begin(depth int, sure bool) {
	t.names, t.sure, t.named, t.known, t.said = depth, sure, 0, 0, false
}

// naming reports whether names of columns are being read. It works on nil.
func (t *jsonTable) naming() bool { return t != nil && t.names > 0 }

// settled reports whether it is known that the rows in the array at a depth have no
// columns: then one more tells nothing of another. It works on nil.
func (t *jsonTable) settled(depth int) bool {
	return t != nil && t.outer == depth && t.names == 0 && t.columns == 0
}

// head returns the class of the column that comes.
func (t *jsonTable) head() class {
	if t.col < t.columns {
		return t.heads[t.col]
	}
	return class{}
}

// comma is the comma behind an element of the array at a depth. It returns the
// class of what comes.
func (t *jsonTable) comma(depth int) class {
	if depth == t.names {
		t.element()
	}
	if depth != t.row {
		return class{}
	}
	t.col++
	return t.head()
}

// element ends an element of the array that may name columns.
func (t *jsonTable) element() {
	if !t.said && t.named < len(t.fresh) {
		t.fresh[t.named] = class{}
	}
	t.said = false
	t.named++
}

// value takes a string, in a structure at a depth, that may be a column's name. Of
// an object it is the first one that the lexicon knows: {"name": "email", "label": …}.
func (t *jsonTable) value(k *keys, v []byte, depth int) {
	if depth != t.names && depth != t.names+1 || t.said || t.named >= len(t.fresh) {
		return
	}
	c := k.class(v)
	if c.sense&senseKnown == 0 || c.kind == kindNone {
		if depth > t.names {
			return
		}
	} else {
		t.known++
	}
	t.said = true
	t.fresh[t.named] = c
}

// close ends the structure at a depth.
func (t *jsonTable) close(depth int) {
	if depth == t.names {
		t.element()
		t.names = 0
		if t.sure && t.known > 0 || t.known > 1 && 2*t.known >= t.named {
			t.heads, t.columns, t.scope = t.fresh, min(t.named, len(t.fresh)), depth-1
		}
	}
	if depth == t.row {
		t.row = 0
	}
	if depth == t.outer {
		t.outer = 0
	}
	if depth == t.scope {
		t.columns, t.scope = 0, 0
	}
}
