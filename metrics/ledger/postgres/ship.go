package postgres

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/metrics/ledger/segment"
)

// Errors of a shipper that no waiting mends.
var (
	// ErrTaken says that another process writes this node's log.
	ErrTaken = errors.New("another gateway writes to the database under this data_dir's name")
	// ErrFork says that database and data_dir hold different histories.
	ErrFork = errors.New("the database holds another history of this data_dir's ledger")
)

// Node is a gateway as the database knows it.
type Node struct {
	Name      string // of its checkpoint key
	PublicKey string
	Key       string // names the secret of its digests ([ledger.Key.Digests])
	Host      string // where it ran last
}

// shipper copies one log to the database, entry by entry, in order: what the
// database has of it is always a beginning of it. One goroutine uses it.
type shipper struct {
	config *pgx.ConnConfig
	node   Node
	log    *segment.Log
	strict bool
	gap    func(rows int64) // rows that neither the log nor the database has; nil: nobody is told

	conn    *pgx.Conn // nil: not connected
	id      int32
	head    ledger.Head // what the database has
	follow  *segment.Follower
	stretch stretch
	day     string // the last one whose partition is there
	packer  packer
}

// stretch is a run of a node's entries in one partition.
type stretch struct {
	firstLeaf int64
	day       string
	firstRow  int64
	edge      []byte
	leaves    int64
	rows      int64
	firstAt   *int64
	lastAt    *int64
}

const (
	// shipEntries is how many entries one transaction takes at most.
	shipEntries = 8192
	// shipTime bounds each step; then the connection is given up.
	shipTime = 10 * time.Second
)

func packEdge(edge []tlog.Hash) []byte {
	packed := make([]byte, 0, len(edge)*tlog.HashSize)
	for _, hash := range edge {
		packed = append(packed, hash[:]...)
	}
	return packed
}

func unpackTree(leaves int64, packed []byte) (ledger.Tree, bool) {
	edge := make([]tlog.Hash, 0, len(packed)/tlog.HashSize)
	for ; len(packed) >= tlog.HashSize; packed = packed[tlog.HashSize:] {
		edge = append(edge, tlog.Hash(packed[:tlog.HashSize]))
	}
	tree, ok := ledger.TreeAt(leaves, edge)
	return tree, ok && len(packed) == 0
}

// connect opens the connection, brings the schema up to date, registers the
// node, and finds where the database stands.
func (s *shipper) connect(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(ctx, shipTime)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, s.config)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, closeConn(conn))
		}
	}()
	if s.strict {
		// The administrator may ask for more than "on", never for less.
		var commit string
		if err := conn.QueryRow(ctx, "SHOW synchronous_commit").Scan(&commit); err != nil {
			return err
		}
		if commit == "off" {
			if _, err := conn.Exec(ctx, "SET synchronous_commit = on"); err != nil {
				return err
			}
		}
	}
	if err := migrate(ctx, conn); err != nil {
		return err
	}
	if err := s.register(ctx, conn); err != nil {
		return err
	}
	s.conn, s.day = conn, ""
	return nil
}

func closeConn(conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	return conn.Close(ctx)
}

// ownPatience is how long a connection waits for the one before it: the server
// notices that a gateway was killed, or cut off, when the statement that it was at is
// over. It is well below openTime, behind which the database counts as lost.
const ownPatience = "1s"

// own takes the lock of the node's only writer.
func (s *shipper) own(ctx context.Context, conn *pgx.Conn) error {
	if _, err := conn.Exec(ctx, "SET lock_timeout = '"+ownPatience+"'"); err != nil {
		return err
	}
	_, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1, $2)", lockNode, s.id)
	if refused := (*pgconn.PgError)(nil); errors.As(err, &refused) && refused.Code == pgLockTimeout {
		return fmt.Errorf("%w (%s): two gateways must not share a copy of one data_dir: stop one, or give it an empty data_dir", ErrTaken, s.node.Name)
	} else if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, "RESET lock_timeout")
	return err
}

