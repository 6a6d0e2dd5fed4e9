package record

import "bytes"

// Elements whose content is no markup: scripts, data in scripts, styles.

// finish gives the end of a tag its meaning.
func (s *htmlScanner) finish(off int64) {
	switch s.page.finish(s.void, off) {
	case rawNone:
		return
	case rawSkip:
		s.inner = nil
	case rawJSON:
		j := s.spare.newJSON(s.page.g, s.level+1, class{})
		if s.page.flat {
			j.flat = &flatText{base: 1}
		}
		if s.page.seo && !s.page.g.manifest {
			s.seo, s.page.g.manifest = true, true
		}
		s.data.reset(j)
		s.inner = &s.data
	case rawScript:
		if s.script == nil {
			s.script = &scriptScanner{}
		}
		s.script.reset(s.page.g, s.level+1)
		s.inner = s.script
	}
	if s.level >= maxNested {
		s.inner = nil
	}
	s.state = htmlRaw
	s.until = append(append(s.until[:0], "</"...), s.name...)
	s.tail = s.tail[:0]
}

// rawText reads up to the end tag of a raw element.
func (s *htmlScanner) rawText(p []byte, off int64) int {
	if len(s.tail) == 0 {
		at := bytes.IndexByte(p, '<')
		run := p
		if at >= 0 {
			run = p[:at]
		}
		if s.inner != nil && len(run) > 0 {
			s.inner.write(run, off)
		}
		if at < 0 {
			return len(p)
		}
		s.tail, s.start = append(s.tail, '<'), off+int64(at)
		return at + 1
	}
	b := p[0]
	if want := s.until[len(s.tail)]; b == want || b|0x20 == want {
		if s.tail = append(s.tail, b); len(s.tail) < len(s.until) {
			return 1
		}
		s.endRaw(off)
		s.name = append(s.name[:0], s.until[2:]...)
		s.page.begin(s.name, true, s.start)
		s.state = htmlAttrs
		return 1
	}
	if s.inner != nil {
		s.inner.write(s.tail, s.start)
	}
	s.tail = s.tail[:0]
	return 0
}

// endRaw is the end tag of a raw element.
func (s *htmlScanner) endRaw(off int64) {
	if s.inner != nil {
		s.inner.end(off)
		s.inner = nil
		if s.seo {
			s.seo, s.page.g.manifest = false, false
		}
	}
	s.tail = s.tail[:0]
}
