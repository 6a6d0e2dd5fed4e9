package segment

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/ordergate/ordergate/metrics/ledger"
)

// Verify reads every byte of the segments, hashes every entry into the tree
// anew, and compares the tree with checkpoints, which it takes by size: own are
// the store's, opts.Kept those from elsewhere. It changes nothing. It returns an
// error only when it could not read on; what is wrong is in the result.
func (l *Log) Verify(ctx context.Context, own []ledger.Checkpoint, opts ledger.VerifyOptions) (ledger.Verification, error) {
	v := verification{Audit: ledger.NewAudit(own, &opts), opts: opts}
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

// verification is one run of Verify.
type verification struct {
	*ledger.Audit
	opts     ledger.VerifyOptions
	previous place
	unpacker unpacker
}

// segment verifies the i-th segment.
func (v *verification) segment(ctx context.Context, e extent, i int) error {
	p, last := e.places[i], i == len(e.places)-1
	if v.previous.number != 0 && p.number != v.previous.number+1 {
		v.Fault("segments %d to %d are missing, before %s: their rows are lost unless a backup has them", v.previous.number+1, p.number-1, p.name())
		v.Known = false
	}
	v.previous = p
	o, err := e.open(i)
	var damage *damageError
	switch {
	case errors.As(err, &damage):
		v.Fault("segment %s: %v: none of its rows can be read", p.name(), damage)
		v.Known = false
		return nil
	case err != nil:
		return err
	case o == nil:
		v.Known = false
		v.Note("segment %s was deleted by retention meanwhile", p.name())
		return nil
	}
	defer func() { _ = o.file.Close() }()
	if o.header.Packed && !v.within(&o.summary) {
		v.Skipped++
		v.Known = false
		return nil
	}
	v.Segments++
	if !v.begin(o, i == 0) {
		v.Known = false
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
	if s := h.Salvage; s != nil {
		what := "the end of the ledger was missing"
		if s.File != "" {
			what = s.File + " was damaged and set aside"
		}
		v.Fault("segment %s begins anew with row %d: %s: rows up to %d are whole, up to %d rows behind them are lost unless a backup has them (%s)",
			o.name(), h.FirstRow, what, s.Row-1, s.Lost, s.Why)
		v.Known = false
	}
	v.Begin("segment "+o.name(), ledger.Head{Tree: tree, Row: h.FirstRow}, first)
	return true
}

// read verifies a segment's entries and what stands behind them.
func (v *verification) read(ctx context.Context, o *opened, last bool) error {
	s := &survey{own: outcomes{}, tree: v.Tree, row: v.Row, first: o.header.FirstRow}
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
			v.Settle(append(s.endings(), s.summary.Late...))
			v.Known = false
			return nil
		} else if err != nil {
			return err
		}
		entries_, err := v.unpacker.unpack(k, payload)
		if err != nil {
			v.lost(o, &damageError{at, err.Error()}, s, last)
			v.Known = false
			return nil
		}
		b := block{Offset: at, Size: o.at - at, Leaf: s.tree.Size(), Row: s.row}
		err = Entries(entries_, func(entry []byte) error {
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
	v.Tree, v.Row = s.tree, s.row
	v.Settle(append(s.endings(), s.summary.Late...))
	if o.header.Packed {
		v.behind(o, s, blocks)
	}
	return nil
}

// entry counts what was read and compares the tree.
func (v *verification) entry(o *opened, s *survey, entry []byte, b *block) {
	v.Entries++
	v.Tree = s.tree
	v.Compare("segment " + o.name())
	if ledger.EntryKind(entry[0]) != ledger.EntryRow {
		return
	}
	var row ledger.Row
	if s.decoder.Row(entry, &row) != nil {
		return // told already
	}
	b.Rows++
	b.From, b.To = widen(b.From, b.To, row.Time)
	v.Count(&row)
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
	v.End()
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
