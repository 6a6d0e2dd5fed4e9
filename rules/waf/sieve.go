package waf

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// sieve says of a page, in one pass, which guards it may concern: of most pages,
// none, and then no operator is asked, and no transformation is made. It does for
// long texts and thousands of long literals what the automaton does for short
// ones, whose table would be larger than a processor's cache. Immutable once
// built, and safe for concurrent use.
//
// A guard is concerned when, in one of the ways of its demand, the text holds a
// literal of every set. Of a literal the rarest four bytes are looked for (a
// window), as Wu and Manber (A Fast Algorithm for Multi-Pattern Searching, 1994)
// look for blocks; only around those the literal itself.
type sieve struct {
	bits     [1 << sieveBits / 64]uint64 // hashes of the windows
	wide     [1 << sieveBits / 64]uint64 // of those with two bytes more, see likely
	table    [1 << tableBits]slot        // windows to the literals they are of
	windows  int                         // how many there are
	short    []placed                    // literals that are shorter than a window
	squeezed []placed                    // literals of texts without blanks
	ids      map[sifted]int
	guards   []concern
	begins   [][]int // by literal: the guards of which a way begins with it
	always   []int   // guards that are asked about every text
}

const (
	sieveBits   = 18 // 32 KiB, which stay in the cache
	tableBits   = 14
	maxWindows  = 1 << tableBits * 3 / 4
	windowBytes = 4
	maxShort    = 6 // literals that are searched one by one
)

// slot is a place in the table of windows (open addressing, the next free one).
type slot struct {
	window uint32
	of     []placed // nil: free
}

// placed is a literal, and where in it the window stands, or the rarest byte.
type placed struct {
	literal string
	offset  int
	id      int
}

// sifted is a literal in a text as it is, or in one without blanks.
type sifted struct {
	literal string
	without bool
}

// concern is a guard with what its demand names in each way.
type concern struct {
	*guard
	ways []alternative
}

// alternative is one way of a demand: a literal of every set is in the text.
type alternative struct {
	sets [][]int    // numbers of literals
	late [][]string // shorter than a window: searched when one of each other set was found
}

// frequent are the bytes of web pages, lower case, from the most frequent to the
// rarest; every other one is rarer. It decides how fast the sieve is, not what
// it finds.
const frequent = " etaoinsrlc<>\"/dp=mu\nhg-fbvw.ykx:;1203&'_5q4,z6879j(){}#+%"

// rarity is how little to expect a byte in a page.
var rarity = func() (of [256]uint8) {
	for c := range of {
		of[c] = uint8(len(frequent))
	}
	for i := range len(frequent) {
		of[frequent[i]] = uint8(i)
	}
	return of
}()

// rarest returns where the rarest n bytes in a row of a text begin.
func rarest(text string, n int) (offset int) {
	score := -1
	for i := range len(text) - n + 1 {
		sum := 0
		for k := range n {
			sum += int(rarity[text[i+k]])
		}
		if sum > score {
			offset, score = i, sum
		}
	}
	return offset
}

// newSieve makes the sieve of the guards of a variable.
func newSieve(gs *guards) *sieve {
	s := &sieve{ids: map[sifted]int{}}
	for i, g := range gs.list {
		c, always := s.concern(gs, g)
		s.guards = append(s.guards, c)
		if always {
			s.always = append(s.always, i)
			continue
		}
		s.begins = append(s.begins, make([][]int, len(s.ids)-len(s.begins))...)
		for _, way := range c.ways {
			for _, id := range way.sets[0] {
				if n := len(s.begins[id]); n == 0 || s.begins[id][n-1] != i {
					s.begins[id] = append(s.begins[id], i)
				}
			}
		}
	}
	s.begins = append(s.begins, make([][]int, len(s.ids)-len(s.begins))...)
	return s
}

// concern numbers what a guard's demand names; what cannot be looked for in the
// text as it is demands nothing. A guard is always asked when a way of it demands
// nothing.
func (s *sieve) concern(gs *guards, g *guard) (c concern, always bool) {
	c = concern{guard: g}
	if g.first == nil {
		return c, true
	}
	does := keeps
	for _, n := range g.nodes {
		does = max(does, gs.does(n))
	}
	ways := g.ways
	if ways == nil {
		ways = [][][]string{{g.first}}
	}
	for _, way := range ways {
		var p alternative
		for _, set := range way {
			switch {
			case s.sought(set, does):
				p.sets = append(p.sets, s.number(set, does))
			case does == keeps && len(set) <= maxShort && shortest(set) > 1:
				p.late = append(p.late, set)
			}
		}
		for i := 0; p.sets == nil && i < len(way); i++ {
			if begins := s.beginnings(way[i]); begins != nil && does == keeps {
				p.sets = append(p.sets, s.number(begins, does))
			}
		}
		c.ways = append(c.ways, p)
		always = always || p.sets == nil
	}
	return c, always || does == changes
}

