package exfil

import (
	"testing"
	"time"

	"github.com/ordergate/ordergate/rules"
)

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

// TestClaimsOfManySessions: checkouts of many sessions make few customers of one
// address their own, so many guests elsewhere, and logins, as many as there are.
func TestClaimsOfManySessions(t *testing.T) {
	for name, c := range map[string]struct {
		login, apart bool
		want         int
	}{
		"checkouts at one address":            {want: 30},
		"checkouts at addresses of their own": {apart: true, want: 50},
		"own pages at one address":            {login: true, want: 50},
	} {
		w := newWorld(t, nil)
		own := 0
		for i := range 50 {
			from := w.elsewhere(i)
			if !c.apart {
				from.IP = digest('i', 1)
			}
			for range 2 { // a page that is loaded again takes nothing
				j := w.get(from, customers(i, 1), func(v *Visit) {
					v.Claim, v.Me = []rules.Identifier{customer(i).Subject}, c.login
				})
				if j.Disclosures[0].Ownership == rules.Own {
					own++
				}
			}
		}
		if own != 2*c.want {
			t.Errorf("%s: %d of 100 records own, want %d", name, own, 2*c.want)
		}
	}
}

// TestPhonesOfManySessions: who writes a phone number to see whose it is, with a fresh
// session for each, is told as many names as an address may be; guests elsewhere, and
// people who write theirs twice, see their own.
func TestPhonesOfManySessions(t *testing.T) {
	for name, c := range map[string]struct {
		apart bool
		again int
		want  int
	}{
		"at one address":            {false, 1, 30 * adoptedEach},
		"at one address, twice":     {false, 2, 30 * adoptedEach},
		"at addresses of their own": {true, 2, 200},
	} {
		w := newWorld(t, func(c *Config) { c.Site = nil })
		own := 0
		for i := range 200 {
			phone := rules.Identifier{Kind: rules.IdentifierPhone, Digest: digest('p', i)}
			order := rules.Record{Subject: phone, Identifiers: []rules.Identifier{phone}, Fields: rules.FieldName | rules.FieldPhone | rules.FieldPurchase}
			from := w.elsewhere(i)
			if !c.apart {
				from.IP = digest('i', 1)
			}
			for range c.again {
				w.get(from, nil, func(v *Visit) { v.Supplied = []rules.Identifier{phone} })
			}
			if j := w.get(from, []rules.Record{order}, nil); j.Disclosures[0].Ownership == rules.Own {
				own++
			}
		}
		if own != c.want {
			t.Errorf("%s: %d of 200 own, want %d", name, own, c.want)
		}
	}
}

