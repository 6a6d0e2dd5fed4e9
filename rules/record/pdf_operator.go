package record

import "math"

// operator carries out the operator in t.word (ISO 32000-1, annex A).
func (t *pdfText) operator(off int64) {
	switch string(t.word) {
	case "Tj", "TJ":
		t.show(off)
	case "'", "\"":
		t.move(t.x, t.y-t.leading)
		t.show(off)
	case "Td":
		t.move(t.x+t.num(0, 2)*t.scale, t.y+t.num(1, 2)*t.scale)
	case "TD":
		t.leading = -t.num(1, 2) * t.scale
		t.move(t.x+t.num(0, 2)*t.scale, t.y+t.num(1, 2)*t.scale)
	case "T*":
		t.move(t.x, t.y-t.leading)
	case "TL":
		t.leading = t.num(0, 1) * t.scale
	case "Tm":
		if t.scale = math.Abs(t.num(0, 6)); t.scale == 0 {
			t.scale = 1
		}
		t.move(t.num(4, 6), t.num(5, 6))
	case "Tf":
		t.size = max(0.1, math.Abs(t.num(0, 1)))
		t.fonts.choose(t.name[:t.nName])
	case "BT":
		t.scale = 1
		t.move(0, 0)
	case "cm":
		t.base += t.num(5, 6)
	case "q":
		if t.nSaved < maxPDFStack {
			t.saved[t.nSaved] = t.base
		}
		t.nSaved++
	case "Q":
		if t.nSaved > 0 {
			if t.nSaved--; t.nSaved < maxPDFStack {
				t.base = t.saved[t.nSaved]
			}
		}
	case "ID":
		t.token, t.depth = pdfInline, 1
	case "beginbfchar", "beginbfrange", "endbfchar", "endbfrange", "endcodespacerange":
		t.fonts.operator(string(t.word), t.ends)
	}
	t.str, t.ends, t.n, t.first = t.str[:0], t.ends[:0], 0, never
	if off-t.p.held() > maxSpan/2 {
		t.p.gap()
	}
}

// move goes to a place on the page; what it means shows when text follows.
func (t *pdfText) move(x, y float64) {
	if y == t.y {
		// Shown text is no wider than half of its size a sign, roughly.
		t.shown -= (x - t.x) / t.scale
	} else {
		t.shown = 0
	}
	t.x, t.y = x, y
	t.moved = true
}

// pdfBreak is what stands between two shown texts.
type pdfBreak uint8

const (
	pdfJoin pdfBreak = iota
	pdfBlank
	pdfNewLine
	pdfGap
)

// breaks returns what stands before the text that is shown next.
func (t *pdfText) breaks() pdfBreak {
	if !t.moved {
		return pdfJoin
	}
	t.moved = false
	y := t.y + t.base
	high := math.Abs(y - t.lastY)
	t.lastY = y
	size := t.size * t.scale
	switch {
	case high > 2.4*size:
		t.shown = 0
		return pdfGap
	case high > 0.4*size:
		t.shown = 0
		return pdfNewLine
	}
	far := -t.shown / t.size
	t.shown = 0
	switch {
	case far > 1.5 || far < -60:
		return pdfNewLine
	case far > 0.15:
		return pdfBlank
	}
	return pdfJoin
}

// show gives the strings of one operator to prose.
func (t *pdfText) show(off int64) {
	if len(t.str) == 0 {
		return
	}
	how := t.breaks()
	for _, b := range t.str {
		t.shown += t.size * width(b)
	}
	at := min(t.first, off)
	if t.fonts.waits(t.str) {
		if t.hasty {
			if text := t.fonts.guess(t.str); text != nil {
				t.put(how, text, at)
			} else {
				t.lost = true
			}
			return
		}
		if !t.fonts.queue(how, t.str, at) || off-t.fonts.held() > maxSpan {
			t.drain()
		}
		return
	}
	t.put(how, t.fonts.text(t.str), at)
}

// drain reads the text that has waited for its font; after it nothing waits.
func (t *pdfText) drain() {
	t.hasty = true
	t.fonts.drain(func(how pdfBreak, text []byte, at int64) {
		if text == nil {
			t.lost = true
			return
		}
		t.put(how, text, at)
	})
	t.p.gap()
}

// hurry gives what waits to the grouper.
func (t *pdfText) hurry() {
	if t.fonts.held() < never {
		t.drain()
	}
	t.p.gap()
}

func (t *pdfText) put(how pdfBreak, text []byte, at int64) {
	switch how {
	case pdfGap:
		t.p.gap()
	case pdfNewLine:
		t.p.brk()
	case pdfBlank:
		t.p.add([]byte{' '}, at)
	}
	t.p.add(text, at)
}

// width is how wide a sign is, in parts of the font's size: in between of
// Helvetica and Times.
func width(b byte) float64 {
	switch {
	case b == 'i' || b == 'j' || b == 'l' || b == '.' || b == ',' || b == ' ' || b == '\'' || b == ':' || b == ';' || b == 'I' || b == 't' || b == 'f' || b == 'r':
		return 0.29
	case b == 'm' || b == 'w' || b == 'M' || b == 'W' || b == '@':
		return 0.85
	case b >= 'A' && b <= 'Z':
		return 0.68
	}
	return 0.53
}
