package waf

import (
	"hash/maphash"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/corazawaf/coraza/v3/types"
	"github.com/corazawaf/coraza/v3/types/variables"
)

// TestBrokenAnalysis breaks the analysis on purpose: the proof must see it.
func TestBrokenAnalysis(t *testing.T) {
	if testing.Short() {
		t.Skip("breaks one goroutine's analysis many times: the race detector learns nothing")
	}
	s := subjectOf(t, 1)
	traffic := newTraffic(3, s.analysis)
	t.Run("a literal is lost", func(t *testing.T) {
		tried, seen := 0, 0
		for _, v := range []variables.RuleVariable{variables.Args, variables.RequestHeaders, variables.ResponseBody} {
			gs := s.guards[v]
			for _, id := range slices.Sorted(maps.Keys(gs.byLiteral)) {
				asked := gs.byLiteral[id]
				if g := asked[0]; len(g.first) <= 4 && g.link.function == "rx" && tried < 20 {
					tried++
					gs.byLiteral[id] = asked[1:]
					if s.sees(gs, traffic.matching(g.link, "", 200)) {
						seen++
					}
					gs.byLiteral[id] = asked
				}
			}
		}
		if tried < 20 || seen < tried*3/4 { // some literals are prefixes of others, or hard to come by
			t.Errorf("the loss of %d of %d literals was noticed", seen, tried)
		}
	})
	t.Run("further literals are lost", func(t *testing.T) {
		tried, seen := 0, 0
		gs := s.guards[variables.ResponseBody]
		for i := range gs.sieve.guards {
			c := &gs.sieve.guards[i]
			if slices.Contains(gs.sieve.always, i) || c.link.function != "rx" {
				continue
			}
			tried++
			before := c.ways
			c.ways = []alternative{{sets: [][]int{{}}}}
			if s.sees(gs, traffic.matching(c.link, "", 200)) {
				seen++
			}
			c.ways = before
		}
		if tried < 20 || seen < tried*3/4 { // some expressions are hard to spell
			t.Errorf("the loss of %d of %d sets was noticed", seen, tried)
		}
	})
	t.Run("a transformation is lost", func(t *testing.T) {
		gs, lost := s.guards[variables.Args], 0
		for i := 1; i <= 8; i++ {
			apply := gs.nodes[i].apply
			var values []string
			for _, g := range gs.list {
				if slices.Contains(g.nodes, i) {
					for _, v := range traffic.matching(g.link, s.rules[s.sources[g.bit].rule].file, 20) {
						values = append(values, traffic.mutate(v))
					}
				}
			}
			gs.nodes[i].apply = func(text string) (string, bool, error) { return text, false, nil }
			if s.sees(gs, values) {
				lost++
			}
			gs.nodes[i].apply = apply
		}
		if lost < 3 {
			t.Errorf("the loss of %d of 8 transformations was noticed, want at least 3", lost)
		}
	})
	t.Run("words are taken for whole that are not", func(t *testing.T) {
		gs := s.guards[variables.Args]
		broken := slices.Clone(gs.nodes)
		gs.nodes, broken = broken, gs.nodes
		defer func() { gs.nodes = broken }()
		for i := range gs.nodes {
			gs.nodes[i].touch.breaks = byteSet{}
		}
		if !s.sees(gs, []string{`cat </d"e"v/t^cp/10.0.0.1/80`, `wri't'e-outp"u"t x`, `/e'tc'/pass"wd"`}) {
			t.Error("goes unnoticed")
		}
	})
	t.Run("the words of literals are lost", func(t *testing.T) {
		gs := s.guards[variables.Args]
		before := gs.words.owners
		gs.words.owners = make([][]int, len(before))
		defer func() { gs.words.owners = before }()
		if !s.sees(gs, []string{"a , busybox", "x,  /etc/passwd", "/a/../etc/passwd"}) {
			t.Error("goes unnoticed")
		}
	})
	t.Run("the bytes of literals are lost", func(t *testing.T) {
		gs, seen := s.guards[variables.Args], 0
		for _, g := range gs.list {
			needs, wordless := g.needs, g.wordless
			g.needs, g.wordless = nil, nil
			values := traffic.matching(g.link, "", 20)
			for i, v := range values {
				values[i] = strings.ReplaceAll(v, " ", " \t")
			}
			if s.sees(gs, values) {
				seen++
			}
			g.needs, g.wordless = needs, wordless
		}
		if seen < 3 {
			t.Errorf("noticed for %d guards", seen)
		}
	})
	t.Run("a text must hold more bytes than a match does", func(t *testing.T) {
		gs, tried, seen := s.guards[variables.Args], 0, 0
		for _, g := range gs.list {
			if g.link.function != "rx" || g.first == nil || tried == 20 {
				continue
			}
			tried++
			before := g.bytes
			g.bytes = append(slices.Clone(before), []byteSet{bytesOf("\x01")})
			if s.sees(gs, traffic.matching(g.link, "", 40)) {
				seen++
			}
			g.bytes = before
		}
		if tried < 20 || seen < tried*3/4 {
			t.Errorf("noticed for %d of %d guards", seen, tried)
		}
	})
	t.Run("the folds of s and k are plain", func(t *testing.T) {
		folds = func(string) bool { return false }
		defer func() { folds = foldsToASCII }()
		for _, g := range s.guards[variables.Args].list {
			values := traffic.matching(g.link, "", 5)
			for i, v := range values {
				values[i] = strings.NewReplacer("s", "\u017f", "k", "\u212a").Replace(v)
			}
			if s.sees(s.guards[variables.Args], values) {
				return
			}
		}
		t.Error("goes unnoticed")
	})
	t.Run("the sieve loses a literal", func(t *testing.T) {
		gs, tried, seen := s.guards[variables.ResponseBody], 0, 0
		for i, c := range gs.sieve.guards {
			if c.link.function != "rx" || slices.Contains(gs.sieve.always, i) || len(c.ways) > 8 {
				continue
			}
			tried++
			before := gs.sieve.bits
			for _, at := range gs.sieve.table {
				w := at.window
				for _, p := range at.of {
					if slices.ContainsFunc(c.ways, func(way alternative) bool { return slices.Contains(slices.Concat(way.sets...), p.id) }) {
						gs.sieve.bits[windowHash(w)>>6] &^= 1 << (windowHash(w) & 63)
					}
				}
			}
			if s.sees(gs, traffic.matching(c.link, "", 200)) {
				seen++
			}
			gs.sieve.bits = before
		}
		if tried < 10 || seen < tried*3/4 { // some expressions are hard to spell
			t.Errorf("the loss of the literals of %d of %d rules was noticed", seen, tried)
		}
	})
	t.Run("an expression is followed wrongly", func(t *testing.T) {
		gs, tried, seen := s.guards[variables.Args], 0, 0
		for _, g := range gs.list {
			if g.link.function != "rx" || tried == 20 {
				continue
			}
			tried++
			before := g.link.follower.dfa
			g.link.follower.dfa = func() *dfa { return newDFA(`\b\B`, false, newRoom()) }
			if s.sees(gs, traffic.matching(g.link, "", 40)) {
				seen++
			}
			g.link.follower.dfa = before
		}
		if tried < 20 || seen < tried*3/4 {
			t.Errorf("%d of %d wrong expressions were noticed", seen, tried)
		}
	})
	t.Run("a settled rule is forgotten", func(t *testing.T) {
		before := s.settled
		s.settled = nil
		defer func() { s.settled = before }()
		r := browser("GET", "/products/1", 1, "", "")
		r.Header.Set("Proxy", "1")
		if _, err := s.prove(r); err == nil {
			t.Error("goes unnoticed")
		}
	})
	whole := func(name string, change func() (undo func())) {
		t.Run(name, func(t *testing.T) {
			defer change()()
			for range 4000 {
				s.proven.seeds = [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()} // nothing is known any more
				if _, err := s.prove(traffic.request(traffic.attack)); err != nil {
					return
				}
			}
			t.Error("goes unnoticed")
		})
	}
	whole("a rule is not checked", func() func() {
		i := slices.IndexFunc(s.clearance.checks, func(c check) bool { return s.rules[c.rule].id == 942100 })
		phase := s.clearance.checks[i].phase
		s.clearance.checks[i].phase = 9
		return func() { s.clearance.checks[i].phase = phase }
	})
	whole("a variable is forgotten", func() func() {
		before := s.phases[types.PhaseRequestBody]
		s.phases[types.PhaseRequestBody] = slices.DeleteFunc(slices.Clone(before), func(gs *guards) bool { return gs.variable == variables.Args })
		return func() { s.phases[types.PhaseRequestBody] = before }
	})
	t.Run("a structural rule may match", func(t *testing.T) {
		before := s.parsing
		defer func() { s.parsing = before }()
		for i, r := range s.rules {
			if s.treated[i] == structural {
				s.parsing = append(slices.Clone(s.parsing), r.id)
			}
		}
		slices.Sort(s.parsing)
		r := browser("GET", "/products/1", 1, "", "")
		r.Header.Set("Range", "bytes=500-1") // few random requests have one that is backward
		if _, err := s.prove(r); err == nil {
			t.Error("goes unnoticed")
		}
	})
}

// sees reports whether one of the values shows that a set of guards is broken.
func (s *subject) sees(gs *guards, values []string) bool {
	return slices.ContainsFunc(values, func(v string) bool { return s.twin(gs, v) != nil })
}

// sorted returns the guards by the name of their variable, so that a number
// means the same in every run.
func (s *subject) sorted() []*guards {
	return slices.SortedFunc(maps.Values(s.guards), func(a, b *guards) int { return strings.Compare(a.variable.Name(), b.variable.Name()) })
}
