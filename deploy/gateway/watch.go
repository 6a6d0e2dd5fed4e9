package gateway

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/ordergate/ordergate/metrics"
	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/proxy"
	"github.com/ordergate/ordergate/rules"
	"github.com/ordergate/ordergate/rules/waf"
)

// watch turns what the proxy tells into metrics and incidents. It implements
// proxy.Observer and is safe for concurrent use.
type watch struct {
	gateway *Gateway
	changed chan struct{} // holds one token while incidents wait to be told

	mu      sync.Mutex
	waiting map[string]change // by incident id; bounded by the open incidents
	gap     ledger.Mark       // rows that left unrecorded and are not marked yet; Count 0: none
}

// change is an incident that changed since the last tell; a notable one is
// told at once and gets a line, others wait for the next second.
type change struct {
	incident rules.Incident
	notable  bool
}

func newWatch(g *Gateway) *watch {
	return &watch{gateway: g, changed: make(chan struct{}, 1), waiting: make(map[string]change)}
}

// Exchange implements proxy.Observer.
func (w *watch) Exchange(s *proxy.Summary) {
	if w.gateway.options.Finished != nil {
		defer w.gateway.options.Finished()
	}
	if concerns(s) {
		w.gateway.sealed.Note(&s.Peer)
	}
	m := w.gateway.metrics
	m.Request(s.Role, s.Reason, s.Took)
	for stage, took := range s.Stages {
		if took > 0 {
			m.Stage(metrics.Stage(stage), took) //nolint:gosec // a stage's number is small
		}
	}
	if s.WAFRan {
		outcome := wafOutcome(s)
		m.WAF(outcome, s.WAF.Inbound)
		m.Clearance(clearance(s.WAF.Clearance))
		for _, hit := range s.WAF.Hits {
			m.RuleHit(hit.Rule, hit.Severity, outcome)
		}
	}
	for ownership := range s.Subjects {
		o := rules.Ownership(ownership) //nolint:gosec // three of them
		m.Subjects(s.Role, o, s.State, s.Subjects[ownership])
		m.Subjects(s.Role, o, rules.Withheld, s.Withheld[ownership])
	}
	m.Uninspected(s.Uninspected)
	m.Contract(s.Deviation, s.Reason == rules.ReasonContract, s.Exposed)
	if s.Slowed {
		m.Contained(rules.StepSlow, s.Role)
	}
	if s.Masked > 0 {
		m.Contained(rules.StepMask, s.Role)
	}
	switch s.Reason {
	case rules.ReasonCap, rules.ReasonBulk, rules.ReasonContained:
		m.Contained(stepOf(s), s.Role)
	default: // no principal was contained
	}
}

// concerns reports whether an incident may ask later who was on the other side:
// of other people's records, of signals, of what was refused for them.
func concerns(s *proxy.Summary) bool {
	for _, o := range [...]rules.Ownership{rules.Foreign, rules.Unlinked} {
		if s.Subjects[o]+s.Withheld[o] > 0 {
			return true
		}
	}
	return s.Signals > 0 || s.Contained || s.Reason == rules.ReasonContained
}

// stepOf is the step that a refused or cut response counts as.
func stepOf(s *proxy.Summary) rules.Step {
	switch {
	case s.Step == rules.StepRevoke:
		return rules.StepRevoke
	case s.Cut, s.Reason == rules.ReasonContained && (s.Step == rules.StepCut || s.Step == rules.StepMask): // what cannot be masked is cut
		return rules.StepCut
	}
	return rules.StepRefuse
}

func wafOutcome(s *proxy.Summary) metrics.WAFOutcome {
	switch {
	case s.WAFFailed:
		return metrics.WAFError
	case s.Reason == rules.ReasonWAF:
		return metrics.WAFBlocked
	case s.WAF.Blocked != 0 || s.WAF.Detected:
		return metrics.WAFDetected
	}
	return metrics.WAFPassed
}

func clearance(c waf.Clearance) metrics.Clearance {
	switch c {
	case waf.Cleared:
		return metrics.ClearanceCleared
	case waf.JudgedRequest:
		return metrics.ClearanceJudgedRequest
	case waf.JudgedResponse:
		return metrics.ClearanceJudgedResponse
	case waf.Uncleared:
	}
	return metrics.ClearanceOff
}

// Disclosed implements proxy.Observer.
func (w *watch) Disclosed(rows []rules.Disclosure) {
	for i := range rows {
		w.gateway.metrics.Disclosed(&rows[i])
	}
}

// LedgerFailed implements proxy.Observer.
func (w *watch) LedgerFailed(rows int, released bool) {
	if !released {
		return
	}
	w.gateway.metrics.LedgerGap(rows)
	now := w.gateway.now().UTC()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.gap.Count == 0 {
		w.gap = ledger.Mark{Kind: ledger.MarkUnrecorded, Since: now}
	}
	w.gap.Count += int64(rows)
	w.gap.Time = now
}

