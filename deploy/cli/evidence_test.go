package cli

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/metrics/ledger/sqlite"
	"github.com/ordergate/ordergate/rules"
	"github.com/ordergate/ordergate/rules/record"
)

// evidence is a data_dir with a ledger that a test fills.
type evidence struct {
	t      *testing.T
	dir    string
	hasher *rules.Hasher
	store  *sqlite.Store
	rows   []rules.Disclosure
}

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func newEvidence(t *testing.T) *evidence {
	t.Helper()
	e := &evidence{t: t, dir: t.TempDir()}
	key, err := ledger.LoadOrCreateKey(e.dir)
	if err != nil {
		t.Fatal(err)
	}
	if e.hasher, err = rules.NewHasher(key.Secret); err != nil {
		t.Fatal(err)
	}
	if e.store, err = sqlite.Open(context.Background(), e.dir, sqlite.Options{Key: key}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.store.Close() })
	return e
}

// sent adds a released record, one minute after the one before it, with the
// identifiers of the values, such as "email=a@b.example".
func (e *evidence) sent(change func(*rules.Disclosure), values ...string) {
	e.t.Helper()
	var columns, cells []string
	for _, value := range values {
		column, cell, _ := strings.Cut(value, "=")
		columns, cells = append(columns, column), append(cells, cell)
	}
	ids := record.Identify(e.hasher, nil, columns, cells)
	if len(ids) == 0 {
		e.t.Fatalf("nothing in %q identifies anybody", values)
	}
	n := len(e.rows) + 1
	row := rules.Disclosure{
		Time: noon.Add(time.Duration(n) * time.Minute), Exchange: rules.ExchangeID{byte(n), 1},
		Principal: rules.Principal{Role: rules.RoleGuest, Session: rules.Digest{0xaa, byte(n)}},
		Route:     "/orders/{id}", Config: "0123456789abcdef",
		Record: rules.Record{Subject: ids[0], Identifiers: ids, Fields: rules.FieldName | rules.FieldEmail},
	}
	if change != nil {
		change(&row)
	}
	e.rows = append(e.rows, row)
}

// keep writes the rows and marks the exchanges delivered, except those that
// are left out.
func (e *evidence) keep(unknown ...int) {
	e.t.Helper()
	ctx := context.Background()
	if err := e.store.Append(ctx, e.rows); err != nil {
		e.t.Fatal(err)
	}
	var outcomes []ledger.Outcome
	for i, row := range e.rows {
		if !slices.Contains(unknown, i+1) {
			outcomes = append(outcomes, ledger.Outcome{Exchange: row.Exchange, State: rules.Delivered})
		}
	}
	if err := e.store.Finish(ctx, outcomes); err != nil {
		e.t.Fatal(err)
	}
}

func (e *evidence) file(name, content string) string {
	e.t.Helper()
	path := filepath.Join(e.dir, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		e.t.Fatal(err)
	}
	return path
}

// report runs the command beside the open writer.
func (e *evidence) report(c ReportAffected) (stdout, stderr string) {
	e.t.Helper()
	var out, notes bytes.Buffer
	c.DataDir, c.Now = e.dir, noon.Add(24*time.Hour)
	if err := c.Run(&out, &notes); err != nil {
		e.t.Fatalf("report: %v\n%s", err, notes.String())
	}
	return out.String(), notes.String()
}

// shop fills a ledger with the attack of the tests: three of five customers.
func shop(t *testing.T) *evidence {
	t.Helper()
	e := newEvidence(t)
	e.sent(nil, "email=Erika@Example.org", "phone=+61 412 345 678")
	e.sent(func(d *rules.Disclosure) { d.Record.Fields = rules.FieldPurchase; d.Ownership = rules.Unlinked }, "customer_id=1003", "phone=+61 412 000 003")
	e.sent(nil, "email=erika@example.org")
	e.sent(func(d *rules.Disclosure) { d.Ownership = rules.Own }, "email=own@example.org")
	e.sent(func(d *rules.Disclosure) { d.State = rules.Withheld }, "email=withheld@example.org")
	e.sent(nil, "name=Jürgen Müller", "street=Straße des 17. Juni 5")
	e.sent(nil, "email=gone@example.org")
	e.sent(func(d *rules.Disclosure) { d.State = rules.Attempted; d.Record = rules.Record{} }, "email=x@example.org")
	e.keep(6)
	return e
}

const list = "\xef\xbb\xbfKundennummer;First name;Last name;E-Mail;Phone;Street;Note\r\n" +
	"1001;Erika;Muster;ERIKA@example.org;+61 412 345 678;1 High St;\"=HYPERLINK(\"\"http://evil.example\"\")\"\r\n" +
	"1002;Max;Muster;max@example.org;+61 412 345 678;1 High St;same phone and street\r\n" +
	"1003;Ann;Other;ann@example.org;;\"2; Low Road\";\r\n" +
	"1004;Jürgen;Müller;jm@example.org;;Straße des 17. Juni 5\r\n" +
	"1005;With;Held;withheld@example.org;;;\r\n" +
	"1006;Her;Own;own@example.org;;;\r\n"

// reopen opens a data_dir's ledger as a gateway does.
func reopen(t *testing.T, dir string) *sqlite.Store {
	t.Helper()
	key, err := ledger.LoadKey(dir)
	if err != nil {
		t.Fatal(err)
	}
	store, err := sqlite.Open(context.Background(), dir, sqlite.Options{Key: key})
	if err != nil {
		t.Fatal(err)
	}
	return store
}
