package exfil

import (
	"net/http"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/ordergate/ordergate/rules"
)

const (
	// containAfter is how many refused responses within containWithin contain
	// a session: an honest shopper stops at the first or second page that says
	// no, a walk does not.
	containAfter  = 10
	containWithin = time.Hour
	// containFor is how long a detector contains a session.
	containFor = time.Hour
	// slowBy is how long each request of a slowed session waits: what takes an
	// hour unhindered then takes days, and a person notices little.
	slowBy = 2 * time.Second
)

// containment holds principals: by what they did (refusals counted here), by
// their detectors' finding, or by a person's order. Detectors hold issued
// sessions only: an address may be a whole office. Safe for concurrent use,
// bounded.
type containment struct {
	mu      sync.Mutex
	refused *simplelru.LRU[rules.Digest, *refusals]
	held    *simplelru.LRU[capKey, hold]
}

type refusals struct {
	count int
	since time.Time
}

// hold is how one key is held, and for which incident; a hold without one was
// not ordered by a person and ends by itself.
type hold struct {
	step     rules.Step
	until    time.Time
	incident string
	address  bool // the key is an address
}

func newContainment(size int) *containment {
	refused, err := simplelru.NewLRU[rules.Digest, *refusals](max(size, 1), nil)
	if err != nil {
		panic("BUG: simplelru refuses a positive size: " + err.Error())
	}
	held, err := simplelru.NewLRU[capKey, hold](max(size, 1), nil)
	if err != nil {
		panic("BUG: simplelru refuses a positive size: " + err.Error())
	}
	return &containment{refused: refused, held: held}
}

// count counts one refused response of p and reports whether it contains the
// session from now on.
func (c *containment) count(p *rules.Principal, now time.Time) bool {
	if !p.Issued {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	r, ok := c.refused.Get(p.Session)
	if !ok || now.Sub(r.since) > containWithin {
		r = &refusals{since: now}
		c.refused.Add(p.Session, r)
	}
	r.count++
	return r.count >= containAfter && c.hold(capKey{rules.KeySession, p.Session}, hold{step: rules.StepRefuse, until: now.Add(containFor)}, now)
}

// hold holds a key, and reports whether it was not held as hard before. A
// milder hold does not replace a harder one that lasts.
func (c *containment) hold(key capKey, h hold, now time.Time) bool {
	if known, ok := c.held.Get(key); ok && known.until.After(now) && (known.step > h.step || known.step == h.step && known.until.After(h.until)) {
		return false
	}
	known, ok := c.held.Peek(key)
	c.held.Add(key, h)
	return !ok || !known.until.After(now) || known.step < h.step
}

// contain holds the session of p, and with revoke its account.
func (c *containment) contain(p *rules.Principal, step rules.Step, now time.Time) bool {
	if step == rules.StepNone || !p.Issued {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	h := hold{step: step, until: now.Add(containFor)}
	fresh := c.hold(capKey{rules.KeySession, p.Session}, h, now)
	if step == rules.StepRevoke && !p.Account.IsZero() {
		fresh = c.hold(capKey{rules.KeyAccount, p.Account}, h, now) || fresh
	}
	return fresh
}

// order holds whom a person's incident is about.
func (c *containment) order(in *rules.Incident) {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := hold{step: in.Containment.Step, until: in.Containment.Until, incident: in.ID}
	keep := func(kind rules.KeyKind, d rules.Digest) {
		if !d.IsZero() {
			c.held.Add(capKey{kind, d}, h) // a person's word counts, milder or harder
		}
	}
	if in.Containment.Addresses {
		for _, address := range in.Addresses {
			keep(rules.KeyIP, address)
		}
	}
	keep(rules.KeySession, in.Session)
	if h.step == rules.StepRevoke {
		keep(rules.KeyAccount, in.Account)
	}
	if in.Containment.Linked {
		for _, l := range in.Linked {
			keep(rules.KeySession, l.Session)
		}
	}
}

// release lets go whom an incident is about, whoever held them.
func (c *containment) release(in *rules.Incident) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held.Remove(capKey{rules.KeySession, in.Session})
	c.held.Remove(capKey{rules.KeyAccount, in.Account})
	c.refused.Remove(in.Session)
	for _, key := range c.held.Keys() {
		if h, ok := c.held.Peek(key); ok && h.incident == in.ID {
			c.held.Remove(key)
		}
	}
}

// of returns the hardest hold on p.
func (c *containment) of(p *rules.Principal, now time.Time) (hardest hold) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, key := range [...]capKey{{rules.KeySession, p.Session}, {rules.KeyAccount, p.Account}, {rules.KeyIP, p.IP}} {
		if h, ok := c.held.Peek(key); ok && h.until.After(now) && h.step > hardest.step {
			hardest, hardest.address = h, key.kind == rules.KeyIP
		}
	}
	return hardest
}

