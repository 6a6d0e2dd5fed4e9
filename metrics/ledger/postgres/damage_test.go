//go:build unix

package postgres

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/klauspost/compress/zstd"

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
// ledger's back, in SQL or to the entries of the block that has entry 1000, and
// what verify says of it. None: no fault.
var damages = map[string]struct {
	do   string
	edit func(leaf int64, entries [][]byte) [][]byte // leaf is the first entry's number
	says []string
}{
	"nothing": {do: "SELECT 1"},
	"deleted row": {edit: func(leaf int64, entries [][]byte) [][]byte {
		return slices.Delete(entries, int(1000-leaf), int(1001-leaf))
	}, says: []string{"are missing: they were deleted"}},
	"deleted block":  {do: "DELETE FROM ordergate_block WHERE " + has1000, says: []string{"are missing: they were deleted"}},
	"deleted blocks": {do: "DELETE FROM ordergate_block WHERE leaf BETWEEN 1000 AND 1200", says: []string{"are missing: they were deleted"}},
	"cut off":        {do: "DELETE FROM ordergate_block WHERE leaf > 2300", says: []string{"entries 2", "were deleted"}},
	"cut off with care": {
		do: "DELETE FROM ordergate_block WHERE leaf >= 1500; UPDATE ordergate_stretch SET leaves = (SELECT max(leaf + leaves) FROM ordergate_block) - first_leaf WHERE first_leaf < 1500 AND first_leaf + leaves > 1500; " +
			"DELETE FROM ordergate_stretch WHERE first_leaf >= 1500; UPDATE ordergate_node SET leaves = (SELECT max(leaf + leaves) FROM ordergate_block)",
		says: []string{"the ledger ends with entry", "was signed: rows were cut off", "ordergate_node says"},
	},
	"changed byte": {edit: func(leaf int64, entries [][]byte) [][]byte {
		entries[1000-leaf][40] ^= 4
		return entries
	}, says: []string{"the history up to entry", "is not the one that was signed"}},
	"changed last byte": {edit: func(leaf int64, entries [][]byte) [][]byte {
		e := entries[1000-leaf]
		e[len(e)-1] ^= 0x15
		return entries
	}, says: []string{"the history up to entry"}},
	"changed compressed byte": {do: "UPDATE ordergate_block SET entries = set_byte(entries, 500, get_byte(entries, 500) # 4) WHERE " + has1000, says: []string{"cannot be read"}},
	"emptied block":           {do: "UPDATE ordergate_block SET entries = '' WHERE " + has1000, says: []string{"cannot be read: ordergate_block has something else"}},
	"kinds changed":           {do: "UPDATE ordergate_block SET kinds = 8 WHERE " + has1000, says: []string{"cannot be read: ordergate_block has something else"}},
	"count changed":           {do: "UPDATE ordergate_block SET leaves = leaves - 1 WHERE " + has1000, says: []string{"cannot be read: ordergate_block has something else"}},
	"dropped partition":       {do: "DROP TABLE ordergate_block_20260302", says: []string{"the partition ordergate_block_20260302 was dropped"}},
	"dropped with care": {
		do:   "DROP TABLE ordergate_block_20260302; DELETE FROM ordergate_stretch WHERE day = '2026-03-02'",
		says: []string{"are missing, before those of 2026-03-03"},
	},
	"reordered": {edit: func(leaf int64, entries [][]byte) [][]byte {
		entries[1000-leaf], entries[1001-leaf] = entries[1001-leaf], entries[1000-leaf]
		return entries
	}, says: []string{"stands where row", "the history up to entry"}},
	"block put in":  {do: "INSERT INTO ordergate_block SELECT day, node, leaf + 100000, leaves, kinds, entries FROM ordergate_block WHERE " + has1000, says: []string{"belong to no log: they were put in"}},
	"block doubled": {do: "INSERT INTO ordergate_block SELECT day, node, leaf + 1, leaves, kinds, entries FROM ordergate_block WHERE " + has1000, says: []string{"is there twice"}},
	"row put in the old table": {
		do:   "CREATE TABLE old PARTITION OF ordergate_entry FOR VALUES FROM ('2026-03-01') TO ('2026-03-04'); INSERT INTO ordergate_entry VALUES ('2026-03-01', 1, 100000, '\\x01')",
		says: []string{"belong to no log: they were put in"},
	},
	"outcome changed": {edit: func(_ int64, entries [][]byte) [][]byte {
		for _, e := range entries {
			if ledger.EntryKind(e[0]) == ledger.EntryOutcomes {
				e[len(e)-1] = 2
			}
		}
		return entries
	}, says: []string{"the history up to entry"}},
	"stretch changed":      {do: "UPDATE ordergate_stretch SET last_at = last_at - 1 WHERE day = '2026-03-02'", says: []string{"ordergate_stretch is not what its entries say"}},
	"edge changed":         {do: "UPDATE ordergate_stretch SET edge = set_byte(edge, 3, get_byte(edge, 3) # 1) WHERE day = '2026-03-02'", says: []string{"after other entries than those before it"}},
	"head changed":         {do: "UPDATE ordergate_node SET edge = set_byte(edge, 3, get_byte(edge, 3) # 1)", says: []string{"ordergate_node says"}},
	"late outcome deleted": {do: "DELETE FROM ordergate_late", says: []string{"ordergate_late is not what its entries say"}},
	"inner node changed":   {do: "UPDATE ordergate_hash SET hash = set_byte(hash, 3, get_byte(hash, 3) # 1) WHERE level = 10", says: []string{"in ordergate_hash are not what the entries say"}},
	"inner node deleted":   {do: "DELETE FROM ordergate_hash WHERE level = 10", says: []string{"are missing in ordergate_hash"}},
	"checkpoint changed":   {do: "UPDATE ordergate_checkpoint SET note = replace(note, 'row 6', 'row 7')", says: []string{"its signature is not that of the known key"}},
	"incident changed":     {do: `UPDATE ordergate_incident SET body = replace(body, '1970', '1971')`, says: []string{"incident inc-1 is not what was saved"}},
}

