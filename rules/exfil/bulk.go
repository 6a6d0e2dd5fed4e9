package exfil

import (
	"net/http"
	"time"

	"github.com/ordergate/ordergate/rules"
)

// bulk is detector 2: more distinct subjects in one response than the role
// may be sent at once.
//
// It catches the one-shot dump: a wildcard search, SQL injection output, an
// export. Its innocent twin is a staff page of twenty customers.
//
// Severity high. The verdict is 403, not 429: the same request will never
// succeed.
func (r *Response) bulk(subjects int, now time.Time, j *Judgement) {
	limit := r.config.capsOf(&r.visit.Principal).Response
	if limit < 0 || subjects <= limit {
		return
	}
	s := r.signal(rules.DetectorBulkResponse, rules.SeverityHigh, now)
	s.Observed, s.Threshold = subjects, limit
	r.refuse(&s, rules.Verdict{Action: rules.Refuse, Reason: rules.ReasonBulk, Status: http.StatusForbidden}, j)
	if !r.signalled.bulk {
		j.Signals = append(j.Signals, s)
	}
	r.signalled.bulk = true
}
