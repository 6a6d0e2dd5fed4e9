package drill

import (
	"github.com/ordergate/ordergate/deploy/config"
	"github.com/ordergate/ordergate/rules"
)

// promised returns what the config promises of a visitor: see promisedBy. Machines
// differ; theirs are those of the declarations.
func (w *world) promised(v *visitor) (session []limit, response int) {
	for _, desk := range w.config.Machines() {
		if v.desk && desk.Role == v.role {
			return []limit{{rules.WindowHour, int(desk.Cap.PerHour)}, {rules.WindowDay, int(desk.Cap.PerDay)}}, int(desk.Cap.Response)
		}
	}
	return promisedBy(&w.config, v.role)
}

// promisedBy returns what a config promises of a role: the caps of a session and of
// an account, and the most that one response carries (-1: no limit).
func promisedBy(c *config.Config, role rules.Role) (session []limit, response int) {
	caps, ok := roleCaps(c)[role]
	if !ok {
		return nil, -1
	}
	return limits(caps.Session), int(caps.Response)
}

// roleCaps are the caps of the roles that have some of their own.
func roleCaps(c *config.Config) map[rules.Role]config.RoleCap {
	return map[rules.Role]config.RoleCap{
		rules.RoleGuest: c.Caps.Guest, rules.RoleShopper: c.Caps.Shopper, rules.RoleStaff: c.Caps.Staff, rules.RoleSeller: c.Caps.Seller, rules.RoleCrawler: c.Caps.Crawler,
	}
}

func limits(w config.Windows) (all []limit) {
	for _, l := range w.Limits() {
		all = append(all, limit{l.Window, l.Max})
	}
	return all
}
