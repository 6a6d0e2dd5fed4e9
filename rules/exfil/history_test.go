package exfil

import (
	"bytes"
	"encoding/gob"
	"testing"
	"time"

	"github.com/ordergate/ordergate/rules"
)

// restart is a restart of the process: sessions come from the ledger, and the
// detectors' history from what was saved, unless it is lost.
func (w *world) restart(lost bool) {
	w.Helper()
	old := w.engine
	w.engine = New(*old.config.Load())
	for _, b := range old.bindings.TakeChanged(1 << 20) {
		w.engine.bindings.Restore(b)
	}
	var saved bytes.Buffer
	if err := old.SaveHistory(&saved); err != nil {
		w.Fatal(err)
	}
	if lost {
		return
	}
	if err := w.engine.LoadHistory(bytes.NewReader(saved.Bytes()), w.now); err != nil {
		w.Fatal(err)
	}
	var again bytes.Buffer
	if err := w.engine.SaveHistory(&again); err != nil {
		w.Fatal(err)
	}
	if a, b := decoded(w.T, saved.Bytes()), decoded(w.T, again.Bytes()); len(a.Sessions) < len(b.Sessions) || len(a.Frontiers) < len(b.Frontiers) ||
		len(a.Logins.Keys) != len(b.Logins.Keys) || len(a.Routes) != len(b.Routes) || len(a.Rules) != len(b.Rules) || a.Site.Drift != b.Site.Drift {
		w.Errorf("what is saved again has other sizes")
	}
}

// decoded joins the pieces of a history.
func decoded(t *testing.T, saved []byte) (all history) {
	t.Helper()
	list, err := readPieces(bytes.NewReader(saved))
	if err != nil {
		t.Fatal(err)
	}
	all = list[0]
	for i := range list[1:] {
		h := &list[1+i]
		all.Sessions, all.Frontiers, all.Routes = append(all.Sessions, h.Sessions...), append(all.Frontiers, h.Frontiers...), append(all.Routes, h.Routes...)
		all.Rules, all.Claimed, all.Logins.Keys = append(all.Rules, h.Rules...), append(all.Claimed, h.Claimed...), append(all.Logins.Keys, h.Logins.Keys...)
	}
	return all
}

