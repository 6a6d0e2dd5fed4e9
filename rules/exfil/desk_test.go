package exfil

import (
	"testing"

	"github.com/ordergate/ordergate/rules"
)

// TestDesk: a desk of staff that is declared with caps of its own has them, for a
// session that was issued to staff; the same session from elsewhere has its role's,
// and whoever only comes from the desk's addresses has none of it.
func TestDesk(t *testing.T) {
	w := newWorld(t, func(c *Config) {
		c.Machines = append(c.Machines, RoleCaps{Session: Limits{{rules.WindowHour, 200}}, Response: 10})
	})
	session := digest('s', 1)
	w.engine.bindings.Issue(session, rules.RoleStaff, w.now)
	taken := 0
	read := func(c Credentials, n int) (released int) {
		for range n {
			taken++
			r := w.engine.Open(Visit{Principal: w.engine.Recognise(&c, w.now), Route: "/staff/customers/{id}", Wanted: c.Wanted, Status: 200}, w.now)
			if j := r.Judge([]rules.Record{customer(1000 + taken)}, 1, nil, w.now); j.Verdict.Action == rules.Pass {
				r.Commit()
				released++
			}
		}
		return released
	}
	desk := Credentials{Sessions: []rules.Digest{session}, StandIn: digest('a', 1), Wanted: rules.RoleStaff, Machine: 2}
	elsewhere := Credentials{Sessions: []rules.Digest{session}, StandIn: digest('a', 2), Wanted: rules.RoleStaff}
	made := Credentials{Sessions: []rules.Digest{digest('x', 1)}, StandIn: digest('a', 3), Wanted: rules.RoleStaff, Machine: 2}
	if p := w.engine.Recognise(&made, w.now); p.Role != rules.RoleGuest || p.Machine != 0 {
		t.Errorf("a made-up session at the desk: %+v", p)
	}
	if got := read(elsewhere, 150); got != 120 {
		t.Errorf("from elsewhere the session reads %d, want the 120 of its role", got)
	}
	if got := read(desk, 100); got != 80 {
		t.Errorf("at the desk it reads %d more, want 80: 200 in all", got)
	}
	if got := read(elsewhere, 5); got != 0 {
		t.Errorf("from elsewhere it reads %d beyond its role's cap", got)
	}
}
