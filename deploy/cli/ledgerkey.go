package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/metrics/ledger/sqlite"
)

// LedgerKey is `ordergate ledger key`: the keys that the ledger's digests are
// made with.
type LedgerKey struct {
	DataDir string `name:"data-dir" default:"./ordergate-data" type:"path" help:"The gateway's data_dir."`

	Tenant string `help:"The keys of this tenant's rows (tenants of the config), not the gateway's own." placeholder:"NAME"`

	List    struct{}   `cmd:"" help:"Show the keys' ids: the present one first."`
	Rotate  rotateKey  `cmd:"" help:"Make a new key for rows. A running gateway takes it within seconds; caps, sessions and incidents go on. The old key stays for reports."`
	Export  exportKey  `cmd:"" help:"Write a key to a file, for escrow. Whoever has it can test guesses against the ledger."`
	Destroy destroyKey `cmd:"" help:"Destroy a retired key: its rows are anonymous from then on."`
}

type rotateKey struct {
	Anew bool `help:"Make a new secret for the digests, too, with the gateway stopped: sessions and the counts of caps begin anew, as at a first start."`
}

type exportKey struct {
	File string `arg:"" help:"File to make (mode 0600)." type:"path"`
	ID   string `help:"Id of the key; without it the present one." placeholder:"ID"`
}

type destroyKey struct {
	ID  string `arg:"" help:"Id of the retired key."`
	Yes bool   `help:"Yes, for ever."`
}

// Run carries out one of the commands, named as kong names it.
func (c *LedgerKey) Run(command string, stdout io.Writer) error {
	var err error
	switch {
	case strings.HasPrefix(command, "ledger key rotate"):
		return c.rotate(stdout)
	case strings.HasPrefix(command, "ledger key export"):
		if err = ledger.ExportKey(c.dir(), c.Export.ID, c.Export.File); err == nil {
			_, err = fmt.Fprintf(stdout, "written to %s: keep it apart from the ledger\n", c.Export.File)
		}
		return err
	case strings.HasPrefix(command, "ledger key destroy"):
		if !c.Destroy.Yes {
			return usagef("this cannot be undone: nobody can be told any more whether they are in the rows of key %s; add --yes", c.Destroy.ID)
		}
		if keys, running := sqlite.Writer(c.DataDir); running && slices.Contains(keys, c.Destroy.ID) {
			return fmt.Errorf("ledger key %s: the running gateway still seals rows with it: let it take the present one first (its log says why it does not)", c.Destroy.ID)
		}
		if err = ledger.DestroyKey(c.dir(), c.Destroy.ID); err == nil {
			_, err = fmt.Fprintf(stdout, "key %s is destroyed: its rows are anonymous. Destroy its copies in backups and escrow, too, and reports and exports that are not needed: digests in them are not sealed\n", c.Destroy.ID)
		}
		return err
	}
	keys, err := ledger.LoadKeys(c.dir())
	for i, key := range keys {
		state := "retired"
		if i == 0 || key.Tenant != keys[i-1].Tenant {
			state = "present"
		}
		if key.Tenant != "" {
			state += " tenant " + key.Tenant
		}
		if err == nil {
			_, err = fmt.Fprintf(stdout, "%s %s\n", key.ID, state)
		}
	}
	return err
}

// dir is where the keys are that the command is about.
func (c *LedgerKey) dir() string {
	if c.Tenant == "" {
		return c.DataDir
	}
	return ledger.TenantDir(c.DataDir, c.Tenant)
}

// rotate changes the key. A running gateway takes it itself, and marks in the
// ledger from where on; while none runs, the mark is made here.
func (c *LedgerKey) rotate(stdout io.Writer) (err error) {
	ctx := context.Background()
	key, err := ledger.LoadKey(c.DataDir)
	if err != nil {
		return err
	}
	store, err := sqlite.Open(ctx, c.DataDir, sqlite.Options{Key: key})
	running := errors.Is(err, sqlite.ErrLocked)
	switch {
	case running && c.Rotate.Anew:
		return fmt.Errorf("%w: the secret of the digests can only be changed while no gateway runs", err)
	case err != nil && !running:
		return err
	case !running:
		defer func() { err = errors.Join(err, store.Close()) }()
	}
	if c.Rotate.Anew {
		return c.anew(ctx, store, stdout)
	}
	before, now, err := ledger.RotateKey(c.dir(), nil)
	if err != nil {
		return err
	}
	if !running {
		if err := store.Rekey(ctx, c.Tenant, now); err != nil {
			return err
		}
	}
	taken := ""
	if running {
		taken = "; the running gateway takes it within seconds, and says so in its log"
	}
	_, err = fmt.Fprintf(stdout, "new key %s%s; %s is retired and stays in data_dir for reports. Back the new one up\n", now.ID, taken, before.ID)
	return err
}

// anew changes every key, with another secret for the digests. Sessions are known by
// digests of the old one: to the new one all are strangers.
func (c *LedgerKey) anew(ctx context.Context, store *sqlite.Store, stdout io.Writer) error {
	if c.Tenant != "" {
		return usagef("--anew with --tenant %s: one secret makes the digests of all tenants: leave one of the two out", c.Tenant)
	}
	keys, err := ledger.LoadKeys(c.DataDir)
	if err != nil {
		return err
	}
	digests := ledger.NewSecret()
	for i, key := range keys {
		if i > 0 && key.Tenant == keys[i-1].Tenant {
			continue // retired
		}
		c.Tenant = key.Tenant
		before, now, err := ledger.RotateKey(c.dir(), digests)
		if err == nil {
			err = store.Rekey(ctx, c.Tenant, now)
		}
		if err == nil {
			_, err = fmt.Fprintf(stdout, "new key %s; %s is retired and stays in %s for reports. Back the new one up\n", now.ID, before.ID, c.dir())
		}
		if err != nil {
			return err
		}
	}
	return store.ForgetBindings(ctx)
}
