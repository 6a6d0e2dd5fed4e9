package record

import (
	"bytes"
	"unicode/utf8"

	"github.com/ordergate/ordergate/rules"
)

const (
	maxLine    = 512 // bytes of a line that is read as a whole
	maxLines   = 12  // lines of a block that are read together
	maxLabel   = 48
	maxHeading = 40 // "Order #2092"
)

// prose reads text that people read: lines with labels ("E-Mail: x"), a label
// above its value, addresses of several lines. A block is a run of lines
// without a larger gap.
type prose struct {
	g     *grouper
	grams *grams
	label class     // said by the line, cell or element before; it waits for its value
	cell  bool      // the label is a column's heading
	said  bool      // a line was a label
	page  bool      // it is a page's, not a text's
	zone  bool      // of navigations and headers
	blank bool      // the line ends in a blank
	signs textClass // classes of the line's bytes, and maybe of some before it
	asked int       // bytes of the line that are no label
	begun bool      // the line, or a line before it in the block, has text
	start int64     // of the block
	line  []byte
	from  int64 // of the line
	text  []byte
	src   []stretch // where the line's bytes stand, and the text's, for places
	srcs  []stretch
	cells [2]int64 // the text is a cell's, which stands there, for places; to 0: it is not
	lines [maxLines]struct {
		end   int
		start int64
		signs textClass
	}
	n int
}

func newProse(g *grouper) *prose { return &prose{g: g, grams: lexiconGrams()} }

func (p *prose) reset() {
	p.label, p.blank, p.begun, p.n, p.signs, p.asked = class{}, false, false, 0, 0, 0
	p.line, p.text, p.cells = p.line[:0], p.text[:0], [2]int64{}
}

// held is the start of the block that is being read.
func (p *prose) held() int64 {
	if p.begun {
		return p.start
	}
	return never
}

// add appends text to the line; runs of blanks become one blank.
func (p *prose) add(s []byte, off int64) { p.until(s, off, textBlank) }

// until is add up to the first byte of a class in stop that is no blank; it
// returns where that stands, or len(s).
func (p *prose) until(s []byte, off int64, stop textClass) int {
	for i := 0; i < len(s); {
		switch c := textBytes[s[i]]; {
		case c == textBlank:
			p.blank = true
			i++
		case c&stop == textMarkup:
			return i
		default:
			i = p.words(s, i, off, stop|textBlank)
		}
	}
	return len(s)
}

// words appends the run of text that begins at s[i], which is no blank and in no
// class of stop, and returns where it ends: words with one blank between them.
func (p *prose) words(s []byte, i int, off int64, stop textClass) int {
	n := len(p.line)
	switch {
	case n == 0:
		p.from = p.g.places.begin(off + int64(i))
		if !p.begun {
			p.begun, p.start = true, p.from
		}
	case s[i] == 0xA0 && p.line[n-1] == 0xC2: // no-break space
		p.line, p.asked, p.blank = p.line[:n-1], 0, true
		return i + 1
	case p.blank:
		p.line = append(p.line, ' ')
	}
	p.blank = false
	end, signs := i+1, p.signs|textBytes[s[i]]
	for last := min(len(s), i+maxLine-len(p.line)); end < last; end++ {
		c := textBytes[s[end]]
		if c&stop != 0 {
			if s[end] != ' ' || end+1 == len(s) || textBytes[s[end+1]]&stop != 0 {
				break
			}
			end++
			c = textBytes[s[end]]
		}
		signs |= c
	}
	if p.g.places != nil {
		p.src = addRun(p.src, len(p.line), end-i, off+int64(i))
	}
	p.line, p.signs = append(p.line, s[i:end]...), signs
	if len(p.line) >= maxLine {
		p.slide(off + int64(end) - 1)
	}
	return end
}

// textClass says what a byte is in a text.
type textClass uint8

const (
	textBlank  textClass = 1 << iota // divides words
	textMarkup                       // begins a tag or a character reference
	textColon
	textDigit
	textHalf // the second byte of the no-break space, which may divide words
	textSign // one of shapeAt, shapePlus and shapeSecret
)

var textBytes = func() (t [256]textClass) {
	for b, s := range shapes {
		if s&shapeDigit != 0 {
			t[b] = textDigit
		}
		if s&(shapeAt|shapePlus|shapeSecret) != 0 {
			t[b] = textSign
		}
	}
	for _, b := range []byte{' ', '\n', '\t', '\r', 0} {
		t[b] = textBlank
	}
	t[0xA0] = textBlank | textHalf
	t['<'], t['&'], t[':'] = textMarkup, textMarkup, textColon
	return t
}()

