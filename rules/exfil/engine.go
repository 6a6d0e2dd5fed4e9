package exfil

import (
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/ordergate/ordergate/rules"
)

// Engine joins the counts, the bindings, the detectors and the incidents.
// Safe for concurrent use. Make one with New.
type Engine struct {
	config    atomic.Pointer[Config]
	caps      *Caps
	bindings  *Bindings
	contained *containment
	landings  *landings
	claimed   *claimed
	stores    stores
	incidents *Incidents
	owners    *Owners
	commons   *Commons
	tries     *tries
	misses    *misses
	logins    *logins
	baselines *baselines
	machines  *machines
	site      *site
	ruleset   *ruleset
	seed      seed // of tries, misses, logins and site
}

// defaultPrincipals is Config.Principals when it is 0.
const defaultPrincipals = 1_000_000

// defaultShrink is Config.Shrink when it is 0.
const defaultShrink = 3

// New returns an engine with nothing counted.
func New(config Config) *Engine {
	size := config.Principals
	if size <= 0 {
		size = defaultPrincipals
	}
	e := &Engine{
		caps: NewCaps(size), bindings: NewBindings(size), contained: newContainment(size / 10), landings: newLandings(size / 100), claimed: newClaimed(size / 20), incidents: NewIncidents(),
		owners: NewOwners(size), commons: NewCommons(), tries: newTries(size / 50), misses: newMisses(), logins: newLogins(),
		baselines: newBaselines(), machines: newMachines(), site: newSite(), ruleset: newRuleset(),
	}
	e.sow(newSeed())
	e.Configure(config)
	return e
}

// Configure replaces the config of all later decisions, atomically. The
// number of principals remembered stays as it was.
func (e *Engine) Configure(config Config) {
	e.ruleset.keep(config.Rules)
	config.keep(e.caps)
	e.config.Store(&config)
}

// keep sets how long counts are kept: as long as any limit of any role looks
// back, so that a role that changes finds them. A reload that makes a window longer
// finds what is still there; a restart reads the rest from the ledger.
func (c *Config) keep(caps *Caps) {
	session, address, asn := rules.WindowDay, rules.WindowHour, rules.WindowHour // the detectors look back a day
	all := append(slices.Collect(maps.Values(c.Roles)), c.Machines...)
	for i := range all {
		session, address, asn = all[i].Session.longest(session), all[i].Address.longest(address), all[i].ASN.longest(asn)
	}
	for kind, window := range map[rules.KeyKind]rules.Window{
		rules.KeySession: session, rules.KeyAccount: session, rules.KeyIP: address, rules.KeyPrefix: address,
		rules.KeyTLSFingerprint: address, rules.KeyASN: asn, rules.KeySite: c.Site.longest(rules.WindowHour),
		keyClaim: rules.WindowMonth, keyAdopted: rules.WindowDay, keyUnissued: rules.WindowHour, keyClaimIP: address, keyClaimPrefix: address,
		keyAdoptedIP: address, keyAdoptedPrefix: address,
	} {
		caps.Keep(kind, window)
	}
}

// longest returns the longest window of the limits, at least the given one.
func (l Limits) longest(least rules.Window) rules.Window {
	for _, limit := range l {
		least = max(least, limit.Window)
	}
	return least
}

// Caps returns the counts, for metrics.
func (e *Engine) Caps() *Caps { return e.caps }

// Bindings returns what is known of sessions, for the ledger and metrics.
func (e *Engine) Bindings() *Bindings { return e.bindings }

// Incidents returns the incidents.
func (e *Engine) Incidents() *Incidents { return e.incidents }

// Owners returns whose orders are known to be whose.
func (e *Engine) Owners() *Owners { return e.owners }

// Commons returns the identifiers that are shown to everybody.
func (e *Engine) Commons() *Commons { return e.commons }

// SiteRemaining returns what the budget has left in each window.
func (e *Engine) SiteRemaining(now time.Time) map[rules.Window]int {
	return e.caps.Remaining(e.config.Load().Site, now)
}

// Restore counts a disclosure of an earlier run, and learns whose its order is:
// caps survive a restart because they are rebuilt from the ledger.
func (e *Engine) Restore(d *rules.Disclosure, now time.Time) {
	e.owners.Learn(&d.Record)
	if d.Ownership == rules.Own || (d.State != rules.Unknown && d.State != rules.Delivered) || d.Record.Subject.Digest.IsZero() {
		return
	}
	if d.Principal.Role == rules.RoleMachine {
		e.machines.note(d.Principal.Session, 1, d.Time)
	}
	if wide(d.Principal.Role) {
		e.baselines.note(&d.Principal, []rules.Digest{d.Record.Subject.Digest}, d.Time)
	}
	var buffer [maxDemands]demand
	for _, demand := range e.demands(buffer[:0], &d.Principal) {
		e.caps.restore(&demand, d.Record.Subject.Digest, d.Time, now)
	}
}

// Credentials are what a request shows of who sends it, all digests.
type Credentials struct {
	Sessions []rules.Digest // every session or token that the request carries
	// Accounts are, by index of Sessions, what the token itself says of whose it
	// is (JWT iss and sub); shorter, or zero, where it says nothing.
	Accounts []rules.Digest
	// IssuedAt are, by index of Sessions, when the token itself says that it was
	// issued (JWT iat); shorter, or zero, where it says nothing.
	IssuedAt []time.Time
	StandIn  rules.Digest // made from the client's address, for requests without a usable one
	IP       rules.Digest
	Prefix   rules.Digest
	TLS      rules.Digest // zero: not known
	ASN      rules.Digest // zero: not known
	Wanted   rules.Role   // the role that the route policy names
	ByHeader bool         // Wanted comes from the header that carries Sessions[0], not from the path
	Declared bool         // the operator declared Sessions[0] by digest
	Machine  int          // index plus one of the declaration with caps of its own; for staff and sellers it takes an issued credential
}

