package record

import "bytes"

const (
	maxTrail     = 4       // blocks of one line that are remembered
	maxTrailLine = 80      // bytes of one
	maxTrailSpan = 4 << 10 // bytes of the body from the first of them to the last
)

// trail remembers the last blocks of a page that were one line each: in lists of cards,
// and in tables without headings, name, street and town stand in elements of their own.
type trail struct {
	blocks [maxTrail]block // the newest last
	n      int
	fed    bool  // the block that ends is in it already
	phone  int64 // where the address ended behind which a number may stand; 0: there is none
}

// block is one of them.
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
	t.n, t.phone = 0, 0
}

// held is where the first block stands, or never.
func (t *trail) held() int64 {
	if t.n == 0 {
		return never
	}
	return t.blocks[maxTrail-t.n].start
}

// tick forgets blocks that are too far back for what comes at off.
func (t *trail) tick(off int64) {
	for t.n > 0 && off-t.held() > maxTrailSpan {
		t.n--
	}
}

// push remembers the line of a block. The slices go round.
func (t *trail) push(line []byte, signs textClass, start int64, src []stretch) {
	last := t.blocks[0]
	copy(t.blocks[:], t.blocks[1:])
	last.text, last.src = append(last.text[:0], line...), append(last.src[:0], src...)
	last.signs, last.start = signs, start
	t.blocks[maxTrail-1] = last
	t.n = min(t.n+1, maxTrail)
}

// back returns the block i before the next one; 0 is the last.
func (t *trail) back(i int) *block {
	if i >= t.n {
		return nil
	}
	return &t.blocks[maxTrail-1-i]
}

// tells reports whether a block from offset off on may be a part of an address that goes
// on behind it: a passage that ends so is not nothing.
func (t *trail) tells(off int64) bool {
	for i := range t.n {
		if b := t.back(i); b.start >= off && (personLike(b.text) || b.signs&textDigit != 0 && (streetLike(b.text) > 0 || postcodeLike(b.text))) {
			return true
		}
	}
	return false
}

// called takes a phone number that stands alone behind an address, as it is dialled inside
// the country.
func (p *prose) called(line []byte) bool {
	t := &p.trail
	if t.phone == 0 || p.from-t.phone > maxTrailLine*4 || !domestic(line) || p.zone || p.legal {
		return false
	}
	t.phone = 0
	before := p.g.places.source(line, p.src)
	p.g.value(class{kind: kindPhone}, line, shapeDigit, p.from)
	p.g.places.back(before)
	return true
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
	if p.signs&textDigit != 0 && p.called(line) {
		t.clear()
		return true
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
	if bytes.IndexByte(line, ',') > 0 {
		if _, street, ok := oneLine(line); ok && streetLike(street) > 0 {
			if name := p.named(0); name != nil {
				return p.reside(name, nil, street, line)
			}
			return false
		}
	}
	if next := t.back(1); t.back(0).signs&textDigit == 0 && (next == nil || next.signs&textDigit == 0) {
		return false // no street
	}
	if !postcodeLike(line) && !lettered(line) && !tiedNumber(line) {
		return false
	}
	for i := range min(t.n, 2) {
		b := t.back(i)
		if b.signs&textDigit == 0 {
			continue
		}
		if n := streetLike(b.text); n == 2 || n == 1 && i == 0 && posted(line, true) {
			if name := p.named(i + 1); name != nil {
				return p.reside(name, b, b.text, line)
			}
		}
		return false
	}
	return false
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
	p.trail.phone = p.from
	return true
}

// maxLocated is how many branches a response shows by what they are called.
const maxLocated = 8

// located reports whether what has an address is called by its town: "Fieldmouse Bath" in
// Bath is a branch. Only the first of a response are, since a person may be called so.
func (g *grouper) located(name, town []byte) bool {
	at := bytes.LastIndexByte(name, ' ')
	last := name[at+1:]
	if at < 0 || len(last) < 4 || g.aside.located == maxLocated {
		return false
	}
	for rest := town; len(rest) > 0; {
		var w []byte
		if w, rest = nextWord(rest); bytes.EqualFold(w, last) {
			g.aside.located++
			return true
		}
	}
	return false
}
