package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/ordergate/ordergate/metrics/ledger/segment"
)

// errNothing is what a shipper returns when the database has all.
var errNothing = io.EOF

// How long run waits: with nothing to do, outcomes are synced and shipped this
// often; after a failure it tries again after some time between the other two.
const (
	idle     = time.Second
	leastTry = 100 * time.Millisecond
	mostTry  = 5 * time.Second
	// closeTime bounds how long Close waits for the database.
	closeTime = 3 * time.Second
)

// run ships until the store is closed, then once more.
func (s *Store) run() {
	defer close(s.done)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	timer := time.NewTimer(idle)
	defer timer.Stop()
	pause := leastTry
	for {
		err := s.deliver(ctx)
		wait := idle
		if err != nil {
			wait, pause = pause, min(2*pause, mostTry)
		} else {
			pause = leastTry
		}
		timer.Reset(wait)
		select {
		case <-s.stop:
			last, cancel := context.WithTimeout(ctx, closeTime)
			if s.sync(last) == nil {
				_ = s.deliver(last) // what does not get there waits in the spool
			}
			cancel()
			_ = s.ship.drop()
			return
		case <-timer.C:
			if s.sync(ctx) != nil {
				continue // the disk fails: Append says so
			}
		case <-s.wakeUnless(err):
		}
	}
}

// wakeUnless is nil after a failure: then only time counts.
func (s *Store) wakeUnless(failed error) <-chan struct{} {
	if failed != nil {
		return nil
	}
	return s.wake
}

func (s *Store) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// sync makes outcomes durable, so that they are shipped.
func (s *Store) sync(ctx context.Context) error {
	_, err := s.local.Log().Durable(ctx)
	return err
}

// deliver ships all that waits. An error says that the database is lost.
func (s *Store) deliver(ctx context.Context) error {
	for {
		err := s.ship.step(ctx)
		switch {
		case isEOF(err):
			settled, err := s.settle(ctx)
			if err != nil {
				_ = s.ship.drop()
				return s.fail(err)
			}
			if s.caughtUp(settled) {
				// What cannot be deleted takes room, and is tried again.
				_ = s.local.Log().Drop(s.ship.head.Tree.Size())
				return nil
			}
		case err != nil:
			return s.fail(err)
		default:
			s.advance()
		}
	}
}

// fail says that the database is lost.
func (s *Store) fail(err error) error {
	written := s.local.Log().Written()
	behind, behindErr := s.backlog()
	s.mu.Lock()
	defer s.mu.Unlock()
	if behindErr == nil {
		s.behind, s.behindAt = behind, written
	}
	s.lose(err)
	return err
}

// lose notes a loss; the caller holds mu.
func (s *Store) lose(err error) {
	if s.lost == nil {
		s.opts.Told(explain(err))
	}
	s.lost = explain(err)
	s.broadcast()
}

// backlog is how much waits; the follower is run's own, so it is asked there only.
func (s *Store) backlog() (int64, error) {
	if s.ship.follow != nil {
		return s.ship.follow.Behind()
	}
	follow, err := s.local.Log().Follow(context.Background(), s.shippedSize())
	if err != nil {
		return 0, err
	}
	behind, err := follow.Behind()
	return behind, errors.Join(err, follow.Close())
}

func (s *Store) shippedSize() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.shipped
}

// broadcast wakes all that wait; the caller holds mu.
func (s *Store) broadcast() {
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *Store) advance() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shipped = s.ship.head.Tree.Size()
	s.broadcast()
}

// caughtUp says that the database has all, unless something came meanwhile;
// settled is what [Store.settle] returned.
func (s *Store) caughtUp(settled int64) bool {
	written := s.local.Log().Written() // before the size: what comes between counts as waiting
	size := s.local.Log().DurableSize()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shipped = s.ship.head.Tree.Size()
	if s.shipped < size {
		return false
	}
	s.settled, s.behind, s.behindAt = settled, 0, written
	if s.lost != nil {
		s.lost = nil
		s.opts.Told(nil)
	}
	s.broadcast()
	return true
}

// errSlow says that the database took too long.
var errSlow = errors.New("the ledger's database does not answer in time")

// await waits until the database has the first leaf entries, is lost, or takes
// too long, which is the same.
func (s *Store) await(leaf int64) {
	patience := time.NewTimer(s.opts.Patience)
	defer patience.Stop()
	for {
		s.mu.Lock()
		if s.shipped >= leaf || s.lost != nil || s.closed {
			s.mu.Unlock()
			return
		}
		changed := s.changed
		s.mu.Unlock()
		select {
		case <-changed:
		case <-patience.C:
			s.mu.Lock()
			if s.shipped < leaf && s.lost == nil {
				s.lose(fmt.Errorf("%w: %v", errSlow, s.opts.Patience))
			}
			s.mu.Unlock()
			return
		}
	}
}

// flush waits until the database has all that was written, or is lost.
func (s *Store) flush(ctx context.Context) error {
	if err := s.sync(ctx); err != nil {
		return err
	}
	size := s.local.Log().DurableSize()
	s.mu.Lock()
	dirty := s.dirty
	s.mu.Unlock()
	for {
		s.mu.Lock()
		there, lost, closed, changed := s.shipped >= size && s.settled >= dirty, s.lost, s.closed, s.changed
		s.mu.Unlock()
		switch {
		case closed:
			return segment.ErrClosed
		case lost != nil:
			return lost
		case there:
			return nil
		}
		s.signal()
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
