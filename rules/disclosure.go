package rules

import (
	"encoding/hex"
	"fmt"
	"time"
)

// ExchangeID identifies one request and its response. It is random (128
// bits), is the reference id that a refused client is shown, and joins log
// lines, ledger rows and incidents. The zero value means none.
type ExchangeID [16]byte

// String returns the id in lower-case hexadecimal, 32 characters.
func (id ExchangeID) String() string { return hex.EncodeToString(id[:]) }

// ParseExchangeID is the inverse of [ExchangeID.String].
func ParseExchangeID(s string) (ExchangeID, error) {
	var id ExchangeID
	if len(s) != 2*len(id) { // hex.Decode panics on a longer text
		return ExchangeID{}, fmt.Errorf("reference id of %d characters: want %d hexadecimal characters", len(s), 2*len(id))
	}
	if _, err := hex.Decode(id[:], []byte(s)); err != nil {
		return ExchangeID{}, fmt.Errorf("reference id %q: want %d hexadecimal characters", s, 2*len(id))
	}
	return id, nil
}

// Ownership says whether the subject is the principal's own customer record.
type Ownership uint8

// The ownerships. The zero value is the careful one.
const (
	Foreign  Ownership = iota // the session is bound, and not to this subject; or its credential is unissued
	Own                       // the session is bound to this subject
	Unlinked                  // the session is bound to nobody: counts against caps like foreign
	ownerships
)

var ownershipNames = [ownerships]string{"foreign", "own", "unlinked"}

// String returns the stable name.
func (o Ownership) String() string {
	if o >= ownerships {
		o = Foreign
	}
	return ownershipNames[o]
}

// Ownerships returns every ownership, in order.
func Ownerships() []Ownership { return []Ownership{Foreign, Own, Unlinked} }

// ParseOwnership is the inverse of [Ownership.String].
func ParseOwnership(s string) (Ownership, bool) {
	for o, name := range ownershipNames {
		if s == name {
			return Ownership(o), true
		}
	}
	return Foreign, false
}

// State is what became of a disclosure.
type State uint8

// The states. A row starts as Unknown, durable before its bytes are released;
// a crash leaves it so.
const (
	Unknown   State = iota // released; whether the client received all of it is not known
	Delivered              // written to the client without an error
	Withheld               // found and not released
	Attempted              // asked for, refused before any record was found
	states
)

var stateNames = [states]string{"unknown", "delivered", "withheld", "attempted"}

// String returns the stable name.
func (s State) String() string {
	if s >= states {
		s = Unknown
	}
	return stateNames[s]
}

// States returns every state, in order.
func States() []State { return []State{Unknown, Delivered, Withheld, Attempted} }

// ParseState is the inverse of [State.String].
func ParseState(s string) (State, bool) {
	for i, name := range stateNames {
		if s == name {
			return State(i), true
		}
	}
	return Unknown, false
}

// Disclosure is one record released (or withheld) to one principal: a row of
// the ledger. With State Attempted the Record is empty.
type Disclosure struct {
	Time      time.Time // when the verdict fell, UTC
	Exchange  ExchangeID
	Principal Principal
	Route     string // route template, never a raw path; at most MaxRoute bytes
	Record    Record
	Ownership Ownership
	State     State
	Config    string // digest of the effective config, 16 hexadecimal characters

	// Tenant names whose shop the request was for; empty: nobody's own. It chooses
	// the key that the row is sealed with, and is not kept: the key says it.
	Tenant string
}

// MaxRoute bounds a route template's length in bytes.
const MaxRoute = 128
