package exfil

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/ordergate/ordergate/rules"
)

// What it takes until an identifier is everybody's: many strangers from
// several networks see it on most pages of several routes. A customer's is not
// on most pages of any route, unless whoever reads them all asks for nobody
// else; then it takes 8 sessions, each with caps of its own, to make one
// person common.
const (
	commonSessions = 8
	commonPrefixes = 3
	commonRoutes   = 3
	commonPages    = 10 // of each of these routes
	commonShare    = 2  // one page in two
	maxCommons     = 64
	maxCandidates  = 512
	maxCommonRoute = 1024
)

// Commons learns the identifiers that are shown to everybody: the shop's own
// phone number and address in the footer of each page. They are not a
// customer's. Digests only. Safe for concurrent use, bounded. Make one with
// NewCommons.
type Commons struct {
	learnt atomic.Pointer[map[rules.Identifier]struct{}]

	mu         sync.Mutex
	pages      *simplelru.LRU[string, int] // responses by route
	candidates *simplelru.LRU[rules.Identifier, *candidate]
}

// candidate is an identifier that may be everybody's.
type candidate struct {
	sessions []rules.Digest // at most commonSessions
	prefixes []rules.Digest // at most commonPrefixes
	routes   []shown        // at most commonRoutes
}

// shown is how often a route has shown a candidate.
type shown struct {
	route string
	since int // responses of the route before the first that showed it
	with  int
}

// NewCommons returns a memory in which nothing is everybody's.
func NewCommons() *Commons {
	pages, err := simplelru.NewLRU[string, int](maxCommonRoute, nil)
	if err != nil {
		panic("BUG: simplelru refuses a positive size: " + err.Error())
	}
	candidates, err := simplelru.NewLRU[rules.Identifier, *candidate](maxCandidates, nil)
	if err != nil {
		panic("BUG: simplelru refuses a positive size: " + err.Error())
	}
	c := &Commons{pages: pages, candidates: candidates}
	c.learnt.Store(&map[rules.Identifier]struct{}{})
	return c
}

// Has reports whether an identifier is everybody's. It does not block.
func (c *Commons) Has(id rules.Identifier) bool {
	learnt := *c.learnt.Load()
	if len(learnt) == 0 {
		return false
	}
	_, ok := learnt[id]
	return ok
}

// Size returns how many identifiers are everybody's, at most 64.
func (c *Commons) Size() int { return len(*c.learnt.Load()) }

// Page counts a response of a route.
func (c *Commons) Page(route string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, _ := c.pages.Get(route)
	c.pages.Add(route, n+1)
}

// Show notes that a response of a route showed an identifier to a stranger.
// Call it once for each response, after Page. It returns true when the
// identifier has become everybody's with this response.
func (c *Commons) Show(id rules.Identifier, route string, p *rules.Principal) bool {
	if id.Kind != rules.IdentifierEmail && id.Kind != rules.IdentifierPhone && id.Kind != rules.IdentifierResidence {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	seen, ok := c.candidates.Get(id)
	if !ok {
		seen = &candidate{}
		c.candidates.Add(id, seen)
	}
	seen.sessions = note(seen.sessions, p.Session, commonSessions)
	seen.prefixes = note(seen.prefixes, p.Prefix, commonPrefixes)
	pages, _ := c.pages.Get(route)
	i := slices.IndexFunc(seen.routes, func(s shown) bool { return s.route == route })
	switch {
	case i >= 0:
		seen.routes[i].with++
	case len(seen.routes) < commonRoutes:
		seen.routes = append(seen.routes, shown{route: route, since: pages - 1, with: 1})
	default:
		seen.replace(shown{route: route, since: pages - 1, with: 1}, c.pages)
	}
	if !c.everybodys(seen) {
		return false
	}
	return c.learn(id)
}

// replace gives the place of a route that shows the candidate too seldom to
// another one.
func (s *candidate) replace(by shown, pages *simplelru.LRU[string, int]) {
	for i, r := range s.routes {
		n, _ := pages.Peek(r.route)
		if of := n - r.since; of >= commonPages && r.with*commonShare < of {
			s.routes[i] = by
			return
		}
	}
}

// everybodys reports whether a candidate was shown widely enough.
func (c *Commons) everybodys(s *candidate) bool {
	if len(s.sessions) < commonSessions || len(s.prefixes) < commonPrefixes || len(s.routes) < commonRoutes {
		return false
	}
	for _, r := range s.routes {
		n, _ := c.pages.Peek(r.route)
		if of := n - r.since; of < commonPages || r.with*commonShare < of {
			return false
		}
	}
	return true
}

// learn makes an identifier everybody's. Readers see the old set or the new.
func (c *Commons) learn(id rules.Identifier) bool {
	old := *c.learnt.Load()
	if _, ok := old[id]; ok || len(old) == maxCommons {
		return false
	}
	learnt := make(map[rules.Identifier]struct{}, len(old)+1)
	for known := range old {
		learnt[known] = struct{}{}
	}
	learnt[id] = struct{}{}
	c.learnt.Store(&learnt)
	c.candidates.Remove(id)
	return true
}

// note adds a digest to a small set of at most limit.
func note(set []rules.Digest, d rules.Digest, limit int) []rules.Digest {
	if d.IsZero() || len(set) == limit || slices.Contains(set, d) {
		return set
	}
	return append(set, d)
}