// register makes this connection the node's only writer and reads its head.
func (s *shipper) register(ctx context.Context, conn *pgx.Conn) error {
	_, err := conn.Exec(ctx, "INSERT INTO ordergate_node (name, public_key, key, host) VALUES ($1,$2,$3,$4) "+
		"ON CONFLICT (name) DO UPDATE SET key = excluded.key, host = excluded.host, seen = now()",
		s.node.Name, s.node.PublicKey, s.node.Key, s.node.Host)
	if err != nil {
		return err
	}
	if err := conn.QueryRow(ctx, "SELECT id FROM ordergate_node WHERE name = $1", s.node.Name).Scan(&s.id); err != nil {
		return err
	}
	if err := s.own(ctx, conn); err != nil {
		return err
	}
	// Only now, when nobody else writes it.
	var edge []byte
	var leaves int64
	if err := conn.QueryRow(ctx, "SELECT leaves, next_row, edge FROM ordergate_node WHERE id = $1", s.id).Scan(&leaves, &s.head.Row, &edge); err != nil {
		return err
	}
	tree, ok := unpackTree(leaves, edge)
	if !ok {
		return fmt.Errorf("%w: its tree of %d entries has an edge of %d bytes: run `ordergate ledger verify` on the database", ErrFork, leaves, len(edge))
	}
	s.head.Tree = tree
	x := &s.stretch
	err = conn.QueryRow(ctx, "SELECT first_leaf, to_char(day, 'YYYY-MM-DD'), first_row, edge, leaves, rows, first_at, last_at FROM ordergate_stretch "+
		"WHERE node = $1 ORDER BY first_leaf DESC LIMIT 1", s.id).Scan(&x.firstLeaf, &x.day, &x.firstRow, &x.edge, &x.leaves, &x.rows, &x.firstAt, &x.lastAt)
	if errors.Is(err, pgx.ErrNoRows) {
		s.stretch, err = stretch{}, nil
	}
	return err
}

// begin finds the place in the log where the database stands.
func (s *shipper) begin(ctx context.Context) error {
	if s.follow != nil {
		err := s.follow.Close()
		s.follow = nil
		if err != nil {
			return err
		}
	}
	size := s.head.Tree.Size()
	follow, err := s.log.Follow(ctx, size)
	if errors.Is(err, segment.ErrUnread) {
		return fmt.Errorf("%w: it has %d entries, data_dir fewer: an old copy of data_dir was restored: start the gateway anew while the database can be reached, "+
			"and it goes on where the database ends", ErrFork, size)
	} else if err != nil {
		return err
	}
	if tree := follow.Tree(); follow.Leaf() == size && !bytes.Equal(packEdge(tree.Edge()), packEdge(s.head.Tree.Edge())) {
		return errors.Join(fmt.Errorf("%w: they differ before entry %d: a copy of data_dir has written to it: give this gateway an empty data_dir, and keep this one as evidence",
			ErrFork, size), follow.Close())
	}
	s.follow = follow
	return nil
}

// drop gives the connection up.
func (s *shipper) drop() error {
	var err error
	if s.conn != nil {
		err = closeConn(s.conn)
		s.conn = nil
	}
	if s.follow != nil {
		err = errors.Join(err, s.follow.Close())
		s.follow = nil
	}
	return err
}

// step ships the next entries, connecting first where it must. It returns io.EOF
// when the database has all that is durable in the log. After any other error
// the connection is given up: the next step asks the database anew where it
// stands, so that a commit whose answer was lost does not matter.
func (s *shipper) step(ctx context.Context) error {
	err := s.try(ctx)
	if errors.Is(err, errMoved) { // retention dropped the day: begin it anew
		_ = s.drop()
		err = s.try(ctx)
	}
	if err != nil && !isEOF(err) {
		_ = s.drop()
	}
	return err
}

func (s *shipper) try(ctx context.Context) error {
	if s.conn == nil {
		if err := s.connect(ctx); err != nil {
			return err
		}
		if err := s.begin(ctx); err != nil {
			return err
		}
	}
	chunk, err := s.follow.Next(ctx, shipEntries)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, shipTime)
	defer cancel()
	return s.commit(ctx, &chunk)
}

// commit writes a chunk in one transaction.
func (s *shipper) commit(ctx context.Context, c *segment.Chunk) error {
	if s.day != c.Day {
		if err := ensurePartition(ctx, s.conn, c.Day); err != nil {
			return err
		}
		s.day = c.Day
	}
	size := s.head.Tree.Size()
	next := s.stretch
	fresh := next.day != c.Day || next.firstLeaf+next.leaves != c.Leaf
	if fresh {
		before := s.head.Tree
		if c.Leaf != size { // a gap: the tree before it is the log's
			before = c.Before
		}
		next = stretch{firstLeaf: c.Leaf, day: c.Day, firstRow: c.Row, edge: packEdge(before.Edge())}
	}
	if err := count(c, &next); err != nil {
		return err
	}
	blocks, err := s.packer.blocks(c.Leaf, c.Entries)
	if err != nil {
		return err
	}
	if err := s.write(ctx, c, &next, fresh, blocks); err != nil {
		return err
	}
	if c.Leaf > size && s.gap != nil {
		s.gap(c.Row - s.head.Row)
	}
	s.stretch, s.head = next, ledger.Head{Tree: c.Tree, Row: c.EndRow}
	return nil
}

// errMoved says that the database is not where this shipper left it.
var errMoved = errors.New("the ledger's database is not where this gateway left it")

