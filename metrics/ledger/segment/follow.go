package segment

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/ordergate/ordergate/metrics/ledger"
)

// Chunk is a run of entries that were written together.
type Chunk struct {
	Day     string      // of the segment, YYYY-MM-DD
	Leaf    int64       // the number of the first entry, from 0
	Row     int64       // the sequence of the first row in it, or of the next one
	EndRow  int64       // the sequence of the row behind it
	Entries [][]byte    // valid until the next call
	Before  ledger.Tree // over all entries before these
	Tree    ledger.Tree // over all up to the last of these
	Nodes   []Node      // the subtrees of [NodeLevel] and above that the entries complete
}

// ErrUnread says that entries before the asked one are there, but not the asked
// one itself.
var ErrUnread = errors.New("the log does not reach that far")

// Follower reads a log's entries in their order, as far as they are durable,
// and goes on where it was when there are more. It is not safe for concurrent
// use; close it. Make one with [Log.Follow].
type Follower struct {
	log      *Log
	open     *opened // the segment that is being read; nil: none yet
	rest     []byte  // of the frame that was read last
	leaf     int64   // of the next entry
	row      int64   // the sequence of the next row
	tree     ledger.Tree
	bytes    []byte // of the chunk's entries
	ends     []int  // in bytes
	unpacker unpacker
}

// Follow returns a follower of the entries from number leaf on. Where the log
// begins later than that the follower begins there: see [Follower.Leaf]. A log
// that ends before leaf is [ErrUnread].
func (l *Log) Follow(ctx context.Context, leaf int64) (*Follower, error) {
	f := &Follower{log: l, row: 1}
	if err := f.seek(ctx, leaf); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// Leaf is the number of the entry that is read next.
func (f *Follower) Leaf() int64 { return f.leaf }

// Tree returns the tree over the entries before it.
func (f *Follower) Tree() ledger.Tree { return f.tree.Clone() }

// Close ends the follower.
func (f *Follower) Close() error {
	f.unpacker.close()
	if f.open == nil {
		return nil
	}
	err := f.open.file.Close()
	f.open = nil
	return err
}

// maxChunk bounds in bytes what [Follower.Next] returns, about.
const maxChunk = 8 << 20

// Next returns the next entries of one segment, at most max and some 8 MiB. Where
// there are none yet it returns io.EOF, and may be called again.
func (f *Follower) Next(ctx context.Context, max int) (Chunk, error) {
	f.bytes, f.ends = f.bytes[:0], f.ends[:0]
	c := Chunk{Leaf: f.leaf, Row: f.row, Before: f.tree.Clone()}
	for len(f.ends) < max && len(f.bytes) < maxChunk {
		if len(f.rest) == 0 {
			if err := f.frame(ctx, len(f.ends) == 0); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				return c, err
			}
			if len(f.ends) == 0 { // another segment may have begun, behind a gap
				c.Leaf, c.Row, c.Before = f.leaf, f.row, f.tree.Clone()
			}
		}
		if err := f.take(&c); err != nil {
			return c, err
		}
	}
	if len(f.ends) == 0 {
		return c, io.EOF
	}
	from := 0
	for _, end := range f.ends {
		c.Entries = append(c.Entries, f.bytes[from:end:end])
		from = end
	}
	c.Day, c.Tree, c.EndRow = f.open.header.Day, f.tree.Clone(), f.row
	return c, nil
}

// take moves one entry of the frame into the chunk.
func (f *Follower) take(c *Chunk) error {
	n, size := binary.Uvarint(f.rest)
	if size <= 0 || n == 0 || n > uint64(len(f.rest)-size) {
		return explain(f.open.path, &damageError{f.open.at, "a frame's entries do not fill it"})
	}
	end := size + int(n) //nolint:gosec // at most the frame's length
	entry := f.rest[size:end]
	f.rest = f.rest[end:]
	f.tree.Append(entry, func(at ledger.Place, hash tlog.Hash) {
		if at.Level >= NodeLevel {
			c.Nodes = append(c.Nodes, Node{at, hash})
		}
	})
	f.leaf++
	if ledger.EntryKind(entry[0]) == ledger.EntryRow {
		f.row++
	}
	f.bytes = append(f.bytes, entry...)
	f.ends = append(f.ends, len(f.bytes))
	return nil
}

// frame reads the next frame of entries. Only if next is set it goes on to the
// next segment, or looks whether the last one has grown.
func (f *Follower) frame(ctx context.Context, next bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if f.open != nil {
		at := f.open.at
		k, payload, err := f.open.next(nil)
		if err == nil {
			if f.rest, err = f.unpacker.unpack(k, payload); err != nil {
				err = &damageError{at, err.Error()}
			}
		}
		var damage *damageError
		if errors.As(err, &damage) && next && !f.last() {
			return f.more(ctx) // it was set aside: what can be read of it stays there
		}
		// What a killed writer left at the end is no entry.
		if err = f.open.tolerant(err, f.log.readOnly); !errors.Is(err, io.EOF) {
			return explain(f.open.path, err)
		}
	}
	if !next {
		return io.EOF
	}
	return f.more(ctx)
}

// last reports whether no segment has begun behind the one that is read.
func (f *Follower) last() bool {
	e, err := f.log.durableExtent()
	return err != nil || len(e.places) == 0 || e.places[len(e.places)-1].number == f.open.number
}

