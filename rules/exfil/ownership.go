package exfil

import (
	"net/http"
	"slices"
	"time"

	"github.com/ordergate/ordergate/rules"
)

// Claims are how many customers one session may make its own by naming them:
// a family, not a list. The stand-in of clients without a credential, which
// may be a whole office, gets as many an hour as an address may see records.
var (
	sessionClaims = Limits{{Window: rules.WindowMonth, Max: 3}}
	standInClaims = Limits{{Window: rules.WindowHour, Max: 30}}
)

// ownership classifies one record for the principal.
func (r *Response) ownership(record *rules.Record) rules.Ownership {
	switch {
	case owns(&r.binding, record) || r.loggedIn && claims(r.visit.Claim, record):
		return rules.Own // bound, or the answer to a login that proves itself
	case record.Subject.Kind == rules.IdentifierOrder && !r.binding.Account.IsZero() && r.engine.owners.showed(r.binding.Account, record.Subject.Digest):
		return rules.Own // its account's own list has named it
	case !r.echoed.IsZero() && record.Subject.Digest == r.echoed && record.Fields&^echo == 0:
		return rules.Own // where its confirmation was sent
	case r.visit.Principal.Credential && !r.visit.Principal.Issued:
		return rules.Foreign
	case len(r.binding.Own) > 0:
		return rules.Foreign
	}
	return rules.Unlinked
}

// learn binds the session when the response shows whose it is: a record that
// carries what a successful create, login or checkout request said of its
// sender, or the only subject of a page about whoever asks; and adds what else
// an own record of a known account, or its address book, says.
func (r *Response) learn(records []rules.Record, subjects int, now time.Time) {
	customer := r.visit.Principal.Role == rules.RoleGuest || r.visit.Principal.Role == rules.RoleShopper
	for i := range records {
		record := &records[i]
		account := !r.binding.Account.IsZero()
		switch {
		case r.visit.Me && !account && subjects == 1 && r.visit.Principal.Issued && customer && !weak(record) && r.engine.stores.admits(r.visit.Under):
			r.bind(record.Identifiers, true, now)
		case account && owns(&r.binding, record):
			r.extend(record, now)
		case !customer: // staff name customers all day: that makes none their own
		case r.honours() && claims(r.visit.Claim, record):
			r.bind(named(record), r.loggedIn, now) // a checkout is no login
		case r.comesBack(record, now):
			r.bind(named(record), false, now)
		case r.echoes(record, now) && r.claim(record.Subject, false, now):
			r.echoed = record.Subject.Digest
		case r.visit.Me && account && weak(record):
			r.adopt(record.Identifiers, true, now)
		}
	}
}

// named returns what names the customer of a record alone; phones and
// residences become a guest's own by being supplied, not by being shown.
func named(record *rules.Record) []rules.Identifier {
	var ids []rules.Identifier
	for _, id := range record.Identifiers {
		if id.Kind == rules.IdentifierEmail || id.Kind == rules.IdentifierCustomerID {
			ids = append(ids, id)
		}
	}
	return ids
}

// claims reports whether the record is about whom the request named.
func claims(claim []rules.Identifier, record *rules.Record) bool {
	return slices.ContainsFunc(claim, func(id rules.Identifier) bool {
		return (id.Kind == rules.IdentifierEmail || id.Kind == rules.IdentifierCustomerID) && record.IdentifierOf(id.Kind) == id.Digest
	})
}

// honours reports whether what the request said of its sender may count: a
// failed login shows the name that was tried again, and proves nothing.
func (r *Response) honours() bool {
	if r.visit.Password && !r.loggedIn && r.visit.Status != http.StatusCreated {
		return false
	}
	return r.visit.Status < http.StatusBadRequest
}

// adopted bounds how many addresses and phones a session may make its own a
// day: by writing them, or by having them in its account's address book.
var adopted = Limits{{Window: rules.WindowDay, Max: 40}}

// weak reports whether a record names its subject by phone or residence only.
func weak(record *rules.Record) bool {
	return !slices.ContainsFunc(record.Identifiers, func(id rules.Identifier) bool {
		return id.Kind == rules.IdentifierEmail || id.Kind == rules.IdentifierCustomerID
	})
}

