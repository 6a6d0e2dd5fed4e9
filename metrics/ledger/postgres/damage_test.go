//go:build unix

package postgres

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/metrics/ledger/ledgertest"
	"github.com/ordergate/ordergate/metrics/ledger/postgres/pgtest"
	"github.com/ordergate/ordergate/rules"
)

// threeDays fills a database with the rows of three days, with outcomes and a
// checkpoint every 600 rows, and returns the node and its last checkpoint.
func threeDays(t testing.TB, dir, url string) (Node, ledger.Checkpoint) {
	t.Helper()
	ctx := context.Background()
	signer, err := ledger.LoadOrCreateSigner(dir)
	check(t, err)
	store := open(t, dir, url)
	var last ledger.Checkpoint
	for at := 0; at < 2400; at += 60 {
		check(t, store.Append(ctx, ledgertest.Rows(at, 60)))
		var outcomes []ledger.Outcome
		for i := at/2 - 10; i < at/2+10; i++ { // some are of rows before midnight
			outcomes = append(outcomes, ledger.Outcome{Exchange: ledgertest.Exchange(i), State: rules.Delivered})
		}
		check(t, store.Finish(ctx, outcomes))
		if at%600 == 0 {
			head, err := store.Head(ctx)
			check(t, err)
			last, err = signer.Sign(head, time.Unix(int64(at), 0))
			check(t, err)
			check(t, store.SaveCheckpoint(ctx, last))
		}
	}
	check(t, store.SaveIncident(ctx, rules.Incident{ID: "inc-1", Opened: time.Unix(1, 0).UTC(), Updated: time.Unix(1, 0).UTC()}))
	check(t, store.Close())
	return node(t, dir), last
}

// damages are named: what is done to the database of three days behind the
// ledger's back, and what verify says of it. None: no fault.
var damages = map[string]struct {
	do   string
	says []string
}{
	"nothing":      {"SELECT 1", nil},
	"deleted row":  {"DELETE FROM ordergate_entry WHERE leaf = 1000", []string{"entries 1000 to 1000 are missing: they were deleted"}},
	"deleted rows": {"DELETE FROM ordergate_entry WHERE leaf BETWEEN 1000 AND 1200", []string{"entries 1000 to 1200 are missing"}},
	"cut off":      {"DELETE FROM ordergate_entry WHERE leaf > 2400", []string{"entries 2401 to", "were deleted"}},
	"cut off with care": {
		"DELETE FROM ordergate_entry WHERE leaf >= 1500; UPDATE ordergate_stretch SET leaves = 1500 - first_leaf WHERE first_leaf < 1500 AND first_leaf + leaves > 1500; DELETE FROM ordergate_stretch WHERE first_leaf >= 1500; UPDATE ordergate_node SET leaves = 1500",
		[]string{"the ledger ends with entry", "was signed: rows were cut off", "ordergate_node says"},
	},
	"changed byte":      {"UPDATE ordergate_entry SET entry = set_byte(entry, 40, get_byte(entry, 40) # 4) WHERE leaf = 1000", []string{"the history up to entry", "is not the one that was signed"}},
	"changed last byte": {"UPDATE ordergate_entry SET entry = set_byte(entry, length(entry) - 1, 65) WHERE leaf = 1000", []string{"the history up to entry"}},
	"dropped partition": {"DROP TABLE ordergate_entry_20260302", []string{"the partition ordergate_entry_20260302 was dropped"}},
	"dropped with care": {
		"DROP TABLE ordergate_entry_20260302; DELETE FROM ordergate_stretch WHERE day = '2026-03-02'",
		[]string{"are missing, before those of 2026-03-03"},
	},
	"reordered": {
		"UPDATE ordergate_entry SET leaf = -1 WHERE leaf = 1000; UPDATE ordergate_entry SET leaf = 1000 WHERE leaf = 1001; UPDATE ordergate_entry SET leaf = 1001 WHERE leaf = -1",
		[]string{"stands where row", "the history up to entry"},
	},
	"row put in":           {"INSERT INTO ordergate_entry SELECT day, node, leaf + 100000, entry FROM ordergate_entry WHERE leaf = 1000", []string{"belong to no log: they were put in"}},
	"outcome changed":      {"UPDATE ordergate_entry SET entry = set_byte(entry, length(entry) - 1, 2) WHERE leaf = (SELECT max(leaf) FROM ordergate_entry WHERE get_byte(entry, 0) = 2 AND leaf < 1500)", []string{"the history up to entry"}},
	"stretch changed":      {"UPDATE ordergate_stretch SET last_at = last_at - 1 WHERE day = '2026-03-02'", []string{"ordergate_stretch is not what its entries say"}},
	"edge changed":         {"UPDATE ordergate_stretch SET edge = set_byte(edge, 3, get_byte(edge, 3) # 1) WHERE day = '2026-03-02'", []string{"after other entries than those before it"}},
	"head changed":         {"UPDATE ordergate_node SET edge = set_byte(edge, 3, get_byte(edge, 3) # 1)", []string{"ordergate_node says"}},
	"late outcome deleted": {"DELETE FROM ordergate_late", []string{"ordergate_late is not what its entries say"}},
	"inner node changed":   {"UPDATE ordergate_hash SET hash = set_byte(hash, 3, get_byte(hash, 3) # 1) WHERE level = 10", []string{"in ordergate_hash are not what the entries say"}},
	"inner node deleted":   {"DELETE FROM ordergate_hash WHERE level = 10", []string{"are missing in ordergate_hash"}},
	"checkpoint changed":   {"UPDATE ordergate_checkpoint SET note = replace(note, 'row 6', 'row 7')", []string{"its signature is not that of the known key"}},
	"incident changed":     {`UPDATE ordergate_incident SET body = replace(body, '1970', '1971')`, []string{"incident inc-1 is not what was saved"}},
}

