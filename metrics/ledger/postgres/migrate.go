package postgres

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/metrics/ledger/segment"
	"github.com/ordergate/ordergate/metrics/ledger/sqlite"
	"github.com/ordergate/ordergate/rules"
)

// Progress is told of a migration now and then: how many entries are there, of
// how many; 0 of all: not known.
type Progress func(done, all int64)

// tellEvery is how many entries are copied between two calls of a [Progress].
const tellEvery = 4096

// Import copies the ledger of a gateway in dir, which must not run, into a
// database, as the log of opts.Node. What the database has already is left
// alone: it goes on where it was interrupted. It verifies the copy.
func Import(ctx context.Context, dir string, opts Options, progress Progress) (v ledger.Verification, err error) {
	release, err := sqlite.Hold(dir)
	if err != nil {
		return v, err
	}
	defer func() { err = errors.Join(err, release()) }()
	local, err := sqlite.OpenReadOnly(ctx, dir)
	if err != nil {
		return v, err
	}
	defer func() { err = errors.Join(err, local.Close()) }()
	config, err := pgx.ParseConfig(opts.URL)
	if err != nil {
		return v, fmt.Errorf("%w: write postgres://user@host/database", err)
	}
	ship := shipper{config: config, node: opts.Node, log: local.Log(), strict: true, gap: opts.Gap}
	defer func() { err = errors.Join(err, ship.drop()) }()
	for {
		if err := ship.step(ctx); isEOF(err) {
			break
		} else if err != nil {
			return v, explain(err)
		}
		progress(ship.head.Tree.Size(), 0)
	}
	rest, err := stateOf(ctx, local, time.Time{})
	if err != nil {
		return v, err
	}
	if err := ship.send(ctx, &rest, local); err != nil {
		return v, explain(err)
	}
	a, err := OpenReadOnly(ctx, opts.URL)
	if err != nil {
		return v, err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	verifier, err := ledger.NewVerifier(opts.Node.PublicKey)
	if err != nil {
		return v, err
	}
	m, err := a.memberNamed(ctx, opts.Node.Name)
	if err != nil {
		return v, err
	}
	return a.verifyNode(ctx, m, ledger.VerifyOptions{Verifier: verifier})
}

// Export copies a node's log into dir, as an embedded ledger has it. Days that
// are there already are left alone: it goes on where it was interrupted. The
// folder must be empty or an earlier copy; keys are not copied, because the
// database has none.
func (a *Archive) Export(ctx context.Context, node, dir string, progress Progress) error {
	m, err := a.memberNamed(ctx, node)
	if err != nil {
		return err
	}
	stretches, err := a.stretches(ctx, m.id)
	if err != nil {
		return err
	}
	done := int64(0)
	for i := range stretches {
		s := &stretches[i]
		tree, ok := unpackTree(s.firstLeaf, s.edge)
		if !ok {
			return fmt.Errorf("entries from %d of %s: what ordergate_stretch says cannot be: run `ordergate ledger verify`", s.firstLeaf, s.day)
		}
		part := segment.Part{Number: int64(i + 1), Day: s.day, Begin: ledger.Head{Tree: tree, Row: s.firstRow}, Leaves: min(s.leaves, m.leaves-s.firstLeaf)}
		err := segment.Restore(filepath.Join(dir, sqlite.Segments), &part, func(put func([]byte) error) error {
			return a.each(ctx, span{node: m.id, stretch: s, end: m.leaves}, everyKind, func(e entry) error {
				if done++; done%tellEvery == 0 {
					progress(s.firstLeaf+done, m.leaves)
				}
				return put(e.data)
			})
		})
		if err != nil {
			return err
		}
		done = 0
		progress(s.firstLeaf+s.leaves, m.leaves)
	}
	return a.exportState(ctx, m, dir)
}

func (a *Archive) exportState(ctx context.Context, m *member, dir string) error {
	texts, err := a.incidentTexts(ctx, m.id)
	if err != nil {
		return err
	}
	all, err := a.Incidents(ctx)
	if err != nil {
		return err
	}
	own := slices.DeleteFunc(all, func(i rules.Incident) bool {
		return !slices.ContainsFunc(texts, func(t ledger.IncidentText) bool { return t.ID == i.ID })
	})
	bindings, err := a.bindings(ctx, time.Time{})
	if err != nil {
		return err
	}
	checkpoints, err := a.checkpointsOf(ctx, m.id)
	if err != nil {
		return err
	}
	return sqlite.RestoreState(ctx, dir, own, bindings, checkpoints)
}

// Names returns the nodes' names.
func (a *Archive) Names(ctx context.Context) ([]string, error) {
	members, err := a.members(ctx)
	names := make([]string, len(members))
	for i := range members {
		names[i] = members[i].Name
	}
	return names, err
}

func (a *archive) memberNamed(ctx context.Context, name string) (*member, error) {
	members, err := a.members(ctx)
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(members, func(m member) bool { return m.Name == name })
	if at < 0 {
		return nil, fmt.Errorf("no gateway %q writes this database", name)
	}
	return &members[at], nil
}
