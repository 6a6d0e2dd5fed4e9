package exfil

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/ordergate/ordergate/rules"
)

// TestWalkShapes: what is a walk by its numbers alone.
func TestWalkShapes(t *testing.T) {
	for name, c := range map[string]struct {
		numbers func(i int) uint64
		walk    bool
	}{
		"upwards":                 {func(i int) uint64 { return 1000 + uint64(i) }, true},
		"downwards":               {func(i int) uint64 { return 5000 - uint64(i) }, true},
		"with a stride":           {func(i int) uint64 { return 1000 + 977*uint64(i) }, true},
		"downwards with a stride": {func(i int) uint64 { return 1_000_000 - 977*uint64(i) }, true},
		"two ends":                {func(i int) uint64 { return 1000 + uint64(i%2)*90_000 + uint64(i) }, true},
		"far apart":               {func(i int) uint64 { return uint64(i*i*i) * 1_000_003 }, false},
		"growing gaps":            {func(i int) uint64 { return 1 << (2 * i) }, false},
	} {
		w := newWorld(t, nil)
		session := w.issued(1)
		for i := range 20 {
			w.ask(session, nobody, c.numbers(i))
		}
		if got := w.signalled(rules.DetectorWalk) > 0; got != c.walk {
			t.Errorf("%s: walk %v, want %v", name, got, c.walk)
		}
	}
}

// TestWalkOfOneCustomer: consecutive numbers that all are one customer's, whose
// session nobody knows, are his orders; the same numbers that are one customer's
// each, or nobody's, are a walk, and so are two customers' orders in turn with
// further ones behind them.
func TestWalkOfOneCustomer(t *testing.T) {
	for name, c := range map[string]struct {
		whose func(i int) int // the customer of the i-th number; below 0 nobody's
		walk  bool
	}{
		"own orders":           {func(int) int { return 7 }, false},
		"a couple's orders":    {func(i int) int { return 7 + i%2 }, false},
		"everybody's orders":   {func(i int) int { return 7 + i }, true},
		"nobody's orders":      {func(int) int { return -1 }, true},
		"hidden among the own": {func(i int) int { return i % 2 * (7 + i) }, true},
	} {
		w := newWorld(t, nil)
		session := w.issued(1)
		for i := range 40 {
			answer := nobody
			if n := c.whose(i); n >= 0 {
				answer = func(int) []rules.Record { return customers(n, 1) }
			}
			w.ask(session, answer, 100_000+uint64(i))
		}
		if got := w.signalled(rules.DetectorWalk) > 0; got != c.walk {
			t.Errorf("%s: walk %v, want %v", name, got, c.walk)
		}
	}
}

// TestFrontier: a thousand accounts that take a few orders each of one range
// are one walk; as many guests, who read one order each, are none.
func TestFrontier(t *testing.T) {
	for name, c := range map[string]struct {
		each int
		want bool
	}{"sybils": {3, true}, "guests with the link of their own order": {1, false}} {
		w := newWorld(t, func(config *Config) { config.Site = nil })
		order := rand.New(rand.NewPCG(1, 2)).Perm(600)
		for session := range 200 {
			credentials := w.issued(byte(session))
			credentials.IP = digest('i', session)
			for i := range c.each {
				n := order[session*c.each+i]
				w.ask(credentials, func(int) []rules.Record { return customers(n, 1) }, 100_000+uint64(n))
			}
			w.now = w.now.Add(time.Minute)
		}
		got := false
		for _, incident := range w.engine.incidents.Open() {
			got = got || incident.Detector == rules.DetectorWalk && incident.Session.IsZero() && incident.Severity == rules.SeverityCritical
		}
		if got != c.want {
			t.Errorf("%s: frontier %v, want %v", name, got, c.want)
		}
	}
}

// TestTriesBounded: made-up sessions, places and numbers fill nothing.
func TestTriesBounded(t *testing.T) {
	tries := newTries(100)
	now := epoch
	for i := range 20_000 {
		tries.note(digest('s', i%300), &Try{Slot: string(rune('a' + i%20)), Number: uint64(i) * 977, Numeric: true}, i%2 == 0, true, now)
		tries.leads(digest('s', i%300), []rules.Digest{digest('c', i)}, now)
	}
	if tries.sessions.len() > 100 || tries.frontier.len() > maxFrontier {
		t.Errorf("%d sessions, %d blocks", tries.sessions.len(), tries.frontier.len())
	}
	tries.sessions.each(&tries.mu, saveLarge, func(_ rules.Digest, session *tried) {
		if len(session.shown) > maxShownTo {
			t.Errorf("%d customers shown", len(session.shown))
		}
		for _, slot := range session.slots {
			if len(slot.numbers) > maxTried || len(session.slots) > maxSlots {
				t.Fatalf("%d numbers, %d slots", len(slot.numbers), len(session.slots))
			}
		}
	}, nothing)
}
