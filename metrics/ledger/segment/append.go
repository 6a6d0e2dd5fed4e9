package segment

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/rules"
)

// Append keeps rows as [ledger.Store.Append] says: one write, one fdatasync.
func (l *Log) Append(ctx context.Context, rows []rules.Disclosure) error {
	if len(rows) == 0 {
		return nil
	}
	for i := range rows {
		if err := ledger.Validate(&rows[i]); err != nil {
			return err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	// ctx counts only before it begins: a write to a disk cannot be called back.
	if err := errors.Join(ctx.Err(), l.ready()); err != nil {
		return err
	}
	if err := l.turn(dayOf(rows[0].Time)); err != nil {
		return err
	}
	heads := l.encode(rows) // remembered only once they are durable
	next := l.at.clone()
	next.row += int64(len(rows))
	next.rows += int64(len(rows))
	for i := range rows {
		if rows[i].Time.After(next.to) {
			next.to = rows[i].Time
		}
	}
	sync := !l.opts.Relaxed || next.row-l.durable.row > RelaxedRows
	if err := l.write(frameRows, next, sync); err != nil {
		return err
	}
	for exchange, head := range heads {
		l.heads.Add(exchange, head)
	}
	return nil
}

// encode fills l.frame and l.ends with rows, and returns the heads of
// exchanges that are new.
func (l *Log) encode(rows []rules.Disclosure) map[rules.ExchangeID]int64 {
	heads := make(map[rules.ExchangeID]int64)
	l.begin()
	sequence := l.at.row
	for i := range rows {
		row := &l.row
		*row = ledger.Row{Sequence: sequence, Disclosure: rows[i]}
		l.ids = append(l.ids[:0], row.Record.Identifiers...) // the caller's stay as they are
		row.Record.Identifiers = l.ids
		key := &l.opts.Key
		if own := l.keys[row.Tenant]; own != nil {
			key = own
		}
		key.Seal(row)
		head, ok := l.heads.Get(row.Exchange)
		if !ok {
			head, ok = heads[row.Exchange]
		}
		if !ok {
			head = sequence
			heads[row.Exchange] = head
		}
		row.Head = head
		l.entry = ledger.AppendRowEntry(l.entry[:0], row)
		l.add()
		sequence++
	}
	return heads
}

// begin empties l.frame, and frees it after one huge batch.
func (l *Log) begin() {
	const keep = 4 << 20
	if cap(l.frame) > keep {
		l.frame = nil
	}
	l.frame, l.ends = beginFrame(l.frame), l.ends[:0]
}

// add puts l.entry into l.frame.
func (l *Log) add() {
	l.frame = AppendEntry(l.frame, l.entry)
	l.ends = append(l.ends, len(l.frame), len(l.entry))
}

// Finish keeps outcomes as [ledger.Store.Finish] says. It does not wait for
// the disk: they become durable with the next Append.
func (l *Log) Finish(ctx context.Context, outcomes []ledger.Outcome) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := errors.Join(ctx.Err(), l.ready()); err != nil {
		return err
	}
	var endings []ledger.Ending
	var ended []rules.ExchangeID
	for _, o := range outcomes {
		head, ok := l.heads.Peek(o.Exchange)
		if ok && (o.State == rules.Delivered || o.State == rules.Withheld) {
			endings = append(endings, ledger.Ending{Head: head, State: o.State})
			ended = append(ended, o.Exchange)
		}
	}
	if len(endings) == 0 {
		return nil
	}
	l.begin()
	l.entry = ledger.AppendOutcomesEntry(l.entry[:0], endings)
	l.add()
	if err := l.write(frameOther, l.at.clone(), false); err != nil {
		return err
	}
	for _, exchange := range ended {
		l.heads.Remove(exchange)
	}
	return nil
}

// write appends l.frame, whose entries end at l.ends, and moves to next, which
// lacks the offset and the tree. The tree grows while the disk works.
func (l *Log) write(k kind, next position, sync bool) error {
	if len(l.frame)-frameHead > maxFrame {
		return fmt.Errorf("ledger %s: a batch of %d bytes: want at most %d", l.dir, len(l.frame), maxFrame)
	}
	endFrame(l.frame, k)
	next.offset = l.at.offset + int64(len(l.frame))
	grown := make(chan struct{})
	go func() {
		defer close(grown)
		for i := 0; i < len(l.ends); i += 2 {
			next.tree.Append(l.frame[l.ends[i]-l.ends[i+1]:l.ends[i]], nil)
		}
	}()
	_, err := l.file.WriteAt(l.frame, l.at.offset)
	failed := err != nil
	if !failed && sync {
		err = l.file.Sync()
	}
	<-grown
	switch {
	case failed:
		l.dirty = true // what was written of it goes before the next write
	case err != nil:
		l.lose()
	default:
		l.at = next
		l.written += int64(len(l.frame))
		if sync {
			l.durable = next.clone()
		}
		return nil
	}
	return l.explain(err)
}

// sync makes what was written durable; the caller holds mu.
func (l *Log) sync() error {
	if err := l.file.Sync(); err != nil {
		l.lose()
		return l.explain(err)
	}
	l.durable = l.at.clone()
	return nil
}

// lose goes back to what the disk is known to hold: after a failed fsync the
// kernel may have dropped pages and called them clean, so they are written
// anew (Rebello et al., "Can Applications Recover from fsync Failures?", 2020).
// Outcomes since then are lost: their rows stay unknown, which is true. Rows
// since then are lost, too, in a relaxed log, and a mark tells how many.
func (l *Log) lose() {
	if rows := l.at.row - l.durable.row; rows > 0 {
		l.pending = append(l.pending, ledger.Mark{
			Time: l.opts.Now().UTC(), Kind: ledger.MarkUnrecorded, Count: rows, Since: l.durable.to,
			Detail: "rows that the disk lost before they were durable: ledger.durability is relaxed",
		})
		for _, exchange := range l.heads.Keys() {
			if head, ok := l.heads.Peek(exchange); ok && head >= l.durable.row {
				l.heads.Remove(exchange)
			}
		}
	}
	l.at = l.durable.clone()
	l.dirty = true
}

// syncer makes a relaxed log durable, again and again, until it is closed.
func (l *Log) syncer() {
	tick := time.NewTicker(RelaxedTime)
	defer tick.Stop()
	for {
		select {
		case <-l.stop:
			return
		case <-tick.C:
			_, _ = l.Durable(context.Background()) // the next one tries again, and Append says so
		}
	}
}

// flush writes the marks that wait, durably.
func (l *Log) flush() error {
	l.begin()
	for i := range l.pending {
		var err error
		if l.entry, err = ledger.AppendMarkEntry(l.entry[:0], &l.pending[i]); err != nil {
			return err
		}
		l.add()
	}
	if len(l.pending) == 0 {
		return l.sync()
	}
	if err := l.write(frameOther, l.at.clone(), true); err != nil {
		return err
	}
	l.pending = l.pending[:0]
	return nil
}

func dayOf(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// turn begins a new segment when a day has begun, or when the clock has gone
// back by more than a day; and writes the marks that wait.
func (l *Log) turn(day string) error {
	if full := l.opts.Spool && l.at.offset > SpoolSegment; l.file == nil || full || day > l.header.Day || l.wentBack(day) {
		if full && !l.wentBack(day) {
			day = max(day, l.header.Day)
		}
		if err := l.roll(day); err != nil {
			return err
		}
	}
	if len(l.pending) == 0 {
		return nil
	}
	return l.flush()
}

func (l *Log) wentBack(day string) bool {
	if day >= l.header.Day {
		return false
	}
	now, err1 := time.Parse(time.DateOnly, day)
	then, err2 := time.Parse(time.DateOnly, l.header.Day)
	return err1 == nil && err2 == nil && then.Sub(now) > 24*time.Hour
}

// roll ends the last segment and begins the next. A new segment gets its name
// once its header is durable.
func (l *Log) roll(day string) error {
	if l.file != nil {
		if err := l.sync(); err != nil {
			return err
		}
	}
	number := l.header.Segment + 1
	if l.salvage != nil && l.salvage.File == "" {
		number++ // the lost one may come back from a backup
	}
	head := header{Salvage: l.salvage, Segment: number, Day: day, FirstLeaf: l.at.tree.Size(), FirstRow: l.at.row, Edge: l.at.tree.Edge()}
	text, err := json.Marshal(&head)
	if err != nil {
		return err
	}
	frame := append(beginFrame(nil), text...)
	endFrame(frame, frameHeader)
	content := append([]byte(magic), frame...)
	p := place{filepath.Join(l.dir, nameOf(head.Segment, day)), head.Segment, day}
	if err := l.makeFile(p.path, content); err != nil {
		return l.explain(err)
	}
	file, err := l.opts.create(p.path)
	if err != nil {
		return l.explain(err)
	}
	if l.file != nil {
		if err := l.file.Close(); err != nil {
			return errors.Join(l.explain(err), file.Close())
		}
		l.earlier = append(l.earlier, &earlier{place: l.last})
		l.wakePacker()
	}
	l.file, l.last, l.header, l.salvage = file, p, head, nil
	l.at.offset, l.at.rows, l.at.to = int64(len(content)), 0, time.Time{}
	l.durable = l.at.clone()
	return nil
}

// makeFile makes a file with a content, whole or not at all.
func (l *Log) makeFile(path string, content []byte) error {
	file, err := l.opts.create(path + ".tmp")
	if err != nil {
		return err
	}
	if _, err = file.WriteAt(content, 0); err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return errors.Join(err, os.Remove(path+".tmp"))
	}
	if err := os.Rename(path+".tmp", path); err != nil {
		return err
	}
	return syncDir(path)
}
