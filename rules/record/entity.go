package record

import (
	"bytes"
	"mime"
	"strings"

	"github.com/ordergate/ordergate/rules"
)

const (
	maxHeader = 4 << 10 // bytes of a header field that are read, its continuations included
	maxFields = 256     // of one header
	maxEntity = 1000    // parts of a body that are read
)

// transfer is how the body of an entity is encoded for its way (RFC 2045
// section 6).
type transfer uint8

const (
	transferPlain transfer = iota
	transferQuoted
	transferBase64
)

// entity reads a header and the body behind it: a mail, a part of a multipart
// body (RFC 2045), a response inside a response. The body is a content of its
// own; so are the people that a mail's header names.
type entity struct {
	contents
	mail     bool // its header names people
	inBody   bool
	inLine   bool   // the header's line has bytes
	field    []byte // the field that is being read
	from     int64  // its offset
	fields   int
	promised form
	hints    hints
	transfer transfer
	label    string // the type of a picture or the like: the body is read if it is something else
	skip     bool   // nothing in the body is of interest
	class    class
	value    bool // the body is the value of a form's field of that class
	plain    []byte
	shape    shape
	start    int64     // of the value, in the content
	src      []stretch // where its bytes stand, for a masker

	code    [2]byte  // of QP, or base64's bits
	at      [4]int64 // of a quantum's signs, or of an escape's second sign
	n       int
	bits    uint32
	pending int64 // offset of what is not decoded
	room    [256]byte
}

// renew prepares for the next entity.
func (s *entity) renew() {
	s.inBody, s.inLine, s.skip, s.value, s.label = false, false, false, false, ""
	s.field, s.plain, s.fields, s.shape, s.n, s.bits = s.field[:0], s.plain[:0], 0, 0, 0, 0
	s.promised, s.hints, s.transfer, s.class = formText, hints{}, transferPlain, class{}
}

func (s *entity) take(p []byte, off int64) {
	for len(p) > 0 && !s.inBody {
		n := s.header(p, off)
		p, off = p[n:], off+int64(n)
		s.text = off
	}
	if len(p) == 0 || s.skip {
		return
	}
	switch s.transfer {
	case transferQuoted:
		if s.straight {
			s.quotedInPlace(p, off)
			return
		}
		s.quoted(p, off)
	case transferBase64:
		if s.straight {
			s.base64InPlace(p, off)
			return
		}
		s.base64(p, off)
	default:
		s.data(p, off)
	}
}

// header reads a part of a line of the header and returns how long that was.
func (s *entity) header(p []byte, off int64) int {
	if !s.inLine && p[0] != ' ' && p[0] != '\t' { // no continuation
		s.fieldEnd(off)
	}
	end := bytes.IndexByte(p, '\n')
	run := p
	if end >= 0 {
		run = p[:end]
	}
	if len(s.field) == 0 {
		s.from = off
	}
	if room := maxHeader - len(s.field); len(run) > room {
		s.note(rules.UninspectedSize)
		s.field = append(s.field, run[:max(room, 0)]...)
	} else {
		s.field = append(s.field, run...)
	}
	empty := !s.inLine && len(bytes.TrimRight(run, "\r")) == 0
	if end < 0 {
		s.inLine = !empty
		return len(p)
	}
	if empty {
		s.field = s.field[:0]
		s.bodyBegins()
	}
	s.inLine = false
	return end + 1
}

// ofOriginal are the header fields that tell of the original's bytes, and are
// not given back by a masker: its length, validators (RFC 9110, 8.8) and digests
// (RFC 9530, RFC 3230, RFC 1864).
var ofOriginal = map[string]bool{
	"content-length": true, "etag": true, "last-modified": true, "digest": true, "content-digest": true, "repr-digest": true, "content-md5": true,
}

