package exfil

import (
	"slices"
	"sync"
	"time"

	"github.com/ordergate/ordergate/rules"
)

// Try is one identifier that a request asked for: a number in its path or
// query, or a name.
type Try struct {
	Slot    string // where it stands: the route's template and the place in it
	Number  uint64 // the number, or a hash of the name
	Numeric bool   // it counts: neighbours of it can be walked to
	// Whole marks the one try of a request that stands for all that it asked for,
	// what it was to be checked by (a postcode, a name) included. Guesses are
	// counted by it: a hundred postcodes for one order are a hundred guesses.
	Whole bool
}

const (
	// tryWindow is how long tries of one session are remembered together.
	tryWindow = 24 * time.Hour
	// maxSlots bounds the places that a session is watched at, maxTried the
	// identifiers of one place. A session beyond them was seen long before.
	maxSlots = 6
	maxTried = 96
	// frontierBlock is how many neighbouring numbers the site's frontier is
	// watched in; maxFrontier bounds the blocks.
	frontierBlock = 256
	maxFrontier   = 8192
	maxFrontiers  = 16 // sessions told apart on one block
	// maxShownTo bounds the customers by whom a session's numbers are told to be one
	// customer's orders: whoever is shown more has no household's.
	maxShownTo = 4
)

// tries remembers what was asked for, by whom, and whether it was found.
// Numbers, not values; own records do not count. Safe for concurrent use,
// bounded: the session that was quiet longest is forgotten.
type tries struct {
	mu       sync.Mutex
	seed     seed
	sessions *recent[rules.Digest, *tried]
	frontier *recent[frontierKey, *frontier]
}

// tried is what one session has asked for.
type tried struct {
	since time.Time
	slots []slotTries
	shown []rules.Digest // the first customers that walked numbers have shown; at most maxShownTo
}

type slotTries struct {
	slot    uint64
	numbers []uint64 // distinct, in order
	numeric bool
	whole   bool
	found   int
	missed  int
}

type frontierKey struct{ slot, block uint64 }

// spread mixes the slot in, which is a keyed hash.
func (k frontierKey) spread() uint32 { return spreadHash((k.slot ^ k.block) * 0x9e3779b97f4a7c15) }

// frontier is a block of neighbouring numbers that sessions with several reads took
// from.
type frontier struct {
	since    time.Time
	taken    [frontierBlock / 64]uint64
	count    int
	sessions []rules.Digest
}

func newTries(size int) *tries {
	return &tries{
		seed: newSeed(), sessions: newRecent[rules.Digest, *tried](size, spreadDigest, nil),
		frontier: newRecent[frontierKey, *frontier](maxFrontier, frontierKey.spread, nil),
	}
}

// trail is what is known of a session, and of where it walks, after a try.
type trail struct {
	number   uint64         // that was tried
	fresh    bool           // it was not before
	walked   int            // neighbouring numbers that the session has asked for
	found    int            // distinct questions that somebody else's record answered
	missed   int            // distinct questions that were answered with nobody's
	frontier int            // numbers that sessions with several reads took from one block
	walkers  []rules.Digest // those sessions, at most maxFrontiers
}

// note adds one try; found says that it was answered with somebody else's
// record, otherwise it was answered with nobody's. fresh is whether some of those
// whom the answer showed were not shown to the session before: a number that
// leads to nobody new is no step of a walk, but a further order of the same customer,
// who may be the asker without our knowing.
func (t *tries) note(session rules.Digest, try *Try, found, fresh bool, now time.Time) trail {
	t.mu.Lock()
	defer t.mu.Unlock()
	of, ok := t.sessions.get(session)
	if !ok || now.Sub(of.since) > tryWindow {
		of = &tried{since: now}
		t.sessions.add(session, of)
	}
	if found && !fresh && try.Numeric && !try.Whole {
		return of.trail()
	}
	slot := t.seed.hash([]byte(try.Slot))
	at := of.slot(slot, try)
	if at == nil {
		return of.trail()
	}
	added := at.add(try.Number, found)
	if added && found && try.Numeric && at.found > 1 {
		t.advance(at, slot, session, now)
	}
	out := of.trail()
	out.number, out.fresh = try.Number, added
	if b, ok := t.frontier.peek(frontierKey{slot, try.Number / frontierBlock}); ok && found {
		out.frontier, out.walkers = b.count, slices.Clone(b.sessions)
	}
	return out
}

