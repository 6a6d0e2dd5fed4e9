package ledger

import (
	"container/list"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/ordergate/ordergate/rules"
)

// Observer is told what the ledger does. Nil functions are not called; the
// zero value observes nothing. The functions run on the ledger's goroutines, Lost
// also on a caller's, at the same time, and must not block.
type Observer struct {
	Appended func(rows int, took time.Duration) // a batch became durable
	Lag      func(age time.Duration)            // how long the oldest row of a batch had waited when the batch ended
	Lost     func(outcomes int)                 // outcomes that were dropped: their rows stay unknown
	Failed   func(err error)                    // the store failed; the batch's callers got the error
}

// Options tune a ledger. The zero value gives the defaults.
type Options struct {
	// MaxBatch is how many rows one transaction takes at most; 0 means 512. A
	// single Append with more rows is still one transaction.
	MaxBatch int
	// MaxQueue is how many rows wait at most, and how many outcomes; 0 means
	// 65,536 each. Rows over it are refused with ErrFull, outcomes are lost.
	MaxQueue int
	// Observe is told what happens.
	Observe Observer
	// Now is the clock that Lag and durations are measured with; nil means time.Now.
	Now func() time.Time
}

// Ledger is group commit in front of a [Store]: rows of all callers that wait
// at the same time share one transaction. It is safe for concurrent use. Make
// one with [New] and end it with [Ledger.Close].
type Ledger struct {
	store  Store
	stager Stager // the same store, if it is one
	opts   Options
	cancel context.CancelFunc
	wake   chan struct{} // holds one token while there may be something to do
	staged chan written  // batches that are being settled
	done   chan struct{} // closed when the writer has ended and all are answered

	mu       sync.Mutex
	waiting  list.List // of *call: rows and outcomes, in the order in which they came
	rows     int       // waiting rows
	outcomes int       // waiting outcomes
	closed   bool
	writing  []time.Time // when the oldest row of each batch at the store came, in their order
}

// call is one Append or, with done nil, one Finish.
type call struct {
	rows    []rules.Disclosure
	outcome Outcome
	came    time.Time
	taken   bool
	done    chan error
}

// New starts the ledger's writer. The store stays the caller's: close it after
// the ledger.
func New(store Store, opts Options) *Ledger {
	if opts.MaxBatch <= 0 {
		opts.MaxBatch = 512
	}
	if opts.MaxQueue <= 0 {
		opts.MaxQueue = 65_536
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	ctx, cancel := context.WithCancel(context.Background())
	l := &Ledger{store: store, opts: opts, cancel: cancel, wake: make(chan struct{}, 1), staged: make(chan written, maxStaged), done: make(chan struct{})}
	l.stager, _ = store.(Stager)
	go l.run(ctx)
	go l.settle()
	return l
}

// Append returns nil once all rows are durable. Otherwise none is kept, with
// one exception: [ErrUncertain], when ctx ended after the rows had been handed
// to the store, or a failed commit. Such rows are in state unknown; when their
// bytes are not released, say so with Finish(exchange, rules.Withheld).
//
// It waits for the disk, for as long as ctx allows. It fails at once with
// [ErrFull] or [ErrClosed], and on a row that [Validate] refuses. The rows may
// be reused as soon as it returns.
func (l *Ledger) Append(ctx context.Context, rows []rules.Disclosure) error {
	if len(rows) == 0 {
		return nil
	}
	for i := range rows {
		if err := Validate(&rows[i]); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("append %d rows to the ledger: %w", len(rows), err)
	}
	c := &call{rows: rows, came: l.opts.Now(), done: make(chan error, 1)}
	element, err := l.enqueue(c)
	if err != nil {
		return err
	}
	select {
	case err := <-c.done:
		return err
	case <-ctx.Done():
		return l.giveUp(c, element, ctx.Err())
	}
}

func (l *Ledger) enqueue(c *call) (*list.Element, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.closed:
		return nil, ErrClosed
	case l.rows+len(c.rows) > l.opts.MaxQueue:
		return nil, ErrFull
	}
	l.rows += len(c.rows)
	element := l.waiting.PushBack(c)
	l.signal()
	return element, nil
}

// giveUp takes a call out of the queue or, when it is too late for that, says
// so.
func (l *Ledger) giveUp(c *call, element *list.Element, cause error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !c.taken {
		l.waiting.Remove(element)
		l.rows -= len(c.rows)
		return fmt.Errorf("append %d rows to the ledger: gave up in the queue, nothing was written: %w", len(c.rows), cause)
	}
	select {
	case err := <-c.done: // the answer came at the same moment
		return err
	default:
	}
	return fmt.Errorf("%w: %w", ErrUncertain, cause)
}

// Finish says what became of an exchange's rows that are still unknown. It
// never blocks: an outcome that finds the queue full or the ledger closed is
// lost and counted, and its rows stay unknown. It takes effect after every row
// that was appended before it.
func (l *Ledger) Finish(exchange rules.ExchangeID, state rules.State) {
	l.mu.Lock()
	lost := l.closed || l.outcomes >= l.opts.MaxQueue
	if !lost {
		l.outcomes++
		l.waiting.PushBack(&call{outcome: Outcome{Exchange: exchange, State: state}})
		l.signal()
	}
	l.mu.Unlock()
	if lost {
		l.lost(1)
	}
}

// Lag returns how long the oldest row that is not yet durable has waited; zero
// when none waits.
func (l *Ledger) Lag() time.Duration {
	l.mu.Lock()
	var oldest time.Time
	if len(l.writing) > 0 {
		oldest = l.writing[0]
	}
	for e := l.waiting.Front(); e != nil && oldest.IsZero(); e = e.Next() {
		oldest = e.Value.(*call).came // zero for an outcome
	}
	l.mu.Unlock()
	if oldest.IsZero() {
		return 0
	}
	return l.opts.Now().Sub(oldest)
}

// Close refuses new rows, writes what waits and returns. When ctx ends first,
// the waiting rows fail and Close returns the context's error, without waiting
// for a store that does not answer. It may be called again.
func (l *Ledger) Close(ctx context.Context) error {
	l.mu.Lock()
	l.closed = true
	l.signal()
	l.mu.Unlock()
	select {
	case <-l.done:
		l.cancel()
		return nil
	case <-ctx.Done():
		l.cancel()
		return fmt.Errorf("close the ledger: rows were still waiting: %w", ctx.Err())
	}
}

// signal wakes the writer; the caller holds mu.
func (l *Ledger) signal() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}
