package exfil

import (
	"slices"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/ordergate/ordergate/rules"
)

// Owners remembers whose an order is, learnt from the records that name both,
// so that a picture or a scan behind an order's address still has a subject.
// Digests only. Safe for concurrent use, bounded: the least recently used order
// is forgotten. Make one with NewOwners.
//
// The first owner stays. An order that is seen with somebody else too is
// disputed and from then on nobody's: who can put a number into a record of
// his own must not become the owner of what it numbers.
type Owners struct {
	mu     sync.Mutex
	orders *simplelru.LRU[rules.Digest, owner]
	told   *simplelru.LRU[rules.Digest, []rules.Digest] // order numbers, by the account that a list of its own showed them to
}

// maxTold bounds the order numbers that one account was shown.
const maxTold = 100

type owner struct {
	subject  rules.Identifier
	disputed bool
}

// NewOwners returns an empty memory of at most size orders, at least 1.
func NewOwners(size int) *Owners {
	lru, err := simplelru.NewLRU[rules.Digest, owner](max(size, 1), nil)
	if err != nil {
		panic("BUG: simplelru refuses a positive size: " + err.Error())
	}
	told, err := simplelru.NewLRU[rules.Digest, []rules.Digest](max(size/50, 1), nil)
	if err != nil {
		panic("BUG: simplelru refuses a positive size: " + err.Error())
	}
	return &Owners{orders: lru, told: told}
}

// tell notes that the platform itself has shown an account the numbers of
// orders, in a list that names nobody else.
func (o *Owners) tell(account rules.Digest, orders []rules.Identifier) {
	o.mu.Lock()
	defer o.mu.Unlock()
	known, _ := o.told.Get(account)
	for _, id := range orders {
		known = note(known, id.Digest, maxTold)
	}
	o.told.Add(account, known)
}

// showed reports whether an account was told of an order.
func (o *Owners) showed(account, order rules.Digest) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	known, _ := o.told.Get(account)
	return slices.Contains(known, order)
}

// Learn notes the orders that a record names beside its subject.
func (o *Owners) Learn(record *rules.Record) {
	if record.Subject.Kind == rules.IdentifierOrder || record.Subject.Digest.IsZero() || record.IdentifierOf(rules.IdentifierOrder).IsZero() {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, id := range record.Identifiers {
		if id.Kind != rules.IdentifierOrder {
			continue
		}
		known, ok := o.orders.Get(id.Digest)
		switch {
		case !ok:
			o.orders.Add(id.Digest, owner{subject: record.Subject})
		case known.disputed || known.subject == record.Subject || record.Subject.Kind > known.subject.Kind:
			// The same owner, or one named too weakly to be told from him.
		case slices.Contains(record.Identifiers, known.subject): // the same, named better
			o.orders.Add(id.Digest, owner{subject: record.Subject})
		default:
			o.orders.Add(id.Digest, owner{subject: known.subject, disputed: true})
		}
	}
}

// Of returns the subject that an order belongs to. A disputed order, and one
// that was never seen or is forgotten, belongs to nobody that is known.
func (o *Owners) Of(order rules.Identifier) (subject rules.Identifier, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	known, ok := o.orders.Get(order.Digest)
	if !ok || known.disputed || order.Kind != rules.IdentifierOrder {
		return rules.Identifier{}, false
	}
	return known.subject, true
}

// Purchases returns a record for each of the orders that the address of an
// unreadable response names: that somebody's purchase leaves is all that is
// known of it. Its subject is the order's owner, or, of an order that nobody was
// seen to own, the order itself: somebody it is. Those are counted in unknown.
func (o *Owners) Purchases(orders []rules.Identifier) (records []rules.Record, unknown int) {
	for _, order := range orders {
		if subject, ok := o.Of(order); ok {
			records = append(records, rules.Record{Subject: subject, Identifiers: []rules.Identifier{subject, order}, Fields: rules.FieldPurchase})
			continue
		}
		records = append(records, rules.Record{Subject: order, Identifiers: []rules.Identifier{order}, Fields: rules.FieldPurchase})
		unknown++
	}
	return records, unknown
}
