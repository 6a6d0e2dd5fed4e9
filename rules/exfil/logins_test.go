package exfil

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/ordergate/ordergate/rules"
)

// loginWeek is ten days of a shop with 5,000 accounts, some of which come back
// to where they were and one in ten of which fails first, and what happens on
// the eighth. It returns the quarter of the first finding for the whole site, or -1.
type loginWeek struct {
	people func(rng *rand.Rand, quarter int) int      // logins more than usual
	fails  func(quarter int) float64                  // share that fails first; half of those for good
	raids  func(rng *rand.Rand, quarter int) (of int) // accounts that an attacker tries, from networks of their own
}

const raidFrom, raidTo = 7*96 + 36, 7*96 + 48

func (k *loginWeek) play(seed uint64) int {
	rng := rand.New(rand.NewPCG(seed, 3))
	l := newLogins()
	serial := 0
	for quarter := range 8 * 96 {
		now := epoch.Add(time.Duration(quarter) * driftBucket)
		people := poisson(rng, 12+10*math.Sin(2*math.Pi*float64(quarter)/96))
		if k.people != nil {
			people += k.people(rng, quarter)
		}
		fails := 0.1
		if k.fails != nil {
			fails = k.fails(quarter)
		}
		found := func(account, network int, outcome Outcome) bool {
			serial++
			now = now.Add(100 * time.Millisecond)
			site, _ := l.note(&attempt{account: digest('k', account), network: digest('p', network), agent: digest('g', 1), sessions: []rules.Digest{digest('s', serial)}}, outcome, now)
			return site.Limit > 0
		}
		for range people {
			account := rng.IntN(5000)
			network := account
			if rng.IntN(3) == 0 {
				network = 100_000 + rng.IntN(100_000) // on the way
			}
			if rng.Float64() < fails && found(account, network, OutcomeFailed) {
				return quarter
			} else if rng.Float64() >= fails/2 && found(account, network, OutcomeSucceeded) {
				return quarter
			}
		}
		if k.raids == nil {
			continue
		}
		for range k.raids(rng, quarter) {
			outcome := OutcomeFailed
			if rng.IntN(100) == 0 {
				outcome = OutcomeSucceeded
			}
			if found(1_000_000+serial, 1_000_000+serial, outcome) {
				return quarter
			}
		}
	}
	return -1
}

// TestLogins: passwords tried out, at 5.6 accounts a minute and at one, are
// found; a sale, a Monday on which four in ten have forgotten their passwords, and
// quiet weeks are not.
func TestLogins(t *testing.T) {
	during := func(quarter, n int) int {
		if quarter >= raidFrom && quarter < raidTo {
			return n
		}
		return 0
	}
	for name, c := range map[string]struct {
		loginWeek
		within int // quarters; 0: never found
	}{
		"quiet":          {loginWeek{}, 0},
		"sale":           {loginWeek{people: func(rng *rand.Rand, q int) int { return poisson(rng, float64(during(q, 400))+0.01) }}, 0},
		"forgot":         {loginWeek{fails: func(q int) float64 { return 0.1 + float64(during(q, 3))/10 }}, 0},
		"stuffing":       {loginWeek{raids: func(_ *rand.Rand, q int) int { return during(q, 84) }}, 1},
		"stuffing, slow": {loginWeek{raids: func(_ *rand.Rand, q int) int { return during(q, 15) }}, 12},
	} {
		for seed := range uint64(20) {
			at := c.play(seed)
			if c.within == 0 && at >= 0 {
				t.Errorf("%s, seed %d: found at quarter %d", name, seed, at)
			}
			if c.within > 0 && (at < raidFrom || at > raidFrom+c.within) {
				t.Errorf("%s, seed %d: found at quarter %d, want from %d within %d", name, seed, at, raidFrom, c.within)
			}
		}
	}
}

// TestLoginLinks: the sessions that logged in with stolen passwords are linked,
// those before and after the finding, more strongly than honest ones; whoever
// comes back to where he was is not.
func TestLoginLinks(t *testing.T) {
	w := newWorld(t, nil)
	w.loginDays(2)
	var stolen, strange, home []rules.Digest
	for i := range 300 {
		switch {
		case i%50 == 49:
			w.login(5000+i, 5000+i, 5000+i, true)
			stolen = append(stolen, digest('l', int(w.now.Unix())))
		case i%60 == 30: // somebody on the way, with a common browser
			w.login(i%200, 7000+i, 1, true)
			strange = append(strange, digest('l', int(w.now.Unix())))
		case i%60 == 40:
			w.login(i%200, i%200, 1, true)
			home = append(home, digest('l', int(w.now.Unix())))
		default:
			w.login(5000+i, 5000+i, 5000+i, false)
		}
	}
	open := w.engine.incidents.Open()
	if len(open) != 1 || open[0].Detector != rules.DetectorLogin || open[0].Route != "/login" || !open[0].Session.IsZero() {
		t.Fatalf("incidents %+v, want one of the logins", open)
	}
	strength := func(session rules.Digest) int {
		i := slices.IndexFunc(open[0].Linked, func(l rules.Link) bool { return l.Session == session && l.Why == rules.LinkLogin })
		if i < 0 {
			return 0
		}
		return open[0].Linked[i].Strength
	}
	for _, session := range stolen {
		if strength(session) != 3 {
			t.Errorf("a stolen login has strength %d, want 3", strength(session))
		}
	}
	for _, session := range strange {
		if strength(session) == 0 {
			t.Error("an honest login from elsewhere is not linked: it cannot be told from a stolen one")
		}
	}
	for _, session := range home {
		if strength(session) != 0 {
			t.Error("a login from where the account always is is linked")
		}
	}
	restored := NewIncidents()
	restored.Restore(open[0])
	if _, opened, _ := restored.Join(&rules.Signal{Detector: rules.DetectorLogin, Route: "/login", Key: rules.KeySite}); opened {
		t.Error("after a restart the same attack opens another incident")
	}
}

// TestLoginNetwork: thirty accounts that fail from one network are told, once;
// a university with as many failures, and more that succeed, is not. What the platform
// could not answer counts for nobody.
func TestLoginNetwork(t *testing.T) {
	for name, c := range map[string]struct {
		good    int // of ten
		outcome Outcome
		want    int
	}{
		"one network":           {0, OutcomeFailed, 1},
		"university":            {6, OutcomeFailed, 0},
		"platform out of order": {0, OutcomeUnknown, 0},
	} {
		w := newWorld(t, nil)
		told := 0
		for i := range 100 {
			outcome := c.outcome
			if i%10 < c.good {
				outcome = OutcomeSucceeded
			}
			v := Visit{Principal: rules.Principal{Session: digest('s', i), Prefix: digest('p', 1)}, Route: "/login", Account: digest('k', i)}
			for _, s := range w.engine.Open(v, w.now).Login(outcome, w.now) {
				if s.Key == rules.KeyPrefix {
					told++
				}
			}
		}
		if told != c.want {
			t.Errorf("%s: told %d times, want %d", name, told, c.want)
		}
	}
}
