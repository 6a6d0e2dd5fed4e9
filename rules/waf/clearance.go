package waf

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"slices"
	"sync"

	"github.com/corazawaf/coraza/v3"
	"github.com/corazawaf/coraza/v3/collection"
	"github.com/corazawaf/coraza/v3/experimental"
	"github.com/corazawaf/coraza/v3/experimental/plugins/plugintypes"
	"github.com/corazawaf/coraza/v3/types"
)

// clearance answers one question before the full rule set runs: can any rule
// match? It lets Coraza parse the request in a transaction of a lean rule set,
// which holds only what must run as it is, and asks Coraza's own operators
// about the parsed values. No, it says, or else the full rule set runs in a
// transaction of its own, and that verdict counts.
//
// Safe for concurrent use.
type clearance struct {
	lean      coraza.WAF
	judges    coraza.WAF       // the full rule set, with expressions that are followed
	settled   coraza.WAF       // of the rules that look at names alone; nil: none
	watched   []*regexp.Regexp // patterns of TX variables that other rules read
	parsing   []int            // rules of lean that may match and change nothing but parsing, sorted
	presets   []preset
	constants plugintypes.TransactionState      // only read
	words     [2]*automaton                     // of the request's variables, and of the response's
	phases    [types.PhaseLogging + 1][]*guards // by the first phase in which their variable is final
	counts    []*countGuard
	checks    []check
	checkOf   []int // by bit
	hits      []phaseHit
	inbound   int // scores of an exchange that is cleared
	outbound  int
	proven    *proven
	scratch   sync.Pool
	unruled   *unruled  // nil: every exchange has a transaction of the lean rule set
	parsers   sync.Pool // of *parsed
	bodies    sync.Pool // of *[]byte
}

// preset is a TX variable that fixed rules set and rules of the lean set read.
type preset struct {
	key    string
	values []string
}

// phaseHit is a hit of a rule that matches on every request.
type phaseHit struct {
	Hit
	phase types.RulePhase
}

// newClearance analyses a compiled rule set; again compiles the same rules
// once more. An analysis without clearance says why.
func newClearance(full coraza.WAF, again func() (coraza.WAF, error)) (*clearance, *analysis, error) {
	rules, err := compiledRules(full)
	if err != nil {
		return nil, nil, err
	}
	c := &clearance{proven: newProven()}
	a, err := analyse(rules, func(keep func(int) bool) (plugintypes.TransactionState, []types.MatchedRule, error) {
		fixed, err := reduced(again, keep)
		if err != nil {
			return nil, nil, err
		}
		return runEmpty(fixed)
	})
	if err != nil {
		return nil, nil, err
	}
	if on, err := audited(full); err != nil {
		return nil, nil, err
	} else if on {
		a.off = append(a.off, "SecAuditEngine writes about every request")
	}
	if len(a.off) > 0 {
		return nil, a, nil
	}
	c.lean, err = reduced(again, a.inLean)
	if err != nil {
		return nil, nil, err
	}
	if err := c.settle(a, again); err != nil {
		return nil, nil, err
	}
	c.judges, err = reduced(again, func(int) bool { return true })
	if err != nil {
		return nil, nil, err
	}
	if err := putFollowers(c.judges, rules, a.room); err != nil {
		return nil, nil, err
	}
	c.adopt(a)
	c.unruled, err = a.spare(full, again)
	if err != nil {
		return nil, nil, err
	}
	return c, a, nil
}

// reduced compiles the rules once more and keeps some.
func reduced(again func() (coraza.WAF, error), keep func(int) bool) (coraza.WAF, error) {
	w, err := again()
	if err != nil {
		return nil, err
	}
	if closer, ok := w.(experimental.WAFCloser); ok {
		_ = closer.Close() // only forgets what compiling remembered; the full rule set has it too
	}
	return w, keepRules(w, keep)
}

// runEmpty runs all phases over nothing.
func runEmpty(w coraza.WAF) (plugintypes.TransactionState, []types.MatchedRule, error) {
	tx := w.NewTransactionWithID("clearance")
	tx.ProcessRequestHeaders()
	if _, err := tx.ProcessRequestBody(); err != nil {
		return nil, nil, fmt.Errorf("running the rules that look at no request: %w", err)
	}
	tx.ProcessResponseHeaders(200, "HTTP/1.1")
	if _, err := tx.ProcessResponseBody(); err != nil {
		return nil, nil, fmt.Errorf("running the rules that look at no response: %w", err)
	}
	tx.ProcessLogging()
	state, ok := tx.(plugintypes.TransactionState)
	if !ok {
		return nil, nil, fmt.Errorf("coraza's transaction %T shows no variables", tx)
	}
	return state, tx.MatchedRules(), nil
}

