package record

import (
	"bytes"

	"github.com/ordergate/ordergate/rules"
)

const maxBoundary = 70 // RFC 2046 section 5.1.1

var crlf = []byte("\r\n")

// mailScanner reads a mail (RFC 5322): its header names people, its body is a
// content, mostly a multipart one. It also reads the responses in a batch
// (RFC 9112), whose first line is no field.
type mailScanner struct{ entity }

func newMail(g *grouper, level int) *mailScanner {
	s := &mailScanner{}
	s.g, s.level, s.straight = g, level, g.places != nil
	s.renew()
	s.mail = true
	return s
}

func (s *mailScanner) write(p []byte, off int64) { s.take(p, off) }
func (s *mailScanner) end(int64)                 { s.done() }

// partsState is where a partsScanner stands.
type partsState uint8

const (
	partsData  partsState = iota // inside a line
	partsCR                      // behind a carriage return
	partsLine                    // at a line's begin, as far as it is a delimiter
	partsDelim                   // behind a delimiter
	partsRest                    // in the rest of its line
)

// partsScanner reads a multipart body (RFC 2046 section 5.1): every part is an
// entity. What stands before the first delimiter and behind the last one is
// read as text.
type partsScanner struct {
	entity
	delim  []byte // with its dashes
	state  partsState
	match  int    // bytes of it that the line has
	lines  []byte // the line's end before, which belongs to a delimiter
	from   int64  // of the line
	dashes int    // behind a delimiter: 2 end the body
	parts  int
}

func newParts(g *grouper, level int, boundary string) *partsScanner {
	s := &partsScanner{delim: []byte("--" + boundary), state: partsLine}
	s.g, s.level, s.straight = g, level, g.places != nil
	s.around()
	return s
}

// around begins the text before and behind the parts.
func (s *partsScanner) around() {
	s.renew()
	s.inBody = true
	s.content()
}

func (s *partsScanner) write(p []byte, off int64) {
	end := off + int64(len(p))
	for len(p) > 0 {
		p = s.step(p, end-int64(len(p)))
	}
}

// step reads one run of bytes and returns what is behind it.
func (s *partsScanner) step(p []byte, off int64) []byte {
	b := p[0]
	switch s.state {
	case partsData:
		return s.inside(p, off)
	case partsCR:
		if b == '\n' {
			s.newline(crlf)
			return p[1:]
		}
		s.state = partsData
		s.take([]byte{'\r'}, off-1)
		return p
	case partsLine:
		if s.match == 0 {
			s.from = off
		}
		if b == s.delim[s.match] {
			if s.match++; s.match == len(s.delim) {
				s.state, s.dashes = partsDelim, 0
			}
			return p[1:]
		}
		s.noDelim()
		return p
	case partsDelim:
		switch {
		case b == '-' && s.dashes < 2:
			s.dashes++
			return p[1:]
		case s.dashes == 0 && b != '\n' && b != '\r' && b != ' ' && b != '\t', s.dashes == 1:
			s.noDelim()
			return p
		}
		s.delimiter()
		s.state = partsRest
		return p
	default: // partsRest
		at := bytes.IndexByte(p, '\n')
		if at < 0 {
			return nil
		}
		s.newline(nil)
		return p[at+1:]
	}
}

// newline begins a line.
func (s *partsScanner) newline(end []byte) {
	s.state, s.match, s.lines = partsLine, 0, end
}

// inside reads up to the line's end.
func (s *partsScanner) inside(p []byte, off int64) []byte {
	at := bytes.IndexByte(p, '\n')
	run := p
	if at >= 0 {
		run = p[:at]
	}
	text := run
	if n := len(run); n > 0 && run[n-1] == '\r' {
		text = run[:n-1]
	}
	if len(text) > 0 {
		s.take(text, off)
	}
	switch {
	case at >= 0 && len(text) < len(run):
		s.newline(crlf)
	case at >= 0:
		s.newline(crlf[1:])
	case len(text) < len(run):
		s.state = partsCR
	}
	return p[min(len(p), len(run)+1):]
}

// noDelim gives back what looked like a delimiter.
func (s *partsScanner) noDelim() {
	s.state = partsData
	s.take(s.lines, s.from-int64(len(s.lines)))
	if s.match > 0 {
		s.take(s.delim[:s.match], s.from)
	}
	if s.match == len(s.delim) && s.dashes > 0 {
		s.take(s.delim[:s.dashes], s.from+int64(s.match))
	}
	s.match, s.dashes, s.lines = 0, 0, nil
}

// delimiter ends one part and begins another.
func (s *partsScanner) delimiter() {
	s.done()
	s.match = 0
	if s.parts++; s.dashes == 2 || s.parts > maxEntity {
		if s.dashes < 2 && s.parts == maxEntity+1 {
			s.note(rules.UninspectedSize)
		}
		s.around()
		return
	}
	s.renew()
}

func (s *partsScanner) end(off int64) {
	switch {
	case s.state == partsDelim && s.dashes != 1:
		s.delimiter()
	case s.state == partsCR:
		s.take([]byte{'\r'}, off-1)
	case s.match > 0:
		s.noDelim()
	}
	s.done()
}

func (s *partsScanner) settled(group int64) int64 {
	at := s.entity.settled(group)
	if s.match > 2 {
		at = min(at, s.from)
	}
	return at
}

// boundaryOf returns the boundary of a multipart body that no header names:
// its first line that begins with two dashes.
func boundaryOf(head []byte) string {
	for len(head) > 0 {
		line, rest, whole := bytes.Cut(head, []byte{'\n'})
		if line = bytes.TrimRight(line, " \t\r"); whole && bytes.HasPrefix(line, []byte("--")) && len(line) > 2 && len(line) <= 2+maxBoundary {
			return string(line[2:])
		}
		head = rest
	}
	return ""
}

// mailHeaders are fields that tell a mail by its first lines.
var mailHeaders = map[string]bool{
	"from": true, "to": true, "subject": true, "date": true, "received": true, "return-path": true, "message-id": true,
	"mime-version": true, "delivered-to": true, "x-mailer": true, "cc": true, "reply-to": true,
}

// mailLike reports whether a text begins as a mail does: with fields of RFC 5322,
// three of which are a mail's, and one of which says who sent it.
func mailLike(text []byte) bool {
	known, from := 0, false
	for n := 0; len(text) > 0; n++ {
		line, rest, whole := bytes.Cut(text, []byte{'\n'})
		if len(bytes.TrimSpace(line)) == 0 || !whole {
			break
		}
		text = rest
		if n > 0 && (line[0] == ' ' || line[0] == '\t') {
			continue
		}
		name, _, field := bytes.Cut(line, []byte{':'})
		if !field && (n > 0 || !bytes.HasPrefix(line, []byte("From "))) || len(name) > maxKey || bytes.IndexByte(name, ' ') >= 0 && field {
			return false
		}
		key := string(bytes.ToLower(name))
		if mailHeaders[key] {
			known++
		}
		from = from || key == "from" || key == "return-path" || key == "received"
	}
	return from && known >= 3
}
