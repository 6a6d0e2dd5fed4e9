package segment

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"slices"
	"time"

	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/rules"
)

// extent is what a reader reads: the segments, the last one as far as it was
// written.
type extent struct {
	places []place
	limit  int64 // of the last segment's bytes; negative: all
}

// extent returns what is there now.
func (l *Log) extent() (extent, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return extent{}, ErrClosed
	}
	if l.readOnly {
		places, err := list(l.dir)
		return extent{places, -1}, err
	}
	e := extent{limit: l.at.offset}
	for _, s := range l.earlier {
		e.places = append(e.places, s.place)
	}
	if l.file != nil {
		e.places = append(e.places, l.last)
	}
	return e, nil
}

// open opens the i-th segment; the last one up to the limit. It returns nil for
// one that retention has deleted meanwhile.
func (e extent) open(i int) (*opened, error) {
	limit := int64(-1)
	if i == len(e.places)-1 {
		limit = e.limit
	}
	o, err := open(e.places[i], limit)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // says that there is none
	}
	return o, err
}

// tolerant returns an error as io.EOF when it is about the torn end of a
// segment that somebody else may be writing: there the rows end.
func (o *opened) tolerant(err error, last bool) error {
	var damage *damageError
	if !last || o.header.Packed || !errors.As(err, &damage) {
		return err
	}
	if torn, tornErr := isTail(o.file, damage.offset, o.size); tornErr != nil || !torn {
		return errors.Join(err, tornErr)
	}
	return io.EOF
}

// Disclosures yields rows as [ledger.Store.Disclosures] says.
func (l *Log) Disclosures(ctx context.Context, query ledger.Query) iter.Seq2[ledger.Row, error] {
	return func(yield func(ledger.Row, error) bool) {
		e, err := l.extent()
		if err == nil {
			r := reader{extent: e, query: query, yield: yield, own: outcomes{}, late: outcomes{}}
			defer r.unpacker.close()
			err = r.run(ctx)
		}
		if err != nil && !errors.Is(err, errEnough) {
			yield(ledger.Row{}, err)
		}
	}
}

// errEnough ends a scan whose caller has seen enough.
var errEnough = errors.New("seen enough")

// errDeleted says that retention was faster than a reader.
var errDeleted = errors.New("these rows were past their retention and were deleted while the ones before them were read: begin anew")

// reader is one pass over the rows.
type reader struct {
	extent
	query    ledger.Query
	yield    func(ledger.Row, error) bool
	late     outcomes // of rows in segments before the one that has the outcome
	own      outcomes // of the segment being read
	unpacker unpacker
	decoder  ledger.Decoder
	begun    bool // a segment was read: none may be missing from now on
}

// skip goes on behind a damaged place, if the query allows it: to the next frame
// that can be read or, with io.EOF, to the segment's end.
func (r *reader) skip(o *opened, err error) error {
	var damage *damageError
	if r.query.Damaged == nil || !errors.As(err, &damage) {
		return explain(o.path, err)
	}
	r.query.Damaged(explain(o.path, err))
	if o.header.Packed {
		return io.EOF // its frames are found by the summary
	}
	next, err := behind(o.file, damage.offset, o.size)
	if err != nil {
		return err
	} else if next < 0 {
		return io.EOF
	}
	return o.seek(next)
}

func (r *reader) run(ctx context.Context) error {
	overlaps := make([]bool, len(r.places))
	for i := range r.places {
		if err := ctx.Err(); err != nil {
			return err
		}
		o, err := r.open(i)
		var damage *damageError
		if r.query.Damaged != nil && errors.As(err, &damage) {
			r.query.Damaged(err)
			continue
		} else if err != nil {
			return err
		}
		if o == nil {
			continue
		}
		overlaps[i] = !o.header.Packed || r.within(o.summary.From, o.summary.To)
		for _, e := range o.summary.Late {
			r.late.add(e)
		}
		if !o.header.Packed && (i > 0 || len(r.places) > 1) {
			err = r.collect(o, i == len(r.places)-1)
		}
		if err := errors.Join(err, o.file.Close()); err != nil {
			return err
		}
	}
	for i := range r.places {
		if !overlaps[i] {
			continue
		}
		if err := r.segment(ctx, i); err != nil {
			return err
		}
	}
	return nil
}

// within reports whether a period may hold rows that the query selects.
func (r *reader) within(from, to time.Time) bool {
	return !to.IsZero() && (r.query.Since.IsZero() || !to.Before(r.query.Since)) && (r.query.Until.IsZero() || from.Before(r.query.Until))
}

func isOther(k kind) bool { return k == frameOther }

