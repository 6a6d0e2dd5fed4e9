package waf

import (
	"slices"
	"strings"
	"unsafe"
)

// A value has many texts, one for every transformation that a rule asks for, and for
// most values they are all the same, or hold the same words. So a text is made when
// something in it may match: what is searched are the bases, which differ in more
// than that.

// base is a text that is searched for literals.
type base struct {
	text    string
	bytes   byteSet // of the text
	strange bool    // it holds characters that become others of ASCII in lower case
}

// view is what is known of the text of a node.
type view struct {
	base int
	kind kinship
	made bool
	text string // if made
}

// kinship is how much a text has of its base.
type kinship uint8

const (
	exact   kinship = iota // it differs from its base in the case of ASCII at most
	worded                 // it has the words of its base, and no bytes but those of its base, blanks and such beyond ASCII
	thinned                // it has no bytes but those
)

// strange reports whether a text holds characters that in lower case are others of
// ASCII.
func strange(text string, bytes *byteSet) bool {
	return bytes.meets(&beyondASCII) && (foldsToASCII(text) || strings.Contains(text, "\u0130"))
}

// read takes a value, and decides for each node what must be known of its text.
func (gs *guards) read(s *scratch, value string) {
	bytes := bytesOf(value)
	s.bases = append(s.bases[:0], base{value, bytes, strange(value, &bytes)})
	s.views = append(s.views[:0], view{made: true, text: value})
	for n := 1; n < len(gs.nodes); n++ {
		s.views = append(s.views, gs.view(s, n))
	}
	for _, g := range gs.always {
		for _, n := range g.nodes {
			if s.views[n].kind != exact {
				s.views[n] = gs.found(s, n, 0)
			}
		}
	}
}

// added are the bytes that a text may have more than its base, unless it is exact.
var added = bytesOf(" ").or(beyondASCII)

// view decides what must be known of a node's text.
func (gs *guards) view(s *scratch, n int) view {
	t := &gs.nodes[n].touch
	v := s.views[gs.nodes[n].parent]
	b := &s.bases[v.base]
	may := b.bytes
	if v.kind != exact {
		may = may.or(added)
	}
	if t.known && !may.meets(&t.bytes) {
		return v
	}
	if !t.words && !t.thins || b.strange || may.meets(&t.breaks) {
		return gs.found(s, n, 0)
	}
	kind := v.kind
	switch {
	case t.thins:
		kind = thinned
	case !t.folds || may.meets(&beyondASCII):
		kind = max(kind, worded)
	}
	return view{base: v.base, kind: kind}
}

// found makes the text of a node and finds its base, among those from the given one
// on; else it is a new one.
func (gs *guards) found(s *scratch, n, from int) view {
	text := gs.make(s, n)
	for i := from; i < len(s.bases); i++ {
		if sameFolded(text, s.bases[i].text) {
			return view{base: i, made: true, text: text}
		}
	}
	bytes := bytesOf(text)
	s.bases = append(s.bases, base{text, bytes, strange(text, &bytes)})
	return view{base: len(s.bases) - 1, made: true, text: text}
}

// make returns the text of a node, as Coraza's transformations make it.
func (gs *guards) make(s *scratch, n int) string {
	if n < len(s.views) && s.views[n].made {
		return s.views[n].text
	}
	node := &gs.nodes[n]
	before := gs.make(s, node.parent)
	text, done := gs.copied(s, n, before)
	if !done {
		var changed bool
		var err error
		if text, changed, err = node.apply(before); err != nil || node.multi && !changed || text == before {
			text = before // one string for one text
		}
	}
	if n < len(s.views) {
		s.views[n].made, s.views[n].text = true, text
	}
	return text
}

// copied looks for a node for which the same was done to the same text.
func (gs *guards) copied(s *scratch, n int, before string) (text string, done bool) {
	for _, m := range gs.nodes[n].alike {
		if s.views[m].made {
			if p := &s.views[gs.nodes[m].parent]; p.made && same(p.text, before) {
				return s.views[m].text, true
			}
		}
	}
	return "", false
}

// same reports whether two strings are one in memory: whether equal ones are, is no
// matter here, and comparing long ones takes a while.
func same(a, b string) bool {
	return len(a) == len(b) && unsafe.StringData(a) == unsafe.StringData(b) // #nosec G103 -- compared, never read.
}

// readers says whether guards read texts that are exactly a base, and whether some
// read texts that have its words.
func (gs *guards) readers(s *scratch, d int) (exactly, words bool) {
	for n := range s.views {
		if v := &s.views[n]; v.base == d && len(gs.nodes[n].readers) > 0 {
			exactly = exactly || v.kind == exact
			words = words || v.kind == worded
		}
	}
	return exactly, words
}

// suspect makes the texts of a base that are not exact and hold a literal by what is
// known of the base's bytes.
func (gs *guards) suspect(s *scratch, d int, key string) {
	seen := s.bases[d].bytes.folded().or(added)
	for n := range s.views {
		if v := &s.views[n]; v.base != d || v.kind == exact {
			continue
		}
		for _, g := range gs.nodes[n].readers {
			needs := g.wordless
			if s.views[n].kind == thinned {
				needs = g.needs
			}
			if slices.ContainsFunc(needs, func(need byteSet) bool { return need.within(&seen) }) && g.allows(&seen) && g.applies(key) {
				s.views[n] = gs.found(s, n, d)
				break
			}
		}
	}
}

// suspectWords makes the texts that have the words of a base, and hold a literal by
// those words that were found in it.
func (gs *guards) suspectWords(s *scratch, d int, key string) {
	seen := s.bases[d].bytes.folded().or(added)
	for _, id := range s.hits {
		for _, literal := range gs.words.owners[id] {
			if !gs.words.needs[literal].within(&seen) {
				continue
			}
			for _, g := range gs.byLiteral[literal] {
				for _, n := range g.nodes {
					if v := &s.views[n]; v.base == d && v.kind == worded && g.allows(&seen) && g.applies(key) {
						s.views[n] = gs.found(s, n, d)
					}
				}
			}
		}
	}
}

// wordOf returns the longest word in a literal, "" for none.
func wordOf(literal string) string {
	longest := ""
	for word := range strings.FieldsFuncSeq(literal, func(c rune) bool {
		return c != '_' && (c < '0' || c > '9') && (c < 'a' || c > 'z')
	}) {
		if len(word) > len(longest) {
			longest = word
		}
	}
	return longest
}

// needOf are the bytes that a text with a literal has from its base, unless it is
// exact.
func needOf(literal string) byteSet {
	need := bytesOf(literal)
	for i := range need {
		need[i] &^= added[i]
	}
	return need
}
