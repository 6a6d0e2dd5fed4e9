package segment

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/ordergate/ordergate/metrics/ledger"
)

// ErrNoRow says that a row is not there, or not any more.
var ErrNoRow = errors.New("the row is not in the ledger")

// Prove proves what [ledger.Prover.Prove] says.
func (l *Log) Prove(ctx context.Context, sequence, size, older int64) (*ledger.Proof, error) {
	e, err := l.extent()
	if err != nil {
		return nil, err
	}
	t := &tree{extent: e, ctx: ctx, nodes: make(map[ledger.Place]tlog.Hash)}
	defer t.unpacker.close()
	if err := t.survey(); err != nil {
		return nil, err
	}
	p := ledger.Prover{Size: t.size, Nodes: t.nodes, Entries: t.between, Find: t.find}
	return p.Prove(sequence, size, older)
}

// tree is what proofs are made of: the subtrees of NodeLevel and above are kept,
// or were made by one pass over a segment that is not packed.
type tree struct {
	extent
	ctx      context.Context //nolint:containedctx // of the one call that it lives for
	segments []surveyed
	size     int64 // entries of all
	nodes    map[ledger.Place]tlog.Hash
	unpacker unpacker
}

// surveyed is a segment and what it holds.
type surveyed struct {
	at     int // in places
	header header
	summary
}

func (s *surveyed) end() int64 { return s.header.FirstLeaf + s.Leaves }

func (t *tree) survey() error {
	for i := range t.places {
		if err := t.ctx.Err(); err != nil {
			return err
		}
		var damage *damageError
		o, err := t.open(i)
		if errors.As(err, &damage) && i < len(t.places)-1 {
			continue // what stands behind it can be proven
		} else if err != nil || o == nil {
			return errors.Join(err, t.whole(i))
		}
		if len(t.segments) == 0 || o.header.Salvage != nil {
			for n, place := range ledger.EdgePlaces(o.header.FirstLeaf) {
				if n < len(o.header.Edge) {
					t.nodes[place] = o.header.Edge[n]
				}
			}
		} else if o.header.FirstLeaf != t.size {
			err = fmt.Errorf("segment %s does not follow the one before it: run `ordergate ledger verify`", o.name())
		}
		sum := o.summary
		if err == nil && !o.header.Packed {
			var s *survey
			s, err = surveySegment(o)
			if err = o.tolerant(err, i == len(t.places)-1); errors.Is(err, io.EOF) {
				err = nil
			}
			if errors.As(err, &damage) && i < len(t.places)-1 {
				err = nil
			}
			if s != nil {
				sum = s.summary
			}
		}
		if err := errors.Join(explain(o.path, err), o.file.Close()); err != nil {
			return err
		}
		for _, n := range sum.Nodes {
			t.nodes[n.Place] = n.Hash
		}
		t.segments = append(t.segments, surveyed{i, o.header, sum})
		t.size = o.header.FirstLeaf + sum.Leaves
	}
	return nil
}

// whole says what a missing file means.
func (t *tree) whole(i int) error {
	return fmt.Errorf("segment %s was deleted meanwhile: try again", t.places[i].name())
}

// between calls do for the entries from number first to before end.
func (t *tree) between(first, end int64, do func(index int64, entry []byte) error) error {
	for i := range t.segments {
		s := &t.segments[i]
		if s.end() <= first || s.header.FirstLeaf >= end {
			continue
		}
		if err := t.each(s, first, end, do); err != nil {
			return err
		}
	}
	return nil
}

// each calls do for a segment's entries from number first to before end.
func (t *tree) each(s *surveyed, first, end int64, do func(index int64, entry []byte) error) error {
	o, err := t.open(s.at)
	if err != nil {
		return err
	}
	if o == nil {
		return t.whole(s.at)
	}
	defer func() { _ = o.file.Close() }()
	index := s.header.FirstLeaf
	for _, b := range s.Blocks { // go to the block that has the first
		if b.Leaf > first {
			break
		}
		if err := o.seek(b.Offset); err != nil {
			return explain(o.path, err)
		}
		index = b.Leaf
	}
	for index < min(end, s.end()) {
		at := o.at
		k, payload, err := o.next(nil)
		if err != nil {
			return explain(o.path, err)
		}
		if payload, err = t.unpacker.unpack(k, payload); err != nil {
			return explain(o.path, &damageError{at, err.Error()})
		}
		err = Entries(payload, func(entry []byte) error {
			index++
			if index-1 < first || index-1 >= end {
				return nil
			}
			return do(index-1, entry)
		})
		if err != nil && !errors.Is(err, errEnough) {
			return explain(o.path, err)
		} else if err != nil {
			return nil
		}
	}
	return nil
}

// find returns a row's entry and, if there is one, the entry with the first
// outcome of its exchange.
func (t *tree) find(sequence int64) ([]ledger.ProvenEntry, error) {
	var found []ledger.ProvenEntry
	var row ledger.Row
	for i := range t.segments {
		s := &t.segments[i]
		if sequence >= s.header.FirstRow+s.Rows {
			continue
		}
		if len(found) == 0 {
			if sequence < s.header.FirstRow {
				break
			}
			if err := t.row(s, sequence, &row, &found); err != nil {
				return nil, err
			}
		}
		if err := t.ending(s, row.Head, &found); err != nil || len(found) == 2 {
			return found, err
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%w: row %d", ErrNoRow, sequence)
	}
	return found, nil
}

// row finds a row in its segment.
func (t *tree) row(s *surveyed, sequence int64, row *ledger.Row, found *[]ledger.ProvenEntry) error {
	first := s.header.FirstLeaf
	for _, b := range s.Blocks {
		if b.Row <= sequence {
			first = b.Leaf
		}
	}
	var decoder ledger.Decoder
	err := t.each(s, first, s.end(), func(index int64, entry []byte) error {
		if ledger.EntryKind(entry[0]) != ledger.EntryRow {
			return nil
		}
		if err := decoder.Row(entry, row); err != nil || row.Sequence != sequence {
			return err
		}
		*found = append(*found, ledger.ProvenEntry{Index: index, Entry: slices.Clone(entry)})
		return errEnough
	})
	if err == nil && len(*found) == 0 {
		err = fmt.Errorf("%w: row %d", ErrNoRow, sequence)
	}
	return err
}

// ending finds the first outcome of an exchange in a segment, behind the row.
func (t *tree) ending(s *surveyed, head int64, found *[]ledger.ProvenEntry) error {
	own := head >= s.header.FirstRow
	if !own && len(s.Blocks) > 0 && !slices.ContainsFunc(s.Late, func(e ledger.Ending) bool { return e.Head == head }) {
		return nil
	}
	return t.each(s, max((*found)[0].Index, s.header.FirstLeaf), s.end(), func(index int64, entry []byte) error {
		if ledger.EntryKind(entry[0]) != ledger.EntryOutcomes {
			return nil
		}
		endings, err := ledger.DecodeOutcomes(entry)
		if err != nil || !slices.ContainsFunc(endings, func(e ledger.Ending) bool { return e.Head == head }) {
			return err
		}
		*found = append(*found, ledger.ProvenEntry{Index: index, Entry: slices.Clone(entry)})
		return errEnough
	})
}