// write moves the node's head and the stretch, writes the blocks, and keeps what
// belongs to the entries: inner nodes and late outcomes. It is one transaction in
// two round trips: everything, then COMMIT. After an error the caller closes the
// connection, which ends the transaction.
func (s *shipper) write(ctx context.Context, c *segment.Chunk, next *stretch, fresh bool, blocks []block) error {
	late, err := lateOf(c, next.firstRow)
	if err != nil {
		return err
	}
	var batch pgx.Batch
	batch.Queue("BEGIN")
	batch.Queue("UPDATE ordergate_node SET leaves = $2, next_row = $3, edge = $4, seen = now() WHERE id = $1 AND leaves = $5",
		s.id, c.Tree.Size(), c.EndRow, packEdge(c.Tree.Edge()), s.head.Tree.Size())
	if fresh {
		batch.Queue("INSERT INTO ordergate_stretch (node, first_leaf, day, first_row, edge, leaves, rows, first_at, last_at) VALUES ($1,$2,$3::text::date,$4,$5,$6,$7,$8,$9)",
			s.id, next.firstLeaf, next.day, next.firstRow, next.edge, next.leaves, next.rows, next.firstAt, next.lastAt)
	} else {
		batch.Queue("UPDATE ordergate_stretch SET leaves = $3, rows = $4, first_at = $5, last_at = $6 WHERE node = $1 AND first_leaf = $2",
			s.id, next.firstLeaf, next.leaves, next.rows, next.firstAt, next.lastAt)
	}
	for i := range blocks {
		b := &blocks[i]
		batch.Queue("INSERT INTO ordergate_block (day, node, leaf, leaves, kinds, entries) VALUES ($1::text::date,$2,$3,$4,$5,$6)", next.day, s.id, b.leaf, b.leaves, b.kinds, b.data)
	}
	for _, n := range c.Nodes {
		batch.Queue("INSERT INTO ordergate_hash (node, level, place, hash) VALUES ($1,$2,$3,$4)", s.id, n.Level, n.Index, n.Hash[:])
	}
	for _, e := range late {
		batch.Queue("INSERT INTO ordergate_late (node, leaf, head, state) VALUES ($1,$2,$3,$4) ON CONFLICT DO NOTHING", s.id, e.leaf, e.Head, int16(e.State))
	}
	results := s.conn.SendBatch(ctx, &batch)
	for i := range batch.Len() {
		tag, err := results.Exec()
		if err == nil && (i == 1 || i == 2) && tag.RowsAffected() != 1 {
			err = errMoved
		}
		if err != nil {
			return errors.Join(err, results.Close())
		}
	}
	if err := results.Close(); err != nil {
		return err
	}
	tag, err := s.conn.Exec(ctx, "COMMIT")
	if err == nil && tag.String() != "COMMIT" { // a transaction that failed is rolled back without an error
		err = fmt.Errorf("the ledger's database answered a commit with %s", tag)
	}
	return err
}

type lateEnding struct {
	ledger.Ending
	leaf int64
}

// lateOf returns the outcomes of rows before a stretch.
func lateOf(c *segment.Chunk, firstRow int64) (late []lateEnding, err error) {
	for i, entry := range c.Entries {
		if ledger.EntryKind(entry[0]) != ledger.EntryOutcomes {
			continue
		}
		endings, err := ledger.DecodeOutcomes(entry)
		if err != nil {
			return nil, err
		}
		for _, e := range endings {
			if e.Head < firstRow {
				late = append(late, lateEnding{e, c.Leaf + int64(i)})
			}
		}
	}
	return late, nil
}

// count counts a chunk's entries into a stretch.
func count(c *segment.Chunk, into *stretch) error {
	first, last, rows := int64(math.MaxInt64), int64(math.MinInt64), int64(0)
	for _, entry := range c.Entries {
		if ledger.EntryKind(entry[0]) != ledger.EntryRow {
			continue
		}
		at, ok := rowTime(entry)
		if !ok {
			return fmt.Errorf("entry of a row behind %d: %w", c.Leaf, ledger.ErrEntry)
		}
		rows++
		first, last = min(first, at), max(last, at)
	}
	into.leaves += int64(len(c.Entries))
	into.rows += rows
	if rows > 0 {
		if into.firstAt != nil {
			first = min(first, *into.firstAt)
		}
		if into.lastAt != nil {
			last = max(last, *into.lastAt)
		}
		into.firstAt, into.lastAt = &first, &last
	}
	return nil
}

// rowTime reads the time of a row's entry: behind the kind and two varints.
func rowTime(entry []byte) (int64, bool) {
	rest := entry[1:]
	for range 2 {
		_, n := binary.Uvarint(rest)
		if n <= 0 {
			return 0, false
		}
		rest = rest[n:]
	}
	if len(rest) < 8 {
		return 0, false
	}
	return int64(binary.BigEndian.Uint64(rest)), true //nolint:gosec // Validate bounds it
}
