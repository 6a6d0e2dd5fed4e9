package sqlite

import (
	"context"
	"database/sql"

	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/rules"
)

// Finish implements [ledger.Store]. It does not wait for the disk: its commit
// becomes durable with the next Append, or with the next checkpoint.
func (s *Store) Finish(ctx context.Context, outcomes []ledger.Outcome) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.write == nil || s.closed {
		_, err := s.ready(ctx)
		return err
	}
	type ending struct {
		head  int64
		state rules.State
	}
	var endings []ending
	var ended []rules.ExchangeID
	for _, o := range outcomes {
		head, ok := s.heads.Peek(o.Exchange)
		if ok && (o.State == rules.Delivered || o.State == rules.Withheld) {
			endings = append(endings, ending{head, o.State})
			ended = append(ended, o.Exchange)
		}
	}
	if len(endings) == 0 {
		return nil
	}
	if err := s.synchronous(ctx, "NORMAL"); err != nil {
		return err
	}
	err := s.transact(ctx, func(ctx context.Context, w *writer, _ *sql.Tx) error {
		for _, e := range endings {
			if _, err := w.outcome.ExecContext(ctx, e.head, int64(e.state)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err // the connection is gone, and with it the setting
	}
	for _, exchange := range ended {
		s.heads.Remove(exchange)
	}
	return s.synchronous(ctx, "FULL")
}

// synchronous sets how the writer's next commits wait for the disk. After a
// failure there is no writer, so that no Append can meet a wrong setting.
func (s *Store) synchronous(ctx context.Context, value string) error {
	ctx = context.WithoutCancel(ctx)
	w, err := s.ready(ctx)
	if err == nil {
		_, err = w.conn.ExecContext(ctx, "PRAGMA synchronous="+value)
	}
	if err != nil {
		s.drop()
		return explain(s.path, err)
	}
	return nil
}
