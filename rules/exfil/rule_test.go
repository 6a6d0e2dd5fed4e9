package exfil

import (
	"strings"
	"testing"
	"time"

	"github.com/ordergate/ordergate/rules"
)

// TestDefaultRules runs the tests that the shipped rules carry.
func TestDefaultRules(t *testing.T) {
	file, err := ParseRules("defaults.yaml", defaultRules)
	if err != nil {
		t.Fatal(err)
	}
	spoken := map[string]bool{}
	for i := range file.Tests {
		if err := file.Tests[i].Run(file.Rules); err != nil {
			t.Errorf("%s: %v", file.Tests[i].Name, err)
		}
		for name := range file.Tests[i].Expect {
			spoken[name] = true
		}
	}
	for _, r := range file.Rules {
		if !spoken[r.Name] || r.About == "" {
			t.Errorf("rule %s has no test in which it speaks, or does not say what it catches", r.Name)
		}
	}
}

func parseRules(t *testing.T, text string) RuleFile {
	t.Helper()
	file, err := ParseRules("test.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// TestRuleTestsFail: a test that expects something else does not pass.
func TestRuleTestsFail(t *testing.T) {
	file := parseRules(t, `
rules: [{name: many, count: subjects, by: session, window: 1h, limit: 2, severity: low}]
tests:
  - {name: quiet, events: [{foreign: 1, times: 2, every: 1m}]}
  - {name: speaks, events: [{foreign: 1, times: 4, every: 1m}], expect: {many: 2}}
  - {name: the window moves on, events: [{foreign: 1, times: 9, every: 31m}]}
  - {name: the same two again and again, events: [{foreign: 2, times: 9, same: true}]}
  - {name: two sessions, events: [{session: a, foreign: 2}, {session: b, foreign: 2}]}
  - {name: wrong, events: [{foreign: 3}]}
  - {name: wrong too, events: [{foreign: 1}], expect: {many: 1}}
`)
	for i := range file.Tests {
		err := file.Tests[i].Run(file.Rules)
		if wrong := strings.HasPrefix(file.Tests[i].Name, "wrong"); (err != nil) != wrong {
			t.Errorf("%s: %v", file.Tests[i].Name, err)
		}
	}
}

// TestRuleFaults: what is wrong with a rule file is told at once, with the
// rule, the value and a remedy.
func TestRuleFaults(t *testing.T) {
	for text, want := range map[string][]string{
		"rules: [{name: X, count: things, by: shoe, window: 2h, limit: -1, severity: bad, contain: hang, mode: off, roles: [king]}]": {
			`"X" is not possible`, `"things"`, `"shoe"`, `"2h"`, "-1", `"bad"`, `"hang"`, `"off"`, `"king"`,
		},
		"rules: [{name: a, count: misses, by: ip, window: 1h, limit: 1, severity: low, when: 'rolle == 1'}]":                                {"when", "rolle"},
		"rules: [{name: a, count: misses, by: ip, window: 1h, limit: 1, severity: low, when: 'status'}]":                                    {"when", "bool"},
		"rules: [{name: a, count: misses, by: ip, window: 1h, severity: low}, {name: a, count: misses, by: ip, window: 1h, severity: low}]": {"already"},
		"rulez: []": {"rulez"},
		"rules: []\ntests: [{name: x, start: noon, expect: {b: 1}, events: [{role: king, every: soon, fields: [shoe], times: 2000000, foreign: 5}]}]": {"noon", `"b"`, "king", "soon", "shoe", "100000"},
		strings.Repeat("#", maxRuleFile+1): {"1 MiB"},
	} {
		_, err := ParseRules("my.yaml", []byte(text))
		if err == nil {
			t.Errorf("%.60s: no error", text)
			continue
		}
		for _, part := range append(want, "my.yaml") {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%.60s: %q is not told: %v", text, part, err)
			}
		}
	}
}

func FuzzParseRules(f *testing.F) {
	f.Add(defaultRules)
	f.Add([]byte("rules: [{name: a, count: misses, by: ip, window: 1h, limit: 1, severity: low, when: 'hour > 3'}]"))
	f.Fuzz(func(t *testing.T, text []byte) {
		file, err := ParseRules("fuzz", text)
		if err != nil {
			return
		}
		for i := range file.Tests {
			_ = file.Tests[i].Run(file.Rules)
		}
	})
}

// TestRuleActs: a rule contains and refuses as it says, its twin that only
// observes does neither; what it refuses is given back to the caps.
func TestRuleActs(t *testing.T) {
	const text = `rules: [{name: phones, count: subjects, by: session, window: 1h, limit: 1, severity: high, refuse: true, contain: revoke, MODE
  when: '"phone" in fields && foreign > 0', roles: [guest, shopper], routes: ["/api/*"]}]`
	for mode, acts := range map[string]bool{"": true, "mode: observe,": false} {
		file := parseRules(t, strings.Replace(text, "MODE", mode, 1))
		w := newWorld(t, func(c *Config) { c.Rules = file.Rules })
		c := w.shopper(1, 9000)
		phones := func(n int) []rules.Record {
			r := customer(n)
			r.Fields |= rules.FieldPhone
			return []rules.Record{r}
		}
		w.get(c, customers(0, 1), nil) // no phone: not counted
		if j := w.get(c, phones(1), nil); j.Verdict.Action != rules.Pass {
			t.Errorf("%q: the first phone: %+v", mode, j.Verdict)
		}
		j := w.get(c, phones(2), nil)
		if (j.Verdict.Action == rules.Refuse) != acts || w.signalled(rules.DetectorRule) != 1 {
			t.Errorf("%q: the second phone: %+v, %d signals", mode, j.Verdict, w.signalled(rules.DetectorRule))
		}
		p := w.engine.Recognise(&c, w.now)
		if v := w.engine.Admit(&p, w.now); (v.Action == rules.Refuse) != acts {
			t.Errorf("%q: then %+v", mode, v)
		}
		counted := w.engine.caps.distinct(capKey{rules.KeySession, p.Session}, rules.WindowHour, w.now)
		if want := map[bool]int{true: 2, false: 3}[acts]; counted != want {
			t.Errorf("%q: %d subjects count against the cap, want %d", mode, counted, want)
		}
		if in := w.engine.Incidents().Open(); len(in) != 1 || in[0].Rule != "phones" {
			t.Errorf("%q: incidents %+v", mode, in)
		}
	}
}

// TestRulesetBounded: many keys and many subjects fill nothing; a reload keeps
// the counts of rules that stay.
func TestRulesetBounded(t *testing.T) {
	file := parseRules(t, "rules: [{name: a, count: subjects, by: session, window: 30d, limit: 10, severity: low}]")
	s := newRuleset()
	for n := range 3000 {
		o := observation{keys: []rules.Key{{Kind: rules.KeySession, Digest: digest('s', n%3)}}, foreign: []rules.Digest{digest('c', n)}}
		s.judge(file.Rules, &o, epoch.Add(time.Duration(n)*time.Second))
	}
	s.counts["a"].keys.each(&s.mu, saveLarge, func(_ rules.Digest, set *subjectSet) {
		if set.live > 11 {
			t.Errorf("%d subjects are remembered for a limit of 10", set.live)
		}
	}, nothing)
	wide := parseRules(t, "rules: [{name: w, count: misses, by: ip, window: 1h, limit: 100000, severity: low}]")
	misses := make([]rules.Digest, 50_000)
	for ip := range 30 {
		for n := range misses {
			misses[n] = digest('m', ip*len(misses)+n)
		}
		s.judge(wide.Rules, &observation{keys: []rules.Key{{Kind: rules.KeyIP, Digest: digest('i', ip)}}, misses: misses}, epoch)
	}
	held := 0
	s.counts["w"].keys.each(&s.mu, saveLarge, func(_ rules.Digest, set *subjectSet) { held += int(set.live) }, nothing)
	if held > maxRuleCounts || held != s.counts["w"].held || held < maxRuleCounts/2 {
		t.Errorf("%d misses are remembered, by the count %d, want at most %d", held, s.counts["w"].held, maxRuleCounts)
	}
	s.keep(file.Rules)
	if s.counts["a"].keys.len() != 3 {
		t.Errorf("a reload forgot the counts: %d keys", s.counts["a"].keys.len())
	}
	if s.keep(nil); len(s.counts) != 0 {
		t.Error("the counts of a rule that is gone stay")
	}
}