// TestStores: customers' own pages under a store's unknown name are theirs; pages
// under names that are customers' themselves are not, but for so many as a company has
// stores, whatever else was asked for.
func TestStores(t *testing.T) {
	for name, c := range map[string]struct {
		under func(i int) int
		want  int
	}{
		"one store": {func(int) int { return 1 }, 100},
		"names":     {func(i int) int { return i }, maxStores},
	} {
		w := newWorld(t, func(c *Config) { c.Site = nil })
		page := func(i int, records []rules.Record, under rules.Digest) Judgement {
			return w.get(w.elsewhere(i), records, func(v *Visit) { v.Me, v.Under = true, under })
		}
		own := 0
		for i := range 100 {
			page(1000+i, nil, digest('j', i)) // there is nothing
			j := page(i, customers(i, 1), digest('u', c.under(i)))
			if j.Disclosures[0].Ownership == rules.Own {
				own++
			}
		}
		if own != c.want {
			t.Errorf("%s: %d of 100 own, want %d", name, own, c.want)
		}
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

// TestPaidElsewhere: a checkout whose answer shows nobody, since the payment is made
// elsewhere, makes the order that the guest comes back to its own; and nothing that
// it did not supply, nor anything of a session that was never issued.
func TestPaidElsewhere(t *testing.T) {
	phone := rules.Identifier{Kind: rules.IdentifierPhone, Digest: digest('p', 1)}
	street := rules.Identifier{Kind: rules.IdentifierResidence, Digest: digest('r', 1)}
	with := func(n int, more ...rules.Identifier) rules.Record {
		order := customer(n)
		order.Identifiers = append(order.Identifiers, more...)
		return order
	}
	sent := with(1)
	sent.Fields = rules.FieldEmail | rules.FieldPurchase
	for _, c := range []struct {
		name   string
		change func(*Visit) // of the checkout; by default it names and supplies everything
		later  time.Duration
		shown  rules.Record
		want   rules.Ownership
	}{
		{"its order", nil, time.Minute, with(1, phone, street), rules.Own},
		{"its order without the phone", nil, time.Minute, with(1, street), rules.Own},
		{"where its confirmation was sent", nil, time.Minute, sent, rules.Own},
		{"that, where nothing but an e-mail address was written", func(v *Visit) { v.Supplied = nil }, time.Minute, sent, rules.Own},
		{"that, where another was named", func(v *Visit) { v.Claim = []rules.Identifier{customer(2).Subject} }, time.Minute, sent, rules.Foreign},
		{"paid too late", nil, claimFor, with(1, phone, street), rules.Foreign},
		{"a street that it did not write", func(v *Visit) { v.Supplied = []rules.Identifier{phone} }, time.Minute, with(1, phone, street), rules.Foreign},
		{"an e-mail address alone", func(v *Visit) { v.Supplied = nil }, time.Minute, with(1), rules.Unlinked},
		{"what is known beside an e-mail address", nil, time.Minute, with(1), rules.Foreign},
		{"somebody else with its phone", nil, time.Minute, with(2, phone), rules.Foreign},
		{"the checkout failed", func(v *Visit) { v.Status = 422 }, time.Minute, with(1, phone, street), rules.Unlinked},
		{"a login", func(v *Visit) { v.Password = true }, time.Minute, with(1, phone, street), rules.Foreign},
		{"nobody was named", func(v *Visit) { v.Claim = nil }, time.Minute, with(1, phone, street), rules.Foreign},
	} {
		w := newWorld(t, nil)
		session := w.issued(1)
		w.get(session, nil, func(v *Visit) {
			v.Route, v.Claim, v.Supplied = "/checkout", []rules.Identifier{customer(1).Subject}, []rules.Identifier{phone, street}
			if c.change != nil {
				c.change(v)
			}
		})
		w.now = w.now.Add(c.later)
		if got := w.get(session, []rules.Record{c.shown}, nil).Disclosures[0].Ownership; got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
		if got := w.get(w.issued(2), []rules.Record{c.shown}, nil).Disclosures[0].Ownership; got != rules.Unlinked {
			t.Errorf("%s, to another session: %s, want unlinked", c.name, got)
		}
	}
	w := newWorld(t, nil)
	session := w.issued(1)
	w.get(session, nil, func(v *Visit) { v.Claim = []rules.Identifier{customer(1).Subject} })
	for i, want := range []rules.Ownership{rules.Own, rules.Unlinked, rules.Own} {
		if got := w.get(session, []rules.Record{[]rules.Record{sent, customer(1), sent}[i]}, nil).Disclosures[0].Ownership; got != want {
			t.Errorf("page %d: %s, want %s: a name is not shown for an e-mail address", i, got, want)
		}
	}
	session = w.issued(3)
	own := 0
	for n := range 8 {
		w.get(session, nil, func(v *Visit) {
			v.Claim, v.Supplied = []rules.Identifier{customer(n).Subject}, []rules.Identifier{phone}
		})
		if w.get(session, []rules.Record{with(n, phone)}, nil).Disclosures[0].Ownership == rules.Own {
			own++
		}
	}
	if own != 3 {
		t.Errorf("%d customers claimed by one session, want 3", own)
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
