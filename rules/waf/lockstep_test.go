package waf

import (
	"regexp"
	"strings"
	"testing"
)

// FuzzLockstep compares expressions that go through a text side by side with package
// regexp, and with each by itself.
func FuzzLockstep(f *testing.F) {
	expressions := []string{`a`, `(?i)k`, `(?m)^a$`, `\ba\B`, `\Aa|b\z`, `[^\n]é*?`, `(?s).{3}x`, `(a|ab)(c|bcd)`, `\x{fffd}`, `$`, `\pL\PN`, `never, ever`}
	for i, expression := range expressions {
		for _, text := range []string{"", "a", "K", "\u212a", "xa\nb", "é\xff", "ab cd", "\n", strings.Repeat("word é\xff ", 40) + "abcd"} {
			f.Add(expression, expressions[(i+5)%len(expressions)], byte(i), text)
		}
	}
	f.Fuzz(func(t *testing.T, expression, other string, n byte, text string) {
		if len(expression) > 60 || len(other) > 60 || len(text) > 900 {
			return
		}
		var all []*dfa
		var want []bool
		for _, e := range []string{expression, other, `(?s)b.{2}c`, expression, `é|ü`, other, other}[:n%8] {
			re, err := regexp.Compile(e)
			if err != nil {
				return
			}
			d := newDFA(e, false, newRoom())
			if d == nil {
				return
			}
			all, want = append(all, d), append(want, re.MatchString(text))
		}
		got := make([]bool, len(all))
		for range 2 { // the second time on states that are there
			mayEach(all, text, got)
			for i := range all {
				if got[i] != want[i] || got[i] != all[i].may(text) {
					t.Fatalf("%d. of %q, %q in %q: %v, want %v", i, expression, other, text, got[i], want[i])
				}
			}
		}
	})
}

// TestLockstep: the rules' own expressions, also those over bytes, say side by side
// what each says by itself.
func TestLockstep(t *testing.T) {
	s := subjectOf(t, 4)
	traffic := newTraffic(13, s.analysis)
	var all []*dfa
	for _, l := range s.expressions() {
		if d := l.follower.dfa(); d != nil {
			all = append(all, d)
		}
	}
	got, matched := make([]bool, len(all)), 0
	for range 20 {
		text := traffic.clean() + "\xff é\u2028" + traffic.attack() + traffic.clean()
		mayEach(all, text, got)
		for i, d := range all {
			if want := d.may(text); got[i] != want {
				t.Errorf("%.60s in %q: %v, want %v", d.prog, text, got[i], want)
			}
			if got[i] {
				matched++
			}
		}
	}
	if matched == 0 {
		t.Error("nothing matches")
	}
}

// TestLockstepFreeSteps: what needs a state at every step is left to the operator,
// and does not hold up what goes beside it.
func TestLockstepFreeSteps(t *testing.T) {
	ds := []*dfa{newDFA(`(?s)a.{40}b.{40}c`, false, newRoom()), newDFA(`nowhere`, false, newRoom()), newDFA(`there`, false, newRoom())}
	var b strings.Builder
	for i := range 4000 {
		b.WriteString(token(i))
	}
	got := make([]bool, len(ds))
	mayEach(ds, b.String()+"there", got)
	if !got[0] || got[1] || !got[2] {
		t.Errorf("%v, want true, false, true", got)
	}
}
