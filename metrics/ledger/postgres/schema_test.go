//go:build unix

package postgres

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/metrics/ledger/ledgertest"
	"github.com/ordergate/ordergate/metrics/ledger/postgres/pgtest"
	"github.com/ordergate/ordergate/rules"
)

// first makes a database what a program with schema 1 would have left there: a
// row for each entry.
func first(t *testing.T, url string) {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, url)
	check(t, err)
	rows, err := conn.Query(ctx, "SELECT to_char(day, 'YYYY-MM-DD'), node, leaf, leaves, kinds, entries FROM ordergate_block")
	check(t, err)
	type stored struct {
		day  string
		node int32
		block
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (s stored, err error) {
		return s, row.Scan(&s.day, &s.node, &s.leaf, &s.leaves, &s.kinds, &s.data)
	})
	check(t, err)
	made := make(map[string]bool)
	var batch pgx.Batch
	var p packer
	defer p.close()
	for i := range all {
		if day := all[i].day; !made[day] {
			made[day] = true
			batch.Queue(fmt.Sprintf("CREATE TABLE %s PARTITION OF ordergate_entry FOR VALUES FROM ('%s') TO (date '%s' + 1)", entryPartition(day), day, day))
		}
	}
	check(t, conn.SendBatch(ctx, &batch).Close())
	batch = pgx.Batch{}
	for i := range all {
		check(t, p.unpack(&all[i].block, func(e entry) error {
			batch.Queue("INSERT INTO ordergate_entry VALUES ($1::text::date, $2, $3, $4)", all[i].day, all[i].node, e.leaf, bytes.Clone(e.data))
			return nil
		}))
	}
	check(t, conn.SendBatch(ctx, &batch).Close())
	check(t, conn.Close(ctx))
	execute(t, url, "DROP TABLE ordergate_block, ordergate_packed", "UPDATE ordergate_schema SET version = 1")
}

// A database of schema 1 is used as it is: its rows are read, verified, proven and
// past their retention as ever, new ones come behind them, and packing it changes
// no entry. The same holds for blocks.
func TestOldSchema(t *testing.T) {
	server := pgtest.Start(t, "fsync=off")
	for name, old := range map[string]bool{"schema 1": true, "schema 2": false} {
		if testing.Short() && !old {
			continue
		}
		t.Run(name, func(t *testing.T) {
			url, dir := database(t, server), t.TempDir()
			gateway, last := threeDays(t, dir, url)
			if old {
				first(t, url)
			}
			usedAsItIs(t, dir, url, gateway, last)
		})
	}
}

func usedAsItIs(t *testing.T, dir, url string, gateway Node, last ledger.Checkpoint) {
	ctx := context.Background()
	store := open(t, dir, url)
	check(t, store.Append(ctx, ledgertest.Rows(2400, 60)))
	key, err := ledger.NewVerifier(gateway.PublicKey)
	check(t, err)
	look := func() (root string, rows []ledger.Row) {
		t.Helper()
		v, err := store.Verify(ctx, ledger.VerifyOptions{})
		if err != nil || len(v.Faults) != 0 || v.Rows != 2460 {
			t.Fatalf("verify: %v, %d rows, %q", err, v.Rows, v.Faults)
		}
		proof, err := store.Prove(ctx, gateway.Name, 1000, last.Size, 700)
		check(t, err)
		proof.Checkpoint = last.Note
		if proven, err := ledger.CheckProof(proof, key); err != nil || proven.Rows[0].Sequence != 1000 {
			t.Errorf("proof: %v %+v", err, proven)
		}
		if marks, err := store.Marks(ctx); err != nil || len(marks) < 4 {
			t.Errorf("marks: %v %v", err, marks)
		}
		one := ledgertest.All(t, store, ledger.Query{Exchange: ledgertest.Exchange(500)})
		if len(one) != 2 || one[0].State != rules.Delivered {
			t.Errorf("one exchange: %+v", one)
		}
		return v.Nodes[0].Root, ledgertest.All(t, store, ledger.Query{})
	}
	root, before := look()
	check(t, store.packDays(ctx))
	after, again := look()
	if root != after || len(before) != len(again) {
		t.Errorf("packing: root %s and %d rows, then %s and %d", root, len(before), after, len(again))
	}
	var blocks, entries int
	check(t, store.pool.QueryRow(ctx, "SELECT (SELECT count(*) FROM ordergate_block WHERE day < now() - interval '1 day'), (SELECT count(*) FROM ordergate_entry WHERE day < now() - interval '1 day')").Scan(&blocks, &entries))
	if blocks != 3 || entries != 0 {
		t.Errorf("three days take %d blocks and %d single entries, want 3 and 0", blocks, entries)
	}
	check(t, store.SaveIncident(ctx, rules.Incident{ID: "inc-1", State: rules.IncidentClosed, Opened: time.Unix(1, 0).UTC(), Updated: time.Unix(1, 0).UTC()}))
	if deleted, err := store.Retain(ctx, ledgertest.Rows(2000, 1)[0].Time); err != nil || deleted != 720 {
		t.Errorf("retention: %d rows, %v", deleted, err)
	}
	sound(t, archiveOf(t, url), 2460-720)
}

