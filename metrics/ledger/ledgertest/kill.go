package ledgertest

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/rules"
)

// In the environment of a child: the directory of its ledger, and the number of
// its first exchange.
const (
	childDir   = "ORDERGATE_LEDGER_CHILD_DIR"
	childFirst = "ORDERGATE_LEDGER_CHILD_FIRST"
)

// ChildRuns is for a TestMain: where the process is a child of [Killed], it appends
// for ever to the store that open returns, telling on stdout the number of every
// exchange that was acknowledged. It returns false in a test's own process.
func ChildRuns(open func(dir string) (ledger.Store, error)) bool {
	dir := os.Getenv(childDir)
	if dir == "" {
		return false
	}
	first, err := strconv.Atoi(os.Getenv(childFirst))
	if err != nil {
		fmt.Fprintln(os.Stdout, err)
		return true
	}
	store, err := open(dir)
	if err != nil {
		fmt.Fprintln(os.Stdout, err)
		return true
	}
	led := ledger.New(store, ledger.Options{})
	var said sync.Mutex
	for worker := range 8 {
		go func() {
			for i := first + worker; ; i += 8 {
				if err := led.Append(context.Background(), Rows(i*2, 2)); err != nil {
					panic(err)
				}
				led.Finish(Exchange(i), rules.Delivered)
				said.Lock()
				fmt.Fprintln(os.Stdout, i)
				said.Unlock()
			}
		}()
	}
	select {}
}

// Killed is what processes acknowledged that were killed: each exchange has two
// rows. The zero value is ready.
type Killed struct {
	acknowledged map[rules.ExchangeID]bool
}

// Live starts a child on a directory, with more in its environment, and calls each
// with how many exchanges it has told, until that kills it.
func (k *Killed) Live(t *testing.T, dir string, first int, each func(told int, kill func()), env ...string) {
	t.Helper()
	if k.acknowledged == nil {
		k.acknowledged = make(map[rules.ExchangeID]bool)
	}
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^$") //nolint:gosec // this very test
	child.Env = append(append(os.Environ(), childDir+"="+dir, fmt.Sprintf("%s=%d", childFirst, first)), env...)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	killed, told, scanner := false, 0, bufio.NewScanner(out)
	for scanner.Scan() { // what it said before it was killed is still in the pipe
		i, err := strconv.Atoi(strings.TrimSpace(scanner.Text()))
		if err != nil {
			t.Fatalf("the child said %q", scanner.Text())
		}
		k.acknowledged[Exchange(i)] = true
		told++
		each(told, func() {
			killed = true
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		})
	}
	if err := child.Wait(); err == nil || !killed {
		t.Fatalf("the child ended by itself after %d exchanges: %v", told, err)
	}
}

// Check holds that a store has every acknowledged exchange, each whole and once,
// and its rows without a gap.
func (k *Killed) Check(t *testing.T, store ledger.Store) {
	t.Helper()
	present := make(map[rules.ExchangeID]int)
	for i, row := range All(t, store, ledger.Query{}) {
		if row.Sequence != int64(i+1) {
			t.Fatalf("row %d has sequence %d", i+1, row.Sequence)
		}
		present[row.Exchange]++
	}
	for exchange := range k.acknowledged {
		if present[exchange] != 2 {
			t.Fatalf("acknowledged exchange %s has %d rows, want 2", exchange, present[exchange])
		}
	}
	for exchange, n := range present {
		if n != 2 {
			t.Errorf("exchange %s has %d rows: want both or none", exchange, n)
		}
	}
	t.Logf("%d acknowledged exchanges", len(k.acknowledged))
}
