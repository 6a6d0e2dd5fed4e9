//go:build unix

package soak

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"sync"

	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/metrics/ledger/sqlite"
	"github.com/ordergate/ordergate/rules"
)

// books hold who was shown to anybody, from the bytes that clients received.
type books struct {
	mu        sync.Mutex
	shown     [customers]int // responses that a customer's whole e-mail address was in
	responses int            // that showed somebody
}

var addresses = regexp.MustCompile(`marieke\.(\d+)@example\.net`)

// add takes the bytes of one response, whole or not.
func (b *books) add(body []byte) {
	seen := map[int]bool{}
	for _, found := range addresses.FindAllSubmatch(body, -1) {
		if n, err := strconv.Atoi(string(found[1])); err == nil && n < customers {
			seen[n] = true
		}
	}
	if len(seen) == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.responses++
	for n := range seen {
		b.shown[n]++
	}
}

// account is what the ledger says of what the books hold.
type account struct {
	rows     int // in the ledger
	recorded int // pairs of response and customer, neither withheld nor attempted
	shown    int // the same, from the clients' bytes
	lost     int // of shown, without a row
}

// compare reads the ledger of a gateway that has ended.
func (b *books) compare(ctx context.Context, dir string, hasher *rules.Hasher, keys *ledger.Keyring) (account, error) {
	store, err := sqlite.OpenReadOnly(ctx, dir)
	if err != nil {
		return account{}, fmt.Errorf("opening the ledger: %w", err)
	}
	defer store.Close() //nolint:errcheck // read only
	numbers := make(map[rules.Digest]int, customers)
	for n := range customers {
		numbers[hasher.Identifier(rules.IdentifierEmail, []byte(email(n)))] = n
	}
	type pair struct {
		exchange rules.ExchangeID
		n        int
	}
	recorded, rows := make(map[pair]bool), 0
	for row, err := range store.Disclosures(ctx, ledger.Query{Keys: keys}) {
		if err != nil {
			return account{}, fmt.Errorf("reading the ledger: %w", err)
		}
		rows++
		if n, ok := numbers[row.Record.IdentifierOf(rules.IdentifierEmail)]; ok && (row.State == rules.Delivered || row.State == rules.Unknown) {
			recorded[pair{row.Exchange, n}] = true
		}
	}
	var told [customers]int
	for p := range recorded {
		told[p.n]++
	}
	a := account{rows: rows, recorded: len(recorded)}
	b.mu.Lock()
	defer b.mu.Unlock()
	for n := range customers {
		a.shown += b.shown[n]
		a.lost += max(b.shown[n]-told[n], 0)
	}
	return a, nil
}
