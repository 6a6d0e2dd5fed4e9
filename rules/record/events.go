package record

import (
	"bytes"

	"github.com/ordergate/ordergate/rules"
)

// eventScanner reads server-sent events (WHATWG HTML, section 9.2): the data
// of one event is one text, JSON or not; everything else in the stream is
// read as text.
type eventScanner struct {
	g     *grouper
	name  [6]byte // of the field, as far as it matters
	n     int
	state eventState
	data  bool    // the line is data
	event scanner // of the event's data; none before its first byte
	rest  *textScanner
	spare spare
}

type eventState uint8

const (
	eventName  eventState = iota // inside a field's name
	eventFrom                    // before its value
	eventValue                   // inside its value
)

func newEvents(g *grouper) *eventScanner { return &eventScanner{g: g, rest: newText(g)} }

func (s *eventScanner) write(p []byte, off int64) {
	for i := 0; i < len(p); {
		b := p[i]
		if b == '\r' {
			i++
			continue
		}
		if b == '\n' {
			s.line(off + int64(i))
			i++
			continue
		}
		switch s.state {
		case eventName:
			if b == ':' {
				s.state, s.data = eventFrom, string(s.name[:min(s.n, len(s.name))]) == "data"
			} else {
				if s.n < len(s.name) {
					s.name[s.n] = b
				}
				s.n++
			}
			i++
		case eventFrom:
			s.state = eventValue
			if b == ' ' {
				i++
			}
		case eventValue:
			end := bytes.IndexAny(p[i:], "\r\n")
			if end < 0 {
				end = len(p) - i
			}
			s.value(p[i:i+end], off+int64(i))
			i += end
		}
	}
}

// value takes a part of a field's value.
func (s *eventScanner) value(p []byte, off int64) {
	if !s.data {
		s.rest.write(p, off)
		return
	}
	if s.event == nil {
		if p = bytes.TrimLeft(p, " \t"); len(p) == 0 {
			return
		}
		if p[0] == '{' || p[0] == '[' {
			s.event = s.spare.newJSON(s.g, 0, class{})
		} else {
			s.event = s.spare.newText(s.g, class{})
		}
	}
	s.event.write(p, off)
}

var lineFeed = []byte{'\n'}

// line is a line's end; an empty line ends the event.
func (s *eventScanner) line(off int64) {
	switch {
	case s.state == eventName && s.n == 0:
		s.finish(off)
	case s.data && s.event != nil:
		s.event.write(lineFeed, off) // lines of data are one text
	case !s.data && s.state == eventValue:
		s.rest.end(off)
	}
	s.state, s.n, s.data = eventName, 0, false
}

func (s *eventScanner) finish(off int64) {
	if s.event != nil {
		s.event.end(off)
		s.g.flush(off)
		s.event = nil
	}
}

func (s *eventScanner) end(off int64) {
	s.rest.end(off)
	s.finish(off)
	s.state, s.n, s.data = eventName, 0, false
}

func (s *eventScanner) held() int64 {
	h := s.rest.held()
	if s.event != nil {
		h = min(h, s.event.held())
	}
	return h
}

func (s *eventScanner) fault() rules.Uninspected {
	if s.g.size {
		return rules.UninspectedSize
	}
	return rules.UninspectedNone
}
