package record

import (
	"bytes"

	"github.com/ordergate/ordergate/rules"
)

// textScanner reads plain text, line by line; an empty line is a gap.
type textScanner struct {
	p      *prose
	empty  bool // the line has no text yet
	blocks bool // paragraphs are blocks, as of a page; else all text is one value's
	inside bool // a paragraph is open
}

func newText(g *grouper) *textScanner { return &textScanner{p: newProse(g), empty: true} }

// reset prepares for a text under a key of class c.
func (s *textScanner) reset(c class) {
	s.p.reset()
	s.empty, s.blocks, s.inside = true, false, false
	if c.kind == kindAddress || c.sense&sensePlace != 0 {
		s.p.label = c
	}
}

func (s *textScanner) write(p []byte, off int64) {
	for len(p) > 0 {
		at := bytes.IndexByte(p, '\n')
		run := p
		if at >= 0 {
			run = p[:at]
		}
		if s.empty && len(run) > 0 && (shapes[run[0]]&(shapeLetter|shapeDigit) != 0 || len(bytes.TrimSpace(run)) > 0) {
			s.empty = false
			s.open()
		}
		s.p.add(run, off)
		if at < 0 {
			return
		}
		if s.empty {
			s.p.gap()
			s.close(off)
		} else {
			s.p.brk()
		}
		s.empty = true
		p, off = p[at+1:], off+int64(at)+1
		s.p.g.age(off)
	}
}

// open begins a paragraph: what its lines say belongs together, and to the
// paragraphs before it until it clashes with them.
func (s *textScanner) open() {
	if !s.blocks || s.inside {
		return
	}
	if len(s.p.g.frames) == 0 {
		s.p.g.enter(frameBlock, class{})
	}
	s.p.g.enter(frameBlock, class{})
	s.inside = true
}

func (s *textScanner) close(off int64) {
	if s.inside {
		s.inside = false
		s.p.g.leave(off)
	}
}

func (s *textScanner) end(off int64) {
	s.p.gap()
	s.close(off)
}

func (s *textScanner) held() int64 { return s.p.held() }

func (s *textScanner) fault() rules.Uninspected { return rules.UninspectedNone }
