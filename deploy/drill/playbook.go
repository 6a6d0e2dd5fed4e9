package drill

import (
	"time"
)

// playbook is one attack, or, without an attacker, one honest workload.
type playbook struct {
	id, name string
	scale    string // what was made smaller, and how much
	note     string // why a goal is or may be missed, in one line
	white    bool   // the attacker knows thresholds and windows
	benign   bool
	roles    string // lines of YAML: what its deployment declares beside the config of all others

	life  time.Duration // honest life before it; 0 means lifeBefore
	every time.Duration // an honest visitor comes so often meanwhile; 0: 30 s
	most  int           // the goal: at most so many lost before containment
	of    string        // what that is
	all   bool          // the goal is for everything lost: the attacker never runs into a cap
	play  func(s *scene)
}

// lifeBefore is how long honest people use the shop before an attack: longer
// than the warm-up, and than what the site's aggregate learns.
const lifeBefore = 26 * time.Hour

// playbooks returns all, attacks first.
func playbooks() []playbook {
	var all []playbook
	for _, some := range [][]playbook{orderAttacks(), bulkAttacks(), apiAttacks(), accountAttacks(), lookupAttacks(), staffAttacks(), workloads()} {
		all = append(all, some...)
	}
	return all
}
