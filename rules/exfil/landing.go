package exfil

import (
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/ordergate/ordergate/rules"
)

// landWithin is how long after a login the page that it leads to may be
// opened.
const landWithin = 5 * time.Minute

// landings remembers logins on the routes of wider roles that were answered
// by sending the client on. A redirect proves nothing, platforms send failed
// logins on as well: the login counts when the page that it leads to shows no
// login form. Safe for concurrent use, bounded.
type landings struct {
	mu      sync.Mutex
	awaited *simplelru.LRU[rules.Digest, landing] // by session
}

type landing struct {
	page    rules.Digest // digest of its path
	role    rules.Role
	account rules.Digest
	until   time.Time
}

func newLandings(size int) *landings {
	lru, err := simplelru.NewLRU[rules.Digest, landing](max(size, 1), nil)
	if err != nil {
		panic("BUG: simplelru refuses a positive size: " + err.Error())
	}
	return &landings{awaited: lru}
}

// take returns and forgets the landing that one of the sessions awaits on a page.
func (l *landings) take(sessions []rules.Digest, page rules.Digest, now time.Time) (rules.Digest, landing, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, session := range sessions {
		if awaited, ok := l.awaited.Get(session); ok && awaited.page == page && now.Before(awaited.until) {
			l.awaited.Remove(session)
			return session, awaited, true
		}
	}
	return rules.Digest{}, landing{}, false
}

func (l *landings) await(session rules.Digest, awaited landing) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.awaited.Add(session, awaited)
}

// Await says that a login request was answered by sending the client on to a
// page. Only logins on routes of a wider role are remembered: customers are
// recognised by their account page.
func (r *Response) Await(page rules.Digest, now time.Time) {
	if !r.visit.Password || !wide(r.visit.Wanted) || r.visit.Account.IsZero() {
		return
	}
	awaited := landing{page: page, role: r.visit.Wanted, account: r.visit.Account, until: now.Add(landWithin)}
	for _, session := range slices.Concat(r.visit.Presented, r.visit.Issued) {
		r.engine.landings.await(session, awaited)
	}
}

// Landing reports whether this page is where a login sent the client; then one
// of Landed, Moved or, by doing nothing, none follows.
func (r *Response) Landing(now time.Time) bool {
	session, awaited, ok := r.engine.landings.take(r.visit.Presented, r.visit.Page, now)
	if !ok || awaited.role != r.visit.Wanted {
		return false
	}
	r.landing, r.landed = awaited, session
	return true
}

// Landed says that the page shows no login form: the login succeeded.
func (r *Response) Landed(now time.Time) {
	if r.landed.IsZero() {
		return
	}
	r.engine.bindings.Issue(r.landed, r.landing.role, now)
	r.engine.bindings.Login(r.landed, r.landing.account, now)
}

// Moved says that the page sends the client on once more.
func (r *Response) Moved(page rules.Digest) {
	if !r.landed.IsZero() {
		r.landing.page = page
		r.engine.landings.await(r.landed, r.landing)
	}
}
