package rules

import "time"

// Step is a rung of the containment ladder: what is done to a principal. The
// zero value does nothing.
type Step uint8

// The steps, mildest first.
const (
	StepNone   Step = iota
	StepSlow        // each request waits before it goes on
	StepMask        // responses go out without the values of foreign records; what cannot be masked is cut
	StepCut         // a response with a foreign record is refused, or cut after its status line; all others pass
	StepRefuse      // requests of the session are refused
	StepRevoke      // requests of the session, and of every session of its account, are refused
	steps
)

var stepNames = [steps]string{"none", "slow", "mask", "cut", "refuse", "revoke"}

// Steps returns every step that does something, mildest first.
func Steps() []Step { return []Step{StepSlow, StepMask, StepCut, StepRefuse, StepRevoke} }

// String returns the stable name; a value out of range is "none".
func (s Step) String() string {
	if s >= steps {
		s = StepNone
	}
	return stepNames[s]
}

// ParseStep is the inverse of [Step.String].
func ParseStep(name string) (Step, bool) {
	for i, known := range stepNames {
		if name == known {
			return Step(i), true
		}
	}
	return StepNone, false
}

// MarshalText writes the stable name.
func (s Step) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the stable name.
func (s *Step) UnmarshalText(text []byte) error {
	step, ok := ParseStep(string(text))
	if !ok {
		return &unknownNameError{what: "containment step", name: string(text)}
	}
	*s = step
	return nil
}

// Containment is what holds the principals of an incident, until when, and by
// whom. The zero value holds nobody.
type Containment struct {
	Step   Step      `json:"step"`
	Since  time.Time `json:"since"`
	Until  time.Time `json:"until"`
	Person bool      `json:"person"` // a person ordered it, not a detector
	Linked bool      `json:"linked"` // the linked sessions too
	// Addresses says that everybody at the incident's addresses is held too,
	// which may be a whole office: only a person orders it.
	Addresses bool `json:"addresses,omitempty"`
}

// CalloutOutcome is what became of one event that the platform is told of.
type CalloutOutcome string

// The outcomes: the closed label set of ordergate_callouts_total.
const (
	CalloutDelivered CalloutOutcome = "delivered" // the platform answered with 2xx
	CalloutFailed    CalloutOutcome = "failed"    // given up after its repetitions
	CalloutDropped   CalloutOutcome = "dropped"   // the queue was full, or the process ended
)

// CalloutOutcomes returns every outcome.
func CalloutOutcomes() []CalloutOutcome {
	return []CalloutOutcome{CalloutDelivered, CalloutFailed, CalloutDropped}
}
