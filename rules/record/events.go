package record

import "bytes"

// eventsState is where an eventsScanner stands in its line.
type eventsState uint8

const (
	eventsField eventsState = iota // in the field's name
	eventsColon                    // behind its colon, where a blank does not count
	eventsData                     // in the data
	eventsSkip                     // in another field, or in a comment
)

// eventsScanner reads server-sent events (WHATWG HTML standard, section 9.2):
// the data of each event, its lines joined, is a content of its own. Comments,
// types, ids and waiting times are passed over.
type eventsScanner struct {
	contents
	state eventsState
	field [4]byte
	n     int  // bytes of the field's name; field has the first ones
	cr    bool // a line feed belongs to the line's end before it
}

func newEvents(g *grouper, level int) *eventsScanner {
	return &eventsScanner{contents: contents{g: g, level: level, straight: g.places != nil && level == 0}}
}

func (s *eventsScanner) write(p []byte, off int64) {
	for i := 0; i < len(p); {
		if s.cr && p[i] == '\n' {
			s.cr = false
			i++
			continue
		}
		s.cr = false
		if s.state == eventsField && p[i] != '\n' && p[i] != '\r' {
			s.name(p[i])
			i++
			continue
		}
		rest := p[i:]
		end := bytes.IndexAny(rest, "\r\n")
		run := rest
		if end >= 0 {
			run = rest[:end]
		}
		if s.state == eventsColon && len(run) > 0 {
			if s.state = eventsData; run[0] == ' ' {
				run, i = run[1:], i+1
			}
		}
		if s.state == eventsData && len(run) > 0 {
			s.contents.write(run, off+int64(i))
		}
		if i += len(run); end < 0 {
			return
		}
		s.cr = p[i] == '\r'
		s.line()
		i++
	}
}

// name takes a byte of a field's name.
func (s *eventsScanner) name(b byte) {
	if b != ':' {
		if s.n < len(s.field) {
			s.field[s.n] = b
		}
		s.n++
		return
	}
	if s.state = eventsSkip; s.n != len(s.field) || string(s.field[:]) != "data" {
		return
	}
	s.state = eventsColon
	if s.open {
		s.contents.write([]byte{'\n'}, s.text)
		return
	}
	s.view.n = 0 // nothing of the events before is held
	s.begin(formUnknown)
	s.body.hints.decoded = true // events are UTF-8
}

// line is the end of a line; an empty one ends the event.
func (s *eventsScanner) line() {
	if s.state == eventsField && s.n == 0 {
		s.finish()
	}
	s.state, s.n = eventsField, 0
}

func (s *eventsScanner) end(int64) { s.finish() }

// pause ends the event, unless it is JSON that goes on in another line: no
// client reads that before it is whole.
func (s *eventsScanner) pause(int64) bool {
	if !s.open {
		return true
	}
	if !s.body.begun && len(s.body.head) > 0 {
		s.body.begin()
	}
	if j, is := s.body.scan.(*jsonScanner); !is || j.depth == 0 && j.state < jsonString {
		s.finish()
	}
	return true
}

func (s *eventsScanner) inflates() bool { return inflates(s.body.scan) }

// eventful reports whether a text begins as a stream of events does.
func eventful(text []byte) bool {
	for _, start := range []string{":", "data:", "event:", "id:", "retry:"} {
		if bytes.HasPrefix(text, []byte(start)) {
			return true
		}
	}
	return false
}
