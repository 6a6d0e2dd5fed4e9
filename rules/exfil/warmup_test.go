package exfil

import (
	"testing"
	"time"

	"github.com/ordergate/ordergate/rules"
)

// TestTokensSayWhenTheyWereIssued: during the warm-up a token is excused for
// not being known, unless it says itself that it was issued since the gateway
// watches. A lie buys what saying nothing buys, and after the warm-up nothing.
func TestTokensSayWhenTheyWereIssued(t *testing.T) {
	const watched = 2 * time.Hour // since the first start
	for name, c := range map[string]struct {
		issuedAt time.Duration // since the first start; 0: the token does not say
		other    bool          // an unknown cookie goes first
		later    time.Duration // how long after the warm-up the tokens come
		released int           // of eight tokens, one customer each
		signals  bool
	}{
		"attack: a stolen signing key":                    {issuedAt: time.Hour, released: 3, signals: true},
		"attack: the same behind a made-up cookie":        {issuedAt: time.Hour, other: true, released: 3, signals: true},
		"attack: in the future":                           {issuedAt: 100 * time.Hour, released: 3, signals: true},
		"attack: it lies, after the warm-up":              {issuedAt: -time.Hour, later: time.Minute, released: 3, signals: true},
		"twin: logged in before the gateway came":         {issuedAt: -time.Hour, released: 8},
		"twin: the platform's clock is minutes ahead":     {issuedAt: 3 * time.Minute, released: 8},
		"twin: a session that does not say":               {released: 8},
		"limit: a lie buys the grace, while there is one": {issuedAt: -time.Hour, released: 8},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(config *Config) {
				config.Started, config.WarmUntil = epoch.Add(-watched), epoch.Add(24*time.Hour-watched)
			})
			if c.later > 0 {
				w.now = epoch.Add(24*time.Hour - watched + c.later)
			}
			released := 0
			for i := range 8 {
				who := Credentials{Sessions: []rules.Digest{digest('x', i)}, StandIn: digest('a', 1), IP: digest('i', 1), Prefix: digest('p', 1)}
				if c.issuedAt != 0 {
					who.IssuedAt = []time.Time{epoch.Add(-watched + c.issuedAt)}
				}
				if c.other {
					who.Sessions = append([]rules.Digest{digest('c', i)}, who.Sessions...)
					who.IssuedAt = append([]time.Time{{}}, who.IssuedAt...)
				}
				j := w.get(who, customers(i, 1), func(v *Visit) { v.Presented = who.Sessions })
				if j.Verdict.Action == rules.Pass {
					released++
				}
			}
			if signals := w.signalled(rules.DetectorIssuance) > 0; released != c.released || signals != c.signals {
				t.Errorf("%d released, signalled %v: want %d and %v", released, signals, c.released, c.signals)
			}
		})
	}
	t.Run("twin: seen being issued", func(t *testing.T) {
		w := newWorld(t, func(config *Config) { config.Started, config.WarmUntil = epoch.Add(-watched), epoch.Add(time.Hour) })
		c := w.issued(1)
		c.IssuedAt = []time.Time{epoch.Add(-time.Minute)}
		if p := w.engine.Recognise(&c, w.now); !p.Issued || p.Contradicted || p.Session != c.Sessions[0] {
			t.Errorf("%+v, want an issued session", p)
		}
	})
	t.Run("a gateway that does not know when it started", func(t *testing.T) {
		w := newWorld(t, func(config *Config) { config.WarmUntil = epoch.Add(time.Hour) })
		c := Credentials{Sessions: []rules.Digest{digest('x', 1)}, IssuedAt: []time.Time{epoch}, StandIn: digest('a', 1)}
		if p := w.engine.Recognise(&c, w.now); p.Contradicted || p.Session != c.Sessions[0] {
			t.Errorf("%+v, want the grace", p)
		}
	})
}