func TestDamages(t *testing.T) {
	server := pgtest.Start(t, "fsync=off")
	dir := t.TempDir()
	threeDays(t, dir, database(t, server))
	whole := fmt.Sprintf("ledger%d", databases.Load())
	for name, test := range damages {
		t.Run(name, func(t *testing.T) {
			copied := fmt.Sprintf("ledger%d", databases.Add(1))
			execute(t, server.URL("postgres"), fmt.Sprintf("CREATE DATABASE %s TEMPLATE %s", copied, whole))
			url := server.URL(copied)
			for _, statement := range strings.Split(test.do, ";") {
				execute(t, url, statement)
			}
			v, err := archiveOf(t, url).Verify(context.Background(), ledger.VerifyOptions{})
			check(t, err)
			said := strings.Join(v.Faults, "\n")
			for _, want := range test.says {
				if !strings.Contains(said, want) {
					t.Errorf("verify does not say %q but:\n%s", want, said)
				}
			}
			if len(test.says) == 0 && (said != "" || v.Rows != 2400 || v.Checkpoints != 4) {
				t.Errorf("verify: %+v", v)
			}
		})
	}
}

// Against checkpoints that were kept elsewhere nothing helps that is done to the
// database: neither a history without its checkpoints, nor one of nobody at all.
func TestKeptCheckpoints(t *testing.T) {
	ctx := context.Background()
	server := pgtest.Start(t, "fsync=off")
	url := database(t, server)
	threeDays(t, t.TempDir(), url)
	a := archiveOf(t, url)
	kept, err := a.Checkpoints(ctx)
	check(t, err)
	verify := func() string {
		v, err := a.Verify(ctx, ledger.VerifyOptions{Kept: kept})
		check(t, err)
		return strings.Join(v.Faults, "\n")
	}
	if said := verify(); said != "" {
		t.Errorf("as it is: %s", said)
	}
	execute(t, url, "DELETE FROM ordergate_checkpoint WHERE size > 1000")
	for _, statement := range strings.Split(damages["cut off with care"].do, ";") {
		execute(t, url, statement)
	}
	if said := verify(); !strings.Contains(said, "kept checkpoint") {
		t.Errorf("cut off, with its checkpoints: %q", said)
	}
	for _, table := range []string{"node", "stretch", "entry", "late", "hash", "checkpoint", "incident", "binding"} {
		execute(t, url, "DELETE FROM ordergate_"+table)
	}
	if said := verify(); !strings.Contains(said, "has nothing of "+kept[0].Origin()) {
		t.Errorf("emptied: %q", said)
	}
}

// Whichever byte of whichever entry before the last checkpoint is changed to
// whatever: verify finds it.
func TestEveryByte(t *testing.T) {
	server := pgtest.Start(t, "fsync=off")
	url, dir := database(t, server), t.TempDir()
	_, last := threeDays(t, dir, url)
	changes := 100
	if testing.Short() {
		changes = 10
	}
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, url)
	check(t, err)
	a := archiveOf(t, url)
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // a test's seed
	for n := range changes {
		leaf, by := random.Int64N(last.Size), 1+random.IntN(255)
		var size int
		check(t, conn.QueryRow(ctx, "SELECT length(entry) FROM ordergate_entry WHERE leaf = $1", leaf).Scan(&size))
		at := random.IntN(size)
		change := "UPDATE ordergate_entry SET entry = set_byte(entry, $2, get_byte(entry, $2) # $3) WHERE leaf = $1"
		_, err := conn.Exec(ctx, change, leaf, at, by)
		check(t, err)
		if v, err := a.Verify(ctx, ledger.VerifyOptions{}); err != nil || len(v.Faults) == 0 {
			t.Errorf("change %d: byte %d of entry %d by %#x was not found (%v)", n, at, leaf, by, err)
		}
		_, err = conn.Exec(ctx, change, leaf, at, by)
		check(t, err)
	}
	sound(t, a, 2400)
	check(t, conn.Close(ctx))
}

