package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/metrics/ledger/segment"
)

// Prove shows of a node's log what [segment.Log.Prove] shows.
func (a *archive) Prove(ctx context.Context, node string, sequence, size, older int64) (*ledger.Proof, error) {
	m, err := a.memberNamed(ctx, node)
	if err != nil {
		return nil, err
	}
	t := &tree{archive: a, ctx: ctx, member: m, nodes: make(map[ledger.Place]tlog.Hash), leaves: make(map[int64][]tlog.Hash)}
	if t.stretches, err = a.stretches(ctx, t.member.id); err != nil {
		return nil, err
	}
	if t.member.leaves < size {
		return nil, fmt.Errorf("the ledger has %d entries, the checkpoint signs for %d: an old copy was restored", t.member.leaves, size)
	}
	if err := t.begin(); err != nil {
		return nil, err
	}
	proof := &ledger.Proof{Format: ledger.ProofFormat, Entries: []ledger.ProvenEntry{}}
	if sequence != 0 {
		if proof.Entries, err = t.find(sequence); err != nil {
			return nil, err
		}
		if proof.Entries[0].Index >= size {
			return nil, fmt.Errorf("row %d is newer than the checkpoint: wait for the next one", sequence)
		}
		proof.Entries = slices.DeleteFunc(proof.Entries, func(p ledger.ProvenEntry) bool { return p.Index >= size })
	}
	for i := range proof.Entries {
		p := &proof.Entries[i]
		if p.Path, err = tlog.ProveRecord(size, p.Index, t); err != nil {
			return nil, err
		}
	}
	if older > 0 && older < size {
		proof.Consistency, err = tlog.ProveTree(size, older, t)
	}
	return proof, err
}

// tree reads hashes of subtrees: those of segment.NodeLevel and above are kept,
// those below are made from the entries, nodeSpan at a time.
type tree struct {
	*archive
	ctx       context.Context //nolint:containedctx // of the one call that it lives for
	member    *member
	stretches []stretch
	nodes     map[ledger.Place]tlog.Hash
	leaves    map[int64][]tlog.Hash // by the number of the span; zero where entries are gone
}

// nodeSpan is how many entries a subtree of segment.NodeLevel has.
const nodeSpan = 1 << segment.NodeLevel

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

// ReadHashes implements [tlog.HashReader].
func (t *tree) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		level, n := tlog.SplitStoredHashIndex(index)
		var err error
		if hashes[i], err = t.hash(ledger.Place{Level: level, Index: n}); err != nil {
			return nil, err
		}
	}
	return hashes, nil
}

func (t *tree) hash(at ledger.Place) (tlog.Hash, error) {
	if hash, ok := t.nodes[at]; ok {
		return hash, nil
	}
	if at.Level >= segment.NodeLevel {
		var kept []byte
		err := t.pool.QueryRow(t.ctx, "SELECT hash FROM ordergate_hash WHERE node = $1 AND level = $2 AND place = $3", t.member.id, at.Level, at.Index).Scan(&kept)
		if err == nil && len(kept) == tlog.HashSize {
			t.nodes[at] = tlog.Hash(kept)
			return t.nodes[at], nil
		} else if err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return tlog.Hash{}, explain(err)
		}
	}
	if at.Level == 0 {
		leaves, err := t.span(at.Index / nodeSpan)
		if err != nil {
			return tlog.Hash{}, err
		}
		if hash := leaves[at.Index%nodeSpan]; hash != (tlog.Hash{}) {
			return hash, nil
		}
		return tlog.Hash{}, fmt.Errorf("entry %d is not kept any more", at.First())
	}
	left, err := t.hash(ledger.Place{Level: at.Level - 1, Index: 2 * at.Index})
	if err != nil {
		return tlog.Hash{}, err
	}
	right, err := t.hash(ledger.Place{Level: at.Level - 1, Index: 2*at.Index + 1})
	return tlog.NodeHash(left, right), err
}

// span returns the hashes of nodeSpan entries.
func (t *tree) span(n int64) ([]tlog.Hash, error) {
	if leaves, ok := t.leaves[n]; ok {
		return leaves, nil
	}
	leaves := make([]tlog.Hash, nodeSpan)
	first, end := n*nodeSpan, (n+1)*nodeSpan
	err := t.entries(first, end, "", func(_ *stretch, e entry) error {
		leaves[e.leaf-first] = tlog.RecordHash(e.data)
		return nil
	})
	t.leaves[n] = leaves
	return leaves, err
}

// entries calls do for the entries from number first to before end that meet a
// condition.
func (t *tree) entries(first, end int64, where string, do func(*stretch, entry) error) error {
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
		if err := t.each(t.ctx, span{t.member.id, &part, min(end, t.member.leaves)}, func(e entry) error { return do(&s, e) }, where); err != nil {
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
		err := t.entries(first, s.firstLeaf+s.leaves, areRows, func(_ *stretch, e entry) error {
			if err := decoder.Row(e.data, &row); err != nil || row.Sequence != sequence {
				return err
			}
			found = append(found, ledger.ProvenEntry{Index: e.leaf, Entry: e.data})
			return errEnough
		})
		if err != nil && !errors.Is(err, errEnough) {
			return nil, err
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%w: row %d", segment.ErrNoRow, sequence)
	}
	err := t.entries(found[0].Index, t.member.leaves, areOutcomes, func(_ *stretch, e entry) error {
		endings, err := ledger.DecodeOutcomes(e.data)
		if err != nil || !slices.ContainsFunc(endings, func(e ledger.Ending) bool { return e.Head == row.Head }) {
			return err
		}
		found = append(found, ledger.ProvenEntry{Index: e.leaf, Entry: e.data})
		return errEnough
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return found, err
}
