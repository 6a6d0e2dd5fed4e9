package record

import (
	"bytes"
	"encoding/binary"
	"math/bits"

	"github.com/ordergate/ordergate/rules"
)

const (
	maxSharedText = 24 << 10 // bytes of shared strings that are kept for the sheets behind them
	maxRowMasks   = 16 << 10 // bytes of what is kept of sheets for the strings behind them
	maxRowNumbers = 8 << 10  // bytes of numbers that are kept with it
	maxSheetCells = 63       // columns that are told apart
	maxRowBreak   = 1 << 63  // in a mask: a new sheet begins
)

// workbook is what the parts of one spreadsheet (ECMA-376, SpreadsheetML) have
// in common: the strings that cells share. In a file that is read as it comes
// they stand before the sheets or behind them.
//
// Before: they are kept as far as there is room. Behind: of every row is kept
// which columns show a string for the first time, because the strings stand in
// that order, and the numbers. Beyond the room each string stands for itself.
type workbook struct {
	text   []byte // strings that were kept
	ends   []uint32
	ahead  bool // all strings are known
	lost   bool // strings went by that are not known any more
	fresh  int  // strings that the sheets have shown so far
	small  bool // it lies in another archive, whose decoder takes the room
	masks  []byte
	full   bool // no more rows are kept
	digits []byte
}

// room returns how much may be kept, of what may be at best.
func (b *workbook) room(most int) int {
	if b.small {
		return most / 3
	}
	return most
}

// part returns the scanner of a part of a spreadsheet, or nil. It works on a
// nil workbook.
func (b *workbook) part(g *grouper, head []byte) scanner {
	if b == nil {
		return nil
	}
	switch {
	case bytes.Contains(head, []byte("spreadsheetml")) && bytes.Contains(head, []byte("<worksheet")), bytes.Contains(head, []byte(":worksheet ")):
		return newSheet(g, b)
	case bytes.Contains(head, []byte("<sst")), bytes.Contains(head, []byte(":sst ")):
		return newStrings(g, b)
	}
	return nil
}

// shared returns a string that was kept, or nil.
func (b *workbook) shared(i int) []byte {
	if !b.ahead || i >= len(b.ends) {
		return nil
	}
	from := uint32(0)
	if i > 0 {
		from = b.ends[i-1]
	}
	return b.text[from:b.ends[i]]
}

// keepRow keeps which columns of a row show a string for the first time, with
// the row's numbers, each as column, length and digits.
func (b *workbook) keepRow(mask uint64, numbers []byte) {
	if b.ahead || b.lost || b.full {
		return
	}
	if len(b.masks)+2*binary.MaxVarintLen64 > b.room(maxRowMasks) {
		b.full = true
		return
	}
	if len(b.digits)+len(numbers) > b.room(maxRowNumbers) {
		numbers = nil
	}
	// The columns in the upper bits would make long numbers of short rows.
	b.masks = binary.AppendUvarint(b.masks, bits.RotateLeft64(mask, 1))
	b.masks = binary.AppendUvarint(b.masks, uint64(len(numbers)))
	b.digits = append(b.digits, numbers...)
}

// sheetScanner reads one sheet of a spreadsheet as a table.
type sheetScanner struct {
	xml   xmlTokens
	book  *workbook
	table csvScanner

	flat   bool // the workbook is one text, of Excel 2003
	row    bool
	filled int // cells of the row that are not empty
	column int // of the cell
	kind   byte
	text   bool // the text is the cell's
	value  []byte
	start  int64
	mask   uint64
	digits []byte
}

func newSheet(g *grouper, b *workbook) *sheetScanner {
	s := &sheetScanner{book: b, table: csvScanner{g: g}, start: never}
	s.xml.to = s
	b.keepRow(maxRowBreak, nil)
	return s
}

func (s *sheetScanner) write(p []byte, off int64) { s.xml.write(p, off) }
func (s *sheetScanner) fault() rules.Uninspected  { return rules.UninspectedNone }
func (s *sheetScanner) held() int64               { return min(s.start, s.table.waiting()) }
func (s *sheetScanner) end(off int64) {
	s.endRow(off)
	s.table.end(off)
}

// workbook2003 reports whether markup is a workbook in one text (SpreadsheetML of
// Microsoft Office 2003), as shops export tables for Excel.
func workbook2003(head []byte) bool {
	return bytes.Contains(head, []byte("Workbook")) && bytes.Contains(head, []byte("urn:schemas-microsoft-com:office:spreadsheet"))
}

