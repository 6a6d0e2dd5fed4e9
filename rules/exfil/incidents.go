package exfil

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"maps"
	"slices"
	"sort"
	"sync"
	"time"

	"github.com/ordergate/ordergate/rules"
)

// maxOpen bounds the open incidents of principals, and those of each detector
// that are joined otherwise; further ones are joined into one incident that names
// nobody.
const maxOpen = 1000

// Incidents joins signals into incidents: one for each principal, whatever
// detectors saw of it; one for each route where there is no credential, or
// where many sessions walk; one for the whole site where the budget tripped,
// where the aggregate shifted, and for credentials that nobody issued. Safe for concurrent use. The zero value is not
// usable; make one with NewIncidents.
type Incidents struct {
	mu    sync.Mutex
	open  map[incidentKey]*rules.Incident
	count map[rules.Detector]int
	newID func() string
}

type incidentKey struct {
	detector rules.Detector
	session  rules.Digest
	route    string
}

// NewIncidents returns an empty set; random ids come from crypto/rand.
func NewIncidents() *Incidents {
	return &Incidents{
		open:  make(map[incidentKey]*rules.Incident),
		count: make(map[rules.Detector]int),
		newID: randomIncidentID,
	}
}

func randomIncidentID() string {
	var id [8]byte
	rand.Read(id[:]) // never fails (crypto/rand, Go 1.24)
	return "inc-" + hex.EncodeToString(id[:])
}

// Join adds a signal to the incident it belongs to, opening it when there is
// none, and returns a copy. opened says that it is new; notable says that it
// is new or grew enough (its severity, or its number of signals doubled) to
// be told again.
func (in *Incidents) Join(s *rules.Signal) (incident rules.Incident, opened, notable bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	key := keyOf(s)
	inc, ok := in.open[key]
	if !ok && in.count[key.detector] >= maxOpen {
		key = incidentKey{detector: key.detector}
		inc, ok = in.open[key]
	}
	if !ok {
		inc = &rules.Incident{
			ID: in.newID(), Detector: s.Detector, Role: s.Principal.Role.String(), Route: s.Route,
			Session: key.session, Opened: s.Time, First: s.Exchange.String(),
		}
		if !key.session.IsZero() {
			inc.Account = s.Principal.Account
		}
		in.open[key] = inc
		in.count[key.detector]++
	}
	before := inc.Severity
	if s.Severity > inc.Severity {
		inc.Severity, inc.Detector = s.Severity, s.Detector
	}
	inc.Detectors = maps.Clone(inc.Detectors) // the copies that were given out keep theirs
	if inc.Detectors == nil {
		inc.Detectors = make(map[rules.Detector]int)
	}
	inc.Detectors[s.Detector]++
	inc.Updated, inc.Last = s.Time, s.Exchange.String()
	inc.Signals++
	if s.Refused {
		inc.Refused++
	}
	if inc.Rule == "" {
		inc.Rule = s.Rule
	}
	inc.Linked = link(inc.Linked, s.Linked)
	if ip := s.Principal.IP; !ip.IsZero() && len(inc.Addresses) < rules.MaxAddresses && !slices.Contains(inc.Addresses, ip) {
		inc.Addresses = append(slices.Clip(inc.Addresses), ip) // copies keep theirs
	}
	if s.Step != rules.StepNone && (inc.Containment == nil || !inc.Containment.Person) {
		inc.Containment = &rules.Containment{Step: s.Step, Since: s.Time, Until: s.Until}
	}
	if s.Observed > inc.Observed {
		inc.Observed, inc.Limit = s.Observed, s.Threshold
	}
	doubled := inc.Signals&(inc.Signals-1) == 0
	return *inc, !ok, !ok || doubled || inc.Severity > before
}

