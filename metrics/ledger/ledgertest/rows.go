package ledgertest

import (
	"context"
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/rules"
)

// start is the time of the first row that [Rows] makes.
var start = time.Date(2026, 3, 1, 12, 0, 0, 123456789, time.UTC)

// Digest returns a digest that differs for every n.
func Digest(n int) (d rules.Digest) {
	binary.BigEndian.PutUint64(d[:], uint64(n)*0x9e3779b97f4a7c15) //nolint:gosec // any bits will do
	d[15] = 1
	return d
}

// Exchange returns an exchange id that differs for every n.
func Exchange(n int) rules.ExchangeID { return rules.ExchangeID(Digest(n + 1<<40)) }

// Rows returns n valid rows, one minute apart, two to an exchange, beginning
// with number first: row i is of exchange i/2, subject i, session i/4.
func Rows(first, n int) []rules.Disclosure {
	rows := make([]rules.Disclosure, n)
	for k := range rows {
		i := first + k
		subject := rules.Identifier{Kind: rules.IdentifierEmail, Digest: Digest(i)}
		rows[k] = rules.Disclosure{
			Time:     start.Add(time.Duration(i) * time.Minute),
			Exchange: Exchange(i / 2),
			Principal: rules.Principal{
				Role: rules.Roles()[i%len(rules.Roles())], Session: Digest(1000 + i/4), IP: Digest(3000), Prefix: Digest(3001),
				Credential: i%2 == 0, Issued: i%3 == 0, Machine: i % 4,
			},
			Route: fmt.Sprintf("/orders/{id}/%d", i%3),
			Record: rules.Record{
				Subject:     subject,
				Identifiers: []rules.Identifier{subject, {Kind: rules.IdentifierPhone, Digest: Digest(5000 + i)}},
				Fields:      rules.Fields(1 + i%2047), //nolint:gosec // in range
			},
			Ownership: rules.Ownerships()[i%3],
			Config:    "0123456789abcdef",
		}
		if i%4 == 1 {
			rows[k].Principal.TLS, rows[k].Principal.ASN, rows[k].Principal.Contradicted = Digest(4000), Digest(4001+i%2), i%8 == 1
		}
		if i%5 == 0 {
			rows[k].Principal.Account = Digest(2000 + i/4)
		}
	}
	return rows
}

// All reads the selected rows and fails the test on an error.
func All(t *testing.T, store ledger.Store, query ledger.Query) []ledger.Row {
	t.Helper()
	var rows []ledger.Row
	for row, err := range store.Disclosures(context.Background(), query) {
		if err != nil {
			t.Fatalf("Disclosures: %v", err)
		}
		rows = append(rows, row)
	}
	return rows
}
