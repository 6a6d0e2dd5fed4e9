package exfil

import (
	"sync"
	"time"

	"github.com/ordergate/ordergate/rules"
)

// maxRuleKeys is how many keys are counted for each rule, and maxRuleCounts how
// much is remembered for all keys of one: misses are made up by whoever asks.
const (
	maxRuleKeys   = 100_000
	maxRuleCounts = 1_000_000
)

// ruleset counts for the rules of rule files. Counts stay when the rules are
// loaded again, by the rule's name. Safe for concurrent use, bounded: the least
// recently used key of a rule is forgotten, and never holds more than one above the
// rule's limit.
type ruleset struct {
	mu     sync.Mutex
	counts map[string]*ruleCounts
	known  map[string]bool // the rules that there are
	latest int64
}

// ruleCounts are the counts of one rule; held is how much they remember.
type ruleCounts struct {
	keys *recent[rules.Digest, *subjectSet]
	held int
}

// observation is one response, or the end of one, as rules count it.
type observation struct {
	facts    Facts
	keys     []rules.Key
	foreign  []rules.Digest // distinct foreign and unlinked subjects
	all      []rules.Digest // own ones too
	response rules.Digest   // names the response; zero where it has no records
	misses   []rules.Digest // identifiers that were nobody's
}

// finding is a rule whose limit was passed.
type finding struct {
	rule     *Rule
	observed int
}

func newRuleset() *ruleset {
	return &ruleset{counts: make(map[string]*ruleCounts)}
}

// judge counts an observation for each rule that is about it.
func (s *ruleset) judge(list []Rule, o *observation, now time.Time) (found []finding) {
	if len(list) == 0 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.latest = max(s.latest, now.UnixNano())
	for i := range list {
		rule := &list[i]
		what := o.counted(rule)
		if len(what) == 0 || !rule.holds(&o.facts) {
			continue
		}
		key, ok := o.key(rule.key)
		if !ok {
			continue
		}
		counts := s.of(rule.Name)
		set := counts.set(key)
		before := int(set.live)
		set.advance(s.latest)
		for k := range what {
			set.reserve(&what[k], rule.Limit+1, s.latest)
			set.commit(&what[k], s.latest, s.latest)
		}
		counts.held += int(set.live) - before
		counts.shrink()
		if n := set.count(windowIndex(rule.window)); n > rule.Limit {
			found = append(found, finding{rule, n})
		}
	}
	return found
}

// counted returns what a rule counts of an observation.
func (o *observation) counted(r *Rule) []rules.Digest {
	switch r.Count {
	case "subjects":
		return o.foreign
	case "all_subjects":
		return o.all
	case "misses":
		return o.misses
	}
	if o.response.IsZero() {
		return nil
	}
	return []rules.Digest{o.response}
}

// key returns the principal's key of a kind; the site has one that is always the same.
func (o *observation) key(kind rules.KeyKind) (rules.Digest, bool) {
	if kind == rules.KeySite {
		return wholeSite, true
	}
	for _, k := range o.keys {
		if k.Kind == kind {
			return k.Digest, true
		}
	}
	return rules.Digest{}, false
}

func (s *ruleset) of(name string) *ruleCounts {
	counts, ok := s.counts[name]
	if !ok {
		counts = &ruleCounts{}
		counts.keys = newRecent(maxRuleKeys, spreadDigest, func(_ rules.Digest, set *subjectSet) { counts.held -= int(set.live) })
		s.counts[name] = counts
	}
	return counts
}

func (c *ruleCounts) set(key rules.Digest) *subjectSet {
	set, ok := c.keys.get(key)
	if !ok {
		set = newSubjectSet()
		c.keys.add(key, set)
	}
	return set
}

// shrink forgets the least recently used keys while all remember too much; the
// last one stays.
func (c *ruleCounts) shrink() {
	for c.held > maxRuleCounts && c.keys.len() > 1 {
		c.keys.dropOldest(func(set *subjectSet) int64 { return set.latest() })
	}
}

// keep forgets the counts of rules that are no longer there.
func (s *ruleset) keep(list []Rule) {
	s.mu.Lock()
	defer s.mu.Unlock()
	names := make(map[string]bool, len(list))
	for i := range list {
		names[list[i].Name] = true
	}
	s.known = names
	for name := range s.counts {
		if !names[name] {
			delete(s.counts, name)
		}
	}
}

// facts says what rules' conditions know of the response.
func (r *Response) facts(records []rules.Record, foreign, subjects int, now time.Time) Facts {
	p := &r.visit.Principal
	var fields rules.Fields
	for i := range records {
		fields |= records[i].Fields
	}
	now = now.UTC()
	return Facts{
		Role: p.Role.String(), Route: r.visit.Route, Status: r.visit.Status, Hour: now.Hour(), Weekday: int(now.Weekday()),
		Credential: p.Credential, Issued: p.Issued, Bound: len(r.binding.Own) > 0,
		Subjects: subjects, Foreign: foreign, Fields: fields.Names(),
	}
}

// counted lets the rules of rule files judge the records of a response.
func (r *Response) counted(records []rules.Record, foreign []rules.Digest, subjects int, now time.Time, j *Judgement) {
	if len(r.config.Rules) == 0 || len(records) == 0 {
		return
	}
	o := observation{
		facts: r.facts(records, len(foreign), subjects, now), keys: r.visit.Principal.Keys(nil), foreign: foreign,
		response: rules.Digest(r.visit.Exchange),
	}
	for i := range records {
		o.all = append(o.all, records[i].Subject.Digest)
	}
	for _, f := range r.engine.ruleset.judge(r.config.Rules, &o, now) {
		s := r.ruleSignal(f, now)
		if f.rule.Refuse && f.rule.Mode != "observe" {
			r.refuse(&s, rules.Verdict{Action: rules.Refuse, Reason: rules.ReasonCap, Status: 429, RetryAfter: time.Duration(f.rule.window)}, j)
		}
		r.containBy(&s, f.rule, now)
		j.Contained = j.Contained || s.Step != rules.StepNone
		j.Signals = append(j.Signals, s)
	}
}

// missed lets the rules of rule files count identifiers that were nobody's.
func (r *Response) missed(tries []Try, now time.Time) (signals []rules.Signal) {
	if len(r.config.Rules) == 0 {
		return nil
	}
	o := observation{facts: r.facts(nil, 0, 0, now), keys: r.visit.Principal.Keys(nil)}
	for i := range tries {
		if !tries[i].Whole {
			o.misses = append(o.misses, tries[i].digest())
		}
	}
	for _, f := range r.engine.ruleset.judge(r.config.Rules, &o, now) {
		s := r.ruleSignal(f, now)
		r.containBy(&s, f.rule, now)
		signals = append(signals, s)
	}
	return signals
}

func (r *Response) ruleSignal(f finding, now time.Time) rules.Signal {
	s := r.signal(rules.DetectorRule, f.rule.severity, now)
	s.Rule, s.Key, s.Window, s.Observed, s.Threshold = f.rule.Name, f.rule.key, f.rule.window, f.observed, f.rule.Limit
	return s
}

// containBy does to the principal what a rule says.
func (r *Response) containBy(s *rules.Signal, rule *Rule, now time.Time) {
	if rule.step == rules.StepNone || rule.Mode == "observe" || r.visit.Observe || r.config.observes(rules.DetectorRule) {
		return
	}
	if r.engine.contained.contain(&r.visit.Principal, rule.step, now) {
		s.Step, s.Until = rule.step, now.Add(containFor).UTC()
	}
}