// TestHistory: an attack that waits for a restart is found as if there had been
// none, which it is not where the history is lost; and its innocent twin is not
// found because of a restart.
func TestHistory(t *testing.T) {
	guesses := func(w *world, c Credentials, from, to, distinct int) {
		for i := from; i < to; i++ {
			w.get(c, nil, func(v *Visit) {
				v.Tries = func() []Try { return []Try{{Slot: "/track", Number: uint64(i%distinct) * 7919, Whole: true}} }
			})
		}
	}
	sale := func(logins int) func(w *world, restart func()) {
		return func(w *world, restart func()) {
			w.siteDays(2)
			restart()
			for i := range 60 {
				for range logins {
					w.engine.site.login(w.now)
				}
				w.get(w.elsewhere(1000+i), customers(5000+2*i, 2), nil)
				w.now = w.now.Add(time.Minute)
			}
		}
	}
	rule := `rules: [{name: peek, about: A., count: misses, by: session, window: 1h, limit: 5, severity: high}]`
	for _, c := range []struct {
		name         string
		detector     rules.Detector
		attack, twin func(w *world, restart func())
	}{
		{"guess", rules.DetectorGuess, func(w *world, restart func()) {
			c := w.issued(1)
			guesses(w, c, 0, 10, 100)
			restart()
			guesses(w, c, 10, 15, 100)
		}, func(w *world, restart func()) { // a few, tried again and again
			c := w.issued(1)
			guesses(w, c, 0, 30, 6)
			restart()
			guesses(w, c, 0, 30, 6)
		}},
		{"yesterday's guesses", rules.DetectorGuess, nil, func(w *world, restart func()) {
			c := w.issued(1)
			guesses(w, c, 0, 10, 100)
			w.now = w.now.Add(25 * time.Hour)
			restart()
			guesses(w, c, 10, 15, 100)
		}},
		{"walk", rules.DetectorWalk, func(w *world, restart func()) {
			c := w.issued(1)
			w.ask(c, nobody, 1017, 1003, 1025, 1000)
			restart()
			w.ask(c, nobody, 1011, 1020, 1007, 1029)
		}, func(w *world, restart func()) {
			c := w.shopper(1, 9000)
			own := func(int) []rules.Record { return customers(9000, 1) }
			w.ask(c, own, 1001, 1002, 1003, 1004, 1005, 1006, 1007, 1008, 1009, 1010)
			restart()
			w.ask(c, nobody, 1011, 10112, 11011, 1010)
		}},
		{"site", rules.DetectorSite, sale(0), sale(12)},
		{"login", rules.DetectorLogin, func(w *world, restart func()) {
			w.loginDays(2)
			restart()
			for i := range 400 {
				w.login(5000+i, 5000+i, 5000+i, i%100 == 99)
			}
		}, func(w *world, restart func()) {
			w.loginDays(2)
			restart()
			for i := range 400 {
				w.login(i%200, i%200, 1, i%8 != 3)
			}
		}},
		{"rule", rules.DetectorRule, func(w *world, restart func()) {
			c := w.issued(1)
			w.ask(c, nobody, 1, 1001, 2001, 3001)
			restart()
			w.ask(c, nobody, 4001, 5001)
		}, func(w *world, restart func()) {
			c := w.issued(1)
			w.ask(c, nobody, 1, 1001, 2001)
			restart()
			w.ask(c, nobody, 1, 1001, 2001, 1, 1001, 2001)
		}},
	} {
		run := func(lost bool, f func(w *world, restart func())) int {
			w := newWorld(t, func(cfg *Config) {
				if c.detector == rules.DetectorRule {
					file, err := ParseRules("test", []byte(rule))
					if err != nil {
						t.Fatal(err)
					}
					cfg.Rules = file.Rules
				}
			})
			f(w, func() { w.restart(lost) })
			return w.signalled(c.detector)
		}
		t.Run(c.name, func(t *testing.T) {
			if c.attack != nil {
				if n := run(false, c.attack); n == 0 {
					t.Error("the attack is not found behind a restart")
				}
				if n := run(true, c.attack); n > 0 {
					t.Error("it is found without a history too, so that this says nothing")
				}
			}
			if n := run(false, c.twin); n > 0 {
				t.Errorf("the innocent twin is found %d times", n)
			}
		})
	}
}

// TestHistoryUnreadable: what is no history of this version changes nothing.
func TestHistoryUnreadable(t *testing.T) {
	w := newWorld(t, nil)
	w.ask(w.issued(1), nobody, 1, 2, 3)
	var saved, other bytes.Buffer
	if err := w.engine.SaveHistory(&saved); err != nil {
		t.Fatal(err)
	}
	if err := gob.NewEncoder(&other).Encode(history{Version: historyVersion + 1}); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"empty": nil, "torn": saved.Bytes()[:saved.Len()/2], "text": []byte("history"), "another version": other.Bytes()} {
		engine := New(*w.engine.config.Load())
		before := engine.seed
		if err := engine.LoadHistory(bytes.NewReader(text), w.now); err == nil || engine.seed != before || engine.tries.sessions.len() > 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// largest remembers how much was written at once at most.
type largest int

func (l *largest) Write(text []byte) (int, error) {
	*l = max(*l, largest(len(text)))
	return len(text), nil
}

// TestHistoryInPieces: a history with every list full is written in pieces, none of
// which is large.
func TestHistoryInPieces(t *testing.T) {
	if testing.Short() || raceEnabled {
		t.Skip("fills every list")
	}
	e := New(Config{})
	fullHistory(e)
	var most largest
	if err := e.SaveHistory(&most); err != nil {
		t.Fatal(err)
	}
	if most > 1<<20 {
		t.Errorf("a piece has %d bytes, want at most 1 MiB", most)
	}
}
