package exfil

import (
	"time"

	"github.com/ordergate/ordergate/rules"
)

const (
	// outcomeFree is how many failures for each success say nothing, whatever the
	// history: people who come for a sale have forgotten more passwords than
	// those of other days.
	outcomeFree = 0.25
	// maxOutcomes bounds what is told apart in one bucket.
	maxOutcomes = 4096
)

// outcomes compares how often asking fails with how often it succeeds, each
// asker and each thing asked for once in a bucket: an aggregate that is tested
// for change first, and attributed afterwards, as Javed and Paxson do it for
// distributed guessing of passwords (Detecting Stealthy, Distributed SSH
// Brute-Forcing, CCS 2013). They model the failures as beta-binomial; here what
// varies more than a Poisson count does is covered by outcomeFree. Not safe for
// concurrent use.
type outcomes struct {
	drift // of failures, explained by successes, plus one
	good  int
	bad   int
	seen  map[uint64]bool      // true: it failed
	who   map[rules.Digest]int // participants since the surplus began
	told  bool                 // that there is one
}

// newOutcomes returns one that has been silent for so many buckets.
func newOutcomes(closed int) *outcomes {
	return &outcomes{drift: drift{closed: closed}, seen: make(map[uint64]bool), who: make(map[rules.Digest]int)}
}

func (o *outcomes) end() {
	o.close(float64(o.bad), float64(1+o.good), o.free())
	clear(o.seen)
	o.good, o.bad = 0, 0
	if o.surplus == 0 {
		clear(o.who)
		o.told = false
	}
}

func (o *outcomes) free() float64 { return 1 + outcomeFree*float64(o.good) }

// failed counts a failure of what key names, unless it is counted already.
func (o *outcomes) failed(key uint64, now time.Time) {
	o.roll(now, o.end)
	if _, known := o.seen[key]; known {
		return
	}
	if len(o.seen) < maxOutcomes {
		o.seen[key] = true
	}
	o.bad++
}

// succeeded counts a success, which takes a failure of the same back.
func (o *outcomes) succeeded(key uint64, now time.Time) {
	o.roll(now, o.end)
	failed, known := o.seen[key]
	if known && !failed {
		return
	}
	if failed {
		o.bad--
	}
	if known || len(o.seen) < maxOutcomes {
		o.seen[key] = false
	}
	o.good++
}

// takesPart adds to how strongly a session takes part, and returns it.
func (o *outcomes) takesPart(session rules.Digest, strength int) int {
	have, known := o.who[session]
	if known || len(o.who) < maxTakers {
		o.who[session] = have + strength
	}
	return have + strength
}

// judge says whether more fails than it should, and whom to tell of: at first
// all participants of at least some strength, then those who join them. A zero
// Limit: nothing is to be told.
func (o *outcomes) judge(joining []rules.Digest, least int, why rules.LinkReason) shift {
	failed, limit := o.drift.judge(float64(o.bad), float64(1+o.good), o.free())
	switch {
	case limit == 0, o.told && len(joining) == 0:
		return shift{}
	case o.told:
		found := shift{Observed: failed, Limit: limit}
		for _, session := range joining {
			found.Takers = append(found.Takers, rules.Link{Session: session, Why: why, Strength: o.who[session]})
		}
		return found
	}
	o.told = true
	return shift{Observed: failed, Limit: limit, Takers: strongestLinks(o.who, least, why)}
}
