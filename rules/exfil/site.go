package exfil

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/ordergate/ordergate/rules"
)

const (
	// maxTakers bounds the principals that a surplus is attributed to.
	maxTakers   = 4096
	maxSiteSeen = 16384
	maxLinked   = 50
)

// site compares what leaves to strangers with what orders and logins explain.
// Safe for concurrent use, bounded.
type site struct {
	mu      sync.Mutex
	seed    seed
	drift   // of foreign subjects, explained by orders and logins, plus one
	foreign map[uint64]struct{}
	beyond  int
	orders  int
	logins  int
	takers  map[rules.Digest]int // sessions, by foreign subjects since the surplus began
}

func newSite() *site {
	return &site{seed: newSeed(), foreign: make(map[uint64]struct{}), takers: make(map[rules.Digest]int)}
}

func (s *site) login(now time.Time) { s.add(&s.logins, now) }
func (s *site) order(now time.Time) { s.add(&s.orders, now) }

func (s *site) add(count *int, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.roll(now, s.end)
	*count++
}

// shift is a surplus and who took it. Zero Limit: nothing.
type shift struct {
	Observed, Limit int
	Takers          []rules.Link
}

// note counts foreign and unlinked subjects that one session was sent.
func (s *site) note(session rules.Digest, subjects []rules.Digest, now time.Time) shift {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.roll(now, s.end)
	for _, subject := range subjects {
		h := s.seed.hash(subject[:])
		if _, ok := s.foreign[h]; ok {
			continue
		}
		if len(s.foreign) == maxSiteSeen {
			s.beyond++
		} else {
			s.foreign[h] = struct{}{}
		}
		if _, ok := s.takers[session]; ok || len(s.takers) < maxTakers {
			s.takers[session]++
		}
	}
	return s.judge()
}

// counts are what is watched and what explains it.
func (s *site) counts() (foreign, explained float64) {
	return float64(len(s.foreign) + s.beyond), float64(1 + s.orders + s.logins)
}

func (s *site) end() {
	foreign, explained := s.counts()
	s.close(foreign, explained, 1)
	clear(s.foreign)
	s.beyond, s.orders, s.logins = 0, 0, 0
	if s.surplus == 0 {
		clear(s.takers)
	}
}

// judge says whether the surplus, with the bucket that is under way, is one.
func (s *site) judge() shift {
	foreign, explained := s.counts()
	observed, limit := s.drift.judge(foreign, explained, 1)
	if limit == 0 {
		return shift{}
	}
	// A guest with his order's link, a single subject, is no participant.
	return shift{Observed: observed, Limit: limit, Takers: strongestLinks(s.takers, 2, rules.LinkSurplus)}
}

// strongestLinks returns the sessions with at least so many, strongest first.
func strongestLinks(takers map[rules.Digest]int, least int, why rules.LinkReason) []rules.Link {
	links := make([]rules.Link, 0, len(takers))
	for session, n := range takers {
		if n >= least {
			links = append(links, rules.Link{Session: session, Why: why, Strength: n})
		}
	}
	slices.SortFunc(links, func(a, b rules.Link) int {
		if a.Strength != b.Strength {
			return cmp.Compare(b.Strength, a.Strength)
		}
		return slices.Compare(a.Session[:], b.Session[:])
	})
	return links[:min(len(links), maxLinked)]
}

// shift is detector 10, site: more foreign and unlinked customers leave than
// orders and logins explain.
//
// It catches what is below every single cap: a thousand accounts with a few
// reads each, stolen passwords used one by one, a walk over weeks. Its
// innocent twin is a flash sale: many more records leave, and as many more
// orders and logins say why.
//
// Severity high. The sessions that took most since the surplus began are
// linked to the incident. It says nothing on its first day, and never refuses
// by itself: the site's budget does.
func (r *Response) shift(foreign []rules.Digest, now time.Time, j *Judgement) {
	p := &r.visit.Principal
	if len(foreign) == 0 || p.Role != rules.RoleGuest && p.Role != rules.RoleShopper {
		return
	}
	found := r.engine.site.note(p.Session, foreign, now)
	if found.Limit == 0 || r.site {
		return
	}
	r.site = true
	s := r.signal(rules.DetectorSite, rules.SeverityHigh, now)
	s.Key, s.Window, s.Observed, s.Threshold, s.Linked = rules.KeySite, rules.WindowHour, found.Observed, found.Limit, found.Takers
	j.Signals = append(j.Signals, s)
}
