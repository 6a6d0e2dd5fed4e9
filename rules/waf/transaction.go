package waf

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/netip"
	"strconv"

	"github.com/corazawaf/coraza/v3"
	"github.com/corazawaf/coraza/v3/experimental/plugins/plugintypes"
	"github.com/corazawaf/coraza/v3/types"

	"github.com/ordergate/ordergate/rules"
)

// Request is what the rules see of a request: byte for byte what the upstream
// is sent.
type Request struct {
	Client           netip.AddrPort
	URI              string // as on the request line
	Method, Proto    string
	Host             string
	Header           http.Header
	Trailer          http.Header // fields behind a chunked body; to the rules they are headers
	TransferEncoding []string
	Body             []byte // borrowed
}

// Hit is one rule that matched. It holds nothing of the request.
type Hit struct {
	Rule     int
	Severity string // CRS severity in lower case, "unset" where a rule has none
}

// Report is what a finished transaction says.
type Report struct {
	Hits     []Hit
	Inbound  int // anomaly score of the request
	Outbound int // anomaly score of the response
	Blocked  int // id of the rule that interrupted, 0 for none
	// Detected says that, in observe mode, a rule would have blocked.
	Detected bool
	// Clearance says how much of the full rule set ran.
	Clearance Clearance
}

// Clearance is what clearance made of an exchange.
type Clearance uint8

// What became of an exchange.
const (
	Uncleared      Clearance = iota // clearance is off
	Cleared                         // no rule could match
	JudgedRequest                   // a rule may match the request: the full rule set ran
	JudgedResponse                  // the request was cleared, the response was not
)

// Transaction is one exchange seen by the rules. Not safe for concurrent
// use. After an error or an interruption only Finish may be called.
type Transaction struct {
	engine *Engine
	id     rules.ExchangeID
	// quick is set while clearance says that no rule can match; full, the
	// transaction of the whole rule set, from when it may.
	quick     *cleared
	full      types.Transaction
	clearance Clearance
	request   Request  // kept for a full transaction that begins late
	response  response // likewise
	sampled   bool     // Coraza's own rule set judges it again when it is over
	finished  bool
}

// response is what phase 3 was given.
type response struct {
	status int
	proto  string
	header http.Header
	given  bool
}

// blocked turns an interruption into the verdict. Coraza names a status for
// deny only; drop and redirect are refusals here too.
func blocked(in *types.Interruption) rules.Verdict {
	if in == nil {
		return rules.Passed
	}
	status := in.Status
	if status < http.StatusBadRequest || status > 599 {
		status = http.StatusForbidden
	}
	return rules.Verdict{Action: rules.Refuse, Reason: rules.ReasonWAF, Status: status}
}

// off reports whether no rules run.
func (t *Transaction) off() bool {
	switch {
	case t.full != nil:
		return t.full.IsRuleEngineOff()
	case t.quick != nil && t.quick.tx != nil:
		return t.quick.tx.IsRuleEngineOff()
	}
	return t.quick == nil
}

// Request runs phases 1 and 2. The header and the body of the request must
// stay as they are until Finish.
func (t *Transaction) Request(r *Request) (rules.Verdict, error) {
	if t.off() {
		return rules.Passed, nil
	}
	if t.quick != nil {
		t.keep(r)
		if t.quick.passes(r) {
			return rules.Passed, nil
		}
		t.judge()
	}
	in, err := request(t.full, r)
	return blocked(in), err
}

// begin starts one of Coraza's transactions for this exchange.
func (t *Transaction) begin(w coraza.WAF) types.Transaction { return t.engine.transaction(w, t.id) }

// keep notes the request for a full transaction that begins late; a copy of
// its own for one that begins when the exchange is over.
func (t *Transaction) keep(r *Request) {
	t.clearance, t.request = Cleared, *r
	if t.sampled = t.engine.samples(); t.sampled {
		t.request.Header, t.request.Body = r.Header.Clone(), bytes.Clone(r.Body)
	}
}

// judge goes over to a transaction of the full rule set.
func (t *Transaction) judge() {
	// What a lean transaction leaves behind is temporary files at worst.
	_ = t.quick.close()
	t.quick, t.full, t.clearance = nil, t.begin(t.engine.judge()), JudgedRequest
}

