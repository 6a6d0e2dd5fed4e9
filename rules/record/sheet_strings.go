package record

import (
	"encoding/binary"
	"math/bits"

	"github.com/ordergate/ordergate/rules"
)

// stringsScanner reads the strings that the cells of a spreadsheet share.
type stringsScanner struct {
	xml   xmlTokens
	g     *grouper
	book  *workbook
	table csvScanner
	flat  bool // what follows is not told by rows
	mails bool // it has e-mail addresses

	text  bool
	aside bool // how a word is spoken
	value []byte
	start int64

	masks   []byte // of the rows to come
	digits  []byte
	row     uint64 // columns of the row that have no string yet
	numbers []byte
	filled  int
}

func newStrings(g *grouper, b *workbook) *stringsScanner {
	s := &stringsScanner{g: g, book: b, table: csvScanner{g: g}, start: never, masks: b.masks, digits: b.digits}
	s.flat = b.fresh == 0
	s.xml.to = s
	return s
}

func (s *stringsScanner) write(p []byte, off int64) { s.xml.write(p, off) }

func (s *stringsScanner) fault() rules.Uninspected {
	if s.flat && s.book.lost {
		return rules.UninspectedSize
	}
	return rules.UninspectedNone
}

func (s *stringsScanner) held() int64 { return min(s.start, s.table.waiting()) }

// waiting is held for a table that is not written as delimited text.
func (s *csvScanner) waiting() int64 {
	if s.row == 0 && s.col > 0 {
		return s.ends[0].start
	}
	return never
}

func (s *stringsScanner) open(x *xmlTokens, off int64) {
	switch string(x.name) {
	case "si":
		s.value, s.start = s.value[:0], off
	case "t":
		s.text = !s.aside
	case "rPh":
		s.aside = true
	}
}

func (s *stringsScanner) attribute(*xmlTokens) {}

func (s *stringsScanner) chars(p []byte, _ int64) {
	if s.text {
		s.value = append(s.value, p[:min(len(p), maxValue-len(s.value))]...)
	}
}

func (s *stringsScanner) close(x *xmlTokens, off int64) {
	switch string(x.name) {
	case "t":
		s.text = false
	case "rPh":
		s.aside = false
	case "si":
		s.take(off)
		s.start = never
	}
}

// take takes one string.
func (s *stringsScanner) take(off int64) {
	if s.flat {
		s.keep()
		s.alone(off)
		return
	}
	for s.row == 0 {
		if !s.nextRow(off) {
			s.flat = true
			s.book.lost = s.book.full
			s.alone(off)
			return
		}
	}
	column := bits.TrailingZeros64(s.row)
	s.row &^= 1 << column
	s.number(column)
	s.table.field(column, s.value, s.start)
	s.filled++
}

// number gives the row's numbers before a column to the table.
func (s *stringsScanner) number(column int) {
	for len(s.numbers) >= 2 && int(s.numbers[0]) < column {
		n := 2 + int(s.numbers[1])
		s.table.field(int(s.numbers[0]), s.numbers[2:n], s.start)
		s.filled++
		s.numbers = s.numbers[n:]
	}
}

// nextRow goes on to the next row that was kept; false: there is none.
func (s *stringsScanner) nextRow(off int64) bool {
	s.number(maxSheetCells + 1)
	s.table.endLine(s.filled, off)
	s.filled = 0
	if len(s.masks) == 0 {
		return false
	}
	mask, n := binary.Uvarint(s.masks)
	length, k := binary.Uvarint(s.masks[max(n, 0):])
	s.masks = s.masks[max(n, 0)+max(k, 0):]
	s.row = bits.RotateLeft64(mask, -1)
	s.numbers, s.digits = s.digits[:length], s.digits[length:]
	if s.row == maxRowBreak {
		s.row = 0
		s.table.end(off)
		s.table = csvScanner{g: s.g, buf: s.table.buf}
	}
	return true
}

// keep keeps a string for the sheets behind.
func (s *stringsScanner) keep() {
	b := s.book
	if b.lost || b.fresh > 0 {
		return
	}
	if len(b.text)+len(s.value) > b.room(maxSharedText) || len(b.ends) >= b.room(maxSharedText)/8 {
		b.lost, b.text, b.ends = true, nil, nil
		return
	}
	b.text = append(b.text, s.value...)
	b.ends = append(b.ends, uint32(len(b.text)))
}

// alone takes a string of which the row is not known: the addresses in it, or,
// where there are none, phone numbers, each for itself.
func (s *stringsScanner) alone(off int64) {
	if len(s.value) == 0 {
		return
	}
	shape := shapeOf(s.value)
	s.mails = s.mails || shape&shapeAt != 0 || s.g.keys.class(s.value).kind == kindEmail
	if shape&shapeAt == 0 && (s.mails || s.value[0] != '+') {
		return
	}
	s.g.enter(frameArray, class{})
	s.g.enter(frameObject, class{})
	s.g.value(class{}, s.value, shape&^shapeLine, s.start)
	s.g.leave(off)
	s.g.leave(off)
}

func (s *stringsScanner) end(off int64) {
	if s.book.fresh == 0 {
		s.book.ahead = !s.book.lost
		return
	}
	for s.nextRow(off) {
		s.row = 0
	}
	s.table.end(off)
}
