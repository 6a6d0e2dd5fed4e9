package record

import (
	"bytes"

	"github.com/ordergate/ordergate/rules"
)

const (
	minCoded  = 40 // signs of a string that may be a text in base64: shorter ones are keys and hashes
	codedHead = 24 // of them, by which a text is told from other bytes
	maxScheme = 80 // bytes before the comma of a data URI (RFC 2397)
)

// coded reports whether a string is a text in base64 (RFC 4648, section 4), or a data
// URI of one, and where the base64 begins: exports, mails and states of pages that an
// answer in JSON holds as a file. Of its first bytes every one must be text's, which of
// hashes, keys and pictures is one in millions; or they are those of a document or an
// archive, see boxed.
func coded(v []byte) (from int, is bool) {
	if len(v) < minCoded {
		return 0, false
	}
	if v[0] == '%' {
		return 0, percented(v)
	}
	if v[0] == 'd' && bytes.HasPrefix(v, []byte("data:")) {
		comma := bytes.IndexByte(v[:min(len(v), maxScheme)], ',')
		if comma < 0 {
			return 0, false
		}
		if from = comma + 1; percented(v) {
			return from, true
		}
		if !bytes.HasSuffix(v[:comma], []byte(";base64")) {
			return 0, false
		}
	}
	if len(v)-from < codedHead {
		return 0, false
	}
	head := v[from : from+codedHead]
	if packed(head) {
		return from, true
	}
	var bits uint32
	for i, b := range head {
		d := sextets[b]
		if d == 0xFF {
			return 0, false
		}
		if bits = bits<<6 | uint32(d); i%4 != 3 {
			continue
		}
		for shift := 16; shift >= 0; shift -= 8 {
			if b := byte(bits >> shift); b < ' ' && b != '\n' && b != '\r' && b != '\t' || b == 0x7F || b >= 0x80 && (i > 3 || !bytes.HasPrefix(head, []byte("77u/"))) { // a byte order mark
				return 0, false
			}
		}
	}
	return from, true
}

// packings are how documents and archives begin in base64: PDF, zip, gzip and zlib.
var packings = [...]string{"JVBERi", "UEsDB", "H4sI", "eJw", "eJx", "eJy", "eJz", "eNo"}

// packed reports whether base64 begins as a document or an archive does.
func packed(head []byte) bool {
	for _, begin := range packings {
		if bytes.HasPrefix(head, []byte(begin)) {
			return true
		}
	}
	return false
}

// percentHeads are how JSON begins that went through encodeURIComponent.
var percentHeads = [...]string{"%7b%22", "%5b%7b", "%5b%22", "%7b%0a", "%5b%0a", "%7b%20", "%5b%20"}

// percented reports whether a string is JSON, or a data URI of a text, of which signs are
// written as %40 (RFC 2397).
func percented(v []byte) bool {
	if v[0] == '%' {
		for _, begin := range percentHeads {
			if len(v) > len(begin) && bytes.EqualFold(v[:len(begin)], []byte(begin)) {
				return true
			}
		}
		return false
	}
	comma := bytes.IndexByte(v[:min(len(v), maxScheme)], ',')
	if comma < 0 || bytes.HasSuffix(v[:comma], []byte(";base64")) {
		return false
	}
	return bytes.HasPrefix(v, []byte("data:text/")) || bytes.HasPrefix(v, []byte("data:application/json")) || bytes.HasPrefix(v, []byte("data:application/csv"))
}

// isCoded reports what coded does. Most strings are told by their first four bytes.
func isCoded(v []byte) bool {
	if len(v) < minCoded {
		return false
	}
	a, b, c, d := sextets[v[0]], sextets[v[1]], sextets[v[2]], sextets[v[3]]
	if (a|b|c|d)&0x80 != 0 || a >= 0x20 && v[0] != '7' { // the first byte of text is below 0x80, or of a byte order mark
		return (v[4] == ':' || v[0] == '%') && codedWhole(v)
	}
	return codedWhole(v)
}

func codedWhole(v []byte) bool {
	_, is := coded(v)
	return is
}

// sextets are the values of base64's signs; 0xFF: none.
var sextets = func() (t [256]byte) {
	for b := range t {
		t[b] = 0xFF
		if d := sextet(byte(b)); d >= 0 && b != '-' && b != '_' {
			t[b] = byte(d)
		}
	}
	return t
}()

// mayBeCoded reports whether a string of which escapes are not taken out yet may be one
// that is coded.
func mayBeCoded(v []byte) bool {
	if len(v) < minCoded {
		return false
	}
	if v[0] == '%' || bytes.HasPrefix(v, []byte("data:")) {
		return true
	}
	for _, b := range v[:codedHead] {
		if b != '\\' && sextets[b] == 0xFF {
			return false
		}
	}
	return true
}

// codedScanner reads a text in base64 that a string holds. What it was decoded from is
// longer than the text, so the text is read in offsets of that: no byte of it is told
// behind its place. Values in it cannot be masked.
type codedScanner struct {
	g       *grouper
	level   int
	skip    int  // bytes before the base64
	percent bool // it is written with percent signs instead
	head    []byte
	from    int64 // of the text
	begun   bool
	scan    scanner // nil: nothing is read
	box     *box    // the text is none, but a document or an archive
	aside   *places // the grouper's
	bits    uint32
	n       int   // signs of a quantum
	pending int64 // where it begins
	room    [192]byte
}

