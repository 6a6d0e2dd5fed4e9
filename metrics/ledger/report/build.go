package report

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/metrics/ledger/sealed"
	"github.com/ordergate/ordergate/rules"
)

const (
	// MaxPrincipals bounds the recipients that a report lists.
	MaxPrincipals = 1000
	maxAddresses  = 50
)

// Evidence is what a report is made from. Add every row that concerns the
// incident, then call Build. Its memory grows with principals and subjects, not
// with rows. Make one with [NewEvidence].
type Evidence struct {
	Affected ledger.Affected

	incident   rules.Incident
	first      time.Time
	last       time.Time
	firstRow   int64
	lastRow    int64
	before     time.Time
	steps      int64
	routes     map[string]int
	configs    map[string]struct{}
	keys       map[string]struct{}
	orders     map[rules.Digest]struct{}
	principals map[rules.Digest]*seen
	minutes    map[int64]*minute // by Unix minute
}

// minute is what happened in one.
type minute struct{ released, withheld int }

// seen is a recipient while rows are added.
type seen struct {
	Principal
	exchange  rules.ExchangeID // the last one
	first     time.Time
	last      time.Time
	prefixes  map[rules.Digest]struct{}
	asns      map[rules.Digest]struct{}
	programs  map[rules.Digest]struct{}
	addresses map[rules.Digest]struct{}
	accounts  map[rules.Digest]struct{}
}

// NewEvidence begins a report about an incident.
func NewEvidence(incident rules.Incident) *Evidence {
	return &Evidence{
		incident: incident, routes: make(map[string]int), configs: make(map[string]struct{}), keys: make(map[string]struct{}),
		orders: make(map[rules.Digest]struct{}), principals: make(map[rules.Digest]*seen), minutes: make(map[int64]*minute),
	}
}

// Add takes one row.
func (e *Evidence) Add(row ledger.Row) {
	e.Affected.Add(row)
	if e.firstRow == 0 {
		e.firstRow = row.Sequence
	}
	e.lastRow = row.Sequence
	if row.Time.Before(e.before) {
		e.steps++
	}
	e.before = row.Time
	e.configs[row.Config], e.keys[row.Key] = struct{}{}, struct{}{}
	p := e.principal(&row)
	m := e.minutes[row.Time.Unix()/60]
	if m == nil {
		m = new(minute)
		e.minutes[row.Time.Unix()/60] = m
	}
	if row.State == rules.Withheld || row.State == rules.Attempted {
		m.withheld++
		return
	}
	m.released++
	if e.first.IsZero() || row.Time.Before(e.first) {
		e.first = row.Time
	}
	if row.Time.After(e.last) {
		e.last = row.Time
	}
	e.routes[row.Route]++
	p.Records++
	for _, id := range row.Record.Identifiers {
		if id.Kind == rules.IdentifierOrder {
			e.orders[id.Digest] = struct{}{}
		}
	}
}

func (e *Evidence) principal(row *ledger.Row) *seen {
	p := e.principals[row.Principal.Session]
	if p == nil {
		p = &seen{
			Principal: Principal{Session: row.Principal.Session, Role: row.Principal.Role.String()}, first: row.Time,
			prefixes: make(map[rules.Digest]struct{}), asns: make(map[rules.Digest]struct{}), programs: make(map[rules.Digest]struct{}),
			addresses: make(map[rules.Digest]struct{}), accounts: make(map[rules.Digest]struct{}),
		}
		e.principals[row.Principal.Session] = p
	}
	p.last = row.Time
	p.Credential = p.Credential || row.Principal.Credential
	p.Issued = p.Issued || row.Principal.Issued
	if row.Exchange != p.exchange {
		p.exchange = row.Exchange
		p.Exchanges++
	}
	for set, digest := range map[*map[rules.Digest]struct{}]rules.Digest{
		&p.prefixes: row.Principal.Prefix, &p.asns: row.Principal.ASN, &p.programs: row.Principal.TLS,
		&p.addresses: row.Principal.IP, &p.accounts: row.Principal.Account,
	} {
		if !digest.IsZero() && len(*set) < maxAddresses {
			(*set)[digest] = struct{}{}
		}
	}
	return p
}

