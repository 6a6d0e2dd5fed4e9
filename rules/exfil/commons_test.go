package exfil

import (
	"fmt"
	"testing"

	"github.com/ordergate/ordergate/rules"
)

// TestCommons: what each page of the shop shows to everybody is learnt; what
// few see, or few pages show, is not, however often.
func TestCommons(t *testing.T) {
	shop := rules.Identifier{Kind: rules.IdentifierPhone, Digest: digest('p', 1)}
	for name, c := range map[string]struct {
		sessions, prefixes, routes, pages int
		every                             int // one page in so many shows it
		want                              bool
	}{
		"the footer of every page":             {20, 5, 4, 100, 1, true},
		"on most pages":                        {20, 5, 4, 100, 2, true},
		"on few pages":                         {20, 5, 4, 100, 4, false},
		"one address asks for all":             {20, 1, 4, 100, 1, false},
		"few sessions":                         {5, 5, 4, 100, 1, false},
		"one route: a seller's or an order's":  {20, 5, 1, 100, 1, false},
		"too early to tell":                    {20, 5, 4, 20, 1, false},
		"routes too many to be told apart, on": {20, 5, 50, 5000, 1, true},
	} {
		commons := NewCommons()
		learnt := false
		for n := range c.pages {
			route := fmt.Sprintf("/route-%d", n%c.routes)
			commons.Page(route)
			if (n/c.routes)%c.every == 0 {
				p := rules.Principal{Session: digest('s', n%c.sessions), Prefix: digest('x', n%c.prefixes)}
				learnt = commons.Show(shop, route, &p) || learnt
			}
		}
		if learnt != c.want || commons.Has(shop) != c.want {
			t.Errorf("%s: learnt %v, want %v", name, learnt, c.want)
		}
		if other := (rules.Identifier{Kind: rules.IdentifierPhone, Digest: digest('p', 2)}); commons.Has(other) {
			t.Errorf("%s: another one is common too", name)
		}
	}
}

// TestCommonsBounded: made-up identifiers fill nothing.
func TestCommonsBounded(t *testing.T) {
	commons := NewCommons()
	for n := range 5000 {
		route := fmt.Sprintf("/%d", n)
		commons.Page(route)
		commons.Show(rules.Identifier{Kind: rules.IdentifierEmail, Digest: digest('e', n)}, route, &rules.Principal{Session: digest('s', n)})
	}
	if commons.candidates.Len() > maxCandidates || commons.pages.Len() > maxCommonRoute || commons.Size() != 0 {
		t.Errorf("%d candidates, %d routes, %d learnt", commons.candidates.Len(), commons.pages.Len(), commons.Size())
	}
}

// TestCommonsNeverCanary: a planted customer never becomes everybody's, or a
// walk by many sessions would make its own alarm silent.
func TestCommonsNeverCanary(t *testing.T) {
	for _, canary := range []bool{false, true} {
		w := newWorld(t, func(c *Config) {
			c.Roles[rules.RoleGuest] = RoleCaps{Response: -1}
			c.Site = nil
			if canary {
				c.Canaries = customer(1).Identifiers
			}
		})
		for n := range 200 {
			c := w.issued(byte(n % 20))
			w.get(c, customers(1, 1), func(v *Visit) {
				v.Route, v.Principal.Prefix = fmt.Sprintf("/page-%d", n%4), digest('x', n%5)
			})
		}
		if got := w.engine.Commons().Has(customer(1).Subject); got == canary {
			t.Errorf("canary %v: common %v", canary, got)
		}
	}
}
