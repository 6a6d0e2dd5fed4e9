package exfil

import (
	"maps"
	"slices"
	"sync"

	"github.com/ordergate/ordergate/rules"
)

// maxStores is how many unknown beginnings of account pages are believed: a company
// has some dozens of stores, languages and channels, and more customers.
const maxStores = 64

// stores remembers under which unknown words account pages have shown their readers
// their own records: /toyshop/account is a store's page, /ada/profile may be a
// customer's, and nobody can tell by looking. The first maxStores are taken for stores,
// and stay; so what a site with customers' names in its paths gives away is so many
// customers, and asking for pages that are not there keeps no store out. Digests only.
// Safe for concurrent use; the zero value is ready to use.
type stores struct {
	mu   sync.Mutex
	seen map[rules.Digest]struct{}
}

// admits reports whether an account page under such words shows its reader's own
// record; the zero digest stands for no unknown word.
func (s *stores) admits(under rules.Digest) bool {
	if under.IsZero() {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.seen[under]; ok {
		return true
	}
	if len(s.seen) == maxStores {
		return false
	}
	if s.seen == nil {
		s.seen = make(map[rules.Digest]struct{})
	}
	s.seen[under] = struct{}{}
	return true
}

// save returns the words, for a later start: it does not believe others beside them.
func (s *stores) save() []rules.Digest {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Keys(s.seen))
}

// load takes words that were saved.
func (s *stores) load(seen []rules.Digest) {
	for _, under := range seen {
		s.admits(under)
	}
}
