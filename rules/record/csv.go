package record

import (
	"bytes"

	"github.com/ordergate/ordergate/rules"
)

// maxLead is how many rows may stand before the heading: what the table is, and
// when it was made.
const maxLead = 8

// csvScanner reads delimited text (RFC 4180, with any of , ; tab |). The first
// row gives the columns' names if it is a heading: no cell of it has data and
// at least one is a word of the lexicon. Behind other rows most cells must be
// words.
type csvScanner struct {
	g     *grouper
	delim byte

	heads   [64]class
	columns int
	row     int // 0: the heading may still come
	lead    int // rows before the heading
	col     int
	known   int  // cells of the first row that the lexicon knows
	data    bool // a cell of the first row has data
	inRow   bool
	quoted  bool
	closed  bool // after the closing quote of a cell
	buf     []byte
	shape   shape
	start   int64
	from    int64 // of the cell's text, and where that ends, for places
	to      int64
	begun   bool
	first   []byte // the first row's cells, until it is known what they are
	ends    [64]struct {
		end             int
		start, from, to int64
	}
}

func newCSV(g *grouper, delim byte) *csvScanner { return &csvScanner{g: g, delim: delim} }

func (s *csvScanner) fault() rules.Uninspected { return rules.UninspectedNone }

func (s *csvScanner) held() int64 {
	if s.row == 0 && s.col > 0 {
		return s.ends[0].start
	}
	if s.begun {
		return s.start
	}
	return never
}

func (s *csvScanner) write(p []byte, off int64) {
	for i := 0; i < len(p); {
		if !s.begun {
			if !s.g.slow {
				if end := s.wholeCell(p, i, off); end > i {
					i = end
					continue
				}
			}
			s.begun, s.start, s.quoted, s.closed, s.shape, s.buf = true, off+int64(i), false, false, 0, s.buf[:0]
			if s.from, s.to = s.start, s.start; p[i] == '"' {
				s.quoted, s.from = true, s.start+1
				i++
				continue
			}
		}
		b := p[i]
		if s.quoted {
			i += s.inQuotes(p[i:], off+int64(i))
			continue
		}
		i++
		switch {
		case b == s.delim:
			s.cell(bytes.TrimSpace(s.buf))
		case b == '\n':
			s.cell(bytes.TrimSpace(s.buf))
			s.endRow(off + int64(i))
		case b == '\r' || b == 0:
		default:
			if s.add(b); s.from == s.start || b > ' ' { // behind a quoted text it is one value with it, and its quotes
				s.from, s.to = s.start, off+int64(i)
			}
		}
	}
}

func (s *csvScanner) inQuotes(p []byte, off int64) int {
	at := bytes.IndexByte(p, '"')
	run := p
	if at >= 0 {
		run = p[:at]
	}
	if s.closed { // the byte after a quote: another quote, or the cell's end
		s.closed = false
		if at == 0 {
			s.add('"')
			s.to = off + 1
			return 1
		}
		s.quoted = false
		return 0
	}
	for _, b := range run {
		s.add(b)
	}
	if len(run) > 0 {
		s.to = off + int64(len(run))
	}
	if at < 0 {
		return len(p)
	}
	s.closed = true
	return at + 1
}

func (s *csvScanner) add(b byte) {
	s.shape |= shapes[b]
	if len(s.buf) < maxValue {
		s.buf = append(s.buf, b)
	}
}

// cellStop marks the bytes at which a cell may end, beside their shapes.
const cellStop = 1 << 8

// cellBytes are the shapes of all bytes, with cellStop.
var cellBytes = func() (t [256]uint16) {
	for b, s := range shapes {
		t[b] = uint16(s)
		if b <= '\r' || b == ',' || b == ';' || b == '|' {
			t[b] |= cellStop
		}
	}
	return t
}()