// request gives a transaction a request and runs phases 1 and 2.
func request(tx types.Transaction, r *Request) (*types.Interruption, error) {
	tx.ProcessConnection(r.Client.Addr().Unmap().String(), int(r.Client.Port()), "", 0)
	tx.ProcessURI(r.URI, r.Method, r.Proto)
	for _, header := range [...]http.Header{r.Header, r.Trailer} {
		for name, values := range header {
			for _, value := range values {
				tx.AddRequestHeader(name, value)
			}
		}
	}
	if r.Host != "" {
		tx.AddRequestHeader("Host", r.Host)
		tx.SetServerName(r.Host)
	}
	// net/http takes this header away; all of its values are needed to see a
	// smuggling attempt (CRS 920171).
	for _, te := range r.TransferEncoding {
		tx.AddRequestHeader("Transfer-Encoding", te)
	}
	if in := tx.ProcessRequestHeaders(); in != nil {
		return in, nil
	}
	if len(r.Body) > 0 {
		in, _, err := tx.WriteRequestBody(r.Body)
		if err != nil {
			return nil, fmt.Errorf("giving the request body to the WAF: %w", err)
		}
		if in != nil {
			return in, nil
		}
	}
	in, err := tx.ProcessRequestBody()
	if err != nil {
		return nil, fmt.Errorf("running WAF phase 2: %w", err)
	}
	return in, nil
}

// Header runs phase 3.
func (t *Transaction) Header(status int, proto string, header http.Header) rules.Verdict {
	if t.off() {
		return rules.Passed
	}
	if t.quick != nil {
		t.response = response{status, proto, maps.Clone(header), true}
		if t.quick.passesHeader(&t.response) {
			return rules.Passed
		}
		in, err := t.catchUp()
		if err != nil { // the same request went well a moment ago: no policy is written for it, so it is refused
			return rules.Verdict{Action: rules.Refuse, Reason: rules.ReasonWAFError, Status: http.StatusServiceUnavailable}
		}
		return blocked(in)
	}
	r := response{status, proto, header, true}
	return blocked(r.run(t.full))
}

// run gives a transaction the response's header and runs phase 3.
func (r *response) run(tx types.Transaction) *types.Interruption {
	for name, values := range r.header {
		for _, value := range values {
			tx.AddResponseHeader(name, value)
		}
	}
	return tx.ProcessResponseHeaders(r.status, r.proto)
}

// catchUp goes over to the full rule set and runs what the exchange has gone
// through so far.
func (t *Transaction) catchUp() (*types.Interruption, error) {
	quick := t.quick
	t.quick, t.full, t.clearance = nil, t.begin(t.engine.judge()), JudgedResponse
	defer func() { _ = quick.close() }() // as in judge
	body, err := quick.bodyReader()
	if err != nil {
		return nil, fmt.Errorf("reading the response body again: %w", err)
	}
	return replay(t.full, &t.request, &t.response, body)
}

// replay runs a transaction over what an exchange has gone through so far, up
// to the response body, over which phase 4 has yet to run.
func replay(tx types.Transaction, r *Request, res *response, body io.Reader) (*types.Interruption, error) {
	if in, err := request(tx, r); in != nil || err != nil || !res.given {
		return in, err
	}
	if in := res.run(tx); in != nil {
		return in, nil
	}
	in, _, err := tx.ReadResponseBodyFrom(body)
	if err != nil {
		return nil, fmt.Errorf("giving the response body to the WAF: %w", err)
	}
	return in, nil
}

// WantsBody returns how many bytes of the decoded response body phase 4 wants
// to see, 0 when none. Call it after Header.
func (t *Transaction) WantsBody() int {
	switch {
	case t.off() || t.engine.limits.ResponseBody == 0:
		return 0
	case t.quick != nil && t.quick.wantsBody(), t.quick == nil && t.full.IsResponseBodyAccessible() && t.full.IsResponseBodyProcessable():
		return t.engine.limits.ResponseBody
	}
	return 0
}

