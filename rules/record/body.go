package record

import (
	"bytes"
	"strings"

	"golang.org/x/text/encoding"

	"github.com/ordergate/ordergate/rules"
)

// bodyScanner reads a text of which only a type is promised: the body of a
// response, a file in an archive, a part of a multipart body. It gathers the
// first bytes, decides the form, and hands everything on to that form's
// scanner.
type bodyScanner struct {
	g        *grouper
	level    int // how many containers it lies in
	promised form
	scan     scanner
	head     []byte    // first bytes, until the form is decided
	runs     []stretch // where they stand, for a masker
	from     int64     // offset of the text
	begun    bool
	reason   rules.Uninspected // why nothing is read
	inner    form              // of what is compressed
	book     *workbook         // of the archive that it lies in, or nil
	part     bool              // it is an entity's body, read in offsets of the whole body
	coded    bool              // and encoded for its way
	aside    *places           // the grouper's, while a part is read that cannot be masked
	label    string            // the type that a part calls itself, which is read if it lies
	idle     bool              // it does not: nothing is of interest
	hints    hints
	spare    spare // scanners of texts before
}

// hints are what is said about a text beside its type. The zero value says
// nothing.
type hints struct {
	charset  encoding.Encoding // nil: none, or UTF-8
	boundary string            // of a multipart body
	decoded  bool              // it is UTF-8 for certain
	linked   bool              // it is a JSON:API document
}

// hintsOf returns what the parameters of a Content-Type say.
func hintsOf(contentType string) (h hints) {
	h.linked = strings.HasPrefix(contentType, "application/vnd.api+json")
	if strings.IndexByte(contentType, ';') >= 0 {
		h.charset = charsetOf(parameter(contentType, "charset"))
		h.boundary = parameter(contentType, "boundary")
	}
	return h
}

// maxContained bounds containers inside containers: a spreadsheet in an
// archive in a mail.
const maxContained = 3

// reset prepares for a text that begins at offset from.
func (s *bodyScanner) reset(g *grouper, level int, promised form, from int64) {
	*s = bodyScanner{g: g, level: level, promised: promised, head: s.head[:0], runs: s.runs[:0], from: from, spare: s.spare}
}

func (s *bodyScanner) write(p []byte, off int64) {
	if !s.begun {
		need := maxSniff
		if len(s.head) == 0 && s.promised.framed(p) {
			need = 1
		}
		rest := min(len(p), need-len(s.head))
		if s.g.places != nil {
			s.runs = addRun(s.runs, len(s.head), rest, off)
		}
		s.head = append(s.head, p[:rest]...)
		if len(s.head) < need {
			return
		}
		p, off = p[rest:], off+int64(rest)
		s.begin()
	}
	if s.scan != nil && len(p) > 0 {
		s.scan.write(p, off)
	}
}

// begin decides the form and reads what was gathered for it.
func (s *bodyScanner) begin() {
	s.begun = true
	head := s.head
	if s.idle = s.label != "" && !lies(s.label, head); s.idle {
		return
	}
	if !s.hints.decoded {
		e, known := encodingOf(s.promised, s.hints.charset, head)
		if !known {
			s.reason = rules.UninspectedEncoding
			return
		}
		if e != nil {
			s.scan = newCharset(s, e)
			s.unplaced()
			s.scan.write(head, s.from)
			return
		}
	}
	if s.scan = s.scanner(sniff(s.promised, head)); s.scan == nil {
		s.reason = rules.UninspectedType
		return
	}
	s.unplaced()
	bom := 0
	if bytes.HasPrefix(head, []byte("\xEF\xBB\xBF")) {
		bom = 3
	}
	if s.g.places != nil {
		s.g.places.replay(s.scan, head[bom:], cutRuns(s.runs, bom), s.from)
		return
	}
	s.scan.write(head[bom:], s.from+int64(bom))
}

// maskable reports whether values can be masked in a text of this form.
func (s *bodyScanner) maskable() bool {
	switch s.scan.(type) {
	case *jsonScanner, *htmlScanner, *csvScanner, *textScanner, *codeScanner, *formScanner:
		return true
	case *linesScanner:
		return s.promised != formLines // YAML has a meaning for asterisks
	case *partsScanner, *mailScanner:
		return !s.coded
	}
	return false
}

// unplaced takes a masker's places away while a part is read in which nothing
// can be masked: it is read in offsets of its own. Whom it shows is found again in what
// the masker gives back.
func (s *bodyScanner) unplaced() {
	if s.part && s.g.places != nil && !s.maskable() {
		s.aside, s.g.places = s.g.places, nil
		s.aside.blind = true
	}
}

// placed gives them back behind it.
func (s *bodyScanner) placed() {
	if s.aside != nil {
		s.g.places, s.aside = s.aside, nil
	}
}

