package proxytest

import (
	"bytes"
	"context"
	"slices"
	"sync"

	"github.com/ordergate/ordergate/proxy"
	"github.com/ordergate/ordergate/rules"
	"github.com/ordergate/ordergate/rules/exfil"
)

// Ledger implements proxy.Ledger in memory.
type Ledger struct {
	mu     sync.Mutex
	rows   []rules.Disclosure
	states map[rules.ExchangeID]rules.State
	err    error
	block  chan struct{}
	forget bool
}

// Forget makes Append keep nothing from now on: for benchmarks.
func (l *Ledger) Forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.forget = true
}

// Fail makes Append fail from now on; nil makes it work again.
func (l *Ledger) Fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = err
}

// Block makes Append wait until the returned function is called, or its
// context ends.
func (l *Ledger) Block() (release func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	block := make(chan struct{})
	l.block = block
	return sync.OnceFunc(func() { close(block) })
}

// Append implements proxy.Ledger.
func (l *Ledger) Append(ctx context.Context, rows []rules.Disclosure) error {
	l.mu.Lock()
	block, err := l.block, l.err
	l.mu.Unlock()
	if block != nil {
		select {
		case <-block:
		case <-ctx.Done():
			return ctx.Err() //nolint:wrapcheck // a test's own
		}
	}
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.forget {
		return nil
	}
	for i := range rows {
		row := rows[i]
		row.Record.Identifiers = slices.Clone(row.Record.Identifiers)
		l.rows = append(l.rows, row)
	}
	return nil
}

// Finish implements proxy.Ledger.
func (l *Ledger) Finish(exchange rules.ExchangeID, state rules.State) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.states == nil {
		l.states = make(map[rules.ExchangeID]rules.State)
	}
	l.states[exchange] = state
}

// Rows returns the rows so far, with the state that Finish gave them.
func (l *Ledger) Rows() []rules.Disclosure {
	l.mu.Lock()
	defer l.mu.Unlock()
	rows := slices.Clone(l.rows)
	for i := range rows {
		if state, ok := l.states[rows[i].Exchange]; ok && rows[i].State == rules.Unknown {
			rows[i].State = state
		}
	}
	return rows
}

// Subjects returns the distinct e-mail digests of rows in a state.
func (l *Ledger) Subjects(states ...rules.State) map[rules.Digest]bool {
	subjects := make(map[rules.Digest]bool)
	for _, row := range l.Rows() {
		if slices.Contains(states, row.State) {
			subjects[row.Record.IdentifierOf(rules.IdentifierEmail)] = true
		}
	}
	return subjects
}

// Observer implements proxy.Observer: it joins signals into the engine's
// incidents and remembers every exchange.
type Observer struct {
	engine   *exfil.Engine
	mu       sync.Mutex
	changed  sync.Cond
	count    int             // exchanges finished
	finished []proxy.Summary // that Next has not returned
	last     proxy.Summary
	signals  []rules.Signal
	failed   int
	gap      int
}

// maxFinished bounds the exchanges that Next may still return.
const maxFinished = 100_000

func newObserver() *Observer {
	o := &Observer{}
	o.changed.L = &o.mu
	return o
}

// Exchange implements proxy.Observer.
func (o *Observer) Exchange(s *proxy.Summary) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.finished) < maxFinished { // in a benchmark nobody listens
		o.finished = append(o.finished, *s)
	}
	o.count++
	o.last = *s
	o.changed.Broadcast()
}

// wait returns once n exchanges have finished: a client may have the whole
// response a moment before.
func (o *Observer) wait(n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for o.count < n {
		o.changed.Wait()
	}
}

// Last returns the exchange that finished last.
func (o *Observer) Last() proxy.Summary {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.last
}

// Next waits for the next finished exchange.
func (o *Observer) Next() proxy.Summary {
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(o.finished) == 0 {
		o.changed.Wait()
	}
	next := o.finished[0]
	o.finished = o.finished[1:]
	return next
}

// Signal implements proxy.Observer.
func (o *Observer) Signal(s *rules.Signal) {
	o.engine.Incidents().Join(s)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.signals = append(o.signals, *s)
}

// Signals returns the signals of a detector so far.
func (o *Observer) Signals(d rules.Detector) []rules.Signal {
	o.mu.Lock()
	defer o.mu.Unlock()
	var found []rules.Signal
	for _, s := range o.signals {
		if s.Detector == d {
			found = append(found, s)
		}
	}
	return found
}

// Disclosed implements proxy.Observer.
func (o *Observer) Disclosed([]rules.Disclosure) {}

// LedgerFailed implements proxy.Observer.
func (o *Observer) LedgerFailed(rows int, released bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.failed += rows
	if released {
		o.gap += rows
	}
}

// LedgerFailures returns the rows that were not made durable, and how many of
// them were released all the same.
func (o *Observer) LedgerFailures() (failed, released int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.failed, o.gap
}

// Buffer is a log that can be read while it is written.
type Buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (b *Buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p) //nolint:wrapcheck // never fails
}

// String returns what was written.
func (b *Buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
