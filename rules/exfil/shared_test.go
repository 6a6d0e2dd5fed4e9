package exfil

import (
	"testing"
	"time"

	"github.com/ordergate/ordergate/rules"
)

// behind returns a shopper, bound to customer n, or with n < 0 a guest, whose
// address, network and program are given.
func (w *world) behind(n int, c Credentials) Credentials {
	session := digest('y', n+1<<20)
	w.engine.bindings.Issue(session, rules.RoleGuest, w.now)
	if n >= 0 {
		w.engine.bindings.Bind(session, customer(n).Identifiers, true, w.now)
	}
	c.Sessions, c.StandIn = []rules.Digest{session}, digest('a', 1)
	return c
}

// TestSharedKeysNeverRefuse: an address, a network or a program that many
// share shrinks what each of its sessions may be sent, and refuses nobody who reads
// the first stranger's record; each of the three is enough, and three are no more
// than one.
func TestSharedKeysNeverRefuse(t *testing.T) {
	for name, key := range map[string]func(c *Credentials, n int){
		"ip":              func(c *Credentials, _ int) { c.IP = digest('i', 1) },
		"prefix":          func(c *Credentials, n int) { c.IP, c.Prefix = digest('i', n), digest('p', 1) },
		"tls fingerprint": func(c *Credentials, n int) { c.IP, c.Prefix, c.TLS = digest('i', n), digest('p', n), digest('t', 1) },
		"all": func(c *Credentials, _ int) {
			c.IP, c.Prefix, c.TLS = digest('i', 1), digest('p', 1), digest('t', 1)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(c *Config) { c.Site = nil })
			of := func(n int) Credentials {
				var c Credentials
				key(&c, n)
				w.engine.bindings.Issue(digest('z', n), rules.RoleGuest, w.now)
				c.Sessions = []rules.Digest{digest('z', n)}
				return c
			}
			thief := of(1)
			for i := range 3 {
				if j := w.get(thief, customers(i, 1), nil); j.Verdict.Action != rules.Pass {
					t.Fatalf("record %d of a guest is refused before anything is suspicious", i)
				}
			}
			for i := range 200 { // each a session of its own, far beyond the limit of 30
				if j := w.get(of(100+i), customers(100+i, 1), nil); j.Verdict.Action != rules.Pass {
					t.Fatalf("the first record of session %d is refused", i)
				}
			}
			late := of(2)
			w.get(late, customers(1000, 1), nil)
			if j := w.get(late, customers(1001, 1), nil); j.Verdict.Action != rules.Refuse {
				t.Error("a second stranger's record passes beyond the limit")
			}
			elsewhere := w.elsewhere(7)
			elsewhere.Prefix, elsewhere.TLS = digest('p', 7), digest('t', 7)
			for i := range 3 {
				if j := w.get(elsewhere, customers(2000+i, 1), nil); j.Verdict.Action != rules.Pass {
					t.Errorf("record %d elsewhere is refused", i)
				}
			}
		})
	}
}

// TestOfficeAndCarrier: 300 people behind one address, and 2,000 behind one
// /24 and with one browser, who read their own orders again and again, and now and
// then one that was sent to them by mail, are neither refused nor slowed nor
// suspected. The thief among them gets what the shrunken cap allows.
func TestOfficeAndCarrier(t *testing.T) {
	for name, c := range map[string]struct {
		people int
		of     func(n int) Credentials
	}{
		"office": {300, func(int) Credentials {
			return Credentials{IP: digest('i', 1), Prefix: digest('p', 1), TLS: digest('t', 1)}
		}},
		"carrier": {2000, func(n int) Credentials {
			return Credentials{IP: digest('i', n%256), Prefix: digest('p', 1), TLS: digest('t', n%3)}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(c *Config) { c.Site = Limits{{rules.WindowHour, 3000}} })
			start := w.now
			for round := range 3 {
				for n := range c.people {
					who := w.behind(n, c.of(n))
					records := customers(n, 1)
					if round == 1 && n%20 == 0 {
						records = customers(5000+n, 1) // a parcel that the neighbour ordered
					}
					if j := w.get(who, records, nil); j.Verdict.Action != rules.Pass || j.Contained {
						t.Fatalf("round %d: person %d is refused: %+v", round, n, j.Verdict)
					}
				}
				w.now = w.now.Add(10 * time.Minute)
			}
			if open := w.engine.incidents.Open(); len(open) != 0 {
				t.Errorf("%d incidents, the first of %s", len(open), open[0].Detector)
			}
			thief, taken := w.behind(-1, c.of(0)), 0
			for i := range 20 {
				if j := w.get(thief, customers(90_000+i, 1), nil); j.Verdict.Action == rules.Pass {
					taken++
				}
			}
			if taken > 3 {
				t.Errorf("the thief takes %d in %v", taken, w.now.Sub(start))
			}
		})
	}
}
