package postgres

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/metrics/ledger/segment"
	"github.com/ordergate/ordergate/rules"
)

// Verify reads every entry of every node in the database, hashes it into the
// node's tree anew, compares the trees with checkpoints, and what follows from
// the entries with the other tables. Without opts.Verifier signatures are
// checked with the keys that the database itself has, which is noted. It
// changes nothing and returns an error only when it could not read on; what is
// wrong is in the result. A period that opts names leaves days out.
func (a *archive) Verify(ctx context.Context, opts ledger.VerifyOptions) (ledger.Verification, error) {
	var all ledger.Verification
	members, err := a.members(ctx)
	if err != nil {
		return all, err
	}
	for i := range members {
		v, err := a.verifyNode(ctx, &members[i], opts)
		if err != nil {
			return all, err
		}
		all.Add(&v)
	}
	unknown(&all, members, opts.Kept)
	err = a.orphans(ctx, &all)
	return all, err
}

// unknown tells of gateways that signed kept checkpoints, and of whom the database
// has nothing.
func unknown(v *ledger.Verification, members []member, kept []ledger.Checkpoint) {
	told := make(map[string]bool, len(members))
	for i := range members {
		told[members[i].Name] = true
	}
	for i := range kept {
		c := &kept[i]
		if origin := c.Origin(); !told[origin] {
			told[origin] = true
			v.Fault("the database has nothing of %s, who signed for %d entries at %s: its log was deleted, or this is another database", origin, c.Size, c.Time.Format(time.RFC3339))
		}
	}
}

// orphans finds entries of days and nodes that nothing else tells of.
func (a *archive) orphans(ctx context.Context, v *ledger.Verification) error {
	rows, err := a.pool.Query(ctx, `
		SELECT node, to_char(day, 'YYYY-MM-DD'), sum(leaves) FROM (
			SELECT node, day, leaf, leaves FROM ordergate_block UNION ALL SELECT node, day, leaf, 1 FROM ordergate_entry) e
		WHERE NOT EXISTS (SELECT FROM ordergate_stretch s
			WHERE s.node = e.node AND s.day = e.day AND e.leaf >= s.first_leaf AND e.leaf + e.leaves <= s.first_leaf + s.leaves)
		GROUP BY 1, 2 LIMIT 100`)
	if err != nil {
		return explain(err)
	}
	var node int32
	var day string
	var n int64
	_, err = pgx.ForEachRow(rows, []any{&node, &day, &n}, func() error {
		v.Fault("%d entries of node %d in the partition of %s belong to no log: they were put in, or what tells of them was deleted", n, node, day)
		return nil
	})
	return explain(err)
}

// audit is the verification of one node.
type audit struct {
	*ledger.Audit
	*archive
	member  *member
	decoder ledger.Decoder
	late    []lateEnding
	nodes   map[ledger.Place]tlog.Hash
}

func (a *archive) verifyNode(ctx context.Context, m *member, opts ledger.VerifyOptions) (ledger.Verification, error) {
	own, err := a.checkpointsOf(ctx, m.id)
	if err != nil {
		return ledger.Verification{}, err
	}
	given := opts.Verifier != nil
	if !given {
		if opts.Verifier, err = ledger.NewVerifier(m.PublicKey); err != nil {
			opts.Verifier = nil
		}
	}
	opts.Kept = slices.DeleteFunc(slices.Clone(opts.Kept), func(c ledger.Checkpoint) bool { return c.Origin() != m.Name })
	x := audit{Audit: ledger.NewAudit(own, &opts), archive: a, member: m, nodes: make(map[ledger.Place]tlog.Hash)}
	x.Node = m.Name
	if !given {
		x.Note("signatures were checked with the key that the database has: whoever rewrites the database can change it; name the keys with --public-key")
	}
	stretches, err := a.stretches(ctx, m.id)
	if err != nil {
		return x.Verification, err
	}
	query := ledger.Query{Since: opts.Since, Until: opts.Until}
	whole := opts.Since.IsZero() && opts.Until.IsZero()
	for i := range stretches {
		s := &stretches[i]
		if !whole && !s.within(&query) {
			x.Skipped++
			x.Known = false
			continue
		}
		x.Segments++
		if err := x.stretch(ctx, s, i == 0); err != nil {
			return x.Verification, err
		}
	}
	if err := x.end(ctx, whole); err != nil {
		return x.Verification, err
	}
	texts, err := a.incidentTexts(ctx, m.id)
	if err != nil {
		return x.Verification, err
	}
	marks, err := a.marksOf(ctx, m)
	if err != nil {
		x.Fault("the marks cannot be read: %v", err)
		return x.Verification, ctx.Err()
	}
	x.CompareIncidents(texts, marks, "ordergate_incident")
	return x.Verification, nil
}

