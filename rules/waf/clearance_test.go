package waf

import (
	"errors"
	"flag"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode"

	"github.com/corazawaf/coraza/v3"
	"github.com/corazawaf/coraza/v3/types"
	"github.com/corazawaf/coraza/v3/types/variables"

	"github.com/ordergate/ordergate/rules"
)

// long is the number of requests of the long proof: 200000 and more before a
// release.
var long = flag.Int("clearance.requests", 0, "requests of the long proof of clearance")

func foldOnce(c rune) rune { return unicode.SimpleFold(c) }

// subject is a clearance beside the full rule set that it speaks for.
type subject struct {
	full *Engine
	*clearance
	*analysis
}

// compiled are made once for all tests of a paranoia level.
var compiled [5]func() (*subject, error)

func init() {
	for level := range compiled {
		compiled[level] = sync.OnceValues(func() (*subject, error) { return newSubject(Config{Paranoia: level}) })
	}
}

func newSubject(config Config) (*subject, error) {
	config.Threshold, config.RequestBody, config.ResponseBody, config.Uncleared = 5, 128<<10, 64<<10, true
	full, err := New(config)
	if err != nil {
		return nil, err
	}
	c, a, err := newClearance(full.waf, func() (coraza.WAF, error) {
		e, err := New(config)
		if err != nil {
			return nil, err
		}
		return e.waf, nil
	})
	if err == nil && c == nil {
		err = fmt.Errorf("no clearance: %s", strings.Join(a.off, "; "))
	}
	return &subject{full, c, a}, err
}

