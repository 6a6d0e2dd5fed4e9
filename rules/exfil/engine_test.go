package exfil

import (
	"strings"
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

// TestMachineSignals: a declared machine's second full export by day opens an
// incident of its own; the night's, done again, opens none.
func TestMachineSignals(t *testing.T) {
	for hour, want := range map[int]int{4: 0, 14: 1} {
		w := newWorld(t, func(c *Config) { c.Machines = []RoleCaps{{Response: -1}} })
		w.now = w.now.Truncate(24 * time.Hour)
		c := Credentials{Sessions: []rules.Digest{digest('m', 1)}, Wanted: rules.RoleMachine, Declared: true, Machine: 1}
		export := func(at time.Duration) {
			began := w.now
			w.now = began.Add(at)
			for page := range 4 {
				w.get(c, customers(page*100, 100), nil)
			}
			w.now = began
		}
		for range 5 {
			export(2 * time.Hour)
			w.now = w.now.Add(24 * time.Hour)
		}
		w.now = w.now.Add(-24 * time.Hour)
		export(time.Duration(hour) * time.Hour)
		if open := w.engine.incidents.Open(); len(open) != want {
			t.Errorf("again at %d: %d incidents, want %d", hour, len(open), want)
		}
	}
}

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

func TestCapIsExactAndFreesInTime(t *testing.T) {
	w := newWorld(t, nil)
	c := w.shopper(1, 9000)
	passed := 0
	for i := range 50 {
		if w.get(c, customers(i, 1), nil).Verdict.Action == rules.Pass {
			passed++
		}
		w.now = w.now.Add(time.Second)
	}
	if passed != 5 {
		t.Errorf("%d foreign customers released, want 5", passed)
	}
	if j := w.get(c, customers(9000, 1), func(v *Visit) { v.Principal.Issued = true }); j.Verdict.Action != rules.Pass {
		t.Errorf("own record after the cap: %+v", j.Verdict)
	}
}

func TestRetryAfterIsTheTruth(t *testing.T) {
	w := newWorld(t, nil)
	c := w.shopper(1, 9000)
	var j Judgement
	for i := range 6 {
		j = w.get(c, customers(i, 1), nil)
	}
	if j.Verdict.Status != 429 || j.Verdict.RetryAfter != time.Hour {
		t.Fatalf("verdict %+v, want 429 and an hour", j.Verdict)
	}
	w.now = w.now.Add(j.Verdict.RetryAfter - time.Nanosecond)
	if j := w.get(c, customers(10, 1), nil); j.Verdict.Action != rules.Refuse {
		t.Error("released before the window moved on")
	}
	w.now = w.now.Add(time.Nanosecond)
	if j := w.get(c, customers(10, 1), nil); j.Verdict.Action != rules.Pass {
		t.Errorf("refused after Retry-After: %+v", j.Verdict)
	}
}

// TestWiderRoleNeedsIssuance: a path or header alone gives nobody a wider cap.
func TestWiderRoleNeedsIssuance(t *testing.T) {
	w := newWorld(t, nil)
	staff := Credentials{Sessions: []rules.Digest{digest('s', 1)}, StandIn: digest('a', 1), Wanted: rules.RoleStaff}
	if p := w.engine.Recognise(&staff, w.now); p.Role != rules.RoleGuest || p.Issued || p.Session != staff.StandIn {
		t.Errorf("made-up staff token: %+v", p)
	}
	w.engine.bindings.Issue(staff.Sessions[0], rules.RoleGuest, w.now)
	if p := w.engine.Recognise(&staff, w.now); p.Role != rules.RoleGuest {
		t.Errorf("a shopper's session on a staff path: %+v", p)
	}
	w.engine.bindings.Issue(staff.Sessions[0], rules.RoleStaff, w.now)
	if p := w.engine.Recognise(&staff, w.now); p.Role != rules.RoleStaff || !p.Issued {
		t.Errorf("a staff session: %+v", p)
	}
	machine := Credentials{Sessions: []rules.Digest{digest('m', 1)}, Wanted: rules.RoleMachine, Declared: true, Machine: 1}
	if p := w.engine.Recognise(&machine, w.now); p.Role != rules.RoleMachine || !p.Issued {
		t.Errorf("a declared machine: %+v", p)
	}
	machine.Declared = false
	if p := w.engine.Recognise(&machine, w.now); p.Role != rules.RoleGuest {
		t.Errorf("an undeclared machine: %+v", p)
	}
}

// TestMadeUpSessionsShareOneCap: rotating sessions that nobody issued buys
// nothing; issued ones of one address stay apart until the address is over.
func TestMadeUpSessionsShareOneCap(t *testing.T) {
	w := newWorld(t, nil)
	passed := 0
	for i := range 20 {
		c := Credentials{Sessions: []rules.Digest{digest('x', i)}, StandIn: digest('a', 1), IP: digest('i', 1)}
		if w.get(c, customers(i, 1), nil).Verdict.Action == rules.Pass {
			passed++
		}
	}
	if passed != 3 {
		t.Errorf("%d released to made-up sessions of one address, want the guest's 3", passed)
	}
	w = newWorld(t, func(c *Config) { c.WarmUntil = epoch.Add(time.Hour) })
	c := Credentials{Sessions: []rules.Digest{digest('x', 1)}, StandIn: digest('a', 1)}
	if p := w.engine.Recognise(&c, w.now); p.Session != c.Sessions[0] || p.Issued {
		t.Errorf("while warming up: %+v, want a session of its own, unissued", p)
	}
}

// TestAddressShrinks: an address over its limit refuses nobody by itself, but
// its sessions get a third.
func TestAddressShrinks(t *testing.T) {
	w := newWorld(t, nil)
	subject := 0
	for session := range byte(10) {
		for range 3 {
			if w.get(w.issued(session), customers(subject, 1), nil).Verdict.Action != rules.Pass {
				t.Fatalf("session %d refused before the address reached 30", session)
			}
			subject++
		}
	}
	c := w.issued(100)
	if w.get(c, customers(900, 1), nil).Verdict.Action != rules.Pass {
		t.Error("an address over its limit refused a session's first record")
	}
	if w.get(c, customers(901, 1), nil).Verdict.Action != rules.Refuse {
		t.Error("an address over its limit left the session's cap whole")
	}
}

// TestSiteBudget: however many sessions an attacker owns, the site releases B.
func TestSiteBudget(t *testing.T) {
	w := newWorld(t, nil)
	passed := 0
	for i := range 400 {
		c := w.issued(byte(i % 250))
		c.Sessions[0] = digest('s', i+1000)
		w.engine.bindings.Issue(c.Sessions[0], rules.RoleGuest, w.now)
		c.IP = digest('i', i)
		if w.get(c, customers(i, 1), nil).Verdict.Action == rules.Pass {
			passed++
		}
	}
	if passed != 300 {
		t.Errorf("the site released %d, its budget is 300", passed)
	}
	if left := w.engine.SiteRemaining(w.now)[rules.WindowHour]; left != 0 {
		t.Errorf("budget remaining %d, want 0", left)
	}
	found := false
	for _, inc := range w.engine.incidents.Open() {
		found = found || inc.Severity == rules.SeverityCritical && inc.Session.IsZero() && inc.Signals == 100
	}
	if !found {
		t.Errorf("no critical incident for the whole site with 100 signals: %+v", w.engine.incidents.Open())
	}
}

// TestClaimsAreBounded: naming customers in create, login and checkout
// requests makes few of them one's own.
func TestClaimsAreBounded(t *testing.T) {
	w := newWorld(t, nil)
	c := w.issued(1)
	own := 0
	for i := range 8 {
		j := w.get(c, customers(i, 1), func(v *Visit) { v.Claim = []rules.Identifier{customer(i).Subject} })
		if j.Disclosures[0].Ownership == rules.Own {
			own++
		}
	}
	if own != 3 {
		t.Errorf("%d customers claimed by one session, want 3", own)
	}
	failed := w.get(w.issued(2), customers(1, 1), func(v *Visit) {
		v.Claim, v.Status = []rules.Identifier{customer(1).Subject}, 401
	})
	if failed.Disclosures[0].Ownership == rules.Own {
		t.Error("a refused login made a customer its own")
	}
}

// TestLoginBindsRotatedSession: the session that a login issues is its own
// customer's from then on, and a staff login's is a staff session.
func TestLoginBindsRotatedSession(t *testing.T) {
	w := newWorld(t, nil)
	before, after := w.issued(1), Credentials{Sessions: []rules.Digest{digest('s', 2)}, StandIn: digest('a', 1)}
	login := func(wanted rules.Role, loggedIn bool) {
		r := w.engine.Open(Visit{
			Principal: w.engine.Recognise(&before, w.now), Status: 200, Password: true, Wanted: wanted,
			Claim: []rules.Identifier{customer(5).Subject}, Issued: after.Sessions,
		}, w.now)
		if loggedIn {
			r.LoggedIn(w.now)
		}
	}
	login(rules.RoleGuest, false)
	if p := w.engine.Recognise(&after, w.now); !p.Account.IsZero() || !p.Issued {
		t.Errorf("after a failed login: %+v, want issued and unbound", p)
	}
	login(rules.RoleGuest, true)
	if p := w.engine.Recognise(&after, w.now); p.Role != rules.RoleShopper || p.Account != customer(5).Subject.Digest {
		t.Errorf("after a login: %+v", p)
	}
	if j := w.get(after, customers(5, 1), nil); j.Disclosures[0].Ownership != rules.Own {
		t.Errorf("own record: %v", j.Disclosures[0].Ownership)
	}
	if j := w.get(after, customers(6, 1), nil); j.Disclosures[0].Ownership != rules.Foreign {
		t.Errorf("another's record: %v", j.Disclosures[0].Ownership)
	}
	login(rules.RoleStaff, true)
	after.Wanted = rules.RoleStaff
	if p := w.engine.Recognise(&after, w.now); p.Role != rules.RoleStaff {
		t.Errorf("after a staff login: %+v", p)
	}
}

// TestOwnIsNotLaundered: my phone number beside a foreign e-mail is not mine.
func TestOwnIsNotLaundered(t *testing.T) {
	phone := rules.Identifier{Kind: rules.IdentifierPhone, Digest: digest('p', 1)}
	mine, foreign := customer(1).Subject, customer(2).Subject
	b := rules.Binding{Own: []rules.Identifier{mine, phone}}
	for _, c := range []struct {
		ids  []rules.Identifier
		want bool
	}{
		{[]rules.Identifier{mine}, true},
		{[]rules.Identifier{phone}, true},
		{[]rules.Identifier{foreign, phone}, false},
		{[]rules.Identifier{{Kind: rules.IdentifierCustomerID, Digest: digest('n', 9)}, phone}, false}, // a guest supplied no such number
		{[]rules.Identifier{{Kind: rules.IdentifierOrder, Digest: digest('o', 9)}}, false},
		{nil, false},
	} {
		if got := owns(&b, &rules.Record{Identifiers: c.ids}); got != c.want {
			t.Errorf("owns(%v) = %v, want %v", c.ids, got, c.want)
		}
	}
}

func TestContainment(t *testing.T) {
	w := newWorld(t, nil)
	c := w.shopper(1, 9000)
	for i := range 5 + containAfter {
		w.get(c, customers(i, 1), nil)
	}
	p := w.engine.Recognise(&c, w.now)
	if v := w.engine.Admit(&p, w.now); v.Action != rules.Refuse || v.Status != 403 || v.RetryAfter != containFor {
		t.Errorf("after %d refusals: %+v", containAfter, v)
	}
	if v := w.engine.Admit(&p, w.now.Add(containFor)); v.Action != rules.Pass {
		t.Errorf("after containment ends: %+v", v)
	}
	nobody := rules.Principal{Session: digest('a', 1)}
	for range 2 * containAfter {
		w.engine.contained.count(&nobody, w.now)
	}
	if v := w.engine.Admit(&nobody, w.now); v.Action != rules.Pass {
		t.Error("an address was contained: it may be a whole office")
	}
}

// TestRestore: caps are what they were after a restart.
func TestRestore(t *testing.T) {
	w := newWorld(t, nil)
	c := w.shopper(1, 9000)
	var rows []rules.Disclosure
	for i := range 4 {
		rows = append(rows, w.get(c, customers(i, 1), nil).Disclosures...)
		w.now = w.now.Add(time.Minute)
	}
	again := newWorld(t, nil)
	again.now = w.now
	c = again.shopper(1, 9000)
	for i := range rows {
		again.engine.Restore(&rows[i], again.now)
	}
	if v := again.get(c, customers(10, 1), nil).Verdict; v.Action != rules.Pass {
		t.Errorf("the fifth: %+v", v)
	}
	if v := again.get(c, customers(11, 1), nil).Verdict; v.Action != rules.Refuse || v.RetryAfter != 56*time.Minute {
		t.Errorf("the sixth: %+v, want 429 until the first leaves its hour", v)
	}
}

func TestIncidentLife(t *testing.T) {
	in := NewIncidents()
	s := rules.Signal{Detector: rules.DetectorCap, Severity: rules.SeverityHigh, Time: epoch, Principal: rules.Principal{Session: digest('s', 1)}, Observed: 6, Threshold: 5}
	inc, opened, notable := in.Join(&s)
	if !opened || !notable || inc.State != rules.IncidentOpen {
		t.Fatalf("first signal: %+v %v %v", inc, opened, notable)
	}
	if again, opened, _ := in.Join(&s); opened || again.ID != inc.ID || again.Signals != 2 {
		t.Errorf("second signal: %+v %v", again, opened)
	}
	if acked, ok := in.Set(inc.ID, rules.IncidentAcknowledged, epoch); !ok || acked.State != rules.IncidentAcknowledged || len(in.Open()) != 1 {
		t.Errorf("acknowledged: %+v %v", acked, ok)
	}
	if _, ok := in.Set("inc-unknown", rules.IncidentClosed, epoch); ok {
		t.Error("an unknown id was closed")
	}
	if _, ok := in.Set(inc.ID, rules.IncidentClosed, epoch); !ok || len(in.Open()) != 0 {
		t.Error("not closed")
	}
	if next, opened, _ := in.Join(&s); !opened || next.ID == inc.ID {
		t.Error("a signal after closing did not open a new incident")
	}
	for i := range maxOpen + 10 {
		s.Principal.Session = digest('t', i)
		in.Join(&s)
	}
	if n := len(in.Open()); n > maxOpen+1 {
		t.Errorf("%d incidents open, bound is %d", n, maxOpen+1)
	}
}

// TestRefreshedTokensShareACap: a login that refreshes its token for every few
// records gets one account's caps, not one session's for each token.
func TestRefreshedTokensShareACap(t *testing.T) {
	released := func(account rules.Digest) (passed int) {
		w := newWorld(t, nil)
		for i := range 20 {
			c := w.issued(byte(i))
			c.Accounts = []rules.Digest{account}
			if w.get(c, customers(i, 1), nil).Verdict.Action == rules.Pass {
				passed++
			}
		}
		return passed
	}
	if got := released(digest('j', 1)); got != 3 {
		t.Errorf("%d released to twenty tokens of one account, want the guest's 3", got)
	}
	if got := released(rules.Digest{}); got != 20 {
		t.Errorf("%d released to twenty sessions of twenty guests, want 20", got)
	}
}

// TestLandingMakesStaff: a staff login that is answered by sending the client
// on counts when the page that it leads to shows no login form.
func TestLandingMakesStaff(t *testing.T) {
	page, other := digest('l', 1), digest('l', 2)
	c := Credentials{Sessions: []rules.Digest{digest('s', 1)}, StandIn: digest('a', 1), Wanted: rules.RoleStaff}
	for name, follow := range map[string]func(w *world, open func(rules.Digest, rules.Role) *Response){
		"landed": func(w *world, open func(rules.Digest, rules.Role) *Response) {
			if r := open(page, rules.RoleStaff); r.Landing(w.now) {
				r.Landed(w.now)
			}
		},
		"landed, moved on once": func(w *world, open func(rules.Digest, rules.Role) *Response) {
			if r := open(page, rules.RoleStaff); r.Landing(w.now) {
				r.Moved(other)
			}
			if r := open(other, rules.RoleStaff); r.Landing(w.now) {
				r.Landed(w.now)
			}
		},
		"a login form": func(w *world, open func(rules.Digest, rules.Role) *Response) {
			open(page, rules.RoleStaff).Landing(w.now)
			if r := open(page, rules.RoleStaff); r.Landing(w.now) {
				r.Landed(w.now) // asked for again
			}
		},
		"another page": func(w *world, open func(rules.Digest, rules.Role) *Response) {
			if r := open(other, rules.RoleStaff); r.Landing(w.now) {
				r.Landed(w.now)
			}
		},
		"a page outside of the staff's": func(w *world, open func(rules.Digest, rules.Role) *Response) {
			if r := open(page, rules.RoleGuest); r.Landing(w.now) {
				r.Landed(w.now)
			}
		},
		"too late": func(w *world, open func(rules.Digest, rules.Role) *Response) {
			w.now = w.now.Add(landWithin)
			if r := open(page, rules.RoleStaff); r.Landing(w.now) {
				r.Landed(w.now)
			}
		},
	} {
		w := newWorld(t, nil)
		open := func(page rules.Digest, wanted rules.Role) *Response {
			return w.engine.Open(Visit{Principal: w.engine.Recognise(&c, w.now), Status: 200, Wanted: wanted, Presented: c.Sessions, Page: page}, w.now)
		}
		login := w.engine.Open(Visit{
			Principal: w.engine.Recognise(&c, w.now), Status: 302, Password: true, Wanted: rules.RoleStaff,
			Account: digest('k', 1), Presented: c.Sessions,
		}, w.now)
		login.Await(page, w.now)
		follow(w, open)
		p := w.engine.Recognise(&c, w.now)
		if want := strings.HasPrefix(name, "landed"); (p.Role == rules.RoleStaff) != want || want && p.Account != digest('k', 1) {
			t.Errorf("%s: %+v", name, p)
		}
	}
}

// TestGuestOwnsWhatItSupplied: naming an e-mail at a checkout shows nothing
// that the session did not supply itself.
func TestGuestOwnsWhatItSupplied(t *testing.T) {
	phone := rules.Identifier{Kind: rules.IdentifierPhone, Digest: digest('p', 1)}
	order := customer(1)
	order.Identifiers = append(order.Identifiers, phone)
	for supplied, want := range map[bool]rules.Ownership{true: rules.Own, false: rules.Foreign} {
		w := newWorld(t, nil)
		j := w.get(w.issued(1), []rules.Record{order}, func(v *Visit) {
			v.Claim = []rules.Identifier{order.Subject}
			if supplied {
				v.Supplied = []rules.Identifier{phone}
			}
		})
		if got := j.Disclosures[0].Ownership; got != want {
			t.Errorf("phone supplied %v: %s, want %s", supplied, got, want)
		}
	}
}

// TestAddressBook: the addresses of one's own account page are one's own, and
// do not count towards a response's limit.
func TestAddressBook(t *testing.T) {
	address := func(n int) rules.Record {
		id := rules.Identifier{Kind: rules.IdentifierResidence, Digest: digest('r', n)}
		return rules.Record{Subject: id, Identifiers: []rules.Identifier{id}, Fields: rules.FieldAddress}
	}
	var book []rules.Record
	for n := range 9 {
		book = append(book, address(n))
	}
	w := newWorld(t, nil)
	c := w.shopper(1, 5)
	if j := w.get(c, book, func(v *Visit) { v.Me = true }); j.Verdict.Action != rules.Pass || j.Disclosures[8].Ownership != rules.Own {
		t.Errorf("own address book: %+v", j.Verdict)
	}
	w = newWorld(t, nil)
	if j := w.get(w.shopper(1, 5), book, nil); j.Verdict.Reason != rules.ReasonBulk {
		t.Errorf("the twin, nine addresses of anybody: %+v", j.Verdict)
	}
}

// An app that logs in without a cookie is shown its own record: phone and
// street, which it did not name, are no finding. A failed login, and somebody
// else in the answer, are.
func TestProvenLoginIsItsOwn(t *testing.T) {
	full := func(n int) []rules.Record {
		r := customer(n)
		r.Identifiers = append(r.Identifiers, rules.Identifier{Kind: rules.IdentifierPhone, Digest: digest('p', n)}, rules.Identifier{Kind: rules.IdentifierResidence, Digest: digest('r', n)})
		return []rules.Record{r}
	}
	for _, test := range []struct {
		name    string
		success bool
		shown   int
		want    rules.Ownership
		signals int
	}{
		{"its own", true, 1, rules.Own, 0},
		{"somebody else's", true, 2, rules.Foreign, 1},
		{"the login failed", false, 1, rules.Unlinked, 1},
	} {
		w := newWorld(t, nil)
		c := Credentials{StandIn: digest('a', 1), IP: digest('i', 1)}
		r := w.engine.Open(Visit{
			Principal: w.engine.Recognise(&c, w.now), Route: "/api/login", Status: 200, Password: true, Claim: customer(1).Identifiers[:1],
		}, w.now)
		if test.success {
			r.LoggedIn(w.now)
		}
		j := r.Judge(full(test.shown), 1, []rules.Digest{digest('t', 1)}, w.now)
		if got := j.Disclosures[0].Ownership; got != test.want || len(j.Signals) != test.signals {
			t.Errorf("%s: ownership %s with %d signals, want %s with %d", test.name, got, len(j.Signals), test.want, test.signals)
		}
	}
}
