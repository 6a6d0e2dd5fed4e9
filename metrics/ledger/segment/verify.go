package segment

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/rules"
)

// Verify reads every byte of the segments, hashes every entry into the tree
// anew, and compares the tree with checkpoints, which it takes by size: own are
// the store's, opts.Kept those from elsewhere. It changes nothing. It returns an
// error only when it could not read on; what is wrong is in the result.
func (l *Log) Verify(ctx context.Context, own []ledger.Checkpoint, opts ledger.VerifyOptions) (ledger.Verification, error) {
	v := verification{opts: opts, open: make(map[int64]int64)}
	v.States = make(map[string]int64, len(rules.States()))
	for _, state := range rules.States() {
		v.States[state.String()] = 0
	}
	v.Faults, v.Notes = []string{}, []string{}
	v.take(own, false)
	v.take(opts.Kept, true)
	slices.SortStableFunc(v.signed, func(a, b signed) int { return cmp.Compare(a.Size, b.Size) })
	e, err := l.extent()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return v.Verification, err
	}
	for i := range e.places {
		if err := v.segment(ctx, e, i); err != nil {
			return v.Verification, err
		}
	}
	v.end(l.dir)
	return v.Verification, nil
}

// signed is a checkpoint to compare with.
type signed struct {
	ledger.Checkpoint
	kept bool // elsewhere
}

func (s *signed) String() string {
	where := "checkpoint"
	if s.kept {
		where = "kept checkpoint"
	}
	return fmt.Sprintf("%s of %s (entry %d, row %d)", where, s.Time.Format(time.RFC3339), s.Size, s.Row)
}

// verification is one run of Verify.
type verification struct {
	ledger.Verification
	opts   ledger.VerifyOptions
	signed []signed // those not compared yet, by size

	known    bool        // tree and row follow from the segment before
	tree     ledger.Tree // after what was read
	row      int64       // the sequence of the next row
	previous place
	before   time.Time       // of the row before
	open     map[int64]int64 // rows of exchanges whose outcome is not known, by head
	unpacker unpacker
}

// take checks signatures.
func (v *verification) take(checkpoints []ledger.Checkpoint, kept bool) {
	for _, c := range checkpoints {
		s := signed{c, kept}
		if v.opts.Verifier != nil {
			if err := v.opts.Verifier.Check(&c); err != nil {
				v.Fault("%s", err)
				continue
			}
		}
		v.signed = append(v.signed, s)
	}
}

// segment verifies the i-th segment.
func (v *verification) segment(ctx context.Context, e extent, i int) error {
	p, last := e.places[i], i == len(e.places)-1
	if v.previous.number != 0 && p.number != v.previous.number+1 {
		v.Fault("segments %d to %d are missing, before %s: their rows are lost unless a backup has them", v.previous.number+1, p.number-1, p.name())
		v.known = false
	}
	v.previous = p
	o, err := e.open(i)
	var damage *damageError
	switch {
	case errors.As(err, &damage):
		v.Fault("segment %s: %v: none of its rows can be read", p.name(), damage)
		v.known = false
		return nil
	case err != nil:
		return err
	case o == nil:
		v.known = false
		v.Note("segment %s was deleted by retention meanwhile", p.name())
		return nil
	}
	defer func() { _ = o.file.Close() }()
	if o.header.Packed && !v.within(&o.summary) {
		v.Skipped++
		v.known = false
		return nil
	}
	v.Segments++
	if !v.begin(o, i == 0) {
		v.known = false
		return nil
	}
	return v.read(ctx, o, last)
}

func (v *verification) within(s *summary) bool {
	r := reader{query: ledger.Query{Since: v.opts.Since, Until: v.opts.Until}}
	return v.opts.Since.IsZero() && v.opts.Until.IsZero() || r.within(s.From, s.To)
}

