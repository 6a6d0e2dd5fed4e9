package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/ordergate/ordergate/metrics/ledger/sqlite"
	"github.com/ordergate/ordergate/rules"
)

// LedgerVerify is `ordergate ledger verify`: it reads the whole ledger and says
// what is wrong with it. It may run beside the gateway. It finds damage to the
// database, rows that cannot be read, and numbers that are missing at the front
// or in the middle; it cannot yet tell a row that somebody rewrote with care.
type LedgerVerify struct {
	DataDir string `name:"data-dir" default:"./ordergate-data" type:"path" help:"The gateway's data_dir."`
	JSON    bool   `name:"json" help:"Write the findings as JSON."`
}

// Run writes the findings to stdout and returns an error if there is any fault.
func (c *LedgerVerify) Run(stdout, _ io.Writer) error {
	ctx := context.Background()
	store, err := sqlite.OpenReadOnly(ctx, c.DataDir)
	if err != nil {
		return err
	}
	found, err := store.Verify(ctx)
	if err := errors.Join(err, store.Close()); err != nil {
		return err
	}
	if c.JSON {
		err = json.NewEncoder(stdout).Encode(found)
	} else {
		err = writeFound(stdout, &found)
	}
	if err != nil {
		return fmt.Errorf("write the findings: %w", err)
	}
	if n := len(found.Faults); n > 0 {
		return fmt.Errorf("ledger in %s has %d faults: stop the gateway, copy data_dir away as evidence, then restore a backup", c.DataDir, n)
	}
	return nil
}

func writeFound(out io.Writer, found *sqlite.Report) error {
	_, err := fmt.Fprintf(out, "rows %d (%d to %d), deleted by retention %d, clock steps %d\n",
		found.Rows, found.First, found.Last, found.Deleted, found.ClockSteps)
	for _, state := range rules.States() {
		_, more := fmt.Fprintf(out, "%s %d\n", state, found.States[state.String()])
		err = errors.Join(err, more)
	}
	for _, fault := range found.Faults {
		_, more := fmt.Fprintf(out, "fault: %s\n", fault)
		err = errors.Join(err, more)
	}
	if len(found.Faults) == 0 {
		_, more := fmt.Fprintln(out, "no faults")
		err = errors.Join(err, more)
	}
	return err
}