// sought reports whether a text that holds one of the literals once that is done to
// it can be told as it is.
func (s *sieve) sought(set []string, does effect) bool {
	if does == squeezes && len(s.squeezed)+len(set) > maxShort || s.windows+len(set) > maxWindows {
		return false
	}
	return (does == squeezes || shortest(set) >= windowBytes) && (does == keeps || ascii(set...))
}

// beginnings returns what literals without windows begin with that are the same in
// either case, two characters each; nil when they cannot be searched one by one.
func (s *sieve) beginnings(set []string) []string {
	var out []string
	for _, literal := range set {
		if len(literal) < 2 || strings.ContainsFunc(literal[:2], unicode.IsLetter) {
			return nil
		}
		out = append(out, literal[:2])
	}
	slices.Sort(out)
	if out = slices.Compact(out); len(out)+len(s.short) > maxShort {
		return nil
	}
	return out
}

func ascii(set ...string) bool {
	return !slices.ContainsFunc(set, func(s string) bool { return strings.ContainsFunc(s, func(r rune) bool { return r > unicode.MaxASCII }) })
}

// does says what all transformations up to a node do to a text.
func (gs *guards) does(n int) effect {
	all := keeps
	for ; n > 0; n = gs.nodes[n].parent {
		all = max(all, gs.nodes[n].does)
	}
	return all
}

// number has the literals of a set looked for, and returns their numbers.
func (s *sieve) number(set []string, does effect) []int {
	out := make([]int, len(set))
	for i, literal := range set {
		key := sifted{literal, does == squeezes}
		id, known := s.ids[key]
		if !known {
			id = len(s.ids)
			s.ids[key] = id
			s.add(placed{literal: literal, id: id}, key.without)
		}
		out[i] = id
	}
	return out
}

func (s *sieve) add(p placed, without bool) {
	switch {
	case without:
		p.offset = rarest(p.literal, 1)
		s.squeezed = append(s.squeezed, p)
	case len(p.literal) < windowBytes:
		s.short = append(s.short, p)
	default:
		p.offset = rarest(p.literal, windowBytes)
		w := window(p.literal[p.offset:])
		h := windowHash(w)
		s.bits[h>>6] |= 1 << (h & 63)
		s.widen(p, w)
		at := s.place(w)
		if at.of == nil {
			s.windows++
		}
		*at = slot{w, append(at.of, p)}
	}
}

// place is where a window is in the table, or the free one where it would be: there
// always is one, see maxWindows.
func (s *sieve) place(w uint32) *slot {
	at := windowHash(w) % uint32(len(s.table))
	for s.table[at].of != nil && s.table[at].window != w {
		at = (at + 1) % uint32(len(s.table))
	}
	return &s.table[at]
}

// window is four bytes of a text without regard to case, and to some other
// differences.
func window(text string) uint32 {
	return (uint32(text[0]) | uint32(text[1])<<8 | uint32(text[2])<<16 | uint32(text[3])<<24) | 0x20202020
}

// eightBytes is the beginning of a text as a number, as encoding/binary has it for
// slices, the first byte the least.
func eightBytes(text string) uint64 {
	_ = text[7]
	return uint64(text[0]) | uint64(text[1])<<8 | uint64(text[2])<<16 | uint64(text[3])<<24 |
		uint64(text[4])<<32 | uint64(text[5])<<40 | uint64(text[6])<<48 | uint64(text[7])<<56
}

func windowHash(w uint32) uint32 { return w * 0x9e3779b1 >> (32 - sieveBits) } // Knuth's multiplicative hashing

// The ways in which a window is widened: by the two bytes behind it, or else by the
// two before it, or not at all, where the literal has neither.
const (
	behind uint64 = 1 + iota
	before
	alone
)

// wideHash is of a window with two bytes more.
func wideHash(w uint32, first, second byte, way uint64) uint64 {
	return (uint64(w) | uint64(first|0x20)<<32 | uint64(second|0x20)<<40 | way<<48) * 0x9e3779b97f4a7c15 >> (64 - sieveBits)
}

// widen notes the bytes beside a literal's window.
func (s *sieve) widen(p placed, w uint32) {
	h := wideHash(w, 0, 0, alone)
	if end := p.offset + windowBytes; end+2 <= len(p.literal) {
		h = wideHash(w, p.literal[end], p.literal[end+1], behind)
	} else if p.offset >= 2 {
		h = wideHash(w, p.literal[p.offset-2], p.literal[p.offset-1], before)
	}
	s.wide[h>>6] |= 1 << (h & 63)
}

// likely reports whether a literal may stand around the window at i, by the two bytes
// on either side of it: four letters of a name are in many words, six are not. It
// decides about speed alone: of 1,598 windows of a product page it leaves 271.
func (s *sieve) likely(at uint32, text string, i int) bool {
	h := wideHash(at, 0, 0, alone)
	likely := s.wide[h>>6] >> (h & 63)
	if end := i + windowBytes; end+2 <= len(text) {
		h = wideHash(at, text[end], text[end+1], behind)
		likely |= s.wide[h>>6] >> (h & 63)
	}
	if i >= 2 {
		h = wideHash(at, text[i-2], text[i-1], before)
		likely |= s.wide[h>>6] >> (h & 63)
	}
	return likely&1 != 0
}

