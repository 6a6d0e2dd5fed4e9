package record

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

const (
	maxCharacter = 16      // bytes of one character, escape sequences of ISO-2022-JP before it included
	decodedPiece = 2 << 10 // bytes that are decoded at a time
	maxCharset   = 32      // of a charset
)

// charsetOf returns the encoding that a charset's label names, nil for UTF-8,
// US-ASCII and what is unknown. Labels are read as browsers read them (WHATWG
// Encoding standard, section 4.2): iso-8859-1 is windows-1252.
func charsetOf(label string) encoding.Encoding {
	label = strings.ToLower(strings.Trim(label, "\"' \t"))
	if label == "" || len(label) > maxCharset || label == "us-ascii" {
		return nil
	}
	e, err := htmlindex.Get(label)
	if err != nil || e == unicode.UTF8 {
		return nil
	}
	return e
}

// parameter returns the value of a parameter of a header field such as
// Content-Type (RFC 9110 section 5.6.6), without quotes, or "". Broken
// parameters before it do no harm.
func parameter(field, name string) string {
	_, rest, _ := strings.Cut(field, ";")
	for len(rest) > 0 {
		key, value, is := strings.Cut(rest, "=")
		if !is {
			return ""
		}
		if at := strings.LastIndexByte(key, ';'); at >= 0 {
			key = key[at+1:]
		}
		value = strings.TrimLeft(value, " \t")
		quoted := ""
		if strings.HasPrefix(value, `"`) {
			quoted, value, _ = strings.Cut(value[1:], `"`)
		}
		plain, after, _ := strings.Cut(value, ";")
		if strings.EqualFold(strings.TrimSpace(key), name) {
			if quoted != "" {
				return quoted
			}
			return strings.TrimSpace(plain)
		}
		rest = after
	}
	return ""
}

// encodingOf decides which encoding a text has that begins with head, whose
// label says charset (nil: nothing). It returns nil for UTF-8, and false for an
// encoding that is not read: UTF-32.
func encodingOf(promised form, charset encoding.Encoding, head []byte) (encoding.Encoding, bool) {
	switch {
	case bytes.HasPrefix(head, []byte("\xFF\xFE\x00\x00")), bytes.HasPrefix(head, []byte("\x00\x00\xFE\xFF")):
		return nil, false
	case bytes.HasPrefix(head, []byte("\xFF\xFE")):
		return unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), true
	case bytes.HasPrefix(head, []byte("\xFE\xFF")):
		return unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM), true
	case bytes.HasPrefix(head, []byte("\xEF\xBB\xBF")):
		return nil, true
	case sniffBinary(promised, head) >= formOpaque:
		return nil, true
	}
	if e := wide(head); e != nil {
		return e, true
	}
	if promised == formMultipart {
		return nil, true // each part has its own
	}
	if sniff(promised, head) >= formOpaque {
		return nil, true
	}
	ascii, valid := encoded(head)
	if valid && !ascii {
		return nil, true // whatever the label says
	}
	if charset == nil {
		charset = charsetOf(declared(head))
	}
	switch {
	case charset == encoding.Replacement:
		return nil, false
	case ascii && charset != nil && isWide(charset):
		return nil, true // programs write encoding="utf-16" into what they send as UTF-8
	case charset == nil && !valid && !binaryHead(head):
		return charmap.Windows1252, true
	}
	return charset, true
}

// isWide reports whether e is an encoding of two bytes a character.
func isWide(e encoding.Encoding) bool {
	name, err := htmlindex.Name(e)
	return err == nil && (name == "utf-16le" || name == "utf-16be")
}

// wide tells UTF-16 without a byte order mark by its zeros: half of the
// characters at least are Latin, and none has its zero on the other side.
func wide(head []byte) encoding.Encoding {
	if len(head) < 8 {
		return nil
	}
	if bytes.IndexByte(head, 0) < 0 {
		return nil
	}
	var zeros [2]int
	for i, b := range head {
		if b == 0 {
			zeros[i&1]++
		}
	}
	switch {
	case zeros[0] == 0 && zeros[1]*4 >= len(head):
		return unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)
	case zeros[1] == 0 && zeros[0]*4 >= len(head):
		return unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)
	}
	return nil
}