// adopt takes over what the analysis found.
func (c *clearance) adopt(a *analysis) {
	c.constants, c.counts, c.checks = a.state, a.counts, a.checks
	for i, r := range a.rules {
		if a.inLean(i) || a.treated[i] == settled {
			c.noteConstants(a, i)
		}
		if a.inLean(i) && a.treated[i] != structural {
			c.parsing = append(c.parsing, r.id)
		}
	}
	slices.Sort(c.parsing)
	for _, s := range a.sources {
		c.checkOf = append(c.checkOf, s.check)
	}
	c.compile(a)
	c.hits = a.hits
	c.inbound = score(a.state.Variables().TX().Get("blocking_inbound_anomaly_score"))
	c.outbound = score(a.state.Variables().TX().Get("blocking_outbound_anomaly_score"))
	c.scratch.New = func() any { return &scratch{} }
}

// compile builds an automaton for the request's variables, and a small one for
// the response's, whose texts are long.
func (c *clearance) compile(a *analysis) {
	for side := range c.words {
		index, literals := map[string]int{}, []string{}
		var sets []*guards
		for _, gs := range a.guards {
			if late := stable[gs.variable] >= types.PhaseResponseHeaders; late != (side == 1) {
				continue
			}
			gs.compile(func(s string) int {
				if _, ok := index[s]; !ok {
					index[s] = len(literals)
					literals = append(literals, s)
				}
				return index[s]
			})
			c.phases[stable[gs.variable]] = append(c.phases[stable[gs.variable]], gs)
			sets = append(sets, gs)
		}
		c.words[side] = newAutomaton(literals)
		c.words[side].own(literals, index)
		for _, gs := range sets {
			gs.words = c.words[side]
		}
	}
}

// noteConstants notes the constants that a rule reads which runs as it is.
func (c *clearance) noteConstants(a *analysis, i int) {
	for _, v := range a.state.Variables().TX().FindAll() {
		key := v.Key()
		if isCapture(key) || slices.ContainsFunc(c.presets, func(p preset) bool { return p.key == key }) {
			continue
		}
		if slices.ContainsFunc(a.reads[i], write{prefix: key, exact: true}.may) {
			c.presets = append(c.presets, preset{key, a.state.Variables().TX().Get(key)})
		}
	}
}

// cleared is clearance at work on one exchange.
type cleared struct {
	*clearance
	start   func(coraza.WAF) types.Transaction // another transaction for the same exchange
	tx      types.Transaction                  // of the lean rule set; nil: it is spared one
	state   plugintypes.TransactionState       // that holds the parsed values
	request *Request                           // whose header no transaction holds
	answer  *response                          // likewise
	held    []byte                             // of the response's body, where no transaction holds it
	wanted  bool                               // phase 4 looks at the body, where no transaction says so
	last    types.RulePhase                    // that was asked about
	set     []uint64                           // bits of the guards that matched
	dirty   []int                              // checks of which a bit is set
	room    [16]int                            // for the first of them
	to      types.RulePhase                    // checks up to this phase count now
	full    bool                               // all bits of one of them are set
	seen    int                                // rules of the lean set that have matched so far
	body    int                                // bytes of the response's body so far, at most
}

// begin starts on an exchange; start begins one of its transactions.
func (c *clearance) begin(start func(coraza.WAF) types.Transaction) *cleared {
	q := &cleared{clearance: c, start: start, set: make([]uint64, (len(c.checkOf)+63)/64)}
	q.dirty = q.room[:0]
	if c.unruled == nil {
		q.open()
	}
	return q
}

// open begins a transaction of the lean rule set.
func (c *cleared) open() {
	c.tx = c.start(c.lean)
	c.state = c.preset(c.tx)
}

// close ends it, if there is one.
func (c *cleared) close() (err error) {
	if c.tx != nil {
		err = c.tx.Close()
	}
	c.tx, c.state = nil, nil
	if c.held != nil {
		held := c.held[:0]
		c.bodies.Put(&held)
		c.held = nil
	}
	return err //nolint:wrapcheck // the caller does
}

// preset gives a transaction the constants that its rules read.
func (c *clearance) preset(tx types.Transaction) plugintypes.TransactionState {
	state, _ := tx.(plugintypes.TransactionState) // newClearance saw that it is one
	set := state.Variables().TX()
	for _, p := range c.presets {
		set.Set(p.key, p.values)
	}
	return state
}

// passes reports whether it is certain that no rule of the phases 1 and 2 matches a
// request.
func (c *cleared) passes(r *Request) bool {
	c.last = types.PhaseRequestBody
	if c.unruled == nil {
		return c.passesLean(r)
	}
	if passes, known := c.passesSpared(r); known {
		return passes
	}
	c.open()
	passes := c.passesLean(r)
	_ = c.close() // as in Transaction.judge
	return passes
}

// passesLean is passes by the lean transaction.
func (c *cleared) passesLean(r *Request) bool {
	in, err := request(c.tx, r)
	return err == nil && in == nil && c.settledPass(r) && !c.may(types.PhaseRequestHeaders, types.PhaseRequestBody)
}