// Admit says whether a principal may send requests at all, how long they wait,
// and by which step the principal is held: what mask and cut do to its responses is
// Visit.Step's business.
func (e *Engine) Admit(p *rules.Principal, now time.Time) rules.Verdict {
	switch h := e.contained.of(p, now); h.step {
	case rules.StepRefuse, rules.StepRevoke:
		return rules.Verdict{
			Action: rules.Refuse, Reason: rules.ReasonContained, Status: http.StatusForbidden, RetryAfter: h.until.Sub(now), Step: h.step, ByAddress: h.address,
		}
	case rules.StepSlow:
		v := rules.Passed
		v.Delay, v.Step, v.ByAddress = slowBy, h.step, h.address
		return v
	case rules.StepMask, rules.StepCut:
		v := rules.Passed
		v.Step, v.ByAddress = h.step, h.address
		return v
	case rules.StepNone:
	}
	return rules.Passed
}

// Contain holds the principal of an incident by a person's order, where it says
// so also the sessions that take part and the addresses it has seen; at most for a
// year. It reports false for an incident that is not open, and changes nothing,
// with a zero Containment in the result, when there is nobody to hold: an
// incident of a route or of the site names no session but linked ones.
func (e *Engine) Contain(id string, c rules.Containment, now time.Time) (rules.Incident, bool) {
	in, ok := e.incidents.get(id)
	if !ok || in.Session.IsZero() && (!c.Linked || len(in.Linked) == 0) && (!c.Addresses || len(in.Addresses) == 0) {
		in.Containment = nil
		return in, ok
	}
	if limit := now.Add(365 * 24 * time.Hour); c.Until.After(limit) {
		c.Until = limit
	}
	c.Since, c.Person = now, true
	in, ok = e.incidents.contain(id, c, now)
	if ok {
		e.contained.release(&in)
		e.contained.order(&in)
	}
	return in, ok
}

// Release lets the principals of an incident go. It reports false for an
// incident that is not open.
func (e *Engine) Release(id string, now time.Time) (rules.Incident, bool) {
	in, ok := e.incidents.contain(id, rules.Containment{}, now)
	if ok {
		e.contained.release(&in)
	}
	return in, ok
}

// Settle moves an incident to a state; one that is closed, or was a false
// alarm, lets its principals go.
func (e *Engine) Settle(id string, state rules.IncidentState, now time.Time) (rules.Incident, bool) {
	in, ok := e.incidents.Set(id, state, now)
	if ok && state.Ended() {
		e.contained.release(&in)
	}
	return in, ok
}

// RestoreIncident adds an incident of an earlier run of the process, and holds
// whom it holds.
func (e *Engine) RestoreIncident(in *rules.Incident, now time.Time) {
	e.incidents.Restore(*in)
	if in.State.Ended() || in.Containment == nil || !in.Containment.Until.After(now) {
		return
	}
	e.contained.order(in)
}
