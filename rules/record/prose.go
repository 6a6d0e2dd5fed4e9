package record

import "bytes"

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
	legal bool      // below a heading of legalHeads
	blank bool      // the line ends in a blank
	signs textClass // classes of the line's bytes, and maybe of some before it
	asked int       // bytes of the line that are no label
	begun bool      // the line, or a line before it in the block, has text
	start int64     // of the block
	line  []byte
	from  int64 // of the line
	text  []byte
	room  [256]byte // of line and text, as long as they are short
	src   []stretch // where the line's bytes stand, and the text's, for places
	srcs  []stretch
	cells [2]int64 // the text is a cell's, which stands there, for places; to 0: it is not
	lines [maxLines]struct {
		end   int
		start int64
		signs textClass
		plain bool // known for no label
	}
	n     int
	trail trail
}

func newProse(g *grouper) *prose {
	p := new(prose)
	p.init(g)
	return p
}

func (p *prose) init(g *grouper) {
	p.g, p.grams = g, lexiconGrams()
	if p.line == nil || p.text == nil {
		p.line, p.text = p.room[:0:len(p.room)/2], p.room[len(p.room)/2:][:0]
	}
}

func (p *prose) reset() {
	p.label, p.blank, p.begun, p.n, p.signs, p.asked = class{}, false, false, 0, 0, 0
	p.line, p.text, p.cells = p.line[:0], p.text[:0], [2]int64{}
	p.trail.clear()
}

// held is the start of the block that is being read.
func (p *prose) held() int64 {
	h := p.trail.held()
	if p.begun {
		h = min(h, p.start)
	}
	return h
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
	for run := s[:min(len(s), i+maxLine-len(p.line))]; end < len(run); end++ {
		c := textBytes[run[end]]
		if c == 0 {
			continue
		}
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
	t[0xEF] = textColon // of the full-width forms, one of which is a colon
	return t
}()

// slide reads the addresses in the first part of a long line and drops it.
func (p *prose) slide(off int64) {
	p.block()
	before := p.g.places.source(p.line, p.src)
	cut := maxLine * 3 / 4
	if !p.page && bytes.Contains(p.line, escapedAt) {
		cut = p.escaped(p.line, p.from)
	}
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
	l.end, l.start, l.signs, l.plain = len(p.text), p.from, p.signs, false
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
	return number == nil && !mayReside(line)
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
	p.src = p.src[:0]
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
	if !p.page && bytes.Contains(line, escapedAt) {
		p.escaped(line, start)
	}
	if line[0] == '[' && p.dumped(line, start) {
		return 1
	}
	colon := p.lines[i].signs&textColon != 0
	if colon && messageID(line) {
		return 1
	}
	if !p.lines[i].plain {
		if c, ok := p.labels(trimLabel(line)); ok {
			p.label, p.said = c, true
			return 1
		}
	}
	if at := bytes.IndexByte(line[:min(len(line), maxLabel)], ':'); colon && at > 0 && !bytes.HasPrefix(line[at:], []byte("://")) {
		if c, ok := p.labels(line[:at]); ok {
			p.take(c, bytes.TrimSpace(line[at+1:]), start)
			return 1
		}
	}
	if colon {
		if label, value, ok := bytes.Cut(line[:min(len(line), maxLine)], []byte("：")); ok && len(label) <= maxLabel {
			if c, ok := p.labels(label); ok {
				p.take(c, trim(value), start)
				return 1
			}
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
	if p.lines[i].signs&textDigit != 0 && mayReside(line) {
		p.sentence(line, start)
	}
	if p.lines[i].signs&textSign != 0 {
		p.take(class{}, line, start)
	}
	return 1
}

// sentence takes a person with street and town out of a line.
func (p *prose) sentence(line []byte, start int64) {
	name, street, ok := resident(line)
	if !ok || p.zone {
		return
	}
	c := class{}
	if p.legal {
		c.sense = senseShop
	}
	p.g.resides(c, name, street, start, start+int64(len(line)))
}

// dumped takes a line of a dump in which keys stand in brackets (print_r of PHP):
// [email] => ada@lund.example.
func (p *prose) dumped(line []byte, start int64) bool {
	at := bytes.Index(line[:min(len(line), maxLabel)], []byte("] => "))
	if at < 1 {
		return false
	}
	p.take(p.g.keys.class(line[1:at]), trim(line[at+5:]), start)
	return true
}
