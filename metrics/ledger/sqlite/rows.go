package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/metrics/ledger/segment"
	"github.com/ordergate/ordergate/rules"
)

// Append implements [ledger.Store].
func (s *Store) Append(ctx context.Context, rows []rules.Disclosure) error {
	return s.log.Append(ctx, rows)
}

// Finish implements [ledger.Store].
func (s *Store) Finish(ctx context.Context, outcomes []ledger.Outcome) error {
	return s.log.Finish(ctx, outcomes)
}

// Disclosures implements [ledger.Store].
func (s *Store) Disclosures(ctx context.Context, query ledger.Query) iter.Seq2[ledger.Row, error] {
	return s.log.Disclosures(ctx, query)
}

// Marks implements [ledger.Store].
func (s *Store) Marks(ctx context.Context) ([]ledger.Mark, error) { return s.log.Marks(ctx) }

// Mark implements [ledger.Store].
func (s *Store) Mark(_ context.Context, mark ledger.Mark) error { return s.log.Mark(mark, true) }

// Rekey implements [ledger.Store].
func (s *Store) Rekey(ctx context.Context, tenant string, key ledger.Key) error {
	if err := s.log.Rekey(ctx, tenant, key); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sealing[tenant] = key.ID; key.ID == "" {
		delete(s.sealing, tenant)
	}
	s.hold()
	return nil
}

// Head implements [ledger.Store].
func (s *Store) Head(ctx context.Context) (ledger.Head, error) { return s.log.Durable(ctx) }

// Prove proves what [segment.Log.Prove] proves; a store of one gateway needs no
// node.
func (s *Store) Prove(ctx context.Context, _ string, sequence, size, older int64) (*ledger.Proof, error) {
	return s.log.Prove(ctx, sequence, size, older)
}

// KeptSince is the time of the first kept row, zero without rows.
func (s *Store) KeptSince(ctx context.Context) (time.Time, error) {
	for row, err := range s.Disclosures(ctx, ledger.Query{}) {
		return row.Time, err
	}
	return time.Time{}, nil
}

// Log returns the rows' log, for what only segments have.
func (s *Store) Log() *segment.Log { return s.log }

// Warnings returns what Open found and did not refuse.
func (s *Store) Warnings() []string { return s.log.Warnings() }

// Retain implements [ledger.Store].
func (s *Store) Retain(ctx context.Context, before time.Time) (deleted int64, err error) {
	if s.write == nil {
		return 0, segment.ErrReadOnly
	}
	incidents, err := s.Incidents(ctx)
	if err != nil {
		return 0, err
	}
	limit := ledger.HoldTime(before, incidents)
	deleted, err = s.log.Retain(ctx, limit)
	return deleted, errors.Join(err, s.RetainState(ctx, limit))
}

// RetainState deletes bindings and closed incidents that are older than before,
// and thins checkpoints out; no rows.
func (s *Store) RetainState(ctx context.Context, before time.Time) error {
	limit := nanos(before, 0)
	return s.transact(ctx, func(ctx context.Context, tx *sql.Tx) error {
		for _, statement := range []struct {
			text string
			args []any
		}{
			{"DELETE FROM binding WHERE seen < ?", []any{limit}},
			{"DELETE FROM incident WHERE state IN (?, ?) AND updated < ?", []any{rules.IncidentClosed.String(), rules.IncidentFalseAlarm.String(), limit}},
			{
				"DELETE FROM checkpoint WHERE time < ? AND size NOT IN (SELECT max(size) FROM checkpoint GROUP BY time / ?)",
				[]any{s.now().Add(-thinAfter).UnixNano(), thinTo.Nanoseconds()},
			},
		} {
			if _, err := tx.ExecContext(ctx, statement.text, statement.args...); err != nil {
				return err
			}
		}
		return nil
	})
}

// ForgetBindings deletes all sessions.
func (s *Store) ForgetBindings(ctx context.Context) error {
	return s.transact(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "DELETE FROM binding")
		return err
	})
}

// Checkpoints older than thinAfter are kept one for every thinTo: a year of
// them takes 3 MB.
const (
	thinAfter = 7 * 24 * time.Hour
	thinTo    = time.Hour
)

// SaveCheckpoint implements [ledger.Store].
func (s *Store) SaveCheckpoint(ctx context.Context, checkpoint ledger.Checkpoint) error {
	return s.transact(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "INSERT OR IGNORE INTO checkpoint (size, time, note) VALUES (?,?,?)",
			checkpoint.Size, nanos(checkpoint.Time, 0), checkpoint.Note)
		return err
	})
}

// Checkpoints implements [ledger.Store].
func (s *Store) Checkpoints(ctx context.Context) (checkpoints []ledger.Checkpoint, err error) {
	rows, err := s.read.QueryContext(ctx, "SELECT size, note FROM checkpoint ORDER BY size")
	if err != nil {
		return nil, explain(s.path, err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var size int64
		var note string
		if err := rows.Scan(&size, &note); err != nil {
			return nil, explain(s.path, err)
		}
		checkpoint, err := ledger.ReadCheckpoint(note)
		if err != nil || checkpoint.Size != size {
			checkpoint = ledger.Checkpoint{Size: size, Note: note} // whoever verifies it says what is wrong
		}
		checkpoints = append(checkpoints, checkpoint)
	}
	return checkpoints, explain(s.path, rows.Err())
}

// lastSigned returns the size of the newest checkpoint and the row it signs for,
// 0 if there is none.
func (s *Store) lastSigned(ctx context.Context) (size, row int64, err error) {
	var note string
	err = s.read.QueryRowContext(ctx, "SELECT size, note FROM checkpoint ORDER BY size DESC LIMIT 1").Scan(&size, &note)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, 0, nil
	}
	if checkpoint, noteErr := ledger.ReadCheckpoint(note); err == nil && noteErr == nil { // verify says what is wrong with it
		row = checkpoint.Row
	}
	return size, row, explain(s.path, err)
}

// Lost is how many rows Open found to be lost, at most: see [segment.Log.Lost].
func (s *Store) Lost() int64 { return s.log.Lost() }

// transact runs do in one transaction, durably. ctx counts only before it
// begins: a commit must not end in doubt because somebody lost patience.
func (s *Store) transact(ctx context.Context, do func(context.Context, *sql.Tx) error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case s.write == nil:
		return fmt.Errorf("ledger %s: %w", s.path, segment.ErrReadOnly)
	}
	ctx = context.WithoutCancel(ctx)
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return explain(s.path, err)
	}
	defer func() { _ = tx.Rollback() }() // no effect after Commit
	if err := do(ctx, tx); err != nil {
		return explain(s.path, err)
	}
	return explain(s.path, tx.Commit())
}