// stretch verifies one stretch.
func (x *audit) stretch(ctx context.Context, s *stretch, first bool) error {
	part := fmt.Sprintf("entries %d to %d of %s", s.firstLeaf, s.firstLeaf+s.leaves-1, s.day)
	tree, ok := unpackTree(s.firstLeaf, s.edge)
	if !ok || s.firstRow < 1 {
		x.Fault("%s: what ordergate_stretch says of them cannot be: none of them are proven", part)
		x.Known = false
		return nil
	}
	if x.Known && x.Tree.Size() < s.firstLeaf {
		x.Fault("entries %d to %d are missing, before those of %s: their rows are lost unless a spool or a backup has them", x.Tree.Size(), s.firstLeaf-1, s.day)
		x.Known = false
	}
	x.Begin(part, ledger.Head{Tree: tree, Row: s.firstRow}, first)
	found := stretch{}
	next, late := s.firstLeaf, len(x.late)
	var endings []ledger.Ending
	// What is read of before next was read already; what is not there was deleted.
	missing := func(leaf int64) {
		switch {
		case leaf > next:
			x.Fault("%s: entries %d to %d are missing: they were deleted", part, next, leaf-1)
		case leaf < next:
			x.Fault("%s: entry %d is there twice", part, leaf)
		default:
			return
		}
		x.Known = false
	}
	read := span{node: x.member.id, stretch: s, end: x.member.leaves, damaged: func(err *blockError) {
		missing(err.first)
		x.Fault("%s: %v", part, err)
		x.Known, next = false, err.end
	}}
	err := x.each(ctx, read, everyKind, func(e entry) error {
		missing(e.leaf)
		next = e.leaf + 1
		endings = append(endings, x.entry(part, s, e, &found)...)
		return nil
	})
	if err != nil {
		return err
	}
	if end := min(s.firstLeaf+s.leaves, x.member.leaves); next < end {
		x.Fault("%s: entries %d to %d are missing: they were deleted, or the partition %s was dropped", part, next, end-1, partition(s.day))
		x.Known = false
	}
	x.Settle(endings)
	if x.Known && s.firstLeaf+s.leaves <= x.member.leaves && (found.rows != s.rows || !same(found.firstAt, s.firstAt) || !same(found.lastAt, s.lastAt)) {
		x.Fault("%s: ordergate_stretch is not what its entries say", part)
	}
	return x.compareLate(ctx, part, s, x.late[late:])
}

func same(a, b *int64) bool { return a == nil && b == nil || a != nil && b != nil && *a == *b }

