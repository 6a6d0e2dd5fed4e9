package rules

import "time"

// Severity orders signals and incidents.
type Severity uint8

// The severities.
const (
	SeverityLow Severity = iota
	SeverityMedium
	SeverityHigh
	SeverityCritical
	severities
)

var severityNames = [severities]string{"low", "medium", "high", "critical"}

// String returns the stable name.
func (s Severity) String() string {
	if s >= severities {
		s = SeverityCritical
	}
	return severityNames[s]
}

// Severities returns every severity, mildest first.
func Severities() []Severity {
	return []Severity{SeverityLow, SeverityMedium, SeverityHigh, SeverityCritical}
}

// ParseSeverity is the inverse of [Severity.String].
func ParseSeverity(s string) (Severity, bool) {
	for i, name := range severityNames {
		if s == name {
			return Severity(i), true
		}
	}
	return SeverityLow, false
}

// MarshalText writes the stable name.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the stable name.
func (s *Severity) UnmarshalText(text []byte) error {
	severity, ok := ParseSeverity(string(text))
	if !ok {
		return &unknownNameError{what: "severity", name: string(text)}
	}
	*s = severity
	return nil
}

// Detector names a detector; metrics and incidents use it as a label.
type Detector string

// The detectors that exist.
const (
	DetectorCap             Detector = "cap"
	DetectorBulkResponse    Detector = "bulk_response"
	DetectorUnauthenticated Detector = "unauthenticated"
	DetectorOwnership       Detector = "ownership"
	DetectorIssuance        Detector = "issuance"
	DetectorCanary          Detector = "canary"
	DetectorWalk            Detector = "walk"
	DetectorGuess           Detector = "guess"
	DetectorBaseline        Detector = "baseline"
	DetectorSite            Detector = "site"
	DetectorLogin           Detector = "login"
	DetectorRule            Detector = "rule" // a rule of a rule file; Signal.Rule names it
)

// Detectors returns every detector, in the order of the design's table.
func Detectors() []Detector {
	return []Detector{
		DetectorCap, DetectorBulkResponse, DetectorUnauthenticated, DetectorOwnership, DetectorIssuance, DetectorCanary, DetectorWalk, DetectorGuess,
		DetectorBaseline, DetectorSite, DetectorLogin, DetectorRule,
	}
}

// Window is the length of a sliding window.
type Window time.Duration

// The windows that caps are kept over.
const (
	WindowMinute Window = Window(time.Minute)
	WindowHour   Window = Window(time.Hour)
	WindowDay    Window = Window(24 * time.Hour)
	WindowMonth  Window = Window(30 * 24 * time.Hour)
	WindowNone   Window = 0 // a cap on a single response
)

// Windows returns the windows, shortest first, without WindowNone.
func Windows() []Window { return []Window{WindowMinute, WindowHour, WindowDay, WindowMonth} }

// String returns the stable name: 1m, 1h, 24h, 30d, or response.
func (w Window) String() string {
	switch w {
	case WindowMinute:
		return "1m"
	case WindowHour:
		return "1h"
	case WindowDay:
		return "24h"
	case WindowMonth:
		return "30d"
	case WindowNone:
		return "response"
	}
	return time.Duration(w).String()
}

// Signal is one detector's finding about one exchange.
type Signal struct {
	Detector  Detector
	Severity  Severity
	Time      time.Time
	Exchange  ExchangeID
	Principal Principal
	Route     string
	Key       KeyKind   // the kind of key whose limit was met (cap only)
	Window    Window    // the window of that limit (cap only)
	Observed  int       // what was counted, this exchange included
	Threshold int       // the limit it met
	Refused   bool      // the response was refused or cut because of it
	Rule      string    // of a rule file (rule only)
	Step      Step      // the principal is held from now on
	Until     time.Time // as long
	Linked    []Link    // sessions that take part besides the principal's; at most 50
}

// Link is a session that takes part in an incident, and why it is thought so.
type Link struct {
	Session  Digest     `json:"session"`
	Why      LinkReason `json:"why"`
	Strength int        `json:"strength"` // foreign subjects that it took; more is stronger
}

// LinkReason says what joins a session to an incident.
type LinkReason string

// The reasons.
const (
	LinkSurplus  LinkReason = "surplus"  // it took from what orders and logins do not explain
	LinkFrontier LinkReason = "frontier" // it took from the same run of identifiers
	LinkGuesses  LinkReason = "guesses"  // it asked for several identifiers that are nobody's
	LinkLogin    LinkReason = "login"    // it logged in, from where that account never had, while logins failed
)
