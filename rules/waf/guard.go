package waf

import (
	"slices"
	"strconv"
	"strings"

	"github.com/corazawaf/coraza/v3/collection"
	"github.com/corazawaf/coraza/v3/experimental/plugins/plugintypes"
	"github.com/corazawaf/coraza/v3/types"
	"github.com/corazawaf/coraza/v3/types/variables"
)

// guard is a link whose operator is asked about one value at a time. It is
// asked with Coraza's own operator on the value that Coraza's own
// transformations make; the literals only spare the asking.
type guard struct {
	bit     int // number of the link among all guards
	link    *link
	targets []target // of the variable of its set; empty means every value
	nodes   []int    // where in the set's transformations its values are
	demand           // of every match; without a first literal the operator is always asked
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
		return g.link.follower.Evaluate(state, text) != g.link.negated
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
	parent int
	multi  bool // for multiMatch, where a step that reports no change makes none
}

// byteGuard is a guard that a text without any of some characters cannot
// match.
type byteGuard struct {
	*guard
	any byteSet
}

// byteSet is a set of bytes, upper case letters of ASCII folded to lower.
type byteSet [4]uint64

func (s *byteSet) add(c byte) {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	s[c>>6] |= 1 << (c & 63)
}

func (s *byteSet) meets(o *byteSet) bool {
	return s[0]&o[0]|s[1]&o[1]|s[2]&o[2]|s[3]&o[3] != 0
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
			gs.nodes = append(gs.nodes, node{s, at, l.multi})
		}
		at = next
		g.nodes = append(g.nodes, at)
	}
	if !l.multi {
		g.nodes = g.nodes[len(g.nodes)-1:]
	}
	gs.list = append(gs.list, g)
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
			if len(s) == 1 {
				single.add(s[0])
				gs.bytes.add(s[0])
				continue
			}
			id := index(s)
			gs.byLiteral[id] = append(gs.byLiteral[id], g)
		}
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
	final    types.RulePhase // when the number is final
}

func (g *countGuard) matches(state, constants plugintypes.TransactionState) bool {
	n := 0
	switch c := state.Collection(g.variable).(type) {
	case nil:
	case collection.Keyed:
		if g.key != "" {
			n = len(c.FindString(g.key))
			break
		}
		n = len(c.FindAll())
	default:
		n = len(c.FindAll())
	}
	value := strconv.Itoa(n)
	for _, s := range g.link.steps {
		if v, _, err := s.apply(value); err == nil {
			value = v
		}
	}
	return g.link.operator.Evaluate(constants, value) != g.link.negated
}

// scratch is the working memory of one evaluation.
type scratch struct {
	texts    []string // by node
	distinct []string // texts that differ in more than the case of ASCII
	which    []int    // node to index in distinct
	bits     []int    // result
	found    []uint32 // by literal of the automaton: the turn in which it was found last
	turn     uint32
	asking   []*guard // whose first literals are in the text
	hits     []int    // of a sieve: the literals that are in the text
	weighed  []bool   // of a sieve, by guard
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
	gs.transform(s, value)
	for d, text := range s.distinct {
		gs.search(c, s, d, text, key)
	}
	for _, g := range gs.always {
		gs.ask(c, s, g, key, -1)
	}
	return s.bits
}

// asItIs are the nodes of a guard that reads a value as it is.
var asItIs = []int{0}

// askAll asks the guards that a long text may concern.
func (gs *guards) askAll(c *clearance, s *scratch, key, value string) {
	s.texts = append(s.texts[:0], value)
	if slices.ContainsFunc(s.asking, func(g *guard) bool { return !slices.Equal(g.nodes, asItIs) }) {
		gs.transform(s, value)
	}
	for _, g := range s.asking {
		gs.ask(c, s, g, key, -1)
	}
}

// transform fills the texts of all nodes.
func (gs *guards) transform(s *scratch, value string) {
	s.texts = append(s.texts[:0], value)
	s.distinct = append(s.distinct[:0], value)
	s.which = append(s.which[:0], 0)
	for _, n := range gs.nodes[1:] {
		before := s.texts[n.parent]
		text, changed, err := n.apply(before)
		if err != nil || n.multi && !changed {
			text = before
		}
		d := s.which[n.parent]
		if text != before && !sameFolded(text, s.distinct[d]) {
			if d = slices.IndexFunc(s.distinct, func(known string) bool { return sameFolded(text, known) }); d < 0 {
				d = len(s.distinct)
				s.distinct = append(s.distinct, text)
			}
		}
		s.texts = append(s.texts, text)
		s.which = append(s.which, d)
	}
}

// folds is a variable for the test that breaks it.
var folds = foldsToASCII

// search asks the guards whose literals are in one of the distinct texts.
func (gs *guards) search(c *clearance, s *scratch, d int, text, key string) {
	if folds(text) {
		for _, g := range gs.list {
			gs.ask(c, s, g, key, d)
		}
		return
	}
	s.next(gs.words.literals)
	if len(gs.byByte) > 0 {
		gs.searchBytes(s, text)
	}
	gs.words.scan(text, func(id int) {
		if s.found[id] != s.turn {
			s.found[id] = s.turn
			s.asking = append(s.asking, gs.byLiteral[id]...)
		}
	})
	for _, g := range s.asking {
		gs.ask(c, s, g, key, d)
	}
}

// searchBytes notes the guards of which one of their characters is in the text.
func (gs *guards) searchBytes(s *scratch, text string) {
	var seen byteSet
	for i := range len(text) {
		seen.add(text[i])
	}
	if !seen.meets(&gs.bytes) {
		return
	}
	for i := range gs.byByte {
		if g := &gs.byByte[i]; seen.meets(&g.any) {
			s.asking = append(s.asking, g.guard)
		}
	}
}

// sameFolded reports whether two texts are the same but for the case of ASCII:
// they hold the same literals.
func sameFolded(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if a[i] != b[i] && (a[i]|0x20 != b[i]|0x20 || a[i]|0x20 < 'a' || a[i]|0x20 > 'z') {
			return false
		}
	}
	return true
}

// ask evaluates a guard at its nodes whose text is the d-th distinct one, or
// at all of them when d is negative.
func (gs *guards) ask(c *clearance, s *scratch, g *guard, key string, d int) {
	if slices.Contains(s.bits, g.bit) || !g.applies(key) {
		return
	}
	for _, n := range g.nodes {
		if (d < 0 || s.which[n] == d) && g.asked(c.constants, s.texts[n]) {
			s.bits = append(s.bits, g.bit)
			return
		}
	}
}
