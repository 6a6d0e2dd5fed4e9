package ledger

import (
	"fmt"
	"time"

	"github.com/ordergate/ordergate/rules"
)

// MaxConfig bounds [rules.Disclosure.Config] in bytes.
const MaxConfig = 64

// maxTime is the first moment whose Unix nanoseconds are not sure to fit 64
// bits (they end in April 2262).
var maxTime = time.Date(2262, 1, 1, 0, 0, 0, 0, time.UTC)

// Validate reports the first fault that would keep a row out of a store. The
// ledger checks every row before it joins a batch, so that one caller's bad
// row cannot fail the rows of others.
func Validate(row *rules.Disclosure) error {
	switch {
	case row.Time.Before(time.Unix(0, 0)) || !row.Time.Before(maxTime):
		return fmt.Errorf("disclosure with time %s: want 1970 to 2261", row.Time.UTC().Format(time.RFC3339))
	case row.Exchange == rules.ExchangeID{}:
		return fmt.Errorf("disclosure without an exchange id")
	case len(row.Route) > rules.MaxRoute:
		return fmt.Errorf("disclosure with a route of %d bytes: want at most %d, a template", len(row.Route), rules.MaxRoute)
	case len(row.Config) > MaxConfig:
		return fmt.Errorf("disclosure with a config digest of %d bytes: want at most %d", len(row.Config), MaxConfig)
	case len(row.Record.Identifiers) > rules.MaxIdentifiers:
		return fmt.Errorf("disclosure with %d identifiers: want at most %d", len(row.Record.Identifiers), rules.MaxIdentifiers)
	case int(row.State) >= len(rules.States()):
		return fmt.Errorf("disclosure with state %d: want one of %v", row.State, rules.States())
	case int(row.Ownership) >= len(rules.Ownerships()):
		return fmt.Errorf("disclosure with ownership %d: want one of %v", row.Ownership, rules.Ownerships())
	case int(row.Principal.Role) >= len(rules.Roles()):
		return fmt.Errorf("disclosure with role %d: want one of %v", row.Principal.Role, rules.Roles())
	case row.Principal.Machine < 0:
		return fmt.Errorf("disclosure with machine %d: want 0 or more", row.Principal.Machine)
	case row.State != rules.Attempted && row.Record.Subject.Digest.IsZero():
		return fmt.Errorf("disclosure without a subject in state %s", row.State)
	}
	return nil
}