// fieldEnd reads the field that is complete, and ends before an offset.
func (s *entity) fieldEnd(to int64) {
	field := bytes.TrimLeft(s.field, "\r")
	from := s.from + int64(len(s.field)-len(field))
	s.field = s.field[:0]
	at := bytes.IndexByte(field, ':')
	if at <= 0 || at > maxKey {
		return
	}
	if s.fields++; s.fields > maxFields {
		s.note(rules.UninspectedSize)
		return
	}
	value := string(bytes.TrimSpace(unfold(field[at+1:])))
	name := strings.ToLower(string(bytes.TrimSpace(field[:at])))
	if s.straight && ofOriginal[name] {
		s.g.places.gone(from, to)
	}
	switch name {
	case "content-type":
		t := mediaType(value)
		s.promised, s.hints = formOf(value), hintsOf(value)
		if s.label = ""; Harmless(t) {
			s.label, s.promised = t, formUnknown
		}
	case "content-transfer-encoding":
		switch strings.ToLower(value) {
		case "quoted-printable":
			s.transfer = transferQuoted
		case "base64":
			s.transfer = transferBase64
		}
	case "content-encoding":
		if value != "identity" {
			s.note(rules.UninspectedEncoding)
		}
	case "content-disposition":
		s.disposition(value)
	case "from", "to", "cc", "bcc", "reply-to", "sender", "delivered-to", "resent-to", "resent-from", "resent-cc", "subject":
		if s.mail {
			if s.straight {
				if !s.inLine { // its line's end stays
					to -= int64(1 + len(field) - len(bytes.TrimRight(field, "\r")))
				}
				s.g.named(value, [2]int64{from + int64(at) + 1, to}, name == "subject")
				return
			}
			s.view.mark(s.off, s.from)
			s.g.named(value, [2]int64{s.off}, name == "subject")
		}
	}
}

// unfold makes one line of a field's lines.
func unfold(field []byte) []byte {
	for i, b := range field {
		if b == '\r' || b == '\n' || b == '\t' {
			field[i] = ' '
		}
	}
	return field
}

// disposition reads what a part is called: a field of a form, or a file.
func (s *entity) disposition(value string) {
	if file := parameter(value, "filename"); file != "" {
		if kind, read := promise(file); s.promised == formText || s.promised == formUnknown {
			if s.promised = kind; !read && s.label == "" {
				s.label = pictureType
			}
		}
		return
	}
	if name := parameter(value, "name"); name != "" && len(name) <= maxKey && mediaType(value) == "form-data" {
		s.class, s.value = s.g.keys.class([]byte(name)), true
	}
}

// bodyBegins is the end of the header.
func (s *entity) bodyBegins() {
	s.inBody = true
	if s.value = s.value && s.label == "" && (s.promised == formText || s.promised == formUnknown); s.value {
		s.start = s.here()
		return
	}
	s.g.flush(s.here())
	s.content()
}

// content begins a text of the body.
func (s *entity) content() {
	level := s.level + 1
	if s.mail && s.promised == formMultipart {
		level = s.level // a mail and its parts are one level
	}
	s.view.n = 0
	s.body.reset(s.g, level, s.promised, s.here())
	s.body.hints, s.body.label, s.open = s.hints, s.label, true
	s.body.part, s.body.coded = s.straight, s.transfer != transferPlain
}

// data takes decoded bytes of the body.
func (s *entity) data(p []byte, off int64) {
	if s.value {
		if len(s.plain)+len(p) <= maxValue {
			s.shape |= shapeOf(p)
			s.keep(p, off)
			return
		}
		s.long()
	}
	if s.open {
		s.write(p, off)
		s.skip = s.body.idle
	}
}

// keep keeps bytes of a value.
func (s *entity) keep(p []byte, off int64) {
	if s.straight {
		if len(s.plain) == 0 {
			s.start = s.g.places.begin(off)
		}
		s.src = addRun(s.src, len(s.plain), len(p), off)
		s.text = off + int64(len(p))
	} else {
		s.view.mark(s.off, off)
		s.off += int64(len(p))
	}
	s.plain = append(s.plain, p...)
}

// long makes a content of a value that is too long for one.
func (s *entity) long() {
	s.g.flush(s.start)
	s.value = false
	if s.straight {
		s.text = s.start
		s.content()
		for _, r := range s.src {
			s.write(s.plain[r.at:r.at+r.n], r.off)
		}
	} else {
		at := s.view.text(s.start)
		s.off = s.start
		s.content()
		s.write(s.plain, at)
	}
	s.plain = s.plain[:0]
}