func (s *bodyScanner) scanner(kind form) scanner {
	s.g.manifest = (kind == formJSON || kind == formXML) && manifest(s.head)
	switch kind {
	case formJSON:
		j := s.spare.newJSON(s.g, 0, class{})
		j.lines.on, j.flight = true, flightText(s.head)
		j.flat = newFlat(bytes.TrimPrefix(s.head, []byte("\xEF\xBB\xBF")))
		if s.hints.linked || linkedHead(s.head) {
			j.links = &jsonLinks{typed: s.hints.linked}
		}
		if d := s.g.cfg.declares(); d != nil {
			j.point.list = d.pointers
		}
		return j
	case formHTML, formXML:
		if sheet := s.book.part(s.g, s.head); sheet != nil {
			return sheet
		}
		if workbook2003(s.head) {
			return newSheets(s.g)
		}
		h := newHTML(s.g, 0)
		h.page.xml = kind == formXML
		return h
	case formCSV:
		return newCSV(s.g, columned(s.head))
	case formSQL:
		return newSQL(s.g)
	case formPairs:
		return newForm(s.g)
	case formText, formUnknown:
		t := s.spare.newText(s.g, class{})
		t.blocks = true
		return t
	case formLines:
		return newLines(s.g)
	case formCard:
		return newCard(s.g)
	case formEDI:
		return newEDI(s.g, s.head)
	case formScript:
		return newCode(s.g)
	case formEvents:
		return newEvents(s.g, s.level)
	case formMultipart, formMail:
		return s.entities(kind)
	case formOpaque:
	default:
		return s.binary(kind)
	}
	return nil
}

// entities returns the scanner of a body with headers in it, or nil.
func (s *bodyScanner) entities(kind form) scanner {
	if s.level >= maxContained {
		return nil
	}
	if kind == formMail {
		return newMail(s.g, s.level)
	}
	if s.hints.boundary == "" {
		s.hints.boundary = boundaryOf(s.head)
	}
	if n := len(s.hints.boundary); n == 0 || n > maxBoundary {
		return s.spare.newText(s.g, class{})
	}
	return newParts(s.g, s.level, s.hints.boundary)
}

func (s *bodyScanner) end(off int64) {
	if !s.begun && len(s.head) > 0 {
		s.begin()
	}
	if s.scan != nil {
		s.scan.end(off)
	}
}

// held is s's part of [bodyScanner.settled]; what a container holds counts in
// offsets of its own content and is in settled only.
func (s *bodyScanner) held() int64 {
	switch {
	case s.scan != nil:
		return s.scan.held()
	case !s.begun && len(s.head) > 0:
		return s.from
	}
	return never
}

func (s *bodyScanner) settled(group int64) int64 {
	if c, ok := s.scan.(container); ok {
		return c.settled(group)
	}
	return min(group, s.held())
}

func (s *bodyScanner) pause(off int64) bool {
	if !s.begun && len(s.head) > 0 {
		s.begin()
	}
	if c, ok := s.scan.(container); ok {
		return c.pause(off)
	}
	return false
}

func (s *bodyScanner) fault() rules.Uninspected {
	if s.scan != nil {
		return s.scan.fault()
	}
	return s.reason
}

// container is a scanner of a text that holds other texts, decoded: a file
// in an archive, the UTF-8 of a UTF-16 text. Its content is scanned, and reaches
// the grouper, in offsets of its own: bytes of content written so far, all
// contents of one container after each other. When one content ends, its
// records are reported (grouper.flush), so that the grouper never holds values
// of two contents.
type container interface {
	scanner
	// settled returns the offset of the container's own text before which
	// everything is accounted for, or never for all of it, when the grouper holds nothing before the
	// offset group of the content.
	settled(group int64) int64
	// pause reports what is pending between two events of a live body, and
	// whether the container goes on reading after it; false: end it.
	pause(off int64) bool
}

// maxMarks is how many marks a view keeps. A record is reported at the latest
// 32 KiB after its first byte, so marks 4 KiB apart that reach 64 KiB back
// are enough.
const (
	maxMarks = 16
	markStep = 4 << 10
)

// view maps offsets of decoded content back to the text that it was decoded
// from. The zero value maps everything to 0.
type view struct {
	marks [maxMarks]struct{ content, text int64 }
	n     int
}

// mark says that the content from offset content on comes from bytes of the
// text at offset text or behind it. Both never fall. Content closer than 4 KiB
// to the last mark counts from there.
func (v *view) mark(content, text int64) {
	if v.n > 0 && content-v.marks[v.n-1].content < markStep {
		return
	}
	if v.n == maxMarks {
		copy(v.marks[:], v.marks[1:])
		v.n--
	}
	v.marks[v.n].content, v.marks[v.n].text = content, text
	v.n++
}

// text returns an offset of the text before which there is nothing of the
// content from offset content on; 0 when that was too long ago.
func (v *view) text(content int64) (at int64) {
	for _, m := range v.marks[:v.n] {
		if m.content > content {
			break
		}
		at = m.text
	}
	return at
}