// Recognise makes the principal. A role with wider caps is given only to a
// credential that was seen being issued for it, or that is declared.
func (e *Engine) Recognise(c *Credentials, now time.Time) rules.Principal {
	p := rules.Principal{
		Session: c.StandIn, IP: c.IP, Prefix: c.Prefix, TLS: c.TLS, ASN: c.ASN, Credential: len(c.Sessions) > 0,
	}
	if c.Declared && len(c.Sessions) > 0 {
		p.Session, p.Role, p.Machine, p.Issued = c.Sessions[0], c.Wanted, c.Machine, true
		return p
	}
	if c.Wanted == rules.RoleCrawler {
		p.Role = rules.RoleCrawler // narrower than a guest: nothing to prove
	}
	best, ok := e.bestBinding(c, now)
	if !ok {
		switch cfg := e.config.Load(); {
		case !p.Credential || !now.Before(cfg.WarmUntil):
		case c.contradicted(cfg.Started):
			p.Contradicted = true
		default:
			p.Session = c.Sessions[0]
		}
		return p
	}
	p.Session, p.Account, p.Issued = best.Session, best.Account, true
	switch {
	case p.Role == rules.RoleCrawler:
	case wide(c.Wanted) && (best.Role == c.Wanted || c.ByHeader):
		p.Role, p.Machine = c.Wanted, c.Machine
	case !p.Account.IsZero():
		p.Role = rules.RoleShopper
	}
	c.account(&p)
	return p
}

// issueLeeway is by how much the clocks of the platform and of the gateway may
// differ.
const issueLeeway = 5 * time.Minute

// contradicted reports whether a credential of the request, none of which was
// seen being issued, says itself that it was issued since the gateway started:
// then it was not issued through the gateway. What it says is the client's word,
// whose signature nobody here has checked, so it can only take away: an older time,
// or none, gets what any unknown session gets while the gateway warms up, and
// nothing after that.
func (c *Credentials) contradicted(started time.Time) bool {
	return !started.IsZero() && slices.ContainsFunc(c.IssuedAt, func(at time.Time) bool {
		return at.After(started.Add(issueLeeway))
	})
}

// account gives a principal that is bound to nobody the account that its
// issued token names: tokens that are refreshed share the account's caps. It
// makes no shopper, and nothing its own.
func (c *Credentials) account(p *rules.Principal) {
	for i, session := range c.Sessions {
		if session == p.Session && i < len(c.Accounts) && p.Account.IsZero() {
			p.Account = c.Accounts[i]
		}
	}
}

// bestBinding returns the issued session of a request that says most: one of
// the wanted role before one bound to an account before any.
func (e *Engine) bestBinding(c *Credentials, now time.Time) (best rules.Binding, ok bool) {
	rank := 0
	for _, session := range c.Sessions {
		binding, known := e.bindings.Get(session, now)
		if !known || binding.Issued.IsZero() {
			continue
		}
		r := 1
		if !binding.Account.IsZero() {
			r = 2
		}
		if wide(c.Wanted) && binding.Role == c.Wanted {
			r = 3
		}
		if r > rank {
			best, ok, rank = binding, true, r
		}
	}
	return best, ok
}

// wide reports whether a role's caps are wider than a shopper's.
func wide(r rules.Role) bool { return r == rules.RoleStaff || r == rules.RoleSeller }

// demands appends the keys that a foreign subject is counted under, with the
// limits that hold for the principal.
func (e *Engine) demands(dst []demand, p *rules.Principal) []demand {
	cfg := e.config.Load()
	caps := cfg.capsOf(p)
	add := func(kind rules.KeyKind, digest rules.Digest, d demand) {
		if d.key = (capKey{kind, digest}); !digest.IsZero() {
			dst = append(dst, d)
		}
	}
	dst = append(dst, demand{key: capKey{rules.KeySession, p.Session}, limits: caps.Session, shrinks: true})
	add(rules.KeyAccount, p.Account, demand{limits: caps.Session, shrinks: true})
	if p.Role == rules.RoleGuest || p.Role == rules.RoleShopper || p.Role == rules.RoleCrawler {
		add(rules.KeyIP, p.IP, demand{limits: caps.Address, advice: true})
		add(rules.KeyPrefix, p.Prefix, demand{limits: caps.Address, advice: true})
		add(rules.KeyTLSFingerprint, p.TLS, demand{limits: caps.Address, advice: true})
		add(rules.KeyASN, p.ASN, demand{limits: caps.ASN, advice: true})
		dst = append(dst, demand{key: capKey{kind: rules.KeySite}, limits: cfg.Site})
	}
	return dst
}

func (c *Config) shrink() int {
	if c.Shrink <= 0 {
		return defaultShrink
	}
	return c.Shrink
}

// capsOf returns the caps that hold for a principal.
func (c *Config) capsOf(p *rules.Principal) RoleCaps {
	if i := p.Machine - 1; i >= 0 && i < len(c.Machines) && (p.Role == rules.RoleMachine || wide(p.Role)) {
		return c.Machines[i]
	}
	if p.Role == rules.RoleMachine {
		return c.Roles[rules.RoleGuest] // declared before a reload, no longer
	}
	if caps, ok := c.Roles[p.Role]; ok {
		return caps
	}
	return c.Roles[rules.RoleGuest]
}

// observes reports whether a detector only reports.
func (c *Config) observes(d rules.Detector) bool { return c.Modes[d] != rules.Enforce }
