package record

import (
	"bytes"
	"sync"

	"github.com/ordergate/ordergate/rules"
)

// htmlState is where an htmlScanner stands.
type htmlState uint8

const (
	htmlText     htmlState = iota
	htmlOpen               // after <
	htmlMarkup             // after <!
	htmlComment            // inside a comment
	htmlBogus              // inside a doctype, an instruction or another thing up to >
	htmlName               // inside a tag's name
	htmlAttrs              // between attributes
	htmlAttrName           // inside an attribute's name
	htmlAttrIs             // after an attribute's name
	htmlAttrFrom           // before an attribute's value
	htmlAttrIn             // inside an attribute's value
	htmlRaw                // inside script, style or textarea
)

const maxTag = 24 // bytes of a tag's or an attribute's name that count

// htmlScanner reads HTML and XML: a push tokenizer after the states of the
// WHATWG HTML standard, section 13.2.5, as far as they matter here. What the
// tags mean is the page's business.
type htmlScanner struct {
	page  page
	level int

	state   htmlState
	start   int64 // of the tag
	closing bool
	void    bool // <br/>
	name    []byte
	attr    []byte
	quote   byte
	keep    bool // the attribute's value is of interest
	entity  []byte
	tiny    [32]byte
	inEnt   bool
	entAt   int64     // where the reference begins, for places
	src     []stretch // where the value's bytes stand, for places
	value   []byte
	long    scanner // of an attribute's value, or a comment, beyond maxValue
	seo     bool    // the script that is read makes a manifest of the page
	aside   *places // the grouper's, while a comment is read
	dashes  int
	until   []byte
	tail    []byte // of raw text that may be the end tag
	inner   scanner
	spare   spare
	script  *scriptScanner
	data    stateScanner     // of a script's JSON
	refs    *names[charText] // references
	memory  memory
}

func newHTML(g *grouper, level int) *htmlScanner {
	s := htmlPool.Get().(*htmlScanner) //nolint:forcetypeassert // nothing else is in the pool
	s.level, s.memory.known = level, g.cfg.familiar()
	s.page.init(g)
	return s
}

// htmlPool holds scanners of pages between responses, without anything of a page.
var htmlPool = sync.Pool{New: func() any {
	s := &htmlScanner{refs: references()}
	s.rooms()
	return s
}}

// rooms makes memory for most names and values, in one piece.
func (s *htmlScanner) rooms() {
	room := make([]byte, 512)
	for _, part := range []struct {
		of *[]byte
		n  int
	}{{&s.name, maxTag}, {&s.attr, 64}, {&s.value, 128}, {&s.until, maxTag + 2}, {&s.tail, maxTag + 2}, {&s.page.field, 32}, {&s.page.value, 64}, {&s.page.href, 128}} {
		*part.of, room = room[:0:part.n], room[part.n:]
	}
}

// release wipes the scanner and gives it back for another page. It is not to be
// used after that.
func (s *htmlScanner) release() {
	for _, part := range []*[]byte{&s.name, &s.attr, &s.value, &s.until, &s.tail, &s.entity, &s.page.field, &s.page.value, &s.page.href} {
		*part = wiped(*part)
	}
	s.spare.wipe()
	if s.script != nil {
		if s.script.json != nil {
			*s.script.json = jsonScanner{buf: wiped(s.script.json.buf)}
		}
		s.script.on = false
	}
	s.page.prose.trail.wipe()
	*s.page.prose = prose{line: wiped(s.page.prose.line), text: wiped(s.page.prose.text), trail: s.page.prose.trail}
	s.page = page{
		prose: s.page.prose, seed: s.page.seed, stack: s.page.stack[:0], table: s.page.table[:0],
		field: s.page.field[:0], value: s.page.value[:0], href: s.page.href[:0],
	}
	s.memory = memory{starts: s.memory.starts[:0], around: s.memory.around}
	s.reset()
	htmlPool.Put(s)
}

func (s *htmlScanner) reset() {
	s.page.reset()
	*s = htmlScanner{
		page: s.page, level: s.level, name: s.name[:0], attr: s.attr[:0], entity: s.entity[:0], value: s.value[:0],
		until: s.until[:0], tail: s.tail[:0], spare: s.spare, script: s.script, refs: s.refs, memory: s.memory,
	}
}

func (s *htmlScanner) fault() rules.Uninspected {
	if s.page.g.size {
		return rules.UninspectedSize
	}
	return rules.UninspectedNone
}

func (s *htmlScanner) held() int64 {
	h := s.page.prose.held()
	switch s.state {
	case htmlText, htmlBogus:
		if s.inEnt {
			h = min(h, s.start)
		}
	case htmlComment:
		if s.long != nil {
			h = min(h, s.long.held())
		} else if len(s.value) > 0 {
			h = min(h, s.start)
		}
	case htmlRaw:
		if s.inner != nil {
			h = min(h, s.inner.held())
		}
	default:
		if s.long != nil {
			h = min(h, s.long.held())
		} else {
			h = min(h, s.start)
		}
	}
	return h
}

func (s *htmlScanner) end(off int64) {
	if s.inEnt {
		s.flushEntity(off - 1)
	}
	if s.state == htmlRaw {
		s.endRaw(off)
	}
	if s.state == htmlComment {
		s.closeComment(off)
	}
	if s.long != nil {
		s.long.end(off)
		s.long = nil
	}
	s.page.end(off)
}

