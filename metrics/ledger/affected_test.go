package ledger_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/metrics/ledger/ledgertest"
	"github.com/ordergate/ordergate/rules"
)

// ids reads identifiers such as "e1 c2 p3 r4 o5 k6": email, customer number,
// phone, residence, order, card.
func ids(text string) (out []rules.Identifier) {
	kinds := map[byte]rules.IdentifierKind{
		'e': rules.IdentifierEmail, 'c': rules.IdentifierCustomerID, 'p': rules.IdentifierPhone,
		'r': rules.IdentifierResidence, 'o': rules.IdentifierOrder, 'k': rules.IdentifierCard,
	}
	for word := range strings.FieldsSeq(text) {
		var n int
		if _, err := fmt.Sscan(word[1:], &n); err != nil {
			panic(err)
		}
		out = append(out, rules.Identifier{Kind: kinds[word[0]], Digest: ledgertest.Digest(int(word[0])*1000 + n)})
	}
	return out
}

var names = func() map[rules.Identifier]string {
	m := make(map[rules.Identifier]string)
	for _, kind := range "ecprok" {
		for n := range 40 {
			word := fmt.Sprintf("%c%d", kind, n)
			m[ids(word)[0]] = word
		}
	}
	return m
}()

func words(list []rules.Identifier) string {
	var out []string
	for _, id := range list {
		out = append(out, names[id])
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// disclosed is a row of exchange n about a record; the first identifier is its
// subject.
func disclosed(n int, identifiers string) ledger.Row {
	list := ids(identifiers)
	return ledger.Row{Disclosure: rules.Disclosure{
		Time: time.Unix(int64(1_800_000_000+n), 0).UTC(), Exchange: ledgertest.Exchange(n),
		Principal: rules.Principal{Role: rules.RoleGuest, Session: ledgertest.Digest(n)},
		Record:    rules.Record{Subject: list[0], Identifiers: list, Fields: 1 << (n % 11)},
		State:     rules.Delivered, Ownership: rules.Foreign,
	}}
}

func TestWhoIsOneSubject(t *testing.T) {
	for name, test := range map[string]struct {
		records []string // the exchange's number, a colon, the identifiers
		want    []string // the subjects' identifiers, then ! if shared
	}{
		"nobody":                            {nil, nil},
		"the same email":                    {[]string{"1: e1", "2: e1 p1"}, []string{"e1 p1"}},
		"email, then number":                {[]string{"1: e1", "2: c1 p1", "3: e1 c1"}, []string{"c1 e1 p1"}},
		"two emails, one number":            {[]string{"1: e1 c1", "2: e2 c1"}, []string{"c1 e1", "c1 e2"}},
		"numbers that cross":                {[]string{"1: e1 c1", "2: e2 c2", "3: e2 c1"}, []string{"c1 e1", "c1 c2 e2"}},
		"a number of two stays apart":       {[]string{"1: e1 c1", "2: e2 c1", "3: c1 p1"}, []string{"c1 e1", "c1 e2", "c1 p1!"}},
		"all else in common":                {[]string{"1: e1 c1 p1 r1 k1", "2: e2 c1 p1 r1 k1"}, []string{"c1 e1 p1 r1", "c1 e2 p1 r1"}},
		"two emails in one record":          {[]string{"1: e1 e2", "2: e1", "3: e2 c1", "4: c1"}, []string{"c1 e1 e2"}},
		"a number joins its owner":          {[]string{"1: e1 c1", "2: c1", "3: c1 p1"}, []string{"c1 e1 p1"}},
		"numbers without email":             {[]string{"1: c1", "2: c1 c2", "3: c2"}, []string{"c1 c2"}},
		"a number, then the email":          {[]string{"1: c1", "1: c1 e1", "2: e2 c1"}, []string{"c1 e1", "c1 e2"}},
		"a part of one of two":              {[]string{"1: p1", "1: p1 e1", "1: p1 e2"}, []string{"e1 p1", "e2 p1", "p1!"}},
		"two of a household":                {[]string{"1: e1 p1 r1", "2: e2 p1 r1"}, []string{"e1 p1 r1", "e2 p1 r1"}},
		"a phone alone joins its owner":     {[]string{"1: e1 p1", "2: p1"}, []string{"e1 p1"}},
		"in any order":                      {[]string{"1: p1", "2: e1 p1"}, []string{"e1 p1"}},
		"a phone of two stays apart":        {[]string{"1: e1 p1", "2: e2 p1", "3: p1"}, []string{"e1 p1", "e2 p1", "p1!"}},
		"phone and residence of two":        {[]string{"1: e1 p1", "2: e2 r1", "3: p1 r1"}, []string{"e1 p1", "e2 r1", "p1 r1!"}},
		"nameless ones join each other":     {[]string{"1: p1", "2: p1 r1", "3: r1"}, []string{"p1 r1"}},
		"and then a subject":                {[]string{"1: p1", "2: p1 r1", "3: r1", "4: c1 p1"}, []string{"c1 p1 r1"}},
		"orders join nothing":               {[]string{"1: e1 o1", "2: e2 o1"}, []string{"e1", "e2"}},
		"except what only they name":        {[]string{"1: o1", "2: o1", "3: o2"}, []string{"o1", "o2"}},
		"cards neither":                     {[]string{"1: e1 k1", "2: e2 k1", "3: k1"}, []string{"e1", "e2", "k1"}},
		"parts of one record":               {[]string{"1: p1", "1: p1 e1", "2: e2 p1"}, []string{"e1 p1", "e2 p1"}},
		"a record first known by its order": {[]string{"1: o1", "1: o1 e1", "2: o1"}, []string{"e1 o1"}},
		"the same text, two kinds of name":  {[]string{"1: e1", "2: c1"}, []string{"e1", "c1"}},
	} {
		t.Run(name, func(t *testing.T) {
			for range 20 {
				var affected ledger.Affected
				for _, i := range rand.Perm(len(test.records)) {
					exchange, identifiers, _ := strings.Cut(test.records[i], ":")
					affected.Add(disclosed(int(exchange[0]-'0'), identifiers))
				}
				subjects, counts := affected.Subjects()
				var got []string
				for _, s := range subjects {
					word := words(s.Identifiers)
					if s.Shared {
						word += "!"
					}
					got = append(got, word)
				}
				want := slices.Clone(test.want)
				slices.Sort(want)
				slices.Sort(got)
				if !slices.Equal(got, want) {
					t.Fatalf("records %v are subjects %q, want %q", test.records, got, want)
				}
				if counts.Delivered != len(want) {
					t.Errorf("%d subjects counted, want %d", counts.Delivered, len(want))
				}
			}
		})
	}
}

func TestWhatWasDisclosed(t *testing.T) {
	var affected ledger.Affected
	add := func(n int, identifiers string, change func(*ledger.Row)) {
		row := disclosed(n, identifiers)
		if change != nil {
			change(&row)
		}
		affected.Add(row)
	}
	state := func(s rules.State) func(*ledger.Row) { return func(r *ledger.Row) { r.State = s } }
	add(3, "e1 p1", nil)
	add(3, "e1 c1", nil) // another part of the same record
	add(2, "c1", state(rules.Unknown))
	add(5, "e1", state(rules.Withheld))
	add(9, "e1", func(r *ledger.Row) { r.Ownership = rules.Own })
	add(6, "e2", state(rules.Withheld))
	add(7, "e3", func(r *ledger.Row) { r.Ownership, r.State = rules.Unlinked, rules.Unknown })
	add(8, "e4", func(r *ledger.Row) { r.Ownership = rules.Own })
	add(4, "e1", func(r *ledger.Row) { r.State, r.Record = rules.Attempted, rules.Record{} })
	subjects, counts := affected.Subjects()
	if want := (ledger.Counts{Delivered: 1, Unknown: 1, Withheld: 1, Attempted: 1}); counts != want {
		t.Errorf("counts %+v, want %+v", counts, want)
	}
	if len(subjects) != 2 {
		t.Fatalf("%d subjects, want 2: %+v", len(subjects), subjects)
	}
	s := subjects[0]
	if s.Subject != ids("e1")[0] || s.Delivered != 1 || s.Unknown != 1 || s.Withheld != 1 || s.Times() != 2 {
		t.Errorf("subject %s: delivered %d, unknown %d, withheld %d, times %d", names[s.Subject], s.Delivered, s.Unknown, s.Withheld, s.Times())
	}
	if s.First.Unix() != 1_800_000_002 || s.Last.Unix() != 1_800_000_003 || s.Fields != 1<<2|1<<3 {
		t.Errorf("first %s, last %s, fields %s", s.First, s.Last, s.Fields)
	}
	want := []ledger.Recipient{{Session: ledgertest.Digest(3)}, {Session: ledgertest.Digest(2)}}
	if !slices.Equal(s.To, want) || s.ToCut {
		t.Errorf("to %v, want %v", s.To, want)
	}
	if subjects[1].Subject != ids("e3")[0] {
		t.Errorf("second subject is %s, want e3", names[subjects[1].Subject])
	}

	all := ledger.Affected{All: true}
	for n := range ledger.MaxRecipients + 5 {
		row := disclosed(n, "e1")
		row.Ownership = rules.Own
		all.Add(row)
	}
	subjects, _ = all.Subjects()
	if len(subjects) != 1 || subjects[0].Times() != 37 || len(subjects[0].To) != ledger.MaxRecipients || !subjects[0].ToCut {
		t.Errorf("own data of many sessions: %+v", subjects)
	}
}

func TestWhichCustomers(t *testing.T) {
	for name, test := range map[string]struct {
		records   []string
		customers []string
		want      []string // "yes" or "no" by customer
		unmatched int
	}{
		"by email":                       {[]string{"1: e1 p1"}, []string{"e1 c1 p1", "e2 c2"}, []string{"yes", "no"}, 0},
		"by number":                      {[]string{"1: c1"}, []string{"e1 c1", "e2 c2"}, []string{"yes", "no"}, 0},
		"the other of the household":     {[]string{"1: e1 p1 r1"}, []string{"e1 p1 r1", "e2 p1 r1"}, []string{"yes", "no"}, 0},
		"with numbers":                   {[]string{"1: c1 p1"}, []string{"c1 p1", "c2 p1"}, []string{"yes", "no"}, 0},
		"a list without email":           {[]string{"1: e1 p1", "2: e2 p2"}, []string{"c1 p1", "c3 p3"}, []string{"yes", "no"}, 1},
		"a record with a phone only":     {[]string{"1: p1"}, []string{"e1 p1", "e2 p1", "e3 p3"}, []string{"yes", "yes", "no"}, 0},
		"a record with a residence":      {[]string{"1: r1"}, []string{"e1 r1"}, []string{"yes"}, 0},
		"another email, the same number": {[]string{"1: e1 c1"}, []string{"e2 c1"}, []string{"no"}, 1},
		"numbers of another system":      {[]string{"1: e1 c77"}, []string{"e1 c1", "e2 c77"}, []string{"yes", "no"}, 0},
		"two people, one number":         {[]string{"1: e1 c1", "2: e2 c1"}, []string{"e1 c1", "e2 c2", "e3 c1"}, []string{"yes", "yes", "no"}, 0},
		"numbers only, of two people":    {[]string{"1: e1 c1", "2: e2 c1"}, []string{"c1", "c2"}, []string{"yes", "no"}, 0},
		"a number that two share":        {[]string{"1: e1 c1", "2: e2 c1", "3: c1"}, []string{"e1", "e2", "e3 c1", "e4 c4"}, []string{"yes", "yes", "yes", "no"}, 0},
		"one of two emails":              {[]string{"1: e1 c1"}, []string{"e2 e1 c1"}, []string{"yes"}, 0},
		"a number against the phone":     {[]string{"1: e1 c1 p1"}, []string{"e2 c1 p1"}, []string{"no"}, 1},
		"nobody on the list":             {[]string{"1: e1", "2: e2"}, []string{"e3"}, []string{"no"}, 2},
		"a customer who is two records":  {[]string{"1: e1", "2: c1"}, []string{"e1 c1"}, []string{"yes"}, 0},
		"an order number":                {[]string{"1: o1"}, []string{"o1 e1"}, []string{"yes"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var affected ledger.Affected
			for _, record := range test.records {
				exchange, identifiers, _ := strings.Cut(record, ":")
				affected.Add(disclosed(int(exchange[0]-'0'), strings.ReplaceAll(identifiers, "77", "33")))
			}
			subjects, _ := affected.Subjects()
			matcher := ledger.NewMatcher(subjects)
			for i, customer := range test.customers {
				_, ok := matcher.Match(ids(strings.ReplaceAll(customer, "77", "33")))
				if ok != (test.want[i] == "yes") {
					t.Errorf("customer %q of records %v: affected %v, want %s", customer, test.records, ok, test.want[i])
				}
			}
			if n := matcher.Unmatched(); n != test.unmatched {
				t.Errorf("%d subjects unmatched, want %d", n, test.unmatched)
			}
		})
	}
}

func TestMatchAddsUp(t *testing.T) {
	var affected ledger.Affected
	affected.Add(disclosed(5, "e1"))
	affected.Add(disclosed(3, "c1"))
	row := disclosed(4, "c1")
	row.State = rules.Unknown
	affected.Add(row)
	subjects, _ := affected.Subjects()
	s, ok := ledger.NewMatcher(subjects).Match(ids("e1 c1"))
	if !ok || s.Fields != 1<<3|1<<4|1<<5 || s.First.Unix() != 1_800_000_003 || s.Last.Unix() != 1_800_000_005 ||
		s.Delivered != 2 || s.Unknown != 1 || len(s.To) != 3 || words(s.Identifiers) != "c1 e1" {
		t.Errorf("the customer's two records add up to %+v", s)
	}
	if len(subjects[0].To) != 2 || len(subjects[1].To) != 1 {
		t.Errorf("matching changed the subjects: %+v", subjects)
	}
}

// TestTwoPeopleOneNumber is a shop whose logins and customers are numbered
// apart: nobody is told of what was another's, and nobody is left out.
func TestTwoPeopleOneNumber(t *testing.T) {
	var affected ledger.Affected
	affected.Add(disclosed(1, "e1 c3"))
	affected.Add(disclosed(2, "e2 c3"))
	subjects, counts := affected.Subjects()
	if len(subjects) != 2 || counts.Delivered != 2 {
		t.Fatalf("two people are %d subjects, %d counted", len(subjects), counts.Delivered)
	}
	matcher := ledger.NewMatcher(subjects)
	for customer, exchange := range map[string]int{"e1 c7": 1, "e2 c8": 2, "e4 c3": 0} {
		s, ok := matcher.Match(ids(customer))
		switch {
		case ok != (exchange > 0):
			t.Errorf("customer %q: affected %v", customer, ok)
		case ok && (s.Fields != 1<<exchange || s.Times() != 1 || s.Shared):
			t.Errorf("customer %q is told of %+v", customer, s)
		}
	}
	if s, ok := matcher.Match(ids("c3")); !ok || !s.Shared {
		t.Errorf("a list without emails cannot tell whose number it is, but %v, shared %v", ok, s.Shared)
	}
}

func TestIncidentQuery(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	incident := rules.Incident{Route: "/orders/{id}", Session: ledgertest.Digest(1), Opened: at, Updated: at.Add(time.Hour)}
	q := ledger.IncidentQuery(incident)
	if q.Session != incident.Session || q.Route != "" || !q.Since.Equal(at.Add(-24*time.Hour)) || !q.Until.IsZero() ||
		!slices.Equal(q.Ownership, []rules.Ownership{rules.Foreign, rules.Unlinked}) {
		t.Errorf("an open one: %+v", q)
	}
	incident.State = rules.IncidentClosed
	if q = ledger.IncidentQuery(incident); !q.Until.Equal(at.Add(time.Hour + 1)) {
		t.Errorf("a closed one: %+v", q)
	}
	row := func(role rules.Role, credential bool) *ledger.Row {
		return &ledger.Row{Disclosure: rules.Disclosure{Principal: rules.Principal{Role: role, Credential: credential}}}
	}
	if !ledger.Concerns(&incident, row(rules.RoleStaff, true)) {
		t.Error("a row of the incident's session is not its evidence")
	}
	incident.Session = rules.Digest{}
	if ledger.Concerns(&incident, row(rules.RoleStaff, true)) || !ledger.Concerns(&incident, row(rules.RoleGuest, true)) {
		t.Error("a site-wide incident is about guests and shoppers")
	}
	incident.Detector = rules.DetectorUnauthenticated
	if q = ledger.IncidentQuery(incident); q.Route != "/orders/{id}" {
		t.Errorf("without a credential: %+v", q)
	}
	if ledger.Concerns(&incident, row(rules.RoleGuest, true)) || !ledger.Concerns(&incident, row(rules.RoleGuest, false)) {
		t.Error("records that went to no credential are told by that")
	}
}

func BenchmarkAffected(b *testing.B) {
	rows := make([]ledger.Row, 50_000)
	for i, d := range ledgertest.Rows(0, len(rows)) {
		rows[i].Disclosure = d
	}
	b.ReportAllocs()
	for b.Loop() {
		affected := ledger.Affected{All: true}
		for _, row := range rows {
			affected.Add(row)
		}
		if subjects, _ := affected.Subjects(); len(subjects) != len(rows) {
			b.Fatal(len(subjects))
		}
	}
	b.ReportMetric(float64(len(rows))*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