// slide reads the addresses in the first part of a long line and drops it.
func (p *prose) slide(off int64) {
	p.block()
	before := p.g.places.source(p.line, p.src)
	cut := maxLine * 3 / 4
	from, end := 0, 0
	for {
		if from, end = findEmail(p.line, end, inText); from < 0 || from >= cut {
			break
		}
		if end == len(p.line) {
			cut = from
			break
		}
		p.g.email(class{}, p.line[from:end], p.from, true)
		cut = max(cut, end)
	}
	p.g.places.back(before)
	p.line, p.asked = p.line[:copy(p.line, p.line[cut:])], 0
	p.begun, p.from = true, off-int64(len(p.line))+1
	if p.g.places != nil {
		if p.src = cutRuns(p.src, cut); len(p.src) > 0 {
			p.from = min(p.from, p.g.places.begin(p.src[0].off))
		}
	}
	p.start = p.from
	p.g.age(off)
}

// brk ends the line.
func (p *prose) brk() {
	p.blank = false
	if len(p.line) == 0 {
		return
	}
	if p.n == maxLines || len(p.text)+len(p.line) > 2*maxLine {
		p.block()
		p.begun, p.start = true, p.from
	}
	if p.g.places != nil {
		p.srcs = appendRuns(p.srcs, p.src, len(p.text))
	}
	p.text = append(p.text, p.line...)
	l := &p.lines[p.n]
	l.end, l.start, l.signs = len(p.text), p.from, p.signs
	p.n++
	p.line, p.signs, p.asked = p.line[:0], 0, 0
}

// dull reports whether the line is nothing to [prose.read], as the only one of
// its block: no value, no label, and of an address one line is too few.
func (p *prose) dull() bool {
	line := p.line
	if len(line) == 0 {
		return true
	}
	if p.signs&(textSign|textColon) != 0 || p.label != (class{}) {
		return false
	}
	if p.labelled() {
		return false
	}
	if p.signs&textDigit == 0 {
		return true
	}
	_, number := p.headed(line)
	return number == nil
}

// labelled reports whether the line is a label so far.
func (p *prose) labelled() bool {
	if len(p.line) == p.asked || len(p.line) > maxLabel {
		return false
	}
	_, label := p.labels(trimLabel(p.line))
	if !label {
		p.asked = len(p.line)
	}
	return label
}

func (p *prose) at(i int) []byte {
	if i == 0 {
		return p.text[:p.lines[0].end]
	}
	return p.text[p.lines[i-1].end:p.lines[i].end]
}

// gap ends the block.
func (p *prose) gap() {
	if p.begun {
		p.endBlock()
	}
	p.blank = false
}

func (p *prose) endBlock() {
	p.begun = false
	if p.n == 0 && !p.g.slow && p.dull() {
		p.clear()
		return
	}
	p.brk()
	p.block()
}

// clear forgets the line.
func (p *prose) clear() {
	p.line, p.blank, p.signs, p.asked = p.line[:0], false, 0, 0
}

// block reads the lines that were gathered.
func (p *prose) block() {
	before := p.sourced()
	for i := 0; i < p.n; {
		i += p.read(i)
	}
	p.n, p.text = 0, p.text[:0]
	p.g.places.back(before)
}

// sourced makes the block the source of values.
func (p *prose) sourced() (before reading) {
	before = p.g.places.source(p.text, p.srcs)
	if p.cells[1] > 0 {
		p.g.places.whole(p.text, p.cells[0], p.cells[1])
	}
	return before
}

// read takes the line i, and the lines that belong to it, and returns how
// many.
func (p *prose) read(i int) int {
	line, start := p.at(i), p.lines[i].start
	colon := p.lines[i].signs&textColon != 0
	if colon && messageID(line) {
		return 1
	}
	if c, ok := p.labels(trimLabel(line)); ok {
		p.label, p.said = c, true
		return 1
	}
	if at := bytes.IndexByte(line[:min(len(line), maxLabel)], ':'); colon && at > 0 && !bytes.HasPrefix(line[at:], []byte("://")) {
		if c, ok := p.labels(line[:at]); ok {
			p.take(c, bytes.TrimSpace(line[at+1:]), start)
			return 1
		}
	}
	if p.lines[i].signs&textDigit != 0 && p.heading(line, start) {
		return 1
	}
	if c := p.label; c != (class{}) {
		p.label = class{}
		if c.kind == kindAddress || c.kind == kindNone && c.sense&(sensePlace|senseCustomer|senseShop|senseStaff) != 0 {
			return max(1, p.address(i, c, true))
		}
		p.take(c, line, start)
		return 1
	}
	if n := p.address(i, class{}, false); n > 0 {
		return n
	}
	if p.lines[i].signs&textSign != 0 {
		p.take(class{}, line, start)
	}
	return 1
}

