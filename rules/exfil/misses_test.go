package exfil

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/ordergate/ordergate/rules"
)

// TestMisses: guesses of which each session makes a few are found on a route
// that people use, and on one that nobody did; a day on which ten times as many
// people track their orders is not.
func TestMisses(t *testing.T) {
	for name, c := range map[string]struct {
		usual, people, guesses int // a quarter of an hour: usual people, more people, guesses
		found                  bool
	}{
		"quiet":                        {30, 0, 0, false},
		"ten times as many people":     {30, 300, 0, false},
		"guesses on a busy route":      {30, 0, 100, true},
		"guesses on a new route":       {0, 0, 100, true},
		"people on a new route":        {0, 300, 0, false},
		"guesses one in ten of a sale": {30, 300, 30, false}, // unseen: the caps bound what they find
	} {
		for seed := range uint64(10) {
			rng := rand.New(rand.NewPCG(seed, 9))
			m := newMisses()
			m.found("/other", digest('s', 0), 1, epoch) // the engine's first day begins
			serial, found := 0, false
			guess := func(session, number int, now time.Time) {
				found = m.missed("/track", digest('g', session), uint64(number), now).Limit > 0 || found
			}
			for quarter := range 3 * 96 {
				now := epoch.Add(time.Duration(quarter) * driftBucket)
				people, guesses := c.usual, 0
				if quarter >= 200 && quarter < 204 {
					people, guesses = people+c.people, c.guesses
				}
				if people > 0 {
					people = poisson(rng, float64(people))
				}
				for range people {
					serial++
					if rng.IntN(6) == 0 { // mistyped
						guess(serial, serial, now)
					}
					m.found("/track", digest('g', serial), uint64(serial)<<20, now)
				}
				for i := range guesses {
					guess(1_000_000+i/9, 1_000_000+i, now)
				}
				if found != (c.found && quarter >= 200) && quarter < 200 {
					t.Fatalf("%s, seed %d: found at quarter %d", name, seed, quarter)
				}
			}
			if found != c.found {
				t.Errorf("%s, seed %d: found %v, want %v", name, seed, found, c.found)
			}
		}
	}
}

// TestGuessesOfMany: a route that many sessions guess on gives one incident,
// with the sessions that take part.
func TestGuessesOfMany(t *testing.T) {
	w := newWorld(t, nil)
	w.get(w.shopper(1, 9000), customers(9000, 1), func(v *Visit) { v.Route = "/track" })
	w.now = w.now.Add(26 * time.Hour)
	for session := range 30 {
		c := w.elsewhere(session)
		for i := range 6 {
			w.get(c, nil, func(v *Visit) {
				v.Route = "/track"
				v.Tries = func() []Try { return []Try{{Slot: "/track", Number: uint64(session*1000 + i*7919), Whole: true}} }
			})
		}
	}
	open := w.engine.incidents.Open()
	if len(open) != 1 || open[0].Detector != rules.DetectorGuess || open[0].Route != "/track" || !open[0].Session.IsZero() {
		t.Fatalf("incidents %+v, want one of the route", open)
	}
	if len(open[0].Linked) != 30 {
		t.Errorf("%d sessions linked, want all 30", len(open[0].Linked))
	}
}