// begin compares a segment's header with its name and with what came before.
func (v *verification) begin(o *opened, first bool) bool {
	h := &o.header
	if h.Segment != o.number || h.Day != o.day {
		v.Fault("segment %s: its header is that of segment %d of %s: it was renamed", o.name(), h.Segment, h.Day)
	}
	tree, ok := ledger.TreeAt(h.FirstLeaf, h.Edge)
	if !ok || h.FirstRow < 1 {
		v.Fault("segment %s: its header says nothing that could be: none of its rows are proven", o.name())
		return false
	}
	switch {
	case !v.known:
		v.tree, v.row = tree, h.FirstRow
		if first {
			v.Deleted = h.FirstRow - 1
		}
		for len(v.signed) > 0 && v.signed[0].Size < tree.Size() {
			v.signed = v.signed[1:] // what it signs is not read
		}
	case tree.Size() != v.tree.Size() || tree.Root() != v.tree.Root() || h.FirstRow != v.row:
		v.Fault("segment %s: its header says that it begins with entry %d and row %d after other entries than those before it: rows were changed, taken out or put in",
			o.name(), h.FirstLeaf, h.FirstRow)
		v.tree, v.row = tree, h.FirstRow
	}
	v.known = true
	v.compare(o)
	return true
}

// compare compares the tree with the checkpoints of its size.
func (v *verification) compare(o *opened) {
	for len(v.signed) > 0 && v.signed[0].Size <= v.tree.Size() {
		s := v.signed[0]
		v.signed = v.signed[1:]
		switch {
		case s.Size < v.tree.Size():
		case s.Root != v.tree.Root():
			v.Fault("the history up to entry %d is not the one that was signed: %s has another root: rows were rewritten, reordered, taken out or put in before it (segment %s)",
				s.Size, s.String(), o.name())
		default:
			v.Checkpoints++
			v.Signed, v.SignedAt = s.Size, s.Time
		}
	}
}

// read verifies a segment's entries and what stands behind them.
func (v *verification) read(ctx context.Context, o *opened, last bool) error {
	s := &survey{own: outcomes{}, tree: v.tree, row: v.row, first: o.header.FirstRow}
	var blocks []block
	faulty := func(at int64, err error) {
		v.Fault("segment %s: byte %d: %v", o.name(), at, err)
	}
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		at := o.at
		k, payload, err := o.next(nil)
		if errors.Is(err, io.EOF) {
			break
		}
		var damage *damageError
		if errors.As(err, &damage) {
			if last && !o.header.Packed && o.grows(ctx, at) {
				continue
			}
			v.lost(o, damage, s, last)
			v.settle(s)
			v.known = false
			return nil
		} else if err != nil {
			return err
		}
		entries_, err := v.unpacker.unpack(k, payload)
		if err != nil {
			v.lost(o, &damageError{at, err.Error()}, s, last)
			v.known = false
			return nil
		}
		b := block{Offset: at, Size: o.at - at, Leaf: s.tree.Size(), Row: s.row}
		err = entries(entries_, func(entry []byte) error {
			if err := s.add(entry); err != nil {
				faulty(at, err)
			}
			v.entry(o, s, entry, &b)
			return nil
		})
		if err != nil {
			faulty(at, err)
		}
		b.Leaves = s.tree.Size() - b.Leaf
		blocks = append(blocks, b)
		if !o.header.Packed {
			blocks = blocks[:0]
		}
	}
	v.tree, v.row = s.tree, s.row
	v.settle(s)
	if o.header.Packed {
		v.behind(o, s, blocks)
	}
	return nil
}

// entry counts what was read and compares the tree.
func (v *verification) entry(o *opened, s *survey, entry []byte, b *block) {
	v.Entries++
	v.tree = s.tree
	v.compare(o)
	if ledger.EntryKind(entry[0]) != ledger.EntryRow {
		return
	}
	var row ledger.Row
	if s.decoder.Row(entry, &row) != nil {
		return // told already
	}
	b.Rows++
	b.From, b.To = widen(b.From, b.To, row.Time)
	if row.Time.Before(v.before) {
		v.ClockSteps++
	}
	v.before = row.Time
	if v.Rows == 0 {
		v.First = row.Sequence
	}
	v.Rows++
	v.Last = row.Sequence
	if row.State == rules.Unknown {
		v.open[row.Head]++
	} else {
		v.States[row.State.String()]++
	}
}

