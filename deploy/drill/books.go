package drill

import (
	"slices"
	"time"

	"github.com/ordergate/ordergate/rules"
)

// receipt is one customer in one response that a visitor received.
type receipt struct {
	at       time.Duration
	customer int
	who      *visitor
	session  string // what the gateway may count the visitor by
	exchange int
	opaque   bool // in a picture or a document
}

// attempt is one request of an attack.
type attempt struct {
	at     time.Duration
	held   bool // refused, cut or slowed
	gained int  // customers not seen before
}

// books are what a scene's visitors received. They belong to the goroutine
// that plays the scene.
type books struct {
	receipts []receipt
	attempts []attempt
	lost     map[int]bool // by any attacker
	firsts   []receipt    // of attackers, each customer once
	sessions int          // of honest people
	harmed   map[string]bool
	harms    []string // what was refused to honest people, the first few, without personal values
	requests int
}

func newBooks() *books { return &books{lost: map[int]bool{}, harmed: map[string]bool{}} }

// enter writes down what a response carried that was not the visitor's own.
func (b *books) enter(r receipt) (gained int) {
	if r.who.self[r.customer] {
		return 0
	}
	b.receipts = append(b.receipts, r)
	if r.who.attacker && !b.lost[r.customer] {
		b.lost[r.customer] = true
		b.firsts = append(b.firsts, r)
		return 1
	}
	return 0
}

// maxHarms bounds books.harms.
const maxHarms = 8

// harm writes down that an honest person was refused.
func (b *books) harm(who *visitor, what string) {
	if !b.harmed[who.name] && len(b.harms) < maxHarms {
		b.harms = append(b.harms, what)
	}
	b.harmed[who.name] = true
}

// until returns how many customers were lost up to and at a time.
func (b *books) until(at time.Duration) int {
	n := 0
	for _, r := range b.firsts {
		if r.at <= at {
			n++
		}
	}
	return n
}

// daily returns how many distinct customers somebody received on an average day
// of those with any.
func (b *books) daily(who *visitor) int {
	days := map[time.Duration]map[int]bool{}
	total := 0
	for _, r := range b.receipts {
		if r.who != who {
			continue
		}
		today := r.at / day
		if days[today] == nil {
			days[today] = map[int]bool{}
		}
		if !days[today][r.customer] {
			days[today][r.customer] = true
			total++
		}
	}
	return total / max(1, len(days))
}

// standstill is how many attempts in a row must be held, or be the last ones,
// for an attack to count as contained.
const standstill = 10

// contained returns when the attack came to a standstill: the first of ten
// attempts in a row, or of all that it still had, that were refused, cut or
// slowed and brought nothing.
func (b *books) contained() (time.Duration, bool) {
	run := 0
	for i, a := range b.attempts {
		if !a.held || a.gained > 0 && run > 0 {
			run = 0
			if !a.held {
				continue
			}
		}
		run++
		if run == standstill || i == len(b.attempts)-1 {
			return b.attempts[i-run+1].at, true
		}
	}
	return 0, false
}

// limit is one cap as the config promises it.
type limit struct {
	window rules.Window
	max    int
}

// violations counts distinct customers delivered beyond a cap: for each key
// and window, how many more than the limit, added up. Only what is text: a cap
// counts what is recognised.
func (b *books) violations(caps func(*visitor) (session []limit, response int), site []limit) int {
	byKey, whose := map[string][]receipt{}, map[string]*visitor{}
	byExchange, to := map[int]map[int]bool{}, map[int]*visitor{}
	var whole []receipt
	for _, r := range b.receipts {
		if r.opaque {
			continue
		}
		byKey[r.session], whose[r.session] = append(byKey[r.session], r), r.who
		if r.who.account != "" {
			key := "account " + r.who.account
			byKey[key], whose[key] = append(byKey[key], r), r.who
		}
		if r.who.role == rules.RoleGuest || r.who.role == rules.RoleShopper {
			whole = append(whole, r)
		}
		if byExchange[r.exchange] == nil {
			byExchange[r.exchange] = map[int]bool{}
		}
		byExchange[r.exchange][r.customer], to[r.exchange] = true, r.who
	}
	over := 0
	for key, receipts := range byKey {
		session, _ := caps(whose[key])
		over += beyond(receipts, session)
	}
	for exchange, customers := range byExchange {
		if _, most := caps(to[exchange]); most >= 0 {
			over += max(0, len(customers)-most)
		}
	}
	return over + beyond(whole, site)
}

// beyond returns by how many the distinct customers of any window exceed its
// limit, the worst of each window added up.
func beyond(receipts []receipt, limits []limit) (over int) {
	slices.SortStableFunc(receipts, func(a, b receipt) int { return int(a.at - b.at) })
	for _, l := range limits {
		in, from, worst := map[int]int{}, 0, 0
		for _, r := range receipts {
			in[r.customer]++
			for receipts[from].at <= r.at-time.Duration(l.window) {
				if in[receipts[from].customer]--; in[receipts[from].customer] == 0 {
					delete(in, receipts[from].customer)
				}
				from++
			}
			worst = max(worst, len(in)-l.max)
		}
		over += worst
	}
	return over
}
