package exfil

import (
	"bytes"
	"testing"
	"time"

	"github.com/ordergate/ordergate/rules"
)

// TestUnrecorded: what has no rows in the ledger is bounded over a restart as if there
// had been none, and more than that where the history is lost; and whoever has room
// left, has it behind the restart, too.
func TestUnrecorded(t *testing.T) {
	own := func(j Judgement) int {
		if len(j.Disclosures) > 0 && j.Disclosures[0].Ownership == rules.Own {
			return 1
		}
		return 0
	}
	claim := func(w *world, c Credentials, n int) int {
		return own(w.get(c, customers(n, 1), func(v *Visit) { v.Claim = []rules.Identifier{customer(n).Subject} }))
	}
	phone := func(w *world, c Credentials, n int) int {
		id := rules.Identifier{Kind: rules.IdentifierPhone, Digest: digest('p', n)}
		w.get(c, nil, func(v *Visit) { v.Supplied = []rules.Identifier{id} })
		return own(w.get(c, []rules.Record{{Subject: id, Identifiers: []rules.Identifier{id}, Fields: rules.FieldName | rules.FieldPhone}}, nil))
	}
	at := func(c Credentials) Credentials { c.IP = digest('i', 1); return c }
	for name, c := range map[string]struct {
		do            func(w *world, n int) int
		want, forgets int // of 400, half of them behind the restart
	}{
		"claims of a session":  {func(w *world, n int) int { return claim(w, w.issued(1), n) }, 3, 6},
		"claims at an address": {func(w *world, n int) int { return claim(w, at(w.elsewhere(n)), n) }, 30, 60},
		"claims elsewhere":     {func(w *world, n int) int { return claim(w, w.elsewhere(n), n) }, 400, 400},
		"phones of a session":  {func(w *world, n int) int { return phone(w, w.issued(1), n) }, 40, rules.MaxOwn},
		"phones at an address": {func(w *world, n int) int { return phone(w, at(w.elsewhere(n)), n) }, 30 * adoptedEach, 60 * adoptedEach},
		"pages under customers' names": {func(w *world, n int) int {
			return own(w.get(w.elsewhere(n), customers(n, 1), func(v *Visit) { v.Me, v.Under = true, digest('u', n) }))
		}, maxStores, 2 * maxStores},
		"pages under a store's own name": {func(w *world, n int) int {
			return own(w.get(w.elsewhere(n), customers(n, 1), func(v *Visit) { v.Me, v.Under = true, digest('u', 1) }))
		}, 400, 400},
		"a day later, claims are had anew": {func(w *world, n int) int {
			if n == 200 {
				w.now = w.now.Add(25 * time.Hour)
			}
			return claim(w, at(w.elsewhere(n)), n)
		}, 60, 60},
	} {
		t.Run(name, func(t *testing.T) {
			for _, lost := range []bool{false, true} {
				w := newWorld(t, func(c *Config) { c.Site, c.Principals = nil, 1000 })
				n := 0
				for i := range 400 {
					if i == 200 {
						w.restart(lost)
					}
					n += c.do(w, i)
				}
				want := c.want
				if lost {
					want = c.forgets
				}
				if n != want {
					t.Errorf("history lost %v: %d own, want %d", lost, n, want)
				}
			}
		})
	}
}

// TestUnissuedBehindRestart: stolen tokens that come one by one are counted over a
// restart.
func TestUnissuedBehindRestart(t *testing.T) {
	for _, lost := range []bool{false, true} {
		w := newWorld(t, nil)
		token := func(n int) {
			c := Credentials{Sessions: []rules.Digest{digest('f', n)}, StandIn: digest('a', n), IP: digest('i', n), Prefix: digest('n', 1)}
			w.get(c, customers(n, 1), func(v *Visit) { v.Presented = c.Sessions })
		}
		token(1)
		token(2)
		w.restart(lost)
		token(3)
		if found := w.signalled(rules.DetectorIssuance) > 0; found == lost {
			t.Errorf("history lost %v: the third token is found %v", lost, found)
		}
	}
}

// TestUnrecordedSettled: what is reserved and not settled is not written down, what
// stands is, of keys with few and with many subjects.
func TestUnrecordedSettled(t *testing.T) {
	for _, many := range []int{1, 5, 20} {
		old, now := NewCaps(100), epoch
		key := capKey{keyAdopted, principal(1)}
		all := []demand{{key: key, limits: adopted}}
		var subjects []rules.Digest
		for n := range many {
			subjects = append(subjects, digest('p', n))
		}
		stands, _ := old.reserve(all, subjects, now, 1, false)
		old.commit(stands)
		if _, trip := old.reserve(all, []rules.Digest{digest('q', 1)}, now, 1, false); trip.Tripped() {
			t.Fatal("no room")
		}
		var saved bytes.Buffer
		e := New(Config{})
		e.caps = old
		if err := e.SaveHistory(&saved); err != nil {
			t.Fatal(err)
		}
		e = New(Config{})
		if err := e.LoadHistory(&saved, now); err != nil {
			t.Fatal(err)
		}
		if n := e.caps.distinct(key, rules.WindowDay, now.Add(time.Second)); n != many {
			t.Errorf("%d stand behind a restart, want %d", n, many)
		}
		if n := e.caps.distinct(key, rules.WindowDay, now.Add(24*time.Hour)); n != 0 {
			t.Errorf("a day later %d count, want none", n)
		}
	}
}