// Write gives phase 4 the next bytes of the decoded response body; b is only
// borrowed. The verdict may come with the last byte that phase 4 wants.
func (t *Transaction) Write(b []byte) (rules.Verdict, error) {
	var in *types.Interruption
	var err error
	full := false
	switch {
	case t.quick != nil:
		in, full, err = t.quick.write(b)
	case t.full != nil:
		in, _, err = t.full.WriteResponseBody(b)
	default:
		return rules.Verdict{}, errNoWAF
	}
	if err != nil {
		return rules.Verdict{}, fmt.Errorf("giving the response body to the WAF: %w", err)
	}
	if full {
		return t.Body() // Coraza runs phase 4 when its limit is reached
	}
	return blocked(in), nil
}

// Body runs phase 4 over what Write gave.
func (t *Transaction) Body() (rules.Verdict, error) {
	if t.quick == nil && t.full == nil {
		return rules.Passed, nil
	}
	if t.quick != nil {
		if t.quick.passesBody() {
			return rules.Passed, nil
		}
		if in, err := t.catchUp(); in != nil || err != nil {
			return blocked(in), err
		}
	}
	in, err := t.full.ProcessResponseBody()
	if err != nil {
		return rules.Verdict{}, fmt.Errorf("running WAF phase 4: %w", err)
	}
	return blocked(in), nil
}

// Finish runs phase 5 and releases the transaction; it may be called once
// more without effect. It must not run while another goroutine still uses the
// transaction.
func (t *Transaction) Finish() (Report, error) {
	if t.quick == nil && t.full == nil || t.finished {
		return Report{}, nil
	}
	t.finished = true
	if t.quick != nil {
		report := t.quick.report(t.quick.lastPhase())
		if t.sampled {
			body, err := t.quick.bodyReader()
			t.prove(body, err, t.quick.lastPhase() >= types.PhaseResponseBody, report)
		}
		if err := t.quick.close(); err != nil {
			return report, fmt.Errorf("closing the WAF transaction: %w", err)
		}
		return report, nil
	}
	report := reportOf(t.full)
	report.Clearance = t.clearance
	if t.sampled {
		body, err := t.full.ResponseBodyReader()
		state, ok := t.full.(plugintypes.TransactionState)
		t.prove(body, err, ok && state.LastPhase() >= types.PhaseResponseBody, report)
	}
	if err := t.full.Close(); err != nil {
		return report, fmt.Errorf("closing the WAF transaction: %w", err)
	}
	return report, nil
}

// reportOf runs phase 5 and says what a transaction of the full rule set came
// to.
func reportOf(tx types.Transaction) Report {
	tx.ProcessLogging()
	report := Report{}
	for _, match := range tx.MatchedRules() {
		if hit, ok := hitOf(match); ok {
			report.Hits = append(report.Hits, hit)
		}
	}
	if in := tx.Interruption(); in != nil {
		report.Blocked = in.RuleID
	}
	// MatchedRule.Disruptive says something else: false for every rule that
	// only detects, true for one that passes.
	if tx, ok := tx.(interface{ IsDetectionOnlyInterrupted() bool }); ok {
		report.Detected = tx.IsDetectionOnlyInterrupted()
	}
	if state, ok := tx.(plugintypes.TransactionState); ok {
		set := state.Variables().TX()
		report.Inbound = score(set.Get("blocking_inbound_anomaly_score"))
		report.Outbound = score(set.Get("blocking_outbound_anomaly_score"))
	}
	return report
}

// hitOf returns what a match is reported as; bookkeeping rules of the CRS are
// not.
func hitOf(match types.MatchedRule) (Hit, bool) {
	if match.Message() == "" || !logged(match) {
		return Hit{}, false
	}
	return Hit{Rule: match.Rule().ID(), Severity: severity(match.Rule())}, true
}

// logged reports whether a rule that matched is not one with the action
// nolog. Coraza's interface does not tell before version 4, its type does.
func logged(match types.MatchedRule) bool {
	m, ok := match.(interface{ Log() bool })
	return !ok || m.Log()
}

func severity(rule types.RuleMetadata) string {
	if s := rule.Severity(); s > 0 && int(s) <= 7 {
		return s.String()
	}
	return "unset"
}

func score(values []string) int {
	if len(values) == 0 {
		return 0
	}
	n, err := strconv.Atoi(values[0])
	if err != nil {
		return 0
	}
	return n
}
