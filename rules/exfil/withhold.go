package exfil

import (
	"net/http"
	"time"

	"github.com/ordergate/ordergate/rules"
)

// withhold decides about records, somebody else's among them, for a principal
// that is held by mask or cut. Nothing of them is sent, so no cap and no detector of
// what is sent counts them; who goes on walking is still seen to.
func (r *Response) withhold(j *Judgement, now time.Time) {
	r.stranger, r.answered = true, true
	for i := range j.Disclosures {
		if d := &j.Disclosures[i]; r.step == rules.StepCut || d.Ownership != rules.Own {
			d.State = rules.Withheld
		}
	}
	if r.step == rules.StepCut {
		r.GiveBack()
		j.Verdict = rules.Verdict{Action: rules.Refuse, Reason: rules.ReasonContained, Status: http.StatusForbidden, Step: rules.StepCut}
	}
	for i := range j.Signals {
		j.Contained = r.contain(&j.Signals[i], now) || j.Contained
	}
}

// Unmaskable says that the body is of a form in which nothing can be masked: who is
// held by mask is held by cut for the rest of it.
func (r *Response) Unmaskable() {
	if r.step == rules.StepMask {
		r.step = rules.StepCut
	}
}

// Strange reports whether a record is not the principal's own. Unlike Judge it
// changes nothing.
func (r *Response) Strange(record *rules.Record) bool { return r.ownership(record) != rules.Own }
