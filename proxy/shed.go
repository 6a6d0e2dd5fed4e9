package proxy

import (
	"net/http"
	"time"

	"github.com/ordergate/ordergate/rules"
)

// Shedding is how much the gateway sheds to stay under its memory ceiling. Each
// step sheds what the one before it does, too.
type Shedding uint8

// The steps. Catalogue is a request without a body, by GET or HEAD, for a route
// that no role rule names and that was not seen to carry records: it costs least,
// and a shop without it is closed.
const (
	ShedNothing Shedding = iota
	ShedUnknown          // unknown principals get the catalogue only; nobody's large body, or one of unknown length, is held
	ShedKnown            // everybody gets the catalogue only
	ShedAll              // nobody gets anything
)

// shedFrom are the shares of the ceiling, in percent, from which each step holds.
// A step ends shedSlack points below, after shedCalm without a reading above that:
// the garbage collector takes seconds to show what shedding gave back, and a
// gateway that flutters between two steps serves nobody well.
var shedFrom = [...]int64{ShedNothing: 0, ShedUnknown: 80, ShedKnown: 90, ShedAll: 97}

const (
	shedSlack = 10
	shedCalm  = 5 * time.Second
	// smallBody is the most of a request's body that a known principal may still
	// send under ShedUnknown: logins, baskets and checkouts are smaller.
	smallBody = 16 << 10
)

// shedder decides how much is shed. The zero value sheds nothing.
type shedder struct {
	step Shedding
	high time.Time // of the last reading above what ends the step
}

// next is the state after a reading of the memory in use, both in bytes. It rises
// at once, as far as it must, and falls step by step.
func (s shedder) next(used, ceiling int64, now time.Time) shedder {
	if ceiling <= 0 {
		return shedder{}
	}
	share := func(step Shedding, slack int64) int64 { return ceiling / 100 * (shedFrom[step] - slack) }
	for step := ShedAll; step > s.step; step-- {
		if used >= share(step, 0) {
			return shedder{step, now}
		}
	}
	switch {
	case s.step == ShedNothing:
		return s
	case used >= share(s.step, shedSlack):
		s.high = now
	case now.Sub(s.high) >= shedCalm:
		return shedder{s.step - 1, now}
	}
	return s
}

// asking is what shedding knows of a request.
type asking struct {
	known     bool  // the platform or the operator issued its credential
	catalogue bool  // see the steps
	body      int64 // length in bytes; -1: not told
}

// sheds reports whether a step sheds a request.
func (step Shedding) sheds(a asking) bool {
	switch step {
	case ShedNothing:
		return false
	case ShedUnknown:
		return !a.known && !a.catalogue || a.body < 0 || a.body > smallBody
	case ShedKnown:
		return !a.catalogue
	case ShedAll:
	}
	return true
}

// shed refuses what must be shed, before anything of its body is read. It is no
// verdict about the client, so observe mode does not lift it: a process that the
// kernel kills serves nobody, observed or not. What is under way goes on.
func (x *exchange) shed(r *http.Request) rules.Verdict {
	step := x.gateway.memory.step()
	if step == ShedNothing {
		return rules.Passed
	}
	a := asking{known: x.principal.Issued, body: r.ContentLength}
	bodiless := r.Body == nil || r.Body == http.NoBody
	if bodiless {
		a.body = 0
	}
	a.catalogue = bodiless && (r.Method == http.MethodGet || r.Method == http.MethodHead) && x.wanted == rules.RoleGuest && !x.gateway.routes.has(x.route)
	if !step.sheds(a) {
		return rules.Passed
	}
	x.unread = !bodiless
	return rules.Verdict{Action: rules.Refuse, Reason: rules.ReasonOverload, Status: http.StatusServiceUnavailable, RetryAfter: shedCalm}
}