// newSheets reads such a workbook: its sheets are tables one after the other.
func newSheets(g *grouper) *sheetScanner {
	s := newSheet(g, &workbook{ahead: true})
	s.flat = true
	return s
}

// Kinds of cells, by their attribute t.
const (
	cellNumber = 'n'
	cellShared = 's'
	cellText   = 't' // inlineStr, str
	cellOther  = 'o' // truth values, errors
)

func (s *sheetScanner) open(x *xmlTokens, off int64) {
	switch string(x.name) {
	case "row", "Row":
		s.endRow(off)
		s.row, s.column = true, -1
	case "c", "Cell":
		s.column++
		s.kind, s.value = cellNumber, s.value[:0]
		if s.flat {
			s.kind = cellText
		}
	case "v", "t", "Data":
		s.text = s.row
		s.start = off
	case "Worksheet":
		s.endRow(off)
		s.table.end(off)
		s.table = csvScanner{g: s.table.g, buf: s.table.buf}
	}
}

func (s *sheetScanner) attribute(x *xmlTokens) {
	if s.flat && string(x.name) == "Cell" && string(x.attr[bytes.IndexByte(x.attr, ':')+1:]) == "Index" {
		s.column = max(s.column, refNumber(x.value)-1)
	}
	if string(x.name) != "c" {
		return
	}
	switch string(x.attr) {
	case "r":
		s.column = columnOf(x.value, s.column)
	case "t":
		switch string(x.value) {
		case "s":
			s.kind = cellShared
		case "inlineStr", "str", "d":
			s.kind = cellText
		case "n":
		default:
			s.kind = cellOther
		}
	}
}

// columnOf returns the column of a cell's name, such as 27 of AB7.
func columnOf(name []byte, otherwise int) int {
	n := 0
	for _, b := range name {
		if b < 'A' || b > 'Z' {
			break
		}
		if n = n*26 + int(b-'A') + 1; n > 1<<14 {
			return otherwise
		}
	}
	if n == 0 {
		return otherwise
	}
	return n - 1
}

func (s *sheetScanner) chars(p []byte, _ int64) {
	if s.text {
		s.value = append(s.value, p[:min(len(p), maxValue-len(s.value))]...)
	}
}

func (s *sheetScanner) close(x *xmlTokens, off int64) {
	switch string(x.name) {
	case "v", "t", "Data":
		s.text = false
	case "c", "Cell":
		s.cell()
		s.start = never
	case "row", "Row":
		s.endRow(off)
	}
}

// cell takes a cell that has ended.
func (s *sheetScanner) cell() {
	v := s.value
	if !s.row || len(v) == 0 || s.kind == cellOther {
		return
	}
	if s.kind == cellShared {
		i := refNumber(v)
		if v = s.book.shared(i); v == nil {
			s.fresh(i)
			return
		}
	}
	if s.kind == cellNumber && !s.book.ahead && len(v) < 48 && s.column < maxSheetCells && len(s.digits) < 1<<10 {
		s.digits = append(append(s.digits, byte(s.column), byte(len(v))), v...)
	}
	s.filled++
	s.table.field(s.column, v, min(s.start, never-1))
}

// fresh notes that the cell shows the string i, which is not known yet.
func (s *sheetScanner) fresh(i int) {
	b := s.book
	switch {
	case b.ahead || b.lost || b.full || i < b.fresh:
		return
	case i > b.fresh || s.column >= maxSheetCells || s.mask>>s.column != 0:
		b.full = true // not in the usual order
	default:
		s.mask |= 1 << s.column
	}
	b.fresh++
}

func (s *sheetScanner) endRow(off int64) {
	if !s.row {
		return
	}
	s.row = false
	if s.mask != 0 || len(s.digits) > 0 {
		s.book.keepRow(s.mask, s.digits)
	}
	s.mask, s.digits = 0, s.digits[:0]
	s.table.endLine(s.filled, off)
	s.filled = 0
}

// field takes a cell of a table that is not written as delimited text.
func (s *csvScanner) field(column int, v []byte, start int64) {
	for s.col < min(column, 1<<10) {
		s.start, s.shape = start, 0
		s.cell(nil)
	}
	s.start, s.shape = start, shapeOf(v)
	s.cell(bytes.TrimSpace(v))
}

// endLine ends a row of such a table. A title above the headings is not a row.
func (s *csvScanner) endLine(filled int, off int64) {
	if filled == 0 || s.row == 0 && !s.data && (filled == 1 || s.known == 0) {
		if s.row == 0 {
			s.col, s.known, s.data, s.first, s.begun = 0, 0, false, s.first[:0], false
		}
		return
	}
	s.endRow(off)
	s.g.age(off)
}
