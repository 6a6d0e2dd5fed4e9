package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/metrics/ledger/sqlite"
)

// LedgerKey is `ordergate ledger key`: the keys that the ledger's digests are
// made with.
type LedgerKey struct {
	DataDir string `name:"data-dir" default:"./ordergate-data" type:"path" help:"The gateway's data_dir."`

	List    struct{}   `cmd:"" help:"Show the keys' ids: the present one first."`
	Rotate  struct{}   `cmd:"" help:"Make a new key, with the gateway stopped. The old one stays for reports. Sessions and the counts of caps begin anew, as at a first start."`
	Export  exportKey  `cmd:"" help:"Write a key to a file, for escrow. Whoever has it can test guesses against the ledger."`
	Destroy destroyKey `cmd:"" help:"Destroy a retired key: its rows are anonymous from then on."`
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
		if err = ledger.ExportKey(c.DataDir, c.Export.ID, c.Export.File); err == nil {
			_, err = fmt.Fprintf(stdout, "written to %s: keep it apart from the ledger\n", c.Export.File)
		}
		return err
	case strings.HasPrefix(command, "ledger key destroy"):
		if !c.Destroy.Yes {
			return usagef("this cannot be undone: nobody can be told any more whether they are in the rows of key %s; add --yes", c.Destroy.ID)
		}
		if err = ledger.DestroyKey(c.DataDir, c.Destroy.ID); err == nil {
			_, err = fmt.Fprintf(stdout, "key %s is destroyed: its rows are anonymous. Destroy its copies in backups and escrow, too\n", c.Destroy.ID)
		}
		return err
	}
	keys, err := ledger.LoadKeys(c.DataDir)
	for i, key := range keys {
		state := "retired"
		if i == 0 {
			state = "present"
		}
		if err == nil {
			_, err = fmt.Fprintf(stdout, "%s %s\n", key.ID, state)
		}
	}
	return err
}

// rotate changes the key while nobody writes, and notes it in the ledger.
func (c *LedgerKey) rotate(stdout io.Writer) (err error) {
	ctx := context.Background()
	key, err := ledger.LoadKey(c.DataDir)
	if err != nil {
		return err
	}
	store, err := sqlite.Open(ctx, c.DataDir, sqlite.Options{Key: key.ID})
	if errors.Is(err, sqlite.ErrLocked) {
		return fmt.Errorf("%w: the key can only be changed while no gateway runs", err)
	} else if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	before, now, err := ledger.RotateKey(c.DataDir)
	if err != nil {
		return err
	}
	mark := ledger.Mark{Time: time.Now().UTC(), Kind: ledger.MarkKey, Detail: before.ID + " " + now.ID}
	// Sessions are known by digests of the old key: to the new one all are strangers.
	if err := errors.Join(store.Mark(ctx, mark), store.ForgetBindings(ctx)); err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdout, "new key %s; %s is retired and stays in data_dir for reports. Back the new one up\n", now.ID, before.ID)
	return err
}
