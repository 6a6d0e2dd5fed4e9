package exfil

import (
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/ordergate/ordergate/rules"
)

// historyVersion is that of what SaveHistory writes; another one is not read.
const historyVersion = 2

// MaxHistory bounds what LoadHistory is to be given, in bytes.
const MaxHistory = 256 << 20

// errHistory says that a history is one of another version.
var errHistory = errors.New("it is of another version of ordergate")

// history is what the detectors remember of which the ledger has no rows: what was
// asked for and not found, how logins were answered, what explains the site's
// disclosures, whom guests' checkouts named, what sessions
// claimed, the names of stores. Hashes, digests and counts; of numbers that were asked for, the numbers.
// It is written in pieces, so that no copy of all is ever made: the first has what
// there is one of, each that follows a few entries of one list.
type history struct {
	Version   int // of the first piece
	Seed      seed
	Sessions  []triedState // the one that was quiet longest first, as all lists here, or of each share of one
	Frontiers []frontierState
	Site      siteState
	Logins    loginsState
	Since     time.Time // of the misses
	Routes    []routeState
	Rules     []ruleState
	Claimed   []claimedState
	Counts    []countsState
	Stores    []rules.Digest // of the first piece, as Seed and Since
}

type claimedState struct {
	Session rules.Digest
	Who     []rules.Identifier // oldest first
	Until   []time.Time
}

type triedState struct {
	Session rules.Digest
	Since   time.Time
	Slots   []slotState
	Shown   []rules.Digest
}

type slotState struct {
	Slot           uint64
	Numbers        []uint64
	Numeric, Whole bool
	Found, Missed  int
}

type frontierState struct {
	Slot, Block uint64
	Since       time.Time
	Taken       [frontierBlock / 64]uint64
	Count       int
	Sessions    []rules.Digest
}

type driftState struct {
	Bucket, Since  int64
	Closed         int
	Ratio, Surplus float64
}

type siteState struct {
	Drift                  driftState
	Foreign                map[uint64]struct{}
	Beyond, Orders, Logins int
	Takers                 map[rules.Digest]int
}

type outcomesState struct {
	Drift     driftState
	Good, Bad int
	Seen      map[uint64]bool
	Who       map[rules.Digest]int
	Told      bool
}

type loginsState struct {
	All      outcomesState
	Keys     []uint64 // of who was seen from where, and since when
	First    []int64
	Networks []networkState
}

type networkState struct {
	Network rules.Digest
	Since   time.Time
	Failed  map[uint64]struct{}
	Good    int
	Told    bool
}

type routeState struct {
	Route    string
	Outcomes outcomesState
}

type ruleState struct {
	Rule string
	Keys []ruleKeyState
}

type ruleKeyState struct {
	Key  rules.Digest
	What []rules.Digest // by when they counted last
	At   []int64
}

// SaveHistory writes down what the detectors remember that the ledger does not
// tell: tries and misses, logins, the site's surplus, the counts of rule files, whom
// guests' checkouts named whose payment is made elsewhere, what sessions and
// addresses claimed, and the names of stores.
// What it writes is bounded as they are, and is no secret from whoever has the
// ledger's key, but from everybody else: seal it. Exchanges go on meanwhile.
func (e *Engine) SaveHistory(w io.Writer) error {
	p := pieces{to: gob.NewEncoder(w)}
	p.Version, p.Seed, p.Site, p.Logins.All, p.Since, p.Stores = historyVersion, e.seed, e.site.save(), e.logins.saveAll(), e.misses.began(), e.stores.save()
	p.cut()
	e.logins.save(&p)
	e.misses.save(&p)
	e.tries.save(&p)
	e.ruleset.save(&p)
	e.claimed.save(&p)
	e.caps.save(&p)
	if p.err != nil {
		return fmt.Errorf("writing the detectors' history: %w", p.err)
	}
	return nil
}

// pieces writes a history.
type pieces struct {
	history // the next piece
	to      *gob.Encoder
	err     error // the first; nothing is written behind it
}

// cut writes the piece, and begins the next one.
func (p *pieces) cut() {
	if p.err == nil {
		p.err = p.to.Encode(&p.history)
	}
	p.history = history{}
}

