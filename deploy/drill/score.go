package drill

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/ordergate/ordergate/rules"
)

// Result is what came of one playbook or workload with one seed.
type Result struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Seed     uint64 `json:"seed"`
	Seeds    int    `json:"seeds,omitempty"` // how many the numbers of a workload are the sums of; 0: one
	WhiteBox bool   `json:"white_box"`
	Benign   bool   `json:"benign"`
	Scale    string `json:"scale"`
	Note     string `json:"note,omitempty"` // why a goal is missed, or what is to know
	Requests int    `json:"requests"`

	// Customers whose data the attackers received, counted from their bytes.
	LostBeforeAlert   int    `json:"lost_before_alert"`
	LostBeforeContain int    `json:"lost_before_containment"`
	Lost              int    `json:"lost"`
	LostOpaque        int    `json:"lost_in_pictures_and_documents_only"`
	Bound             int    `json:"bound"` // the goal for LostBeforeContain
	BoundOf           string `json:"bound_of"`
	WholeBound        bool   `json:"bound_is_for_all"` // and for Lost, where the attacker stays below the caps

	Blind     bool     `json:"alerts_unknown,omitempty"` // nobody asked the gateway for alerts
	Alert     bool     `json:"alert"`
	Detectors []string `json:"detectors,omitempty"` // whose signals are in the first incident, in the end
	AlertIn   float64  `json:"alert_in_seconds"`    // since the first loss, or the first request; playbook time
	Contained bool     `json:"contained"`
	ContainIn float64  `json:"contain_in_seconds"`

	Violations int `json:"cap_violations"`

	// Ledger against the text that attackers received, and the share of it that
	// the report over all incidents names. -1: nothing was received.
	Precision float64 `json:"ledger_precision"`
	Recall    float64 `json:"ledger_recall"`
	Reported  float64 `json:"report_recall"`

	Sessions    int      `json:"honest_sessions"`
	Refused     int      `json:"honest_refused"`
	FalseAlerts int      `json:"false_alerts"`
	Harms       []string `json:"harms,omitempty"`

	Missed []string `json:"missed,omitempty"` // goals
}

// score sums a scene up. It stops the world, because the ledger is read last.
func (s *scene) score(ctx context.Context, p *playbook) (Result, error) {
	r := Result{ID: p.id, Name: p.name, WhiteBox: p.white, Benign: p.benign, Scale: p.scale, Note: p.note, Bound: p.most, BoundOf: p.of, WholeBound: p.all}
	b := s.books
	r.Requests, r.Lost, r.Sessions, r.Refused, r.Harms = b.requests, len(b.lost), b.sessions, len(b.harmed), b.harms
	r.Violations = b.violations(s.world.promised, limits(s.world.config.Caps.Site))
	if err := s.alerts(ctx, &r); err != nil {
		return r, err
	}
	if at, ok := b.contained(); ok {
		r.Contained, r.LostBeforeContain, r.ContainIn = true, b.until(at), (at - s.since()).Seconds()
	} else {
		r.LostBeforeContain = r.Lost
	}
	if p.all {
		r.LostBeforeContain = r.Lost
	}
	if err := s.world.stop(); err != nil {
		return r, err
	}
	if err := s.compare(ctx, &r); err != nil {
		return r, err
	}
	r.judge()
	return r, nil
}

// since is when the first customer was lost, or else when the piece began.
func (s *scene) since() time.Duration {
	if len(s.books.firsts) > 0 {
		return s.books.firsts[0].at
	}
	return s.curtain
}

