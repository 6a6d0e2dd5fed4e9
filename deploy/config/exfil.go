package config

import (
	"github.com/ordergate/ordergate/rules"
	"github.com/ordergate/ordergate/rules/exfil"
)

// role returns the caps of a role; a machine's are in its own declaration.
func (c *Caps) role(r rules.Role) RoleCap {
	switch r {
	case rules.RoleShopper:
		return c.Shopper
	case rules.RoleStaff:
		return c.Staff
	case rules.RoleSeller:
		return c.Seller
	case rules.RoleCrawler:
		return c.Crawler
	case rules.RoleGuest, rules.RoleMachine:
	}
	return c.Guest
}

// exfil converts the caps of a role.
func (r RoleCap) exfil() exfil.RoleCaps {
	return exfil.RoleCaps{Session: r.Session.Limits(), Address: r.Address.Limits(), ASN: r.ASN.Limits(), Response: int(r.Response)}
}

// Machines returns the role rules with caps of their own, those of machines and of
// desks, in their order: rules.Principal.Machine is an index into them plus one.
func (c *Config) Machines() []RoleRule {
	var machines []RoleRule
	for _, r := range c.Roles {
		if r.Cap != nil {
			machines = append(machines, r)
		}
	}
	return machines
}

// Exfil returns what the deciding code is tuned by. The hasher must be the
// deployment's own: canaries are recognised by their digests. WarmUntil and
// Rules are left for the caller, who knows when the process started and reads the
// rule files ([Config.RuleFiles]).
func (c *Config) Exfil(h *rules.Hasher) exfil.Config {
	out := exfil.Config{
		Roles:           make(map[rules.Role]exfil.RoleCaps, len(rules.Roles())),
		Site:            c.Caps.Site.Limits(),
		Principals:      c.Limits.Principals,
		Unauthenticated: c.Detectors.Unauthenticated.Subjects,
		Ownership:       c.Detectors.Ownership.Subjects,
		Unissued:        c.Detectors.Issuance.Credentials,
		Canaries:        c.canaryDigests(h),
		Modes:           c.detectorModes(),
		Contain: map[rules.Detector]rules.Step{
			rules.DetectorOwnership: c.Detectors.Ownership.Contain, rules.DetectorWalk: c.Detectors.Walk.Contain,
			rules.DetectorGuess: c.Detectors.Guess.Contain, rules.DetectorBaseline: c.Detectors.Baseline.Contain,
		},
	}
	for _, role := range rules.Roles() {
		if role != rules.RoleMachine { // an undeclared machine is a guest
			out.Roles[role] = c.Caps.role(role).exfil()
		}
	}
	for _, m := range c.Machines() {
		out.Machines = append(out.Machines, exfil.RoleCaps{Session: m.Cap.windows().Limits(), Response: int(m.Cap.Response)})
	}
	return out
}

// detectorModes returns the detectors that only report. With mode: observe
// for the whole gateway that is all of them.
func (c *Config) detectorModes() map[rules.Detector]rules.Mode {
	written := map[rules.Detector]rules.Mode{
		rules.DetectorCap:             c.Detectors.Cap.Mode,
		rules.DetectorBulkResponse:    c.Detectors.BulkResponse.Mode,
		rules.DetectorUnauthenticated: c.Detectors.Unauthenticated.Mode,
		rules.DetectorOwnership:       c.Detectors.Ownership.Mode,
		rules.DetectorIssuance:        c.Detectors.Issuance.Mode,
		rules.DetectorCanary:          c.Detectors.Canary.Mode,
		rules.DetectorWalk:            c.Detectors.Walk.Mode,
		rules.DetectorGuess:           c.Detectors.Guess.Mode,
		rules.DetectorBaseline:        c.Detectors.Baseline.Mode,
		rules.DetectorSite:            c.Detectors.Site.Mode,
		rules.DetectorLogin:           c.Detectors.Login.Mode,
		rules.DetectorRule:            c.Detectors.Rules.Mode,
	}
	modes := make(map[rules.Detector]rules.Mode)
	for detector, mode := range written {
		if c.Mode != rules.Enforce {
			mode = c.Mode
		}
		if mode != rules.Enforce {
			modes[detector] = mode
		}
	}
	return modes
}
