package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/rules"
)

const (
	// readRows bounds the rows held at a time, readSpan the rows that one
	// statement looks at: a reader never keeps the writer from writing its
	// journal back for longer than a fraction of a second.
	readRows = 2048
	readSpan = 1 << 18
)

// Disclosures implements [ledger.Store].
func (s *Store) Disclosures(ctx context.Context, query ledger.Query) iter.Seq2[ledger.Row, error] {
	return func(yield func(ledger.Row, error) bool) {
		r := reader{db: s.read, routes: map[int64]string{}, origins: map[int64]origin{}}
		err := r.scan(ctx, query, func(row ledger.Row) bool { return yield(row, nil) })
		if err != nil && !errors.Is(err, errStopped) {
			yield(ledger.Row{}, explain(s.path, err))
		}
	}
}

// errStopped ends a scan whose caller has seen enough.
var errStopped = errors.New("stopped")

// reader is one pass over the rows.
type reader struct {
	db      *sql.DB
	routes  map[int64]string
	origins map[int64]origin
	rows    []ledger.Row
}

func (r *reader) scan(ctx context.Context, query ledger.Query, yield func(ledger.Row) bool) error {
	where, args := conditions(query)
	first, last, err := r.bounds(ctx, query)
	if err != nil || first == 0 {
		return err
	}
	statement := "SELECT d.sequence, d.time, d.exchange, d.session, d.account, d.network, d.role, d.flags, d.route, d.origin, " +
		"d.fields, d.ownership, " + resolved + ", d.identifiers FROM disclosure d NOT INDEXED " +
		"LEFT JOIN outcome o ON o.head = d.sequence - d.back " +
		"WHERE d.sequence > ? AND d.sequence <= ?" + where + " ORDER BY d.sequence LIMIT ?"
	for after := first - 1; after < last; {
		end := min(after+readSpan, last)
		if err := r.fetch(ctx, statement, append(append([]any{after, end}, args...), readRows)); err != nil {
			return err
		}
		after = end
		if len(r.rows) == readRows {
			after = r.rows[len(r.rows)-1].Sequence
		}
		for i := range r.rows {
			if !yield(r.rows[i]) {
				return errStopped
			}
		}
	}
	return nil
}

// resolved is a row's state: the one it was written with or, while that is
// unknown (0), its exchange's outcome.
const resolved = "CASE WHEN d.state = 0 THEN coalesce(o.state, 0) ELSE d.state END"

// bounds returns the first and last sequence that can match; zeros if none.
func (r *reader) bounds(ctx context.Context, query ledger.Query) (first, last int64, err error) {
	statement, args := "SELECT coalesce(min(sequence), 0), coalesce(max(sequence), 0) FROM disclosure", []any(nil)
	if !query.Since.IsZero() || !query.Until.IsZero() {
		statement += " INDEXED BY disclosure_time WHERE time >= ? AND time < ?"
		args = append(args, nanos(query.Since, 0), nanos(query.Until, 1<<63-1))
	}
	err = r.db.QueryRowContext(ctx, statement, args...).Scan(&first, &last)
	return first, last, err
}

// nanos clamps a time to what the column can hold; zero gives unset.
func nanos(t time.Time, unset int64) int64 {
	switch {
	case t.IsZero():
		return unset
	case t.Before(time.Unix(0, 0)):
		return 0
	case t.Year() >= 2262:
		return 1<<63 - 1
	}
	return t.UnixNano()
}

// conditions writes a query's filters, all but the period's bounds by sequence.
func conditions(q ledger.Query) (where string, args []any) {
	var b strings.Builder
	add := func(text string, values ...any) {
		b.WriteString(" AND ")
		b.WriteString(text)
		args = append(args, values...)
	}
	if !q.Since.IsZero() || !q.Until.IsZero() {
		add("d.time >= ? AND d.time < ?", nanos(q.Since, 0), nanos(q.Until, 1<<63-1))
	}
	switch {
	case !q.Session.IsZero() && !q.Account.IsZero():
		add("(d.session = ? OR d.account = ?)", q.Session[:], q.Account[:])
	case !q.Session.IsZero():
		add("d.session = ?", q.Session[:])
	case !q.Account.IsZero():
		add("d.account = ?", q.Account[:])
	}
	if q.Exchange != (rules.ExchangeID{}) {
		add("d.exchange = ?", q.Exchange[:])
	}
	if q.Route != "" {
		add("d.route = (SELECT id FROM route WHERE name = ?)", q.Route)
	}
	if q.States != nil {
		add(resolved + " IN (" + numbers(q.States) + ")")
	}
	if q.Ownership != nil {
		add("d.ownership IN (" + numbers(q.Ownership) + ")")
	}
	return b.String(), args
}

