package exfil

import (
	"sync"
	"time"

	"github.com/ordergate/ordergate/rules"
)

// Outcome is how a login request was answered, as far as it shows.
type Outcome uint8

// The outcomes. The zero value says nothing: the request was refused here, or
// the platform was out of order.
const (
	OutcomeUnknown Outcome = iota
	OutcomeFailed
	OutcomeSucceeded
)

const (
	// networkFailed is how many accounts may fail to log in from one network (/24,
	// /48) in a day, and networkShare how many for each that succeeds: a
	// university has more of both.
	networkFailed = 30
	networkShare  = 3
	maxNetworks   = 20_000
	// maxLoginSeen bounds the memory of who has logged in from where.
	maxLoginSeen = 200_000
)

// logins watches how many accounts fail to log in, for the whole site and by
// network. Digests of digests only. Safe for concurrent use, bounded: what was
// quiet longest is forgotten.
type logins struct {
	mu       sync.Mutex
	seed     seed
	all      *outcomes
	seen     *recent[uint64, int64] // the bucket of the first success
	networks *recent[rules.Digest, *networkLogins]
}

// networkLogins are the logins from one network.
type networkLogins struct {
	since  time.Time
	failed map[uint64]struct{} // accounts, at most networkFailed
	good   int
	told   bool
}

func newLogins() *logins {
	return &logins{seed: newSeed(), all: newOutcomes(0), seen: newRecent[uint64, int64](maxLoginSeen, spreadHash, nil), networks: newRecent[rules.Digest, *networkLogins](maxNetworks, spreadDigest, nil)}
}

// attempt is one login: as whom, from where, with what, and which sessions
// came of it.
type attempt struct {
	account, network, agent rules.Digest
	sessions                []rules.Digest
}

// note counts a login. It returns what is to be told of the site and of the
// network; zero Limits: nothing.
func (l *logins) note(a *attempt, outcome Outcome, now time.Time) (site, network shift) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all.roll(now, l.all.end) // before anything is compared with when a surplus began
	account, place := l.key('a', a.account, rules.Digest{}), l.key('p', a.account, a.network)
	if outcome == OutcomeFailed {
		if _, known := l.seen.get(place); known {
			return site, network // somebody who was there before, and mistypes
		}
		l.all.failed(account, now)
		return l.all.judge(nil, 1, rules.LinkLogin), l.from(a, account, false, now)
	}
	var joining []rules.Digest
	if first, known := l.seen.get(place); !known || first >= l.all.since {
		joining = a.sessions
		strange := l.strangeness(a, account)
		for _, session := range joining {
			l.all.takesPart(session, strange)
		}
	}
	l.all.succeeded(account, now)
	for _, key := range [...]uint64{account, place, l.key('n', a.network, rules.Digest{}), l.key('g', a.agent, rules.Digest{})} {
		if _, known := l.seen.get(key); !known {
			l.seen.add(key, l.all.bucket)
		}
	}
	return l.all.judge(joining, 1, rules.LinkLogin), l.from(a, account, true, now)
}

// strangeness says how much speaks for a login from where its account never
// came from being one of the attack: 1, and 1 more each for an account that is
// known from elsewhere, and for a network and a program that nobody logged in
// with before the logins began to fail.
func (l *logins) strangeness(a *attempt, account uint64) int {
	strange := 1
	if first, known := l.seen.get(account); known && first < l.all.since {
		strange++
	}
	for _, key := range [...]uint64{l.key('n', a.network, rules.Digest{}), l.key('g', a.agent, rules.Digest{})} {
		if first, known := l.seen.get(key); !known || first >= l.all.since {
			strange++
		}
	}
	return strange
}

// from counts a login for its network.
func (l *logins) from(a *attempt, account uint64, good bool, now time.Time) shift {
	n, ok := l.networks.get(a.network)
	if !ok || now.Sub(n.since) > tryWindow {
		n = &networkLogins{since: now, failed: make(map[uint64]struct{})}
		l.networks.add(a.network, n)
	}
	if good {
		n.good++
		delete(n.failed, account)
	} else if len(n.failed) < networkFailed+networkShare*n.good {
		n.failed[account] = struct{}{}
	}
	if n.told || len(n.failed) < networkFailed || len(n.failed) < networkShare*n.good {
		return shift{}
	}
	n.told = true
	return shift{Observed: len(n.failed), Limit: max(networkFailed, networkShare*n.good)}
}

func (l *logins) key(kind byte, a, b rules.Digest) uint64 {
	var all [1 + 2*len(a)]byte
	all[0] = kind
	copy(all[1:], a[:])
	copy(all[1+len(a):], b[:])
	return l.seed.hash(all[:])
}

// Login counts how a login request of this visit was answered, and returns what
// is to be told. Call it once, at the end of an exchange that was one: by then
// it is known which session the login issued.
//
// It is the detector login: more logins fail than the successful ones, and the
// site's own history, explain. It catches credential stuffing, one try for each
// account from an address of its own, of which one in a hundred works and then
// reads what is its own: nothing else of it is foreign. Its innocent twins are
// a sale, with as many more successful logins, and a Monday on which many have
// forgotten their passwords: who logs in after all, and who came from there
// before, does not count.
//
// Severity high. Linked are the sessions that logged in meanwhile from where
// their account never came from; honest ones may be among them, and are the
// weaker links. Many failures from one network speak for themselves, with
// severity medium. It says nothing of the whole site on its first day, and
// never refuses.
func (r *Response) Login(outcome Outcome, now time.Time) []rules.Signal {
	if outcome == OutcomeUnknown {
		return nil
	}
	p := &r.visit.Principal
	a := attempt{account: r.visit.Account, network: p.Prefix, agent: r.visit.Agent, sessions: r.sessions}
	if len(r.sessions) > 1 && !p.Issued { // an address's stand-in logs nobody in
		a.sessions = r.sessions[1:]
	}
	if a.account.IsZero() {
		a.account = p.Session
	}
	all, network := r.engine.logins.note(&a, outcome, now)
	var signals []rules.Signal
	tell := func(found shift, key rules.KeyKind, window rules.Window, severity rules.Severity) {
		if found.Limit == 0 {
			return
		}
		s := r.signal(rules.DetectorLogin, severity, now)
		s.Key, s.Window, s.Observed, s.Threshold, s.Linked = key, window, found.Observed, found.Limit, found.Takers
		signals = append(signals, s)
	}
	tell(all, rules.KeySite, rules.WindowHour, rules.SeverityHigh)
	tell(network, rules.KeyPrefix, rules.WindowDay, rules.SeverityMedium)
	return signals
}