// trimLabel cuts the colons and blanks at the end of a label.
func trimLabel(s []byte) []byte {
	for len(s) > 0 && (s[len(s)-1] == ':' || s[len(s)-1] == ' ') {
		s = s[:len(s)-1]
	}
	return s
}

// mayName reports whether a line may be [personLike], without a look at its
// words: a longer word in small letters is in no name, nor is a sign or digit.
func mayName(s []byte) bool {
	s = bytes.TrimSpace(s)
	if len(s) > 80 {
		return false
	}
	for i := 0; i < len(s); i++ {
		first, letters := s[i], 0
		for i < len(s) && nameByte[s[i]] {
			letters += int(shapes[s[i]] & shapeLetter)
			i++
		}
		if letters > longestParticle*int(shapeLetter) && first-'a' <= 25 || i < len(s) && s[i] != ' ' && s[i] != ',' && s[i] != '\t' {
			return false
		}
	}
	return true
}

const longestParticle = 5 // letters of "della", see [particle]

// nameByte are the bytes of the words of names.
var nameByte = func() (t [256]bool) {
	for b := range t {
		t[b] = shapes[b]&(shapeLetter|shapeHigh) != 0 || b == '\'' || b == '-' || b == '.'
	}
	return t
}()

// messageID reports whether a line is a header of mail whose identifiers look
// like addresses (RFC 5322, section 3.6.4; RFC 2045, section 7).
func messageID(line []byte) bool {
	name, rest, ok := bytes.Cut(line[:min(len(line), 16)], []byte{':'})
	if !ok || bytes.IndexByte(rest, '@') < 0 && bytes.IndexByte(line, '<') < 0 {
		return false
	}
	for _, header := range [...]string{"message-id", "in-reply-to", "references", "content-id", "resent-message-id", "list-id"} {
		if bytes.EqualFold(name, []byte(header)) {
			return true
		}
	}
	return false
}

// noLabel are signs that stand in style sheets and programs, and in no label.
var noLabel = [256]bool{'{': true, '}': true, ';': true, '<': true, '>': true}

// labels reports whether a text is a label: words that the lexicon knows.
func (p *prose) labels(s []byte) (class, bool) {
	if len(s) < 2 || len(s) > maxLabel || s[len(s)-1]-'0' <= 9 && s[len(s)-2]-'0' <= 9 {
		return class{}, false // a number is a value, even beside a word
	}
	if !p.g.slow && !p.grams.may(s) {
		return class{}, false
	}
	for _, b := range s {
		if noLabel[b] {
			return class{}, false
		}
	}
	if at := bytes.IndexByte(s, '@'); at > 0 && at+1 < len(s) && shapes[s[at-1]]&(shapeLetter|shapeDigit) != 0 && shapes[s[at+1]]&(shapeLetter|shapeDigit) != 0 {
		return class{}, false // an address
	}
	c := p.g.keys.class(s)
	if c.sense&senseKnown == 0 || c.kind == kindOrder && digital(s) {
		return class{}, false
	}
	return c, c.kind != kindNone && c.kind != kindText && c.kind != kindDate || c.sense&(senseCustomer|sensePlace|senseShop|senseStaff) != 0
}

// take gives a line's value to the grouper.
func (p *prose) take(c class, v []byte, start int64) {
	if len(v) == 0 {
		p.label = c
		return
	}
	s := shapeOf(v)
	if c.kind == kindNone {
		if c.sense&senseCustomer != 0 && personLike(v) {
			c.kind = kindFullName
		} else if s&(shapeAt|shapePlus|shapeSecret) == 0 {
			return
		}
	}
	switch c.kind {
	case kindID, kindCode, kindName:
		if !p.cell && (c.kind != kindName || !personLike(v)) {
			return // of anything on the page
		}
	case kindToken, kindOpaque:
		return
	case kindPassword:
		if !crypted(v) && !hexadecimal(v) {
			return
		}
	}
	if p.page && p.zone && c.kind == kindNone {
		c.sense |= senseShop
	}
	if !p.page || c.kind != kindNone {
		p.g.value(c, v, s&^shapeLine, start)
		return
	}
	// A number on a page that nothing is said about is often the shop's: it
	// names nobody alone.
	had := p.g.own().marks & markPhone
	p.g.value(c, v, s&^shapeLine, start)
	o := p.g.own()
	if o.marks&markPhone != 0 {
		o.marks |= markContact
	}
	o.marks = o.marks&^markPhone | had
}

// heading takes the number out of "Order #2092" or "Invoice No. 17".
func (p *prose) heading(line []byte, start int64) bool {
	c, number := p.headed(line)
	if number != nil {
		p.g.value(class{kind: kindOrder, sense: c.sense}, number, shapeDigit, start)
	}
	return number != nil
}

