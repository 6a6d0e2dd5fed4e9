package record

import "sync"

// grams says which words of the lexicon there are by their first and by their
// last three letters, so that most texts of a page are known not to be labels
// before they are split into words and looked up.
type grams struct {
	first, last [26*26*26/64 + 1]uint64
}

// lexiconGrams is built once and read only.
var lexiconGrams = sync.OnceValue(func() *grams {
	g := new(grams)
	for word := range lexicon() {
		g.add(&g.first, []byte(word), false)
		g.add(&g.last, []byte(word), true)
	}
	return g
})

// add sets the bits of a word's first three letters, or its last. For a
// shorter word all letters may follow.
func (g *grams) add(set *[26*26*26/64 + 1]uint64, word []byte, back bool) {
	at, n, ok := gramOf(word, back)
	if !ok {
		return // such texts are looked up
	}
	if n == 3 {
		set[at/64] |= 1 << (at % 64)
		return
	}
	width := 26
	if n == 1 {
		width = 26 * 26
	}
	for i := at * width; i < (at+1)*width; i++ {
		set[i/64] |= 1 << (i % 64)
	}
}

// gramLetters are the numbers of the letters; more than 25 for other bytes.
var gramLetters = func() (t [256]uint8) {
	for b := range t {
		if t[b] = byte(b) | 0x20 - 'a'; shapes[b]&shapeLetter == 0 {
			t[b] = 0x80
		}
	}
	return t
}()

// gramOf returns the number of a text's first three letters, or of its last
// ones from the end, without the signs between; and how many there are. It is
// false if a digit or a letter that is not ASCII is among them.
func gramOf(s []byte, back bool) (at, n int, ok bool) {
	for i := 0; i < len(s) && n < 3; i++ {
		b := s[i]
		if back {
			b = s[len(s)-1-i]
		}
		switch l := gramLetters[b]; {
		case l <= 25:
			at = at*26 + int(l)
			n++
		case b-'0' <= 9 || b >= 0x80:
			return 0, 0, false
		}
	}
	return at, n, n > 0
}

// begins reports whether s may begin with a word of the lexicon.
func (g *grams) begins(s []byte) bool {
	if len(s) < 3 {
		return true
	}
	at, ok := gramAt(s[0], s[1], s[2]) // most begin with three letters
	return !ok || g.first[at/64]&(1<<(at%64)) != 0
}

// may reports whether s may be made of words of the lexicon alone. If not,
// [classify] does not say senseKnown of it.
func (g *grams) may(s []byte) bool {
	n := len(s)
	if n < 3 {
		return true
	}
	at, ok := gramAt(s[0], s[1], s[2])
	if !ok {
		var letters int
		if at, letters, ok = gramOf(s, false); !ok || letters < 3 {
			return true
		}
	}
	if g.first[at/64]&(1<<(at%64)) == 0 {
		return false
	}
	at, ok = gramAt(s[n-1], s[n-2], s[n-3])
	if !ok {
		var letters int
		if at, letters, ok = gramOf(s, true); !ok || letters < 3 {
			return true
		}
	}
	return g.last[at/64]&(1<<(at%64)) != 0
}

// gramAt is gramOf for three bytes, if they are letters.
func gramAt(a, b, c byte) (at int, ok bool) {
	x, y, z := gramLetters[a], gramLetters[b], gramLetters[c]
	return (int(x)*26+int(y))*26 + int(z), x|y|z < 0x80
}
