package rules

import "time"

// IncidentState is where an incident stands.
type IncidentState uint8

// The states of an incident. Open and unacknowledged ones keep
// ordergate_breach_alert at 1.
const (
	IncidentOpen IncidentState = iota
	IncidentAcknowledged
	IncidentClosed
	IncidentContained  // a person holds its principals; as good as acknowledged
	IncidentFalseAlarm // closed: there was nothing
	incidentStates
)

var incidentStateNames = [incidentStates]string{"open", "acknowledged", "closed", "contained", "false_alarm"}

// Ended reports whether nothing more is to be done.
func (s IncidentState) Ended() bool { return s == IncidentClosed || s == IncidentFalseAlarm }

// String returns the stable name.
func (s IncidentState) String() string {
	if s >= incidentStates {
		s = IncidentOpen
	}
	return incidentStateNames[s]
}

// MarshalText writes the stable name.
func (s IncidentState) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the stable name.
func (s *IncidentState) UnmarshalText(text []byte) error {
	for i, name := range incidentStateNames {
		if string(text) == name {
			*s = IncidentState(i)
			return nil
		}
	}
	return &unknownNameError{what: "incident state", name: string(text)}
}

type unknownNameError struct{ what, name string }

func (e *unknownNameError) Error() string { return "unknown " + e.what + " " + e.name }

// Incident is signals joined by principal, or by route or for the whole site
// where the attack has no one principal: opened once, updated while it goes on,
// closed by a person. All digests, no readable value.
type Incident struct {
	ID       string        `json:"id"` // "inc-" and 16 hexadecimal characters
	State    IncidentState `json:"state"`
	Detector Detector      `json:"detector"` // of the first of its most severe signals
	Severity Severity      `json:"severity"` // the highest of its signals
	Role     string        `json:"role"`
	Route    string        `json:"route"`   // template of the first signal
	Session  Digest        `json:"session"` // principal's session, zero if joined by route
	Account  Digest        `json:"account"`
	Opened   time.Time     `json:"opened"`
	Updated  time.Time     `json:"updated"`
	Signals  int           `json:"signals"`
	Refused  int           `json:"refused"`  // exchanges refused or cut
	Observed int           `json:"observed"` // highest count that a signal carried
	Limit    int           `json:"limit"`    // the limit it met
	First    string        `json:"first_exchange"`
	Last     string        `json:"last_exchange"`
	// Detectors says how many signals each detector gave. The copies of an
	// incident share it: read only.
	Detectors map[Detector]int `json:"detectors,omitempty"`
	// Containment is what holds its principals; nil: nothing does.
	Containment *Containment `json:"containment,omitempty"`
	// Rule is the first rule of a rule file that spoke; empty: none did.
	Rule   string `json:"rule,omitempty"`
	Linked []Link `json:"linked,omitempty"` // other sessions that take part, strongest first, at most MaxLinks
	// Addresses are digests ([KeyIP]) of where its signals came from, the first
	// MaxAddresses. The copies of an incident share them: read only.
	Addresses []Digest `json:"addresses,omitempty"`
	// Key is the id of the ledger key that its digests are sealed with; empty: they
	// are as the gateway has them.
	Key string `json:"key,omitempty"`
}

// Bounds of Incident.Linked and Incident.Addresses.
const (
	MaxLinks     = 1000
	MaxAddresses = 64
)
