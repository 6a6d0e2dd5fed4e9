package exfil

import (
	"slices"
	"time"

	"github.com/ordergate/ordergate/rules"
)

// canary is detector 6: a planted customer, whom nobody has a reason to read,
// appears in a response.
//
// It catches any walk through the customers, even one with an account for
// every record. Its innocent twin reads a real customer.
//
// Severity critical. It never refuses by itself: page content must not decide
// who is withheld from, or planted text would withhold other people's pages.
func (r *Response) canary(records []rules.Record, now time.Time, j *Judgement) {
	if r.signalled.canary || len(r.config.Canaries) == 0 {
		return
	}
	for i := range records {
		if slices.ContainsFunc(records[i].Identifiers, func(id rules.Identifier) bool { return slices.Contains(r.config.Canaries, id) }) {
			r.signalled.canary = true
			s := r.signal(rules.DetectorCanary, rules.SeverityCritical, now)
			s.Observed, s.Threshold = 1, 0
			j.Signals = append(j.Signals, s)
			return
		}
	}
}
