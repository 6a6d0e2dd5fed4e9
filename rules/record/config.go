package record

import (
	"sync"

	"github.com/ordergate/ordergate/rules"
)

// Config tunes finders. It is immutable after its first use and shared by all
// finders, from any goroutine. The zero value is usable.
type Config struct {
	// Ignore are identifiers that are not customers': the shop's own contact
	// data, configured test people. A record loses them; one that has no other
	// strong identifier is not reported.
	Ignore []rules.Identifier
	// Countries are ISO 3166 codes (DE, FR) whose national phone numbers are
	// known, in order of preference. Empty: numbers are digested with their
	// country code only where they are written with one.
	Countries []string
	// Common reports identifiers that are learnt to be shown to everybody; they
	// are ignored like those of Ignore. It is called on the way of a response,
	// from any goroutine. Nil: none.
	Common func(rules.Identifier) bool
	// Declared says what places of the shop's data mean; entries that fail their
	// Check are ignored, and at most 64 pointers count.
	Declared []Declaration

	compiled     sync.Once
	declarations *declarations
	once         sync.Once
	ignore       map[rules.Identifier]struct{}
	remembered   sync.Once
	pages        *familiar
}

// familiar returns what is remembered of the shop's pages.
func (c *Config) familiar() *familiar {
	c.remembered.Do(func() { c.pages = newFamiliar() })
	return c.pages
}

// declares returns the declarations, or nil for none.
func (c *Config) declares() *declarations {
	if len(c.Declared) == 0 {
		return nil
	}
	c.compiled.Do(func() { c.declarations = newDeclarations(c.Declared) })
	return c.declarations
}

func (c *Config) ignores(id rules.Identifier) bool {
	if c.Common != nil && c.Common(id) {
		return true
	}
	if len(c.Ignore) == 0 {
		return false
	}
	c.once.Do(func() {
		c.ignore = make(map[rules.Identifier]struct{}, len(c.Ignore))
		for _, id := range c.Ignore {
			c.ignore[id] = struct{}{}
		}
	})
	_, ok := c.ignore[id]
	return ok
}
