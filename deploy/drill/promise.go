package drill

import (
	"github.com/ordergate/ordergate/deploy/config"
	"github.com/ordergate/ordergate/rules"
)

// promised returns what the config promises of a role: the caps of a session
// and of an account, and the most that one response carries (-1: no limit).
// Machines differ; theirs are those of the declarations.
func (w *world) promised(role rules.Role) (session []limit, response int) {
	caps := w.config.Caps
	of := map[rules.Role]config.RoleCap{
		rules.RoleGuest: caps.Guest, rules.RoleShopper: caps.Shopper, rules.RoleStaff: caps.Staff, rules.RoleSeller: caps.Seller, rules.RoleCrawler: caps.Crawler,
	}
	c, ok := of[role]
	if !ok {
		return nil, -1
	}
	return limits(c.Session), int(c.Response)
}

func limits(w config.Windows) (all []limit) {
	for _, l := range w.Limits() {
		all = append(all, limit{l.Window, l.Max})
	}
	return all
}
