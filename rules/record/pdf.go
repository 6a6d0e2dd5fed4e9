package record

import (
	"bytes"

	"github.com/ordergate/ordergate/rules"
)

// pdfState is what a pdfScanner reads next.
type pdfState uint8

const (
	pdfObjects pdfState = iota // objects, outside of streams
	pdfLine                    // the line's end behind "stream"
	pdfStream                  // a stream that is read
	pdfSkip                    // up to "endstream"
)

const (
	maxPDFObject = 2048     // bytes of an object that are looked at
	maxPDFWait   = 64 << 10 // bytes of a file that text waits for its font, and a record for its rest
)

// pdfScanner reads the text of a PDF (ISO 32000-1) as it comes: every stream
// that may show text or says what a font's codes mean is read where it stands,
// without the table of objects, which is at the end. Images, fonts and colour
// profiles are passed over, object streams too: they hold no page's text.
type pdfScanner struct {
	g     *grouper
	view  view
	off   int64 // bytes of decoded streams so far
	at    int64 // the file's bytes up to here are read
	why   rules.Uninspected
	state pdfState
	found []byte // the object so far
	match int    // bytes of "endstream" that were seen
	num   int    // of the object

	waited int64 // where the first stream begins of which something waits

	z     *inflater
	head  int // bytes of the zlib header that were seen
	first byte
	ascii asciiFilter
	page  pdfText
}

func newPDF(g *grouper) *pdfScanner {
	s := &pdfScanner{g: g}
	s.page.p, s.page.g, s.page.first = newProse(g), g, never
	s.page.fonts.small = g.inflaters.n > 0
	return s
}

func (s *pdfScanner) note(reason rules.Uninspected) {
	if s.why == rules.UninspectedNone {
		s.why = reason
	}
}

func (s *pdfScanner) write(p []byte, off int64) {
	end := off + int64(len(p))
	for len(p) > 0 {
		s.at = end - int64(len(p))
		piece := p[:s.patience(len(p))]
		rest := s.step(piece)
		p = p[len(piece)-len(rest):]
	}
	s.at = end
}

// waits reports whether something that was read is not reported yet.
func (s *pdfScanner) waits() bool { return min(s.page.held(), s.g.held()) < never }

// patience returns how many of the next n bytes to read before looking again
// whether something waits for too long: text for its font, a person's record
// for its rest, while fonts and images go by. It counts from the begin of a
// stream, which is the same in any chunking.
func (s *pdfScanner) patience(n int) int {
	if s.state != pdfStream && !s.waits() {
		return n
	}
	left := s.waited + maxPDFWait - s.at
	if left <= 0 {
		s.page.hurry()
		s.g.age(s.off + maxSpan + 1)
		s.waited, left = s.at, maxPDFWait
	}
	return int(min(int64(n), left))
}

// step reads one part and returns what is left of p.
func (s *pdfScanner) step(p []byte) []byte {
	switch s.state {
	case pdfObjects:
		return s.objects(p)
	case pdfLine:
		if p[0] != '\r' {
			s.state = pdfStream
			if !s.waits() {
				s.waited = s.at
			}
			s.open()
		}
		if p[0] == '\n' || p[0] == '\r' {
			return p[1:]
		}
		return p
	case pdfStream:
		return s.stream(p)
	}
	return s.skip(p)
}

// objects looks for the ends of objects and the begins of streams.
func (s *pdfScanner) objects(p []byte) []byte {
	for i, b := range p {
		if len(s.found) == maxPDFObject {
			s.found = s.found[:copy(s.found, s.found[maxPDFObject/2:])]
		}
		s.found = append(s.found, b)
		switch {
		case b == 'j' && bytes.HasSuffix(s.found, []byte("endobj")):
			s.object()
			s.found = s.found[:0]
		case b == 'j' && bytes.HasSuffix(s.found, []byte(" obj")):
			s.num = objectNumber(s.found)
			s.found = s.found[:0]
		case b == 'm' && bytes.HasSuffix(s.found, []byte("stream")) && !bytes.HasSuffix(s.found, []byte("endstream")):
			s.object()
			s.state = pdfLine
			return p[i+1:]
		}
	}
	return nil
}

// objectNumber returns the number before "0 obj".
func objectNumber(s []byte) (n int) {
	f := bytes.Fields(s[:len(s)-len(" obj")])
	if len(f) < 2 {
		return 0
	}
	return refNumber(f[len(f)-2])
}

func refNumber(digits []byte) (n int) {
	for _, b := range digits {
		if b < '0' || b > '9' || n > 1<<24 {
			return 0
		}
		n = n*10 + int(b-'0')
	}
	return n
}

// object takes what an object's dictionary says about fonts.
func (s *pdfScanner) object() {
	if bytes.Contains(s.found, []byte("/Encrypt")) {
		s.note(rules.UninspectedEncoding)
	}
	s.page.fonts.learn(s.num, s.found)
}

// open decides from its dictionary how a stream is read.
func (s *pdfScanner) open() {
	s.match, s.head, s.ascii = 0, 0, asciiFilter{}
	dict := bytes.Map(func(r rune) rune {
		if r <= ' ' {
			return -1
		}
		return r
	}, s.found)
	program := fontProgram(s.found)
	s.found = s.found[:0]
	if program {
		s.state = pdfSkip
		return
	}
	for _, other := range []string{"/Subtype/Image", "/Type/XRef", "/Type/ObjStm", "/Type/Metadata", "/Subtype/Type1C", "/Subtype/CIDFontType0C", "/Subtype/OpenType", "/FunctionType", "/ShadingType", "/Alternate", "/N3", "/N1", "/N4"} {
		if bytes.Contains(dict, []byte(other)) {
			s.state = pdfSkip
			return
		}
	}
	inflates := false
	for _, name := range filters(dict) {
		switch name {
		case "ASCII85Decode", "A85":
			s.ascii.kind = asciiBase85
		case "ASCIIHexDecode", "AHx":
			s.ascii.kind = asciiHex
		case "FlateDecode", "Fl":
			inflates = true
		default:
			s.note(rules.UninspectedType)
			s.state = pdfSkip
			return
		}
	}
	if inflates {
		if s.z = s.g.inflaters.borrow(); s.z == nil {
			s.note(rules.UninspectedSize)
			s.state = pdfSkip
			return
		}
	}
	s.page.begin(s.num)
}

