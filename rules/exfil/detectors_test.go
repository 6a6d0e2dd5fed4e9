package exfil

import (
	"testing"
	"time"

	"github.com/ordergate/ordergate/rules"
)

// TestDetectors holds, for every detector, an attack and its innocent twin.
func TestDetectors(t *testing.T) {
	cases := map[rules.Detector]struct {
		attack, twin func(w *world) Judgement // the last judgement
		refuses      bool
	}{
		rules.DetectorCap: {
			attack: func(w *world) (j Judgement) {
				c := w.shopper(1, 9000)
				for i := range 6 {
					j = w.get(c, customers(i, 1), nil)
				}
				return j
			},
			twin: func(w *world) (j Judgement) {
				c := w.shopper(1, 9000)
				for range 100 {
					j = w.get(c, customers(9000, 1), nil)
				}
				return j
			},
			refuses: true,
		},
		rules.DetectorBulkResponse: {
			attack: func(w *world) Judgement { return w.get(w.issued(1), customers(0, 3), nil) },
			twin: func(w *world) Judgement {
				w.engine.bindings.Issue(digest('s', 2), rules.RoleStaff, w.now)
				c := w.issued(2)
				c.Wanted = rules.RoleStaff
				return w.get(c, customers(0, 20), nil)
			},
			refuses: true,
		},
		rules.DetectorUnauthenticated: {
			attack: func(w *world) Judgement {
				return w.get(Credentials{StandIn: digest('a', 1), IP: digest('i', 1)}, customers(1, 1), nil)
			},
			twin: func(w *world) Judgement {
				return w.get(Credentials{StandIn: digest('a', 1), IP: digest('i', 1)}, customers(1, 1), func(v *Visit) {
					v.Claim = []rules.Identifier{customer(1).Subject}
				})
			},
		},
		rules.DetectorOwnership: {
			attack: func(w *world) (j Judgement) {
				c := w.shopper(1, 9000)
				for i := range 3 {
					j = w.get(c, customers(i, 1), nil)
				}
				return j
			},
			twin: func(w *world) (j Judgement) { // own orders, and two of the family
				c := w.shopper(1, 9000)
				for i := range 20 {
					w.get(c, customers(9000, 1), nil)
					j = w.get(c, customers(i%2, 1), nil)
				}
				return j
			},
		},
		rules.DetectorIssuance: {
			attack: func(w *world) (j Judgement) { // one customer for each token
				for i := range 3 {
					c := Credentials{Sessions: []rules.Digest{digest('x', i)}, StandIn: digest('a', i), IP: digest('i', i), Prefix: digest('p', 1)}
					j = w.get(c, customers(i, 1), func(v *Visit) { v.Presented = c.Sessions })
				}
				return j
			},
			twin: func(w *world) (j Judgement) { // one old session, again and again
				c := Credentials{Sessions: []rules.Digest{digest('x', 1)}, StandIn: digest('a', 1), IP: digest('i', 1), Prefix: digest('p', 1)}
				for range 20 {
					j = w.get(c, customers(1, 1), func(v *Visit) { v.Presented = c.Sessions })
				}
				return j
			},
		},
		rules.DetectorWalk: {
			attack: func(w *world) Judgement { // a dense range in no order
				return w.ask(w.issued(1), nobody, 1017, 1003, 1025, 1000, 1011, 1020, 1007, 1029)
			},
			twin: func(w *world) Judgement { // own orders, as many and as close, and a few typing errors
				c := w.shopper(1, 9000)
				own := func(int) []rules.Record { return customers(9000, 1) }
				w.ask(c, own, 1001, 1002, 1003, 1004, 1005, 1006, 1007, 1008, 1009, 1010)
				return w.ask(c, nobody, 1011, 10112, 11011, 1010)
			},
		},
		rules.DetectorGuess: {
			attack: func(w *world) (j Judgement) {
				c := w.issued(1)
				for i := range 15 {
					j = w.get(c, nil, func(v *Visit) {
						v.Tries = func() []Try { return []Try{{Slot: "/track", Number: uint64(i) * 7919, Whole: true}} }
					})
				}
				return j
			},
			twin: func(w *world) (j Judgement) {
				c := w.issued(1)
				for i := range 60 { // a few, tried again and again
					j = w.get(c, nil, func(v *Visit) {
						v.Tries = func() []Try { return []Try{{Slot: "/track", Number: uint64(i%6) * 7919, Whole: true}} }
					})
				}
				return j
			},
		},
		rules.DetectorBaseline: {
			attack: func(w *world) (j Judgement) { // three days' worth in one
				w.workdays(6, 40)
				return w.workdays(1, 130)
			},
			twin: func(w *world) (j Judgement) {
				w.workdays(6, 40)
				w.workdays(1, 55)
				return w.workdays(5, 42)
			},
		},
		rules.DetectorSite: {
			attack: func(w *world) (j Judgement) { // each session takes two, far below its caps
				w.siteDays(2)
				for i := range 60 {
					j = w.get(w.elsewhere(1000+i), customers(5000+2*i, 2), nil)
					w.now = w.now.Add(time.Minute)
				}
				return j
			},
			twin: func(w *world) (j Judgement) { // a flash sale: as many more logins
				w.siteDays(2)
				for i := range 60 {
					for range 12 {
						w.engine.site.login(w.now)
					}
					j = w.get(w.elsewhere(1000+i), customers(5000+2*i, 2), nil)
					w.now = w.now.Add(time.Minute)
				}
				return j
			},
		},
		rules.DetectorLogin: {
			attack: func(w *world) Judgement { // one try for each account, from everywhere
				w.loginDays(2)
				for i := range 400 {
					w.login(5000+i, 5000+i, 5000+i, i%100 == 99)
				}
				return w.get(w.issued(1), nil, nil)
			},
			twin: func(w *world) Judgement { // a Monday: half of all, from where they always are, fail, and half of those again
				w.loginDays(2)
				for i := range 400 {
					for range i % 4 {
						w.login(i%200, i%200, 1, false)
					}
					w.login(i%200, i%200, 1, i%8 != 3)
				}
				return w.get(w.issued(1), nil, nil)
			},
		},
		rules.DetectorRule: {
			attack: func(w *world) Judgement {
				card := customer(1)
				card.Fields |= rules.FieldPaymentCard
				return w.get(w.issued(1), []rules.Record{card}, nil)
			},
			twin: func(w *world) Judgement { return w.get(w.issued(1), customers(1, 1), nil) },
		},
		rules.DetectorCanary: {
			attack: func(w *world) Judgement { return w.get(w.issued(1), customers(77, 1), nil) },
			twin:   func(w *world) Judgement { return w.get(w.issued(1), customers(78, 1), nil) },
		},
	}
	for _, d := range rules.Detectors() {
		c, ok := cases[d]
		if !ok {
			t.Errorf("detector %s has no attack and no twin here", d)
			continue
		}
		t.Run(string(d), func(t *testing.T) {
			canaries := func(config *Config) { config.Canaries = []rules.Identifier{customer(77).Subject} }
			w := newWorld(t, canaries)
			j := c.attack(w)
			if w.signalled(d) == 0 || c.refuses != (j.Verdict.Action == rules.Refuse) {
				t.Errorf("attack: %d signals, verdict %+v", w.signalled(d), j.Verdict)
			}
			w = newWorld(t, canaries)
			if j := c.twin(w); w.signalled(d) != 0 || j.Verdict.Action != rules.Pass {
				t.Errorf("twin: %d signals, verdict %+v", w.signalled(d), j.Verdict)
			}
			w = newWorld(t, func(config *Config) {
				canaries(config)
				config.Modes = map[rules.Detector]rules.Mode{d: rules.Observe}
			})
			if j := c.attack(w); w.signalled(d) == 0 || j.Verdict.Action != rules.Pass {
				t.Errorf("observed attack: %d signals, verdict %+v", w.signalled(d), j.Verdict)
			}
		})
	}
}
