package sqlite

import (
	"context"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/metrics/ledger/ledgertest"
)

func TestMain(m *testing.M) {
	if childRuns() {
		return
	}
	goleak.VerifyTestMain(m)
}

func TestStore(t *testing.T) {
	var dirs sync.Map // one a subtest
	ledgertest.Test(t, func(t *testing.T) ledger.Store {
		dir, ok := dirs.Load(t.Name())
		if !ok {
			dir = t.TempDir()
			dirs.Store(t.Name(), dir)
		}
		return open(t, dir.(string))
	})
}

func open(t testing.TB, dir string) *Store {
	t.Helper()
	store, err := Open(context.Background(), dir, Options{Key: ledger.Key{ID: "0011223344556677"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return store
}