// fontProgram reports whether a stream's dictionary has the key Length1, which
// that of a font's program has ("/Length 123" is any stream's).
func fontProgram(dict []byte) bool {
	_, rest, ok := bytes.Cut(dict, []byte("/Length1"))
	return ok && len(rest) > 0 && (rest[0] < '0' || rest[0] > '9')
}

// filters returns the names of a stream's filters, first to last.
func filters(dict []byte) (names []string) {
	_, rest, ok := bytes.Cut(dict, []byte("/Filter"))
	if !ok {
		return nil
	}
	list := bytes.HasPrefix(rest, []byte{'['})
	rest = bytes.TrimPrefix(rest, []byte{'['})
	for bytes.HasPrefix(rest, []byte{'/'}) && len(names) < 4 {
		rest = rest[1:]
		n := bytes.IndexAny(rest, "/[]<>()")
		if n < 0 {
			n = len(rest)
		}
		names = append(names, string(rest[:n]))
		if rest = rest[n:]; !list {
			break
		}
	}
	if len(names) == 0 {
		return []string{"?"} // named elsewhere
	}
	return names
}

// stream takes bytes of a stream that is read. A compressed one ends itself,
// any other at "endstream".
func (s *pdfScanner) stream(p []byte) []byte {
	if s.z != nil && s.ascii.kind == asciiNone {
		n, more := s.inflate(p)
		if !more {
			s.close()
			s.state = pdfSkip
		}
		return p[n:]
	}
	rest := s.skip(p)
	mine := p[:len(p)-len(rest)]
	switch {
	case s.ascii.kind == asciiNone:
		s.show(mine, s.at)
	default:
		s.ascii.write(mine, func(piece []byte) {
			if s.z == nil {
				s.show(piece, s.at)
			} else if !s.z.done() {
				if _, more := s.inflate(piece); !more && !s.z.done() {
					s.ascii.done = true
				}
			}
		})
	}
	if s.state == pdfObjects {
		s.close()
	}
	return rest
}

// inflate takes compressed bytes and returns how many belong to the stream, and
// whether it goes on.
func (s *pdfScanner) inflate(p []byte) (n int, more bool) {
	for s.head < 2 && n < len(p) {
		if s.head++; s.head == 2 && (s.first&0x0F != 8 || (int(s.first)<<8|int(p[n]))%31 != 0) {
			s.note(rules.UninspectedEncoding)
			return n, false
		}
		s.first = p[n]
		n++
	}
	last := s.at
	k, err := s.z.write(p[n:], func(piece []byte) {
		s.show(piece, max(0, last-maxUndecoded))
		last = s.at + int64(s.z.i)
	})
	switch {
	case err == errBomb: //nolint:errorlint // is never wrapped
		s.note(rules.UninspectedBomb)
	case err != nil:
		s.note(rules.UninspectedSyntax)
	}
	return n + k, err == nil && !s.z.done()
}

// show reads decoded bytes that come from the file at offset at or behind it.
func (s *pdfScanner) show(p []byte, at int64) {
	s.view.mark(s.off, at)
	s.page.write(p, s.off)
	s.off += int64(len(p))
}

// close ends a stream that was read.
func (s *pdfScanner) close() {
	if s.z != nil {
		if !s.z.done() && s.why == rules.UninspectedNone {
			s.note(rules.UninspectedSyntax)
		}
		s.z = nil
		s.g.inflaters.n--
	}
	s.page.finish(s.off)
}

// skip looks for the end of a stream and returns what is behind it.
func (s *pdfScanner) skip(p []byte) []byte {
	const end = "endstream"
	for i := 0; i < len(p); i++ {
		if s.match == 0 {
			at := bytes.IndexByte(p[i:], 'e')
			if at < 0 {
				return nil
			}
			i += at
		}
		switch {
		case p[i] == end[s.match]:
			s.match++
		case p[i] == 'e':
			s.match = 1
		default:
			s.match = 0
		}
		if s.match == len(end) {
			s.match, s.state = 0, pdfObjects
			return p[i+1:]
		}
	}
	return nil
}

func (s *pdfScanner) end(int64) {
	if s.state == pdfObjects {
		s.object()
	} else {
		s.note(rules.UninspectedPartial)
	}
	if s.state == pdfStream {
		s.close()
	}
	s.page.end()
	s.g.flush(s.off)
}

func (s *pdfScanner) held() int64      { return never }
func (s *pdfScanner) pause(int64) bool { return true }
func (s *pdfScanner) inflates() bool   { return true }

func (s *pdfScanner) settled(group int64) int64 {
	at := min(group, s.page.held())
	if at < never {
		at = s.view.text(at)
	}
	if s.z != nil {
		at = min(at, s.at-maxUndecoded)
	}
	return at
}

func (s *pdfScanner) fault() rules.Uninspected {
	if s.why == rules.UninspectedNone && s.page.lost {
		return rules.UninspectedType
	}
	return s.why
}
