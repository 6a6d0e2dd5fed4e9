package waf

import (
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/corazawaf/coraza/v3/experimental/plugins/plugintypes"
	"github.com/corazawaf/coraza/v3/types"
	"github.com/corazawaf/coraza/v3/types/variables"
)

// guard is a link whose operator is asked about one value at a time. It is
// asked with Coraza's own operator on the value that Coraza's own
// transformations make; the literals only spare the asking.
type guard struct {
	bit      int // number of the link among all guards
	link     *link
	targets  []target  // of the variable of its set; empty means every value
	nodes    []int     // where in the set's transformations its values are
	demand             // of every match; without a first literal the operator is always asked
	needs    []byteSet // of texts that are thinned: the bytes of each literal
	wordless []byteSet // of texts that are worded: those of the literals without a word
}

// applies reports whether the link reads the value with this key. It may err
// towards yes, never towards no.
func (g *guard) applies(key string) bool {
	if len(g.targets) == 0 {
		return true
	}
	lower := strings.ToLower(key)
	return slices.ContainsFunc(g.targets, func(t target) bool {
		switch {
		case t.pattern != nil:
			if !t.pattern.MatchString(key) && !t.pattern.MatchString(lower) {
				return false
			}
		case t.key != "":
			if t.key != lower && t.key != key && !strings.EqualFold(t.key, key) {
				return false
			}
		}
		return !slices.ContainsFunc(t.except, func(e exception) bool {
			if e.pattern != nil {
				return e.pattern.MatchString(lower)
			}
			return e.key == "" || e.key == lower
		})
	})
}

// asked says what the link's operator makes of a transformed value. state is
// only read, for the constants that arguments name.
func (g *guard) asked(state plugintypes.TransactionState, text string) bool {
	if g.link.follower != nil {
		return g.link.follower.matches(state, text) != g.link.negated
	}
	return g.link.operator.Evaluate(state, text) != g.link.negated
}

// guards are all guards of one variable.
type guards struct {
	variable  variables.RuleVariable
	words     *automaton // of the literals, shared with other variables
	list      []*guard
	selective bool // some do not apply to every key
	nodes     []node
	byLiteral map[int][]*guard // by literal of the automaton
	byByte    []byteGuard
	bytes     byteSet // of all byByte
	always    []*guard
	sieve     *sieve // of a response's body; nil: none
}

// node is one transformation after another; the first is the value itself.
type node struct {
	step
	parent  int
	multi   bool     // for multiMatch, where a step that reports no change makes none
	readers []*guard // of its text
	alike   []int    // nodes before this one that do the same
}

// byteGuard is a guard that a text without any of some characters cannot
// match.
type byteGuard struct {
	*guard
	any byteSet
}

// add makes a guard of a link for one of its variables.
func (gs *guards) add(bit int, l *link, demand demand) {
	g := &guard{bit: bit, link: l, demand: demand}
	for _, t := range l.targets {
		if t.variable != gs.variable {
			continue
		}
		g.targets = append(g.targets, t)
	}
	if slices.ContainsFunc(g.targets, func(t target) bool { return t.key == "" && t.pattern == nil && len(t.except) == 0 }) {
		g.targets = nil
	} else {
		gs.selective = true
	}
	at := 0
	if len(gs.nodes) == 0 {
		gs.nodes = []node{{parent: -1}}
	}
	g.nodes = []int{0}
	for _, s := range l.steps {
		next := slices.IndexFunc(gs.nodes, func(n node) bool {
			return n.parent == at && n.apply != nil && n.prefix == s.prefix && n.multi == l.multi
		})
		if next < 0 {
			next = len(gs.nodes)
			gs.nodes = append(gs.nodes, node{step: s, parent: at, multi: l.multi, alike: gs.alike(s, l.multi)})
		}
		at = next
		g.nodes = append(g.nodes, at)
	}
	if !l.multi {
		g.nodes = g.nodes[len(g.nodes)-1:]
	}
	for _, n := range g.nodes {
		gs.nodes[n].readers = append(gs.nodes[n].readers, g)
	}
	gs.list = append(gs.list, g)
}

// alike are the nodes that do the same to their parent's text as a step would.
func (gs *guards) alike(s step, multi bool) []int {
	var out []int
	for n := 1; n < len(gs.nodes); n++ {
		if other := &gs.nodes[n]; other.multi == multi && reflect.ValueOf(other.apply).Pointer() == reflect.ValueOf(s.apply).Pointer() {
			out = append(out, n)
		}
	}
	return out
}

// compile distributes the guards over the ways of asking; index numbers the
// literals of the automaton.
func (gs *guards) compile(index func(literal string) int) {
	if stable[gs.variable] >= types.PhaseResponseBody { // long texts; elsewhere they are short
		gs.sieve = newSieve(gs)
		return
	}
	gs.byLiteral = map[int][]*guard{}
	for _, g := range gs.list {
		if g.first == nil {
			gs.always = append(gs.always, g)
			continue
		}
		var single byteSet
		for _, s := range g.first {
			need := needOf(s)
			g.needs = append(g.needs, need)
			if len(s) == 1 {
				single = single.or(bytesOf(s))
				g.wordless = append(g.wordless, need)
				continue
			}
			id := index(s)
			gs.byLiteral[id] = append(gs.byLiteral[id], g)
			if word := wordOf(s); word == "" {
				g.wordless = append(g.wordless, need)
			} else if gs.rewords(g) {
				index(word)
			}
		}
		g.needs, g.wordless = least(g.needs), least(g.wordless)
		gs.bytes = gs.bytes.or(single)
		if single != (byteSet{}) {
			gs.byByte = append(gs.byByte, byteGuard{g, single})
		}
	}
}