// link joins links, the stronger one where a session has two, strongest first.
// The result is new: copies of the incident keep theirs.
func link(have, more []rules.Link) []rules.Link {
	if len(more) == 0 {
		return have
	}
	joined := slices.Clone(have)
	for _, l := range more {
		i := slices.IndexFunc(joined, func(h rules.Link) bool { return h.Session == l.Session })
		switch {
		case i < 0:
			joined = append(joined, l)
		case joined[i].Strength < l.Strength:
			joined[i] = l
		}
	}
	slices.SortStableFunc(joined, func(a, b rules.Link) int { return cmp.Compare(b.Strength, a.Strength) })
	return joined[:min(len(joined), rules.MaxLinks)]
}

func keyOf(s *rules.Signal) incidentKey {
	switch {
	case s.Detector == rules.DetectorSite, s.Detector == rules.DetectorRule && s.Key == rules.KeySite:
		return incidentKey{detector: s.Detector}
	case s.Detector == rules.DetectorIssuance: // each token is somebody else's: the attack is one
		return incidentKey{detector: s.Detector}
	case s.Detector == rules.DetectorLogin, (s.Detector == rules.DetectorWalk || s.Detector == rules.DetectorGuess) && s.Key == rules.KeySite: // of many sessions on one route
		return incidentKey{detector: s.Detector, route: s.Route}
	case s.Detector == rules.DetectorCap && s.Key == rules.KeySite:
		return incidentKey{detector: s.Detector}
	case s.Detector == rules.DetectorUnauthenticated:
		return incidentKey{detector: s.Detector, route: s.Route}
	}
	return incidentKey{session: s.Principal.Session}
}

// Restore adds an incident of an earlier run of the process.
func (in *Incidents) Restore(incident rules.Incident) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if incident.State.Ended() {
		return
	}
	key := incidentKey{session: incident.Session}
	if incident.Session.IsZero() {
		key = incidentKey{detector: incident.Detector}
		if slices.Contains([]rules.Detector{rules.DetectorUnauthenticated, rules.DetectorWalk, rules.DetectorGuess, rules.DetectorLogin}, incident.Detector) {
			key.route = incident.Route
		}
	}
	if _, ok := in.open[key]; !ok {
		in.open[key] = &incident
		in.count[key.detector]++
	}
}

// Set moves an incident to a state; a closed one is forgotten, so that the
// next signal opens a new one. It reports false for an unknown id.
func (in *Incidents) Set(id string, state rules.IncidentState, now time.Time) (rules.Incident, bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for key, inc := range in.open {
		if inc.ID != id {
			continue
		}
		inc.State, inc.Updated = state, now
		if state.Ended() {
			delete(in.open, key)
			in.count[key.detector]--
		}
		return *inc, true
	}
	return rules.Incident{}, false
}

// get returns an incident that is not closed.
func (in *Incidents) get(id string) (rules.Incident, bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for _, inc := range in.open {
		if inc.ID == id {
			return *inc, true
		}
	}
	return rules.Incident{}, false
}

// contain notes how a person holds the principals of an incident; the zero
// containment lets them go.
func (in *Incidents) contain(id string, c rules.Containment, now time.Time) (rules.Incident, bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for _, inc := range in.open {
		if inc.ID != id {
			continue
		}
		inc.Updated = now
		if inc.Containment = nil; c.Step != rules.StepNone {
			inc.Containment, inc.State = &c, rules.IncidentContained
		} else if inc.State == rules.IncidentContained {
			inc.State = rules.IncidentAcknowledged
		}
		return *inc, true
	}
	return rules.Incident{}, false
}

// Open returns the incidents that are not closed, oldest first.
func (in *Incidents) Open() []rules.Incident {
	in.mu.Lock()
	defer in.mu.Unlock()
	open := make([]rules.Incident, 0, len(in.open))
	for _, inc := range in.open {
		open = append(open, *inc)
	}
	sort.Slice(open, func(i, j int) bool {
		if !open[i].Opened.Equal(open[j].Opened) {
			return open[i].Opened.Before(open[j].Opened)
		}
		return open[i].ID < open[j].ID
	})
	return open
}
