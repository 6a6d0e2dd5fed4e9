package rules

import "time"

// Binding is what is remembered of one session: when this gateway saw it
// issued, and which subject it belongs to. Digests only.
type Binding struct {
	Session Digest
	Role    Role         // the role of the route that issued it
	Account Digest       // digest of the account it is bound to, zero while unbound
	Own     []Identifier // identifiers of its own customer, at most MaxOwn
	Claims  int          // bindings honoured so far
	Issued  time.Time
	Seen    time.Time
}

// MaxOwn bounds Binding.Own.
const MaxOwn = 64
