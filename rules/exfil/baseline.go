package exfil

import (
	"hash/maphash"
	"math"
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
	// counting: half of the thirty per cent that are to be seen (a one-sided CUSUM,
	// Page 1954). What adds up to a signal follows from how much the member's own days
	// vary, so that by chance one would come in baselineDays working days, ten years,
	// if the mean were known; it is learnt, and TestBaselineCurve shows one in five.
	baselineSlack = 1.15
	baselineDays  = 2500
	// baselineVaries is how much days vary, as a share of the mean, before a
	// member's own have shown it; it counts as much as learnDays of them.
	baselineVaries = 0.2
	// baselineFew keeps members with little to do from standing out.
	baselineFew = 10
	// baselineJump is a single day that needs no second one.
	baselineJump = 3
	// baselineStep is the least weight of a day in what is usual: a quarter of a
	// year. A day teaches no more than one standard deviation (Huber 1964), so that
	// whoever takes more teaches slowly to expect it.
	baselineStep  = 1. / 60
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
	varies  float64 // variance of a day, in subjects squared
	last    float64 // the last closed working day, as a share of the mean
	lastDay int64   // when that was
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
		m.close(b.peers(key.role, m.day))
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
		off := x - m.mean
		m.mean += off / float64(m.days)
		m.varies += (off*(x-m.mean) - m.varies) / float64(m.days) // Welford 1962
		return
	}
	m.last, m.lastDay = x/max(m.mean, 1), m.day
	x /= peers
	// The mean of few days is itself uncertain.
	free := (baselineSlack-1)*m.mean + m.deviates()/math.Sqrt(float64(m.days))
	m.surplus = max(0, m.surplus+x-m.mean-free)
	weight, s := max(baselineStep, 1/float64(m.days)), m.deviates()
	if m.surplus > 0 { // of a short history that is doubtful, days would teach too much
		weight = baselineStep
	}
	off := min(max(x-m.mean, -3*s), 3*s)
	m.varies += weight * (off*off - m.varies)
	m.mean += weight * min(max(off, -s), s)
}

// deviates is the standard deviation of a member's day: its own and what is
// assumed, weighed by days, and never less than that of a Poisson count.
func (m *member) deviates() float64 {
	assumed := baselineVaries * m.mean
	days := min(float64(m.days), 1/baselineStep)
	return math.Sqrt(max((days*m.varies+learnDays*assumed*assumed)/(days+learnDays), m.mean))
}

// limit is the surplus that chance reaches once in baselineDays: Siegmund's
// approximation of a CUSUM's run length (Sequential Analysis, 1985, 2.54) for
// normal days, solved for the threshold.
func (m *member) limit() float64 {
	s := max(m.deviates(), 1)
	k := (baselineSlack - 1) * m.mean / s
	y := 1.0
	for range 6 {
		y = math.Log(1 + y + 2*k*k*baselineDays)
	}
	return max(y/(2*k)-1.166, 1) * s
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
	if limit := m.limit(); m.mean >= baselineFew && m.surplus > limit {
		return deviation{Observed: int(m.mean + m.surplus), Limit: int(m.mean + limit)}
	}
	return deviation{}
}

// peers returns how busy the members of a role were on a day that is over,
// against their own means, between 1 and 3: three in four were at least so busy. Two
// insiders among five explain nothing by each other. 1 where there are too few to tell.
func (b *baselines) peers(role rules.Role, day int64) float64 {
	var shares []float64
	for _, key := range b.members.Keys() {
		m, ok := b.members.Peek(key)
		if !ok || key.role != role || m.days < learnDays {
			continue
		}
		switch {
		case m.day == day && m.today() > 0: // its next day has not begun yet
			shares = append(shares, m.today()/max(m.mean, 1))
		case m.lastDay == day:
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
	return min(max(shares[len(shares)/4], 1), 3)
}

// baseline is detector 9: a member of a role with wide caps far above its own
// history and its peers.
//
// It catches the support agent who reads a third more than his work needs,
// for weeks, and the one who reads three days' worth in one. Its innocent
// twin is as busy as all the others before Christmas. How soon, by excess and by
// how much days vary, TestBaselineCurve says: ten per cent more stays unseen.
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
