package rules

import "time"

// Action is what the gateway does with an exchange or with the next bytes of
// a response. The zero value refuses.
type Action uint8

// The actions.
const (
	Refuse Action = iota // answer with a status and a reference id; after the status line: cut
	Pass
)

// Reason says why an exchange was refused; it goes to log and metrics, never
// to the client. It is also the outcome label of ordergate_requests_total.
type Reason string

// The reasons. ReasonNone is the outcome of an exchange that was let through.
const (
	ReasonNone         Reason = "passed"
	ReasonMalformed    Reason = "malformed"     // 400: request that the standard library would rewrite or cannot parse
	ReasonTooLarge     Reason = "too_large"     // 413: body over the limit of its route
	ReasonPolicy       Reason = "policy"        // 400, 405, 415, 431: its method, type or form is not allowed on its route
	ReasonContract     Reason = "contract"      // 400, 404, 405, 415: it is not as the platform's OpenAPI document says
	ReasonMisdirected  Reason = "misdirected"   // 421: no upstream serves its Host, or TLS named a host of another one
	ReasonRate         Reason = "rate"          // 429: more requests than the principal may send
	ReasonWAF          Reason = "waf"           // 403: Coraza's verdict
	ReasonWAFError     Reason = "waf_error"     // 503: the WAF failed and the policy is refuse
	ReasonCap          Reason = "cap"           // 429: a cap would have been passed
	ReasonBulk         Reason = "bulk"          // 403: more subjects in one response than the role may get
	ReasonContained    Reason = "contained"     // 403: the principal is contained by an incident
	ReasonLedger       Reason = "ledger"        // 503: the ledger could not make the disclosure durable
	ReasonUninspected  Reason = "uninspected"   // 502: the response could not be inspected and the policy is refuse
	ReasonUpstream     Reason = "upstream"      // 502: the upstream could not be reached or broke the protocol
	ReasonTimeout      Reason = "timeout"       // 504: the upstream took too long
	ReasonClientGone   Reason = "client_gone"   // the client went away first
	ReasonUpstreamGone Reason = "upstream_gone" // the upstream broke off inside the body
	ReasonPanic        Reason = "panic"         // 500: a fault of ours; this exchange dies, the process lives
	ReasonOverload     Reason = "overload"      // 503: shed, to stay under the memory ceiling
)

// Reasons returns every reason: the closed label set of the outcome.
func Reasons() []Reason {
	return []Reason{
		ReasonNone, ReasonMalformed, ReasonTooLarge, ReasonMisdirected, ReasonPolicy, ReasonContract, ReasonRate, ReasonWAF, ReasonWAFError, ReasonCap, ReasonBulk, ReasonContained,
		ReasonLedger, ReasonUninspected, ReasonUpstream, ReasonTimeout, ReasonClientGone, ReasonUpstreamGone, ReasonPanic, ReasonOverload,
	}
}

// Verdict is a decision about one exchange. The zero value refuses without
// naming a reason.
type Verdict struct {
	Action     Action
	Reason     Reason
	Status     int           // HTTP status to answer with when Action is Refuse
	RetryAfter time.Duration // when the same request may succeed; zero: never or unknown
	Delay      time.Duration // how long a request that passes waits first
	Step       Step          // the containment that the verdict comes from
	ByAddress  bool          // it holds everybody at the address, not this principal's session or account
}

// Passed is the verdict that lets an exchange through.
var Passed = Verdict{Action: Pass, Reason: ReasonNone}

// Mode says whether verdicts are carried out. The zero value enforces.
type Mode uint8

// The modes.
const (
	Enforce Mode = iota
	Observe      // everything is computed and reported, nothing is refused
	Off          // not even computed; only for the WAF
)

// String returns the stable name.
func (m Mode) String() string {
	switch m {
	case Observe:
		return "observe"
	case Off:
		return "off"
	case Enforce:
	}
	return "enforce"
}

// Uninspected is the reason why a response that might carry customer data was
// not inspected, or not wholly. The empty value means that it was.
type Uninspected string

// The reasons: the closed label set of ordergate_uninspected_responses_total.
const (
	UninspectedNone     Uninspected = ""
	UninspectedType     Uninspected = "type"     // a content type that the finder does not read
	UninspectedEncoding Uninspected = "encoding" // an unknown or lying Content-Encoding
	UninspectedSize     Uninspected = "size"     // a token or structure beyond the finder's bounds
	UninspectedSyntax   Uninspected = "syntax"   // invalid JSON or HTML; what could be read was
	UninspectedBomb     Uninspected = "bomb"     // decoded size out of proportion
	UninspectedPartial  Uninspected = "partial"  // 206, or a body that broke off
	UninspectedUpgrade  Uninspected = "upgrade"  // a WebSocket with an extension that nobody asked for
	UninspectedError    Uninspected = "error"    // a fault of ours
)

// UninspectedReasons returns every reason except the empty one.
func UninspectedReasons() []Uninspected {
	return []Uninspected{
		UninspectedType, UninspectedEncoding, UninspectedSize, UninspectedSyntax, UninspectedBomb,
		UninspectedPartial, UninspectedUpgrade, UninspectedError,
	}
}