// wholeCell reads a cell that lies whole in p with its end, from p[i] on, and
// that has no quote in its quotes. It returns where the next one begins, or i if
// this is another kind.
func (s *csvScanner) wholeCell(p []byte, i int, off int64) int {
	from, end, next, kind := i, i, 0, shape(0)
	if p[i] == '"' {
		at := bytes.IndexByte(p[i+1:], '"')
		if at < 0 {
			return i
		}
		from, end = i+1, i+1+at
		kind, next = shapeOf(p[from:end]), end+1
	} else {
		seen := uint16(0)
		for end < len(p) {
			c := cellBytes[p[end]]
			if c&cellStop != 0 && (p[end] == s.delim || p[end] <= '\r') {
				break
			}
			seen |= c
			end++
		}
		kind, next = shape(seen), end
	}
	if next+1 < len(p) && p[next] == '\r' && p[next+1] == '\n' && s.delim != '\r' {
		next++
	}
	if next >= len(p) || p[next] != s.delim && p[next] != '\n' || end-from > maxValue {
		return i
	}
	s.start, s.shape = off+int64(i), kind
	s.cell(trim(p[from:end]))
	if p[next] != s.delim {
		s.endRow(off + int64(next+1))
	}
	return next + 1
}

// cell takes the cell v that has ended.
func (s *csvScanner) cell(v []byte) {
	s.begun = false
	if s.row == 0 {
		if s.col < len(s.ends) && len(s.first)+len(v) <= 4*maxValue {
			c := s.g.keys.class(v)
			if c.sense&senseKnown != 0 {
				s.known++
			}
			s.data = s.data || s.shape&shapeAt != 0 || digital(v) && s.shape&shapeLetter == 0
			s.heads[s.col] = c
			s.first = append(s.first, v...)
			e := &s.ends[s.col]
			e.end, e.start, e.from, e.to = len(s.first), s.start, s.from, s.to
		}
		s.col++
		return
	}
	if !s.inRow {
		s.inRow = true
		s.g.enter(frameArray, class{})
		s.g.enter(frameObject, class{})
	}
	c := class{}
	if s.col < s.columns {
		c = s.heads[s.col]
	}
	if s.col++; len(v) == 0 {
		return
	}
	if s.g.dull(c, v, s.shape) {
		s.g.tick(s.start)
		return
	}
	s.g.places.whole(v, s.from, s.to)
	s.g.value(c, v, s.shape, s.start)
}

func (s *csvScanner) endRow(off int64) {
	if s.row == 0 {
		s.firstRow(off)
		s.lead++
		s.first, s.known, s.data = s.first[:0], 0, false
		if s.columns > 0 || s.lead == maxLead {
			s.row = 1
		}
	} else if s.inRow {
		s.g.leave(off)
		s.g.leave(off)
	}
	s.col, s.inRow = 0, false
}

// firstRow decides whether a row, the first one or one behind a title, names
// the columns; else it is data, or a line about the table.
func (s *csvScanner) firstRow(off int64) {
	n := min(s.col, len(s.ends))
	if s.known > 0 && !s.data && (s.lead == 0 && s.col > 1 || s.known*2 >= s.col && (s.known > 1 || s.lead == 0)) {
		s.columns = n
		return
	}
	s.g.enter(frameArray, class{})
	s.g.enter(frameObject, class{})
	from := 0
	for i := range n {
		v := s.first[from:s.ends[i].end]
		from = s.ends[i].end
		if len(v) > 0 {
			s.g.places.whole(v, s.ends[i].from, s.ends[i].to)
			s.g.value(class{}, v, shapeOf(v), s.ends[i].start)
		}
	}
	s.g.leave(off)
	s.g.leave(off)
}

func (s *csvScanner) end(off int64) {
	if s.begun || s.col > 0 {
		if !s.begun { // the text ends behind a sign: the last cell is empty
			s.buf, s.shape, s.start = s.buf[:0], 0, off
		}
		s.cell(bytes.TrimSpace(s.buf))
		s.endRow(off)
	}
	s.first = nil
}
