package record

import (
	"math"
	"strconv"
)

const (
	maxPDFString = 2048 // bytes of strings that are shown together
	maxPDFStack  = 16   // saved graphics states
)

// pdfToken is the token of a content stream that is being read.
type pdfToken uint8

const (
	pdfBetween pdfToken = iota
	pdfWord
	pdfName
	pdfLiteral
	pdfHex
	pdfComment
	pdfInline // the data of an inline image
)

// pdfText reads the operators of content streams (ISO 32000-1, 9.4) and of
// character maps, and gives the text that they show, line by line, to prose.
// What a move means is guessed: to another height it is another line, far to
// the right another column, a little to the right a blank.
type pdfText struct {
	p     *prose
	g     *grouper
	fonts pdfFonts
	lost  bool // text that could not be read
	hasty bool // text does not wait for its font any more

	token  pdfToken
	word   []byte
	depth  int // of parentheses
	escape int // 1: behind a backslash, 2 to 4: in an octal number
	octal  int
	odd    bool // half of a hexadecimal byte was read
	nibble byte

	first int64 // offset of the first string that was not shown yet
	str   []byte
	ends  []int // ends of strings inside str, for character maps
	nums  [6]float64
	n     int
	name  [32]byte // the last name
	nName int

	scale   float64 // of the text matrix
	size    float64 // of the font
	x, y    float64 // of the line
	lastY   float64
	shown   float64 // width of what was shown since x, in text space
	leading float64
	base    float64 // height that cm has moved to
	saved   [maxPDFStack]float64
	nSaved  int
	moved   bool
}

// begin starts the stream of object num.
func (t *pdfText) begin(num int) {
	t.token, t.str, t.ends, t.n, t.nName, t.first = pdfBetween, t.str[:0], t.ends[:0], 0, 0, never
	t.scale, t.size, t.x, t.y, t.lastY, t.base, t.nSaved, t.shown, t.leading = 1, 10, 0, 0, math.Inf(1), 0, 0, 0, 0
	t.fonts.begin(num)
}

// finish ends a stream: a page, mostly.
func (t *pdfText) finish(off int64) {
	if t.token == pdfWord {
		t.operator(off)
	}
	t.p.gap()
	t.first = never
	t.fonts.finish()
	t.g.age(off)
}

// end ends the document.
func (t *pdfText) end() {
	t.drain()
	t.p.gap()
}

// held returns the offset of the oldest text that was not given to the
// grouper.
func (t *pdfText) held() int64 { return min(t.first, t.p.held(), t.fonts.held()) }

func (t *pdfText) write(p []byte, off int64) {
	for i := 0; i < len(p); {
		i += t.byte(p[i], off+int64(i))
	}
}

// byte reads one byte and returns 1, or 0 if the byte ends one token and
// belongs to the next.
func (t *pdfText) byte(b byte, off int64) int {
	switch t.token {
	case pdfBetween:
		t.between(b, off)
	case pdfWord, pdfName:
		if b <= ' ' || b == '/' || b == '(' || b == ')' || b == '<' || b == '>' || b == '[' || b == ']' || b == '%' {
			t.endWord(off)
			return 0
		}
		if t.token == pdfName {
			if t.nName < len(t.name) {
				t.name[t.nName] = b
				t.nName++
			}
		} else if len(t.word) < maxKey {
			t.word = append(t.word, b)
		}
	case pdfLiteral:
		return t.literal(b)
	case pdfHex:
		t.hex(b)
	case pdfComment:
		if b == '\n' || b == '\r' {
			t.token = pdfBetween
		}
	case pdfInline:
		t.inline(b)
	}
	return 1
}

func (t *pdfText) between(b byte, off int64) {
	switch {
	case b == '(' || b == '<':
		t.first = min(t.first, off)
		t.token, t.depth, t.escape, t.odd = pdfLiteral, 1, 0, false
		if b == '<' {
			t.token = pdfHex
		}
	case b == '/':
		t.token, t.nName = pdfName, 0
	case b == '%':
		t.token = pdfComment
	case b == '[' || b == ']':
		t.list(b == '[')
	case b == '>' || b == ')' || b <= ' ':
	default:
		t.token, t.word = pdfWord, append(t.word[:0], b)
	}
}

func (t *pdfText) add(b byte) {
	if len(t.str) < maxPDFString {
		t.str = append(t.str, b)
	}
}