// passesHeader reports whether it is certain that no rule of phase 3 matches a response,
// which must stay as it is.
func (c *cleared) passesHeader(r *response) bool {
	c.last = types.PhaseResponseHeaders
	if c.tx != nil {
		if r.run(c.tx) != nil {
			return false
		}
	} else {
		c.answer, c.wanted = r, c.processable(r.header)
	}
	return !c.may(types.PhaseResponseHeaders, types.PhaseResponseHeaders)
}

// wantsBody reports whether phase 4 looks at the response's body.
func (c *cleared) wantsBody() bool {
	if c.tx != nil {
		return c.tx.IsResponseBodyAccessible() && c.tx.IsResponseBodyProcessable()
	}
	return c.wanted
}

// write takes bytes of the response's body, and reports whether phase 4 wants no more.
func (c *cleared) write(b []byte) (in *types.Interruption, full bool, err error) {
	if c.tx == nil {
		return nil, c.hold(b), nil
	}
	c.expect(len(b))
	in, _, err = c.tx.WriteResponseBody(b)
	return in, c.state.LastPhase() == types.PhaseResponseBody, err //nolint:wrapcheck // the caller does
}

// passesBody reports whether it is certain that no rule of phase 4 matches.
func (c *cleared) passesBody() bool {
	if c.tx != nil {
		if in, err := c.tx.ProcessResponseBody(); in != nil || err != nil {
			return false
		}
	} else if c.last == types.PhaseResponseBody {
		return true // the body was as long as it may be
	}
	c.last = types.PhaseResponseBody
	return !c.may(types.PhaseResponseBody, types.PhaseResponseBody)
}

// lastPhase is the last one that ran.
func (c *cleared) lastPhase() types.RulePhase {
	if c.tx != nil {
		return c.state.LastPhase()
	}
	return c.last
}

// bodyReader reads what phase 4 was given of the response's body.
func (c *cleared) bodyReader() (io.Reader, error) {
	if c.tx != nil {
		return c.tx.ResponseBodyReader() //nolint:wrapcheck // the caller does
	}
	return bytes.NewReader(c.held), nil
}

// may reports whether a rule of the phases up to the given one may match, by
// the values that are final then.
func (c *cleared) may(from, to types.RulePhase) bool {
	if c.tx != nil && (c.tx.IsInterrupted() || c.leanMatched()) {
		return true
	}
	c.to = to
	for _, i := range c.dirty {
		c.complete(i) // what the request left
	}
	for _, g := range c.counts {
		if from <= g.final && g.final <= to && g.matches(c.number(g), c.constants) {
			c.mark(g.bit)
		}
	}
	s, _ := c.scratch.Get().(*scratch)
	defer func() {
		s.forget()
		c.scratch.Put(s)
	}()
	for phase := from; phase <= to; phase++ {
		for _, gs := range c.phases[phase] {
			if c.full {
				return true
			}
			c.values(gs, s)
		}
	}
	return c.full
}

// complete notes whether all bits of a check are set.
func (c *cleared) complete(i int) {
	if check := &c.checks[i]; check.phase <= c.to && !slices.ContainsFunc(check.bits, func(bit int) bool { return c.set[bit>>6]&(1<<(bit&63)) == 0 }) {
		c.full = true
	}
}

// leanMatched reports whether a rule of the lean set matched that is not
// there for parsing alone.
func (c *cleared) leanMatched() bool {
	matched := c.tx.MatchedRules()
	for _, m := range matched[c.seen:] {
		if _, ok := slices.BinarySearch(c.parsing, m.Rule().ID()); !ok {
			return true
		}
	}
	c.seen = len(matched)
	return false
}

// values asks the guards of one variable about all of its values.
func (c *cleared) values(gs *guards, s *scratch) {
	if c.spared(gs.variable, func(key, value string) bool {
		c.value(gs, s, key, value)
		return !c.full
	}) {
		return
	}
	switch col := c.state.Collection(gs.variable).(type) {
	case nil:
	case collection.Single:
		c.value(gs, s, "", col.Get())
	default:
		for _, v := range col.FindAll() {
			if c.full {
				return
			}
			c.value(gs, s, v.Key(), v.Value())
		}
	}
}

func (c *cleared) value(gs *guards, s *scratch, key, value string) {
	if !gs.selective {
		key = ""
	}
	id, bits, known := c.proven.get(gs.variable, key, value)
	if !known {
		bits = gs.evaluate(c.clearance, s, key, value)
		c.proven.add(id, bits)
	}
	for _, bit := range bits {
		c.mark(bit)
	}
}

func (c *cleared) mark(bit int) {
	c.set[bit>>6] |= 1 << (bit & 63)
	check := c.checkOf[bit]
	if !slices.Contains(c.dirty, check) {
		c.dirty = append(c.dirty, check)
	}
	c.complete(check)
}

// report is what the full rule set would have reported, up to the given phase.
func (c *clearance) report(last types.RulePhase) Report {
	report := Report{Inbound: c.inbound, Outbound: c.outbound, Clearance: Cleared}
	for _, h := range c.hits {
		if h.phase <= last || h.phase == types.PhaseLogging {
			report.Hits = append(report.Hits, h.Hit)
		}
	}
	return report
}
