package waf

import (
	"regexp"
	"strings"
	"sync"
	"testing"
)

// FuzzDFA compares every expression of the Core Rule Set as it is followed with
// what its operator says of the same text.
func FuzzDFA(f *testing.F) {
	for i, attack := range attacks {
		f.Add(uint16(i), attack)
		f.Add(uint16(i*7), "a\n"+strings.ToUpper(attack)+"\xff\u017f\u212a é\u2028")
	}
	f.Fuzz(func(t *testing.T, which uint16, text string) {
		if len(text) > 1<<10 {
			return
		}
		s := subjectOf(t, 4)
		links := s.expressions()
		l := links[int(which)%len(links)]
		if err := s.follows(l, text); err != "" {
			t.Fatal(err)
		}
	})
}

// expressions are the links with a regular expression.
func (s *subject) expressions() []*link {
	var out []*link
	for _, gs := range s.sorted() {
		for _, g := range gs.list {
			if g.link.function == "rx" {
				out = append(out, g.link)
			}
		}
	}
	return out
}

// follows returns what is wrong with a link's dfa: it must never deny what the
// operator matches, be certain of no other text, and over characters it must say just
// the same.
func (s *subject) follows(l *link, text string) string {
	d := l.follower.dfa()
	if d == nil {
		return ""
	}
	_, overBytes := l.expression()
	operator := l.operator
	if chain, ok := operator.(*captured); ok {
		operator = chain.first
	}
	is, matches := d.follows(text), operator.Evaluate(s.constants, text)
	if matches && is == never || !matches && (is == certainly || is == perhaps && !overBytes) {
		return "dfa of " + l.argument + ": wrong about " + text
	}
	return ""
}

// TestDFA: every expression of the rules is followed, and right about texts that
// it matches, and about others.
func TestDFA(t *testing.T) {
	s := subjectOf(t, 4)
	traffic := newTraffic(5, s.analysis)
	followed, each := 0, 6
	if testing.Short() {
		each = 1
	}
	for _, l := range s.expressions() {
		if l.follower.dfa() == nil {
			t.Errorf("the expression %.60s is not followed", l.argument)
			continue
		}
		followed++
		for _, text := range append(traffic.matching(l, "", each), page, traffic.clean(), traffic.attack()) {
			for _, text := range []string{text, "x" + text, "\n" + text + "\n", traffic.mutate(text)} {
				if err := s.follows(l, text); err != "" {
					t.Fatal(err)
				}
			}
		}
	}
	if followed < 200 {
		t.Errorf("%d expressions are followed", followed)
	}
}

// FuzzExpressions compares a dfa of any expression with package regexp.
func FuzzExpressions(f *testing.F) {
	for _, expression := range []string{
		``, `a`, `(?i)k`, `(?m)^a$`, `\ba\B`, `\Aa|b\z`, `[^\n]é*?`, `(?s).{3}x`, `(a|ab)(c|bcd)`, `\x{fffd}`, `(?i)[^k-s]`, `$`, `^`, `\b`, `(?m)$\n^x`, `\pL\PN`,
	} {
		for _, text := range []string{"", "a", "K", "\u212a", "xa\nb", "é\xff", "ab cd", "\n"} {
			f.Add(expression, text)
		}
	}
	f.Fuzz(func(t *testing.T, expression, text string) {
		if len(expression) > 60 || len(text) > 200 {
			return
		}
		re, err := regexp.Compile(expression)
		if err != nil {
			return
		}
		d := newDFA(expression, false, newRoom())
		if d == nil {
			return
		}
		for range 2 { // the second time on states that are there
			if got, want := d.may(text), re.MatchString(text); got != want {
				t.Fatalf("%q in %q: %v, want %v", expression, text, got, want)
			}
		}
	})
}

// TestRoom: states take no more than their room, whoever sends what, and what was
// forgotten is made again.
func TestRoom(t *testing.T) {
	const expression = `(?i)(?:a[^b]{8}c|\bselect\b.{3,9}from|x{20})`
	re, r := regexp.MustCompile("(?s)"+expression), newRoom()
	d := newDFA("(?s)"+expression, false, r)
	var texts []string
	for i := range 4000 {
		texts = append(texts, token(i)+" a"+token(i*31)+"c select "+token(i)[:i%12]+" from")
	}
	r.left.Store(100 << 10)
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Go(func() {
			for i := worker; i < len(texts); i += 2 { // each text by two workers
				if got, want := d.may(texts[i]), re.MatchString(texts[i]); got != want {
					t.Errorf("%q: %v, want %v", texts[i], got, want)
				}
				if i%100 == 0 {
					r.left.Store(20 << 10) // little is left again
				}
			}
		})
	}
	wg.Wait()
	if r.turn.Load() == 0 {
		t.Error("nothing was ever forgotten: the test fills no room")
	}
	if left := r.left.Load(); left < 0 || left > maxRoom {
		t.Errorf("%d bytes left of %d", left, maxRoom)
	}
}

// TestFreeSteps: a text for which a state must be made at every step is left to
// the operator.
func TestFreeSteps(t *testing.T) {
	d := newDFA(`(?s)a.{40}b.{40}z`, false, newRoom())
	var b strings.Builder
	for i := range 4000 {
		b.WriteString(token(i))
	}
	if is := d.follows(b.String()); is != perhaps {
		t.Error("a text that needs a new state at every step was followed to its end:", is)
	}
	if d.may(strings.Repeat("x", 200_000)) {
		t.Error("a long text of one character was not")
	}
}

// BenchmarkDFA is the longest expression of the Core Rule Set on prose, followed,
// and as its operator matches it.
func BenchmarkDFA(b *testing.B) {
	s := subjectOf(b, 1)
	var longest *link
	for _, l := range s.expressions() {
		if longest == nil || len(l.argument) > len(longest.argument) {
			longest = l
		}
	}
	text := strings.Repeat("Please leave the parcel with the neighbours at number 7; they are at home after six, thank you! ", 10)
	for name, ask := range map[string]func() bool{
		"followed": func() bool { return longest.follower.dfa().may(text) },
		"operator": func() bool { return longest.operator.Evaluate(s.constants, text) },
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				ask()
			}
		})
	}
}
