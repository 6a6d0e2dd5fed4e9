package exfil

import (
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/ordergate/ordergate/rules"
)

// Bindings remembers which sessions this gateway saw issued and whose they
// are. Safe for concurrent use; bounded: the least recently used session is
// forgotten, counted, and unissued from then on.
type Bindings struct {
	mu       sync.Mutex
	sessions *simplelru.LRU[rules.Digest, *rules.Binding]
	dirty    map[rules.Digest]struct{}
	evicted  uint64
}

// seenEvery bounds how often a session's last use is written down.
const seenEvery = time.Hour

// NewBindings remembers at most size sessions, at least 1.
func NewBindings(size int) *Bindings {
	b := &Bindings{dirty: make(map[rules.Digest]struct{})}
	lru, err := simplelru.NewLRU(max(size, 1), func(d rules.Digest, _ *rules.Binding) {
		b.evicted++
		delete(b.dirty, d)
	})
	if err != nil {
		panic("BUG: simplelru refuses a positive size: " + err.Error())
	}
	b.sessions = lru
	return b
}

// Issue notes that the platform issued a session on a route of the given
// role. Issuing again keeps what is known, and the wider of the roles.
func (b *Bindings) Issue(session rules.Digest, role rules.Role, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if known, ok := b.sessions.Get(session); ok {
		if known.Role == rules.RoleGuest && role != rules.RoleGuest {
			known.Role = role
			b.dirty[session] = struct{}{}
		}
		return
	}
	b.sessions.Add(session, &rules.Binding{Session: session, Role: role, Issued: now, Seen: now})
	b.dirty[session] = struct{}{}
}

// Get returns what is known of a session; the copy's Own must not be changed.
func (b *Bindings) Get(session rules.Digest, now time.Time) (rules.Binding, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	known, ok := b.sessions.Get(session)
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
	known, ok := b.sessions.Get(session)
	if !ok {
		known = &rules.Binding{Session: session, Seen: now}
		b.sessions.Add(session, known)
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
	b.dirty[session] = struct{}{}
}

// Login names the account that an issued session belongs to, unless one is
// known.
func (b *Bindings) Login(session, account rules.Digest, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	known, ok := b.sessions.Get(session)
	if !ok || !known.Account.IsZero() {
		return
	}
	known.Account, known.Seen = account, now
	b.dirty[session] = struct{}{}
}

// Restore adds a binding of an earlier run of the process.
func (b *Bindings) Restore(binding rules.Binding) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sessions.Add(binding.Session, &binding)
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
		if known, ok := b.sessions.Peek(session); ok {
			changed = append(changed, *known)
		}
		delete(b.dirty, session)
	}
	return changed
}

// Size returns how many sessions are remembered, and how many were forgotten.
func (b *Bindings) Size() (live int, evicted uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.sessions.Len(), b.evicted
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
