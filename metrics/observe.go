package metrics

import (
	"runtime"
	"strconv"
	"time"

	"github.com/ordergate/ordergate/rules"
)

// Request counts a finished exchange and the time it took.
func (m *Metrics) Request(role rules.Role, reason rules.Reason, took time.Duration) {
	byReason := m.requests[known(role)]
	c, ok := byReason[reason]
	if !ok {
		c = byReason[other]
	}
	c.Inc()
	m.duration.Observe(took.Seconds())
}

// Stage records the time that the gateway itself took in one stage of one
// exchange. A stage out of range is ignored.
func (m *Metrics) Stage(stage Stage, took time.Duration) {
	if stage < stageCount {
		m.overhead[stage].Observe(took.Seconds())
	}
}

// WAF counts what the WAF made of one exchange, and the request's anomaly
// score; with WAFError there is no score.
func (m *Metrics) WAF(outcome WAFOutcome, score int) {
	if outcome >= wafOutcomes {
		outcome = WAFError
	}
	m.waf[outcome].Inc()
	if outcome != WAFError {
		m.score.Observe(float64(score))
	}
}

// Clearance counts what clearance made of one exchange. A result out of range
// counts as off.
func (m *Metrics) Clearance(result Clearance) {
	if result >= clearances {
		result = ClearanceOff
	}
	m.clearance[result].Inc()
}

// SetRules replaces the rule ids that [Metrics.RuleHit] may use as a label:
// those that are loaded. It may be called at each reload.
func (m *Metrics) SetRules(ids []int) {
	names := make(map[int]string, len(ids))
	for _, id := range ids {
		names[id] = strconv.Itoa(id)
	}
	m.ruleIDs.Store(&names)
}

// RuleHit counts a match of one WAF rule; the severity is the rule's own, in
// lower case. An id that is not loaded counts as other.
func (m *Metrics) RuleHit(id int, severity string, outcome WAFOutcome) {
	name, ok := (*m.ruleIDs.Load())[id]
	if !ok {
		name = other
	}
	m.hits.WithLabelValues(name, ruleSeverity(severity), outcome.String()).Inc()
}

// Disclosed counts the fields of a record that was released. A row that was
// withheld or only attempted discloses nothing and counts nothing here.
func (m *Metrics) Disclosed(d *rules.Disclosure) {
	if d.State != rules.Unknown && d.State != rules.Delivered || int(d.Ownership) >= ownershipCount {
		return
	}
	role := known(d.Principal.Role)
	for i := range fieldCount {
		if d.Record.Fields&(1<<i) != 0 {
			m.fields[i][role][d.Ownership].Inc()
		}
	}
}

// Subjects counts the distinct subjects of one finished exchange whose
// records ended in a state. Values out of range are ignored.
func (m *Metrics) Subjects(role rules.Role, ownership rules.Ownership, state rules.State, subjects int) {
	if subjects > 0 && int(ownership) < ownershipCount && int(state) < stateCount {
		m.subjects[known(role)][ownership][state].Add(float64(subjects))
	}
}

// Signal counts a detector's finding; a finding of the cap detector counts as
// a trip too, one of the canary detector as a hit.
func (m *Metrics) Signal(s *rules.Signal) {
	bySeverity, ok := m.signals[s.Detector]
	if !ok {
		bySeverity = m.signals[other]
	}
	bySeverity[knownSeverity(s.Severity)].Inc()
	role := known(s.Principal.Role)
	switch s.Detector {
	case rules.DetectorCap:
		if w, ok := windowIndex(s.Window); ok {
			m.trips[tripIndex(s.Key)][w][role].Inc()
		}
	case rules.DetectorCanary:
		m.canaries[role].Inc()
	default: // counted as a signal only
	}
}

// Contained counts an exchange that was slowed, refused or cut to stop a
// disclosure.
func (m *Metrics) Contained(step rules.Step, role rules.Role) {
	if step > rules.StepNone && int(step) < stepCount {
		m.contained[step][known(role)].Inc()
	}
}

// Callout counts an event that the platform was to be told of. An outcome that
// does not exist counts as failed.
func (m *Metrics) Callout(outcome rules.CalloutOutcome) {
	c, ok := m.callouts[outcome]
	if !ok {
		c = m.callouts[rules.CalloutFailed]
	}
	c.Inc()
}

// Uninspected counts a response that was not inspected, or not wholly. The
// empty reason counts nothing.
func (m *Metrics) Uninspected(reason rules.Uninspected) {
	if reason == rules.UninspectedNone {
		return
	}
	c, ok := m.unseen[reason]
	if !ok {
		c = m.unseen[other]
	}
	c.Inc()
}

// IncidentsOpen tells all incidents as they stand now; closed ones are left
// out of the count. Each gauge goes from its old to its new value in one
// step, so that no scrape sees an alert flicker. Calls must not overlap.
func (m *Metrics) IncidentsOpen(incidents []rules.Incident) {
	count := make(map[rules.Detector]*[severityCount]int, len(m.open))
	for detector := range m.open {
		count[detector] = &[severityCount]int{}
	}
	var breach [severityCount]float64
	for i := range incidents {
		inc := &incidents[i]
		if inc.State.Ended() {
			continue
		}
		severity := knownSeverity(inc.Severity)
		bySeverity, ok := count[inc.Detector]
		if !ok {
			bySeverity = count[other]
		}
		bySeverity[severity]++
		if inc.State == rules.IncidentOpen {
			breach[severity] = 1
		}
	}
	for detector, bySeverity := range m.open {
		for severity, g := range bySeverity {
			g.Set(float64(count[detector][severity]))
		}
	}
	for severity, g := range m.breach {
		g.Set(breach[severity])
	}
}

// LedgerAppend records how long the disclosures of one response took to
// become durable.
func (m *Metrics) LedgerAppend(took time.Duration) { m.appended.Observe(took.Seconds()) }

// LedgerGap counts disclosures that were released without a durable row.
func (m *Metrics) LedgerGap(rows int) {
	if rows > 0 {
		m.gap.Add(float64(rows))
	}
}

// Checkpoint counts a signed checkpoint of the ledger, by the place that it was
// written to; a place that nobody knows is "other".
func (m *Metrics) Checkpoint(place string, ok bool) {
	results, known := m.signed[place]
	if !known {
		results = m.signed[other]
	}
	if ok {
		results[0].Inc()
	} else {
		results[1].Inc()
	}
}

// Spans counts spans by what became of them. An outcome out of range counts as
// failed.
func (m *Metrics) Spans(outcome SpanOutcome, spans int) {
	if outcome >= spanOutcomes {
		outcome = SpansFailed
	}
	m.spans[outcome].Add(float64(spans))
}

// Build says which version runs.
func (m *Metrics) Build(version string) {
	m.build.Reset()
	m.build.WithLabelValues(version, runtime.Version()).Set(1)
}

// ConfigLoaded says how a load or reload of the config ended.
func (m *Metrics) ConfigLoaded(ok bool, at time.Time) {
	if !ok {
		m.reloaded.Set(0)
		return
	}
	m.reloaded.Set(1)
	m.reloadAt.Set(float64(at.UnixMilli()) / 1000)
}