// done ends the entity.
func (s *entity) done() {
	if !s.inBody && len(s.field) > 0 {
		s.fieldEnd(s.text)
	}
	s.decoded()
	if s.value && len(s.plain) > 0 {
		if nestedText(s.plain) {
			sub := newJSON(s.g, 1)
			s.g.places.replay(sub, s.plain, s.src, s.start)
			sub.end(s.here())
		} else {
			s.g.places.source(s.plain, s.src)
			s.g.value(s.class, bytes.TrimSpace(s.plain), s.shape, s.start)
		}
	}
	s.finish()
}

func (s *entity) settled(group int64) int64 {
	at := s.contents.settled(group)
	if !s.open && group < never {
		at = s.source(group)
	}
	if s.value && len(s.plain) > 0 {
		at = min(at, s.source(s.start))
	}
	if len(s.field) > 0 {
		at = min(at, s.from)
	}
	if s.n > 0 {
		at = min(at, s.pending)
	}
	return at
}

// source maps an offset of the content to the text.
func (s *entity) source(at int64) int64 {
	if s.straight {
		return at
	}
	return s.view.text(at)
}

func (s *entity) inflates() bool { return inflates(s.body.scan) }

// pause reports what is whole; JSON that goes on waits.
func (s *entity) pause(int64) bool {
	if !s.open || s.body.pause(s.here()) {
		return true
	}
	if !s.body.begun && len(s.body.head) > 0 {
		s.body.begin()
	}
	if j, is := s.body.scan.(*jsonScanner); s.body.begun && (!is || j.depth == 0 && j.state < jsonString) {
		s.finish()
		s.content()
	}
	return true
}

// named takes the people of a mail's address field (RFC 5322 section 3.4), or
// the addresses in another field. Offices are left out. A masker masks the value from
// one offset to the other as a whole.
func (g *grouper) named(value string, at [2]int64, text bool) {
	value = words(value)
	off := at[0]
	if text {
		g.places.whole([]byte(value), at[0], at[1])
		g.value(class{}, []byte(value), shapeOf([]byte(value)), off)
		g.flush(off)
		return
	}
	for _, one := range addresses(value) {
		name, address := value[one.from:one.to], ""
		if at := strings.LastIndexByte(name, '<'); at >= 0 {
			name, address = name[:at], strings.TrimSuffix(strings.TrimSpace(name[at+1:]), ">")
		} else {
			name, address = "", name
		}
		if normal, is := NormalizeEmail([]byte(address)); !is || roleAddress(normal) {
			continue // an office, whatever its display name
		}
		g.enter(frameObject, class{})
		if name = strings.Trim(name, "\"' \t"); name != "" && strings.IndexByte(name, '@') < 0 {
			g.places.whole([]byte(name), at[0], at[1])
			g.value(class{kind: kindFullName}, []byte(name), shapeOf([]byte(name)), off)
		}
		g.places.whole([]byte(address), at[0], at[1])
		g.value(class{kind: kindEmail}, []byte(address), shapeOf([]byte(address)), off)
		g.leave(off)
		g.flush(off)
	}
}

// span is a part of a text.
type span struct{ from, to int }

// addresses divides a list at the commas (and groups' signs) outside of quotes.
func addresses(list string) (all []span) {
	from, quoted := 0, false
	for i := 0; i <= len(list); i++ {
		switch {
		case i < len(list) && list[i] == '"':
			quoted = !quoted
		case i == len(list) || !quoted && (list[i] == ',' || list[i] == ';' || list[i] == ':'):
			if i > from {
				all = append(all, span{from, i})
			}
			from = i + 1
		}
	}
	return all
}

// words decodes the encoded words of a header (RFC 2047); a broken one stays
// as it is.
func words(value string) string {
	if !strings.Contains(value, "=?") {
		return value
	}
	d := mime.WordDecoder{CharsetReader: charsetReader}
	if plain, err := d.DecodeHeader(value); err == nil {
		return plain
	}
	return value
}
