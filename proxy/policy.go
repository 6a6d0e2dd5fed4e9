package proxy

import (
	"net/netip"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/ordergate/ordergate/rules"
	"github.com/ordergate/ordergate/rules/record"
	"github.com/ordergate/ordergate/rules/waf"
)

// Carrier says where a session or token is carried.
type Carrier struct {
	Kind CarrierKind
	// Name is the cookie's or header's name; a trailing * matches any ending.
	// Empty for Bearer.
	Name string
}

// CarrierKind is the part of a request that carries a credential.
type CarrierKind uint8

// The kinds of carriers.
const (
	Cookie CarrierKind = iota
	Header
	Bearer // Authorization: Bearer
)

// RoleRule gives requests a role; the first rule that matches wins. Fields
// that are set must all match.
type RoleRule struct {
	Role    rules.Role
	Path    string // glob: * is one segment, ** any number
	Header  string // must be present; it carries the credential
	SHA256  string // hexadecimal SHA-256 of the credential, for declared ones
	CIDR    []netip.Prefix
	Machine int // index plus one of the declarations with caps of their own
}

// RouteRule is what holds for the requests of one route; the first rule that
// matches wins.
type RouteRule struct {
	Path     string   // glob, as in RoleRule
	Upstream string   // name of the Group that the request is for; empty: any
	Methods  []string // upper case; empty: all
	Template string   // name in ledger and incidents; empty: made from the path
	// Mode overrides Policy.Mode where set.
	Mode *rules.Mode
	// StreamBody passes request bodies beyond the limit on, uninspected from
	// there, instead of refusing them with 413.
	StreamBody bool
	// Rates limit the requests of this route, beside Policy.Rates.
	Rates Rates
	// Shape overrides Policy.Shape, as a whole; nil does not.
	Shape   *Shape
	Purpose Purpose
	// HideErrors overrides Policy.HideErrors where set.
	HideErrors *bool
	// RequestBody overrides Policy.RequestBody, in bytes; 0 does not.
	RequestBody int64
	// Uninspected overrides Policy.Uninspected where set.
	Uninspected *rules.Action
}

// Policy is everything that a reload may change, swapped as one. It is
// read-only once given to the gateway.
type Policy struct {
	Mode           rules.Mode
	TrustedProxies []netip.Prefix // whose X-Forwarded-For is believed; empty: nobody's
	// Forwarded says that they tell of hops in Forwarded (RFC 7239) instead: what
	// they have then in X-Forwarded-For is the client's.
	Forwarded bool
	// AddressHeader is where hops of AddressFrom, a CDN's, name their client, such as
	// CF-Connecting-IP; empty: nowhere. From others it does not reach the platform.
	AddressHeader string
	AddressFrom   []netip.Prefix
	// FingerprintHeader is where a trusted proxy says how the client begins TLS
	// (JA4); empty: nowhere.
	FingerprintHeader string
	// Hosts are those that Config.Upstreams serve, as in Group; empty: every one.
	Hosts []string
	// Tenants are whose shops the hosts are: the first that fits names the rows of an
	// exchange.
	Tenants        []Tenant
	Sessions       []Carrier
	ASN            *ASN // whose network an address is; nil: not known
	Roles          []RoleRule
	Routes         []RouteRule
	Records        *record.Config
	SubjectsHeader string // of responses: how many foreign customers they disclose; empty: none
	WAF            *waf.Engine
	Rates          Rates
	Shape          Shape      // of requests
	Contracts      []Contract // OpenAPI documents; the first that fits a path speaks for it
	// HideErrors replaces the platform's own pages of status 500 and more by ours:
	// they carry stack traces, queries and now and then a record.
	HideErrors bool
	// StripHeaders are names of response headers that go no further; a name may
	// end in *.
	StripHeaders []string
	// WAFRequestError and WAFResponseError are what happens when the WAF
	// itself fails. The zero value refuses.
	WAFRequestError, WAFResponseError rules.Action
	// LedgerFailure is what happens to records when the ledger cannot make
	// them durable. The zero value refuses.
	LedgerFailure rules.Action
	// LedgerWait is how long a response waits for the ledger; 0 means 2 s.
	LedgerWait time.Duration
	// Uninspected is what happens to a response that should be inspected and
	// cannot be: an undecodable or lying encoding, a decompression bomb, a
	// part of a text. The zero value refuses. Types that the finder does not
	// read (images, PDF) pass unless their route says refuse; they are counted.
	Uninspected rules.Action
	// RequestBody is the most bytes of a request body, 413 beyond; 0: none.
	RequestBody int64
	// Window is how many bytes of a response are decided about together; the
	// first window is decided before the status line goes. 0 means 64 KiB.
	Window int
	// Ratio is the largest allowed decoded size for each byte received, past
	// the first MiB. 0 means 200.
	Ratio int64
	// Tracer makes the spans of exchanges; nil: there are none, and what clients say of
	// their traces passes as it is.
	Tracer trace.Tracer
	// Config is the digest of the effective config.
	Config string

	words map[string]struct{} // segments of paths that are no values; Reload makes it
}

const (
	defaultLedgerWait = 2 * time.Second
	defaultWindow     = 64 << 10
	defaultRatio      = 200
)

func (p *Policy) window() int {
	if p.Window <= 0 {
		return defaultWindow
	}
	return p.Window
}

func (p *Policy) ratio() int64 {
	if p.Ratio <= 0 {
		return defaultRatio
	}
	return p.Ratio
}

func (p *Policy) ledgerWait() time.Duration {
	if p.LedgerWait <= 0 {
		return defaultLedgerWait
	}
	return p.LedgerWait
}
