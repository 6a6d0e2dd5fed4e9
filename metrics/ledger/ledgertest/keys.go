package ledgertest

import (
	"context"
	"testing"

	"github.com/ordergate/ordergate/metrics/ledger"
)

// anotherKey changes the key twice, among rows of one exchange. Each row is of the
// key that was the present one, the marks say so, and with the keys everything comes
// back as it was given; without them nothing that was sealed can be told.
func anotherKey(t *testing.T, open func(t *testing.T) ledger.Store) {
	ctx, dir := context.Background(), t.TempDir()
	first, err := ledger.LoadOrCreateKey(dir)
	must(t, err)
	_, second, err := ledger.RotateKey(dir, false)
	must(t, err)
	store := open(t)
	rows := Rows(0, 9)
	must(t, store.Append(ctx, rows[:1]))
	must(t, store.Rekey(ctx, first))
	must(t, store.Append(ctx, rows[1:5]))
	must(t, store.Rekey(ctx, second))
	must(t, store.Append(ctx, rows[5:]))
	equal(t, "the caller's rows", rows, Rows(0, 9))
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if err := store.Rekey(ended, first); err == nil {
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
	if err := store.Rekey(ctx, first); err == nil {
		t.Error("Rekey of a closed store: no error")
	}
}