// Context is what a report says besides the rows.
type Context struct {
	Facts        Facts
	Tenant       string // whose rows alone the evidence has; empty: all
	Now          time.Time
	Aware        time.Time // stated by a person; zero: not yet
	Material     time.Time // likewise: when it was decided that it is material
	Tool         string    // version of the program
	Recall       float64   // of the recogniser, 0 to 1; 0: not measured
	Marks        []ledger.Mark
	Verification *ledger.Verification // nil: the ledger was not verified
	Checkpoints  []ledger.Checkpoint
	PublicKey    string
	Segments     []File
	KeptSince    time.Time // time of the first kept row
	Version      int
	Previous     string
	Networks     *sealed.Networks // nil: none are kept
	Held         bool             // the incident holds retention off
}

// Build makes the report, and returns the subjects that it counts.
func (e *Evidence) Build(c *Context) (*Incident, []ledger.Subject) {
	subjects, counts := e.Affected.Subjects()
	i := &e.incident
	gaps := Gaps(c.Marks, i.Opened.Add(-ledger.HoldBefore), e.until())
	r := &Incident{
		Identity: Identity{
			Incident: i.ID, Tenant: c.Tenant, Schema: Schema, Version: c.Version, Previous: c.Previous, Status: status(i.State), Severity: i.Severity.String(),
			Confidence: c.Facts.get("confidence"), GeneratedAt: stamp(c.Now), GeneratedBy: c.Facts.get("generated_by"), Tool: c.Tool, Configs: sorted(e.configs),
		},
		Entity: Entity{
			LegalName: c.Facts.get("entity.legal_name"), TradingName: c.Facts.get("entity.trading_name"), Registration: c.Facts.get("entity.registration"),
			Contact: c.Facts.get("entity.contact"), DPO: c.Facts.get("entity.dpo"), Role: c.Facts.get("entity.role"), Others: c.Facts.get("entity.others"),
		},
		Clock:    e.clock(c),
		What:     e.what(c),
		ToWhom:   e.toWhom(c),
		Whose:    e.whose(c, subjects, counts, gaps),
		Data:     e.data(subjects),
		Subjects: Subjects{Rows: len(subjects), Note: "one row a person: keyed digests, fields, first and last time, times, states, recipients; `ordergate report affected` joins it with your own list", Notified: c.Facts.get("subjects.notified")},
		Consequences: Consequences{
			c.Facts.get("consequences.harm"), c.Facts.get("consequences.risk"), c.Facts.get("consequences.rationale"),
			c.Facts.get("consequences.remedy"), c.Facts.get("consequences.prevented"),
		},
		Measures:     e.measures(c),
		Notification: Notification{c.Facts.get("notification.told"), c.Facts.get("notification.law_enforcement"), c.Facts.get("notification.steps")},
		Integrity:    e.integrity(c, gaps),
		Custody:      Custody{MadeAt: stamp(c.Now), MadeBy: c.Facts.get("generated_by"), Purpose: c.Facts.get("custody.purpose"), Handlers: c.Facts.get("custody.handlers")},
		Unknown:      e.unknown(c, gaps),
		Timeline:     e.timeline(),
	}
	return r, subjects
}

// until is when the incident's evidence ends.
func (e *Evidence) until() time.Time {
	if e.incident.State.Ended() {
		return e.incident.Updated.Add(1)
	}
	return time.Time{}
}

func status(s rules.IncidentState) string {
	switch s {
	case rules.IncidentClosed:
		return "closed"
	case rules.IncidentFalseAlarm:
		return "false alarm"
	case rules.IncidentOpen:
		return "suspected"
	case rules.IncidentAcknowledged, rules.IncidentContained:
	}
	return s.String()
}

func sorted(set map[string]struct{}) []string {
	list := slices.Sorted(maps.Keys(set))
	return append([]string{}, list...)
}