// A day with anything in it that is not the ledger's is evidence: packing leaves it
// as it is, and verify tells of it after as before.
func TestPackingLeavesEvidence(t *testing.T) {
	if testing.Short() {
		t.Skip("fills databases")
	}
	server := pgtest.Start(t, "fsync=off")
	threeDays(t, t.TempDir(), database(t, server))
	whole := fmt.Sprintf("ledger%d", databases.Load())
	for name, damage := range map[string]string{
		"a damaged block": "UPDATE ordergate_block SET entries = set_byte(entries, 500, get_byte(entries, 500) # 4) WHERE " + has1000,
		"a block put in":  "INSERT INTO ordergate_block SELECT day, node, leaf + 100000, leaves, kinds, entries FROM ordergate_block WHERE " + has1000,
		"a block gone":    "DELETE FROM ordergate_block WHERE " + has1000,
	} {
		t.Run(name, func(t *testing.T) {
			ctx := context.Background()
			copied := fmt.Sprintf("ledger%d", databases.Add(1))
			execute(t, server.URL("postgres"), fmt.Sprintf("CREATE DATABASE %s TEMPLATE %s", copied, whole))
			url := server.URL(copied)
			execute(t, url, damage)
			store := open(t, t.TempDir(), url)
			before, err := store.Verify(ctx, ledger.VerifyOptions{})
			check(t, err)
			check(t, store.packDays(ctx))
			after, err := store.Verify(ctx, ledger.VerifyOptions{})
			check(t, err)
			if len(before.Faults) == 0 || len(after.Faults) == 0 || before.Entries != after.Entries {
				t.Errorf("before: %d entries, %q\nafter: %d entries, %q", before.Entries, before.Faults, after.Entries, after.Faults)
			}
		})
	}
}

// shopRows are rows of a shop whose customers look at their own account: 6
// exchanges a visit, 200 visits at a time, digests as random as an HMAC's.
func shopRows(random *rand.Rand, n int, from time.Time, gap time.Duration) []rules.Disclosure {
	digest := func() (d rules.Digest) {
		for i := range d {
			d[i] = byte(random.Uint32())
		}
		return d
	}
	visitors := make([]rules.Disclosure, 200)
	left := make([]int, len(visitors))
	rows := make([]rules.Disclosure, n)
	for i := range rows {
		at := random.IntN(len(visitors))
		if left[at] == 0 {
			left[at] = 6
			record := rules.Record{Fields: rules.FieldName | rules.FieldEmail}
			for _, kind := range []rules.IdentifierKind{rules.IdentifierEmail, rules.IdentifierCustomerID, rules.IdentifierPhone, rules.IdentifierResidence} {
				record.Identifiers = append(record.Identifiers, rules.Identifier{Kind: kind, Digest: digest()})
			}
			record.Subject = record.Identifiers[0]
			visitors[at] = rules.Disclosure{
				Principal: rules.Principal{Role: rules.RoleShopper, Session: digest(), Account: digest(), IP: digest(), Prefix: digest(), Credential: true, Issued: true},
				Record:    record, Route: "/account/orders/{id}", Ownership: rules.Own, Config: "0123456789abcdef",
			}
		}
		left[at]--
		rows[i] = visitors[at]
		rows[i].Time, rows[i].Exchange = from.Add(time.Duration(i)*gap), rules.ExchangeID(digest())
	}
	return rows
}

// What a row and its outcome take in the database, with a commit for each row, as
// in a quiet shop, before and after its day is packed; doc.go has both, rounded up.
func TestBytesPerRow(t *testing.T) {
	const rows, fresh, packed = 1200, 450, 150
	if testing.Short() {
		t.Skip("waits for a thousand commits")
	}
	ctx := context.Background()
	server := pgtest.Start(t, "fsync=off")
	url := database(t, server)
	store := open(t, t.TempDir(), url)
	for _, row := range shopRows(rand.New(rand.NewPCG(5, 6)), rows, time.Date(2026, 3, 1, 1, 0, 0, 0, time.UTC), time.Second) { //nolint:gosec // a test's seed
		check(t, store.Append(ctx, []rules.Disclosure{row}))
		check(t, store.Finish(ctx, []ledger.Outcome{{Exchange: row.Exchange, State: rules.Delivered}}))
	}
	check(t, store.flush(ctx))
	size := func() (size int64) {
		check(t, store.pool.QueryRow(ctx, "SELECT pg_total_relation_size('ordergate_block_20260301')").Scan(&size))
		return size / rows
	}
	before := size()
	check(t, store.packDays(ctx))
	after := size()
	t.Logf("%d bytes a row, %d once its day is packed", before, after)
	if before > fresh || after > packed {
		t.Errorf("a row takes %d bytes and %d once its day is packed, doc.go says %d and %d", before, after, fresh, packed)
	}
	sound(t, archiveOf(t, url), rows)
}
