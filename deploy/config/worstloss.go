package config

import (
	"math"
	"strings"

	"github.com/ordergate/ordergate/proxy"
	"github.com/ordergate/ordergate/rules"
	"github.com/ordergate/ordergate/rules/record/recall"
)

// Recall returns what worst-loss figures are divided by: the share of subjects
// that the recogniser finds, from 0 to 1, as rules/record/recall publishes it
// for this version. When it is not measured, the share is 1, and the figures
// must say so.
func Recall() (share float64, measured bool) {
	if share = recall.Measured(); share > 0 {
		return share, true
	}
	return 1, false
}

// Loss is the most distinct subjects that one attack can take in any interval
// of one window: min(N × principals, B) / recall. Unbounded when nothing
// limits it.
type Loss struct {
	Window     rules.Window
	Principals int   // sessions or accounts that the attacker owns
	Subjects   Limit // Unlimited: nothing bounds it
}

// WorstLoss is the worst loss by one role, or by one declared machine or desk.
type WorstLoss struct {
	Role     rules.Role
	Machine  int     // index of the declaration plus one; 0 for the others
	Session  Windows // N: what one session, and one account, may be sent
	Response Limit   // the most subjects in one response
	Budget   bool    // the site budget holds for this role, and there is one
	Losses   []Loss  // by window, then by number of principals
}

// attackers are the numbers of principals that worst losses are told for.
func attackers() []int { return []int{1, 10, 100, 1000} }

// lossWindows are the windows that worst losses are told for.
func lossWindows() []rules.Window { return []rules.Window{rules.WindowHour, rules.WindowDay} }

// WorstLosses returns the worst loss of every role, in the order of
// rules.Roles; each declared machine for itself. It holds while the caps are
// enforced.
func (c *Config) WorstLosses() []WorstLoss {
	found, _ := Recall()
	var all []WorstLoss
	for _, role := range rules.Roles() {
		if role == rules.RoleMachine {
			all = append(all, c.declaredLosses(role, found)...)
			continue
		}
		caps := c.Caps.role(role)
		w := WorstLoss{Role: role, Session: caps.Session, Response: caps.Response}
		site := noWindows()
		switch role {
		case rules.RoleGuest, rules.RoleShopper, rules.RoleCrawler:
			w.Budget, site = c.Caps.Site != noWindows(), c.Caps.Site
		case rules.RoleStaff, rules.RoleSeller, rules.RoleMachine:
		}
		all = append(append(all, worst(w, site, found)), c.declaredLosses(role, found)...)
	}
	return all
}

// declaredLosses are those of the machines or desks of a role.
func (c *Config) declaredLosses(role rules.Role, found float64) (all []WorstLoss) {
	for i, m := range c.Machines() {
		if m.Role == role {
			all = append(all, worst(WorstLoss{Role: role, Machine: i + 1, Session: m.Cap.windows(), Response: m.Cap.Response}, noWindows(), found))
		}
	}
	return all
}

// worst fills in the losses.
func worst(w WorstLoss, site Windows, found float64) WorstLoss {
	for _, window := range lossWindows() {
		for _, principals := range attackers() {
			if w.Role == rules.RoleMachine && principals > 1 {
				continue // a machine has one declared credential
			}
			n := w.Session.Bound(window)
			if w.Response == 0 {
				n = 0
			}
			if n != Unlimited {
				n *= Limit(principals)
			}
			n = tighter(n, site.Bound(window))
			if n != Unlimited {
				n = Limit(math.Ceil(float64(n) / found))
			}
			w.Losses = append(w.Losses, Loss{Window: window, Principals: principals, Subjects: n})
		}
	}
	return w
}

// Unbounded says in one sentence each why the worst-loss figures do not hold,
// or what weakens them: everything that the operator set to less than the default's
// protection. Empty when nothing does.
func (c *Config) Unbounded() []string {
	var why []string
	note := func(when bool, text string) {
		if when {
			why = append(why, text)
		}
	}
	note(c.Mode == rules.Observe, "mode: observe refuses nothing: no figure below holds")
	note(c.Detectors.Cap.Mode == rules.Observe, "detectors.cap.mode: observe counts and does not stop: no figure below holds")
	note(c.Detectors.BulkResponse.Mode == rules.Observe, "detectors.bulk_response.mode: observe lets a single response carry as much as the caps allow")
	for _, r := range c.Routes {
		note(r.Mode != nil && *r.Mode == rules.Observe && c.Mode != rules.Observe, "routes: "+string(r.Path)+" is in mode observe: the figures do not hold for it")
		own := r.Purpose == proxy.PurposeAccount || r.Purpose == proxy.PurposeCheckout
		note(own && strings.Contains(string(r.Path), "*"), "routes: "+string(r.Path)+" has purpose "+r.Purpose.String()+" for many paths: what is asked for there by its path counts under no cap")
		note(r.RequestBody == OverflowStream, "routes: "+string(r.Path)+" streams request bodies beyond its limit without inspection")
	}
	note(c.Caps.Site == noWindows(), "caps.site has no limit: many guests or shoppers together are not bounded")
	note(c.Caps.Guest.Session == noWindows(), "caps.guest.session has no limit")
	note(c.Caps.Shopper.Session == noWindows(), "caps.shopper.session has no limit")
	note(c.Ledger.Durability == Relaxed, "ledger.durability: relaxed loses the rows of the last 200 ms, at most 10,000 and one batch, when the power goes")
	note(c.Ledger.OnFailure == rules.Pass, "ledger.on_failure: pass lets records leave unrecorded while the ledger cannot write")
	note(c.WAF.Mode == rules.Observe, "waf.mode: observe refuses no attack")
	note(c.WAF.Mode == rules.Off, "waf.mode: off looks for no attack")
	note(c.WAF.OnError.Request == rules.Pass, "waf.on_error.request: pass lets requests around the WAF when it fails")
	note(c.WAF.AnomalyThreshold > 5, "waf.anomaly_threshold above 5 lets a single critical match pass")
	return why
}
