package waf

import (
	"fmt"

	"github.com/corazawaf/coraza/v3/experimental/plugins/plugintypes"
	"github.com/corazawaf/coraza/v3/types"
	"github.com/corazawaf/coraza/v3/types/variables"
)

// treatment is what the analysis makes of a rule.
type treatment uint8

const (
	// fixed: it reads nothing but TX, so it does the same for every request
	// that no other rule matches.
	fixed treatment = iota
	// unreached: fixed rules skip it (a higher paranoia level), or one of its
	// links never matches.
	unreached
	// harmless: a match changes nothing that anybody sees.
	harmless
	// parsing: harmless but for how Coraza reads a body; it runs as it is.
	parsing
	// guarded: its links are asked about values.
	guarded
	// structural: it runs as it is.
	structural
	// settled: it would, but looks at the names of headers alone, and what came of
	// them is remembered.
	settled
)

// analysis is what is known of a rule set before any request.
type analysis struct {
	rules    []*rule
	treated  []treatment
	matched  map[int]bool                 // fixed rules that match, by id
	hits     []phaseHit                   // of them
	state    plugintypes.TransactionState // of a request that no rule but fixed ones matches, at its end
	guards   map[variables.RuleVariable]*guards
	counts   []*countGuard
	checks   []check
	sources  []source     // by bit
	loose    [][]write    // by rule: what it may set without matching wholly
	removers map[int]bool // fixed rules that remove others on every request
	room     *room        // of the states of regular expressions
	off      []string     // why there can be no clearance at all
	writes   [][]write    // by rule: what it may set in TX
	reads    [][]read     // by rule: what it reads in TX
}

// check is a rule that may match only when all of its bits are set.
type check struct {
	rule  int
	phase types.RulePhase
	bits  []int
}

// source says where a bit comes from.
type source struct {
	rule, check int
	spares      int // length of the shortest literal, at most 2; 0 for none
}

// analyse decides how each rule is treated. run executes the rules at the
// given positions on a request that no rule but fixed ones matches, and returns
// the transaction at its end and the rules that matched.
func analyse(rules []*rule, run func(keep func(int) bool) (plugintypes.TransactionState, []types.MatchedRule, error)) (*analysis, error) {
	a := &analysis{
		rules: rules, treated: make([]treatment, len(rules)), matched: map[int]bool{}, removers: map[int]bool{},
		guards: map[variables.RuleVariable]*guards{}, room: newRoom(),
	}
	isFixed := make([]bool, len(rules))
	for i, r := range rules {
		a.writes, a.reads = append(a.writes, writesOf(r)), append(a.reads, readsOf(r))
		isFixed[i] = r.marker != "" || readsOnlyTX(r)
	}
	state, matched, err := run(func(i int) bool { return isFixed[i] })
	if err != nil {
		return nil, err
	}
	a.state = state
	for _, m := range matched {
		a.matched[m.Rule().ID()] = true
		if hit, ok := hitOf(m); ok {
			a.hits = append(a.hits, phaseHit{hit, m.Rule().Phase()})
		}
	}
	for i := range rules {
		if a.treated[i] = structural; isFixed[i] {
			a.treated[i] = fixed
			a.fixedRule(i)
		}
	}
	a.skip()
	a.loosen()
	for i := len(rules) - 1; i >= 0; i-- { // from the end: a region's treatment is known before the rule that skips it
		if a.treated[i] == structural {
			a.treated[i] = a.treat(i)
		}
	}
	a.together()
	a.settles()
	for i := range rules {
		a.order(i)
	}
	return a, nil
}

// refuse notes why there can be no clearance.
func (a *analysis) refuse(r *rule, format string, args ...any) {
	a.off = append(a.off, fmt.Sprintf("rule %d %s", r.id, fmt.Sprintf(format, args...)))
}

// fixedRule refuses fixed rules that do, on every request, what clearance
// could not repeat.
func (a *analysis) fixedRule(i int) {
	r := a.rules[i]
	if !a.matched[r.id] {
		return
	}
	for _, l := range r.links {
		for _, act := range l.actions {
			switch {
			case act.name == "skip":
				a.refuse(r, "skips a number of rules on every request")
			case act.removesTarget(), act.removesRule():
				a.removers[i] = true // runs in the lean set too; what it removes elsewhere is asked about all the same
			case act.name == "ctl":
				a.refuse(r, "changes a setting on every request (ctl)")
			case act.kind == plugintypes.ActionTypeDisruptive && act.name != "pass" && act.name != "block":
				a.refuse(r, "does %q on every request", act.name)
			case act.kind == plugintypes.ActionTypeNondisruptive && !plain(act.name) && act.name != "setvar":
				a.refuse(r, "does %q on every request", act.name)
			}
		}
	}
}

// skip marks what fixed rules skip, as Coraza's loop over the rules does.
func (a *analysis) skip() {
	reached := make([]bool, len(a.rules))
	marker := ""
	for phase := types.PhaseRequestHeaders; phase <= types.PhaseLogging; phase++ {
		for i, r := range a.rules {
			if r.phase != 0 && r.phase != phase {
				continue
			}
			if marker != "" {
				if r.marker == marker {
					marker = ""
				}
				continue
			}
			reached[i] = true
			if a.matched[r.id] && a.treated[i] == fixed {
				if to := skipsTo(r); to != "" {
					marker = to
				}
			}
		}
	}
	for i := range a.rules {
		if !reached[i] {
			a.treated[i] = unreached
		}
	}
}

// inLean reports whether a rule belongs to the lean set.
func (a *analysis) inLean(i int) bool {
	return a.treated[i] == parsing || a.treated[i] == structural || a.removers[i]
}

func skipsTo(r *rule) string {
	for _, act := range r.links[0].actions {
		if act.name == "skipafter" {
			return act.data
		}
	}
	return ""
}

func skipsCount(r *rule) int {
	for _, act := range r.links[0].actions {
		if act.name == "skip" {
			return act.count
		}
	}
	return 0
}
