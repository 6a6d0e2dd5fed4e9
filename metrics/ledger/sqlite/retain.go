package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/rules"
)

const (
	// retainRows is how many rows one transaction deletes: an Append never
	// waits for more.
	retainRows = 2000
	// retainSlack is how many numbers longer than its rows an outcome is kept:
	// an exchange may still have newer rows that point back to it.
	retainSlack = 1 << 26
)

// Retain implements [ledger.Store]. The file does not shrink: the room is used
// again.
func (s *Store) Retain(ctx context.Context, before time.Time) (deleted int64, err error) {
	if s.write == nil {
		return 0, errReadOnly
	}
	incidents, err := s.Incidents(ctx)
	if err != nil {
		return 0, err
	}
	limit := nanos(ledger.HoldTime(before, incidents), 0)
	for {
		n, err := s.retainSome(ctx, limit)
		deleted += n
		if err != nil || n == 0 {
			return deleted, errors.Join(err, s.retainState(ctx, limit))
		}
	}
}

// retainSome deletes the oldest rows, up to retainRows of them, that come
// before the first row of limit or later.
func (s *Store) retainSome(ctx context.Context, limit int64) (deleted int64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	err = s.transact(ctx, func(ctx context.Context, _ *writer, tx *sql.Tx) error {
		var first, last int64 // of the rows to go
		err := tx.QueryRowContext(ctx, `WITH oldest AS MATERIALIZED (SELECT sequence, time FROM disclosure NOT INDEXED ORDER BY sequence LIMIT ?)
			SELECT coalesce(min(sequence), 0), coalesce(max(sequence), 0) FROM oldest
			WHERE sequence < coalesce((SELECT min(sequence) FROM oldest WHERE time >= ?), 9223372036854775807)`,
			retainRows, limit).Scan(&first, &last)
		if err != nil || first == 0 {
			return err
		}
		result, err := tx.ExecContext(ctx, "DELETE FROM disclosure WHERE sequence BETWEEN ? AND ?", first, last)
		if err != nil {
			return err
		}
		if deleted, err = result.RowsAffected(); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM outcome WHERE head <= ?", last-retainSlack); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "UPDATE retained SET sequence = ?", last)
		return err
	})
	if err != nil {
		deleted = 0
	}
	return deleted, err
}

// retainState deletes bindings and closed incidents that are older than limit.
func (s *Store) retainState(ctx context.Context, limit int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.transact(ctx, func(ctx context.Context, _ *writer, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "DELETE FROM binding WHERE seen < ?", limit)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "DELETE FROM incident WHERE state IN (?, ?) AND updated < ?", rules.IncidentClosed.String(), rules.IncidentFalseAlarm.String(), limit)
		return err
	})
}