// more finds what follows behind what was read: more of the same segment, or
// the next one.
func (f *Follower) more(ctx context.Context) error {
	e, err := f.log.durableExtent()
	if err != nil {
		return err
	}
	for i, p := range e.places {
		switch {
		case f.open != nil && p.number < f.open.number:
			continue
		case f.open != nil && p.number == f.open.number:
			if i < len(e.places)-1 && f.open.at < f.open.limit {
				continue // damaged behind this place
			}
			limit := e.limit
			if info, err := f.open.file.Stat(); err != nil {
				return err
			} else if limit < 0 || i < len(e.places)-1 {
				limit = info.Size()
			}
			if f.open.header.Packed || limit <= f.open.at {
				continue
			}
			f.open.size, f.open.limit = limit, limit
			if err := f.open.seek(f.open.at); err != nil { // what was read ahead is old
				return explain(f.open.path, err)
			}
		default:
			o, err := e.open(i)
			var damage *damageError
			if errors.As(err, &damage) && i < len(e.places)-1 {
				continue
			} else if err != nil {
				return err
			}
			if o == nil {
				continue
			}
			if err := f.enter(o); err != nil {
				return err
			}
		}
		if err := f.frame(ctx, false); !errors.Is(err, io.EOF) {
			return err
		}
	}
	return io.EOF
}

// seek goes to the entry with number leaf.
func (f *Follower) seek(ctx context.Context, leaf int64) error {
	e, err := f.log.durableExtent()
	if err != nil {
		return err
	}
	for i := len(e.places) - 1; i >= 0; i-- {
		o, err := e.open(i)
		if err != nil {
			return err
		}
		if o == nil {
			continue
		}
		if o.header.FirstLeaf <= leaf || i == 0 {
			if err := f.enter(o); err != nil {
				return err
			}
			break
		}
		if err := o.file.Close(); err != nil {
			return err
		}
	}
	for f.leaf < leaf {
		if _, err := f.Next(ctx, int(min(leaf-f.leaf, 4096))); errors.Is(err, io.EOF) {
			return fmt.Errorf("%w: entry %d, it ends at %d", ErrUnread, leaf, f.leaf)
		} else if err != nil {
			return err
		}
	}
	return nil
}

// enter begins a segment.
func (f *Follower) enter(o *opened) error {
	tree, ok := ledger.TreeAt(o.header.FirstLeaf, o.header.Edge)
	if !ok || o.header.FirstRow < 1 {
		return errors.Join(explain(o.path, &damageError{int64(len(magic)), "the header says nothing that could be"}), o.file.Close())
	}
	if f.open != nil {
		if err := f.open.file.Close(); err != nil {
			return errors.Join(err, o.file.Close())
		}
	}
	f.open, f.leaf, f.row, f.tree, f.rest = o, o.header.FirstLeaf, o.header.FirstRow, tree, nil
	return nil
}

// Behind returns how many bytes of the log the follower has not read, about.
func (f *Follower) Behind() (int64, error) {
	e, err := f.log.durableExtent()
	if err != nil {
		return 0, err
	}
	behind := int64(0)
	for i, p := range e.places {
		if f.open != nil && p.number < f.open.number {
			continue
		}
		size := e.limit
		if size < 0 || i < len(e.places)-1 {
			info, err := os.Stat(p.path)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			} else if err != nil {
				return 0, err
			}
			size = info.Size()
		}
		if f.open != nil && p.number == f.open.number {
			size -= f.open.at
		}
		behind += max(size, 0)
	}
	return behind, nil
}

// durableExtent is what may be read: the last segment as far as it is durable.
func (l *Log) durableExtent() (extent, error) {
	e, err := l.extent()
	if err != nil || l.readOnly {
		return e, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(e.places); n > 0 && l.file != nil && e.places[n-1] == l.last {
		e.limit = l.durable.offset
	} else {
		e.limit = -1 // another one has begun since: all of it is durable
	}
	return e, nil
}

// DurableSize is how many entries are durable.
func (l *Log) DurableSize() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.durable.tree.Size()
}

// Written is how many bytes of entries were written since the log was opened.
func (l *Log) Written() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.written
}

// Drop deletes the segments of a spool that have nothing but entries before
// leaf, except the last: somebody else keeps them. Packed ones stay, they are
// of a time when the log was no spool. No mark tells of it.
func (l *Log) Drop(leaf int64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.ready(); err != nil || l.file == nil {
		return err
	}
	end := l.header.FirstLeaf // of the segment that is looked at
	for i := len(l.earlier) - 1; i >= 0; i-- {
		s := l.earlier[i]
		if err := s.begin(); err != nil {
			return err
		}
		if end <= leaf && !s.packed && !s.damaged {
			if err := os.Remove(s.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("delete ledger segment %s: %w", s.path, err)
			}
			l.earlier = slices.Delete(l.earlier, i, i+1)
		}
		end = s.firstLeaf
	}
	return nil
}

// begin reads where an earlier segment begins.
func (s *earlier) begin() error {
	if s.begun {
		return nil
	}
	o, err := open(s.place, -1)
	var damage *damageError
	if errors.As(err, &damage) {
		s.damaged, s.begun = true, true
		return nil
	} else if err != nil {
		return err
	}
	s.firstLeaf, s.packed, s.begun = o.header.FirstLeaf, o.header.Packed, true
	return o.file.Close()
}