// sift fills w.asking with the guards that a text may concern.
func (s *sieve) sift(w *scratch, text string) {
	w.next(len(s.ids))
	if foldsToASCII(text) || strings.Contains(text, "\u0130") { // which is i in lower case
		for i := range s.guards {
			w.asking = append(w.asking, s.guards[i].guard)
		}
		return
	}
	s.scan(w, text)
	for _, i := range s.always {
		w.asking = append(w.asking, s.guards[i].guard)
	}
	w.weighed = append(w.weighed[:0], make([]bool, len(s.guards))...)
	for _, id := range w.hits {
		for _, i := range s.begins[id] {
			if c := &s.guards[i]; !w.weighed[i] && slices.ContainsFunc(c.ways, func(p alternative) bool { return p.met(w, text) }) {
				w.asking = append(w.asking, c.guard)
			}
			w.weighed[i] = true
		}
	}
}

// met reports whether the text that was scanned last holds a literal of every set.
func (p *alternative) met(w *scratch, text string) bool {
	for _, ids := range p.sets {
		if !slices.ContainsFunc(ids, func(id int) bool { return w.found[id] == w.turn }) {
			return false
		}
	}
	for _, set := range p.late {
		if !slices.ContainsFunc(set, func(literal string) bool { return holdsFolded(text, literal) }) {
			return false
		}
	}
	return true
}

// holdsFolded reports whether a literal is in a text, without regard to ASCII case.
func holdsFolded(text, literal string) bool {
	offset := rarest(literal, 1)
	return eachCase(literal[offset], func(c byte) bool {
		for at := strings.IndexByte(text, c); at >= 0; at = after(text, at, c) {
			if begin := at - offset; begin >= 0 && begin+len(literal) <= len(text) && sameFolded(text[begin:begin+len(literal)], literal) {
				return true
			}
		}
		return false
	})
}

// eachCase calls found with a byte, and with it in upper case if it is a letter.
func eachCase(c byte, found func(c byte) bool) bool {
	return found(c) || 'a' <= c && c <= 'z' && found(c-'a'+'A')
}

// after returns where a byte stands next behind a place in a text, or -1.
func after(text string, at int, c byte) int {
	next := strings.IndexByte(text[at+1:], c)
	if next < 0 {
		return -1
	}
	return at + 1 + next
}

// scan notes the literals that are in a text.
func (s *sieve) scan(w *scratch, text string) {
	i := 0
	for ; len(text)-i >= 8; i += 8 - windowBytes + 1 {
		eight := eightBytes(text[i:]) | 0x2020202020202020
		for k := 0; k <= 8-windowBytes; k++ {
			at := uint32(eight >> (8 * k)) //nolint:gosec // four of the eight
			if h := windowHash(at); s.bits[h>>6]>>(h&63)&1 != 0 && s.likely(at, text, i+k) {
				s.around(w, at, text, i+k)
			}
		}
	}
	for ; len(text)-i >= windowBytes; i++ {
		at := window(text[i:])
		if h := windowHash(at); s.bits[h>>6]>>(h&63)&1 != 0 && s.likely(at, text, i) {
			s.around(w, at, text, i)
		}
	}
	for _, p := range s.short {
		if strings.Contains(text, p.literal) {
			w.hit(p.id)
		}
	}
	for _, p := range s.squeezed {
		if p.inSqueezed(text) {
			w.hit(p.id)
		}
	}
}

// around notes the literals of a window that stand around it.
func (s *sieve) around(w *scratch, at uint32, text string, i int) {
	for _, p := range s.place(at).of {
		begin := i - p.offset
		if begin >= 0 && begin+len(p.literal) <= len(text) && sameFolded(text[begin:begin+len(p.literal)], p.literal) {
			w.hit(p.id)
		}
	}
}

// inSqueezed reports whether the literal is in the text without its blanks, and
// without regard to ASCII case.
func (p placed) inSqueezed(text string) bool {
	return eachCase(p.literal[p.offset], func(c byte) bool {
		for at := strings.IndexByte(text, c); at >= 0; at = after(text, at, c) {
			if squeezedSuffix(text[:at], p.literal[:p.offset]) && squeezedPrefix(text[at+1:], p.literal[p.offset+1:]) {
				return true
			}
		}
		return false
	})
}

func squeezedPrefix(text, literal string) bool {
	for literal != "" && text != "" {
		r, size := utf8.DecodeRuneInString(text)
		if !unicode.IsSpace(r) {
			if size > 1 || !sameFolded(text[:1], literal[:1]) { // the literal holds ASCII only
				return false
			}
			literal = literal[1:]
		}
		text = text[size:]
	}
	return literal == ""
}

func squeezedSuffix(text, literal string) bool {
	for literal != "" && text != "" {
		r, size := utf8.DecodeLastRuneInString(text)
		if !unicode.IsSpace(r) {
			if size > 1 || !sameFolded(text[len(text)-1:], literal[len(literal)-1:]) {
				return false
			}
			literal = literal[:len(literal)-1]
		}
		text = text[:len(text)-size]
	}
	return literal == ""
}