// leads notes whom an answer showed to a session, and reports whether there was
// somebody new among them. Beyond maxShownTo everybody is new.
func (t *tries) leads(session rules.Digest, to []rules.Digest, now time.Time) (fresh bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	of, ok := t.sessions.get(session)
	if !ok || now.Sub(of.since) > tryWindow {
		of = &tried{since: now}
		t.sessions.add(session, of)
	}
	for _, subject := range to {
		if !slices.Contains(of.shown, subject) {
			of.shown = note(of.shown, subject, maxShownTo)
			fresh = true
		}
	}
	return fresh || len(to) == 0
}

// slot returns the session's tries at a place, or nil when it has tried at
// too many.
func (of *tried) slot(slot uint64, try *Try) *slotTries {
	for i := range of.slots {
		if of.slots[i].slot == slot {
			return &of.slots[i]
		}
	}
	if len(of.slots) == maxSlots {
		return nil
	}
	of.slots = append(of.slots, slotTries{slot: slot, numeric: try.Numeric, whole: try.Whole})
	return &of.slots[len(of.slots)-1]
}

// add notes a number and reports whether it is new.
func (s *slotTries) add(number uint64, found bool) bool {
	if slices.Contains(s.numbers, number) {
		return false
	}
	if len(s.numbers) < maxTried {
		s.numbers = append(s.numbers, number)
	}
	if found {
		s.found++
	} else {
		s.missed++
	}
	return true
}

// advance enters a session's numbers into the blocks they belong to: the one
// read now, and, with the second one, the first too. Who reads a single
// number, a guest his order, is nobody that walks.
func (t *tries) advance(s *slotTries, slot uint64, session rules.Digest, now time.Time) {
	for _, number := range s.numbers[max(len(s.numbers)-2, 0):] {
		key := frontierKey{slot, number / frontierBlock}
		b, ok := t.frontier.get(key)
		if !ok || now.Sub(b.since) > tryWindow {
			b = &frontier{since: now}
			t.frontier.add(key, b)
		}
		bit := number % frontierBlock
		if b.taken[bit/64]&(1<<(bit%64)) == 0 {
			b.taken[bit/64] |= 1 << (bit % 64)
			b.count++
		}
		b.sessions = note(b.sessions, session, maxFrontiers)
	}
}

// trail sums up all places.
func (of *tried) trail() (out trail) {
	for i := range of.slots {
		s := &of.slots[i]
		if s.whole {
			out.found += s.found
			out.missed += s.missed
		}
		if s.numeric {
			out.walked = max(out.walked, s.run())
		}
	}
	return out
}

// walkSpread is how far apart, on average, neighbours may lie: a walk that
// takes one number in four is a walk.
const walkSpread = 4

// run returns the largest number of tries that lie close together, or that
// follow one another with one stride. Below walkFew it is not looked for.
func (s *slotTries) run() int {
	n := len(s.numbers)
	if n < walkFew {
		return 0
	}
	return max(dense(s.numbers), stride(s.numbers))
}

// dense returns the size of the largest cluster: numbers of which, in order of
// size, the last is at most walkSpread times their count away from the first.
func dense(numbers []uint64) int {
	sorted := slices.Sorted(slices.Values(numbers))
	best, from := 0, 0
	for to := range sorted {
		for uint64(to-from+1)*walkSpread < sorted[to]-sorted[from]+1 {
			from++
		}
		best = max(best, to-from+1)
	}
	return best
}

// stride returns the length of the longest run of tries at one distance.
func stride(numbers []uint64) int {
	best, run := 0, 1
	for i := 2; i < len(numbers); i++ {
		if d := numbers[i] - numbers[i-1]; d == numbers[i-1]-numbers[i-2] { // also downwards: the differences wrap alike
			run++
		} else {
			run = 1
		}
		best = max(best, run+1)
	}
	return best
}
