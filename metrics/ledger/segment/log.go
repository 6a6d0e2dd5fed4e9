package segment

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/rules"
)

// Errors that callers branch on.
var (
	// ErrReadOnly is what the writing methods of a log opened for reading return.
	ErrReadOnly = errors.New("ledger was opened for reading only")
	// ErrClosed says that the log was closed.
	ErrClosed = errors.New("ledger is closed")
)

// Options tune a log. The zero value gives the defaults.
type Options struct {
	// Key is what rows are sealed with, but for those of a tenant that has a key of
	// its own: see [ledger.Store.Rekey].
	Key     ledger.Key
	Tenants map[string]ledger.Key
	// Now is the clock of marks; nil means time.Now. Rows bring their own time.
	Now func() time.Time
	// Least is how many entries were signed for at last: a log that has fewer
	// was cut off, and goes on behind them.
	Least int64
	// LeastRow is the sequence of the last row that was signed for.
	LeastRow int64
	// Spool says that the log is only on its way to somewhere else: its segments
	// are not packed, and another begins once one has SpoolSegment bytes, so that
	// [Log.Drop] frees room.
	Spool bool
	// Begin is where somebody else knows the log to end: one that ends before it
	// goes on there, in a new segment. Nil: nobody does.
	Begin *ledger.Head

	// Relaxed says that Append does not wait for the disk: what was appended is
	// durable RelaxedTime and one sync later, or with the batch that makes it more
	// than RelaxedRows. It is in the kernel's hands at once: only a power cut or a
	// crash of the machine loses it.
	Relaxed bool

	create func(path string) (writable, error) // for tests; nil: a file
	still  bool                                // for tests: nothing is packed unasked
}

// writable is a segment file as its writer uses it.
type writable interface {
	io.WriterAt
	Truncate(size int64) error
	Sync() error
	Close() error
}

// Log is the rows of a ledger in segment files, one for a day. Its methods are
// safe for concurrent use. Make one with [Open] or [OpenReadOnly].
type Log struct {
	dir      string
	opts     Options
	readOnly bool

	mu       sync.Mutex // serialises the writer and guards what follows
	closed   bool
	file     writable // of the last segment; nil: there is none yet
	last     place
	header   header
	at       position
	durable  position // what the disk is known to hold
	salvage  *salvage // of the next segment's header
	lost     int64    // rows that opening it found to be lost
	written  int64    // bytes of entries since it was opened
	dirty    bool     // the file may hold bytes behind at.offset
	heads    *simplelru.LRU[rules.ExchangeID, int64]
	pending  []ledger.Mark // to be written with the next entries
	earlier  []*earlier    // the segments before the last, by number
	warnings []string
	frame    []byte
	ends     []int // of the entries in frame
	entry    []byte
	row      ledger.Row // to be sealed and encoded
	ids      []rules.Identifier
	keys     map[string]*ledger.Key // of tenants

	wake chan struct{} // there is something to pack
	stop chan struct{}

	running sync.WaitGroup // packer and syncer
}

// position is all that changes with an entry.
type position struct {
	offset int64
	tree   ledger.Tree
	row    int64 // the sequence of the next row
	rows   int64 // of the last segment
	to     time.Time
}

// earlier is a segment that is written no more.
type earlier struct {
	place
	packed  bool
	known   bool // summary is filled
	summary summary

	damaged   bool // it was set aside: it is neither packed nor dropped
	begun     bool // packed and firstLeaf are filled
	firstLeaf int64
}

// How much a relaxed log may lose when the power goes.
const (
	RelaxedTime = 200 * time.Millisecond
	RelaxedRows = 10_000
)

// SpoolSegment is how large a segment of a spool grows.
const SpoolSegment = 64 << 20

// maxOpenExchanges bounds how many exchanges with rows may wait for their
// outcome; the outcome of an older one is dropped: its rows stay unknown.
const maxOpenExchanges = 1 << 16

// Open opens the log in dir for writing, making the folder (mode 0700) if it is
// missing. The end of the last segment that was being written when the power
// went is moved aside to a file of its name and ".torn": it was never
// acknowledged. A last segment that is damaged elsewhere, and a log that ends
// before Options.Least, are left as they are: another segment begins behind
// them, and [Log.Lost] tells what is missing. The caller sees to it that there
// is one writer.
func Open(dir string, opts Options) (*Log, error) {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.create == nil {
		opts.create = openFile
	}
	syncs := opts.Relaxed && !opts.still
	opts.still = opts.still || opts.Spool
	l := &Log{dir: dir, opts: opts, wake: make(chan struct{}, 1), stop: make(chan struct{})}
	l.at.row, l.keys = 1, make(map[string]*ledger.Key, len(opts.Tenants))
	for tenant, key := range opts.Tenants {
		l.keys[tenant] = &key
	}
	var err error
	if l.heads, err = simplelru.NewLRU[rules.ExchangeID, int64](maxOpenExchanges, nil); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("ledger folder %s cannot be made: %w: give the gateway's user write access", dir, err)
	}
	if err := l.recover(); err != nil {
		return nil, err
	}
	l.durable = l.at.clone()
	l.pending = append(l.pending, ledger.Mark{Time: l.opts.Now().UTC(), Kind: ledger.MarkStart, Since: l.at.to})
	if l.file != nil {
		if err := l.flush(); err != nil {
			return nil, errors.Join(err, l.file.Close())
		}
	}
	l.running.Go(l.packer)
	if syncs {
		l.running.Go(l.syncer)
	}
	if !opts.still {
		l.wakePacker()
	}
	return l, nil
}

