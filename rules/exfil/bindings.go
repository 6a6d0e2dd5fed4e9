package exfil

import (
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/ordergate/ordergate/rules"
)

// Bindings remembers which sessions this gateway saw issued and whose they
// are. Safe for concurrent use; bounded. When it is full, the guest's session that
// was used longest ago is forgotten, counted, and unissued from then on; sessions
// that somebody logged in to, and those of wider roles, only when there are no
// guests' left: whoever asks for a million sessions must not make customers strangers
// to their own orders.
type Bindings struct {
	mu      sync.Mutex
	size    int
	guests  *simplelru.LRU[rules.Digest, *rules.Binding]
	known   *simplelru.LRU[rules.Digest, *rules.Binding] // with an account or a wider role
	dirty   map[rules.Digest]struct{}
	evicted uint64
}

// seenEvery bounds how often a session's last use is written down.
const seenEvery = time.Hour

// NewBindings remembers at most size sessions, at least 1.
func NewBindings(size int) *Bindings {
	b := &Bindings{size: max(size, 1), dirty: make(map[rules.Digest]struct{})}
	b.guests, b.known = newSessions(b.size), newSessions(b.size)
	return b
}

func newSessions(size int) *simplelru.LRU[rules.Digest, *rules.Binding] {
	lru, err := simplelru.NewLRU[rules.Digest, *rules.Binding](size, nil)
	if err != nil {
		panic("BUG: simplelru refuses a positive size: " + err.Error())
	}
	return lru
}

// get finds a session, and makes it the one that was used last.
func (b *Bindings) get(session rules.Digest) (*rules.Binding, bool) {
	if binding, ok := b.known.Get(session); ok {
		return binding, true
	}
	return b.guests.Get(session)
}

// add remembers a session; another is forgotten for it where there is no room.
func (b *Bindings) add(binding *rules.Binding) {
	if b.guests.Len()+b.known.Len() >= b.size {
		forgotten, _, ok := b.guests.RemoveOldest()
		if !ok {
			forgotten, _, _ = b.known.RemoveOldest()
		}
		b.evicted++
		delete(b.dirty, forgotten)
	}
	if binding.Account.IsZero() && !wide(binding.Role) {
		b.guests.Add(binding.Session, binding)
	} else {
		b.known.Add(binding.Session, binding)
	}
}

// raise moves a session of which more has become known.
func (b *Bindings) raise(binding *rules.Binding) {
	b.dirty[binding.Session] = struct{}{}
	if (!binding.Account.IsZero() || wide(binding.Role)) && b.guests.Remove(binding.Session) {
		b.known.Add(binding.Session, binding)
	}
}

// Issue notes that the platform issued a session on a route of the given
// role. Issuing again keeps what is known, and the wider of the roles.
func (b *Bindings) Issue(session rules.Digest, role rules.Role, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if known, ok := b.get(session); ok {
		if known.Role == rules.RoleGuest && role != rules.RoleGuest {
			known.Role = role
			b.raise(known)
		}
		return
	}
	b.add(&rules.Binding{Session: session, Role: role, Issued: now, Seen: now})
	b.dirty[session] = struct{}{}
}

// Get returns what is known of a session; the copy's Own must not be changed.
func (b *Bindings) Get(session rules.Digest, now time.Time) (rules.Binding, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	known, ok := b.get(session)
	if !ok {
		return rules.Binding{}, false
	}
	if now.Sub(known.Seen) > seenEvery {
		known.Seen = now
		b.dirty[session] = struct{}{}
	}
	return *known, true
}

// Bind makes a subject the session's own: the first one names the account,
// further identifiers of the same customer are added until rules.MaxOwn. A
// session that was never issued (the stand-in of a client without a
// credential) may be bound too, but names no account.
func (b *Bindings) Bind(session rules.Digest, ids []rules.Identifier, account bool, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	known, ok := b.get(session)
	if !ok {
		known = &rules.Binding{Session: session, Seen: now}
		b.add(known)
	}
	own := slices.Clone(known.Own) // copies handed out by Get share the old one
	for _, id := range ids {
		if id.Kind == rules.IdentifierOrder || id.Digest.IsZero() || slices.Contains(own, id) || len(own) >= rules.MaxOwn {
			continue
		}
		own = append(own, id)
	}
	if len(own) == len(known.Own) {
		return
	}
	known.Own = own
	if account && known.Account.IsZero() {
		known.Account = strongest(ids).Digest
	}
	known.Claims++
	b.raise(known)
}

// Login names the account that an issued session belongs to, unless one is
// known.
func (b *Bindings) Login(session, account rules.Digest, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	known, ok := b.get(session)
	if !ok || !known.Account.IsZero() {
		return
	}
	known.Account, known.Seen = account, now
	b.raise(known)
}

// Restore adds a binding of an earlier run of the process.
func (b *Bindings) Restore(binding rules.Binding) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.guests.Remove(binding.Session)
	b.known.Remove(binding.Session)
	b.add(&binding)
}

// TakeChanged returns the bindings that changed since the last call, at most
// limit of them, for the ledger to keep.
func (b *Bindings) TakeChanged(limit int) []rules.Binding {
	b.mu.Lock()
	defer b.mu.Unlock()
	changed := make([]rules.Binding, 0, min(limit, len(b.dirty)))
	for session := range b.dirty {
		if len(changed) == limit {
			break
		}
		if known, ok := b.known.Peek(session); ok {
			changed = append(changed, *known)
		} else if guest, ok := b.guests.Peek(session); ok {
			changed = append(changed, *guest)
		}
		delete(b.dirty, session)
	}
	return changed
}

// Size returns how many sessions are remembered, and how many were forgotten.
func (b *Bindings) Size() (live int, evicted uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.guests.Len() + b.known.Len(), b.evicted
}

// strongest returns the identifier whose kind names a subject best.
func strongest(ids []rules.Identifier) rules.Identifier {
	var best rules.Identifier
	for _, id := range ids {
		if best.Kind == rules.IdentifierNone || id.Kind < best.Kind {
			best = id
		}
	}
	return best
}

// owns reports whether a record is the binding's own. The record's strongest
// identifier decides: a foreign e-mail with my phone number beside it is not
// mine. Of a session without an account, a guest's, everything that names the
// subject must be what it supplied itself: naming an e-mail at a checkout must not
// show what the platform knows of its owner.
func owns(b *rules.Binding, r *rules.Record) bool {
	if b.Account.IsZero() && !supplied(b, r) {
		return false
	}
	for kind := rules.IdentifierEmail; kind < rules.IdentifierOrder; kind++ {
		d := r.IdentifierOf(kind)
		if d.IsZero() {
			continue
		}
		if slices.Contains(b.Own, rules.Identifier{Kind: kind, Digest: d}) {
			return true
		}
		// The own set may lack this kind altogether (a customer id not yet
		// seen); only a kind that it knows can contradict.
		if slices.ContainsFunc(b.Own, func(id rules.Identifier) bool { return id.Kind == kind }) {
			return false
		}
	}
	return false
}

// supplied reports whether the binding has everything that names the subject
// of a record.
func supplied(b *rules.Binding, r *rules.Record) bool {
	for _, id := range r.Identifiers {
		if id.Kind != rules.IdentifierOrder && !slices.Contains(b.Own, id) {
			return false
		}
	}
	return true
}