// Several gateways write one database: each has a log of its own, reports see
// all rows, and a proof of one's row holds with that one's key. A hold of one
// keeps the rows of all.
func TestSeveralGateways(t *testing.T) {
	ctx := context.Background()
	server := pgtest.Start(t, "fsync=off")
	url := database(t, server)
	one, two := t.TempDir(), t.TempDir()
	first, last := threeDays(t, one, url)
	signer, err := ledger.LoadOrCreateSigner(two)
	check(t, err)
	store := open(t, two, url)
	check(t, store.Append(ctx, ledgertest.Rows(5000, 100)))
	check(t, store.Finish(ctx, []ledger.Outcome{{Exchange: ledgertest.Exchange(2510), State: rules.Withheld}}))
	head, err := store.Head(ctx)
	check(t, err)
	signed, err := signer.Sign(head, time.Unix(1, 0))
	check(t, err)
	check(t, store.SaveCheckpoint(ctx, signed))
	rows := ledgertest.All(t, store, ledger.Query{})
	if len(rows) != 2500 || rows[0].Node != first.Name || rows[2400].Node != signer.Name() || rows[2400].Sequence != 1 || rows[2420].State != rules.Withheld {
		t.Fatalf("%d rows, from %q, then %+v", len(rows), rows[0].Node, rows[2400])
	}
	a := archiveOf(t, url)
	v, err := a.Verify(ctx, ledger.VerifyOptions{})
	if err != nil || len(v.Faults) != 0 || len(v.Nodes) != 2 || v.Rows != 2500 {
		t.Fatalf("verify: %v %+v", err, v)
	}
	// Proofs, in the middle, of a row with a late outcome, and of another node's.
	key, err := ledger.NewVerifier(first.PublicKey)
	check(t, err)
	for _, sequence := range []int64{1, 719, 1000, 1800} {
		proof, err := a.Prove(ctx, first.Name, sequence, last.Size, 700)
		check(t, err)
		proof.Checkpoint = last.Note
		proven, err := ledger.CheckProof(proof, key)
		if err != nil || len(proven.Rows) != 1 || proven.Rows[0].Sequence != sequence {
			t.Errorf("row %d: %v %+v", sequence, err, proven)
		}
	}
	proof, err := a.Prove(ctx, signer.Name(), 21, signed.Size, 0)
	check(t, err)
	proof.Checkpoint = signed.Note
	if other, err := ledger.NewVerifier(signer.PublicKey()); err != nil {
		t.Error(err)
	} else if proven, err := ledger.CheckProof(proof, other); err != nil || len(proven.Endings) != 1 {
		t.Errorf("a row of the other: %v %+v", err, proven)
	}
	if _, err := ledger.CheckProof(proof, key); err == nil {
		t.Error("a proof holds with another gateway's key")
	}
	// The first one's incident is open since 1970: nothing goes.
	if deleted, err := store.Retain(ctx, time.Now()); err != nil || deleted != 0 {
		t.Errorf("under a hold: %d rows deleted, %v", deleted, err)
	}
	again := open(t, one, url)
	check(t, again.SaveIncident(ctx, rules.Incident{ID: "inc-1", State: rules.IncidentClosed, Opened: time.Unix(1, 0).UTC(), Updated: time.Unix(1, 0).UTC()}))
	if _, err := again.Retain(ctx, ledgertest.Rows(2000, 1)[0].Time); err != nil {
		t.Fatal(err)
	}
	if got := len(ledgertest.All(t, store, ledger.Query{})); got != 2500-720 {
		t.Errorf("%d rows are kept, want the last two days and the other gateway's", got)
	}
	v, err = a.Verify(ctx, ledger.VerifyOptions{})
	if err != nil || len(v.Faults) != 0 || v.Deleted != 720 {
		t.Errorf("after retention: %v %+v", err, v.Faults)
	}
}

// What a row takes in the database; what doc.go says is rounded up from it.
func TestBytesPerRow(t *testing.T) {
	server := pgtest.Start(t, "fsync=off")
	url := database(t, server)
	store := open(t, t.TempDir(), url)
	const n = 20_000
	for at := 0; at < n; at += 500 {
		check(t, store.Append(context.Background(), ledgertest.Rows(at, 500)))
	}
	var size int64
	check(t, store.pool.QueryRow(context.Background(), "SELECT sum(pg_total_relation_size(inhrelid)) FROM pg_inherits WHERE inhparent = 'ordergate_entry'::regclass").Scan(&size))
	if row := size / n; row > 330 {
		t.Errorf("a row takes %d bytes, doc.go says 330", row)
	} else {
		t.Logf("%d bytes a row", row)
	}
}

// BenchmarkAppend writes through the group commit in front of the store, 64
// callers with 5 rows each, durable in spool and database.
func BenchmarkAppend(b *testing.B) {
	server := pgtest.Start(b)
	store := open(b, b.TempDir(), database(b, server))
	led := ledger.New(store, ledger.Options{})
	b.SetParallelism(32)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			if err := led.Append(context.Background(), ledgertest.Rows(i*10, 5)); err != nil {
				b.Error(err)
			}
		}
	})
	b.ReportMetric(float64(5*b.N)/b.Elapsed().Seconds(), "rows/s")
	b.StopTimer()
	check(b, led.Close(context.Background()))
}