func newCoded(g *grouper, level int, v []byte, skip int) *codedScanner {
	s := &codedScanner{g: g, level: level, skip: skip, percent: percented(v)}
	if g.places != nil {
		s.aside, g.places = g.places, nil
		s.aside.blind = true
	}
	return s
}

func (s *codedScanner) write(p []byte, off int64) {
	skipped := min(s.skip, len(p))
	p, off, s.skip = p[skipped:], off+int64(skipped), s.skip-skipped
	if s.percent {
		s.percents(p, off)
		return
	}
	out, at := s.room[:0], s.pending
	for i, b := range p {
		d := sextet(b)
		if d < 0 {
			continue
		}
		if s.n == 0 {
			s.pending = off + int64(i)
		}
		s.bits = s.bits<<6 | uint32(d) //nolint:gosec // six bits
		if s.n++; s.n < 4 {
			continue
		}
		if len(out) == 0 {
			at = s.pending
		}
		out = s.quantum(out)
		if len(out) == cap(out) {
			s.data(out, at)
			out = out[:0]
		}
	}
	s.data(out, at)
}

// percents takes bytes of a text with percent signs.
func (s *codedScanner) percents(p []byte, off int64) {
	out, at := s.room[:0], off
	for i, b := range p {
		switch {
		case s.n == 0 && b == '%':
			s.n, s.bits, s.pending = 1, 0, off+int64(i)
			continue
		case s.n > 0:
			d := unhex(b)
			if s.bits = s.bits<<4 | uint32(max(d, 0)); s.n == 1 { //nolint:gosec // four bits
				s.n = 2
				continue
			}
			b, s.n = byte(s.bits), 0
		}
		if len(out) == 0 {
			at = off + int64(i)
		}
		if out = append(out, b); len(out) == cap(out) {
			s.data(out, at)
			out = out[:0]
		}
	}
	s.data(out, at)
}

// quantum appends the bytes of up to four signs.
func (s *codedScanner) quantum(out []byte) []byte {
	n, bits := s.n, s.bits<<(6*(4-s.n))
	s.n, s.bits = 0, 0
	for k := range n - 1 {
		out = append(out, byte(bits>>(16-8*k)))
	}
	return out
}

// data takes decoded bytes.
func (s *codedScanner) data(p []byte, off int64) {
	if len(p) == 0 {
		return
	}
	if !s.begun {
		if len(s.head) == 0 {
			s.from = off
		}
		head, rest, whole := gather(s.head, p, maxSniff)
		if s.head = head; !whole {
			return
		}
		p, off = rest, off+int64(len(p)-len(rest))
		s.begin()
	}
	s.pass(p, off)
}

// pass gives decoded bytes to the scanner.
func (s *codedScanner) pass(p []byte, off int64) {
	switch {
	case len(p) == 0:
	case s.box != nil:
		s.box.write(s.g, p, off)
	case s.scan != nil:
		s.scan.write(p, off)
	}
}

// begin decides what the text is.
func (s *codedScanner) begin() {
	s.begun = true
	switch kind := sniff(formUnknown, s.head); kind {
	case formJSON:
		j := newJSON(s.g, s.level)
		j.flat = newFlat(s.head)
		s.scan = j
	case formHTML, formXML:
		h := newHTML(s.g, s.level)
		h.page.xml = kind == formXML
		s.scan = h
	case formCSV:
		s.scan = newCSV(s.g, columned(s.head))
	case formSQL:
		s.scan = newSQL(s.g)
	case formLines:
		s.scan = newLines(s.g)
	case formCard:
		s.scan = newCard(s.g)
	case formText, formMail:
		t := new(spare).newText(s.g, class{})
		t.blocks = true
		s.scan = t
	default:
		if kind > formOpaque {
			s.box = newBox(s.g)
			s.pass(s.head, s.from)
		}
		return
	}
	head := bytes.TrimPrefix(s.head, []byte("\xEF\xBB\xBF"))
	s.pass(head, s.from+int64(len(s.head)-len(head)))
}

func (s *codedScanner) end(off int64) {
	if s.n > 1 && !s.percent {
		s.data(s.quantum(s.room[:0]), s.pending)
	}
	if !s.begun && len(s.head) > 0 {
		s.begin()
	}
	if s.box != nil {
		s.box.end(s.g)
	}
	if s.scan != nil {
		s.scan.end(off)
	}
	if s.aside != nil {
		s.g.places, s.aside = s.aside, nil
	}
}

func (s *codedScanner) held() int64 {
	h := never
	if s.n > 0 {
		h = s.pending
	}
	switch {
	case s.box != nil:
		h = min(h, s.box.held())
	case s.scan != nil:
		h = min(h, s.scan.held())
	case !s.begun && len(s.head) > 0:
		h = min(h, s.from)
	}
	return h
}

func (s *codedScanner) fault() rules.Uninspected {
	if s.scan != nil && s.scan.fault() == rules.UninspectedSize || s.box != nil && s.box.fault() == rules.UninspectedSize {
		return rules.UninspectedSize
	}
	return rules.UninspectedNone
}
