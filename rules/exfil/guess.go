package exfil

import (
	"time"

	"github.com/ordergate/ordergate/rules"
)

const (
	// guessFew is how many identifiers that are nobody's one session with a
	// cookie may ask for in a day, guessMany all clients without one behind an
	// address together.
	guessFew  = 15
	guessMany = 60
)

// guess is detector 8: many distinct identifiers tried, few found.
//
// It catches order tracking by number and postcode, coupon-like order codes,
// and the look-up of people by e-mail. Its innocent twin mistypes its order
// number a few times.
//
// Severity medium, high from four times the threshold on. It is blind to
// attacks that hit nearly always; those are walks.
func (r *Response) guess(t *trail, now time.Time) (rules.Signal, bool) {
	limit := guessFew
	if !r.visit.Principal.Issued {
		limit = guessMany
	}
	if t.missed < limit || t.found > t.missed {
		return rules.Signal{}, false
	}
	severity := rules.SeverityMedium
	if t.missed >= 4*limit {
		severity = rules.SeverityHigh
	}
	s := r.signal(rules.DetectorGuess, severity, now)
	s.Key, s.Window, s.Observed, s.Threshold = rules.KeySession, rules.WindowDay, t.missed, limit
	return s, true
}
