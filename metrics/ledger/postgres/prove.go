package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/metrics/ledger/segment"
)

// Prove proves of a node's log what [ledger.Prover.Prove] says.
func (a *archive) Prove(ctx context.Context, node string, sequence, size, older int64) (*ledger.Proof, error) {
	m, err := a.memberNamed(ctx, node)
	if err != nil {
		return nil, err
	}
	t := &tree{archive: a, ctx: ctx, member: m, nodes: make(map[ledger.Place]tlog.Hash)}
	if t.stretches, err = a.stretches(ctx, m.id); err != nil {
		return nil, err
	}
	if err := t.begin(); err != nil {
		return nil, err
	}
	p := ledger.Prover{Size: m.leaves, Nodes: t.nodes, Kept: t.kept, Find: t.find, Entries: func(first, end int64, do func(int64, []byte) error) error {
		return t.entries(first, end, everyKind, func(e entry) error { return do(e.leaf, e.data) })
	}}
	return p.Prove(sequence, size, older)
}

// tree is what proofs are made of: the subtrees of segment.NodeLevel and above are
// kept.
type tree struct {
	*archive
	ctx       context.Context //nolint:containedctx // of the one call that it lives for
	member    *member
	stretches []stretch
	nodes     map[ledger.Place]tlog.Hash
}

// begin takes the subtrees that stretches begin behind: what is before the first
// is gone, and there may be gaps.
func (t *tree) begin() error {
	for i := range t.stretches {
		s := &t.stretches[i]
		before, ok := unpackTree(s.firstLeaf, s.edge)
		if !ok {
			return fmt.Errorf("entries %d of %s: what ordergate_stretch says cannot be: run `ordergate ledger verify`", s.firstLeaf, s.day)
		}
		edge := before.Edge()
		for n, place := range ledger.EdgePlaces(s.firstLeaf) {
			t.nodes[place] = edge[n]
		}
	}
	return nil
}

// kept reads a subtree's hash.
func (t *tree) kept(at ledger.Place) (tlog.Hash, bool, error) {
	if at.Level < segment.NodeLevel {
		return tlog.Hash{}, false, nil
	}
	var hash []byte
	err := t.pool.QueryRow(t.ctx, "SELECT hash FROM ordergate_hash WHERE node = $1 AND level = $2 AND place = $3", t.member.id, at.Level, at.Index).Scan(&hash)
	if errors.Is(err, pgx.ErrNoRows) || err == nil && len(hash) != tlog.HashSize {
		return tlog.Hash{}, false, nil
	} else if err != nil {
		return tlog.Hash{}, false, explain(err)
	}
	t.nodes[at] = tlog.Hash(hash)
	return t.nodes[at], true, nil
}

// entries calls do for the entries from number first to before end that are of a
// kind.
func (t *tree) entries(first, end int64, kind ledger.EntryKind, do func(entry) error) error {
	for i := range t.stretches {
		s := t.stretches[i]
		if s.firstLeaf+s.leaves <= first || s.firstLeaf >= end {
			continue
		}
		part := s
		if part.firstLeaf < first {
			part.leaves -= first - part.firstLeaf
			part.firstLeaf = first
		}
		if err := t.each(t.ctx, span{node: t.member.id, stretch: &part, end: min(end, t.member.leaves)}, kind, do); err != nil {
			return err
		}
	}
	return nil
}

// find returns a row's entry and, if there is one, the entry with the first
// outcome of its exchange.
func (t *tree) find(sequence int64) ([]ledger.ProvenEntry, error) {
	var found []ledger.ProvenEntry
	var row ledger.Row
	var decoder ledger.Decoder
	for i := range t.stretches {
		s := &t.stretches[i]
		if sequence < s.firstRow || sequence >= s.firstRow+s.rows {
			continue
		}
		// A row stands behind its number of rows before it, at least.
		first := s.firstLeaf + sequence - s.firstRow
		err := t.entries(first, s.firstLeaf+s.leaves, ledger.EntryRow, func(e entry) error {
			if err := decoder.Row(e.data, &row); err != nil || row.Sequence != sequence {
				return err
			}
			found = append(found, ledger.ProvenEntry{Index: e.leaf, Entry: bytes.Clone(e.data)})
			return errEnough
		})
		if err != nil && !errors.Is(err, errEnough) {
			return nil, err
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%w: row %d", segment.ErrNoRow, sequence)
	}
	err := t.entries(found[0].Index, t.member.leaves, ledger.EntryOutcomes, func(e entry) error {
		endings, err := ledger.DecodeOutcomes(e.data)
		if err != nil || !slices.ContainsFunc(endings, func(e ledger.Ending) bool { return e.Head == row.Head }) {
			return err
		}
		found = append(found, ledger.ProvenEntry{Index: e.leaf, Entry: bytes.Clone(e.data)})
		return errEnough
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return found, err
}