// encoded reports whether the first bytes of a text are ASCII, and whether they
// are UTF-8; its last character may be cut.
func encoded(head []byte) (ascii, valid bool) {
	ascii = true
	for i := 0; i < len(head); {
		if i <= len(head)-8 && load(head, i)&highBytes == 0 {
			i += 8
			continue
		}
		if head[i] < utf8.RuneSelf {
			i++
			continue
		}
		ascii = false
		r, n := utf8.DecodeRune(head[i:])
		if r == utf8.RuneError && n == 1 {
			return false, !utf8.FullRune(head[i:])
		}
		i += n
	}
	return ascii, true
}

// declared returns the charset that a page or an XML document says it has.
func declared(head []byte) string {
	if !bytes.HasPrefix(bytes.TrimLeft(head, " \t\r\n"), []byte("<")) {
		return ""
	}
	for _, sign := range []string{"charset=", "encoding="} {
		at := bytes.Index(head, []byte(sign))
		if at < 0 {
			continue
		}
		v := bytes.TrimLeft(head[at+len(sign):], `"' `)
		if end := bytes.IndexAny(v, "\"' ;/>?\n"); end > 0 && end <= maxCharset {
			return string(v[:end])
		}
	}
	return ""
}

// charsetScanner reads a text that is not UTF-8: its content is the text as
// UTF-8. It holds at most one character and one decoded piece.
type charsetScanner struct {
	contents
	decode transform.Transformer
	rest   []byte // a character that has begun
	at     int64  // its offset
	room   [maxCharacter]byte
	piece  [decodedPiece]byte
}

// newCharset returns a scanner that reads a text of encoding e as outer would.
func newCharset(outer *bodyScanner, e encoding.Encoding) *charsetScanner {
	s := &charsetScanner{contents: contents{g: outer.g, level: outer.level}, decode: e.NewDecoder()}
	s.rest = s.room[:0]
	s.renew(outer.promised, outer.hints.boundary, outer.book)
	return s
}

// renew begins the content.
func (s *charsetScanner) renew(promised form, boundary string, book *workbook) {
	s.body.reset(s.g, s.level, promised, s.off)
	s.body.hints = hints{boundary: boundary, decoded: true}
	s.body.book, s.open = book, true
}

func (s *charsetScanner) write(p []byte, off int64) {
	for len(s.rest) > 0 && len(p) > 0 {
		s.rest = append(s.rest, p[0])
		p, off = p[1:], off+1
		n := s.feed(s.rest, s.at, false)
		if n == 0 && len(s.rest) == maxCharacter {
			n = 1
		}
		s.rest = s.rest[:copy(s.rest, s.rest[n:])]
		s.at += int64(n)
	}
	n := s.feed(p, off, false)
	if n < len(p) && len(s.rest) == 0 {
		s.at = off + int64(n)
		for len(p)-n > maxCharacter-1 { // no encoding has such characters
			n++
		}
		s.rest = append(s.rest, p[n:]...)
	}
	s.text = off + int64(len(p))
}

// feed decodes what it can of p and returns how many bytes that were.
func (s *charsetScanner) feed(p []byte, off int64, last bool) (n int) {
	for n < len(p) {
		wrote, took, err := s.decode.Transform(s.piece[:], p[n:], last)
		if wrote > 0 {
			s.contents.write(s.piece[:wrote], off+int64(n))
		}
		n += took
		if err != transform.ErrShortDst { //nolint:errorlint // transform's contract: these very values
			break
		}
	}
	return n
}

func (s *charsetScanner) end(int64) {
	s.feed(s.rest, s.at, true)
	s.rest = s.rest[:0]
	s.finish()
}

func (s *charsetScanner) settled(group int64) int64 {
	at := s.contents.settled(group)
	if len(s.rest) > 0 {
		at = min(at, s.at)
	}
	return at
}

// pause ends the content, and begins another one of the same kind, unless it
// is a container that goes on itself.
func (s *charsetScanner) pause(int64) bool {
	if s.body.pause(s.off) || !s.body.begun {
		return true
	}
	promised, boundary, book := s.body.promised, s.body.hints.boundary, s.body.book
	s.finish()
	s.renew(promised, boundary, book)
	return true
}

func (s *charsetScanner) inflates() bool { return inflates(s.body.scan) }
