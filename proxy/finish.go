package proxy

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/ordergate/ordergate/rules"
)

// judgeBody runs WAF phase 4 over the first window.
func (x *exchange) judgeBody() rules.Verdict {
	from := x.gateway.now()
	verdict, err := x.waf.Body()
	x.spend(StageWAFResponse, from)
	if err != nil {
		return x.wafFailed(err)
	}
	return x.enforce(verdict)
}

// wafFailed is the policy for a WAF that fails on a response.
func (x *exchange) wafFailed(err error) rules.Verdict {
	x.WAFFailed = true
	x.gateway.log.Error("WAF failed on a response", "exchange", x.id.String(), "route", x.route, "err", err)
	return x.fail(x.policy.WAFResponseError, rules.ReasonWAFError, http.StatusServiceUnavailable)
}

// cut notes why a response ends before its end.
func (x *exchange) cut(v rules.Verdict) { x.Reason, x.Cut = v.Reason, true }

// attempted writes down that a contained principal asked for a route that is
// known to carry records.
func (x *exchange) attempted() {
	if !x.gateway.routes.has(x.route) {
		return
	}
	// A ledger that fails here loses no disclosure: it is counted and logged.
	_ = x.append([]rules.Disclosure{{
		Time: x.start.UTC(), Exchange: x.id, Principal: x.principal, Route: x.route,
		State: rules.Attempted, Config: x.policy.Config,
	}})
}

// finish tells what became of the exchange, once. completed says that the
// handler ended without aborting the response.
func (x *exchange) finish(completed bool) {
	x.endTries()
	x.settleState(completed)
	x.walked()
	if x.gate != nil {
		x.Held = x.gate.held
	}
	if x.waf != nil {
		report, err := x.waf.Finish()
		if err != nil {
			x.gateway.log.Error("WAF failed to finish", "exchange", x.id.String(), "err", err)
		}
		x.WAF = report
	}
	if x.socket != nil {
		x.socket.client.said(&x.Summary)
	}
	x.Took = x.gateway.now().Sub(x.start)
	x.log()
	x.gateway.access.tell(x)
	x.endSpans()
	x.Peer.Session, x.Peer.Account = x.principal.Session, x.principal.Account
	x.gateway.observer.Exchange(&x.Summary)
	if x.Status != http.StatusSwitchingProtocols { // whose two directions end one after the other
		x.gateway.hashers.Put(x.hasher)
		x.hasher = nil // nobody digests for an exchange that is over
	}
}

// settleState decides whether released records count as delivered: only when
// the whole body went out without an error, the last flush included, or all messages of
// a WebSocket that the platform has ended.
func (x *exchange) settleState(completed bool) {
	if x.Reason == rules.ReasonNone && !completed {
		x.Reason = rules.ReasonClientGone
	}
	if x.Subjects == [3]int{} {
		if x.Reason == rules.ReasonLedger {
			x.gateway.ledger.Finish(x.id, rules.Withheld) // a row may have been written after the wait was over
		}
		return
	}
	x.State = rules.Unknown
	if completed && x.Reason == rules.ReasonNone && x.wentOut() {
		x.State = rules.Delivered
		x.gateway.ledger.Finish(x.id, rules.Delivered)
	}
}

func (x *exchange) wentOut() bool {
	if x.socket != nil {
		return x.socket.whole
	}
	return x.control.Flush() == nil
}

// log writes the exchange's one line: at level info when there is something
// to tell, at debug otherwise. No address, no path, no header: digests and
// templates only.
func (x *exchange) log() {
	level := slog.LevelDebug
	if x.Reason != rules.ReasonNone || x.Signals > 0 || x.Weak > 0 || x.Limited != "" || x.Deviation != "" || x.Uninspected != rules.UninspectedNone {
		level = slog.LevelInfo
	}
	if !x.gateway.log.Enabled(context.Background(), level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("exchange", x.id.String()), slog.String("method", knownMethod(x.method)), slog.String("route", x.route),
		slog.Int("status", x.Status), slog.String("outcome", string(x.Reason)), slog.String("role", x.Role.String()),
		slog.String("session", x.principal.Session.String()), slog.Float64("took_ms", float64(x.Took.Microseconds())/1000),
	}
	if x.Subjects != [3]int{} || x.Withheld != [3]int{} {
		attrs = append(
			attrs, tally("released", x.Subjects), tally("withheld", x.Withheld), slog.String("state", x.stateName()),
		)
	}
	if x.Step != rules.StepNone {
		attrs = append(attrs, slog.String("held", x.Step.String()), slog.Int("masked", x.Masked))
	}
	if x.Limited != "" {
		attrs = append(attrs, slog.String("limited", string(x.Limited)))
	}
	if x.Deviation != "" {
		attrs = append(attrs, slog.String("deviation", string(x.Deviation)))
	}
	if x.Weak > 0 {
		attrs = append(attrs, slog.Int("weak", x.Weak))
	}
	if x.Uninspected != rules.UninspectedNone {
		attrs = append(attrs, slog.String("uninspected", string(x.Uninspected)))
	}
	if x.WAF.Blocked != 0 {
		attrs = append(
			attrs, slog.Int("waf_rule", x.WAF.Blocked), slog.Any("waf_hits", x.hits()),
			slog.Int("waf_inbound", x.WAF.Inbound), slog.Int("waf_outbound", x.WAF.Outbound),
		)
	}
	x.gateway.log.LogAttrs(context.Background(), level, "exchange", attrs...)
}

// tally is a count of distinct subjects by ownership.
func tally(name string, counts [3]int) slog.Attr {
	return slog.Group(
		name, slog.Int("foreign", counts[rules.Foreign]), slog.Int("own", counts[rules.Own]), slog.Int("unlinked", counts[rules.Unlinked]),
	)
}

// stateName is the state of what the exchange released, withheld when it
// released nothing.
func (x *exchange) stateName() string {
	if x.Subjects == [3]int{} {
		return rules.Withheld.String()
	}
	return x.State.String()
}

// maxHits bounds the rule ids of one log line.
const maxHits = 20

// hits names the rules that hit, so that an exclusion can be written for the
// one that was wrong.
func (x *exchange) hits() []int {
	ids := make([]int, 0, min(len(x.WAF.Hits), maxHits))
	for _, hit := range x.WAF.Hits {
		if len(ids) < maxHits && !slices.Contains(ids, hit.Rule) {
			ids = append(ids, hit.Rule)
		}
	}
	return ids
}

// knownMethod folds methods that a client made up.
func knownMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
		http.MethodOptions, http.MethodConnect, http.MethodTrace:
		return method
	}
	return otherMethod
}

// otherMethod stands for every method that a client made up.
const otherMethod = "OTHER"

// MaxCarried bounds the route templates remembered to carry records.
const MaxCarried = 4096

// recordRoutes remembers which routes carried records. Safe for concurrent
// use.
type recordRoutes struct {
	mu     sync.Mutex
	routes *simplelru.LRU[string, struct{}]
}

func newRecordRoutes() *recordRoutes {
	lru, err := simplelru.NewLRU[string, struct{}](MaxCarried, nil)
	if err != nil {
		panic("BUG: simplelru refuses a positive size: " + err.Error())
	}
	return &recordRoutes{routes: lru}
}

func (r *recordRoutes) add(route string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.routes.Add(route, struct{}{})
}

func (r *recordRoutes) has(route string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.routes.Contains(route)
}
