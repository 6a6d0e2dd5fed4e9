package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/rules"
)

// Retain implements [ledger.Store]: it drops the partitions of the first days
// that no node has a row of at or after before. An open incident of any node is
// a hold. Then it packs days that are over. Any gateway may do it; one at a time
// does.
func (s *Store) Retain(ctx context.Context, before time.Time) (deleted int64, err error) {
	if err := s.flush(ctx); err != nil {
		return 0, fmt.Errorf("retention waits for the ledger's database: %w", err)
	}
	incidents, err := s.archive.Incidents(ctx)
	if err != nil {
		return 0, err
	}
	limit := ledger.HoldTime(before, incidents)
	days, deleted, err := s.dropDays(ctx, limit)
	if err == nil {
		err = s.packDays(ctx)
	}
	if days == 0 {
		return deleted, errors.Join(err, s.retainState(ctx, limit))
	}
	marked := s.local.Mark(ctx, ledger.Mark{
		Time: s.opts.Now().UTC(), Kind: ledger.MarkRetained, Count: deleted,
		Detail: fmt.Sprintf("rows of %d days deleted: past their retention", days),
	})
	return deleted, errors.Join(err, marked, s.retainState(ctx, limit))
}

// retainState deletes sessions and closed incidents that are older than limit.
func (s *Store) retainState(ctx context.Context, limit time.Time) error {
	var batch pgx.Batch
	batch.Queue("DELETE FROM ordergate_binding WHERE seen < $1", nanos(limit))
	batch.Queue("DELETE FROM ordergate_incident WHERE state IN ($1, $2) AND updated < $3", rules.IncidentClosed.String(), rules.IncidentFalseAlarm.String(), nanos(limit))
	// Checkpoints older than a week are kept one an hour.
	batch.Queue("DELETE FROM ordergate_checkpoint c WHERE time < $1 AND size NOT IN (SELECT max(size) FROM ordergate_checkpoint o WHERE o.node = c.node GROUP BY time / $2)",
		s.opts.Now().Add(-7*24*time.Hour).UnixNano(), time.Hour.Nanoseconds())
	return errors.Join(s.local.RetainState(ctx, limit), explain(s.pool.SendBatch(ctx, &batch).Close()))
}

// lockPatience is how long dropping a partition waits for readers, and writers
// for it: those who read a page are done long before.
const lockPatience = "3s"

// dropDays drops the days that end before limit and returns how many days and
// rows went.
func (s *Store) dropDays(ctx context.Context, limit time.Time) (days int, deleted int64, err error) {
	for {
		rows, dropped, err := s.dropDay(ctx, limit)
		if err != nil || !dropped {
			return days, deleted, explain(err)
		}
		days++
		deleted += rows
	}
}

// keptFrom selects the number of each node's first entry that is kept, or of its
// next one where none is.
const keptFrom = "SELECT n.id AS node, coalesce((SELECT min(first_leaf) FROM ordergate_stretch s WHERE s.node = n.id), n.leaves) AS kept FROM ordergate_node n"

// dropDay drops the first day, unless it has a row at or after limit, or has
// entries behind which a node keeps older ones (a clock that stepped back), so
// that the numbers of the kept ones have no gap. What belongs to them goes with
// them.
func (s *Store) dropDay(ctx context.Context, limit time.Time) (rows int64, dropped bool, err error) {
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		var free bool
		if err := tx.QueryRow(ctx, "SELECT pg_try_advisory_xact_lock($1, 0)", lockRetain).Scan(&free); err != nil || !free {
			return err
		}
		if _, err := tx.Exec(ctx, "SET LOCAL lock_timeout = '"+lockPatience+"'"); err != nil {
			return err
		}
		// Nobody writes into the day while it is looked at.
		if _, err := tx.Exec(ctx, "LOCK TABLE ordergate_stretch IN SHARE MODE"); err != nil {
			return err
		}
		var day string
		var may bool
		err := tx.QueryRow(ctx, `
			WITH oldest AS (SELECT min(day) AS day FROM ordergate_stretch)
			SELECT to_char(o.day, 'YYYY-MM-DD'), sum(s.rows), bool_and(coalesce(s.last_at, 0) < $1)
				AND NOT bool_or(EXISTS (SELECT FROM ordergate_stretch e WHERE e.node = s.node AND e.first_leaf < s.first_leaf AND e.day <> s.day))
			FROM oldest o JOIN ordergate_stretch s ON s.day = o.day GROUP BY o.day`,
			nanos(limit)).Scan(&day, &rows, &may)
		if errors.Is(err, pgx.ErrNoRows) || err == nil && !may {
			return nil
		} else if err != nil {
			return err
		}
		for _, statement := range []string{
			"DROP TABLE IF EXISTS " + pgx.Identifier{partition(day)}.Sanitize(),
			"DROP TABLE IF EXISTS " + pgx.Identifier{entryPartition(day)}.Sanitize(),
			"DELETE FROM ordergate_stretch WHERE day = '" + day + "'",
			"DELETE FROM ordergate_packed WHERE day = '" + day + "'",
			"DELETE FROM ordergate_late l USING (" + keptFrom + ") k WHERE l.node = k.node AND leaf < kept",
			// What a proof needs of the entries before is in the first stretch's edge.
			"DELETE FROM ordergate_hash h USING (" + keptFrom + ") k WHERE h.node = k.node AND (place + 1) << level::int <= kept",
		} {
			if _, err := tx.Exec(ctx, statement); err != nil {
				return err
			}
		}
		dropped = true
		return nil
	})
	return rows, dropped && err == nil, err
}