func numbers[N ~uint8](values []N) string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = fmt.Sprint(uint8(v))
	}
	return strings.Join(texts, ",")
}

// fetch reads one chunk into r.rows. No statement is open when it returns.
func (r *reader) fetch(ctx context.Context, statement string, args []any) (err error) {
	r.rows = make([]ledger.Row, 0, min(len(r.rows)+64, readRows)) // the caller may keep what it was given
	var names []names
	rows, err := r.db.QueryContext(ctx, statement, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var row ledger.Row
		n, err := scanRow(rows, &row)
		if err != nil {
			return fmt.Errorf("row %d: %w", row.Sequence, err)
		}
		r.rows, names = append(r.rows, row), append(names, n)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for i, n := range names {
		if err := r.resolve(ctx, n, &r.rows[i]); err != nil {
			return fmt.Errorf("row %d: %w", r.rows[i].Sequence, err)
		}
	}
	return nil
}

// names are the ids of a row's names.
type names struct{ route, origin int64 }

func scanRow(rows *sql.Rows, row *ledger.Row) (n names, err error) {
	var (
		nano, flags                                int64
		exchange, session, account, network, idens sql.RawBytes
		fields                                     rules.Fields
	)
	p := &row.Principal
	if err := rows.Scan(&row.Sequence, &nano, &exchange, &session, &account, &network, &p.Role, &flags, &n.route, &n.origin,
		&fields, &row.Ownership, &row.State, &idens); err != nil {
		return n, err
	}
	if len(exchange) != len(row.Exchange) {
		return n, fmt.Errorf("exchange id of %d bytes: want %d", len(exchange), len(row.Exchange))
	}
	if len(network) != 0 && len(network) != 2*len(p.IP) {
		return n, fmt.Errorf("network digests of %d bytes: want %d", len(network), 2*len(p.IP))
	}
	row.Time, row.Record.Fields = fromNanos(nano), fields
	copy(row.Exchange[:], exchange)
	if len(network) > 0 {
		copy(p.IP[:], network)
		copy(p.Prefix[:], network[len(p.IP):])
	}
	unpackFlags(flags, p)
	row.Record.Identifiers, err = unpackIdentifiers(idens)
	if len(row.Record.Identifiers) > 0 {
		row.Record.Subject = row.Record.Identifiers[0]
	}
	return n, errors.Join(err, unpackDigest(session, &p.Session), unpackDigest(account, &p.Account))
}

// resolve looks up a row's names, which are few.
func (r *reader) resolve(ctx context.Context, n names, row *ledger.Row) error {
	route, ok := r.routes[n.route]
	if !ok {
		if err := r.db.QueryRowContext(ctx, "SELECT name FROM route WHERE id = ?", n.route).Scan(&route); err != nil {
			return fmt.Errorf("its route %d: %w", n.route, err)
		}
		if len(r.routes) >= maxNames {
			clear(r.routes)
		}
		r.routes[n.route] = route
	}
	from, ok := r.origins[n.origin]
	if !ok {
		err := r.db.QueryRowContext(ctx, "SELECT config, key FROM origin WHERE id = ?", n.origin).Scan(&from.config, &from.key)
		if err != nil {
			return fmt.Errorf("its origin %d: %w", n.origin, err)
		}
		if len(r.origins) >= maxNames {
			clear(r.origins)
		}
		r.origins[n.origin] = from
	}
	row.Route, row.Config, row.Key = route, from.config, from.key
	return nil
}