func (s *htmlScanner) write(p []byte, off int64) {
	s.memory.starts = s.memory.starts[:0]
	s.page.prose.trail.tick(off)
	for i := 0; i < len(p); {
		rest, at := p[i:], off+int64(i)
		switch s.state {
		case htmlText:
			if !s.page.g.slow && !s.inEnt && !s.page.xml {
				if i = s.skim(p, i, off); i == len(p) || s.state != htmlText {
					continue
				}
			}
			i += s.text(p[i:], off+int64(i))
		case htmlOpen:
			i += s.opened(p[i])
		case htmlMarkup:
			i += s.markup(p[i])
		case htmlComment:
			i += s.comment(rest, at)
		case htmlBogus:
			i += s.bogus(rest)
		case htmlName:
			i += s.tagName(rest, at)
		case htmlRaw:
			i += s.rawText(rest, at)
		case htmlAttrIn:
			i += s.attrValue(rest, at)
		default:
			i += s.attribute(rest, at)
		}
	}
}

func (s *htmlScanner) text(p []byte, off int64) int {
	if s.inEnt {
		return s.inEntity(p[0], off)
	}
	if s.page.muted > 0 {
		at := bytes.IndexByte(p, '<')
		if at < 0 {
			return len(p)
		}
		s.start, s.state = off+int64(at), htmlOpen
		return at + 1
	}
	i := s.page.prose.until(p, off, textMarkup)
	if i == len(p) {
		return i
	}
	s.start = off + int64(i)
	if p[i] == '&' {
		s.inEnt, s.entity, s.entAt = true, append(s.entity[:0], '&'), s.start
		return i + 1
	}
	if i++; i+1 < len(p) && (shapes[p[i]]&shapeLetter != 0 || p[i] == '/') {
		s.name, s.void, s.state, s.closing = s.name[:0], false, htmlName, p[i] == '/'
		if s.closing {
			i++
		}
		return i + s.tagName(p[i:], off+int64(i))
	}
	s.state = htmlOpen
	return i
}

func (s *htmlScanner) opened(b byte) int {
	s.name, s.closing, s.void = s.name[:0], false, false
	switch {
	case b == '!':
		s.state, s.dashes = htmlMarkup, 0
	case b == '/':
		s.state, s.closing = htmlName, true
	case b == '?':
		s.state = htmlBogus
	case shapes[b]&shapeLetter != 0 || b == '_' || b >= 0x80 && s.page.xml:
		s.state = htmlName
		return 0
	default:
		s.state = htmlText
		s.tiny[0] = '<'
		s.page.text(s.tiny[:1], s.start)
		return 0
	}
	return 1
}

func (s *htmlScanner) markup(b byte) int {
	if b == '-' && s.dashes < 2 {
		if s.dashes++; s.dashes == 2 {
			s.state, s.dashes, s.value = htmlComment, 0, s.value[:0]
		}
		return 1
	}
	if b == '[' && s.dashes == 0 { // <![CDATA[ : its text is text
		s.dashes = 10
		return 1
	}
	if s.dashes >= 10 {
		if s.dashes++; b == '[' {
			s.state = htmlText
		} else if s.dashes > 20 || b == '>' {
			s.state = htmlBogus
			return 0
		}
		return 1
	}
	s.state = htmlBogus
	return 0
}

func (s *htmlScanner) comment(p []byte, off int64) int {
	for from := 0; ; {
		at := bytes.IndexByte(p[from:], '>')
		end := from + at
		if at < 0 {
			end = len(p)
		}
		dashes := 0
		for dashes < end-from && p[end-1-dashes] == '-' {
			dashes++
		}
		if dashes == end-from {
			dashes += s.dashes
		}
		s.dashes = dashes
		if at < 0 {
			s.commented(p, off)
			return len(p)
		}
		from = end + 1
		if dashes >= 2 {
			s.state = htmlText
			s.endComment(p[:end], off)
			return from
		}
		s.dashes = 0
	}
}

func (s *htmlScanner) bogus(p []byte) int {
	at := bytes.IndexByte(p, '>')
	if at < 0 {
		return len(p)
	}
	s.state = htmlText
	return at + 1
}

func (s *htmlScanner) tagName(p []byte, off int64) int {
	i := 0
	for i < len(p) {
		end := nameEnd(p, i)
		s.name = s.appendName(s.name, p[i:end], maxTag)
		if i = end; i == len(p) {
			break
		}
		switch p[i] {
		case '>':
			s.endTag(off + int64(i))
			return i + 1
		case '/':
			if len(s.name) > 0 {
				s.beginTag()
				s.state, s.void = htmlAttrs, true
				return i + 1
			}
		case '=':
			s.name = s.appendName(s.name, p[i:i+1], maxTag)
		default:
			s.beginTag()
			s.state = htmlAttrs
			return i + 1
		}
		i++
	}
	return i
}

// nameEnds are the bytes after the name of a tag or of an attribute.
var nameEnds = [256]bool{'>': true, '/': true, '=': true, ' ': true, '\n': true, '\t': true, '\r': true, '\f': true}

// nameEnd returns where in p, from i on, the first of nameEnds stands, or
// len(p).
func nameEnd(p []byte, i int) int {
	for i < len(p) && !nameEnds[p[i]] {
		i++
	}
	return i
}

// appendName appends to a name what room it has left; HTML knows no capitals.
func (s *htmlScanner) appendName(name, p []byte, room int) []byte {
	from := len(name)
	name = append(name, p[:min(len(p), room-from)]...)
	if !s.page.xml {
		for i := from; i < len(name); i++ {
			if b := name[i]; b-'A' <= 25 {
				name[i] = b + 'a' - 'A'
			}
		}
	}
	return name
}

func (s *htmlScanner) beginTag() { s.page.begin(s.name, s.closing, s.start) }

// endTag is the > of a tag.
func (s *htmlScanner) endTag(off int64) {
	if s.state == htmlName {
		s.beginTag()
	}
	s.state = htmlText
	s.finish(off)
}
