package exfil

import (
	"cmp"
	"hash/maphash"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/ordergate/ordergate/rules"
)

const (
	// siteBucket is the length of one observation; siteLearn is how many the
	// site needs before it says anything: a day.
	siteBucket = 15 * time.Minute
	siteLearn  = 96
	// siteSlack is the share above what orders and logins explain that a bucket
	// may have without counting, and siteLimit how many standard deviations (of
	// a Poisson count) of surplus add up to a signal: a one-sided CUSUM (Page
	// 1954), with siteFew subjects as its floor.
	siteSlack = 1.25
	siteLimit = 8
	siteFew   = 25
	siteStep  = 0.02 // weight of a bucket in what is expected
	// maxTakers bounds the principals that a surplus is attributed to.
	maxTakers   = 4096
	maxSiteSeen = 16384
	maxLinked   = 50
)

// site compares what leaves to strangers with what orders and logins explain.
// Safe for concurrent use, bounded.
type site struct {
	mu      sync.Mutex
	seed    maphash.Seed
	bucket  int64
	buckets int // closed
	foreign map[uint64]struct{}
	beyond  int
	orders  int
	logins  int
	ratio   float64 // expected foreign subjects for each order or login, plus one
	surplus float64
	takers  map[rules.Digest]int // sessions, by foreign subjects since the surplus began
}

func newSite() *site {
	return &site{seed: maphash.MakeSeed(), foreign: make(map[uint64]struct{}), takers: make(map[rules.Digest]int)}
}

func (s *site) login(now time.Time) { s.add(&s.logins, now) }
func (s *site) order(now time.Time) { s.add(&s.orders, now) }

func (s *site) add(count *int, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.roll(now)
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
	s.roll(now)
	for _, subject := range subjects {
		h := maphash.Bytes(s.seed, subject[:])
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

// roll closes the buckets that have passed; quiet ones too.
func (s *site) roll(now time.Time) {
	bucket := now.UnixNano() / int64(siteBucket)
	if s.bucket == 0 {
		s.bucket = bucket
	}
	for n := 0; s.bucket < bucket; n++ {
		s.close()
		s.bucket++
		if n == siteLearn { // a long sleep: what was before it says nothing
			s.bucket = bucket
		}
	}
}

// explained is what orders and logins make likely.
func (s *site) explained() float64 { return s.ratio * float64(1+s.orders+s.logins) }

func (s *site) close() {
	f := float64(len(s.foreign) + s.beyond)
	expected := s.explained()
	s.buckets++
	if s.buckets > siteLearn {
		s.surplus = max(0, s.surplus+f-siteSlack*expected-1)
		f = min(f, siteSlack*expected+1) // a surplus does not teach what to expect
	}
	weight := max(siteStep, 1/float64(s.buckets))
	s.ratio += weight * (f/float64(1+s.orders+s.logins) - s.ratio)
	clear(s.foreign)
	s.beyond, s.orders, s.logins = 0, 0, 0
	if s.surplus == 0 {
		clear(s.takers)
	}
}

// judge says whether the surplus, with the bucket that is under way, is one.
func (s *site) judge() shift {
	if s.buckets < siteLearn {
		return shift{}
	}
	expected := s.explained()
	surplus := s.surplus + float64(len(s.foreign)+s.beyond) - siteSlack*expected - 1
	limit := siteFew + siteLimit*math.Sqrt(expected+1)
	if surplus < limit {
		return shift{}
	}
	return shift{Observed: int(expected + surplus), Limit: int(expected + limit), Takers: s.linked()}
}

// linked returns the sessions that took most, those with a single subject left
// out where there are others: a guest with his order's link is no participant.
func (s *site) linked() []rules.Link {
	links := make([]rules.Link, 0, len(s.takers))
	for session, n := range s.takers {
		if n > 1 {
			links = append(links, rules.Link{Session: session, Why: rules.LinkSurplus, Strength: n})
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
