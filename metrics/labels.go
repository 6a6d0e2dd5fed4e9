package metrics

import "github.com/ordergate/ordergate/rules"

// Stage is a part of an exchange in which the gateway's own time is measured.
type Stage uint8

// The stages, in the order of an exchange.
const (
	StageAdmit       Stage = iota // keys, role, containment
	StageWAFRequest               // Coraza's request phases
	StageWAFResponse              // Coraza's response phases
	StageFind                     // decoding, and finding records
	StageReserve                  // caps and detectors
	StageLedger                   // waiting for the ledger
	stageCount
)

// Stages returns every stage, in order.
func Stages() []Stage {
	return []Stage{StageAdmit, StageWAFRequest, StageWAFResponse, StageFind, StageReserve, StageLedger}
}

// String returns the stable name; a value out of range is "admit".
func (s Stage) String() string {
	if s >= stageCount {
		s = StageAdmit
	}
	return [stageCount]string{"admit", "waf_request", "waf_response", "find", "reserve", "ledger"}[s]
}

// CheckpointPlaces returns where checkpoints of the ledger may be written to:
// the ledger's store and the sinks of package ledger.
func CheckpointPlaces() []string { return []string{"store", "log", "file", "http"} }

// WAFOutcome is what the WAF made of one exchange.
type WAFOutcome uint8

// The outcomes.
const (
	WAFPassed   WAFOutcome = iota
	WAFBlocked             // refused
	WAFDetected            // would have been refused; the WAF only observes
	WAFError               // the WAF failed; its policy decided
	wafOutcomes
)

// WAFOutcomes returns every outcome, in order.
func WAFOutcomes() []WAFOutcome { return []WAFOutcome{WAFPassed, WAFBlocked, WAFDetected, WAFError} }

// String returns the stable name; a value out of range is "error".
func (o WAFOutcome) String() string {
	if o >= wafOutcomes {
		o = WAFError
	}
	return [wafOutcomes]string{"passed", "blocked", "detected", "error"}[o]
}

// Clearance is what clearance made of one exchange, or what became of one that
// the full rule set judged again.
type Clearance uint8

// The results.
const (
	ClearanceOff            Clearance = iota // it is off: the full rule set judged
	ClearanceCleared                         // no rule could match
	ClearanceJudgedRequest                   // a rule might match the request
	ClearanceJudgedResponse                  // a rule might match the response
	ClearanceConfirmed                       // judged again, with the same result
	ClearanceRefuted                         // judged again, with another one
	ClearanceUnproven                        // judging again failed
	clearances
)

// Clearances returns every result, in order.
func Clearances() []Clearance {
	return []Clearance{ClearanceOff, ClearanceCleared, ClearanceJudgedRequest, ClearanceJudgedResponse, ClearanceConfirmed, ClearanceRefuted, ClearanceUnproven}
}

// String returns the stable name; a value out of range is "off".
func (c Clearance) String() string {
	if c >= clearances {
		c = ClearanceOff
	}
	return [clearances]string{"off", "cleared", "judged_request", "judged_response", "confirmed", "refuted", "unproven"}[c]
}

// SpanOutcome is what became of a span that was to be sent to the collector.
type SpanOutcome uint8

// The outcomes.
const (
	SpansExported SpanOutcome = iota // the collector took it
	SpansRejected                    // the collector answered that it does not want it
	SpansFailed                      // every attempt failed
	SpansDropped                     // too many waited, or the process ended
	spanOutcomes
)

// SpanOutcomes returns every outcome, in order.
func SpanOutcomes() []SpanOutcome {
	return []SpanOutcome{SpansExported, SpansRejected, SpansFailed, SpansDropped}
}

// String returns the stable name; a value out of range is "failed".
func (o SpanOutcome) String() string {
	if o >= spanOutcomes {
		o = SpansFailed
	}
	return [spanOutcomes]string{"exported", "rejected", "failed", "dropped"}[o]
}

// stepCount is the length of arrays by containment step.
const stepCount = int(rules.StepRevoke) + 1

// Kinds of keys whose caps can trip, as indexes of Metrics.trips.
const (
	tripSession = iota
	tripAccount
	tripSite
	tripOther
	tripKeys
)

// tripKey is one value of the key label of cap trips.
type tripKey struct {
	index int
	name  string
}

func tripKeyNames() [tripKeys]tripKey {
	return [tripKeys]tripKey{
		{tripSession, rules.KeySession.String()},
		{tripAccount, rules.KeyAccount.String()},
		{tripSite, rules.KeySite.String()},
		{tripOther, other},
	}
}

// tripIndex returns the index of a kind of key.
func tripIndex(kind rules.KeyKind) int {
	switch kind {
	case rules.KeySession:
		return tripSession
	case rules.KeyAccount:
		return tripAccount
	case rules.KeySite:
		return tripSite
	case rules.KeyClientID, rules.KeyIP, rules.KeyPrefix, rules.KeyASN, rules.KeyTLSFingerprint:
	}
	return tripOther
}

// windowIndex returns the index of a window in rules.Windows, and false for
// one that caps are not kept over.
func windowIndex(w rules.Window) (int, bool) {
	switch w {
	case rules.WindowMinute:
		return 0, true
	case rules.WindowHour:
		return 1, true
	case rules.WindowDay:
		return 2, true
	case rules.WindowMonth:
		return 3, true
	default:
		return 0, false
	}
}

// known returns the role, or guest for one that is out of range.
func known(r rules.Role) rules.Role {
	if int(r) >= roleCount {
		return rules.RoleGuest
	}
	return r
}

// knownSeverity returns the severity, or critical for one that is out of range.
func knownSeverity(s rules.Severity) rules.Severity {
	if int(s) >= severityCount {
		return rules.SeverityCritical
	}
	return s
}

// ruleSeverity folds the severity of a WAF rule into the closed set of
// SecLang's names.
func ruleSeverity(s string) string {
	switch s {
	case "emergency", "alert", "critical", "error", "warning", "notice", "info", "debug":
		return s
	}
	return "unset"
}