// settle counts the rows whose outcome a segment has.
func (v *verification) settle(s *survey) {
	for _, e := range append(s.endings(), s.summary.Late...) {
		v.States[e.State.String()] += v.open[e.Head]
		delete(v.open, e.Head)
	}
}

// lost tells what cannot be read behind a damaged place.
func (v *verification) lost(o *opened, damage *damageError, s *survey, last bool) {
	if last && !o.header.Packed {
		if torn, err := isTail(o.file, damage.offset, o.size); err == nil && torn {
			v.Fault("segment %s: %d bytes at its end are no whole rows (%v): rows up to %d are whole; "+
				"a writer that was killed leaves such an end, and the next one moves it aside; otherwise the last rows are lost",
				o.name(), o.size-damage.offset, damage, s.row-1)
			return
		}
	}
	v.Fault("segment %s: %v: rows up to %d are whole, those behind in the segment cannot be read", o.name(), damage, s.row-1)
}

// behind verifies what a packed segment keeps beside its entries.
func (v *verification) behind(o *opened, s *survey, blocks []block) {
	if !bytes.Equal(appendEndings(nil, s.endings()), o.endings) {
		v.Fault("segment %s: its table of outcomes is not what its entries say", o.name())
	}
	sum := s.summary
	sum.Blocks = blocks
	text, err := json.Marshal(&sum)
	if err != nil || !bytes.Equal(text, o.rawSummary) {
		v.Fault("segment %s: its summary is not what its entries say", o.name())
	}
}

// grows reports whether the frame at an offset, unreadable a moment ago, is
// whole now: another process was writing it. Then it is read next.
func (o *opened) grows(ctx context.Context, at int64) bool {
	const looks, pause = 10, 20 * time.Millisecond
	if torn, err := isTail(o.file, at, o.size); err != nil || !torn {
		return false
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for range looks {
		select {
		case <-ctx.Done():
			return false
		case <-timer.C:
			timer.Reset(pause)
		}
		info, err := o.file.Stat()
		if err != nil || o.limited {
			return false
		}
		o.size, o.limit = info.Size(), info.Size()
		if o.seek(at) != nil {
			return false
		}
		if _, _, err := o.next(nil); err == nil {
			return o.seek(at) == nil
		}
	}
	return false
}

// end compares what is left to compare.
func (v *verification) end(dir string) {
	v.unpacker.close()
	for _, rows := range v.open {
		v.States[rules.Unknown.String()] += rows
	}
	v.Size, v.Root = v.tree.Size(), root64(&v.tree)
	if v.known || v.Segments == 0 {
		for i := range v.signed {
			s := &v.signed[i]
			if s.Size == 0 {
				continue
			}
			v.Fault("the ledger ends with entry %d, but %s was signed: rows were cut off, or an old copy of the ledger was restored", v.Size, s.String())
		}
	} else if len(v.signed) > 0 {
		v.Note("%d checkpoints are of entries that could not be read", len(v.signed))
	}
	if v.Size > v.Signed && v.known {
		v.Note("%d entries are newer than the newest checkpoint", v.Size-v.Signed)
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, file := range files {
		name := file.Name()
		switch {
		case strings.HasSuffix(name, ".torn"):
			v.Note("%s holds the end of a segment that was torn when its writer was killed", name)
		case namePattern.MatchString(name), strings.HasSuffix(name, packedSuffix):
		default:
			v.Fault("%s is no segment of a ledger: it was put there or renamed", name)
		}
	}
}

func root64(t *ledger.Tree) string {
	root := t.Root()
	return base64.StdEncoding.EncodeToString(root[:])
}
