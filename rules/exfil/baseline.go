package exfil

import (
	"hash/maphash"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/ordergate/ordergate/rules"
)

const (
	// learnDays is how many working days a member's own history needs before
	// it says anything. Absolute caps hold from the first minute.
	learnDays = 5
	// baselineSlack is the share above the own mean that a day may have without
	// counting; baselineLimit is how many mean days of surplus add up to a signal
	// (a one-sided CUSUM, Page 1954). Thirty per cent above the own mean are
	// seen after ten working days, twice as much after two or three.
	baselineSlack = 1.15
	baselineLimit = 1.5
	// baselineFew keeps members with little to do from standing out.
	baselineFew = 10
	// baselineJump is a single day that needs no second one.
	baselineJump = 3
	// baselineStep is the weight of a day in the mean, baselineTeach the most of
	// the mean that a day may count as there: whoever takes a little more each
	// day does not teach the detector to expect it.
	baselineStep  = 0.05
	baselineTeach = 1.05
	peersFew      = 5 // members of a role whose days can explain one another's
	maxMembers    = 10_000
	maxDaySubject = 8192 // subjects of one member's day that are told apart
)

// baselines remembers how many customers each member of a role with wide caps
// reads on a working day. Safe for concurrent use, bounded: the member that
// was away longest is forgotten. It is rebuilt from the ledger.
type baselines struct {
	mu      sync.Mutex
	seed    maphash.Seed
	members *simplelru.LRU[memberKey, *member]
}

type memberKey struct {
	role rules.Role
	who  rules.Digest // the account, or the session where none is known
}

// member is the history of one member of a role.
type member struct {
	day     int64 // days since 1970, UTC
	seen    map[uint64]struct{}
	beyond  int     // subjects of the day that were not remembered
	days    int     // closed working days
	mean    float64 // of closed days
	last    float64 // the last closed day, as a share of the mean
	surplus float64 // CUSUM, in subjects
}

// deviation is what a baseline finds. Zero Limit: nothing.
type deviation struct {
	Observed, Limit int
	Jump            bool // one day that stands out by itself
}

func newBaselines() *baselines {
	lru, err := simplelru.NewLRU[memberKey, *member](maxMembers, nil)
	if err != nil {
		panic("BUG: simplelru refuses a positive size: " + err.Error())
	}
	return &baselines{seed: maphash.MakeSeed(), members: lru}
}

// note counts subjects that a member was sent, and says whether its history or
// its day stands out. Time never runs backwards for a member.
func (b *baselines) note(p *rules.Principal, subjects []rules.Digest, now time.Time) deviation {
	key := memberKey{p.Role, p.Account}
	if key.who.IsZero() {
		key.who = p.Session
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	m, ok := b.members.Get(key)
	if !ok {
		m = &member{seen: make(map[uint64]struct{})}
		b.members.Add(key, m)
	}
	if day := now.UTC().Unix() / 86400; day > m.day {
		m.close(b.peers(key.role))
		m.day = day
	}
	for _, subject := range subjects {
		m.see(maphash.Bytes(b.seed, subject[:]))
	}
	return m.deviation()
}

func (m *member) see(subject uint64) {
	if _, ok := m.seen[subject]; ok {
		return
	}
	if len(m.seen) == maxDaySubject {
		m.beyond++
		return
	}
	m.seen[subject] = struct{}{}
}

func (m *member) today() float64 { return float64(len(m.seen) + m.beyond) }

// close ends a working day; peers is how busy the role's last days were,
// against their own means: a Christmas week is nobody's surplus.
func (m *member) close(peers float64) {
	x := m.today()
	clear(m.seen)
	m.beyond = 0
	if x == 0 {
		return // away
	}
	m.days++
	if m.days <= learnDays {
		m.mean += (x - m.mean) / float64(m.days)
		return
	}
	m.last = x / max(m.mean, 1)
	x /= peers
	m.surplus = max(0, m.surplus+x-baselineSlack*m.mean)
	m.mean += baselineStep * (min(x, baselineTeach*m.mean) - m.mean)
}

// deviation judges a member as it stands.
func (m *member) deviation() deviation {
	if m.days < learnDays {
		return deviation{}
	}
	mean := max(m.mean, baselineFew)
	if today := m.today(); today > baselineJump*mean {
		return deviation{Observed: int(today), Limit: int(baselineJump * mean), Jump: true}
	}
	if m.surplus > baselineLimit*mean {
		return deviation{Observed: int(m.mean + m.surplus), Limit: int(m.mean + baselineLimit*mean)}
	}
	return deviation{}
}

// peers returns the median of how busy the members of a role were on their
// last day, between 1 and 3; 1 where there are too few to tell.
func (b *baselines) peers(role rules.Role) float64 {
	var shares []float64
	for _, key := range b.members.Keys() {
		if m, ok := b.members.Peek(key); ok && key.role == role && m.last > 0 {
			shares = append(shares, m.last)
		}
		if len(shares) == 256 {
			break
		}
	}
	if len(shares) < peersFew {
		return 1
	}
	slices.Sort(shares)
	return min(max(shares[len(shares)/2], 1), 3)
}

// baseline is detector 9: a member of a role with wide caps far above its own
// history and its peers.
//
// It catches the support agent who reads a third more than his work needs,
// for weeks, and the one who reads three days' worth in one. Its innocent
// twin is as busy as all the others before Christmas.
//
// Severity medium for a surplus over days, high for a single day. It says
// nothing during a member's first five working days, and never refuses.
func (r *Response) baseline(foreign []rules.Digest, now time.Time, j *Judgement) {
	if len(foreign) == 0 || !wide(r.visit.Principal.Role) {
		return
	}
	d := r.engine.baselines.note(&r.visit.Principal, foreign, now)
	if d.Limit == 0 || r.signalled.baseline {
		return
	}
	r.signalled.baseline = true
	severity := rules.SeverityMedium
	if d.Jump {
		severity = rules.SeverityHigh
	}
	s := r.signal(rules.DetectorBaseline, severity, now)
	s.Key, s.Window, s.Observed, s.Threshold = rules.KeyAccount, rules.WindowDay, d.Observed, d.Limit
	j.Signals = append(j.Signals, s)
}