func (e *Evidence) clock(c *Context) Clock {
	contained := ""
	if e.incident.Containment != nil {
		contained = stamp(e.incident.Containment.Since)
	}
	return Clock{
		FirstExposure: stamp(e.first), LastExposure: stamp(e.last), FirstSignal: stamp(e.incident.Opened), Alert: stamp(e.incident.Opened),
		Acknowledged: c.Facts.get("clock.acknowledged"), Contained: contained, Aware: stamp(c.Aware), AwareReason: c.Facts.get("clock.aware_reason"),
		Materiality: stamp(c.Material), Due: deadlines(c.Aware, c.Material), Zone: "UTC",
		Source: "clock of the gateway's machine; its offset is not known to the gateway; the sequence of rows does not depend on it",
		Steps:  e.steps, FirstRow: e.firstRow, LastRow: e.lastRow,
	}
}

// mechanisms say in words what a detector sees.
var mechanisms = map[rules.Detector]string{
	rules.DetectorCap:             "more customers' records than the role may be sent in a window",
	rules.DetectorBulkResponse:    "one response with more customers than it should hold (search, export or injection)",
	rules.DetectorUnauthenticated: "customer records released without any credential",
	rules.DetectorOwnership:       "a session read records of other customers (broken object-level authorisation)",
	rules.DetectorIssuance:        "credentials that this gateway never saw the platform issue (forged or stolen tokens)",
	rules.DetectorCanary:          "a planted customer was read, whom nobody has a reason to read",
	rules.DetectorWalk:            "identifiers were taken in runs (enumeration)",
	rules.DetectorGuess:           "many identifiers were tried, few found (oracle, guessing)",
	rules.DetectorBaseline:        "a member of staff far above their own history and their peers",
	rules.DetectorSite:            "more disclosures in the whole site than orders and logins explain",
	rules.DetectorRule:            "an own rule of the operator",
}

func (e *Evidence) what(c *Context) What {
	w := What{
		Mechanism: mechanisms[e.incident.Detector], Endpoints: counted(e.routes), Rule: e.incident.Rule,
		Detectors: []Detected{}, Narrative: c.Facts.get("what.narrative"), Requests: c.Facts.get("what.requests"),
		Conditions:    "windows and limits are those of the configs whose digests are named under identity, versions of detectors that of the program; a baseline is not kept",
		Vulnerability: c.Facts.get("what.vulnerability"),
	}
	signals := e.incident.Detectors
	if len(signals) == 0 {
		signals = map[rules.Detector]int{e.incident.Detector: e.incident.Signals}
	}
	for _, detector := range slices.Sorted(maps.Keys(signals)) {
		d := Detected{Detector: string(detector), Signals: signals[detector]}
		if detector == e.incident.Detector {
			d.Observed, d.Threshold = e.incident.Observed, e.incident.Limit
		}
		w.Detectors = append(w.Detectors, d)
	}
	return w
}

// counted lists counts, the highest first.
func counted(counts map[string]int) []Count {
	list := []Count{}
	for name, n := range counts {
		list = append(list, Count{name, n})
	}
	slices.SortFunc(list, func(a, b Count) int { return cmp.Or(b.Count-a.Count, strings.Compare(a.Name, b.Name)) })
	return list
}

func (e *Evidence) toWhom(c *Context) ToWhom {
	networks := c.Networks
	t := ToWhom{
		Networks:   []Network{},
		Principals: []Principal{}, Linked: append([]rules.Link{}, e.incident.Linked...), Refused: e.incident.Refused,
		NotKept: []string{"countries", "age of the account", "bytes sent", "blocked requests of each principal (only their sum)"},
	}
	if networks == nil {
		t.NotKept = append(t.NotKept, "readable addresses and user agents: the ledger holds keyed digests, and this data_dir has no network evidence of the incident")
	} else {
		t.networks(networks)
	}
	t.Origin = c.Facts.get("whom.origin")
	for _, s := range e.principals {
		p := s.Principal
		p.First, p.Last = stamp(s.first), stamp(s.last)
		p.Addresses, p.Account = digests(s.addresses), digests(s.accounts)
		p.Prefixes, p.ASNs, p.Programs = len(s.prefixes), len(s.asns), len(s.programs)
		t.Principals = append(t.Principals, p)
	}
	sort.Slice(t.Principals, func(a, b int) bool {
		x, y := &t.Principals[a], &t.Principals[b]
		return x.Records > y.Records || x.Records == y.Records && x.Session.String() < y.Session.String()
	})
	if n := len(t.Principals); n > MaxPrincipals {
		t.Cut, t.Principals = n-MaxPrincipals, t.Principals[:MaxPrincipals]
	}
	return t
}

