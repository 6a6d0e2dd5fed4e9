package sqlite

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/metrics/ledger/ledgertest"
	"github.com/ordergate/ordergate/rules"
)

// childDir names the directory for the child of TestKill.
const childDir = "ORDERGATE_LEDGER_CHILD_DIR"

// childRuns appends for ever when this process is the child, telling on stdout
// the number of every row that was acknowledged.
func childRuns() bool {
	dir := os.Getenv(childDir)
	if dir == "" {
		return false
	}
	first, err := strconv.Atoi(os.Getenv(childDir + "_FIRST"))
	if err != nil {
		fmt.Fprintln(os.Stdout, err)
		return true
	}
	store, err := Open(context.Background(), dir, Options{Key: "child"})
	if err != nil {
		fmt.Fprintln(os.Stdout, err)
		return true
	}
	led := ledger.New(store, ledger.Options{})
	var said sync.Mutex
	for worker := range 8 {
		go func() {
			for i := first + worker; ; i += 8 {
				if err := led.Append(context.Background(), ledgertest.Rows(i*2, 2)); err != nil {
					panic(err)
				}
				led.Finish(ledgertest.Exchange(i), rules.Delivered)
				said.Lock()
				fmt.Fprintln(os.Stdout, i)
				said.Unlock()
			}
		}()
	}
	select {}
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
	acknowledged := make(map[rules.ExchangeID]bool)
	for round := range *kills {
		lives(t, dir, round*100_000, 40+round*123%800, acknowledged)
		// A report reads beside the hot journal, before any writer opened it.
		reader, err := OpenReadOnly(context.Background(), dir)
		if err != nil {
			t.Fatal(err)
		}
		present := make(map[rules.ExchangeID]int)
		for i, row := range ledgertest.All(t, reader, ledger.Query{}) {
			if row.Sequence != int64(i+1) {
				t.Fatalf("row %d has sequence %d", i+1, row.Sequence)
			}
			present[row.Exchange]++
		}
		for exchange := range acknowledged {
			if present[exchange] != 2 {
				t.Fatalf("round %d: acknowledged exchange %s has %d rows, want 2", round, exchange, present[exchange])
			}
		}
		for exchange, n := range present {
			if n != 2 {
				t.Errorf("round %d: exchange %s has %d rows: want both or none", round, exchange, n)
			}
		}
		if err := reader.Close(); err != nil {
			t.Error(err)
		}
		if report, err := open2(t, dir).Verify(context.Background(), ledger.VerifyOptions{}); err != nil || len(report.Faults) > 1 || len(report.Faults) == 1 && !strings.Contains(report.Faults[0], "a writer that was killed leaves such an end") {
			t.Fatalf("round %d: verify: %v %v", round, err, report.Faults)
		}
	}
	t.Logf("%d acknowledged exchanges", len(acknowledged))
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

// lives starts a child, kills it after it has acknowledged some exchanges, and
// adds all that it said to acknowledged.
func lives(t *testing.T, dir string, first, lines int, acknowledged map[rules.ExchangeID]bool) {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^$") //nolint:gosec // this very test
	child.Env = append(os.Environ(), childDir+"="+dir, fmt.Sprintf("%s_FIRST=%d", childDir, first))
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	said, scanner := 0, bufio.NewScanner(out)
	for scanner.Scan() {
		i, err := strconv.Atoi(strings.TrimSpace(scanner.Text()))
		if err != nil {
			t.Fatalf("child said %q", scanner.Text())
		}
		acknowledged[ledgertest.Exchange(i)] = true
		if said++; said == lines {
			if err := child.Process.Kill(); err != nil { // SIGKILL; what it said before is still in the pipe
				t.Fatal(err)
			}
		}
	}
	if err := child.Wait(); err == nil {
		t.Fatal("the child ended by itself")
	}
	if said < lines {
		t.Fatalf("the child said %d lines, want %d", said, lines)
	}
}
