package record

import "bytes"

const (
	maxTrail     = 4       // blocks of one line that are remembered
	maxTrailLine = 80      // bytes of one
	maxTrailSpan = 4 << 10 // bytes of the body from the first of them to the last
)

// trail remembers the last cells of a row that were one line each: in tables without
// headings name, street and town stand in cells of their own.
type trail struct {
	blocks [maxTrail]block // in a ring
	last   int             // the newest
	n      int
}

// block is a cell.
type block struct {
	text  []byte
	start int64
	signs textClass
	src   []stretch // where it stands, for a masker
}

// rooms makes memory for the lines, in one piece.
func (t *trail) rooms() {
	room := make([]byte, maxTrail*maxTrailLine)
	for i := range t.blocks {
		t.blocks[i].text, room = room[:0:maxTrailLine], room[maxTrailLine:]
	}
}

// clear forgets the blocks.
func (t *trail) clear() { t.n = 0 }

// wipe forgets what they said, too.
func (t *trail) wipe() {
	for i := range t.blocks {
		t.blocks[i].text = wiped(t.blocks[i].text)
	}
	t.n = 0
}

// held is where the first block stands, or never.
func (t *trail) held() int64 {
	if t.n == 0 {
		return never
	}
	return t.back(t.n - 1).start
}

// tick forgets blocks that are too far back for what comes at off.
func (t *trail) tick(off int64) {
	for t.n > 0 && off-t.held() > maxTrailSpan {
		t.n--
	}
}

// push remembers the line of a block.
func (t *trail) push(line []byte, signs textClass, start int64, src []stretch) {
	t.last = (t.last + 1) % maxTrail
	t.n = min(t.n+1, maxTrail)
	b := &t.blocks[t.last]
	b.text, b.src = append(b.text[:0], line...), append(b.src[:0], src...)
	b.signs, b.start = signs, start
}

// back returns the block i before the next one; 0 is the last.
func (t *trail) back(i int) *block {
	if i >= t.n {
		return nil
	}
	return &t.blocks[(t.last-i+maxTrail)%maxTrail]
}

// single takes the line of a block that has no other. It reports whether the line was a
// part of an address, and is read.
func (p *prose) single() bool {
	t := &p.trail
	line := p.line
	if len(line) > maxTrailLine || p.label != (class{}) || p.zone || p.signs&(textSign|textColon) != 0 {
		t.clear()
		return false
	}
	if t.n > 0 {
		t.tick(p.from)
	}
	if p.signs&textDigit != 0 && t.n > 0 && p.completes() {
		t.clear()
		return true
	}
	t.push(line, p.signs, p.from, p.src)
	return false
}

// completes reports whether the line is the town of an address whose name and street the
// blocks before it have, or its street and town; the person is told then.
func (p *prose) completes() bool {
	t := &p.trail
	line := p.line
	last := t.back(0)
	if last.signs&textDigit == 0 {
		if len(line) < 14 || bytes.IndexByte(line, ',') <= 0 || p.named(0) == nil {
			return p.behind(1)
		}
		if _, street, ok := oneLine(line); ok && streetLike(street) > 0 {
			return p.reside(p.named(0), nil, street, line)
		}
		return p.behind(1)
	}
	return p.behind(0)
}

// behind reports whether the line is the town behind the street in the block i and a name
// before that; the person is told then.
func (p *prose) behind(i int) bool {
	b, line := p.trail.back(i), p.line
	if b == nil || b.signs&textDigit == 0 {
		return false
	}
	name := p.named(i + 1)
	if name == nil {
		return false
	}
	if n := streetLike(b.text); (n == 2 || n == 1 && i == 0 && posted(line, true)) && town(line) {
		return p.reside(name, b, b.text, line)
	}
	return false
}

// town reports whether a line has the town of an address.
func town(line []byte) bool {
	return postcodeLike(line) || lettered(line) || tiedNumber(line)
}

// named returns the block with a person's name among the two from the block i on, or nil.
func (p *prose) named(i int) *block {
	for k := i; k < i+2; k++ {
		b := p.trail.back(k)
		if b == nil || b.signs&textDigit != 0 {
			return nil
		}
		if mayName(b.text) && personLike(b.text) {
			return b
		}
	}
	return nil
}

// reside tells the person whose name, street and town stand in blocks of their own; the
// street's block is nil where it stands with the town.
func (p *prose) reside(name, street *block, home, town []byte) bool {
	if p.g.located(name.text, town) {
		return true
	}
	c := class{}
	if p.legal {
		c.sense = senseShop
	}
	g := p.g
	g.enter(frameObject, c)
	before := g.places.source(name.text, name.src)
	g.value(class{kind: kindFullName, sense: c.sense}, name.text, shapeLetter, name.start)
	if street != nil {
		g.places.source(street.text, street.src)
		g.value(class{kind: kindStreet, sense: c.sense}, home, shapeLetter|shapeDigit, street.start)
		g.places.source(town, p.src)
		g.beside(town, p.from)
	} else {
		g.places.source(town, p.src)
		g.value(class{kind: kindStreet, sense: c.sense}, home, shapeLetter|shapeDigit, p.from)
	}
	g.places.back(before)
	g.leave(p.from + int64(len(p.line)))
	return true
}
