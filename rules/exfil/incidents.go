package exfil

import (
	"crypto/rand"
	"encoding/hex"
	"sort"
	"sync"
	"time"

	"github.com/ordergate/ordergate/rules"
)

// maxOpen bounds the open incidents of one detector; further principals are
// joined into one incident that names none of them.
const maxOpen = 1000

// Incidents joins signals into incidents: one for each detector and
// principal (for each route where there is no credential, for the whole site
// where the budget tripped). Safe for concurrent use. The zero value is not
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
	if !ok && in.count[s.Detector] >= maxOpen {
		key = incidentKey{detector: s.Detector}
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
		in.count[s.Detector]++
	}
	before := inc.Severity
	inc.Severity = max(inc.Severity, s.Severity)
	inc.Updated, inc.Last = s.Time, s.Exchange.String()
	inc.Signals++
	if s.Refused {
		inc.Refused++
	}
	if s.Observed > inc.Observed {
		inc.Observed, inc.Limit = s.Observed, s.Threshold
	}
	doubled := inc.Signals&(inc.Signals-1) == 0
	return *inc, !ok, !ok || doubled || inc.Severity > before
}

func keyOf(s *rules.Signal) incidentKey {
	switch {
	case s.Detector == rules.DetectorIssuance: // each token is somebody else's: the attack is one
		return incidentKey{detector: s.Detector}
	case s.Detector == rules.DetectorWalk && s.Key == rules.KeySite: // of many sessions on one route
		return incidentKey{detector: s.Detector, route: s.Route}
	case s.Detector == rules.DetectorCap && s.Key == rules.KeySite:
		return incidentKey{detector: s.Detector}
	case s.Detector == rules.DetectorUnauthenticated:
		return incidentKey{detector: s.Detector, route: s.Route}
	}
	return incidentKey{detector: s.Detector, session: s.Principal.Session}
}

// Restore adds an incident of an earlier run of the process.
func (in *Incidents) Restore(incident rules.Incident) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if incident.State == rules.IncidentClosed {
		return
	}
	key := incidentKey{detector: incident.Detector, session: incident.Session}
	if incident.Detector == rules.DetectorUnauthenticated || incident.Detector == rules.DetectorWalk && incident.Session.IsZero() {
		key.route = incident.Route
	}
	if _, ok := in.open[key]; !ok {
		in.open[key] = &incident
		in.count[incident.Detector]++
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
		if state == rules.IncidentClosed {
			delete(in.open, key)
			in.count[inc.Detector]--
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
