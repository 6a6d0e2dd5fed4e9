package exfil

import (
	"testing"
	"time"

	"github.com/ordergate/ordergate/rules"
)

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

// TestRestoreNetworks: a network operator and a way to begin TLS that were over
// their limits still are after a restart, and shrink the caps of a session that is
// new; others do not. The rows of the ledger carry both.
func TestRestoreNetworks(t *testing.T) {
	few := func(config *Config) {
		guest := config.Roles[rules.RoleGuest]
		guest.ASN = Limits{{Window: rules.WindowHour, Max: 30}}
		config.Roles[rules.RoleGuest] = guest
	}
	for name, put := range map[string]func(*Credentials, rules.Digest){
		"JA4": func(c *Credentials, d rules.Digest) { c.TLS = d },
		"ASN": func(c *Credentials, d rules.Digest) { c.ASN = d },
	} {
		before := newWorld(t, few)
		var rows []rules.Disclosure
		for n := range 30 {
			c := before.elsewhere(n)
			put(&c, digest('t', 1))
			rows = append(rows, before.get(c, customers(n, 1), nil).Disclosures...)
		}
		after := newWorld(t, few)
		for i := range rows {
			after.engine.Restore(&rows[i], after.now)
		}
		for network, want := range map[int]rules.Action{1: rules.Refuse, 2: rules.Pass} {
			c := after.elsewhere(100 + network)
			put(&c, digest('t', network))
			after.get(c, customers(200+2*network, 1), nil)
			if v := after.get(c, customers(201+2*network, 1), nil).Verdict; v.Action != want {
				t.Errorf("%s %d: a second record after a restart: %+v, want %v", name, network, v, want)
			}
		}
	}
}
