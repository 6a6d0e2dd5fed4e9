package exfil

import (
	"testing"
	"time"

	"github.com/ordergate/ordergate/rules"
)

// world is an engine with a clock, and sessions by name.
type world struct {
	*testing.T
	engine *Engine
	now    time.Time
	serial byte
}

func newWorld(t *testing.T, change func(*Config)) *world {
	config := Config{
		Roles: map[rules.Role]RoleCaps{
			rules.RoleGuest:   {Session: Limits{{rules.WindowHour, 3}, {rules.WindowDay, 10}}, Address: Limits{{rules.WindowHour, 30}}, Response: 2},
			rules.RoleShopper: {Session: Limits{{rules.WindowHour, 5}, {rules.WindowDay, 20}}, Address: Limits{{rules.WindowHour, 60}}, Response: 5},
			rules.RoleStaff:   {Session: Limits{{rules.WindowHour, 120}}, Response: 100},
			rules.RoleCrawler: {Response: 0},
		},
		Machines:   []RoleCaps{{Session: Limits{{rules.WindowMinute, 1000}}, Response: -1}},
		Site:       Limits{{rules.WindowHour, 300}},
		Principals: 10_000,
		Rules:      DefaultRules(),
	}
	if change != nil {
		change(&config)
	}
	return &world{T: t, engine: New(config), now: epoch}
}

func customer(n int) rules.Record {
	id := rules.Identifier{Kind: rules.IdentifierEmail, Digest: digest('e', n)}
	number := rules.Identifier{Kind: rules.IdentifierCustomerID, Digest: digest('n', n)}
	return rules.Record{Subject: id, Identifiers: []rules.Identifier{id, number}, Fields: rules.FieldName | rules.FieldEmail}
}

func customers(from, n int) []rules.Record {
	var records []rules.Record
	for i := range n {
		records = append(records, customer(from+i))
	}
	return records
}

// issued returns the credentials of a session that was issued.
func (w *world) issued(session byte) Credentials {
	w.engine.bindings.Issue(digest('s', int(session)), rules.RoleGuest, w.now)
	return Credentials{Sessions: []rules.Digest{digest('s', int(session))}, StandIn: digest('a', 1), IP: digest('i', 1)}
}

// shopper returns the credentials of a session bound to customer n.
func (w *world) shopper(session byte, n int) Credentials {
	c := w.issued(session)
	w.engine.bindings.Bind(c.Sessions[0], customer(n).Identifiers, true, w.now)
	return c
}

// ask sends records to a principal that asked for numbers of a route, one request
// each, and returns the last judgement.
func (w *world) ask(c Credentials, records func(i int) []rules.Record, numbers ...uint64) (j Judgement) {
	for i, n := range numbers {
		j = w.get(c, records(i), func(v *Visit) {
			v.Tries = func() []Try { return []Try{{Slot: "/orders/{id}", Number: n, Numeric: true}} }
		})
	}
	return j
}

// workdays lets a member of staff read n customers on each of some days.
func (w *world) workdays(days, n int) (j Judgement) {
	w.engine.bindings.Issue(digest('s', 200), rules.RoleStaff, w.now)
	c := Credentials{Sessions: []rules.Digest{digest('s', 200)}, StandIn: digest('a', 200), Wanted: rules.RoleStaff}
	for range days {
		for from := 0; from < n; from += 10 {
			j = w.get(c, customers(int(w.now.Unix()/3600)*100+from, min(10, n-from)), nil)
			w.now = w.now.Add(30 * time.Minute)
		}
		w.now = w.now.Add(24*time.Hour - w.now.Sub(w.now.Truncate(24*time.Hour)))
	}
	return j
}

// elsewhere returns the credentials of an issued session at an address of its own.
func (w *world) elsewhere(n int) Credentials {
	w.engine.bindings.Issue(digest('z', n), rules.RoleGuest, w.now)
	return Credentials{Sessions: []rules.Digest{digest('z', n)}, StandIn: digest('a', n), IP: digest('i', n)}
}

// siteDays lets guests read a record each quarter of an hour, with a few logins.
func (w *world) siteDays(days int) {
	for i := range days * 96 {
		for range 3 {
			w.engine.site.login(w.now)
		}
		w.get(w.elsewhere(i), customers(i, 1), nil)
		w.now = w.now.Add(15 * time.Minute)
	}
}

// login lets an account log in from a network with a program, 20 seconds
// later, in a session of its own.
func (w *world) login(account, network, agent int, good bool) (signals []rules.Signal) {
	w.serial++
	w.now = w.now.Add(20 * time.Second)
	session, outcome := digest('l', int(w.now.Unix())), OutcomeFailed
	v := Visit{
		Principal: rules.Principal{Session: digest('a', network), Prefix: digest('p', network)}, Exchange: rules.ExchangeID{w.serial}, Route: "/login",
		Password: true, Status: 401, Account: digest('k', account), Agent: digest('g', agent),
	}
	if good {
		outcome, v.Status, v.Issued = OutcomeSucceeded, 303, []rules.Digest{session}
	}
	r := w.engine.Open(v, w.now)
	signals = r.Login(outcome, w.now)
	for i := range signals {
		w.engine.incidents.Join(&signals[i])
	}
	return signals
}

// loginDays lets 200 accounts log in from networks of their own, now and then
// with a wrong password first.
func (w *world) loginDays(days int) {
	for i := range days * 200 {
		if i%10 == 0 {
			w.login(i%200, i%200, 1, false)
		}
		w.login(i%200, i%200, 1, true)
		w.now = w.now.Add(24*time.Hour/200 - 20*time.Second)
	}
}

func nobody(int) []rules.Record { return nil }

func nothing() {}

// get sends records to a principal and returns the judgement; what passes is committed.
func (w *world) get(c Credentials, records []rules.Record, change func(*Visit)) Judgement {
	w.serial++
	v := Visit{Principal: w.engine.Recognise(&c, w.now), Exchange: rules.ExchangeID{w.serial}, Route: "/api/orders/{id}", Status: 200}
	if change != nil {
		change(&v)
	}
	r := w.engine.Open(v, w.now)
	j := r.Judge(records, len(records), nil, w.now)
	if j.Verdict.Action == rules.Pass {
		r.Commit()
	}
	j.Signals = append(j.Signals, r.End(len(records) == 0, w.now)...)
	for i := range j.Signals {
		w.engine.incidents.Join(&j.Signals[i])
	}
	return j
}

func (w *world) signalled(d rules.Detector) int {
	n := 0
	for _, inc := range w.engine.incidents.Open() {
		n += inc.Detectors[d]
	}
	return n
}
