package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	_ "modernc.org/sqlite" // the driver named "sqlite"

	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/metrics/ledger/segment"
)

// Options tune a store. The zero value gives the defaults.
type Options struct {
	// Key is what rows are sealed with, but for those of a tenant that has a key of
	// its own: see [ledger.Store.Rekey].
	Key     ledger.Key
	Tenants map[string]ledger.Key
	// Now is the clock of the ledger's marks; nil means time.Now.
	Now func() time.Time
	// CheckTime bounds how long Open looks for damage (PRAGMA quick_check
	// reads the whole file); 0 means 5 s. A ledger that is too large for it is
	// opened, and [Store.Checked] says false; `ordergate ledger verify` has no bound.
	CheckTime time.Duration
	// Spool says that the rows are only on their way to another store: see
	// [segment.Options.Spool].
	Spool bool
	// Relaxed says that Append does not wait for the disk: see [segment.Options.Relaxed].
	Relaxed bool
	// Begin is where the rows go on, if they end before it: see [segment.Options.Begin].
	Begin *ledger.Head
}

// Store implements [ledger.Store] on segment files and one SQLite file. It is
// safe for concurrent use. Make one with [Open] or [OpenReadOnly].
type Store struct {
	path    string
	now     func() time.Time
	checked bool
	log     *segment.Log
	lock    *os.File // nil: read-only
	read    *sql.DB
	write   *sql.DB // nil: read-only; one connection

	mu      sync.Mutex
	closed  bool
	sealing map[string]string // ids of the keys in use, by tenant
}

// busyTimeout is how long a connection waits for a lock, in milliseconds. Only
// readers and the writer of one ledger ever meet, and only for moments.
const busyTimeout = 5000

// Open opens the ledger in dir for writing, creating both if missing, with
// mode 0700 and 0600. It refuses, with the remedy in the error: a directory
// that cannot be written, a file that is no SQLite database, is damaged or
// belongs to another program, a schema newer than this program, and a ledger
// that another process writes ([ErrLocked]). It changes nothing that it refuses.
func Open(ctx context.Context, dir string, opts Options) (*Store, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("find data_dir: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("data_dir %s cannot be made: %w: set data_dir to a place the gateway may write to", dir, err)
	}
	if err := probe(dir); err != nil {
		return nil, err
	}
	locked, err := lock(dir)
	if err != nil {
		return nil, err
	}
	s := &Store{path: filepath.Join(dir, File), now: opts.Now, lock: locked}
	if s.now == nil {
		s.now = time.Now
	}
	s.sealing = map[string]string{"": opts.Key.ID}
	for tenant, key := range opts.Tenants {
		s.sealing[tenant] = key.ID
	}
	s.hold()
	if err := s.openWriter(ctx, opts.CheckTime); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	least, leastRow, err := s.lastSigned(ctx)
	if err == nil {
		s.log, err = segment.Open(filepath.Join(dir, Segments), segment.Options{Key: opts.Key, Tenants: opts.Tenants, Now: s.now, Least: least, LeastRow: leastRow, Spool: opts.Spool, Relaxed: opts.Relaxed, Begin: opts.Begin})
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// OpenReadOnly opens the ledger in dir for reading, beside a running writer or
// after one that was killed. Methods that write return errors. It looks at the
// schema, not for damage.
func OpenReadOnly(ctx context.Context, dir string) (*Store, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("find data_dir: %w", err)
	}
	s := &Store{path: filepath.Join(dir, File), now: time.Now}
	if info, err := os.Stat(s.path); err != nil || info.Size() == 0 {
		if err == nil {
			err = errors.New("file is empty")
		}
		return nil, fmt.Errorf("no ledger at %s: %w: name the data_dir of the gateway", s.path, err)
	}
	if s.read, err = connect(s.path, readPragmas, "ro"); err != nil {
		return nil, explain(s.path, err)
	}
	s.read.SetMaxOpenConns(4)
	if version, err := identify(ctx, s.read, s.path); err != nil {
		return nil, errors.Join(err, s.Close())
	} else if version == 0 {
		return nil, errors.Join(fmt.Errorf("no ledger at %s: file has no schema yet: name the data_dir of the gateway", s.path), s.Close())
	}
	if s.log, err = segment.OpenReadOnly(filepath.Join(dir, Segments)); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Checked reports whether Open had the time to look through the whole file for
// damage. A read-only store was not checked.
func (s *Store) Checked() bool { return s.checked }

// Close ends the store. It may be called again.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	var errs []error
	if s.log != nil {
		errs = append(errs, s.log.Close())
	}
	if s.read != nil {
		errs = append(errs, s.read.Close())
	}
	if s.write != nil {
		errs = append(errs, s.write.Close())
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Close())
	}
	return errors.Join(errs...)
}

// probe tries to make a file in dir.
func probe(dir string) error {
	file, err := os.CreateTemp(dir, ".writable-*")
	if err != nil {
		return fmt.Errorf("data_dir %s is not writable: %w: give the gateway's user write access, or set another data_dir", dir, err)
	}
	return errors.Join(file.Close(), os.Remove(file.Name()))
}

const (
	readPragmas = "query_only(1)"
	// FULL makes every commit of a WAL database wait for fsync.
	writePragmas = "journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=journal_size_limit(67108864)&_pragma=foreign_keys(0)"
)

// connect prepares connections to path; mode is one of SQLite's: ro, rw.
func connect(path, pragmas, mode string) (*sql.DB, error) {
	dsn := url.URL{Scheme: "file", OmitHost: true, Path: filepath.ToSlash(path)}
	return sql.Open("sqlite", fmt.Sprintf("%s?mode=%s&_txlock=immediate&_pragma=busy_timeout(%d)&_pragma=%s",
		dsn.String(), mode, busyTimeout, pragmas))
}

// openWriter checks what is there, then brings it to the newest schema.
func (s *Store) openWriter(ctx context.Context, checkTime time.Duration) error {
	// SQLite would make the file readable for all. The descriptor is closed
	// before any connection exists: closing one later would drop SQLite's locks.
	file, err := os.OpenFile(s.path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err == nil {
		err = file.Close()
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("create ledger %s: %w: give the gateway's user write access to data_dir", s.path, err)
	}
	// The first look must not change a file that is not ours, not even by writing
	// back its journal.
	look, err := connect(s.path, readPragmas, "ro")
	if err != nil {
		return explain(s.path, err)
	}
	version, err := identify(ctx, look, s.path)
	if err == nil && version > 0 {
		s.checked, err = check(ctx, look, s.path, checkTime)
	} else if err == nil {
		s.checked = true
	}
	if err := errors.Join(err, look.Close()); err != nil {
		return err
	}
	if s.write, err = connect(s.path, writePragmas, "rw"); err != nil {
		return explain(s.path, err)
	}
	s.write.SetMaxOpenConns(1)
	if err := migrate(ctx, s.write, version); err != nil {
		return explain(s.path, err)
	}
	if s.read, err = connect(s.path, readPragmas, "ro"); err != nil {
		return explain(s.path, err)
	}
	s.read.SetMaxOpenConns(4)
	return nil
}

var _ ledger.Store = (*Store)(nil)
