package exfil

import (
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/ordergate/ordergate/rules"
)

const (
	// machineDays is how many days with work a machine's history needs before it
	// says anything, machineKept how many are compared with.
	machineDays = 3
	machineKept = 7
	// An hour is usual when in one of the machineLate hours before it, or the
	// machineEarly hours behind it, the machine does machineShare of a usual day's
	// work: a run that is late, or is done again because it failed, is still the
	// night's. What works all day does about twice that share in each hour.
	machineLate  = 6
	machineEarly = 2
	machineShare = 0.02
	// machineMore is how much more than on its fullest day a machine may read
	// within 24 hours, beside machineFew.
	machineMore = 1.1
	machineFew  = 100
	machineStep = 0.1 // weight of a day in what is usual
	maxMachines = 256
	dayHours    = 24
)

// machines remembers when declared machines read how much. Safe for concurrent
// use, bounded. It is rebuilt from the ledger.
type machines struct {
	mu   sync.Mutex
	seen *simplelru.LRU[rules.Digest, *machine]
}

// machine is the history of one machine.
type machine struct {
	hour  int64             // now, since 1970
	last  [dayHours]int     // subjects of each of the last 24 hours, by hour of the day (UTC)
	usual [dayHours]float64 // of a day with work
	full  [machineKept]int  // of the last days with work
	days  int               // with work
	odd   bool              // today stood out: it is nothing to learn from
}

func newMachines() *machines {
	seen, err := simplelru.NewLRU[rules.Digest, *machine](maxMachines, nil)
	if err != nil {
		panic("BUG: simplelru refuses a positive size: " + err.Error())
	}
	return &machines{seen: seen}
}

// note counts subjects that a machine was sent, and says whether they stand
// out. Time never runs backwards for a machine.
func (m *machines) note(who rules.Digest, subjects int, now time.Time) deviation {
	m.mu.Lock()
	defer m.mu.Unlock()
	of, ok := m.seen.Get(who)
	if !ok {
		of = &machine{hour: now.Unix() / 3600}
		m.seen.Add(who, of)
	}
	of.reach(now.Unix() / 3600)
	of.last[of.hour%dayHours] += subjects
	return of.deviation()
}

// reach moves on to an hour; at the end of each day (UTC) the day is learnt.
func (m *machine) reach(hour int64) {
	for n := 0; m.hour < hour; n++ {
		if n > dayHours { // a sleep: the day before it is learnt
			m.hour = hour
			return
		}
		m.hour++
		if m.hour%dayHours == 0 {
			m.learn()
		}
		m.last[m.hour%dayHours] = 0
	}
}

func (m *machine) learn() {
	total := sum(m.last[:])
	if odd := m.odd; odd || total == 0 {
		m.odd = false
		return
	}
	m.full[m.days%machineKept] = total
	m.days++
	weight := max(machineStep, 1/float64(m.days))
	for h := range m.usual {
		m.usual[h] += weight * (float64(m.last[h]) - m.usual[h])
	}
}

// deviation judges a machine as it stands: more within 24 hours than on its
// fullest day, and the surplus at an hour at which it never works.
func (m *machine) deviation() deviation {
	limit := int(machineMore*float64(slices.Max(m.full[:]))) + machineFew
	total := sum(m.last[:])
	if m.days < machineDays || total <= limit || m.works(int(m.hour%dayHours)) {
		return deviation{}
	}
	m.odd = true
	return deviation{Observed: total, Limit: limit}
}

// works reports whether an hour of the day is a usual one.
func (m *machine) works(hour int) bool {
	day := sum(m.usual[:])
	for d := -machineLate; d <= machineEarly; d++ {
		if m.usual[(hour+d+dayHours)%dayHours] >= machineShare*day {
			return true
		}
	}
	return false
}

func sum[N int | float64](all []N) (total N) {
	for _, n := range all {
		total += n
	}
	return total
}

// machine is detector 9 for declared machines: a second full day's work at an
// hour at which the machine never works.
//
// It catches the leaked key of an export that is used from inside the declared
// network, at another time of the day. Its innocent twin is the export itself,
// once it is late by half a night, or done again because it failed.
//
// Severity high. Whoever takes the machine's own hour, or what it has not
// fetched yet that day, looks like it: only the declared cap bounds that. It says
// nothing during a machine's first three days, and never refuses.
func (r *Response) machine(foreign int, now time.Time, j *Judgement) {
	p := &r.visit.Principal
	if foreign == 0 || p.Role != rules.RoleMachine || j.Verdict.Action == rules.Refuse {
		return
	}
	d := r.engine.machines.note(p.Session, foreign, now)
	if d.Limit == 0 || r.signalled.baseline {
		return
	}
	r.signalled.baseline = true
	s := r.signal(rules.DetectorBaseline, rules.SeverityHigh, now)
	s.Key, s.Window, s.Observed, s.Threshold = rules.KeySession, rules.WindowDay, d.Observed, d.Limit
	j.Signals = append(j.Signals, s)
}
