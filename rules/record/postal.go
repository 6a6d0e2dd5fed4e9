package record

import (
	"bytes"
	"unicode/utf8"
)

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

// address reads the lines from i on as name, street and town. Without a label
// all three must look like it. It returns how many lines it took.
func (p *prose) address(i int, c class, labelled bool) int {
	name, street, strength := -1, -1, 0
	first := p.at(i)
	if !labelled && !p.g.slow && !mayName(first) {
		return 0
	}
	if personLike(first) || labelled && c.sense&senseClient != 0 && clientLike(first) || labelled && p.n-i > 1 && shapeOf(first)&(shapeDigit|shapeAt) == 0 && utf8.RuneCount(first) >= 3 {
		name = i
	}
	if name < 0 && !labelled {
		return 0
	}
	if labelled && !p.legal {
		if _, _, ok := oneLine(first); ok {
			p.g.value(class{kindAddress, c.sense &^ senseKnown}, first, shapeOf(first)&^shapeLine, p.lines[i].start)
			return 1
		}
	}
	end := min(p.n, i+8)
	for j := i; j < end && j < i+4; j++ {
		if j == name {
			continue
		}
		n := streetLike(p.at(j))
		if n < 2 && !labelled && j == i+1 {
			if _, home, ok := oneLine(p.at(j)); ok && streetLike(home) > 0 { // with the town behind it
				n = 2
			}
		}
		if n > strength {
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
	if !labelled && p.page && p.premises(i, end, name, street, town) {
		return end - i
	}
	c.sense &^= senseKnown
	if p.legal {
		c.sense |= senseShop
	}
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
			if at := bytes.IndexByte(line, '+'); s&shapeAt == 0 && at > 0 && at < 8 && plain(line[:at]) { // behind a sign
				line = line[at:]
			}
			p.g.value(class{sense: c.sense}, line, s, p.lines[j].start)
		} else if street >= 0 && j > street && domestic(line) {
			p.g.value(class{kindPhone, c.sense}, line, s, p.lines[j].start)
		}
		taken = j - i + 1
	}
	return taken
}

// domestic reports whether a line is a phone number as it is dialled inside a
// country: from a nought or a bracket on.
func domestic(line []byte) bool {
	if len(line) < 9 || line[0] != '0' && line[0] != '(' {
		return false
	}
	var room [20]byte
	digits, _, ok := phoneDigits(line, &room)
	return ok && len(digits) >= 9
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