// LoadHistory goes on with what SaveHistory wrote, once, before the first
// exchange. What is past its window is left out. An error has changed nothing: the
// detectors begin anew, as they do without a history.
func (e *Engine) LoadHistory(saved io.Reader, now time.Time) error {
	list, err := readPieces(saved)
	if err != nil {
		return err
	}
	first := &list[0]
	e.sow(first.Seed)
	e.site.load(&first.Site)
	e.logins.begin(&first.Logins)
	e.misses.begin(first.Since)
	e.stores.load(first.Stores)
	for i := range list {
		h := &list[i]
		e.logins.load(&h.Logins, now)
		e.misses.load(h)
		e.tries.load(h, now)
		e.ruleset.load(h.Rules, now)
		e.claimed.load(h.Claimed, now)
		e.caps.load(h.Counts, now)
	}
	return nil
}

// readPieces returns all pieces of a history, one at least.
func readPieces(saved io.Reader) (list []history, err error) {
	from := gob.NewDecoder(saved)
	for {
		var h history
		switch err := from.Decode(&h); {
		case errors.Is(err, io.EOF) && len(list) > 0:
			return list, nil
		case err != nil:
			return nil, fmt.Errorf("it cannot be read: %w", err)
		case len(list) == 0 && h.Version != historyVersion:
			return nil, errHistory
		}
		list = append(list, h)
	}
}

// sow gives all detectors one seed.
func (e *Engine) sow(s seed) {
	e.seed = s
	e.tries.seed, e.site.seed, e.logins.seed, e.misses.seed = s, s, s, s
}

func (d *drift) save() driftState {
	return driftState{Bucket: d.bucket, Since: d.since, Closed: d.closed, Ratio: d.ratio, Surplus: d.surplus}
}

func (d *driftState) load() drift {
	return drift{bucket: d.Bucket, since: d.Since, closed: d.Closed, ratio: d.Ratio, surplus: d.Surplus}
}

func (o *outcomes) save() outcomesState {
	return outcomesState{Drift: o.drift.save(), Good: o.good, Bad: o.bad, Seen: maps.Clone(o.seen), Who: maps.Clone(o.who), Told: o.told}
}

func (o *outcomesState) load() *outcomes {
	return &outcomes{drift: o.Drift.load(), good: o.Good, bad: o.Bad, seen: orNew(o.Seen), who: orNew(o.Who), told: o.Told}
}

// orNew returns a map, or an empty one for none: gob leaves empty ones out.
func orNew[K comparable, V any](m map[K]V) map[K]V {
	if m == nil {
		return make(map[K]V)
	}
	return m
}

// Entries of these sizes are copied under a detector's lock at a time; an exchange
// waits for no more (BenchmarkHistory).
const (
	saveSmall = 256 // a few words each
	saveLarge = 16  // lists of them
	saveHuge  = 1   // thousands of them
)

func (t *tries) save(p *pieces) {
	t.sessions.each(&t.mu, saveLarge, func(session rules.Digest, of *tried) {
		s := triedState{Session: session, Since: of.since, Shown: slices.Clone(of.shown)}
		for i := range of.slots {
			at := &of.slots[i]
			s.Slots = append(s.Slots, slotState{
				Slot: at.slot, Numbers: slices.Clone(at.numbers), Numeric: at.numeric, Whole: at.whole, Found: at.found, Missed: at.missed,
			})
		}
		p.Sessions = append(p.Sessions, s)
	}, p.cut)
	t.frontier.each(&t.mu, saveLarge, func(key frontierKey, b *frontier) {
		p.Frontiers = append(p.Frontiers, frontierState{Slot: key.slot, Block: key.block, Since: b.since, Taken: b.taken, Count: b.count, Sessions: slices.Clone(b.sessions)})
	}, p.cut)
}

func (t *tries) load(h *history, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range h.Sessions {
		s := &h.Sessions[i]
		if now.Sub(s.Since) > tryWindow {
			continue
		}
		of := &tried{since: s.Since, shown: s.Shown}
		for k := range s.Slots {
			at := &s.Slots[k]
			of.slots = append(of.slots, slotTries{slot: at.Slot, numbers: at.Numbers, numeric: at.Numeric, whole: at.Whole, found: at.Found, missed: at.Missed})
		}
		t.sessions.add(s.Session, of)
	}
	for i := range h.Frontiers {
		if b := &h.Frontiers[i]; now.Sub(b.Since) <= tryWindow {
			t.frontier.add(frontierKey{b.Slot, b.Block}, &frontier{since: b.Since, taken: b.Taken, count: b.Count, sessions: b.Sessions})
		}
	}
}