// has1000 selects the block with entry 1000.
const has1000 = "leaf <= 1000 AND leaf + leaves > 1000"

// edit changes the entries of the block that has an entry.
func edit(t *testing.T, url string, leaf int64, change func(int64, [][]byte) [][]byte) {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, url)
	check(t, err)
	var b block
	check(t, conn.QueryRow(ctx, "SELECT leaf, leaves, kinds, entries FROM ordergate_block WHERE leaf <= $1 AND leaf + leaves > $1", leaf).Scan(&b.leaf, &b.leaves, &b.kinds, &b.data))
	var p packer
	defer p.close()
	var entries [][]byte
	check(t, p.unpack(&b, func(e entry) error {
		entries = append(entries, bytes.Clone(e.data))
		return nil
	}))
	changed, err := p.pack(b.leaf, change(b.leaf, entries), zstd.SpeedFastest)
	check(t, err)
	_, err = conn.Exec(ctx, "UPDATE ordergate_block SET leaves = $2, kinds = $3, entries = $4 WHERE leaf = $1", b.leaf, changed.leaves, changed.kinds, changed.data)
	check(t, err)
	check(t, conn.Close(ctx))
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
			if test.edit != nil {
				edit(t, url, 1000, test.edit)
			} else {
				execute(t, url, strings.Split(test.do, ";")...)
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
	for _, table := range []string{"node", "stretch", "block", "late", "hash", "checkpoint", "incident", "binding"} {
		execute(t, url, "DELETE FROM ordergate_"+table)
	}
	if said := verify(); !strings.Contains(said, "has nothing of "+kept[0].Origin()) {
		t.Errorf("emptied: %q", said)
	}
}

// Whichever byte of whichever entry before the last checkpoint is changed to
// whatever, or whichever byte of what the database has for it: verify finds it.
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
		at := 0
		change := func(first int64, entries [][]byte) [][]byte {
			e := entries[leaf-first]
			at %= len(e)
			e[at] ^= byte(by)
			return entries
		}
		stored := "UPDATE ordergate_block SET entries = set_byte(entries, $2 % length(entries), get_byte(entries, $2 % length(entries)) # $3) WHERE leaf <= $1 AND leaf + leaves > $1"
		flip := func() {
			if n%2 == 0 {
				edit(t, url, leaf, change)
				return
			}
			_, err := conn.Exec(ctx, stored, leaf, at, by)
			check(t, err)
		}
		at = random.IntN(1 << 20)
		flip()
		if v, err := a.Verify(ctx, ledger.VerifyOptions{}); err != nil || len(v.Faults) == 0 {
			t.Errorf("change %d: byte %d of entry %d by %#x was not found (%v)", n, at, leaf, by, err)
		}
		flip()
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
	// Proofs of what is kept need nothing of what is gone.
	proof, err = a.Prove(ctx, first.Name, 1800, last.Size, 0)
	check(t, err)
	proof.Checkpoint = last.Note
	if _, err := ledger.CheckProof(proof, key); err != nil {
		t.Errorf("after retention: %v", err)
	}
	hashes := func() (n, late int) {
		check(t, store.pool.QueryRow(ctx, "SELECT (SELECT count(*) FROM ordergate_hash), (SELECT count(*) FROM ordergate_late)").Scan(&n, &late))
		return n, late
	}
	if n, late := hashes(); n == 0 || late == 0 {
		t.Errorf("%d inner nodes and %d late outcomes are kept of two days, want some", n, late)
	}
	// The days go; the two that ran today have marks in today's partition.
	if _, err := again.Retain(ctx, time.Now()); err != nil {
		t.Fatal(err)
	}
	if n, late := hashes(); n != 0 || late != 0 {
		t.Errorf("%d inner nodes and %d late outcomes are kept of rows that are gone", n, late)
	}
	sound(t, a, 0)
}

// BenchmarkAppend is durable in spool and database.
func BenchmarkAppend(b *testing.B) {
	server := pgtest.Start(b)
	ledgertest.BenchmarkAppend(b, func(b *testing.B) ledger.Store {
		return open(b, b.TempDir(), database(b, server))
	})
}

// BenchmarkPaced is durable in spool and database.
func BenchmarkPaced(b *testing.B) {
	server := pgtest.Start(b)
	ledgertest.BenchmarkPaced(b, open(b, b.TempDir(), database(b, server)))
}
