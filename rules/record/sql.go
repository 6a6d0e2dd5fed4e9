package record

import (
	"bytes"

	"github.com/ordergate/ordergate/rules"
)

// sqlState is where a sqlScanner stands.
type sqlState uint8

const (
	sqlText    sqlState = iota // outside of a list
	sqlColumns                 // inside the column list of an INSERT
	sqlTable                   // inside that of a CREATE TABLE
	sqlRow                     // inside a row of values
	sqlCopy                    // inside the rows of a COPY (PostgreSQL)
)

// sqlScanner reads dumps: the rows of INSERT statements, with the names of
// the columns where the statement or the table's creation before it has them, and
// PostgreSQL's COPY rows.
type sqlScanner struct {
	g     *grouper
	state sqlState

	heads   [64]class
	columns int
	col     int
	values  bool // VALUES was read: lists are rows
	insert  bool // INSERT or COPY was read
	copying bool
	table   class // what the table's name says about its rows
	named   bool  // the table's name was read
	quote   byte
	escape  bool
	maybe   bool // after a quote that may be the first of two
	word    []byte
	shape   shape
	start   int64
	depth   int
	head    sqlHead
	create  sqlCreate
	name    []byte // of the table
}

func newSQL(g *grouper) *sqlScanner { return &sqlScanner{g: g} }

func (s *sqlScanner) fault() rules.Uninspected { return rules.UninspectedNone }

func (s *sqlScanner) held() int64 {
	if len(s.word) > 0 || s.quote != 0 {
		return s.start
	}
	return never
}

func (s *sqlScanner) write(p []byte, off int64) {
	for i := 0; i < len(p); {
		if !s.g.slow {
			if end := s.run(p, i, off); end > i {
				i = end
				continue
			}
		}
		b, at := p[i], off+int64(i)
		i++
		if s.state == sqlCopy {
			s.copyRow(b, at)
			continue
		}
		if s.quote != 0 {
			if s.inQuotes(b) {
				continue
			}
		}
		s.plain(b, at)
		if s.head.begun && s.state == sqlRow {
			s.head.learn(s, p[:i], off)
		}
	}
}

// run reads several bytes from p[i] on: a value that lies whole in p with the
// sign behind it, or a part of one. It returns where it stopped, or i.
func (s *sqlScanner) run(p []byte, i int, off int64) int {
	switch {
	case s.state == sqlCopy:
		if len(s.word) == 0 {
			return s.wholeCopy(p, i, off)
		}
	case s.quote != 0:
		if !s.maybe && !s.escape {
			end := i
			for end < len(p) && p[end] != s.quote && p[end] != '\\' {
				s.shape |= shapes[p[end]]
				end++
			}
			s.word = append(s.word, p[i:min(end, i+maxValue-len(s.word))]...)
			return end
		}
	case len(s.word) > 0:
	case s.state == sqlRow && s.depth == 0:
		return s.wholeValue(p, i, off)
	case s.state == sqlText && !s.copying && s.head.leads(p[i:]):
		s.insert, s.values, s.columns = true, true, s.head.columns
		s.open()
		return i + len(s.head.text)
	}
	return i
}

// wholeValue reads a value of a row, the blanks before it, and the comma or the
// parenthesis behind it.
func (s *sqlScanner) wholeValue(p []byte, i int, off int64) int {
	for i < len(p) && (p[i] == ' ' || p[i] == '\n') {
		i++
	}
	if i == len(p) {
		return i
	}
	from, end, seen := i, i, uint16(0)
	if p[i] == '\'' {
		from++
		for end = from; end < len(p); end++ {
			c := quotedBytes[p[end]]
			if c&cellStop != 0 {
				break
			}
			seen |= c
		}
	} else {
		for end < len(p) && sqlWord[p[end]] {
			seen |= uint16(shapes[p[end]])
			end++
		}
	}
	next := end + from - i // behind the quote
	if next >= len(p) || end-from > maxValue || from > i && p[end] != '\'' {
		return i
	}
	switch p[next] {
	case ',', ')':
	default:
		return i
	}
	if end > from {
		s.start, s.shape = off+int64(i), shape(seen)
		s.give(trim(p[from:end]))
	}
	if p[next] == ',' {
		s.col++
	} else {
		s.close(off + int64(next))
	}
	return next + 1
}

// quotedBytes are the shapes of all bytes, with cellStop where a text in quotes
// may end.
var quotedBytes = func() (t [256]uint16) {
	for b, s := range shapes {
		t[b] = uint16(s)
	}
	t['\''] |= cellStop
	t['\\'] |= cellStop
	return t
}()

// sqlWord are the bytes of the values that stand in no quotes.
var sqlWord = func() (t [256]bool) {
	for b := range t {
		t[b] = b > ' ' && bytes.IndexByte([]byte("'\"`(),;"), byte(b)) < 0
	}
	return t
}()

// wholeCopy reads a value of a row of COPY and the tab behind it.
func (s *sqlScanner) wholeCopy(p []byte, i int, off int64) int {
	end, kind := i, shape(0)
	for end < len(p) && p[end] != '\t' && p[end] != '\n' {
		kind |= shapes[p[end]]
		end++
	}
	if end == len(p) || p[end] != '\t' || end == i || end-i > maxValue {
		return i
	}
	s.start, s.shape = off+int64(i), kind
	s.give(bytes.TrimSpace(p[i:end]))
	s.col++
	return end + 1
}

