package exfil

import (
	"time"

	"github.com/ordergate/ordergate/rules"
)

const (
	// walkFew is how many neighbouring identifiers of other people one session
	// with a cookie may ask for in a day. walkMany is the same for all clients
	// without one behind an address, which may be a whole office.
	walkFew  = 8
	walkMany = 32
	// A frontier is walked when as many sessions have taken as many numbers of
	// one block of 256, none of them a single one.
	frontierSessions = 8
	frontierNumbers  = 48
)

// walk is detector 7: identifiers taken in runs.
//
// It catches whoever counts through order numbers, upwards, downwards, with a
// stride, or at random over a dense range, and many accounts that share one
// frontier, each with a few reads. Its innocent twin opens own orders, or one
// that is not: own records are no tries. Nor is a number a step that leads to a
// customer who was shown before: a whole history is one customer's, even where no
// login told whose the session is.
//
// Severity high for one session; critical for a shared frontier. Requests
// that find nothing count too, on routes that are known to carry records.
func (r *Response) walk(t *trail, now time.Time) (rules.Signal, bool) {
	limit := walkFew
	if !r.visit.Principal.Issued {
		limit = walkMany
	}
	switch {
	case t.frontier >= frontierNumbers && len(t.walkers) >= frontierSessions:
		s := r.signal(rules.DetectorWalk, rules.SeverityCritical, now)
		s.Key, s.Window, s.Observed, s.Threshold = rules.KeySite, rules.WindowDay, t.frontier, frontierNumbers
		for _, session := range t.walkers {
			s.Linked = append(s.Linked, rules.Link{Session: session, Why: rules.LinkFrontier, Strength: t.frontier / len(t.walkers)})
		}
		return s, true
	case t.walked >= limit:
		s := r.signal(rules.DetectorWalk, rules.SeverityHigh, now)
		s.Key, s.Window, s.Observed, s.Threshold = rules.KeySession, rules.WindowDay, t.walked, limit
		return s, true
	}
	return rules.Signal{}, false
}
