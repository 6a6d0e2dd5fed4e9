package exfil

import (
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/ordergate/ordergate/rules"
)

const (
	// containAfter is how many refused responses within containWithin contain
	// a session: an honest shopper stops at the first or second page that says
	// no, a walk does not.
	containAfter  = 10
	containWithin = time.Hour
	// containFor is how long a contained session is refused.
	containFor = time.Hour
)

// containment refuses every request of a session that kept asking for
// records after it was refused. Only issued credentials are contained: an
// address may be a whole office. Safe for concurrent use, bounded.
type containment struct {
	mu       sync.Mutex
	sessions *simplelru.LRU[rules.Digest, *refusals]
}

type refusals struct {
	count int
	since time.Time
	until time.Time // contained until then; zero while it is not
}

func newContainment(size int) *containment {
	lru, err := simplelru.NewLRU[rules.Digest, *refusals](max(size, 1), nil)
	if err != nil {
		panic("BUG: simplelru refuses a positive size: " + err.Error())
	}
	return &containment{sessions: lru}
}

// refused counts one refused response of p and reports whether it contains
// the session from now on.
func (c *containment) refused(p *rules.Principal, now time.Time) bool {
	if !p.Issued {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	r, ok := c.sessions.Get(p.Session)
	if !ok || now.Sub(r.since) > containWithin {
		r = &refusals{since: now}
		c.sessions.Add(p.Session, r)
	}
	r.count++
	if r.count < containAfter || r.until.After(now) {
		return false
	}
	r.until = now.Add(containFor)
	return true
}

// left returns how long p stays contained, zero when it is not.
func (c *containment) left(p *rules.Principal, now time.Time) time.Duration {
	if !p.Issued {
		return 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	r, ok := c.sessions.Peek(p.Session)
	if !ok {
		return 0
	}
	return max(r.until.Sub(now), 0)
}
