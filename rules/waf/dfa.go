package waf

import (
	"encoding/binary"
	"regexp/syntax"
	"slices"
	"sync"
	"sync/atomic"
	"unicode"
	"unicode/utf8"
)

// dfa says whether a regular expression matches anywhere in a text, at a few
// nanoseconds a byte, where package regexp takes some thousand for the longest
// expressions of the Core Rule Set: it follows all ways of an expression at once,
// by states that are made when a text first leads to them. The states follow Russ
// Cox, Regular Expression Matching in the Wild (2010), section "DFA": the
// instructions that the text has reached, before the empty matches between its
// last character and the next one.
//
// It is asked before Coraza's own operator, which alone says that something
// matches. Safe for concurrent use.
type dfa struct {
	prog   *syntax.Prog
	bytes  bool       // a character is a byte
	bounds []rune     // class k of characters is from bounds[k] to before the next one
	class  [256]uint8 // of bytes that are characters
	room   *room
	making sync.Mutex // held to make states
	states atomic.Pointer[states]
	work   closure
}

// Bounds of a dfa. One with more classes of characters than a byte counts is not
// made; what is asked then is the operator.
const (
	maxClasses = 254
	// maxRoom is what the states of all expressions of a rule set take, in bytes; a
	// storefront's traffic needs a quarter of a MiB, with all kinds of attacks one and a half.
	// Beyond it all begin anew: texts of an attacker's choice fill it, and the next
	// honest ones soon have theirs again. Those of an expression that nobody asks
	// for are kept until somebody does, so the bound is twice this.
	maxRoom = 4 << 20
	// A text for which many states must be made is the operator's: making one takes
	// about as long as what the operator does in a step.
	freeSteps = 1000 // and one more for every eight bytes
)

// room is what the states of all expressions of a rule set may still take, in
// this turn.
type room struct{ left, turn atomic.Int64 }

func newRoom() *room {
	r := &room{}
	r.left.Store(maxRoom)
	return r
}

// states are those that were made so far.
type states struct {
	start *state
	by    map[string]*state
	turn  int64 // of the room
}

type atomicState = atomic.Pointer[state]

// state is what is known of a text up to a place in it.
type state struct {
	next   []atomicState // by class; the last one is the end of the text
	at     []uint32      // instructions that were reached
	before rune          // a character of the kind that came last, -1 for none
}

// accept is the state of every text that has matched.
var accept = &state{}

// closure is the working memory to make a state.
type closure struct {
	seen  []uint32 // by instruction: the turn in which it was reached last
	turn  uint32
	stack []uint32
	key   []byte
}

// newDFA returns nil for an expression that it cannot follow.
func newDFA(expression string, overBytes bool, r *room) *dfa {
	re, err := syntax.Parse(expression, syntax.Perl)
	if err != nil {
		return nil
	}
	prog, err := syntax.Compile(re.Simplify())
	if err != nil {
		return nil
	}
	d := &dfa{prog: prog, bytes: overBytes, bounds: boundsOf(prog), room: r}
	if len(d.bounds) > maxClasses {
		return nil
	}
	for c := range d.class {
		d.class[c] = d.classOf(rune(c))
	}
	d.work.seen = make([]uint32, len(prog.Inst))
	return d
}

// boundsOf divides all characters into ranges of which no instruction tells two
// members apart, and no empty match.
func boundsOf(prog *syntax.Prog) []rune {
	bounds := []rune{0, '\n', '\n' + 1, '0', '9' + 1, 'A', 'Z' + 1, '_', '_' + 1, 'a', 'z' + 1}
	add := func(lo, hi rune) { bounds = append(bounds, lo, hi+1) }
	for i := range prog.Inst {
		switch inst := &prog.Inst[i]; inst.Op {
		case syntax.InstRune, syntax.InstRune1:
			if len(inst.Rune) == 1 {
				c := inst.Rune[0]
				add(c, c)
				for f := unicode.SimpleFold(c); f != c && syntax.Flags(inst.Arg)&syntax.FoldCase != 0; f = unicode.SimpleFold(f) {
					add(f, f)
				}
				continue
			}
			for k := 0; k+1 < len(inst.Rune); k += 2 {
				add(inst.Rune[k], inst.Rune[k+1])
			}
		default: // any character, or none
		}
	}
	slices.Sort(bounds)
	return slices.Compact(bounds)
}

func (d *dfa) classOf(c rune) uint8 {
	if last := len(d.bounds) - 1; c >= d.bounds[last] {
		return uint8(last) //nolint:gosec // at most maxClasses
	}
	i, found := slices.BinarySearch(d.bounds, c)
	if !found {
		i--
	}
	return uint8(i) //nolint:gosec // at most maxClasses
}

// outcome is what a dfa says of a text.
type outcome uint8

const (
	never     outcome = iota // the expression does not match
	perhaps                  // it may: the text is left to the operator
	certainly                // it matches
)