func (s *site) save() siteState {
	s.mu.Lock()
	defer s.mu.Unlock()
	return siteState{Drift: s.drift.save(), Foreign: maps.Clone(s.foreign), Beyond: s.beyond, Orders: s.orders, Logins: s.logins, Takers: maps.Clone(s.takers)}
}

func (s *site) load(from *siteState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drift, s.foreign, s.takers = from.Drift.load(), orNew(from.Foreign), orNew(from.Takers)
	s.beyond, s.orders, s.logins = from.Beyond, from.Orders, from.Logins
}

func (l *logins) saveAll() outcomesState {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.save()
}

func (l *logins) save(p *pieces) {
	l.seen.each(&l.mu, saveSmall, func(key uint64, first int64) {
		p.Logins.Keys, p.Logins.First = append(p.Logins.Keys, key), append(p.Logins.First, first)
	}, p.cut)
	l.networks.each(&l.mu, saveLarge, func(network rules.Digest, n *networkLogins) {
		p.Logins.Networks = append(p.Logins.Networks, networkState{Network: network, Since: n.since, Failed: maps.Clone(n.failed), Good: n.good, Told: n.told})
	}, p.cut)
}

func (l *logins) begin(s *loginsState) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = s.All.load()
}

func (l *logins) load(s *loginsState, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range min(len(s.Keys), len(s.First)) {
		l.seen.add(s.Keys[i], s.First[i])
	}
	for i := range s.Networks {
		if n := &s.Networks[i]; now.Sub(n.Since) <= tryWindow {
			l.networks.add(n.Network, &networkLogins{since: n.Since, failed: orNew(n.Failed), good: n.Good, told: n.Told})
		}
	}
}

func (m *misses) began() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.since
}

func (m *misses) save(p *pieces) {
	each(&m.mu, m.routes, saveHuge, func(route string, o *outcomes) { p.Routes = append(p.Routes, routeState{route, o.save()}) }, p.cut)
}

func (m *misses) begin(since time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.since = since
}

func (m *misses) load(h *history) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range h.Routes {
		m.routes.Add(h.Routes[i].Route, h.Routes[i].Outcomes.load())
	}
}

func (s *ruleset) save(p *pieces) {
	s.mu.Lock()
	names := slices.Sorted(maps.Keys(s.counts))
	s.mu.Unlock()
	for _, name := range names {
		s.mu.Lock()
		counts := s.counts[name]
		s.mu.Unlock()
		if counts == nil {
			continue // its rule was taken away meanwhile
		}
		counts.keys.each(&s.mu, saveLarge, func(key rules.Digest, set *subjectSet) {
			k := ruleKeyState{Key: key}
			for n := set.oldest; n != nilNode; n = set.nodes[n].next {
				k.What, k.At = append(k.What, set.nodes[n].subject), append(k.At, set.nodes[n].at)
			}
			if p.Rules == nil {
				p.Rules = []ruleState{{Rule: name}}
			}
			p.Rules[0].Keys = append(p.Rules[0].Keys, k)
		}, p.cut)
	}
}

// load takes the counts of the rules that there are; a rule that was loaded
// anew under a name goes on with that name's, as it does after a reload.
func (s *ruleset) load(list []ruleState, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.latest = max(s.latest, now.UnixNano())
	for i := range list {
		if !s.known[list[i].Rule] {
			continue
		}
		counts := s.of(list[i].Rule)
		for k := range list[i].Keys {
			key := &list[i].Keys[k]
			set := counts.set(key.Key)
			for n := range min(len(key.What), len(key.At)) {
				if at := key.At[n]; at > s.latest-int64(windows[len(windows)-1]) && at <= s.latest {
					set.restore(&key.What[n], at, s.latest)
				}
			}
			counts.held += int(set.live)
			counts.shrink()
		}
	}
}

func (c *claimed) save(p *pieces) {
	c.awaited.each(&c.mu, saveSmall, func(session rules.Digest, list []awaited) {
		s := claimedState{Session: session}
		for _, a := range list {
			s.Who, s.Until = append(s.Who, a.id), append(s.Until, a.until)
		}
		p.Claimed = append(p.Claimed, s)
	}, p.cut)
}

func (c *claimed) load(list []claimedState, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range list {
		var still []awaited
		for k := range min(len(list[i].Who), len(list[i].Until), maxClaimed) {
			if until := list[i].Until[k]; now.Before(until) {
				still = append(still, awaited{list[i].Who[k], until})
			}
		}
		if len(still) > 0 {
			c.awaited.add(list[i].Session, still)
		}
	}
}
