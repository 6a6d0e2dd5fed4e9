package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"slices"
	"time"

	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/metrics/ledger/postgres"
	"github.com/ordergate/ordergate/metrics/ledger/sqlite"
	"github.com/ordergate/ordergate/rules"
)

// archive is what reports and proofs read: a ledger in data_dir, or the one of
// several gateways in a database.
type archive interface {
	Disclosures(ctx context.Context, query ledger.Query) iter.Seq2[ledger.Row, error]
	Incidents(ctx context.Context) ([]rules.Incident, error)
	Marks(ctx context.Context) ([]ledger.Mark, error)
	Checkpoints(ctx context.Context) ([]ledger.Checkpoint, error)
	KeptSince(ctx context.Context) (time.Time, error)
	Verify(ctx context.Context, opts ledger.VerifyOptions) (ledger.Verification, error)
	Prove(ctx context.Context, node string, sequence, size, older int64) (*ledger.Proof, error)
	Close() error
}

// Source says where a command reads the ledger.
type Source struct {
	Tenant string `help:"Only rows of this tenant (tenants of the config)." placeholder:"NAME"`
	Store  string `name:"store" env:"ORDERGATE_LEDGER_STORE" help:"The ledger's database (ledger.store of the config: postgres://user@host/database) instead of the files in --data-dir; its password comes from PGPASSWORD or PGPASSFILE." placeholder:"URL"`
}

// open opens the ledger for reading, beside running gateways. Rows and incidents
// are opened with the keys in dir, where there are any.
func (s Source) open(ctx context.Context, dir string) (openedArchive, error) {
	keys, err := ledger.LoadKeys(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return openedArchive{}, err
	}
	var store archive
	if s.inFiles() {
		store, err = sqlite.OpenReadOnly(ctx, dir)
	} else {
		store, err = postgres.OpenReadOnly(ctx, s.Store)
	}
	if err != nil {
		return openedArchive{}, err
	}
	opened := openedArchive{archive: store, keys: ledger.NewKeyring(keys)}
	if s.Tenant != "" {
		for _, key := range keys {
			if key.Tenant == s.Tenant {
				opened.only = append(opened.only, key.ID)
			}
		}
		if opened.only == nil {
			return opened, errors.Join(usagef("--tenant %s: there is no key of such a tenant in %s: `ordergate ledger key list` shows them", s.Tenant, dir), store.Close())
		}
	}
	return opened, nil
}

// ofAll refuses a tenant: a tree is over the rows of all.
func (s Source) ofAll() error {
	if s.Tenant != "" {
		return usagef("--tenant %s: the ledger is verified and proved as a whole, whoever its rows are of: leave it out", s.Tenant)
	}
	return nil
}

// openedArchive is an archive as its gateway has it, not as it is kept.
type openedArchive struct {
	archive
	keys *ledger.Keyring
	only []string // ids of the keys whose rows are wanted; nil: all
}

// Disclosures implements archive.
func (a openedArchive) Disclosures(ctx context.Context, query ledger.Query) iter.Seq2[ledger.Row, error] {
	query.Keys = a.keys
	rows := a.archive.Disclosures(ctx, query)
	if a.only == nil {
		return rows
	}
	return func(yield func(ledger.Row, error) bool) {
		for row, err := range rows {
			if (err != nil || slices.Contains(a.only, row.Key)) && !yield(row, err) {
				return
			}
		}
	}
}

// Incidents implements archive.
func (a openedArchive) Incidents(ctx context.Context) ([]rules.Incident, error) {
	incidents, err := a.archive.Incidents(ctx)
	for i := range incidents {
		incidents[i] = a.keys.OpenIncident(incidents[i])
	}
	return incidents, err
}

// inFiles says that the ledger is that of --data-dir.
func (s Source) inFiles() bool { return s.Store == "" || s.Store == "sqlite" }

// nodeOf returns the node that a command means: the named one, or the only one.
func nodeOf(checkpoints []ledger.Checkpoint, name string) (string, error) {
	if name != "" {
		return name, nil
	}
	for i := range checkpoints {
		origin := checkpoints[i].Origin()
		if name != "" && origin != name {
			return "", usagef("several gateways write this ledger: name one with --node: %s, %s, …", name, origin)
		}
		name = origin
	}
	return name, nil
}

// unread collects the places of a ledger that cannot be read. A report goes on
// without them, says so, and ends with exit code 3.
type unread struct {
	to    console
	found map[string]struct{}
}

func (u *unread) add(err error) {
	if u.found == nil {
		u.found = make(map[string]struct{})
	}
	if _, again := u.found[err.Error()]; !again {
		u.found[err.Error()] = struct{}{}
		u.to.note("left out: %v", err)
	}
}

func (u *unread) err() error {
	if len(u.found) == 0 {
		return nil
	}
	return FindingsError{fmt.Sprintf("%d places of the ledger cannot be read: the report lacks their rows; `ordergate ledger verify` names them", len(u.found))}
}

var errUnsigned = errors.New("nothing was signed for yet: the gateway makes a checkpoint within ledger.checkpoints.every, and when it stops")