// networks takes the gateway's evidence over, the first ones first.
func (t *ToWhom) networks(from *sealed.Networks) {
	t.NetworksCut = from.Cut || len(from.Networks) > MaxNetworks
	for _, n := range from.Networks[:min(len(from.Networks), MaxNetworks)] {
		t.Networks = append(t.Networks, Network{n.Address, n.JA4, n.UserAgent, n.Session, stamp(n.First), stamp(n.Last)})
	}
}

func digests(set map[rules.Digest]struct{}) []rules.Digest {
	list := make([]rules.Digest, 0, len(set))
	for d := range set {
		list = append(list, d)
	}
	slices.SortFunc(list, func(a, b rules.Digest) int { return strings.Compare(a.String(), b.String()) })
	return list
}

// whose counts people. The upper bounds divide by the recogniser's recall and
// add what left unrecorded; the lower ones leave out whoever may be the same
// person as another, and whoever may not have received anything.
func (e *Evidence) whose(c *Context, subjects []ledger.Subject, counts ledger.Counts, gaps []Gap) Whose {
	shared, sharedDelivered := 0, 0
	for i := range subjects {
		if subjects[i].Shared {
			shared++
			if subjects[i].Delivered > 0 {
				sharedDelivered++
			}
		}
	}
	unrecorded := 0
	for _, g := range gaps {
		if g.Kind == "unrecorded" {
			unrecorded += int(g.Count)
		}
	}
	recall := c.Recall
	if recall <= 0 || recall > 1 {
		recall = 1
	}
	upper := func(n int) int { return int(math.Ceil(float64(n) / recall)) }
	all := counts.Delivered + counts.Unknown
	w := Whose{
		Delivered: Bounded{counts.Delivered, counts.Delivered - sharedDelivered, upper(counts.Delivered), "lower: without those known only by an identifier that others share; upper: divided by the recogniser's recall"},
		Unknown:   Bounded{counts.Unknown, 0, upper(counts.Unknown), "released; lower: none of it arrived; upper: divided by the recogniser's recall"},
		Withheld:  Bounded{counts.Withheld, counts.Withheld, upper(counts.Withheld), "found and not released to anybody in this incident"},
		Attempted: Bounded{counts.Attempted, counts.Attempted, counts.Attempted, "requests refused before a record was found: whom they were about is not known"},
		Affected:  Bounded{all, counts.Delivered - sharedDelivered, upper(all) + unrecorded, "delivered and delivery unknown together; upper: divided by the recogniser's recall, and every record that left unrecorded another person"},
		Recall:    c.Recall, Shared: shared, Canaries: e.incident.Detectors[rules.DetectorCanary],
		Jurisdictions: c.Facts.get("whose.jurisdictions"), Minors: c.Facts.get("whose.minors"),
		ThirdParties: "recipients of gifts and family members in somebody's order are part of that person's record and not counted apart",
	}
	return w
}

func (e *Evidence) data(subjects []ledger.Subject) Data {
	fields, combinations := make(map[string]int), make(map[string]int)
	for i := range subjects {
		names := subjects[i].Fields.Names()
		for _, name := range names {
			fields[name]++
		}
		combinations[strings.Join(names, " + ")]++
	}
	return Data{Fields: counted(fields), Combinations: counted(combinations), Orders: len(e.orders), Form: "as the platform sent it, in clear unless the platform masked it"}
}

