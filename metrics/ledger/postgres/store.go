package postgres

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/rules"
)

// Append implements [ledger.Store]: the rows are durable in the spool, and in
// the database unless it is lost.
func (s *Store) Append(ctx context.Context, rows []rules.Disclosure) error {
	settle, err := s.Stage(ctx, rows)
	if err == nil {
		settle()
	}
	return err
}

// Stage implements [ledger.Stager]: the rows are durable in the spool, and settle
// waits for the database.
func (s *Store) Stage(ctx context.Context, rows []rules.Disclosure) (settle func(), err error) {
	settle = func() {}
	if len(rows) == 0 {
		return settle, nil
	}
	if err := s.room(); err != nil {
		return nil, err
	}
	if err := s.local.Append(ctx, rows); err != nil {
		return nil, err
	}
	s.signal()
	if size := s.local.Log().DurableSize(); !s.opts.Relaxed {
		settle = func() { s.await(size) }
	}
	return settle, nil
}

// room refuses rows once the spool is full.
func (s *Store) room() error {
	status := s.Status()
	if status.Lost != nil && status.Behind >= status.Limit {
		return fmt.Errorf("%w (%d of %d bytes; %w)", ErrSpoolFull, status.Behind, status.Limit, status.Lost)
	}
	return nil
}

// Finish implements [ledger.Store].
func (s *Store) Finish(ctx context.Context, outcomes []ledger.Outcome) error {
	return s.local.Finish(ctx, outcomes)
}

// Mark implements [ledger.Store].
func (s *Store) Mark(ctx context.Context, mark ledger.Mark) error {
	err := s.local.Mark(ctx, mark)
	s.signal()
	return err
}

// Rekey implements [ledger.Store].
func (s *Store) Rekey(ctx context.Context, tenant string, key ledger.Key) error {
	err := s.local.Rekey(ctx, tenant, key)
	s.signal()
	return err
}

// Marks implements [ledger.Store]: those of all gateways, and only what waits in
// the spool while the database is lost.
func (s *Store) Marks(ctx context.Context) ([]ledger.Mark, error) {
	if err := s.flush(ctx); err != nil {
		if s.Status().Lost == nil {
			return nil, err
		}
		return s.local.Marks(ctx)
	}
	return s.archive.Marks(ctx)
}

// Head implements [ledger.Store].
func (s *Store) Head(ctx context.Context) (ledger.Head, error) { return s.local.Head(ctx) }

// Disclosures implements [ledger.Store]: the rows of all gateways, by node, then
// by Sequence, and only what waits in the spool while the database is lost.
func (s *Store) Disclosures(ctx context.Context, query ledger.Query) iter.Seq2[ledger.Row, error] {
	return func(yield func(ledger.Row, error) bool) {
		rows := s.archive.Disclosures(ctx, query)
		if err := s.flush(ctx); err != nil {
			if s.Status().Lost == nil {
				yield(ledger.Row{}, err)
				return
			}
			rows = s.local.Disclosures(ctx, query)
		}
		rows(yield)
	}
}

// Verify verifies the database: see [Archive.Verify].
func (s *Store) Verify(ctx context.Context, opts ledger.VerifyOptions) (ledger.Verification, error) {
	if err := s.flush(ctx); err != nil {
		return ledger.Verification{}, errors.Join(errNotReachable, err)
	}
	return s.archive.Verify(ctx, opts)
}