func subjectOf(t testing.TB, level int) *subject {
	t.Helper()
	s, err := compiled[level]()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// clears reports whether clearance says of a request that no rule can match.
func (s *subject) clears(r *Request) bool {
	quick := s.begin(s.start)
	defer quick.close()
	return quick.passes(r)
}

// start begins a transaction.
func (s *subject) start(w coraza.WAF) types.Transaction {
	return s.full.transaction(w, rules.ExchangeID{1})
}

// judge is the full rule set's word.
func (s *subject) judge(r *Request) (rules.Verdict, Report, error) {
	tx := s.full.Begin(rules.ExchangeID{1})
	verdict, err := tx.Request(r)
	report, closing := tx.Finish()
	return verdict, report, errors.Join(err, closing)
}

// prove reports whether a request is cleared; the error is that the full rule
// set then says anything at all.
func (s *subject) prove(r *Request) (bool, error) {
	if !s.clears(r) {
		return false, nil
	}
	want := s.report(types.PhaseRequestBody)
	want.Clearance = Uncleared
	verdict, report, err := s.judge(r)
	for range doubts { // Coraza may be of two minds
		if err != nil || verdict == rules.Passed && reflect.DeepEqual(report, want) {
			break
		}
		verdict, report, err = s.judge(r)
	}
	if err == nil && (verdict != rules.Passed || !reflect.DeepEqual(report, want)) {
		err = fmt.Errorf("cleared, but judged %+v with %+v, want %+v: %s %q %v %q", verdict, report, want, r.Method, r.URI, r.Header, r.Body)
	}
	return true, err
}

// TestProof compares clearance with the full rule set, over clean traffic and
// over attacks.
func TestProof(t *testing.T) {
	for level := 1; level <= 4; level++ {
		t.Run(fmt.Sprint("paranoia ", level), func(t *testing.T) {
			if testing.Short() && level%3 != 1 {
				t.Skip("levels 1 and 4 will do")
			}
			s := subjectOf(t, level)
			requests := 1000
			switch {
			case testing.Short():
				requests = 48
			case level > 1:
				requests = 160
			}
			if *long > 0 {
				requests = *long / 4
			}
			traffic := newTraffic(uint64(level), s.analysis)
			count := [2]int{}
			for i := range requests {
				for kind, value := range []func() string{traffic.attack, traffic.clean} {
					if kind == 1 && i%4 > 0 {
						continue
					}
					cleared, err := s.prove(traffic.request(value))
					if err != nil {
						t.Fatal(err)
					}
					if cleared {
						count[kind]++
					}
				}
			}
			t.Logf("%d of %d clean requests cleared, and %d of %d with a value that a rule looks for", count[1], (requests+3)/4, count[0], requests)
			if level == 1 && count[1] < requests/8 {
				t.Error("fewer than half of the clean requests were cleared: clearance does next to nothing")
			}
		})
	}
}

// TestGuards compares literals and automaton with their slow twin: every
// guard's operator asked about every value.
func TestGuards(t *testing.T) {
	s := subjectOf(t, 4)
	traffic := newTraffic(4, s.analysis)
	every, each := 1, 12
	if testing.Short() {
		every, each = 4, 1
	}
	for i := range 160 / every {
		value := traffic.attack()
		if i%8 == 0 {
			value = traffic.clean()
		}
		s.twins(t, value)
	}
	// Every guard with what its own operator matches.
	for _, gs := range s.guards {
		for i, g := range gs.list {
			if i%every > 0 {
				continue
			}
			file := s.rules[s.sources[g.bit].rule].file
			for _, value := range traffic.matching(g.link, file, 1) {
				if err := s.twin(gs, value); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	// The rules about a response's body, with what they look for inside a page.
	gs := s.guards[variables.ResponseBody]
	for _, g := range gs.list {
		for _, value := range traffic.matching(g.link, s.rules[s.sources[g.bit].rule].file, each) {
			for _, text := range []string{value, page + value + page, page + traffic.mutate(value), value[:len(value)/2] + page + value[len(value)/2:]} {
				if err := s.twin(gs, text); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// page has the beginnings and words that rules about leaks look for, and is
// innocent.
const page = "<!DOCTYPE html>\n<html>\n<head><title>Red dress</title><link rel=\"icon\" href=\"/i.png\"/><script>java.error at com</script></head>\n" +
	"<p>Warning: errors at org. " +
	"Oracle MySQL pg_ PostgreSQL ORA- exception</p></html>\n"

// TestDemand: what a match must contain is told apart by its alternatives.
func TestDemand(t *testing.T) {
	for _, c := range []struct {
		expression string
		text       string // lower case
		may        bool
	}{
		{`Warning.{1,20}\bpg_.*|valid PostgreSQL result`, "warning: postgresql", false},
		{`Warning.{1,20}\bpg_.*|valid PostgreSQL result`, "warning: pg_query", true},
		{`Warning.{1,20}\bpg_.*|valid PostgreSQL result`, "a valid postgresql result", true},
		{`\b(?:at\s+(?:com|org)|java[a-z]+Error)\b`, "javascript at schema.org", false},
		{`\b(?:at\s+(?:com|org)|java[a-z]+Error)\b`, "at org", true},
		{`\b(?:at\s+(?:com|org)|java[a-z]+Error)\b`, "at \t org", true},
		{`\b(?:at\s+(?:com|org)|java[a-z]+Error)\b`, "javalangerror", true},
		{`P(?:ost(?:gre|man)|G::[a-z]*Error)`, "pg::", false},
		{`P(?:ost(?:gre|man)|G::[a-z]*Error)`, "pg::xerror", true},
		{`P(?:ost(?:gre|man)|G::[a-z]*Error)`, "postman", true},
		{`[a-z]*`, "", true},
		{`(?:ab)?cd|x`, "x", true},
	} {
		d := required("(?sm)"+c.expression, false, maxPageLiteral)
		holds := func(s string) bool { return strings.Contains(c.text, s) }
		may := d.first == nil || slices.ContainsFunc(d.first, holds) && (d.ways == nil || slices.ContainsFunc(d.ways, func(way [][]string) bool {
			return !slices.ContainsFunc(way, func(set []string) bool { return !slices.ContainsFunc(set, holds) })
		}))
		if may != c.may {
			t.Errorf("%s in %q: %v, want %v: %+v", c.expression, c.text, may, c.may, d)
		}
	}
}

func (s *subject) twins(t testing.TB, value string) {
	t.Helper()
	for _, gs := range s.guards {
		if err := s.twin(gs, value); err != nil {
			t.Fatal(err)
		}
	}
}

// twin compares the quick and the slow evaluation of the guards of a variable.
func (s *subject) twin(gs *guards, value string) error {
	key := ""
	if gs.selective {
		key = "user-agent"
	}
	quick := slices.Sorted(slices.Values(gs.evaluate(s.clearance, &scratch{}, key, value)))
	var slow []int
	for _, g := range gs.list {
		if g.applies(key) && s.asks(g, value) {
			slow = append(slow, g.bit)
		}
	}
	slices.Sort(slow)
	if !slices.Equal(quick, slow) {
		return fmt.Errorf("%s %q: guards %v, asking each of them says %v", gs.variable.Name(), value, quick, slow)
	}
	return nil
}

// asks applies a link's transformations and asks its operator, as Coraza does.
func (s *subject) asks(g *guard, value string) bool {
	asked := func(text string) bool { return g.link.operator.Evaluate(s.constants, text) != g.link.negated }
	if g.link.multi && asked(value) {
		return true
	}
	for _, step := range g.link.steps {
		text, changed, err := step.apply(value)
		if err != nil || g.link.multi && !changed {
			continue
		}
		if value = text; g.link.multi && asked(value) {
			return true
		}
	}
	return !g.link.multi && asked(value)
}