// OpenReadOnly opens the log in dir for reading, beside a writer in any
// process.
func OpenReadOnly(dir string) (*Log, error) {
	return &Log{dir: dir, readOnly: true}, nil
}

func (p position) clone() position {
	p.tree = p.tree.Clone()
	return p
}

// recover finds where the log ends.
func (l *Log) recover() error {
	places, err := list(l.dir)
	if err != nil {
		return fmt.Errorf("read the ledger's folder: %w", err)
	}
	if leftovers, err := filepath.Glob(filepath.Join(l.dir, "*"+Suffix+packedSuffix)); err == nil {
		for _, path := range leftovers {
			_ = os.Remove(path) // half a packed segment; the whole one is there
		}
	}
	for i, p := range places {
		if i > 0 && p.number != places[i-1].number+1 {
			l.warnings = append(l.warnings, fmt.Sprintf("segments %d to %d of the ledger are missing before %s: restore them from a backup; `ledger verify` says what is whole",
				places[i-1].number+1, p.number-1, p.name()))
		}
		if i < len(places)-1 {
			l.earlier = append(l.earlier, &earlier{place: p})
		}
	}
	if len(places) > 0 {
		if err := l.recoverLast(places[len(places)-1]); err != nil {
			return err
		}
	}
	if begin := l.opts.Begin; begin != nil && l.at.tree.Size() < begin.Tree.Size() {
		if err := l.leave(); err != nil {
			return err
		}
		l.warnings = append(l.warnings, fmt.Sprintf("the ledger in %s ends at entry %d, an old copy: it goes on at entry %d, where the database ends", l.dir, l.at.tree.Size(), begin.Tree.Size()))
		l.at = position{tree: begin.Tree.Clone(), row: begin.Row}
		return l.roll(dayOf(l.opts.Now()))
	}
	if l.salvage == nil && l.at.tree.Size() < l.opts.Least {
		l.setAside(&remains{}, fmt.Errorf("it ends at entry %d, but entry %d was signed for: its end was cut off, or an old copy was restored", l.at.tree.Size(), l.opts.Least))
	}
	if l.salvage == nil {
		return nil
	}
	if err := l.leave(); err != nil {
		return err
	}
	return l.roll(dayOf(l.opts.Now()))
}

// leave ends the last segment as it is: the next row begins another one.
func (l *Log) leave() error {
	if l.file == nil {
		return nil
	}
	l.earlier = append(l.earlier, &earlier{place: l.last})
	err := l.file.Close()
	l.file = nil
	return err
}

// recoverLast reads the last segment and opens it for writing, if it is still
// written to.
func (l *Log) recoverLast(p place) error {
	var damage *damageError
	o, err := open(p, -1)
	if errors.As(err, &damage) {
		return l.salvageWhole(p, err)
	} else if err != nil {
		return err
	}
	defer func() { _ = o.file.Close() }()
	s, err := surveySegment(o)
	switch {
	case err == nil:
	case !errors.As(err, &damage):
		return err
	case s == nil || o.header.Packed:
		return l.salvageWhole(p, err)
	default:
		torn, tornErr := isTail(o.file, s.offset, o.size)
		if tornErr != nil {
			return tornErr
		}
		if !torn || s.tree.Size() < l.opts.Least { // what was signed for is no torn tail
			return l.salvageEnd(o, s, err)
		}
	}
	l.last, l.header = p, o.header
	l.at = position{offset: s.offset, tree: s.tree, row: s.row, rows: s.summary.Rows, to: s.summary.To}
	if o.header.Packed { // those behind it are gone, and nobody signed for them
		l.earlier = append(l.earlier, &earlier{place: p})
		return nil
	}
	if l.file, err = l.opts.create(p.path); err != nil {
		return fmt.Errorf("open ledger segment %s: %w: run as the gateway's user, on a file system mounted for writing", p.path, err)
	}
	if o.size > s.offset {
		if err := l.cut(o, s.offset); err != nil {
			return errors.Join(err, l.file.Close())
		}
	}
	return nil
}

