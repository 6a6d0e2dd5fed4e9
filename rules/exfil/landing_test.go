package exfil

import (
	"strings"
	"testing"

	"github.com/ordergate/ordergate/rules"
)

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
