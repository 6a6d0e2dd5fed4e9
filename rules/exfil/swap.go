package exfil

import (
	"time"

	"github.com/ordergate/ordergate/rules"
)

// defaultOwnership is Config.Ownership when it is 0: one gift, one order of
// somebody in the family, and then it is no accident.
const defaultOwnership = 3

// swap is detector 4, ownership: a session that is bound to one customer is
// sent other customers' records.
//
// It catches the swapped order id (broken object level authorization): an
// attacker logs in as himself and asks for what is not his. Its innocent twin
// reads own orders with gifts to several people, which are its own records.
//
// Severity medium, high from three times the threshold on. It counts distinct
// foreign subjects of the session, and of its account, over a day. It never refuses
// by itself: the caps bound what goes.
func (r *Response) swap(foreign int, now time.Time, j *Judgement) {
	p := &r.visit.Principal
	if foreign == 0 || r.signalled.swap || len(r.binding.Own) == 0 || p.Role != rules.RoleGuest && p.Role != rules.RoleShopper {
		return
	}
	n := r.engine.caps.distinct(capKey{rules.KeySession, p.Session}, rules.WindowDay, now)
	if !p.Account.IsZero() {
		n = max(n, r.engine.caps.distinct(capKey{rules.KeyAccount, p.Account}, rules.WindowDay, now))
	}
	if j.Verdict.Action == rules.Refuse {
		n += foreign // withheld, and so not counted
	}
	limit := r.config.Ownership
	if limit <= 0 {
		limit = defaultOwnership
	}
	if n < limit {
		return
	}
	r.signalled.swap = true
	severity := rules.SeverityMedium
	if n >= 3*limit {
		severity = rules.SeverityHigh
	}
	s := r.signal(rules.DetectorOwnership, severity, now)
	s.Key, s.Window, s.Observed, s.Threshold = rules.KeySession, rules.WindowDay, n, limit
	j.Signals = append(j.Signals, s)
}
