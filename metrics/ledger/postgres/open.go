package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/metrics/ledger/segment"
	"github.com/ordergate/ordergate/metrics/ledger/sqlite"
)

// Options tune a store. URL and Node are needed, the rest has defaults.
type Options struct {
	// URL is the database, as libpq has it: postgres://user@host/name?sslmode=…;
	// what it leaves out comes from PGPASSWORD, PGPASSFILE and so on.
	URL string
	// Node is this gateway.
	Node Node
	// Key and Tenants are what rows are sealed with: see [sqlite.Options].
	Key     ledger.Key
	Tenants map[string]ledger.Key
	// Now is the clock of the ledger's marks; nil means time.Now.
	Now func() time.Time
	// MaxSpool bounds in bytes what waits in data_dir for a lost database; then
	// rows are refused. 0 means 1 GiB.
	MaxSpool int64
	// Patience is how long Append waits for the database before it calls it lost;
	// 0 means a second. The rows are durable in the spool by then.
	Patience time.Duration
	// Relaxed says that nothing waits for the database: see ledger.durability.
	Relaxed bool
	// Told is called when the database is lost (with the reason) and when all that
	// waited is in it (with nil); Gap when rows are found to be in neither the
	// spool nor the database. They must not block; nil: nobody is told.
	Told func(lost error)
	Gap  func(rows int64)
}

// Store implements [ledger.Store] on a spool and a database. It is safe for
// concurrent use. Make one with [Open].
type Store struct {
	archive
	local    *sqlite.Store
	opts     Options
	ship     shipper // of the run goroutine
	warnings []string

	wake chan struct{} // holds one token while there may be something to ship
	stop chan struct{}
	done chan struct{} // closed when run has ended

	mu       sync.Mutex
	closed   bool
	shipped  int64         // entries that the database has
	behind   int64         // bytes that waited at the last failure, or when all was there, about
	behindAt int64         // bytes written until then
	lost     error         // nil: the database keeps up
	dirty    int64         // how often something besides rows has changed
	settled  int64         // which of these changes the database has
	changed  chan struct{} // closed when one of these changes
	waiting  state
}

// defaultSpool and defaultPatience are what zero options mean.
const (
	defaultSpool    = 1 << 30
	defaultPatience = time.Second
	// openTime bounds how long Open waits for the database.
	openTime = 5 * time.Second
)

// ErrSpoolFull says that the database is lost and the room for rows that wait
// for it is used up; nothing was written.
var ErrSpoolFull = errors.New("the ledger's database is lost and the spool is full: bring the database back, or raise ledger.spool; nothing was written")

// Open opens the spool in dir and connects to the database, bringing its schema
// up to date. It refuses what waiting would not mend: a URL that cannot be read,
// a user who may not do what is needed, a database that is not there or of a
// newer program, a data_dir whose copy is writing, and what [sqlite.Open]
// refuses. A database that cannot be reached is no error: [Store.Warnings] tells
// of it, and rows wait in the spool.
func Open(ctx context.Context, dir string, opts Options) (*Store, error) {
	opts.defaults()
	config, err := pgxpool.ParseConfig(opts.URL)
	if err != nil {
		return nil, fmt.Errorf("ledger.store: %w: write postgres://user@host/database", err)
	}
	config.MaxConns = 4
	config.MinConns = 0
	s := &Store{
		archive: archive{own: opts.Node.Name}, opts: opts, wake: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}),
		changed: make(chan struct{}), dirty: 1,
	}
	s.ship = shipper{config: config.ConnConfig.Copy(), node: opts.Node, strict: !opts.Relaxed, gap: opts.Gap}
	connecting, cancel := context.WithTimeout(ctx, openTime)
	defer cancel()
	lost := s.ship.connect(connecting)
	if lost != nil && !isLost(lost) {
		return nil, explain(lost)
	}
	local := sqlite.Options{Key: opts.Key, Tenants: opts.Tenants, Now: opts.Now, Spool: true, Relaxed: opts.Relaxed}
	if lost == nil {
		local.Begin = &s.ship.head
		s.warnings = append(s.warnings, s.ship.survey(ctx)...)
	}
	if s.local, err = sqlite.Open(ctx, dir, local); err != nil {
		return nil, errors.Join(err, s.ship.drop())
	}
	s.ship.log = s.local.Log()
	if lost == nil {
		if err := s.ship.begin(ctx); err != nil {
			return nil, errors.Join(err, s.ship.drop(), s.local.Close())
		}
		s.shipped = s.ship.head.Tree.Size()
	} else {
		s.warnings = append(s.warnings, fmt.Sprintf("the ledger's database cannot be reached, rows wait in data_dir: %v", lost))
		s.lost = explain(lost)
	}
	if s.pool, err = pgxpool.NewWithConfig(context.WithoutCancel(ctx), config); err != nil {
		return nil, errors.Join(err, s.ship.drop(), s.local.Close())
	}
	if err := s.resend(ctx); err != nil {
		s.pool.Close()
		return nil, errors.Join(err, s.ship.drop(), s.local.Close())
	}
	go s.run() //nolint:gosec // it lives until Close, not only as long as opening may take
	s.signal()
	return s, nil
}