// remember makes the phones and residences that a successful request supplied
// the session's own: seeing them again tells it nothing new. Whom a guest's checkout
// named may show up later.
func (r *Response) remember(now time.Time) {
	if len(r.visit.Claim) > 0 && !r.visit.Password && r.visit.Principal.Role == rules.RoleGuest && r.visit.Status < http.StatusBadRequest {
		r.engine.claimed.await(r.visit.Principal.Session, r.visit.Claim, now)
	}
	if len(r.visit.Supplied) > 0 && r.visit.Status < http.StatusBadRequest {
		r.rebind(now) // what is its own already is not counted again
		r.adopt(r.visit.Supplied, false, now)
	}
}

// adoptedEach is how many phones and residences sessions at one address may write in a
// window for each customer that they may claim: an order has two of each at most.
const adoptedEach = 4

// adopt makes phones and residences the session's own. account says that its account's
// page shows them: what was only written is bounded by address, too.
func (r *Response) adopt(ids []rules.Identifier, account bool, now time.Time) {
	p := &r.visit.Principal
	demands := []demand{{key: capKey{keyAdopted, p.Session}, limits: adopted}}
	if !account {
		demands = r.addressed(demands, keyAdoptedIP, keyAdoptedPrefix, adoptedEach)
	}
	for _, id := range ids {
		if slices.Contains(r.binding.Own, id) {
			continue
		}
		held, trip := r.engine.caps.reserve(demands, []rules.Digest{id.Digest}, now, 1, false)
		if trip.Tripped() {
			return
		}
		r.engine.caps.commit(held)
		r.engine.bindings.Bind(p.Session, []rules.Identifier{id}, false, now)
	}
	r.rebind(now)
}

// addressed adds to demands those of the principal's address, so many times what it may
// be shown of strangers.
func (r *Response) addressed(demands []demand, ip, prefix rules.KeyKind, times int) []demand {
	p := &r.visit.Principal
	limits := slices.Clone(r.config.capsOf(p).Address)
	for i := range limits {
		limits[i].Max *= times
	}
	for _, key := range []capKey{{ip, p.IP}, {prefix, p.Prefix}} {
		if !key.digest.IsZero() {
			demands = append(demands, demand{key: key, limits: limits})
		}
	}
	return demands
}

// bind makes a customer the session's own, if it has claims left; account says
// that a login or an account page names it, which makes a guest a shopper.
func (r *Response) bind(ids []rules.Identifier, account bool, now time.Time) {
	subject := strongest(ids)
	if subject.Digest.IsZero() || !r.claim(subject, account, now) {
		return
	}
	for _, session := range r.sessions {
		issued := session != r.visit.Principal.Session || r.visit.Principal.Issued
		r.engine.bindings.Bind(session, ids, account && issued, now)
	}
	r.rebind(now)
}

// claim takes one of the session's claims for a customer, and reports whether it
// has one; a customer that it has claimed already takes none. account says that a
// login or an account page names the customer.
//
// A checkout proves nothing, and sessions cost nothing: many that each name one
// customer are bounded by address, which may have as many as it may be shown
// strangers. What goes beyond counts like a stranger's, so that a busy address of
// honest guests loses little.
func (r *Response) claim(subject rules.Identifier, account bool, now time.Time) bool {
	limits := standInClaims
	if r.visit.Principal.Issued {
		limits = sessionClaims
	}
	p := &r.visit.Principal
	demands := []demand{{key: capKey{keyClaim, p.Session}, limits: limits}}
	if !account && !slices.Contains(r.binding.Own, subject) {
		demands = r.addressed(demands, keyClaimIP, keyClaimPrefix, 1)
	}
	claim, trip := r.engine.caps.reserve(demands, []rules.Digest{subject.Digest}, now, 1, false)
	if trip.Tripped() {
		return false
	}
	r.engine.caps.commit(claim)
	return true
}

// extend adds what else an own record says of its customer.
func (r *Response) extend(record *rules.Record, now time.Time) {
	missing := slices.ContainsFunc(record.Identifiers, func(id rules.Identifier) bool {
		return id.Kind != rules.IdentifierOrder && !slices.Contains(r.binding.Own, id)
	})
	if missing && len(r.binding.Own) < rules.MaxOwn {
		r.engine.bindings.Bind(r.visit.Principal.Session, record.Identifiers, false, now)
		r.rebind(now)
	}
}

// rebind reads the binding again, and what it says of the principal.
func (r *Response) rebind(now time.Time) {
	r.binding, _ = r.engine.bindings.Get(r.visit.Principal.Session, now)
	if r.visit.Principal.Account.IsZero() && r.visit.Principal.Issued {
		r.visit.Principal.Account = r.binding.Account
	}
}