// countGuard is a link over the number of values under a key.
type countGuard struct {
	bit      int
	link     *link
	variable variables.RuleVariable
	key      string
	header   string          // the key as net/http writes a header's name
	final    types.RulePhase // when the number is final
}

func (g *countGuard) matches(n int, constants plugintypes.TransactionState) bool {
	value := strconv.Itoa(n)
	for _, s := range g.link.steps {
		if v, _, err := s.apply(value); err == nil {
			value = v
		}
	}
	return g.link.operator.Evaluate(constants, value) != g.link.negated
}

// rewords reports whether a guard may read texts of which only the words are known.
func (gs *guards) rewords(g *guard) bool {
	for _, n := range g.nodes {
		for ; n > 0; n = gs.nodes[n].parent {
			if gs.nodes[n].touch.words {
				return true
			}
		}
	}
	return false
}

// least leaves of some sets those that contain no other one.
func least(sets []byteSet) []byteSet {
	var out []byteSet
	for i, set := range sets {
		if !slices.ContainsFunc(out, func(o byteSet) bool { return o.within(&set) }) &&
			!slices.ContainsFunc(sets[i+1:], func(o byteSet) bool { return o != set && o.within(&set) }) {
			out = append(out, set)
		}
	}
	return out
}

// scratch is the working memory of one evaluation.
type scratch struct {
	views   []view // by node
	bases   []base
	bits    []int    // result
	found   []uint32 // by literal of the automaton: the turn in which it was found last
	turn    uint32
	asking  []*guard // whose first literals are in the text
	hits    []int    // the literals that are in the text
	weighed []bool   // of a sieve, by guard
	asks    []asking // of a long text
	dfas    []*dfa
	answers []bool
}

// hit notes that a literal is in the text.
func (s *scratch) hit(id int) {
	if s.found[id] != s.turn {
		s.found[id] = s.turn
		s.hits = append(s.hits, id)
	}
}

// next begins another text.
func (s *scratch) next(words int) {
	if s.turn++; s.turn == 0 || len(s.found) < words {
		s.found, s.turn = make([]uint32, words), 1
	}
	s.asking, s.hits = s.asking[:0], s.hits[:0]
}

// forget lets go of a value.
func (s *scratch) forget() {
	clear(s.views)
	clear(s.bases)
	clear(s.asks)
}

// evaluate returns the guards whose operator matches the value; the slice is
// valid until the next call.
func (gs *guards) evaluate(c *clearance, s *scratch, key, value string) []int {
	s.bits = s.bits[:0]
	if gs.sieve != nil {
		gs.sieve.sift(s, value)
		if len(s.asking) > 0 {
			gs.askAll(c, s, key, value)
		}
		return s.bits
	}
	gs.read(s, value)
	for d := 0; d < len(s.bases); d++ { // a search may find more
		gs.search(c, s, d, key)
	}
	return s.bits
}

// askAll asks the guards that a long text may concern.
func (gs *guards) askAll(c *clearance, s *scratch, key, value string) {
	gs.read(s, value)
	for _, g := range s.asking {
		gs.ask(c, s, g, key, -1)
	}
}

// folds is a variable for the test that breaks it.
var folds = foldsToASCII

// search asks the guards whose literals are in one of the bases.
func (gs *guards) search(c *clearance, s *scratch, d int, key string) {
	text := s.bases[d].text
	if folds(text) {
		for _, g := range gs.list {
			gs.ask(c, s, g, key, d)
		}
		return
	}
	gs.suspect(s, d, key)
	exactly, words := gs.readers(s, d)
	if !exactly && !words {
		return
	}
	s.next(gs.words.literals)
	gs.words.scan(text, s.hit)
	if words {
		gs.suspectWords(s, d, key)
	}
	seen := s.bases[d].bytes.folded()
	for _, id := range s.hits {
		for _, g := range gs.byLiteral[id] {
			if g.allows(&seen) {
				s.asking = append(s.asking, g)
			}
		}
	}
	if seen.meets(&gs.bytes) {
		for i := range gs.byByte {
			if g := &gs.byByte[i]; seen.meets(&g.any) && g.allows(&seen) {
				s.asking = append(s.asking, g.guard)
			}
		}
	}
	s.asking = append(s.asking, gs.always...)
	if len(text) >= lockstepFrom {
		gs.askAbreast(c, s, key, d)
		return
	}
	for _, g := range s.asking {
		gs.ask(c, s, g, key, d)
	}
}

// sameFolded reports whether two texts are the same but for the case of ASCII:
// they hold the same literals.
func sameFolded(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	if same(a, b) {
		return true
	}
	for i := range len(a) {
		if a[i] != b[i] && (a[i]|0x20 != b[i]|0x20 || a[i]|0x20 < 'a' || a[i]|0x20 > 'z') {
			return false
		}
	}
	return true
}

// ask evaluates a guard at its nodes whose text is exactly the d-th base but for its
// case, or at all of them when d is negative.
func (gs *guards) ask(c *clearance, s *scratch, g *guard, key string, d int) {
	if slices.Contains(s.bits, g.bit) || !g.applies(key) {
		return
	}
	last := -1
	for _, n := range g.nodes {
		if v := &s.views[n]; d >= 0 && (v.base != d || v.kind != exact) {
			continue
		}
		text := gs.make(s, n)
		if last >= 0 && same(text, s.views[last].text) {
			continue // asked already
		}
		if last = n; g.asked(c.constants, text) {
			s.bits = append(s.bits, g.bit)
			return
		}
	}
}
