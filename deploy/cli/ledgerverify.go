package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/rules"
)

// LedgerVerify is `ordergate ledger verify`: it reads the ledger and says what
// is wrong with it. It may run beside the gateway.
//
// It finds every changed byte of the rows' files, rows that were taken out, put
// in, reordered or rewritten, and a ledger that was cut off or restored from an
// old copy. Whoever can write to data_dir can also sign there: against them
// only a checkpoint that was kept elsewhere helps (Checkpoint).
type LedgerVerify struct {
	DataDir string `name:"data-dir" default:"./ordergate-data" type:"path" help:"The gateway's data_dir."`
	Source
	Since      string `help:"Only the days with rows from this time on: RFC 3339, a date, or how long ago (90m, 24h, 7d)." placeholder:"TIME"`
	Until      string `help:"Only the days with rows before this time: likewise." placeholder:"TIME"`
	Checkpoint string `help:"Compare with the checkpoints in this file, kept elsewhere." placeholder:"FILE" type:"path"`
	PublicKey  string `name:"public-key" help:"Check signatures with this key (a file or the key itself) instead of the one in data_dir." placeholder:"KEY"`
	Proof      string `help:"Check this proof of 'ledger prove' with --public-key; nothing else is read." placeholder:"FILE" type:"path"`
	Export     string `help:"Check this folder of 'ledger export' with --public-key; nothing else is read." placeholder:"DIR" type:"path"`
	JSON       bool   `name:"json" help:"Write the findings as JSON."`

	// Now is the time that durations in Since and Until are counted back from;
	// zero means the time of the call.
	Now time.Time `kong:"-"`
}

// Run writes the findings to stdout and returns an error if there is any fault.
func (c *LedgerVerify) Run(stdout, stderr io.Writer) error {
	if err := c.ofAll(); err != nil {
		return err
	}
	if c.Export != "" {
		return c.checkExport(console{stdout, stderr})
	}
	if c.Proof != "" {
		return c.checkProof(console{stdout, stderr})
	}
	opts, err := c.options()
	if err != nil {
		return err
	}
	ctx := context.Background()
	store, err := c.open(ctx, c.DataDir)
	if err != nil {
		return err
	}
	found, err := store.Verify(ctx, opts)
	if err := errors.Join(err, store.Close()); err != nil {
		return err
	}
	if opts.Verifier == nil && c.inFiles() {
		found.Note("signatures were not checked: there is no %s in data_dir; name the key with --public-key", ledger.PublicKeyFile)
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
		return FindingsError{fmt.Sprintf("ledger in %s has %d faults: copy it away as evidence, then restore what is damaged from a backup", c.place(), n)}
	}
	return nil
}

func (c *LedgerVerify) place() string {
	if c.inFiles() {
		return c.DataDir
	}
	return "the database"
}

// options reads the flags.
func (c *LedgerVerify) options() (opts ledger.VerifyOptions, err error) {
	now := c.Now
	if now.IsZero() {
		now = time.Now()
	}
	if opts.Since, err = moment("--since", c.Since, now); err != nil {
		return opts, err
	}
	if opts.Until, err = moment("--until", c.Until, now); err != nil {
		return opts, err
	}
	if c.PublicKey != "" || c.inFiles() {
		if opts.Verifier, err = verifier(c.PublicKey, c.DataDir); err != nil {
			return opts, err
		}
	}
	if c.Checkpoint == "" {
		return opts, nil
	}
	if opts.Kept, err = readCheckpoints(c.Checkpoint); err != nil {
		return opts, err
	}
	return opts, nil
}

// readCheckpoints reads a file with one or more checkpoints.
func readCheckpoints(path string) ([]ledger.Checkpoint, error) {
	text, err := os.ReadFile(path) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, fmt.Errorf("read the kept checkpoints: %w", err)
	}
	kept, err := ledger.ReadCheckpoints(text)
	if err != nil {
		return nil, usagef("%s: %v", path, err)
	}
	if len(kept) == 0 {
		return nil, usagef("%s holds no checkpoint", path)
	}
	return kept, nil
}

// verifier makes one from a key, a file with a key or, without either, from the
// public key in dir; nil if that is missing.
func verifier(key, dir string) (*ledger.Verifier, error) {
	path := key
	if path == "" {
		path = filepath.Join(dir, ledger.PublicKeyFile)
	}
	text, err := os.ReadFile(path) //nolint:gosec // the operator names the file
	switch {
	case err == nil:
		key = string(text)
	case key == "" && errors.Is(err, fs.ErrNotExist):
		return nil, nil //nolint:nilnil // says that there is none
	case key == "":
		return nil, fmt.Errorf("read the public key of checkpoints: %w", err)
	}
	v, err := ledger.NewVerifier(key)
	if err != nil {
		return nil, usagef("%v", err)
	}
	return v, nil
}

func writeFound(out io.Writer, found *ledger.Verification) error {
	_, err := fmt.Fprintf(out, "segments %d (%d not read), entries %d\nrows %d (%d to %d), deleted by retention %d, clock steps %d\n",
		found.Segments, found.Skipped, found.Entries, found.Rows, found.First, found.Last, found.Deleted, found.ClockSteps)
	put := func(format string, args ...any) {
		if err == nil {
			_, err = fmt.Fprintf(out, format+"\n", args...)
		}
	}
	for _, state := range rules.States() {
		put("%s %d", state, found.States[state.String()])
	}
	for i := range found.Nodes {
		n := &found.Nodes[i]
		put("%s: rows %d (%d to %d), tree of %d entries, root %s", n.Node, n.Rows, n.First, n.Last, n.Size, n.Root)
	}
	if len(found.Nodes) == 0 {
		put("tree of %d entries, root %s", found.Size, found.Root)
	}
	if found.Checkpoints > 0 {
		put("checkpoints that agree %d; the newest, of %s, proves %d entries", found.Checkpoints, stamp(found.SignedAt), found.Signed)
	} else {
		put("checkpoints that agree 0: nothing but checksums proves that nothing was rewritten")
	}
	for _, note := range found.Notes {
		put("note: %s", note)
	}
	for _, fault := range found.Faults {
		put("fault: %s", fault)
	}
	if len(found.Faults) == 0 {
		put("no faults")
	}
	return err
}