// may reports whether the expression may match somewhere in the text; false is
// certain.
func (d *dfa) may(text string) bool { return d.follows(text) != never }

// follows says whether the expression matches somewhere in the text. Over bytes it is
// never certain: there a dfa may take for a match what the operator does not.
func (d *dfa) follows(text string) outcome {
	matches := certainly
	if d.bytes {
		matches = perhaps
	}
	at, steps := d.first(), freeSteps+len(text)/8
	for i := 0; i < len(text); {
		var class uint8
		if b := text[i]; b < utf8.RuneSelf || d.bytes {
			class = d.class[b]
			i++
		} else {
			c, size := utf8.DecodeRuneInString(text[i:])
			class = d.classOf(c)
			i += size
		}
		next := at.next[class].Load()
		if next == nil {
			if steps--; steps < 0 {
				return perhaps
			}
			next = d.step(at, int(class))
		}
		if at = next; at == accept {
			return matches
		}
	}
	end := len(d.bounds)
	next := at.next[end].Load()
	if next == nil {
		next = d.step(at, end)
	}
	if next == accept {
		return matches
	}
	return never
}

// first returns the state at the beginning of a text.
func (d *dfa) first() *state {
	all := d.states.Load()
	if all == nil || all.turn != d.room.turn.Load() {
		all = d.begin()
	}
	return all.start
}

// begin makes the first state.
func (d *dfa) begin() *states {
	d.making.Lock()
	defer d.making.Unlock()
	return d.current()
}

// current returns the states of this turn.
func (d *dfa) current() *states {
	all, turn := d.states.Load(), d.room.turn.Load()
	if all == nil || all.turn != turn {
		all = &states{by: map[string]*state{}, turn: turn}
		all.start = d.intern(all, nil, -1)
		d.states.Store(all)
	}
	return all
}

// step makes the state that follows a state, or finds it.
func (d *dfa) step(from *state, class int) *state {
	d.making.Lock()
	defer d.making.Unlock()
	c := rune(-1)
	if class < len(d.bounds) {
		c = d.bounds[class]
	}
	reached, matched := d.follow(from, c)
	to := accept
	if !matched {
		to = d.intern(d.current(), reached, kindOf(c))
	}
	from.next[class].Store(to)
	return to
}

// kindOf returns a character that stands for all that empty matches tell from
// others.
func kindOf(c rune) rune {
	switch {
	case c < 0 || c == '\n':
		return c
	case syntax.IsWordChar(c):
		return 'a'
	}
	return ' '
}

// follow returns the instructions that are reached from a state by a character,
// negative for the end of the text, and whether the expression has matched
// before it.
func (d *dfa) follow(from *state, c rune) (reached []uint32, matched bool) {
	w := &d.work
	if w.turn++; w.turn == 0 {
		clear(w.seen)
		w.turn = 1
	}
	holds := syntax.EmptyOpContext(from.before, c)
	w.stack = append(append(w.stack[:0], uint32(d.prog.Start)), from.at...) //nolint:gosec // a program's index
	for len(w.stack) > 0 {
		pc := w.stack[len(w.stack)-1]
		w.stack = w.stack[:len(w.stack)-1]
		if w.seen[pc] == w.turn {
			continue
		}
		w.seen[pc] = w.turn
		switch inst := &d.prog.Inst[pc]; inst.Op {
		case syntax.InstAlt, syntax.InstAltMatch:
			w.stack = append(w.stack, inst.Out, inst.Arg)
		case syntax.InstCapture, syntax.InstNop:
			w.stack = append(w.stack, inst.Out)
		case syntax.InstEmptyWidth:
			if syntax.EmptyOp(inst.Arg)&^holds == 0 { //nolint:gosec // that is what it holds
				w.stack = append(w.stack, inst.Out)
			}
		case syntax.InstMatch:
			return nil, true
		case syntax.InstRune, syntax.InstRune1, syntax.InstRuneAny, syntax.InstRuneAnyNotNL:
			if c >= 0 && inst.MatchRune(c) {
				reached = append(reached, inst.Out)
			}
		case syntax.InstFail:
		}
	}
	slices.Sort(reached)
	return slices.Compact(reached), false
}

// intern returns the state of these instructions.
func (d *dfa) intern(all *states, at []uint32, before rune) *state {
	key := binary.AppendVarint(d.work.key[:0], int64(before))
	for _, pc := range at {
		key = binary.AppendUvarint(key, uint64(pc))
	}
	d.work.key = key
	if known := all.by[string(key)]; known != nil {
		return known
	}
	width := len(d.bounds) + 1
	s := &state{next: make([]atomicState, width), at: slices.Clone(at), before: before}
	all.by[string(key)] = s
	if d.room.left.Add(-int64(8*width+4*len(at)+len(key)+128)) < 0 {
		d.room.left.Store(maxRoom)
		d.room.turn.Add(1)
	}
	return s
}
