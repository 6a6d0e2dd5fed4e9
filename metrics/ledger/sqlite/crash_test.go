package sqlite

import (
	"context"
	"flag"
	"strings"
	"testing"

	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/metrics/ledger/ledgertest"
)

// childRuns makes this process the child of TestKill, if it is.
func childRuns() bool {
	return ledgertest.ChildRuns(func(dir string) (ledger.Store, error) {
		return Open(context.Background(), dir, Options{Key: ledger.Key{ID: "child"}})
	})
}

// kills is how many times TestKill kills.
var kills = flag.Int("kills", 6, "how many times TestKill kills its process")

// A process that is killed at any moment has lost nothing that it
// acknowledged, and leaves a ledger that opens.
func TestKill(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	dir := t.TempDir()
	var killed ledgertest.Killed
	for round := range *kills {
		killed.Live(t, dir, round*100_000, func(told int, kill func()) {
			if told == 40+round*123%800 {
				kill()
			}
		})
		// A report reads beside the hot journal, before any writer opened it.
		reader, err := OpenReadOnly(context.Background(), dir)
		if err != nil {
			t.Fatal(err)
		}
		killed.Check(t, reader)
		if err := reader.Close(); err != nil {
			t.Error(err)
		}
		if report, err := open2(t, dir).Verify(context.Background(), ledger.VerifyOptions{}); err != nil || len(report.Faults) > 1 || len(report.Faults) == 1 && !strings.Contains(report.Faults[0], "a writer that was killed leaves such an end") {
			t.Fatalf("round %d: verify: %v %v", round, err, report.Faults)
		}
	}
}

func open2(t *testing.T, dir string) *Store {
	t.Helper()
	store, err := OpenReadOnly(context.Background(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return store
}