// inQuotes takes a byte inside quotes; false hands it back, as the first one
// after them.
func (s *sqlScanner) inQuotes(b byte) bool {
	switch {
	case s.maybe:
		s.maybe = false
		if b != s.quote {
			s.quote = 0
			return false
		}
		s.add(b)
	case s.escape:
		s.escape = false
		switch b {
		case 'n', 'r':
			b = '\n'
		case 't', '0':
			b = ' '
		}
		s.add(b)
	case b == '\\' && s.quote == '\'':
		s.escape = true
	case b == s.quote:
		s.maybe = true
	default:
		s.add(b)
	}
	return true
}

func (s *sqlScanner) add(b byte) {
	s.shape |= shapes[b]
	if len(s.word) < maxValue {
		s.word = append(s.word, b)
	}
}

func (s *sqlScanner) plain(b byte, off int64) {
	switch b {
	case '\'', '"', '`':
		if len(s.word) == 0 {
			s.start, s.shape = off, 0
		}
		s.quote = b
	case '(':
		s.flushWord(off)
		if s.state == sqlRow || s.state == sqlTable {
			s.depth++
			return
		}
		s.open()
	case ')':
		s.flushWord(off)
		if s.depth > 0 {
			s.depth--
			return
		}
		s.close(off)
	case ',':
		s.flushWord(off)
		if s.depth == 0 {
			s.col++
			s.create.first = true
		}
	case ';', '\n':
		s.flushWord(off)
		if s.copying && b == '\n' && s.state == sqlText {
			s.state, s.col = sqlCopy, 0
			s.copying = false
			s.row()
		} else if b == ';' && s.state == sqlText && !s.copying {
			s.insert, s.values, s.columns, s.create.words = false, false, 0, 0
		}
	case ' ', '\t', '\r':
		if s.state == sqlText || s.state == sqlTable {
			s.flushWord(off)
		}
	default:
		if len(s.word) == 0 {
			s.start, s.shape = off, 0
		}
		s.add(b)
	}
}

func (s *sqlScanner) row() {
	s.g.enter(frameArray, s.table)
	s.g.enter(frameObject, class{})
}

func (s *sqlScanner) open() {
	switch {
	case s.values:
		s.state, s.col = sqlRow, 0
		s.row()
	case s.insert:
		s.state, s.col = sqlColumns, 0
	case s.create.opens():
		s.state, s.col = sqlTable, 0
	}
}

func (s *sqlScanner) close(off int64) {
	switch s.state {
	case sqlRow:
		s.g.leave(off)
		s.g.leave(off)
	case sqlColumns:
		s.columns = min(s.col+1, len(s.heads))
	}
	s.state = sqlText
}

// flushWord takes a word, a name or a value that has ended.
func (s *sqlScanner) flushWord(int64) {
	if len(s.word) == 0 {
		return
	}
	v := bytes.TrimSpace(s.word)
	s.word = s.word[:0]
	switch s.state {
	case sqlColumns:
		if s.col < len(s.heads) {
			s.heads[s.col] = s.g.keys.class(v)
		}
	case sqlRow:
		s.give(v)
	case sqlTable:
		s.create.column(v, s.g.keys)
	case sqlText:
		switch {
		case !s.insert && s.create.word(v):
		case bytes.EqualFold(v, []byte("insert")):
			s.insert, s.values, s.columns, s.named = true, false, 0, false
			s.head.begin(s.start)
		case bytes.EqualFold(v, []byte("values")):
			if s.values = s.insert; s.values && s.columns == 0 && s.create.n > 0 && bytes.Equal(s.name, s.create.table) {
				s.heads, s.columns = s.create.heads, s.create.n
			}
		case bytes.EqualFold(v, []byte("copy")):
			s.insert, s.values, s.columns, s.named = true, false, 0, false
			s.head.forget()
		case bytes.EqualFold(v, []byte("stdin")):
			s.copying = s.insert
		case s.insert && !s.named && !bytes.EqualFold(v, []byte("into")) && !bytes.EqualFold(v, []byte("ignore")):
			v = bareTable(v)
			s.name = append(s.name[:0], v...)
			v = bytes.TrimPrefix(v, []byte("shop_")) // whose table it is, not whose data
			s.named, s.table = true, s.g.keys.class(v)
			s.table.kind = kindNone
			if s.table.sense&(senseCustomer|senseOrder) != 0 { // shop_customer: whose table it is, not whose data
				s.table.sense &^= senseShop
			}
		}
	}
}

func (s *sqlScanner) give(v []byte) {
	if len(v) == 0 || filler(v) {
		return
	}
	c := class{}
	if s.col < s.columns {
		c = s.heads[s.col]
	}
	if s.g.dull(c, v, s.shape) {
		s.g.tick(s.start)
		return
	}
	s.g.value(c, v, s.shape, s.start)
}

// copyRow reads the tab-separated rows after COPY … FROM stdin, up to \. .
func (s *sqlScanner) copyRow(b byte, off int64) {
	switch b {
	case '\t', '\n':
		v := bytes.TrimSpace(s.word)
		over := b == '\n' && s.col == 0 && string(v) == `\.`
		if !over {
			s.give(v)
		}
		s.word = s.word[:0]
		s.col++
		if b == '\n' {
			s.g.leave(off)
			s.g.leave(off)
			if s.col = 0; over {
				s.state, s.insert = sqlText, false
				return
			}
			s.row()
		}
	default:
		if len(s.word) == 0 {
			s.start, s.shape = off, 0
		}
		s.add(b)
	}
}

func (s *sqlScanner) end(off int64) {
	s.quote = 0
	s.flushWord(off)
}