// cut moves the torn end of the last segment aside.
func (l *Log) cut(o *opened, offset int64) error {
	torn, err := os.OpenFile(o.path+".torn", os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("move the torn end of %s aside: %w", o.path, err)
	}
	_, err = io.Copy(torn, io.NewSectionReader(o.file, offset, o.size-offset))
	if err = errors.Join(err, torn.Sync(), torn.Close()); err != nil {
		return fmt.Errorf("move the torn end of %s aside: %w", o.path, err)
	}
	if err := errors.Join(l.file.Truncate(offset), l.file.Sync()); err != nil {
		return fmt.Errorf("cut the torn end of %s off: %w", o.path, err)
	}
	l.pending = append(l.pending, ledger.Mark{
		Time: l.opts.Now().UTC(), Kind: ledger.MarkTorn, Count: o.size - offset,
		Detail: fmt.Sprintf("bytes at the end of segment %d that were never acknowledged", o.number),
	})
	l.warnings = append(l.warnings, fmt.Sprintf("%d bytes at the end of %s were torn, never acknowledged: moved to %s.torn", o.size-offset, o.name(), o.name()))
	return nil
}

// Warnings returns what Open found and did not refuse.
func (l *Log) Warnings() []string { return l.warnings }

// ready says whether the writer may write; the caller holds mu.
func (l *Log) ready() error {
	switch {
	case l.readOnly:
		return ErrReadOnly
	case l.closed:
		return ErrClosed
	case l.dirty:
		if err := l.file.Truncate(l.at.offset); err != nil {
			return l.explain(err)
		}
		l.dirty = false
	}
	return nil
}

// explain adds what to do to an error of the file system.
func (l *Log) explain(err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	switch {
	case isFull(err):
		return fmt.Errorf("ledger %s cannot grow: %w: free space on its disk; writing goes on by itself", l.dir, err)
	case os.IsPermission(err) || strings.Contains(text, "read-only"):
		return fmt.Errorf("ledger %s cannot be written: %w: run as the gateway's user, on a file system mounted for writing", l.dir, err)
	}
	return fmt.Errorf("ledger %s: %w: look at the disk and its free space", l.dir, err)
}

// Close writes what waits and ends the log. It may be called again.
func (l *Log) Close() error {
	if l.readOnly {
		l.mu.Lock()
		l.closed = true
		l.mu.Unlock()
		return nil
	}
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	var err error
	if l.file != nil {
		if err = l.ready(); err == nil {
			l.pending = append(l.pending, ledger.Mark{Time: l.opts.Now().UTC(), Kind: ledger.MarkStop})
			err = l.flush()
		}
		err = errors.Join(err, l.file.Close())
	}
	l.closed = true
	l.mu.Unlock()
	close(l.stop)
	l.running.Wait()
	return err
}

// Mark keeps a note with the next entries, or at once when sync is set.
func (l *Log) Mark(mark ledger.Mark, sync bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.ready(); err != nil {
		return err
	}
	if len(l.pending) >= maxPending {
		return fmt.Errorf("ledger %s: %d marks wait already", l.dir, maxPending)
	}
	l.pending = append(l.pending, mark)
	if !sync {
		return nil
	}
	if l.file == nil {
		if err := l.roll(dayOf(mark.Time)); err != nil {
			return err
		}
	}
	return l.flush()
}

// Rekey seals with another key from now on, as [ledger.Store.Rekey] says.
func (l *Log) Rekey(ctx context.Context, tenant string, key ledger.Key) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := errors.Join(ctx.Err(), l.ready()); err != nil {
		return err
	}
	now := l.opts.Now().UTC()
	if l.file == nil {
		if err := l.roll(dayOf(now)); err != nil {
			return err
		}
	}
	l.pending = append(l.pending, ledger.Mark{Time: now, Kind: ledger.MarkKey, Detail: l.change(tenant, key)})
	if err := l.flush(); err != nil {
		l.pending = slices.DeleteFunc(l.pending, func(m ledger.Mark) bool { return m.Kind == ledger.MarkKey }) // nothing changed
		return err
	}
	switch {
	case tenant == "":
		l.opts.Key = key
	case key.ID == "":
		delete(l.keys, tenant)
	default:
		l.keys[tenant] = &key
	}
	return nil
}

// change is what a mark says of another key: the ids before and after, "-" for
// none, and the tenant's name.
func (l *Log) change(tenant string, key ledger.Key) string {
	before := l.opts.Key.ID
	if tenant != "" {
		if before = ""; l.keys[tenant] != nil {
			before = l.keys[tenant].ID
		}
	}
	return strings.TrimSpace(cmp.Or(before, "-") + " " + cmp.Or(key.ID, "-") + " " + tenant)
}

// maxPending bounds the marks that wait.
const maxPending = 1024

// Durable makes all that was written durable and returns where the log stands.
func (l *Log) Durable(ctx context.Context) (ledger.Head, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := errors.Join(ctx.Err(), l.ready()); err != nil {
		return ledger.Head{}, err
	}
	if l.durable.offset != l.at.offset && l.file != nil {
		if err := l.sync(); err != nil {
			return ledger.Head{}, err
		}
	}
	return ledger.Head{Tree: l.durable.tree.Clone(), Row: l.durable.row}, nil
}
