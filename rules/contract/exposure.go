package contract

import (
	"slices"
	"sync"

	"github.com/ordergate/ordergate/rules"
)

// Field is one that an answer had and the document does not declare.
type Field struct {
	Operation string // see Operation.Name
	Status    int
	Pointer   string // in the answer's body; empty: the whole answer is not declared
}

// Exposures are the fields that were found, each of them once. A field is told when
// answers to several clients had it: a name that only one client's answers have may
// be a value in a map, and somebody's. Bounded; safe for concurrent use.
type Exposures struct {
	mu    sync.Mutex
	seen  map[Field]*sighting
	order []Field // oldest first
}

// sighting is how often a field was found.
type sighting struct {
	clients []rules.Digest // different ones, until it is told
	told    bool
}

const (
	// maxExposures bounds what is remembered; beyond it the oldest is forgotten.
	maxExposures = 2000
	// sightings is how many clients must have got a field before it is told.
	sightings = 3
)

// Note notes that a client got a field, and reports whether to tell of it now: it
// does so once.
func (e *Exposures) Note(field Field, client rules.Digest) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.seen[field]
	if s == nil {
		s = e.remember(field)
	}
	if s.told || slices.Contains(s.clients, client) {
		return false
	}
	if s.clients = append(s.clients, client); len(s.clients) < sightings {
		return false
	}
	s.clients, s.told = nil, true
	return true
}

func (e *Exposures) remember(key Field) *sighting {
	if e.seen == nil {
		e.seen = make(map[Field]*sighting)
	}
	if len(e.order) >= maxExposures {
		delete(e.seen, e.order[0])
		e.order = e.order[1:]
	}
	s := &sighting{}
	e.seen[key] = s
	e.order = append(e.order, key)
	return s
}
