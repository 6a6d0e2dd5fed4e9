//go:build unix

package postgres

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/metrics/ledger/ledgertest"
	"github.com/ordergate/ordergate/metrics/ledger/postgres/pgtest"
)

func TestMain(m *testing.M) {
	if childRuns() {
		return
	}
	goleak.VerifyTestMain(m)
}

var databases atomic.Int64

// database is an empty database of its own.
func database(t testing.TB, server *pgtest.Server) string {
	t.Helper()
	return server.Database(t, fmt.Sprintf("ledger%d", databases.Add(1)))
}

// node is the gateway whose data_dir is dir.
func node(t testing.TB, dir string) Node {
	t.Helper()
	signer, err := ledger.LoadOrCreateSigner(dir)
	check(t, err)
	return Node{Name: signer.Name(), PublicKey: signer.PublicKey(), Key: "0011223344556677", Host: "gateway"}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// open opens a store and closes it with the test.
func open(t testing.TB, dir, url string, change ...func(*Options)) *Store {
	t.Helper()
	opts := Options{URL: url, Node: node(t, dir), Key: ledger.Key{ID: "0011223344556677"}}
	for _, c := range change {
		c(&opts)
	}
	store, err := Open(context.Background(), dir, opts)
	check(t, err)
	t.Cleanup(func() { check(t, store.Close()) })
	return store
}

func archiveOf(t testing.TB, url string) *Archive {
	t.Helper()
	a, err := OpenReadOnly(context.Background(), url)
	check(t, err)
	t.Cleanup(func() { check(t, a.Close()) })
	return a
}

// execute changes the database behind the ledger's back.
func execute(t testing.TB, url string, statements ...string) {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), url)
	check(t, err)
	for _, s := range statements {
		if _, err := conn.Exec(context.Background(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
	check(t, conn.Close(context.Background()))
}

func TestStore(t *testing.T) {
	server := pgtest.Start(t)
	type place struct{ dir, url string }
	var places sync.Map // one a subtest
	ledgertest.Test(t, func(t *testing.T) ledger.Store {
		p, ok := places.Load(t.Name())
		if !ok {
			p = place{t.TempDir(), database(t, server)}
			places.Store(t.Name(), p)
		}
		return open(t, p.(place).dir, p.(place).url)
	})
}
