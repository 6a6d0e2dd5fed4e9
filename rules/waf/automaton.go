package waf

import "slices"

// automaton finds which of many literals a text contains, without regard to
// ASCII case, in one pass (Aho and Corasick, 1975), as a full table over
// classes of bytes. Immutable once built, and safe for concurrent use.
type automaton struct {
	class  [256]uint8
	width  int
	next   []uint32 // by state*width+class: the next state, and while it is built its number
	output [][]int  // state to the literals that end there

	literals int // how many there are

	// For texts that have no more than the words of the one that is scanned, see
	// kinship: by literal that is a word, those of which it is the longest one, and by
	// literal the bytes that such a text has from the scanned one.
	owners [][]int
	needs  []byteSet
}

// newAutomaton builds the table; literals are in lower case and not empty.
func newAutomaton(literals []string) *automaton {
	a := &automaton{literals: len(literals)}
	a.classify(literals)
	a.next = make([]uint32, a.width)
	a.output = make([][]int, 1)
	for id, s := range literals {
		state := uint32(0)
		for i := range len(s) {
			at := &a.next[int(state)*a.width+int(a.class[s[i]])]
			if *at == 0 {
				*at = uint32(len(a.output))
				state = *at
				a.output = append(a.output, nil)
				a.next = append(a.next, make([]uint32, a.width)...)
				continue
			}
			state = *at
		}
		a.output[state] = append(a.output[state], id)
	}
	a.link()
	return a
}

// classify gives every byte that occurs in a literal a class of its own; class
// 0 is every other byte.
func (a *automaton) classify(literals []string) {
	a.width = 1
	for _, s := range literals {
		for i := range len(s) {
			if c := s[i]; a.class[c] == 0 {
				a.class[c] = uint8(a.width)
				a.width++
			}
		}
	}
	for c := byte('A'); c <= 'Z'; c++ {
		a.class[c] = a.class[c+'a'-'A']
	}
}

// link fills the table's empty places with where the longest suffix leads,
// breadth first.
func (a *automaton) link() {
	fail := make([]uint32, len(a.output))
	var queue []uint32
	for _, child := range a.next[:a.width] {
		if child != 0 {
			queue = append(queue, child)
		}
	}
	for len(queue) > 0 {
		state := queue[0]
		queue = queue[1:]
		row := a.next[int(state)*a.width:][:a.width]
		suffix := a.next[int(fail[state])*a.width:][:a.width]
		a.output[state] = slices.Concat(a.output[state], a.output[fail[state]])
		for c, child := range row {
			if child == 0 {
				row[c] = suffix[c]
				continue
			}
			fail[child] = suffix[c]
			queue = append(queue, child)
		}
	}
	for i, state := range a.next { // as scan reads it: where the row begins, and whether a literal ends there
		a.next[i] = state * uint32(a.width) << 1
		if a.output[state] != nil {
			a.next[i] |= 1
		}
	}
}

// scan calls found for every occurrence of a literal.
func (a *automaton) scan(text string, found func(literal int)) {
	row := uint32(0)
	for i := range len(text) {
		next := a.next[row+uint32(a.class[text[i]])]
		if row = next >> 1; next&1 != 0 {
			for _, id := range a.output[int(row)/a.width] {
				found(id)
			}
		}
	}
}

// own notes the words of literals that are literals, too.
func (a *automaton) own(literals []string, index map[string]int) {
	a.owners, a.needs = make([][]int, len(literals)), make([]byteSet, len(literals))
	for id, s := range literals {
		a.needs[id] = needOf(s)
		if word, known := index[wordOf(s)]; known {
			a.owners[word] = append(a.owners[word], id)
		}
	}
}