// alerts tells the attack's first incident from false ones.
func (s *scene) alerts(ctx context.Context, r *Result) error {
	incidents, err := s.world.incidents(ctx)
	if err != nil {
		return err
	}
	alerting, err := s.world.alerting(ctx)
	if err != nil {
		return err
	}
	honest, err := s.world.digests(s.honest, true)
	if err != nil {
		return err
	}
	bad, err := s.world.digests(s.attackers, false)
	if err != nil {
		return err
	}
	for i := range incidents {
		in := &incidents[i]
		at := in.Opened.Sub(began)
		if r.Benign || at < s.curtain || honest[in.Session] && !bad[in.Session] {
			r.FalseAlerts++
			r.Harms = append(r.Harms, fmt.Sprintf("incident: %s on %s", in.Detector, in.Route))
			continue
		}
		after := max(0, at-s.since()).Seconds()
		if !r.Alert || after < r.AlertIn || after == r.AlertIn && len(in.Detectors) > len(r.Detectors) {
			r.AlertIn, r.LostBeforeAlert, r.Detectors = after, s.books.until(at), names(in.Detectors)
		}
		r.Alert = true
	}
	if !r.Alert {
		r.LostBeforeAlert = r.Lost
	}
	if r.Alert != alerting && r.FalseAlerts == 0 {
		r.Missed = append(r.Missed, "ordergate_breach_alert does not say what the incidents say")
	}
	return nil
}

// names returns the detectors of an incident in order.
func names(signals map[rules.Detector]int) (all []string) {
	for detector := range signals {
		all = append(all, string(detector))
	}
	slices.Sort(all)
	return all
}

// compare holds the ledger against what attackers received.
func (s *scene) compare(ctx context.Context, r *Result) error {
	r.Precision, r.Recall, r.Reported = -1, -1, -1
	text, sessions := map[int]bool{}, map[string]bool{}
	for _, got := range s.books.receipts {
		if got.who.attacker {
			sessions[got.session] = true
			if !got.opaque {
				text[got.customer] = true
			}
		}
	}
	received := map[int]bool{} // what went to these sessions, whoever used them, and their own
	for _, got := range s.books.receipts {
		if sessions[got.session] {
			received[got.customer] = true
		}
	}
	for _, v := range s.attackers {
		for customer := range v.self {
			received[customer] = true
		}
	}
	for customer := range s.books.lost {
		if !text[customer] {
			r.LostOpaque++
		}
	}
	if len(s.attackers) == 0 {
		return nil
	}
	e, err := s.world.evidence(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = e.store.Close() }() // it was read only.
	digests, err := s.world.digests(s.attackers, true)
	if err != nil {
		return err
	}
	kept, err := e.to(ctx, digests)
	if err != nil {
		return err
	}
	reported, err := e.reported(ctx, began.Add(s.curtain))
	if err != nil {
		return err
	}
	if len(kept) > 0 {
		r.Precision = share(kept, received)
	}
	if len(text) > 0 {
		r.Recall = share(text, kept)
	}
	if len(s.books.lost) > 0 {
		r.Reported = share(s.books.lost, reported)
	}
	return nil
}

// share returns how much of a is in b.
func share(a, b map[int]bool) float64 {
	n := 0
	for customer := range a {
		if b[customer] {
			n++
		}
	}
	return float64(n) / float64(len(a))
}

// judge writes down which goals were missed.
func (r *Result) judge() {
	miss := func(missed bool, format string, args ...any) {
		if missed {
			r.Missed = append(r.Missed, fmt.Sprintf(format, args...))
		}
	}
	miss(r.Violations > 0, "%d subjects beyond a cap", r.Violations)
	miss(r.FalseAlerts > 0, "%d false alerts", r.FalseAlerts)
	miss(r.Benign && r.Refused > 0, "%d honest sessions refused", r.Refused)
	if r.Benign {
		return
	}
	miss(!r.Alert && r.Lost > 0 && !r.Blind, "no alert")
	miss(r.LostBeforeContain > r.Bound, "%d lost, %d allowed", r.LostBeforeContain, r.Bound)
	miss(r.Precision >= 0 && r.Precision < 1, "ledger precision %.2f", r.Precision)
	miss(r.Recall >= 0 && r.Recall < 1, "ledger recall %.2f", r.Recall)
}