// entry takes the next entry into the tree and returns the outcomes in it.
func (x *audit) entry(part string, s *stretch, e entry, found *stretch) []ledger.Ending {
	x.Entries++
	x.Tree.Append(e.data, func(at ledger.Place, hash tlog.Hash) {
		if at.Level >= segment.NodeLevel {
			x.nodes[at] = hash
		}
	})
	x.Compare(part)
	fault := func(err error) { x.Fault("%s: entry %d: %v", part, e.leaf, err) }
	switch ledger.EntryKind(e.data[0]) {
	case ledger.EntryRow:
		var row ledger.Row
		if err := x.decoder.Row(e.data, &row); err != nil {
			fault(err)
			return nil
		}
		if row.Sequence != x.Row {
			fault(&ledger.SequenceError{Got: row.Sequence, Want: x.Row})
		}
		x.Row = row.Sequence + 1
		if err := ledger.Validate(&row.Disclosure); err != nil {
			fault(err)
		}
		at := row.Time.UnixNano()
		first, last := at, at
		if found.rows > 0 {
			first, last = min(at, *found.firstAt), max(at, *found.lastAt)
		}
		found.rows, found.firstAt, found.lastAt = found.rows+1, &first, &last
		x.Count(&row)
	case ledger.EntryOutcomes:
		endings, err := ledger.DecodeOutcomes(e.data)
		if err != nil {
			fault(err)
		}
		for _, ending := range endings {
			if ending.Head >= x.Row {
				fault(fmt.Errorf("an outcome of row %d, which is not there yet", ending.Head))
			} else if ending.Head < s.firstRow {
				x.late = append(x.late, lateEnding{ending, e.leaf})
			}
		}
		return endings
	case ledger.EntryMark:
		if _, err := ledger.DecodeMark(e.data); err != nil {
			fault(err)
		}
	default:
		fault(fmt.Errorf("%w: kind %d", ledger.ErrEntry, e.data[0]))
	}
	return nil
}

// compareLate compares a stretch's late outcomes with the table of them.
func (x *audit) compareLate(ctx context.Context, part string, s *stretch, late []lateEnding) error {
	rows, err := x.pool.Query(ctx, "SELECT leaf, head, state FROM ordergate_late WHERE node = $1 AND leaf >= $2 AND leaf < $3 ORDER BY leaf, head",
		x.member.id, s.firstLeaf, min(s.firstLeaf+s.leaves, x.member.leaves))
	if err != nil {
		return explain(err)
	}
	kept, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (l lateEnding, err error) {
		var state int16
		err = row.Scan(&l.leaf, &l.Head, &state)
		l.State = rules.State(state)
		return l, err
	})
	if err != nil {
		return explain(err)
	}
	late = slices.Clone(late)
	slices.SortStableFunc(late, func(a, b lateEnding) int {
		if a.leaf != b.leaf {
			return int(a.leaf - b.leaf)
		}
		return int(a.Head - b.Head)
	})
	late = slices.CompactFunc(late, func(a, b lateEnding) bool { return a.leaf == b.leaf && a.Head == b.Head })
	if x.Known && !slices.Equal(kept, late) {
		x.Fault("%s: ordergate_late is not what its entries say", part)
	}
	return nil
}

// end compares the tree with the node's head and inner nodes.
func (x *audit) end(ctx context.Context, whole bool) error {
	m := x.member
	tree, ok := unpackTree(m.leaves, m.edge)
	switch {
	case !ok:
		x.Fault("ordergate_node says a tree of %d entries that cannot be", m.leaves)
	case whole && x.Segments == 0 && m.leaves > 0:
		x.Tree, x.Row = tree, m.row
		x.Compare("ordergate_node")
		x.Note("all of its %d entries are past their retention, or were deleted", m.leaves)
	case whole && x.Known && (tree.Size() != x.Tree.Size() || tree.Root() != x.Tree.Root() || m.row != x.Row):
		x.Fault("its log ends at entry %d and row %d, but ordergate_node says entry %d and row %d: rows were cut off, or the table was changed",
			x.Tree.Size(), x.Row-1, m.leaves, m.row-1)
	}
	rows, err := x.pool.Query(ctx, "SELECT level, place, hash FROM ordergate_hash WHERE node = $1", m.id)
	if err != nil {
		return explain(err)
	}
	var place ledger.Place
	var hash []byte
	wrong := 0
	_, err = pgx.ForEachRow(rows, []any{&place.Level, &place.Index, &hash}, func() error {
		if want, ok := x.nodes[place]; ok {
			if !bytes.Equal(want[:], hash) {
				wrong++
			}
			delete(x.nodes, place)
		}
		return nil
	})
	if wrong > 0 {
		x.Fault("%d inner nodes of the tree in ordergate_hash are not what the entries say", wrong)
	}
	for place := range x.nodes {
		if place.End() > m.leaves {
			delete(x.nodes, place)
		}
	}
	if len(x.nodes) > 0 && x.Known {
		x.Fault("%d inner nodes of the tree are missing in ordergate_hash", len(x.nodes))
	}
	x.End()
	return explain(err)
}
