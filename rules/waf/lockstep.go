package waf

import (
	"slices"
	"unicode/utf8"
	"unsafe"
)

// A dfa waits for memory at every byte of a text: the next state's place is known
// only when the last one has been read. Several of them that go through one text
// side by side wait together, which makes each of them three to four times as fast.
const (
	abreast = 4
	// lockstepFrom is the shortest text for which that is worth while, in bytes.
	lockstepFrom = 256
)

// spent is the state of a dfa that is done with a text: it leads to itself.
var spent = func() *state {
	s := &state{next: make([]atomicState, maxClasses+2)}
	for i := range s.next {
		s.next[i].Store(s)
	}
	return s
}()

// walker is a dfa on its way through a text.
type walker struct {
	at    *state
	class *[256]uint8
	d     *dfa
	steps int   // states that it may still make
	may   *bool // the answer
}

// done ends the way with an answer.
func (w *walker) done(may bool) {
	*w.may = may
	w.at = spent
}

// step goes on by a class of characters.
func (w *walker) step(class int) {
	if w.at == spent {
		return
	}
	next := w.at.next[class].Load()
	if next == nil {
		if w.steps--; w.steps < 0 {
			w.done(true)
			return
		}
		next = w.d.step(w.at, class)
	}
	if w.at = next; next == accept {
		w.done(true)
	}
}

// character goes on by a character beyond ASCII, or what is none, of so many bytes.
func (w *walker) character(text string, c rune) {
	if w.at == spent {
		return
	}
	if !w.d.bytes {
		w.step(int(w.d.classOf(c)))
		return
	}
	for i := range len(text) {
		w.step(int(w.class[text[i]]))
	}
}

// mayEach asks every dfa what [dfa.may] says of a text; answers is as long as ds.
func mayEach(ds []*dfa, text string, answers []bool) {
	for len(ds) >= abreast {
		lockstep((*[abreast]*dfa)(ds), text, (*[abreast]bool)(answers))
		ds, answers = ds[abreast:], answers[abreast:]
	}
	if len(ds) == 0 {
		return
	}
	if len(ds) == 1 {
		answers[0] = ds[0].may(text)
		return
	}
	var some [abreast]*dfa
	var what [abreast]bool
	copy(some[:], ds)
	lockstep(&some, text, &what)
	copy(answers, what[:])
}

// lockstep is mayEach for as many as go abreast, nil for none.
func lockstep(ds *[abreast]*dfa, text string, answers *[abreast]bool) {
	var ws [abreast]walker
	for k, d := range ds {
		w := &ws[k]
		w.may = &answers[k]
		*w.may = false
		if d == nil {
			w.at, w.class = spent, &ds[0].class
			continue
		}
		w.d, w.class, w.at, w.steps = d, &d.class, d.first(), freeSteps+len(text)/8
	}
	for i := 0; i < len(text); {
		i = pace(&ws, text, i)
		if i == len(text) {
			break
		}
		// What pace leaves: a character beyond ASCII, a state that is not made yet, or
		// the end of one's way.
		if b := text[i]; b < utf8.RuneSelf {
			for k := range ws {
				ws[k].step(int(ws[k].class[b]))
			}
			i++
		} else {
			c, size := utf8.DecodeRuneInString(text[i:])
			for k := range ws {
				ws[k].character(text[i:i+size], c)
			}
			i += size
		}
		if ws[0].at == spent && ws[1].at == spent && ws[2].at == spent && ws[3].at == spent {
			return
		}
	}
	for k := range ws {
		if w := &ws[k]; w.at != spent {
			w.steps = max(w.steps, 1) // the end of a text is free, see dfa.may
			w.step(len(w.d.bounds))
		}
	}
}

// pace goes on through the characters of ASCII as long as every state is known, and
// returns where it stopped.
func pace(ws *[abreast]walker, text string, i int) int {
	a, b, c, d := ws[0].at, ws[1].at, ws[2].at, ws[3].at
	ca, cb, cc, cd := ws[0].class, ws[1].class, ws[2].class, ws[3].class
	for ; i < len(text); i++ {
		x := text[i]
		if x >= utf8.RuneSelf {
			break
		}
		na, nb, nc, nd := a.after(ca[x]), b.after(cb[x]), c.after(cc[x]), d.after(cd[x])
		if na == nil || nb == nil || nc == nil || nd == nil || na == accept || nb == accept || nc == accept || nd == accept {
			break
		}
		a, b, c, d = na, nb, nc, nd
	}
	ws[0].at, ws[1].at, ws[2].at, ws[3].at = a, b, c, d
	return i
}

// after is the next state, nil if it is not made yet. A state has one for every
// class of its dfa.
func (s *state) after(class uint8) *state {
	return (*atomicState)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(s.next)), uintptr(class)*unsafe.Sizeof(atomicState{}))).Load() // #nosec G103 -- see above
}

// asking is a guard that is to be asked about a text.
type asking struct {
	*guard
	text string
	done bool
}

// askAbreast is ask for the guards of s.asking, of which those with expressions that
// are followed go through a text side by side.
func (gs *guards) askAbreast(c *clearance, s *scratch, key string, d int) {
	s.asks = s.asks[:0]
	for _, g := range s.asking {
		if g.link.follower == nil || g.link.follower.dfa() == nil {
			gs.ask(c, s, g, key, d)
			continue
		}
		for _, n := range g.nodes {
			if v := &s.views[n]; v.base == d && v.kind == exact {
				a := asking{guard: g, text: gs.make(s, n)}
				if !slices.ContainsFunc(s.asks, func(o asking) bool { return o.guard == g && same(o.text, a.text) }) && g.applies(key) {
					s.asks = append(s.asks, a)
				}
			}
		}
	}
	for i := range s.asks {
		if !s.asks[i].done {
			gs.askOf(c, s, s.asks[i:])
		}
	}
}

// askOf asks all guards that are to be asked about the first one's text.
func (gs *guards) askOf(c *clearance, s *scratch, asks []asking) {
	s.dfas, s.answers = s.dfas[:0], s.answers[:0]
	text := asks[0].text
	for i := range asks {
		if a := &asks[i]; same(a.text, text) {
			s.dfas, s.answers = append(s.dfas, a.link.follower.dfa()), append(s.answers, false)
		}
	}
	mayEach(s.dfas, text, s.answers)
	k := 0
	for i := range asks {
		a := &asks[i]
		if !same(a.text, text) {
			continue
		}
		matches := s.answers[k] && !slices.Contains(s.bits, a.bit) && a.link.follower.Operator.Evaluate(c.constants, text)
		if k++; matches != a.link.negated && !slices.Contains(s.bits, a.bit) {
			s.bits = append(s.bits, a.bit)
		}
		a.done = true
	}
}
