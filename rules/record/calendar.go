package record

import (
	"bytes"
	"strings"
)

// invited takes the people of an event (RFC 5545, sections 3.8.4.1 and 3.8.4.3): each who
// attends is a person, who organises it is the shop's, as far as a response may say so
// (aside.take). head is the property's name with its parameters. It reports whether the
// line was one.
func (s *cardScanner) invited(name, head string, value []byte) bool {
	c := class{}
	switch name {
	case "ORGANIZER":
		c.sense = senseStaff
	case "ATTENDEE":
	default:
		return false
	}
	if len(value) > 7 && bytes.EqualFold(value[:7], []byte("mailto:")) {
		value = value[7:]
	}
	defer s.unplaced()()
	s.g.enter(frameArray, class{})
	s.g.enter(frameObject, c)
	if called := parameterOf(head, "CN"); called != "" && strings.IndexByte(called, '@') < 0 {
		s.g.value(class{kind: kindFullName, sense: c.sense}, []byte(called), shapeLetter, s.start)
	}
	if len(value) <= maxEmail {
		s.g.value(class{kind: kindEmail, sense: c.sense}, value, shapeOf(value), s.start)
	}
	s.g.leave(s.start)
	s.g.leave(s.start)
	return true
}

// parameterOf returns the value of a parameter of a property, without its quotes.
func parameterOf(head, name string) string {
	for rest := head; rest != ""; {
		at := strings.IndexByte(rest, ';')
		if at < 0 {
			return ""
		}
		rest = rest[at+1:]
		if len(rest) <= len(name) || rest[len(name)] != '=' || !strings.EqualFold(rest[:len(name)], name) {
			continue
		}
		rest = rest[len(name)+1:]
		if strings.HasPrefix(rest, `"`) {
			value, _, _ := strings.Cut(rest[1:], `"`)
			return value
		}
		value, _, _ := strings.Cut(rest, ";")
		return value
	}
	return ""
}
