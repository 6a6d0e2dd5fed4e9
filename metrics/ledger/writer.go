package ledger

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"time"

	"github.com/ordergate/ordergate/rules"
)

// batch is what one turn of the writer takes. Its rows are copies: a caller
// that gives up may reuse its own at once. The memory is kept for the next
// turn.
type batch struct {
	rows        []rules.Disclosure
	identifiers []rules.Identifier // what the rows' records refer to
	calls       []*call
	outcomes    []Outcome
}

func (b *batch) reset(keep int) {
	if cap(b.rows) > 4*keep { // one huge Append must not hold its memory for ever
		*b = batch{}
	}
	clear(b.rows) // drop the strings they hold
	clear(b.calls)
	b.rows, b.identifiers, b.calls, b.outcomes = b.rows[:0], b.identifiers[:0], b.calls[:0], b.outcomes[:0]
}

func (b *batch) add(c *call) {
	for _, row := range c.rows {
		start := len(b.identifiers)
		b.identifiers = append(b.identifiers, row.Record.Identifiers...)
		row.Record.Identifiers = b.identifiers[start:len(b.identifiers):len(b.identifiers)]
		b.rows = append(b.rows, row)
	}
	b.calls = append(b.calls, c)
}

// run is the writer: it takes all that waits, hands it to the store, and
// begins again. It ends when the ledger is closed and nothing waits.
//
// Before it takes, it lets those run that can: woken by a caller it would be next,
// and write one exchange's rows while others are about to bring theirs. Nobody
// waits for that where nothing else is to be done. 9 to 11 transactions for a
// hundred requests of deploy/bench's mix instead of 14 to 15.
func (l *Ledger) run(ctx context.Context) {
	defer close(l.staged)
	var b batch
	for {
		b.reset(l.opts.MaxBatch)
		runtime.Gosched()
		closed := l.take(&b)
		if len(b.calls) == 0 && len(b.outcomes) == 0 {
			if closed {
				return
			}
			<-l.wake
			continue
		}
		l.write(ctx, &b)
	}
}

// take moves what waits into b, in order, up to MaxBatch rows and as many
// outcomes. An outcome is never taken before a row that came before it.
func (l *Ledger) take(b *batch) (closed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for e := l.waiting.Front(); e != nil; e = l.waiting.Front() {
		c := e.Value.(*call)
		if c.done == nil {
			if len(b.outcomes) >= l.opts.MaxBatch {
				break
			}
			b.outcomes = append(b.outcomes, c.outcome)
			l.outcomes--
		} else {
			if len(b.rows) > 0 && len(b.rows)+len(c.rows) > l.opts.MaxBatch {
				break
			}
			c.taken = true
			b.add(c)
			l.rows -= len(c.rows)
		}
		l.waiting.Remove(e)
	}
	if len(b.calls) > 0 {
		l.writing = append(l.writing, b.calls[0].came)
	}
	return l.closed
}

// maxStaged is how many batches are on their way to the second place of a
// [Stager] at most: with as many rows as one of its transactions takes.
const maxStaged = 16

// written is a batch that the store has, or has refused.
type written struct {
	calls  []*call
	rows   int
	begin  time.Time
	settle func() // nil: there is nothing to wait for
	err    error
}

// write hands one batch to the store and sees to it that its callers are
// answered. Outcomes come last: nobody waits for them.
func (l *Ledger) write(ctx context.Context, b *batch) {
	if len(b.calls) > 0 {
		w := written{rows: len(b.rows), begin: l.opts.Now()}
		if l.stager == nil {
			w.calls, w.err = b.calls, l.store.Append(ctx, b.rows)
			l.answer(&w)
		} else {
			w.settle, w.err = l.stager.Stage(ctx, b.rows)
			w.calls, b.calls = b.calls, nil
			l.staged <- w
		}
	}
	if len(b.outcomes) > 0 {
		if err := l.store.Finish(ctx, b.outcomes); err != nil {
			l.lost(len(b.outcomes))
			l.failed(fmt.Errorf("finish %d exchanges in the ledger: %w", len(b.outcomes), err))
		}
	}
}

// settle waits for staged batches, in their order, and answers.
func (l *Ledger) settle() {
	defer close(l.done)
	for w := range l.staged {
		if w.settle != nil {
			w.settle()
		}
		l.answer(&w)
	}
}

// answer tells a batch's callers.
func (l *Ledger) answer(w *written) {
	if w.err != nil {
		w.err = fmt.Errorf("append %d rows to the ledger: %w", w.rows, w.err)
	}
	end, came := l.opts.Now(), w.calls[0].came
	l.mu.Lock()
	l.writing = slices.Delete(l.writing, 0, 1)
	for _, c := range w.calls {
		c.done <- w.err
	}
	l.mu.Unlock()
	l.observe(w.rows, end.Sub(w.begin), end.Sub(came), w.err)
}

func (l *Ledger) observe(rows int, took, age time.Duration, err error) {
	o := &l.opts.Observe
	if err != nil {
		l.failed(err)
	} else if o.Appended != nil {
		o.Appended(rows, took)
	}
	if o.Lag != nil {
		o.Lag(age)
	}
}

func (l *Ledger) lost(n int) {
	if l.opts.Observe.Lost != nil {
		l.opts.Observe.Lost(n)
	}
}

func (l *Ledger) failed(err error) {
	if l.opts.Observe.Failed != nil {
		l.opts.Observe.Failed(err)
	}
}
