package rules

// IdentifierKind says what kind of value names a subject. The numbers are
// part of the digest and of the ledger: append, never reorder.
type IdentifierKind uint8

// The identifier kinds, strongest first: a record's subject is the digest of
// its strongest identifier.
const (
	IdentifierNone       IdentifierKind = iota
	IdentifierEmail                     // normalised: trimmed, lower case
	IdentifierCustomerID                // the platform's own number or id of the customer
	IdentifierPhone                     // normalised: digits, international where it can be known
	IdentifierResidence                 // a person's name with a street address
	IdentifierCard                      // a full payment-card number
	IdentifierOrder                     // an order number: names a purchase, and through it its owner
	identifierKinds
)

var identifierNames = [identifierKinds]string{"none", "email", "customer_id", "phone", "residence", "card", "order"}

// String returns the stable name; a value out of range is "none".
func (k IdentifierKind) String() string {
	if k >= identifierKinds {
		k = IdentifierNone
	}
	return identifierNames[k]
}

// ParseIdentifierKind is the inverse of [IdentifierKind.String].
func ParseIdentifierKind(s string) (IdentifierKind, bool) {
	for k, name := range identifierNames {
		if s == name && k != 0 {
			return IdentifierKind(k), true
		}
	}
	return IdentifierNone, false
}

// Identifier is one digested way to name a subject.
type Identifier struct {
	Kind   IdentifierKind
	Digest Digest
}

// Record is the personal data about one subject inside one response, or a
// part of it: a long record may be reported in several parts, each with what
// is new, all with the same Subject.
type Record struct {
	Subject     Identifier   // the strongest identifier seen when the record was first reported
	Identifiers []Identifier // distinct, Subject included; at most MaxIdentifiers
	Fields      Fields
}

// MaxIdentifiers bounds Record.Identifiers; further ones are dropped, weakest
// kinds first.
const MaxIdentifiers = 8

// IdentifierOf returns the first identifier of a kind, or the zero digest.
func (r *Record) IdentifierOf(kind IdentifierKind) Digest {
	for _, id := range r.Identifiers {
		if id.Kind == kind {
			return id.Digest
		}
	}
	return Digest{}
}
