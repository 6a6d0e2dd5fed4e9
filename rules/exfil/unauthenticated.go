package exfil

import (
	"time"

	"github.com/ordergate/ordergate/rules"
)

// unauthenticated is detector 3: personal data that is not the asker's own
// goes to a request without any credential.
//
// It catches a forgotten API host and an order page by bare id, at the first
// record; as a standing finding it stays open until a person closes it. Its
// innocent twin tracks an order by naming the e-mail address it belongs to.
//
// Severity high for more than a guest may be sent in one response, medium for
// less: a guest's own order by its link looks the same. It never refuses by itself: the caps of the address stand-in
// already bound what such requests get.
func (r *Response) unauthenticated(foreign int, now time.Time, j *Judgement) {
	if r.visit.Principal.Credential || foreign == 0 || foreign < max(r.config.Unauthenticated, 1) || r.signalled.unauthenticated {
		return
	}
	r.signalled.unauthenticated = true
	severity := rules.SeverityMedium
	if foreign > r.config.Roles[rules.RoleGuest].Response {
		severity = rules.SeverityHigh
	}
	s := r.signal(rules.DetectorUnauthenticated, severity, now)
	s.Observed, s.Threshold = foreign, max(r.config.Unauthenticated, 1)
	j.Signals = append(j.Signals, s)
}