// literal reads a string in parentheses.
func (t *pdfText) literal(b byte) int {
	switch {
	case t.escape >= 2:
		if b >= '0' && b <= '7' {
			t.octal = t.octal<<3 | int(b-'0')
			if t.escape++; t.escape == 5 {
				t.add(byte(t.octal))
				t.escape = 0
			}
			return 1
		}
		t.add(byte(t.octal))
		t.escape = 0
		return 0
	case t.escape == 1:
		t.escape = 0
		switch b {
		case 'n', 'r', 't', 'b', 'f':
			t.add(' ')
		case '\n', '\r':
		case '0', '1', '2', '3', '4', '5', '6', '7':
			t.escape, t.octal = 3, int(b-'0')
		default:
			t.add(b)
		}
	case b == '\\':
		t.escape = 1
	case b == '(':
		t.depth++
		t.add(b)
	case b == ')':
		if t.depth--; t.depth == 0 {
			t.endString()
			return 1
		}
		t.add(b)
	default:
		t.add(b)
	}
	return 1
}

// hex reads a string in angle brackets; a second one makes it a dictionary,
// which is nothing to read here.
func (t *pdfText) hex(b byte) {
	d := unhex(b)
	switch {
	case b == '>':
		if t.odd {
			t.add(t.nibble << 4)
		}
		t.endString()
	case b == '<':
		t.token = pdfBetween
	case d < 0:
	case t.odd:
		t.add(t.nibble<<4 | byte(d))
		t.odd = false
	default:
		t.nibble, t.odd = byte(d), true
	}
}

// maxPDFStrings bounds the strings that an operator of a character map takes.
const maxPDFStrings = 512

func (t *pdfText) endString() {
	t.token = pdfBetween
	if len(t.ends) < maxPDFStrings {
		t.ends = append(t.ends, len(t.str))
	}
	if !t.fonts.mapping || len(t.ends) < t.fonts.per {
		return
	}
	t.fonts.entry(t.str, t.ends)
	if t.fonts.array { // more of them may follow
		t.str, t.ends = t.str[:t.ends[1]], t.ends[:2]
		return
	}
	t.str, t.ends, t.first = t.str[:0], t.ends[:0], never
}

// list begins or ends an array: inside a character map, of the characters of
// the codes from the first on.
func (t *pdfText) list(begin bool) {
	switch {
	case !t.fonts.mapping:
	case begin:
		if t.fonts.array = len(t.ends) == 2 && t.fonts.per == 3; t.fonts.array {
			t.fonts.next = code(t.str[:t.ends[0]])
		}
	default:
		t.fonts.array = false
		t.str, t.ends, t.first = t.str[:0], t.ends[:0], never
	}
}

// inline passes over the data of an inline image: up to EI between blanks.
func (t *pdfText) inline(b byte) {
	switch {
	case t.depth == 0 && b <= ' ', t.depth == 1 && b == 'E', t.depth == 2 && b == 'I':
		t.depth++
	case t.depth == 3 && b <= ' ':
		t.token = pdfBetween
	case b <= ' ':
		t.depth = 1
	default:
		t.depth = 0
	}
}

// endWord ends a name, a number or an operator.
func (t *pdfText) endWord(off int64) {
	if t.token == pdfName {
		t.token = pdfBetween
		return
	}
	t.token = pdfBetween
	w := t.word
	if w[0] == '-' || w[0] == '+' || w[0] == '.' || w[0] >= '0' && w[0] <= '9' {
		v, err := strconv.ParseFloat(string(w), 32)
		if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
			v = 0
		}
		if v < -200 && len(t.ends) > 0 && !t.fonts.mapping { // in an array of TJ: as wide as a blank
			t.blank()
		}
		if t.n == len(t.nums) {
			copy(t.nums[:], t.nums[1:])
			t.n--
		}
		t.nums[t.n] = v
		t.n++
		return
	}
	t.operator(off)
}

// num returns the i-th of the last n numbers.
func (t *pdfText) num(i, n int) float64 {
	if t.n < n {
		return 0
	}
	return t.nums[t.n-n+i]
}

// blank adds a blank inside shown text; where the text is in codes, a code
// that fonts do not have.
func (t *pdfText) blank() {
	if t.fonts.find(t.fonts.current) == nil && !t.fonts.waits(t.str) {
		t.add(' ')
		return
	}
	t.add(0xFF)
	t.add(0xFF)
}
