package demo

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"modernc.org/sqlite"
)

// The bounds of one search. The statement may be anybody's: see searchIndex.
const (
	maxHits       = 20_000
	maxHitBytes   = 8 << 20
	searchTimeout = 2 * time.Second
)

// SQLite's run-time limits that the search lowers (sqlite.org/c3ref/c_limit_attached.html).
const (
	limitLength   = 0
	limitAttached = 7
)

// searchIndex is the shop's search: an SQLite database in memory with the
// products, and the customers beside them, as in a shop with one database for
// everything. Its statement is joined from text, which is the hole: whoever
// searches writes SQL. The connection may attach no other database, so that no
// statement touches a file, and every search starts read-only by PRAGMA
// query_only; who lifts that can spoil the tables in memory, until the shop is
// started anew.
// Safe for concurrent use; searches run one at a time.
type searchIndex struct {
	db   *sql.DB
	conn *sql.Conn
	turn chan struct{} // holds a token while a search runs
}

// hit is one line of a search result, as the shop shows it.
type hit struct {
	SKU         string `json:"sku"`
	Name        string `json:"name"`
	Description string `json:"description"`
	Price       string `json:"price"`
}

const readOnly = "PRAGMA query_only = 1"

const searchSchema = `
CREATE TABLE products (sku TEXT PRIMARY KEY, name TEXT, description TEXT, price TEXT);
CREATE TABLE customers (customer_id TEXT PRIMARY KEY, name TEXT, email TEXT, phone TEXT,
	street TEXT, city TEXT, postcode TEXT, country TEXT);`

// newSearchIndex fills a database in memory.
func newSearchIndex(products []Product, customers []Customer) (*searchIndex, error) {
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		return nil, fmt.Errorf("opening a database in memory: %w", err)
	}
	conn, err := db.Conn(context.Background()) // one connection: each has a memory of its own.
	if err != nil {
		return nil, errors.Join(fmt.Errorf("connecting to a database in memory: %w", err), db.Close())
	}
	s := &searchIndex{db: db, conn: conn, turn: make(chan struct{}, 1)}
	if err := s.fill(products, customers); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *searchIndex) fill(products []Product, customers []Customer) error {
	ctx := context.Background()
	if _, err := s.conn.ExecContext(ctx, searchSchema); err != nil {
		return fmt.Errorf("making the tables: %w", err)
	}
	tx, err := s.conn.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("starting to fill the tables: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // nothing to do after a commit.
	for _, p := range products {
		if _, err := tx.ExecContext(ctx, "INSERT INTO products VALUES (?,?,?,?)", p.SKU, p.Name, p.Description, p.Price()); err != nil {
			return fmt.Errorf("adding product %s: %w", p.SKU, err)
		}
	}
	add, err := tx.PrepareContext(ctx, "INSERT INTO customers VALUES (?,?,?,?,?,?,?,?)")
	if err != nil {
		return fmt.Errorf("preparing to add customers: %w", err)
	}
	for _, c := range customers {
		a := c.Address
		if _, err := add.ExecContext(ctx, c.ID, a.Name, c.Email, c.Phone, a.Street, a.City, a.Postcode, a.Country); err != nil {
			return fmt.Errorf("adding customer %s: %w", c.ID, err)
		}
	}
	if err := errors.Join(add.Close(), tx.Commit()); err != nil {
		return fmt.Errorf("filling the tables: %w", err)
	}
	return s.lock()
}

// lock makes the connection harmless to everything outside it.
func (s *searchIndex) lock() error {
	if _, err := s.conn.ExecContext(context.Background(), readOnly); err != nil {
		return fmt.Errorf("making the search read-only: %w", err)
	}
	for id, most := range map[int]int{limitAttached: 0, limitLength: 4 << 20} {
		if _, err := sqlite.Limit(s.conn, id, most); err != nil {
			return fmt.Errorf("lowering SQLite limit %d: %w", id, err)
		}
	}
	return nil
}

// find returns the products whose name or description contains the words. The
// words go into the statement as they are: this is the deliberate hole.
func (s *searchIndex) find(ctx context.Context, words string) ([]hit, error) {
	ctx, cancel := context.WithTimeout(ctx, searchTimeout)
	defer cancel()
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting to search: %w", ctx.Err())
	}
	if _, err := s.conn.ExecContext(ctx, readOnly); err != nil { // the last search may have lifted it.
		return nil, fmt.Errorf("making the search read-only: %w", err)
	}
	statement := "SELECT sku, name, description, price FROM products WHERE name LIKE '%" + words + //#nosec G202 -- the hole that the demo is about.
		"%' OR description LIKE '%" + words + "%' ORDER BY 2 LIMIT 24"
	rows, err := s.conn.QueryContext(ctx, statement)
	if err != nil {
		return nil, fmt.Errorf("searching: %w", err)
	}
	defer func() { _ = rows.Close() }()
	hits := []hit{}
	for size := 0; rows.Next() && len(hits) < maxHits && size < maxHitBytes; {
		var cells [4]sql.NullString
		if err := rows.Scan(&cells[0], &cells[1], &cells[2], &cells[3]); err != nil {
			return nil, fmt.Errorf("reading a search result: %w", err)
		}
		for _, cell := range cells {
			size += len(cell.String)
		}
		hits = append(hits, hit{cells[0].String, cells[1].String, cells[2].String, cells[3].String})
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("reading the search results: %w", err)
	}
	return hits, nil
}

func (s *searchIndex) close() error { return errors.Join(s.conn.Close(), s.db.Close()) }
