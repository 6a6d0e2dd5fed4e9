package exfil

import (
	"slices"
	"sync"
	"time"

	"github.com/ordergate/ordergate/rules"
)

// claimFor is how long a customer that a checkout named may show up in a later
// answer: a bank transfer or a loan takes a while.
const claimFor = 24 * time.Hour

// maxClaimed bounds how many customers of one session are awaited.
const maxClaimed = 4

// claimed remembers whom the checkouts of guests named whose answers showed nobody:
// where the payment is made elsewhere, a page that the shop sends the client back to
// shows the order. Digests only. Safe for concurrent use, bounded.
type claimed struct {
	mu      sync.Mutex
	awaited *recent[rules.Digest, []awaited] // by session, oldest first
}

type awaited struct {
	id    rules.Identifier
	until time.Time
}

func newClaimed(size int) *claimed {
	return &claimed{awaited: newRecent[rules.Digest, []awaited](size, spreadDigest, nil)}
}

// await notes whom a session named; of too many the oldest are forgotten.
func (c *claimed) await(session rules.Digest, ids []rules.Identifier, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	before, _ := c.awaited.get(session)
	list := make([]awaited, 0, maxClaimed)
	for _, a := range before { // copies handed out share the old one
		if now.Before(a.until) && !slices.Contains(ids, a.id) {
			list = append(list, a)
		}
	}
	for _, id := range ids {
		if id.Kind == rules.IdentifierEmail || id.Kind == rules.IdentifierCustomerID {
			list = append(list, awaited{id, now.Add(claimFor)})
		}
	}
	if len(list) > 0 {
		c.awaited.add(session, list[max(len(list)-maxClaimed, 0):])
	}
}

// of returns whom a session named.
func (c *claimed) of(session rules.Digest, now time.Time) (ids []rules.Identifier) {
	c.mu.Lock()
	defer c.mu.Unlock()
	list, _ := c.awaited.get(session)
	for _, a := range list {
		if now.Before(a.until) {
			ids = append(ids, a.id)
		}
	}
	return ids
}

// comesBack reports whether a record is of the customer whom an earlier checkout of
// this guest's session named, and says of phones and addresses only what that
// session supplied itself, and at least one of them: whoever knows an e-mail address
// alone learns nothing by it.
func (r *Response) comesBack(record *rules.Record, now time.Time) bool {
	supplied := false
	for _, id := range record.Identifiers {
		if id.Kind != rules.IdentifierPhone && id.Kind != rules.IdentifierResidence {
			continue
		}
		if !slices.Contains(r.binding.Own, id) {
			return false
		}
		supplied = true
	}
	return supplied && r.awaits(record, now)
}

// echo are the fields that tell who named an e-mail address nothing about a person.
const echo = rules.FieldEmail | rules.FieldPurchase

// echoes reports whether a record says of that customer nothing but the e-mail
// address and what was bought: "a confirmation of your order was sent to". That
// makes the record the session's own, and nothing else of the customer.
func (r *Response) echoes(record *rules.Record, now time.Time) bool {
	return record.Fields&^echo == 0 && r.awaits(record, now)
}

func (r *Response) awaits(record *rules.Record, now time.Time) bool {
	return r.visit.Principal.Issued && r.binding.Account.IsZero() && claims(r.engine.claimed.of(r.visit.Principal.Session, now), record)
}
