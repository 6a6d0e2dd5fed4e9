package record

import "bytes"

// sqlCreate remembers the columns of the table that was created last: dumps have
// INSERT statements without columns right behind it (mysqldump's default). The
// zero value knows none.
type sqlCreate struct {
	words uint8 // of "create table" that were read: 2 for both
	first bool  // the next word is the first one of a column
	done  bool  // what follows are keys and checks
	named bool
	table []byte
	heads [64]class
	n     int
}

// word takes a word outside of the list of columns. It reports whether it belongs
// to a statement that creates a table.
func (c *sqlCreate) word(v []byte) bool {
	switch {
	case bytes.EqualFold(v, []byte("create")):
		c.words, c.named = 1, false
	case c.words == 1 && bytes.EqualFold(v, []byte("table")):
		c.words = 2
	case c.words == 1 && !bytes.EqualFold(v, []byte("temporary")) && !bytes.EqualFold(v, []byte("unlogged")):
		c.words = 0
	case c.words < 2:
		return false
	case bytes.EqualFold(v, []byte("if")), bytes.EqualFold(v, []byte("not")), bytes.EqualFold(v, []byte("exists")):
	case !c.named:
		c.named, c.table, c.n = true, append(c.table[:0], bareTable(v)...), 0
	}
	return c.words > 0
}

// opens reports whether a parenthesis begins the list of columns.
func (c *sqlCreate) opens() bool {
	if c.words < 2 || !c.named {
		return false
	}
	c.words, c.first, c.done = 0, true, false
	return true
}

// column takes a word inside the list: the first one of each part is a column's
// name, up to the first key.
func (c *sqlCreate) column(v []byte, k *keys) {
	if !c.first || c.done {
		return
	}
	c.first = false
	for _, word := range [...]string{"primary", "key", "unique", "constraint", "index", "fulltext", "spatial", "foreign", "check"} {
		if bytes.EqualFold(v, []byte(word)) {
			c.done = true
			return
		}
	}
	if c.n < len(c.heads) {
		c.heads[c.n] = k.class(v)
		c.n++
	}
}

// bareTable cuts the schema off a table's name.
func bareTable(v []byte) []byte { return v[bytes.LastIndexByte(v, '.')+1:] }
