package waf

import (
	"fmt"
	"net/http"
	"net/netip"
	"strconv"

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
}

// Transaction is one exchange seen by the rules. Not safe for concurrent
// use. After an error or an interruption only Finish may be called.
type Transaction struct {
	engine   *Engine
	tx       types.Transaction
	finished bool
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

// Request runs phases 1 and 2.
func (t *Transaction) Request(r *Request) (rules.Verdict, error) {
	if t.tx == nil || t.tx.IsRuleEngineOff() {
		return rules.Passed, nil
	}
	tx := t.tx
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
		return blocked(in), nil
	}
	if len(r.Body) > 0 {
		in, _, err := tx.WriteRequestBody(r.Body)
		if err != nil {
			return rules.Verdict{}, fmt.Errorf("giving the request body to the WAF: %w", err)
		}
		if in != nil {
			return blocked(in), nil
		}
	}
	in, err := tx.ProcessRequestBody()
	if err != nil {
		return rules.Verdict{}, fmt.Errorf("running WAF phase 2: %w", err)
	}
	return blocked(in), nil
}

// Header runs phase 3.
func (t *Transaction) Header(status int, proto string, header http.Header) rules.Verdict {
	if t.tx == nil || t.tx.IsRuleEngineOff() {
		return rules.Passed
	}
	for name, values := range header {
		for _, value := range values {
			t.tx.AddResponseHeader(name, value)
		}
	}
	return blocked(t.tx.ProcessResponseHeaders(status, proto))
}

// WantsBody returns how many bytes of the decoded response body phase 4 wants
// to see, 0 when none. Call it after Header.
func (t *Transaction) WantsBody() int {
	if t.tx == nil || t.engine.limits.ResponseBody == 0 || t.tx.IsRuleEngineOff() ||
		!t.tx.IsResponseBodyAccessible() || !t.tx.IsResponseBodyProcessable() {
		return 0
	}
	return t.engine.limits.ResponseBody
}

// Write gives phase 4 the next bytes of the decoded response body; b is only
// borrowed.
func (t *Transaction) Write(b []byte) (rules.Verdict, error) {
	if t.tx == nil {
		return rules.Verdict{}, errNoWAF
	}
	in, _, err := t.tx.WriteResponseBody(b)
	if err != nil {
		return rules.Verdict{}, fmt.Errorf("giving the response body to the WAF: %w", err)
	}
	return blocked(in), nil
}

// Body runs phase 4 over what Write gave.
func (t *Transaction) Body() (rules.Verdict, error) {
	if t.tx == nil {
		return rules.Passed, nil
	}
	in, err := t.tx.ProcessResponseBody()
	if err != nil {
		return rules.Verdict{}, fmt.Errorf("running WAF phase 4: %w", err)
	}
	return blocked(in), nil
}

// Finish runs phase 5 and releases the transaction; it may be called once
// more without effect. It must not run while another goroutine still uses the
// transaction.
func (t *Transaction) Finish() (Report, error) {
	if t.tx == nil || t.finished {
		return Report{}, nil
	}
	t.finished = true
	t.tx.ProcessLogging()
	report := Report{}
	for _, match := range t.tx.MatchedRules() {
		if match.Message() == "" || !logged(match) {
			continue // bookkeeping rules of the CRS
		}
		report.Hits = append(report.Hits, Hit{Rule: match.Rule().ID(), Severity: severity(match.Rule())})
	}
	if in := t.tx.Interruption(); in != nil {
		report.Blocked = in.RuleID
	}
	// MatchedRule.Disruptive says something else: false for every rule that
	// only detects, true for one that passes.
	if tx, ok := t.tx.(interface{ IsDetectionOnlyInterrupted() bool }); ok {
		report.Detected = tx.IsDetectionOnlyInterrupted()
	}
	if state, ok := t.tx.(plugintypes.TransactionState); ok {
		tx := state.Variables().TX()
		report.Inbound = score(tx.Get("blocking_inbound_anomaly_score"))
		report.Outbound = score(tx.Get("blocking_outbound_anomaly_score"))
	}
	if err := t.tx.Close(); err != nil {
		return report, fmt.Errorf("closing the WAF transaction: %w", err)
	}
	return report, nil
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
