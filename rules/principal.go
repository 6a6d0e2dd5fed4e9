package rules

// Role is what a principal may be. The zero value is the least trusted.
type Role uint8

// The roles.
const (
	RoleGuest Role = iota
	RoleShopper
	RoleStaff
	RoleSeller
	RoleMachine
	RoleCrawler
	roles
)

var roleNames = [roles]string{"guest", "shopper", "staff", "seller", "machine", "crawler"}

// String returns the stable name; a value out of range is "guest".
func (r Role) String() string {
	if r >= roles {
		r = RoleGuest
	}
	return roleNames[r]
}

// Roles returns every role, in order.
func Roles() []Role {
	return []Role{RoleGuest, RoleShopper, RoleStaff, RoleSeller, RoleMachine, RoleCrawler}
}

// ParseRole is the inverse of [Role.String].
func ParseRole(s string) (Role, bool) {
	for r, name := range roleNames {
		if s == name {
			return Role(r), true
		}
	}
	return RoleGuest, false
}

// KeyKind is one way to name a principal. The numbers are part of the digest
// and of the ledger: append, never reorder.
type KeyKind uint8

// The kinds of keys.
const (
	KeySession KeyKind = iota
	KeyAccount
	KeyClientID
	KeyIP
	KeyPrefix // /24 of IPv4, /48 of IPv6
	KeyASN
	KeyTLSFingerprint
	KeySite // the whole site; its digest is zero
	keyKinds
)

var keyNames = [keyKinds]string{"session", "account", "client_id", "ip", "prefix", "asn", "tls_fingerprint", "site"}

// String returns the stable name.
func (k KeyKind) String() string {
	if k >= keyKinds {
		return "unknown"
	}
	return keyNames[k]
}

// ParseKeyKind is the inverse of [KeyKind.String].
func ParseKeyKind(name string) (KeyKind, bool) {
	for k, known := range keyNames {
		if name == known {
			return KeyKind(k), true
		}
	}
	return 0, false
}

// KeyKinds returns every kind of key, in order.
func KeyKinds() []KeyKind {
	return []KeyKind{KeySession, KeyAccount, KeyClientID, KeyIP, KeyPrefix, KeyASN, KeyTLSFingerprint, KeySite}
}

// Key names a principal in one way.
type Key struct {
	Kind   KeyKind
	Digest Digest
}

// Principal is whoever receives a response. The zero value is a guest without
// a credential and without keys.
type Principal struct {
	Role Role

	// Session is the digest of the credential that the request carried, or,
	// without one, of a stand-in made from the client's address. Never zero
	// once the proxy has made the principal.
	Session Digest
	// Account is the digest of the account that the session is bound to; zero
	// while none is known.
	Account Digest
	// IP and Prefix name the client's network address as seen through the
	// trusted proxies.
	IP, Prefix Digest
	// TLS names the client's program by how it begins TLS (JA4); zero where
	// nobody who saw its handshake says so. Many share one.
	TLS Digest
	// ASN names the network operator (autonomous system) of the address; zero
	// where no database says it. A carrier is half a country.
	ASN Digest

	// Credential says that the request carried a session, token or API key.
	Credential bool
	// Issued says that this gateway saw the platform issue that credential,
	// or that the operator declared it.
	Issued bool
	// Contradicted says that the credential itself names a time of issue at which
	// this gateway watched, and did not see it: no warm-up excuses that.
	Contradicted bool
	// Machine is the index plus one of the operator's declaration with caps of its
	// own: of a machine, or of a desk of staff or sellers; zero for everybody else.
	Machine int
}

// Keys appends the principal's non-zero keys to dst and returns it.
func (p *Principal) Keys(dst []Key) []Key {
	for _, k := range [...]Key{
		{KeySession, p.Session}, {KeyAccount, p.Account}, {KeyIP, p.IP}, {KeyPrefix, p.Prefix}, {KeyASN, p.ASN}, {KeyTLSFingerprint, p.TLS},
	} {
		if !k.Digest.IsZero() {
			dst = append(dst, k)
		}
	}
	return dst
}

// Remembered is how many keys of one kind are remembered because subjects are
// counted under them, and what became of others since the start. The zero value:
// none.
type Remembered struct {
	Live    int
	Evicted uint64 // forgotten to make room, each with a count of one
	Crowded uint64 // times that a new one found no room, and shared its count with others
}