// headed returns the number of an order that a heading names, or nil.
func (p *prose) headed(line []byte) (c class, number []byte) {
	if len(line) > maxHeading || !p.g.slow && !p.grams.begins(line) {
		return c, nil
	}
	cut := len(line) - 1
	for cut >= 0 && line[cut] != '#' && line[cut] != ' ' {
		cut--
	}
	if cut < 3 || cut+1 >= len(line) || !digital(line[cut+1:]) || bytes.IndexByte(line[:cut], '@') >= 0 {
		return c, nil
	}
	label := line[:cut]
	for len(label) > 0 && bytes.IndexByte([]byte("# :."), label[len(label)-1]) >= 0 {
		label = label[:len(label)-1]
	}
	if !p.g.slow && !p.grams.may(label) {
		return c, nil
	}
	c = p.g.keys.class(label)
	if c.sense&senseKnown == 0 || c.kind != kindOrder && (c.sense&senseOrder == 0 || c.kind != kindNone) || c.sense&senseVeto != 0 {
		return c, nil
	}
	return c, line[cut+1:]
}

// address reads the lines from i on as name, street and town. Without a label
// all three must look like it. It returns how many lines it took.
func (p *prose) address(i int, c class, labelled bool) int {
	name, street, strength := -1, -1, 0
	first := p.at(i)
	if !labelled && !p.g.slow && !mayName(first) {
		return 0
	}
	if personLike(first) || labelled && p.n-i > 1 && shapeOf(first)&(shapeDigit|shapeAt) == 0 && utf8.RuneCount(first) >= 3 {
		name = i
	}
	if name < 0 && !labelled {
		return 0
	}
	end := min(p.n, i+8)
	for j := i; j < end && j < i+4; j++ {
		if j == name {
			continue
		}
		if n := streetLike(p.at(j)); n > strength {
			street, strength = j, n
		}
	}
	town := -1
	for j := max(i, street) + 1; j < end; j++ {
		if postcodeLike(p.at(j)) {
			town = j
			break
		}
	}
	if labelled && street < 0 && name == i && i+1 < end && (town > 0 || p.n-i > 2) && shapeOf(p.at(i+1))&shapeAt == 0 {
		street, strength = i+1, 1
	}
	if street < 0 && !labelled || !labelled && town < 0 && strength < 2 || !labelled && street == i {
		return 0
	}
	c.sense &^= senseKnown
	if name >= 0 && (street >= 0 || c.sense&senseCustomer != 0) {
		p.g.value(class{kindFullName, c.sense}, p.at(name), shapeLetter, p.lines[name].start)
	}
	if street >= 0 {
		p.g.value(class{kindStreet, c.sense}, p.at(street), shapeLetter|shapeDigit, p.lines[street].start)
		if town >= 0 {
			p.g.beside(p.at(town), p.lines[town].start)
		}
	}
	taken := 1
	for j := i; j < end; j++ {
		line := p.at(j)
		if j > i && bytes.IndexByte(line, ':') > 0 {
			break
		}
		if _, label := p.labels(line); label && j > i {
			break
		}
		if s := shapeOf(line); s&(shapeAt|shapePlus) != 0 {
			p.g.value(class{sense: c.sense}, line, s, p.lines[j].start)
		}
		taken = j - i + 1
	}
	return taken
}

// lines reads a value of several lines, such as an address in one string.
func (g *grouper) lines(c class, v []byte, start int64) {
	if g.prose == nil {
		g.prose = newProse(g)
	}
	p := g.prose
	if p.n > 0 || len(v) > maxLine {
		return
	}
	p.reset()
	if c.kind == kindAddress || c.sense&sensePlace != 0 {
		p.label = c
	}
	for len(v) > 0 {
		at := bytes.IndexByte(v, '\n')
		tag := bytes.Index(v, []byte("<br"))
		switch {
		case tag >= 0 && (at < 0 || tag < at):
			p.part(v[:tag], start)
			end := bytes.IndexByte(v[tag:], '>')
			if end < 0 {
				end = len(v) - tag - 1
			}
			v = v[tag+end+1:]
		case at >= 0:
			p.part(v[:at], start)
			v = v[at+1:]
		default:
			p.part(v, start)
			v = nil
		}
		p.brk()
	}
	p.gap()
	p.reset()
}

// part is add for a part of the source of values.
func (p *prose) part(v []byte, start int64) {
	if p.g.places == nil {
		p.add(v, start)
		return
	}
	p.cells = p.g.places.cell()
	p.g.places.each(v, func(at, n int, from, _ int64) { p.add(v[at:at+n], from) })
}

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

func (s *textScanner) held() int64              { return s.p.held() }
func (s *textScanner) fault() rules.Uninspected { return rules.UninspectedNone }
