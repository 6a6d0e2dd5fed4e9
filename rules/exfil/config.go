package exfil

import (
	"time"

	"github.com/ordergate/ordergate/rules"
)

// Limit allows at most Max distinct foreign or unlinked subjects per sliding
// Window. Max 0 allows none.
type Limit struct {
	Window rules.Window
	Max    int
}

// Limits are all the limits of one kind of key, at most one per window. A
// window that is not named has no limit; the zero value limits nothing, so
// what must be bounded is bounded by the defaults of deploy/config.
type Limits []Limit

// RoleCaps are the caps of one role, or of one declared machine or desk.
type RoleCaps struct {
	// Session limits every session, and every account, of the role.
	Session Limits
	// Address limits an ip, a prefix or a TLS fingerprint. It never refuses by
	// itself: over it, the Session limits of principals behind it shrink (see
	// Config.Shrink).
	Address Limits
	// ASN limits one network operator, in the same way.
	ASN Limits
	// Response is the most distinct subjects, own ones included, that one
	// response may carry. 0 allows none; negative means no limit.
	Response int
}

// Config is what the deciding code of this package is tuned by. The zero
// value allows no records to anybody (Response 0 for every role).
type Config struct {
	// Roles are the caps by role; a role that is missing gets the guest's.
	Roles map[rules.Role]RoleCaps
	// Machines are the caps of declared machines and desks, by rules.Principal.Machine-1.
	Machines []RoleCaps
	// Site limits guests and shoppers together: the budget.
	Site Limits
	// Shrink divides Session limits (rounded up, at least 1) while an address,
	// prefix or TLS fingerprint is over its own limit. 0 means 3.
	Shrink int
	// Principals is the most sessions, accounts and addresses remembered at a
	// time, each kind for itself; keyTable and Bindings say who is forgotten then. 0
	// means 1,000,000.
	Principals int
	// Unauthenticated is how many subjects one response to no credential must
	// carry to open an incident. 0 means 1.
	Unauthenticated int
	// Ownership is how many distinct foreign subjects a session that is bound to
	// a customer must be sent within a day to open an incident. 0 means 3.
	Ownership int
	// Unissued is how many credentials that nobody saw being issued must read
	// records from one network within an hour to open an incident. 0 means 3.
	Unissued int
	// WarmUntil is when the gateway has run long enough to know the sessions in
	// use. Until then a session that nobody saw being issued is counted by
	// itself; from then on all unissued sessions of one address are counted
	// together, so that made-up ones buy nothing. The zero value: no warm-up.
	WarmUntil time.Time
	// Started is when the gateway ran first. A token that says itself that it was
	// issued since then, and was not seen to be, is unissued even before
	// WarmUntil. The zero value: what tokens say of it is not looked at.
	Started time.Time
	// Canaries are digests of planted customers' identifiers.
	Canaries []rules.Identifier
	// Rules are those of rule files, and the ones that are shipped ([DefaultRules]).
	Rules []Rule
	// Contain is what each detector does to the issued session of a principal that it
	// has found, for an hour; a detector that is missing does nothing. A canary
	// and the site's aggregate never should: planted text, and a busy day, would
	// then decide who is refused.
	Contain map[rules.Detector]rules.Step
	// Modes of the detectors that are not enforced; a detector that is
	// missing is enforced.
	Modes map[rules.Detector]rules.Mode
}