func (o *Options) defaults() {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.MaxSpool <= 0 {
		o.MaxSpool = defaultSpool
	}
	if o.Patience <= 0 {
		o.Patience = defaultPatience
	}
	if o.Told == nil {
		o.Told = func(error) {}
	}
	if o.Node.Host == "" {
		o.Node.Host, _ = os.Hostname() // it only helps whoever looks at the table
	}
}

// survey returns what an operator should know of the database.
func (s *shipper) survey(ctx context.Context) (warnings []string) {
	var fsync string
	if err := s.conn.QueryRow(ctx, "SHOW fsync").Scan(&fsync); err == nil && fsync == "off" {
		warnings = append(warnings, "PostgreSQL runs with fsync = off: when its power goes, rows that were acknowledged are lost: turn it on")
	}
	var others int
	if err := s.conn.QueryRow(ctx, "SELECT count(*) FROM ordergate_node WHERE key <> $1", s.node.Key).Scan(&others); err == nil && others > 0 {
		warnings = append(warnings, fmt.Sprintf("%d other gateways write digests of other ledger keys into this database: reports need the keys of all: give every gateway the same ledger.key", others))
	}
	return warnings
}

// isLost reports whether waiting may mend an error of the connection.
func isLost(err error) bool {
	var refused *pgconn.PgError
	var network net.Error
	switch {
	case errors.Is(err, errNewer), errors.Is(err, ErrTaken), errors.Is(err, ErrFork):
		return false
	case errors.As(err, &refused):
		// Classes 08, 53, 57, 58 and XX: connection, resources, operator, system.
		switch refused.Code[:2] {
		case "08", "53", "55", "57", "58", "XX", "40":
			return true
		}
		return false
	case errors.As(err, &network), errors.Is(err, context.DeadlineExceeded):
		return true
	}
	var connecting *pgconn.ConnectError
	return errors.As(err, &connecting)
}

// explain adds what to do to an error of the database.
func explain(err error) error {
	var refused *pgconn.PgError
	if !errors.As(err, &refused) {
		return err
	}
	switch {
	case refused.Code[:2] == "28":
		return fmt.Errorf("ledger.store: %w: name a user that may log in; passwords come from PGPASSWORD or PGPASSFILE", err)
	case refused.Code == pgInvalidCatalog:
		return fmt.Errorf("ledger.store: %w: make the database first: createdb", err)
	case refused.Code == pgNoPrivilege:
		return fmt.Errorf("ledger.store: %w: give the user CREATE on the schema (GRANT CREATE, USAGE ON SCHEMA public TO …), or a database of its own", err)
	}
	return fmt.Errorf("ledger's database: %w", err)
}

// SQLSTATEs that have a remedy of their own.
const (
	pgInvalidCatalog = "3D000"
	pgNoPrivilege    = "42501"
	pgLockTimeout    = "55P03"
)

// Warnings returns what Open found and did not refuse.
func (s *Store) Warnings() []string { return append(s.warnings, s.local.Warnings()...) }

// Lost is how many rows Open found to be lost in the spool, at most.
func (s *Store) Lost() int64 { return s.local.Lost() }

// Close ships what waits, for a moment, and ends the store. What does not get
// there waits in the spool. It may be called again.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	s.mu.Unlock()
	close(s.stop)
	<-s.done
	err := s.local.Close()
	s.pool.Close()
	return err
}

// Status says how the database keeps up.
type Status struct {
	Lost   error // why it is lost; nil: it is not
	Behind int64 // bytes in the spool that wait for it
	Limit  int64 // at which rows are refused
}

// Status returns how the database keeps up.
func (s *Store) Status() Status {
	written := s.local.Log().Written()
	s.mu.Lock()
	defer s.mu.Unlock()
	status := Status{Lost: s.lost, Limit: s.opts.MaxSpool}
	if s.lost != nil {
		status.Behind = s.behind + max(written-s.behindAt, 0)
	}
	return status
}

var _ ledger.Stager = (*Store)(nil)

// isEOF says that there is nothing to ship.
func isEOF(err error) bool { return errors.Is(err, errNothing) }

// Log returns the spool's log, for tests and for what only segments have.
func (s *Store) Log() *segment.Log { return s.local.Log() }
