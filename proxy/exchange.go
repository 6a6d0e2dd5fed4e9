package proxy

import (
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/ordergate/ordergate/rules"
	"github.com/ordergate/ordergate/rules/contract"
	"github.com/ordergate/ordergate/rules/exfil"
	"github.com/ordergate/ordergate/rules/record"
	"github.com/ordergate/ordergate/rules/waf"
)

// exchange is one request and its response: the only value that is carried
// through the package. It belongs to the goroutine that serves the request.
type exchange struct {
	gateway *Gateway
	policy  *Policy
	hasher  *rules.Hasher // borrowed until it finishes
	text    [64]byte      // working memory, for short texts that are digested
	control *http.ResponseController

	group       *group   // of servers that get the request
	astray      bool     // no group serves its host: it is refused
	tenant      string   // whose shop its host is; empty: nobody's own
	backend     *backend // that gets the request
	target      *url.URL // as the client asked
	framing     *framing // of an HTTP/1 connection
	request     int64    // which one of the connection, from 1
	id          rules.ExchangeID
	start       time.Time
	method      string
	proto       string
	trace       string       // id of the trace that the client's side began, or, where tracing is on, that the spans belong to; empty: none
	traced      *traced      // its spans; nil: tracing is off
	uploaded    atomic.Int64 // bytes of the body beyond what was read before it went on; they may still come when the answer has gone
	sent        int64        // bytes of the response's body
	uri         string       // what the upstream is sent on the request line
	path        string
	rule        *RouteRule
	route       string // template
	client      netip.AddrPort
	wanted      rules.Role
	presented   []rules.Digest // credentials that the request showed
	principal   rules.Principal
	held        string // the principal's own session or token, if the platform is to be told of it; gone once it was
	body        []byte // of the request, up to its limit
	streamed    bool   // more of it follows, unread
	unread      bool   // all of it follows: the request was shed
	claim       record.Claim
	errand      errand             // of a request that claims
	supplied    []rules.Identifier // phones and residences that a write request supplied
	form        bool               // the request's body is urlencoded pairs
	tries       []exfil.Try        // once they are read
	login       loginRequest
	operation   *contract.Operation // of the platform's document that is asked for; nil: not known
	walker      *contract.Walker    // of the answer; nil: it is not held against the document
	allowed     []string            // methods, when another one was used
	landing     bool                // this page is where a login sent the client
	lists       bool                // it is an account's list of its orders
	mislabelled bool                // the response is readable, and its type says that it is not
	me          bool
	under       string // of an account page's path what may be a store's name, or somebody's

	waf      *waf.Transaction
	response *exfil.Response
	gate     *gate
	socket   *socket // after an upgrade
	mask     *mask   // of the gate, for a principal that gets responses masked

	seen     map[rules.Digest]struct{} // subjects counted already
	answered bool                      // the upstream's status line may have gone out
	Summary
}

// Summary is what is told of an exchange when it has finished: the same value
// for the log line and the metrics. It holds no personal value.
type Summary struct {
	Role        rules.Role
	Reason      rules.Reason // ReasonNone: it was let through
	Status      int
	Took        time.Duration // whole exchange
	Upstream    time.Duration // until the upstream's response header
	Stages      [Stages]time.Duration
	WAF         waf.Report
	WAFRan      bool
	WAFFailed   bool
	Uninspected rules.Uninspected
	Subjects    [3]int // distinct subjects put to the ledger as released, by rules.Ownership
	Withheld    [3]int
	State       rules.State // of the released ones
	Signals     int
	Contained   bool            // the session is contained from now on
	Slowed      bool            // it had to wait, because its principal is slowed
	Step        rules.Step      // that its principal is held by
	Masked      int             // values of foreign records that were masked
	Cut         bool            // refused after the status line
	Limited     Limited         // the limit of its shape that the request was over
	Deviation   rules.Deviation // of the request from the platform's document
	Exposed     int             // fields of the answer that are new and that the document does not declare
	Weak        int             // purchases shown of people whom nothing singles out: no subjects
	Held        int             // most bytes of the response held at a time
	Peer        rules.Peer      // readable, for the sealed window alone
}

// Stage is a part of an exchange in which our own time is measured.
type Stage int

// The stages.
const (
	StageAdmit Stage = iota
	StageWAFRequest
	StageWAFResponse
	StageFind
	StageReserve
	StageLedger
	Stages = 6
)

// String returns the stable name.
func (s Stage) String() string {
	if s < 0 || int(s) >= Stages {
		return "other"
	}
	return [Stages]string{"admit", "waf_request", "waf_response", "find", "reserve", "ledger"}[s]
}

// spend adds the time since from to a stage and returns now.
func (x *exchange) spend(s Stage, from time.Time) time.Time {
	now := x.gateway.now()
	x.Stages[s] += now.Sub(from)
	return now
}

// exchangeKey is the context key of the exchange that a request belongs to.
type exchangeKey struct{}

func exchangeOf(ctx context.Context) *exchange {
	x, _ := ctx.Value(exchangeKey{}).(*exchange)
	return x
}

// observes reports whether nothing is refused on this exchange.
func (x *exchange) observes() bool {
	if x.rule.Mode != nil {
		return *x.rule.Mode == rules.Observe
	}
	return x.policy.Mode == rules.Observe
}

// enforce returns v, or Passed where the route or the gateway only observes.
func (x *exchange) enforce(v rules.Verdict) rules.Verdict {
	if x.observes() {
		return rules.Passed
	}
	return v
}

// fail turns a failure of ours into its written policy.
func (x *exchange) fail(policy rules.Action, reason rules.Reason, status int) rules.Verdict {
	if policy == rules.Pass {
		return rules.Passed
	}
	return x.enforce(rules.Verdict{Action: rules.Refuse, Reason: reason, Status: status})
}
