package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/metrics/ledger/postgres"
	"github.com/ordergate/ordergate/metrics/ledger/sqlite"
)

// LedgerMigrate is `ordergate ledger migrate`: it copies a ledger from data_dir
// into a database that several gateways share, or one gateway's log from there
// into a new folder. What is there already is left alone, so it may be
// interrupted and run again; at the end the copy is verified. The gateway must
// not run meanwhile.
//
// A gateway that is given ledger.store: postgres://… copies its own data_dir by
// itself, while it serves.
type LedgerMigrate struct {
	From string `required:"" help:"Where the ledger is: a data_dir, or postgres://user@host/database." placeholder:"DIR|URL"`
	To   string `required:"" help:"Where it goes: likewise. A folder must be empty, or have the gateway's keys in it." placeholder:"DIR|URL"`
	Node string `help:"Whose log, where several gateways write the database: the name of its checkpoint key." placeholder:"NAME"`
}

// Run copies, telling how far it is on stderr.
func (c *LedgerMigrate) Run(stdout, stderr io.Writer) error {
	ctx := context.Background()
	from, to := isAddress(c.From), isAddress(c.To)
	if from == to {
		return usagef("--from %s --to %s: one is a folder, the other a database: postgres://user@host/database", shownAddress(c.From), shownAddress(c.To))
	}
	p := &meter{out: stderr, tty: isTerminal(stderr), now: time.Now}
	if to {
		return c.toDatabase(ctx, p, stdout)
	}
	return c.toFiles(ctx, p, stdout)
}

func isAddress(text string) bool {
	return strings.HasPrefix(text, "postgres://") || strings.HasPrefix(text, "postgresql://")
}

// shownAddress leaves out what may be a password.
func shownAddress(text string) string {
	if i := strings.LastIndexByte(text, '@'); i >= 0 {
		return "…" + text[i:]
	}
	return text
}

func (c *LedgerMigrate) toDatabase(ctx context.Context, p *meter, stdout io.Writer) error {
	signer, err := ledger.LoadSigner(c.From)
	if err != nil {
		return err
	}
	key, err := ledger.LoadKey(c.From)
	if err != nil {
		return err
	}
	gap := int64(0)
	found, err := postgres.Import(ctx, c.From, postgres.Options{
		URL: c.To, Node: postgres.Node{Name: signer.Name(), PublicKey: signer.PublicKey(), Key: key.Digests(), Host: hostname()}, Key: key,
		Gap: func(rows int64) { gap += rows },
	}, p.show)
	p.end()
	if errors.Is(err, sqlite.ErrLocked) {
		return fmt.Errorf("%w: stop the gateway first; or give it ledger.store, and it copies its ledger itself", err)
	} else if err != nil {
		return err
	}
	if gap > 0 {
		found.Fault("%d rows are not in %s any more and not in the database", gap, c.From)
	}
	return c.tell(stdout, &found)
}

func hostname() string {
	name, _ := os.Hostname() // it only helps whoever looks at the table
	return name
}

func (c *LedgerMigrate) toFiles(ctx context.Context, p *meter, stdout io.Writer) (err error) {
	archive, err := postgres.OpenReadOnly(ctx, c.From)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, archive.Close()) }()
	names, err := archive.Names(ctx)
	if err != nil {
		return err
	}
	if c.Node == "" && len(names) != 1 {
		return usagef("%d gateways write this database, a folder holds the log of one: name it with --node: %s", len(names), strings.Join(names, ", "))
	} else if c.Node == "" {
		c.Node = names[0]
	}
	own, err := os.ReadFile(filepath.Join(c.To, ledger.PublicKeyFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	} else if err == nil && !strings.Contains(string(own), c.Node) {
		return usagef("%s is the data_dir of another gateway than %s: name an empty folder", c.To, c.Node)
	}
	if err := archive.Export(ctx, c.Node, c.To, p.show); err != nil {
		p.end()
		return err
	}
	p.end()
	store, err := sqlite.OpenReadOnly(ctx, c.To)
	if err != nil {
		return err
	}
	verifier, err := verifier("", c.To)
	if err != nil {
		return errors.Join(err, store.Close())
	}
	found, err := store.Verify(ctx, ledger.VerifyOptions{Verifier: verifier})
	if err := errors.Join(err, store.Close()); err != nil {
		return err
	}
	if len(own) == 0 {
		found.Note("the keys are not part of a ledger: copy ledger.key, %s and %s of %s into %s before a gateway starts there", ledger.SignerFile, ledger.PublicKeyFile, c.Node, c.To)
	}
	return c.tell(stdout, &found)
}

// tell writes what verifying the copy has found.
func (c *LedgerMigrate) tell(stdout io.Writer, found *ledger.Verification) error {
	if err := writeFound(stdout, found); err != nil {
		return err
	}
	if n := len(found.Faults); n > 0 {
		return FindingsError{fmt.Sprintf("the copy in %s has %d faults: keep %s, and verify it, too", shownAddress(c.To), n, shownAddress(c.From))}
	}
	return nil
}

// meter shows progress: on a terminal in one line, otherwise a line now and then.
type meter struct {
	out  io.Writer
	tty  bool
	now  func() time.Time
	last time.Time
	any  bool
}

// How often progress is shown.
const (
	meterTTY  = 100 * time.Millisecond
	meterLine = 10 * time.Second
)

func (m *meter) show(done, all int64) {
	every := meterLine
	if m.tty {
		every = meterTTY
	}
	now := m.now()
	if m.last.IsZero() {
		m.last = now
	}
	if now.Sub(m.last) < every {
		return
	}
	m.last, m.any = now, true
	text := fmt.Sprintf("%d entries", done)
	if all > 0 {
		text = fmt.Sprintf("%d of %d entries", done, all)
	}
	if m.tty {
		_, _ = fmt.Fprintf(m.out, "\r%s", text) // a broken stderr is nobody's loss
		return
	}
	_, _ = fmt.Fprintln(m.out, text)
}

func (m *meter) end() {
	if m.any && m.tty {
		_, _ = fmt.Fprintln(m.out)
	}
}
