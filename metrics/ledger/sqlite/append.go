package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"

	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/rules"
)

// errReadOnly is what the writing methods of OpenReadOnly's store return.
var errReadOnly = errors.New("ledger was opened for reading only")

// writer is the one connection that writes. After any failure it is thrown
// away with all that it remembers, because a transaction that failed at its
// commit may or may not have happened; the next call begins with what the file
// says.
type writer struct {
	conn    *sql.Conn
	insert  *sql.Stmt
	outcome *sql.Stmt
	next    int64            // the next sequence
	routes  map[string]int64 // ids by name
	origins map[origin]int64
	args    []any
	ids     []byte
}

type origin struct{ config, key string }

// maxNames bounds each of the writer's maps of names; beyond it the map is
// begun anew, which costs a query per name.
const maxNames = 4096

// ready returns the writer, connecting if there is none. The caller holds mu.
func (s *Store) ready(ctx context.Context) (*writer, error) {
	switch {
	case s.closed:
		return nil, fmt.Errorf("ledger %s: %w", s.path, sql.ErrConnDone)
	case s.write == nil:
		return nil, fmt.Errorf("ledger %s: %w", s.path, errReadOnly)
	case s.writer != nil:
		return s.writer, nil
	}
	conn, err := s.write.Conn(ctx)
	if err != nil {
		return nil, err
	}
	w := &writer{conn: conn, routes: map[string]int64{}, origins: map[origin]int64{}}
	s.writer = w
	if w.insert, err = conn.PrepareContext(ctx, "INSERT INTO disclosure (sequence, time, exchange, back, session, account, network, "+
		"role, flags, route, origin, fields, ownership, state, identifiers) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"); err != nil {
		return nil, err
	}
	if w.outcome, err = conn.PrepareContext(ctx, "INSERT OR IGNORE INTO outcome (head, state) VALUES (?,?)"); err != nil {
		return nil, err
	}
	err = conn.QueryRowContext(ctx, "SELECT max((SELECT coalesce(max(sequence), 0) FROM disclosure), (SELECT sequence FROM retained)) + 1").
		Scan(&w.next)
	return w, err
}

// drop ends the writer; the caller holds mu. The connection is told to be bad,
// so that the pool makes a new one, with the settings of a new one.
func (s *Store) drop() {
	w := s.writer
	s.writer = nil
	if w == nil {
		return
	}
	for _, stmt := range []*sql.Stmt{w.insert, w.outcome} {
		if stmt != nil {
			_ = stmt.Close()
		}
	}
	_ = w.conn.Raw(func(any) error { return driver.ErrBadConn })
	_ = w.conn.Close()
}

// transact runs do in one transaction; the caller holds mu. ctx counts only
// before it begins: a transaction is short, a write to a disk cannot be called
// back, and a commit must not end in doubt because somebody lost patience.
func (s *Store) transact(ctx context.Context, do func(context.Context, *writer, *sql.Tx) error) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	defer func() {
		if err != nil {
			s.drop()
			err = explain(s.path, err)
		}
	}()
	w, err := s.ready(ctx)
	if err != nil {
		return err
	}
	tx, err := w.conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // no effect after Commit
	if err := do(ctx, w, tx); err != nil {
		return err
	}
	return tx.Commit()
}

// Append implements [ledger.Store].
func (s *Store) Append(ctx context.Context, rows []rules.Disclosure) error {
	if len(rows) == 0 {
		return nil
	}
	for i := range rows {
		if err := ledger.Validate(&rows[i]); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	heads := make(map[rules.ExchangeID]int64) // new ones, remembered only after the commit
	var next int64
	err := s.transact(ctx, func(ctx context.Context, w *writer, tx *sql.Tx) error {
		next = w.next
		for i := range rows {
			row := &rows[i]
			head, ok := s.heads.Get(row.Exchange)
			if !ok {
				head, ok = heads[row.Exchange]
			}
			if !ok {
				head = next
				heads[row.Exchange] = head
			}
			if err := w.put(ctx, tx, row, place{sequence: next, back: next - head, key: s.key}); err != nil {
				return err
			}
			next++
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.writer.next = next
	for exchange, head := range heads {
		s.heads.Add(exchange, head)
	}
	return nil
}

// place is where a row goes.
type place struct {
	sequence, back int64
	key            string
}

// put inserts one row.
func (w *writer) put(ctx context.Context, tx *sql.Tx, row *rules.Disclosure, at place) error {
	route, ok := w.routes[row.Route]
	if !ok {
		err := named(ctx, tx, &route, "route (name)", row.Route)
		if err != nil {
			return err
		}
		remember(w.routes, row.Route, route)
	}
	from := origin{config: row.Config, key: at.key}
	source, ok := w.origins[from]
	if !ok {
		if err := named(ctx, tx, &source, "origin (config, key)", from.config, from.key); err != nil {
			return err
		}
		remember(w.origins, from, source)
	}
	p := &row.Principal
	w.ids = packRecord(w.ids[:0], &row.Record)
	w.args = append(w.args[:0], at.sequence, row.Time.UnixNano(), row.Exchange[:], at.back,
		blob(&p.Session), blob(&p.Account), network(p), int64(p.Role), packFlags(p), route, source,
		int64(row.Record.Fields), int64(row.Ownership), int64(row.State), nonEmpty(w.ids))
	_, err := w.insert.ExecContext(ctx, w.args...)
	return err
}

// named sets id to that of a row in one of the tables of names, making the row
// if it is missing. into is the table with its columns.
func named(ctx context.Context, tx *sql.Tx, id *int64, into string, values ...any) error {
	marks := "(?" + strings.Repeat(",?", len(values)-1) + ")"
	if _, err := tx.ExecContext(ctx, "INSERT OR IGNORE INTO "+into+" VALUES "+marks, values...); err != nil { //nolint:gosec // into is a literal
		return err
	}
	table, columns, _ := strings.Cut(into, " ")
	return tx.QueryRowContext(ctx, "SELECT id FROM "+table+" WHERE "+columns+" = "+marks, values...).Scan(id) //nolint:gosec // into is a literal
}

func remember[K comparable](names map[K]int64, name K, id int64) {
	if len(names) >= maxNames {
		clear(names)
	}
	names[name] = id
}