func (e *Evidence) measures(c *Context) Measures {
	m := Measures{
		Automatic: []string{}, Manual: c.Facts.get("measures.manual"), Revoked: c.Facts.get("measures.tokens_revoked"),
		FixedAt: c.Facts.get("measures.fixed_at"), Collateral: c.Facts.get("measures.collateral"),
	}
	if e.incident.Refused > 0 {
		m.Automatic = append(m.Automatic, fmt.Sprintf("%d exchanges were refused or cut before their records were released", e.incident.Refused))
	}
	if held := e.incident.Containment; held != nil {
		by := "by the gateway's own rule"
		if held.Person {
			by = "by a person"
		}
		m.Automatic = append(m.Automatic, fmt.Sprintf("its principals were held (%s) from %s until %s, %s", held.Step, stamp(held.Since), stamp(held.Until), by))
	}
	return m
}

func (e *Evidence) integrity(c *Context, gaps []Gap) Integrity {
	n := Integrity{Faults: []string{}, Key: c.PublicKey, DigestKeys: sorted(e.keys), Gaps: gaps, Segments: append([]File{}, c.Segments...), Witness: c.Facts.get("integrity.witness"), KeptSince: stamp(c.KeptSince), LegalHold: "none: the incident is closed, its evidence goes with ledger.retention"}
	if c.Held {
		n.LegalHold = "the incident is not closed: nothing since 24 hours before it opened is deleted"
	}
	if v := c.Verification; v != nil {
		n.Verified, n.Faults, n.Entries, n.Root, n.Deleted = len(v.Faults) == 0, append(n.Faults, v.Faults...), v.Size, v.Root, v.Deleted
	}
	for i := range c.Checkpoints {
		note := c.Checkpoints[i].Note
		at := c.Checkpoints[i].Time
		if !at.After(e.incident.Opened) {
			n.AtOpen = note
		}
		if n.AtClose == "" && e.incident.State.Ended() && !at.Before(e.incident.Updated) {
			n.AtClose = note
		}
		n.Newest = note
	}
	switch {
	case c.Verification == nil:
		n.Statement = "the ledger was not verified for this report: run `ordergate ledger verify`"
	case !n.Verified:
		n.Statement = fmt.Sprintf("the ledger has %d faults: what this report says of the damaged time is not complete", len(n.Faults))
	case len(gaps) > 0:
		n.Statement = fmt.Sprintf("the ledger is whole, and has %d gaps in the time of the incident: what they hide is not in this report", len(gaps))
	default:
		n.Statement = "the ledger is whole and has no gap in the time of the incident"
	}
	return n
}

// maxBuckets bounds Incident.Timeline.
const maxBuckets = 96

// timeline cuts the time of the evidence into equal parts of whole minutes.
func (e *Evidence) timeline() []Bucket {
	list := []Bucket{}
	if len(e.minutes) == 0 {
		return list
	}
	minutes := slices.Sorted(maps.Keys(e.minutes))
	first, last := minutes[0], minutes[len(minutes)-1]
	length := (last-first)/maxBuckets + 1
	for at := first; at <= last; at += length {
		list = append(list, Bucket{From: time.Unix(at*60, 0).UTC(), To: time.Unix((at+length)*60, 0).UTC()})
	}
	for _, at := range minutes {
		b := &list[(at-first)/length]
		b.Released += e.minutes[at].released
		b.Withheld += e.minutes[at].withheld
	}
	return list
}

// unknown says what the gateway cannot know.
func (e *Evidence) unknown(c *Context, gaps []Gap) []string {
	list := []string{
		"what left before the gateway stood in front of the platform, or past it",
		"what was in responses that were not inspected (pictures, encrypted or unreadable bodies): ordergate_uninspected_responses_total counts them by reason",
		"what became of the data after the client had it",
	}
	if c.Recall > 0 {
		list = append(list, fmt.Sprintf("people whom the recogniser missed: it finds %.1f %% (measured on made-up bodies, rules/record/recall)", 100*c.Recall))
	}
	if !c.KeptSince.IsZero() {
		list = append(list, "what left before "+stamp(c.KeptSince)+": the oldest kept row")
	}
	if len(gaps) > 0 {
		list = append(list, fmt.Sprintf("%d gaps, listed under integrity", len(gaps)))
	}
	return list
}