// tellGaps marks in the ledger what left unrecorded, as soon as it can be
// written again: a report must name that gap. Only keep calls it.
func (w *watch) tellGaps() {
	w.mu.Lock()
	gap := w.gap
	w.gap = ledger.Mark{}
	w.mu.Unlock()
	if gap.Count == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := w.gateway.store.Mark(ctx, gap); err == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.gap.Count > 0 {
		gap.Count += w.gap.Count
		gap.Time = w.gap.Time
	}
	w.gap = gap
}

// Signal implements proxy.Observer.
func (w *watch) Signal(s *rules.Signal) {
	w.gateway.metrics.Signal(s)
	incident, _, notable := w.gateway.engine.Incidents().Join(s)
	w.queue(incident, notable)
	if s.Step != rules.StepNone { // whom the detector holds, whatever else the incident is about
		held := rules.Incident{
			ID: incident.ID, Session: s.Principal.Session, Account: s.Principal.Account,
			Containment: &rules.Containment{Step: s.Step, Since: s.Time, Until: s.Until},
		}
		w.gateway.callout.Incident(&held)
	}
}

// Open implements proxy.IncidentDesk.
func (w *watch) Open() []rules.Incident { return w.gateway.engine.Incidents().Open() }

// Set implements proxy.IncidentDesk.
func (w *watch) Set(id string, state rules.IncidentState) (rules.Incident, bool) {
	incident, ok := w.gateway.engine.Settle(id, state, w.gateway.now().UTC())
	if ok {
		w.queue(incident, true)
	}
	if ok && state.Ended() && incident.Containment != nil {
		w.released(incident)
	}
	return incident, ok
}

// released tells the platform that the principals of an incident were let go.
func (w *watch) released(incident rules.Incident) {
	incident.Containment = nil
	w.gateway.callout.Incident(&incident)
}

// Contain implements proxy.IncidentDesk.
func (w *watch) Contain(id string, c rules.Containment, lasting time.Duration) (rules.Incident, bool) {
	now := w.gateway.now().UTC()
	c.Until = now.Add(lasting)
	incident, ok := w.gateway.engine.Contain(id, c, now)
	if ok && incident.Containment != nil {
		w.queue(incident, true)
		w.gateway.callout.Incident(&incident)
	}
	return incident, ok
}

// Release implements proxy.IncidentDesk.
func (w *watch) Release(id string) (rules.Incident, bool) {
	incident, ok := w.gateway.engine.Release(id, w.gateway.now().UTC())
	if ok {
		w.queue(incident, true)
		w.released(incident)
	}
	return incident, ok
}

func (w *watch) queue(incident rules.Incident, notable bool) {
	w.mu.Lock()
	w.waiting[incident.ID] = change{incident, notable || w.waiting[incident.ID].notable}
	w.mu.Unlock()
	if !notable {
		return
	}
	select {
	case w.changed <- struct{}{}:
	default: // a token is waiting already
	}
}

// tell brings gauges, log and ledger up to date with the incidents that
// changed. Only keep calls it: calls do not overlap.
func (w *watch) tell() {
	w.mu.Lock()
	waiting := w.waiting
	w.waiting = make(map[string]change)
	w.mu.Unlock()
	if len(waiting) == 0 {
		return
	}
	w.gateway.metrics.IncidentsOpen(w.gateway.engine.Incidents().Open())
	for _, c := range waiting {
		if c.notable {
			w.line(&c.incident)
		}
		w.gateway.sealed.Keep(c.incident)
		w.save(c.incident)
	}
}

func (w *watch) save(incident rules.Incident) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := w.gateway.store.SaveIncident(ctx, w.gateway.keys.sealed(incident)); err != nil {
		// It stays open in memory; its next change writes it again.
		w.gateway.log.Error("incident not written to the ledger", "incident", incident.ID, "err", err)
	}
}

// line writes an incident's one line. Digests only: who it is, a person finds
// with the ledger's key.
func (w *watch) line(incident *rules.Incident) {
	w.gateway.log.LogAttrs(
		context.Background(), slog.LevelWarn, "incident",
		slog.String("incident", incident.ID), slog.String("state", incident.State.String()),
		slog.String("detector", string(incident.Detector)), slog.String("rule", incident.Rule), slog.String("severity", incident.Severity.String()),
		slog.String("role", incident.Role), slog.String("route", incident.Route),
		slog.String("session", incident.Session.String()), slog.String("account", incident.Account.String()),
		slog.Time("opened", incident.Opened), slog.Int("signals", incident.Signals), slog.Int("refused", incident.Refused),
		slog.Int("observed", incident.Observed), slog.Int("limit", incident.Limit), slog.String("exchange", incident.Last),
	)
}
