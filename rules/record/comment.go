package record

import "bytes"

// A comment of a page is nothing to its readers, and holds what templates and programs
// left there: rows of a table, an answer that somebody looked at. It is kept up to
// maxValue bytes; if it has an address in it, or is longer, it is read as a text of its
// own. A line with one address is by whom the page is, not of a customer.

// commented takes bytes of a comment.
func (s *htmlScanner) commented(p []byte, off int64) {
	if s.page.xml || s.level >= maxNested || s.page.muted > 0 {
		return
	}
	if s.long == nil {
		if len(s.value) == 0 {
			s.start = off
		}
		if len(s.value)+len(p) <= maxValue {
			s.value = append(s.value, p...)
			return
		}
		n := maxValue - len(s.value)
		s.value = append(s.value, p[:n]...)
		p, off = p[n:], off+int64(n)
		s.openComment(s.value)
	}
	s.long.write(p, off)
}

// endComment is the end of a comment, of which the last bytes are p.
func (s *htmlScanner) endComment(p []byte, off int64) {
	if s.long == nil && len(s.value) == 0 && len(p) <= maxValue && bytes.IndexByte(p, '@') < 0 {
		return // most comments
	}
	s.commented(p, off)
	if s.long == nil && bytes.IndexByte(s.value, '@') >= 0 && talks(s.value) {
		s.openComment(s.value)
	}
	s.closeComment(off + int64(len(p)))
}

// talks reports whether a comment is markup, data, or text with several addresses.
func talks(v []byte) bool {
	return bytes.Contains(v, []byte("</")) || bytes.Contains(v, []byte(`":`)) || bytes.Count(v, []byte{'@'}) > 1 && bytes.Count(v, []byte{'\n'}) > 1
}

// openComment reads a comment that begins with v. In it nothing is masked.
func (s *htmlScanner) openComment(v []byte) {
	g := s.page.g
	if g.places != nil {
		s.aside, g.places = g.places, nil
		s.aside.blind = true
	}
	switch {
	case bytes.Contains(v, []byte("</")):
		s.long = newHTML(g, s.level+1)
	case bytes.Contains(v, []byte(`":`)):
		s.long = &scriptScanner{g: g, level: s.level + 1}
	default:
		s.long = newText(g)
	}
	g.enter(frameBlock, class{})
	s.long.write(v, s.start)
}

func (s *htmlScanner) closeComment(off int64) {
	if s.long != nil {
		s.long.end(off)
		s.long = nil
		s.page.g.leave(off)
	}
	if s.aside != nil {
		s.page.g.places, s.aside = s.aside, nil
	}
	s.value = s.value[:0]
}
