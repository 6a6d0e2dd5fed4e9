package ledgertest

import (
	"context"
	"testing"

	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/rules"
)

// anotherKey changes the key twice, among rows of one exchange. Each row is of the
// key that was the present one, the marks say so, and with the keys everything comes
// back as it was given; without them nothing that was sealed can be told.
func anotherKey(t *testing.T, open func(t *testing.T) ledger.Store) {
	ctx, dir := context.Background(), t.TempDir()
	first, err := ledger.LoadOrCreateKey(dir)
	must(t, err)
	_, second, err := ledger.RotateKey(dir, nil)
	must(t, err)
	store := open(t)
	rows := Rows(0, 9)
	must(t, store.Append(ctx, rows[:1]))
	must(t, store.Rekey(ctx, "", first))
	must(t, store.Append(ctx, rows[1:5]))
	must(t, store.Rekey(ctx, "", second))
	must(t, store.Append(ctx, rows[5:]))
	equal(t, "the caller's rows", rows, Rows(0, 9))
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if err := store.Rekey(ended, "", first); err == nil {
		t.Error("Rekey with an ended context: no error")
	}
	must(t, store.Close())
	store = open(t)
	ring := ledger.NewKeyring([]ledger.Key{second, first})
	got := All(t, store, ledger.Query{Keys: ring})
	equal(t, "opened", plain(got), rows)
	of := map[string][]int64{}
	for _, row := range got {
		of[row.Key] = append(of[row.Key], row.Sequence)
	}
	equal(t, "rows of the first key", of[first.ID], []int64{2, 3, 4, 5})
	equal(t, "rows of the second key", of[second.ID], []int64{6, 7, 8, 9})
	// Rows 4 to 7 are of one session: see Rows.
	session := ledger.Query{Session: rows[4].Principal.Session, Keys: ring}
	equal(t, "of a session, across the change", numbers(All(t, store, session)), []int64{5, 6, 7, 8})
	session.Keys = ledger.NewKeyring([]ledger.Key{second})
	equal(t, "of a session, one key destroyed", numbers(All(t, store, session)), []int64{6, 7, 8})
	for _, row := range All(t, store, ledger.Query{})[1:] {
		made := &rows[row.Sequence-1]
		if row.Principal.Session == made.Principal.Session || row.Principal.IP == made.Principal.IP || row.Record.Subject == made.Record.Subject || row.Record.Identifiers[1] == made.Record.Identifiers[1] {
			t.Errorf("row %d can be told without its key", row.Sequence)
		}
	}
	var changes []string
	marks, err := store.Marks(ctx)
	must(t, err)
	for _, mark := range marks {
		if mark.Kind == ledger.MarkKey {
			changes = append(changes, mark.Detail)
		}
	}
	equal(t, "marks", changes, []string{got[0].Key + " " + first.ID, first.ID + " " + second.ID})
	must(t, store.Close())
	if err := store.Rekey(ctx, "", first); err == nil {
		t.Error("Rekey of a closed store: no error")
	}
}

// tenantKeys gives tenants keys of their own and takes one away: their rows are sealed
// with them, all others with the store's.
func tenantKeys(t *testing.T, open func(t *testing.T) ledger.Store) {
	ctx, dir := context.Background(), t.TempDir()
	own, err := ledger.LoadOrCreateKey(dir)
	must(t, err)
	north, err := ledger.LoadOrCreateTenantKey(dir, "north", own)
	must(t, err)
	south, err := ledger.LoadOrCreateTenantKey(dir, "south", own)
	must(t, err)
	store := open(t)
	must(t, store.Rekey(ctx, "", own))
	must(t, store.Rekey(ctx, "north", north))
	must(t, store.Rekey(ctx, "south", south))
	rows := Rows(0, 6)
	for i, tenant := range []string{"north", "south", "", "east"} {
		rows[i].Tenant = tenant
		rows[i].Record.Subject = rows[0].Record.Subject
		rows[i].Record.Identifiers[0] = rows[0].Record.Subject
	}
	rows[4].Tenant, rows[5].Tenant = "north", "south"
	must(t, store.Append(ctx, rows[:4])) // of one batch
	must(t, store.Rekey(ctx, "south", ledger.Key{}))
	must(t, store.Append(ctx, rows[4:]))
	var keys []string
	same := map[rules.Digest]int{}
	for i, row := range All(t, store, ledger.Query{}) {
		if keys = append(keys, row.Key); i < 4 {
			same[row.Record.Subject.Digest]++
		}
	}
	equal(t, "keys", keys, []string{north.ID, south.ID, own.ID, own.ID, north.ID, own.ID})
	equal(t, "digests of one customer at two tenants and at nobody's shop", len(same), 3)
	all, err := ledger.LoadKeys(dir)
	must(t, err)
	equal(t, "keys in the folder", []string{all[0].Tenant, all[1].Tenant, all[2].Tenant}, []string{"", "north", "south"})
	for i := range rows {
		rows[i].Tenant = "" // the key says it
	}
	equal(t, "opened", plain(All(t, store, ledger.Query{Keys: ledger.NewKeyring(all)})), rows)
	marks, err := store.Marks(ctx)
	must(t, err)
	last := ""
	for _, mark := range marks {
		if mark.Kind == ledger.MarkKey {
			last = mark.Detail
		}
	}
	equal(t, "the last change", last, south.ID+" - south")
	must(t, store.Close())
}
