package exfil

import (
	"net/http"
	"time"

	"github.com/ordergate/ordergate/rules"
)

// cap is detector 1: the exact number of distinct foreign or unlinked
// subjects per key and window, counted before the bytes go.
//
// It catches whoever takes records one after another, at any speed: a partner
// account at 83 records a second is stopped at N. Its innocent twin reads own
// orders all day and is never counted.
//
// Severity: critical for the site's budget (an attack spread over many
// principals, or a site that the budget does not fit), high otherwise.
func (r *Response) cap(foreign []rules.Digest, now time.Time, j *Judgement) {
	p := &r.visit.Principal
	observed := r.visit.Observe || r.config.observes(rules.DetectorCap)
	var buffer [maxDemands]demand
	held, trip := r.engine.caps.reserve(r.engine.demands(buffer[:0], p), foreign, now, r.config.shrink(), observed)
	if !trip.Tripped() || observed {
		r.open = append(r.open, held)
	}
	if !trip.Tripped() {
		return
	}
	severity := rules.SeverityHigh
	if trip.Key == rules.KeySite {
		severity = rules.SeverityCritical
	}
	s := r.signal(rules.DetectorCap, severity, now)
	s.Key, s.Window, s.Observed, s.Threshold = trip.Key, trip.Window, trip.Observed, trip.Max
	r.refuse(&s, rules.Verdict{
		Action: rules.Refuse, Reason: rules.ReasonCap, Status: http.StatusTooManyRequests, RetryAfter: trip.RetryAfter,
	}, j)
	j.Signals = append(j.Signals, s)
}