// collect reads the outcomes of a segment that is not packed: those of its own
// rows into r.own, the others into r.late.
func (r *reader) collect(o *opened, last bool) error {
	clear(r.own)
	for {
		_, payload, err := o.next(isOther)
		if err = o.tolerant(err, last); err != nil && !errors.Is(err, io.EOF) {
			err = r.skip(o, err)
			payload = nil
		}
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if payload == nil {
			continue
		}
		err = Entries(payload, func(entry []byte) error {
			if ledger.EntryKind(entry[0]) != ledger.EntryOutcomes {
				return nil
			}
			endings, err := ledger.DecodeOutcomes(entry)
			for _, e := range endings {
				if e.Head >= o.header.FirstRow {
					r.own.add(e)
				} else {
					r.late.add(e)
				}
			}
			return err
		})
		if err != nil {
			return explain(o.path, &damageError{o.at, err.Error()})
		}
	}
}

// segment yields one segment's rows.
func (r *reader) segment(ctx context.Context, i int) error {
	o, err := r.open(i)
	if err != nil {
		return err
	}
	if o == nil && r.begun {
		return fmt.Errorf("%s: %w", r.places[i].name(), errDeleted)
	} else if o == nil {
		return nil
	}
	r.begun = true
	defer func() { _ = o.file.Close() }()
	last := i == len(r.places)-1
	if o.header.Packed {
		clear(r.own)
		if err := readEndings(o.endings, r.own); err != nil {
			return explain(o.path, &damageError{o.limit, err.Error()})
		}
		return r.packed(ctx, o)
	}
	if err := r.collect(o, last); err != nil {
		return err
	}
	if err := o.seek(o.start); err != nil {
		return err
	}
	isRows := func(k kind) bool { return k == frameRows }
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		_, payload, err := o.next(isRows)
		if err = o.tolerant(err, last); err != nil && !errors.Is(err, io.EOF) {
			err = r.skip(o, err)
			payload = nil
		}
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := r.rows(o, payload); err != nil {
			return err
		}
	}
}

// packed yields the rows of a packed segment, leaving out blocks that have none
// of the period.
func (r *reader) packed(ctx context.Context, o *opened) error {
	for _, b := range o.summary.Blocks {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !r.within(b.From, b.To) {
			continue
		}
		if err := o.seek(b.Offset); err != nil {
			return explain(o.path, err)
		}
		k, payload, err := o.next(nil)
		if err == nil {
			payload, err = r.unpacker.unpack(k, payload)
			if err != nil {
				err = &damageError{b.Offset, err.Error()}
			}
		}
		if err != nil {
			if err := r.skip(o, err); !errors.Is(err, io.EOF) {
				return err
			}
			continue
		}
		if err := r.rows(o, payload); err != nil {
			return err
		}
	}
	return nil
}

// rows yields the rows among a frame's entries.
func (r *reader) rows(o *opened, payload []byte) error {
	var row ledger.Row
	err := Entries(payload, func(entry []byte) error {
		if ledger.EntryKind(entry[0]) != ledger.EntryRow {
			return nil
		}
		if err := r.decoder.Row(entry, &row); err != nil {
			return &damageError{o.at, err.Error()}
		}
		if row.State == rules.Unknown {
			state, ok := r.own[row.Head]
			if !ok {
				state = r.late[row.Head]
			}
			row.State = state
		}
		if r.query.Takes(&row) && !r.yield(row, nil) {
			return errEnough
		}
		return nil
	})
	return explain(o.path, err)
}

// Marks returns the marks of the kept segments, in the order in which they
// were written.
func (l *Log) Marks(ctx context.Context) ([]ledger.Mark, error) {
	e, err := l.extent()
	if err != nil {
		return nil, err
	}
	var marks []ledger.Mark
	for i := range e.places {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		o, err := e.open(i)
		var damage *damageError
		if errors.As(err, &damage) {
			continue // as above
		} else if err != nil {
			return nil, err
		}
		if o == nil {
			continue
		}
		if o.header.Packed {
			marks = append(marks, o.summary.Marks...)
		} else {
			err = o.marks(&marks, i == len(e.places)-1)
		}
		if err := errors.Join(err, o.file.Close()); err != nil {
			return nil, err
		}
	}
	return slices.Clip(marks), nil
}

func (o *opened) marks(into *[]ledger.Mark, last bool) error {
	for {
		_, payload, err := o.next(isOther)
		if err = o.tolerant(err, last); err != nil && !errors.Is(err, io.EOF) {
			// Verify tells of damage; the marks behind it still count.
			r := reader{query: ledger.Query{Damaged: func(error) {}}}
			err = r.skip(o, err)
			payload = nil
		}
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		err = Entries(payload, func(entry []byte) error {
			if ledger.EntryKind(entry[0]) != ledger.EntryMark {
				return nil
			}
			mark, err := ledger.DecodeMark(entry)
			*into = append(*into, mark)
			return err
		})
		if err != nil {
			return explain(o.path, &damageError{o.at, err.Error()})
		}
	}
}
