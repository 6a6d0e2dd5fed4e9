package segment

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/ordergate/ordergate/metrics/ledger"
)

// Retain deletes the oldest segments that have no row at or after before, and
// returns how many rows went with them. It deletes files from the first on, and
// leaves the last, which says where the ledger goes on.
func (l *Log) Retain(ctx context.Context, before time.Time) (deleted int64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := errors.Join(ctx.Err(), l.ready()); err != nil {
		return 0, err
	}
	// The last segment stays: it says where the ledger goes on.
	if l.file == nil && len(l.earlier) > 0 || l.at.rows > 0 && l.at.to.Before(before) {
		if err := l.roll(dayOf(l.opts.Now())); err != nil {
			return 0, err
		}
	}
	first, segments := int64(0), int64(0)
	for len(l.earlier) > 0 {
		s := l.earlier[0]
		if err := errors.Join(ctx.Err(), l.know(s)); err != nil {
			return deleted, err
		}
		if !s.summary.To.Before(before) {
			break
		}
		if err := os.Remove(s.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return deleted, fmt.Errorf("delete ledger segment %s: %w", s.path, err)
		}
		if segments == 0 {
			first = s.number
		}
		segments++
		deleted += s.summary.Rows
		l.earlier = l.earlier[1:]
	}
	if segments == 0 {
		return 0, nil
	}
	l.pending = append(l.pending, ledger.Mark{
		Time: l.opts.Now().UTC(), Kind: ledger.MarkRetained, Count: deleted,
		Detail: fmt.Sprintf("rows of segments %d to %d deleted: past their retention", first, first+segments-1),
	})
	if l.file == nil {
		return deleted, nil
	}
	return deleted, errors.Join(l.flush(), syncDir(l.last.path))
}

// know fills an earlier segment's summary; the caller holds mu.
func (l *Log) know(s *earlier) error {
	if s.known {
		return nil
	}
	var damage *damageError
	o, err := open(s.place, -1)
	if errors.As(err, &damage) {
		return s.guess()
	} else if errors.Is(err, fs.ErrNotExist) {
		s.known = true // somebody else deleted it: nothing is left of it
		return nil
	} else if err != nil {
		return err
	}
	sum, _, err := summaryOf(o)
	if errors.As(err, &damage) {
		return errors.Join(s.guess(), o.file.Close())
	}
	if err := errors.Join(explain(s.path, err), o.file.Close()); err != nil {
		return err
	}
	s.summary, s.packed, s.known = sum, o.header.Packed, true
	return nil
}

// guess takes a damaged segment for one of its day and the next: so long may
// rows of a day come in.
func (s *earlier) guess() error {
	day, err := time.Parse(time.DateOnly, s.day)
	s.summary, s.known = summary{To: day.Add(48 * time.Hour)}, true
	return err
}

// wakePacker says that there may be something to pack.
func (l *Log) wakePacker() {
	if l.opts.still {
		return
	}
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// packer packs the segments that are written no more, one after another, until
// the log is closed. What it cannot pack stays as it is: it costs room only.
func (l *Log) packer() {
	failed := make(map[int64]bool)
	for {
		select {
		case <-l.stop:
			return
		case <-l.wake:
		}
		for s := l.unpacked(failed); s != nil; s = l.unpacked(failed) {
			sum, err := pack(s.place, l.stop)
			if err == nil {
				err = l.adopt(s, sum)
			}
			if errors.Is(err, errStopped) {
				return
			} else if err != nil {
				failed[s.number] = true
			}
		}
	}
}

// adopt gives a packed segment its name, unless retention was faster. Whoever
// reads the other form reads it to its end.
func (l *Log) adopt(s *earlier, sum summary) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !slices.Contains(l.earlier, s) {
		return os.Remove(s.path + packedSuffix)
	}
	if err := os.Rename(s.path+packedSuffix, s.path); err != nil {
		return errors.Join(err, os.Remove(s.path+packedSuffix))
	}
	s.summary, s.packed, s.known = sum, true, true
	return syncDir(s.path)
}

// unpacked returns the first segment that may have to be packed, or nil.
func (l *Log) unpacked(failed map[int64]bool) *earlier {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.earlier {
		if !s.packed && !s.damaged && !failed[s.number] {
			return s
		}
	}
	return nil
}
