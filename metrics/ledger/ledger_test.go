package ledger_test

import (
	"context"
	"errors"
	"iter"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/metrics/ledger/ledgertest"
	"github.com/ordergate/ordergate/rules"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// disk is a store that keeps everything in memory and does what a test tells
// it to: hold a batch back, or fail.
type disk struct {
	ledger.Store            // the methods that the ledger does not use
	entered      chan int   // gets the number of rows when Append begins
	release      chan error // Append returns what comes out
	mu           sync.Mutex // guards what follows
	rows         []rules.Disclosure
	outcomes     []ledger.Outcome
	batches      []int
	finishFails  error
}

func newDisk() *disk { return &disk{entered: make(chan int), release: make(chan error)} }

func (d *disk) Append(ctx context.Context, rows []rules.Disclosure) error {
	if d.entered != nil {
		d.entered <- len(rows)
		select {
		case err := <-d.release:
			if err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.batches = append(d.batches, len(rows))
	for _, row := range rows {
		row.Record.Identifiers = append([]rules.Identifier(nil), row.Record.Identifiers...)
		d.rows = append(d.rows, row)
	}
	return nil
}

func (d *disk) Finish(_ context.Context, outcomes []ledger.Outcome) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.outcomes = append(d.outcomes, outcomes...)
	return d.finishFails
}

func (*disk) Disclosures(context.Context, ledger.Query) iter.Seq2[ledger.Row, error] { return nil }

func start(t *testing.T, d *disk, opts ledger.Options) *ledger.Ledger {
	t.Helper()
	l := ledger.New(d, opts)
	t.Cleanup(func() {
		if err := l.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return l
}

// appending runs Append and gives its answer.
func appending(ctx context.Context, l *ledger.Ledger, rows []rules.Disclosure) <-chan error {
	answer := make(chan error, 1)
	go func() { answer <- l.Append(ctx, rows) }()
	return answer
}

// What gathers while the disk is busy shares the next transaction, up to
// MaxBatch, and one Append is never divided.
func TestGroupCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk()
		l := start(t, d, ledger.Options{MaxBatch: 10})
		var answers []<-chan error
		first := appending(t.Context(), l, ledgertest.Rows(0, 1))
		if n := <-d.entered; n != 1 {
			t.Fatalf("first batch has %d rows", n)
		}
		for i := range 4 {
			answers = append(answers, appending(t.Context(), l, ledgertest.Rows(10*i, 4)))
			synctest.Wait()
		}
		answers = append(answers, appending(t.Context(), l, ledgertest.Rows(100, 25)))
		synctest.Wait()
		select {
		case err := <-first:
			t.Fatalf("Append returned %v before the disk was done", err)
		default:
		}
		d.release <- nil
		for _, want := range []int{8, 8, 25} {
			if n := <-d.entered; n != want {
				t.Errorf("batch of %d rows, want %d", n, want)
			}
			d.release <- nil
		}
		for _, answer := range append(answers, first) {
			if err := <-answer; err != nil {
				t.Error(err)
			}
		}
		if len(d.rows) != 42 {
			t.Errorf("%d rows kept, want 42", len(d.rows))
		}
	})
}

// TestRunnableCallersJoin: on one processor the writer does not overtake callers
// that are about to bring their rows.
func TestRunnableCallersJoin(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	d := &disk{}
	l := start(t, d, ledger.Options{})
	const callers = 32
	var all sync.WaitGroup
	for i := range callers {
		all.Go(func() {
			if err := l.Append(t.Context(), ledgertest.Rows(i, 1)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if len(d.rows) != callers || len(d.batches) > callers/2 { // some, since a slice of time may end between two
		t.Errorf("%d rows in batches of %v: want %d in few", len(d.rows), d.batches, callers)
	}
}

func TestFullQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk()
		lost := 0
		l := start(t, d, ledger.Options{MaxQueue: 3, Observe: ledger.Observer{Lost: func(n int) { lost += n }}})
		a := appending(t.Context(), l, ledgertest.Rows(0, 3))
		<-d.entered // not waiting any more
		b := appending(t.Context(), l, ledgertest.Rows(3, 3))
		synctest.Wait()
		if err := l.Append(t.Context(), ledgertest.Rows(6, 1)); !errors.Is(err, ledger.ErrFull) {
			t.Errorf("Append over the bound: %v, want ErrFull", err)
		}
		if err := l.Append(t.Context(), ledgertest.Rows(6, 4)); !errors.Is(err, ledger.ErrFull) {
			t.Errorf("Append of more than the bound: %v, want ErrFull", err)
		}
		for i := range 5 {
			l.Finish(ledgertest.Exchange(i), rules.Delivered)
		}
		if lost != 2 {
			t.Errorf("%d outcomes lost, want 2", lost)
		}
		d.release <- nil
		<-d.entered
		d.release <- nil
		if err := errors.Join(<-a, <-b); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if len(d.outcomes) != 3 {
			t.Errorf("%d outcomes kept, want 3", len(d.outcomes))
		}
	})
}

// A caller that gives up in the queue leaves nothing behind; one that gives up
// during the write is told that it cannot know.
func TestGivingUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk()
		l := start(t, d, ledger.Options{MaxQueue: 2})
		ctx, cancel := context.WithCancel(t.Context())
		rows := ledgertest.Rows(0, 1)
		during := appending(ctx, l, rows)
		<-d.entered
		queued := appending(ctx, l, ledgertest.Rows(1, 2))
		synctest.Wait()
		cancel()
		if err := <-during; !errors.Is(err, ledger.ErrUncertain) || !errors.Is(err, context.Canceled) {
			t.Errorf("during the write: %v, want ErrUncertain and the cause", err)
		}
		clear(rows[0].Record.Identifiers) // ours again
		rows[0] = rules.Disclosure{}
		if err := <-queued; errors.Is(err, ledger.ErrUncertain) || !errors.Is(err, context.Canceled) {
			t.Errorf("in the queue: %v, want only the cause", err)
		}
		if err := l.Append(ctx, ledgertest.Rows(1, 1)); !errors.Is(err, context.Canceled) {
			t.Errorf("before the queue: %v", err)
		}
		next := appending(t.Context(), l, ledgertest.Rows(5, 2)) // the room is free again
		synctest.Wait()
		d.release <- nil
		<-d.entered
		d.release <- nil
		if err := <-next; err != nil {
			t.Error(err)
		}
		want := append(ledgertest.Rows(0, 1), ledgertest.Rows(5, 2)...)
		if len(d.rows) != len(want) || d.rows[0].Record.Identifiers[1] != want[0].Record.Identifiers[1] || d.rows[1].Time != want[1].Time {
			t.Errorf("kept %+v, want %+v", d.rows, want)
		}
	})
}

// A failing disk fails the callers of that batch; when it works again, so does
// the ledger.
func TestStoreFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk()
		var failed []error
		lost := 0
		l := start(t, d, ledger.Options{Observe: ledger.Observer{
			Failed: func(err error) { failed = append(failed, err) }, Lost: func(n int) { lost += n },
		}})
		full := errors.New("disk is full")
		a := appending(t.Context(), l, ledgertest.Rows(0, 1))
		<-d.entered
		d.release <- full
		if err := <-a; !errors.Is(err, full) {
			t.Errorf("Append: %v, want the store's error", err)
		}
		d.mu.Lock()
		d.finishFails = full
		d.mu.Unlock()
		l.Finish(ledgertest.Exchange(0), rules.Delivered)
		synctest.Wait()
		if len(failed) != 2 || lost != 1 {
			t.Errorf("failures %v, %d outcomes lost: want two and one", failed, lost)
		}
		b := appending(t.Context(), l, ledgertest.Rows(1, 1))
		<-d.entered
		d.release <- nil
		if err := <-b; err != nil {
			t.Errorf("after the disk came back: %v", err)
		}
	})
}

func TestInvalidRowJoinsNoBatch(t *testing.T) {
	d := &disk{}
	l := start(t, d, ledger.Options{})
	for name, change := range map[string]func(*rules.Disclosure){
		"no time":          func(r *rules.Disclosure) { r.Time = time.Time{} },
		"a far time":       func(r *rules.Disclosure) { r.Time = time.Date(2262, 1, 1, 0, 0, 0, 0, time.UTC) },
		"no exchange":      func(r *rules.Disclosure) { r.Exchange = rules.ExchangeID{} },
		"a long route":     func(r *rules.Disclosure) { r.Route = string(make([]byte, rules.MaxRoute+1)) },
		"a long config":    func(r *rules.Disclosure) { r.Config = string(make([]byte, ledger.MaxConfig+1)) },
		"many identifiers": func(r *rules.Disclosure) { r.Record.Identifiers = make([]rules.Identifier, rules.MaxIdentifiers+1) },
		"a strange state":  func(r *rules.Disclosure) { r.State = 4 },
		"a strange owner":  func(r *rules.Disclosure) { r.Ownership = 3 },
		"a strange role":   func(r *rules.Disclosure) { r.Principal.Role = 6 },
		"a bad machine":    func(r *rules.Disclosure) { r.Principal.Machine = -1 },
		"no subject":       func(r *rules.Disclosure) { r.Record.Subject = rules.Identifier{} },
	} {
		rows := ledgertest.Rows(0, 2)
		change(&rows[1])
		if err := l.Append(t.Context(), rows); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	attempted := ledgertest.Rows(0, 1)
	attempted[0].State, attempted[0].Record = rules.Attempted, rules.Record{}
	if err := errors.Join(l.Append(t.Context(), attempted), l.Append(t.Context(), nil)); err != nil {
		t.Error(err)
	}
	if len(d.rows) != 1 {
		t.Errorf("%d rows kept, want 1", len(d.rows))
	}
}

// Close writes what waits; after it nothing is accepted; with no time left it
// gives up the disk, not the caller.
func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk()
		lost := 0
		l := ledger.New(d, ledger.Options{Observe: ledger.Observer{Lost: func(n int) { lost += n }}})
		a := appending(t.Context(), l, ledgertest.Rows(0, 1))
		<-d.entered
		b := appending(t.Context(), l, ledgertest.Rows(1, 1))
		l.Finish(ledgertest.Exchange(0), rules.Delivered)
		synctest.Wait()
		closed := make(chan error, 1)
		go func() { closed <- l.Close(context.Background()) }()
		synctest.Wait()
		if err := l.Append(t.Context(), ledgertest.Rows(2, 1)); !errors.Is(err, ledger.ErrClosed) {
			t.Errorf("Append while closing: %v, want ErrClosed", err)
		}
		l.Finish(ledgertest.Exchange(2), rules.Delivered)
		d.release <- nil
		<-d.entered
		d.release <- nil
		if err := errors.Join(<-a, <-b, <-closed, l.Close(context.Background())); err != nil {
			t.Error(err)
		}
		if len(d.rows) != 2 || len(d.outcomes) != 1 || lost != 1 {
			t.Errorf("%d rows, %d outcomes, %d lost: want 2, 1, 1", len(d.rows), len(d.outcomes), lost)
		}

		l = ledger.New(d, ledger.Options{})
		a = appending(t.Context(), l, ledgertest.Rows(0, 1))
		<-d.entered
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if err := l.Close(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("Close without time: %v", err)
		}
		if err := <-a; !errors.Is(err, context.Canceled) {
			t.Errorf("Append at that time: %v", err)
		}
	})
}

func TestLag(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk()
		var took, age time.Duration
		rows := 0
		l := start(t, d, ledger.Options{Observe: ledger.Observer{
			Appended: func(n int, d time.Duration) { rows, took = n, d }, Lag: func(d time.Duration) { age = d },
		}})
		if l.Lag() != 0 {
			t.Errorf("idle: lag %s", l.Lag())
		}
		a := appending(t.Context(), l, ledgertest.Rows(0, 1))
		<-d.entered
		<-time.After(time.Second) // synctest's clock
		b := appending(t.Context(), l, ledgertest.Rows(1, 2))
		synctest.Wait()
		<-time.After(time.Second)
		if l.Lag() != 2*time.Second {
			t.Errorf("lag %s while the first row is 2 s old", l.Lag())
		}
		d.release <- nil
		<-d.entered
		if l.Lag() != time.Second {
			t.Errorf("lag %s while the second row is 1 s old", l.Lag())
		}
		<-time.After(time.Second)
		d.release <- nil
		if err := errors.Join(<-a, <-b); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if rows != 2 || took != time.Second || age != 2*time.Second || l.Lag() != 0 {
			t.Errorf("rows %d, took %s, age %s, lag %s: want 2, 1s, 2s, 0s", rows, took, age, l.Lag())
		}
	})
}

// Many callers at a time, under the race detector, lose nothing.
func TestManyCallers(t *testing.T) {
	d := &disk{}
	l := ledger.New(d, ledger.Options{MaxBatch: 64})
	var callers sync.WaitGroup
	for c := range 50 {
		callers.Go(func() {
			for i := range 40 {
				rows := ledgertest.Rows((c*40+i)*2, 2)
				if err := l.Append(context.Background(), rows); err != nil {
					t.Error(err)
				}
				l.Finish(rows[0].Exchange, rules.Delivered)
				clear(rows)
			}
		})
	}
	callers.Wait()
	if err := l.Close(context.Background()); err != nil {
		t.Error(err)
	}
	if len(d.rows) != 4000 || len(d.outcomes) != 2000 || len(d.batches) > 2000 {
		t.Errorf("%d rows, %d outcomes in %d batches", len(d.rows), len(d.outcomes), len(d.batches))
	}
	for i, row := range d.rows {
		if ledger.Validate(&row) != nil {
			t.Fatalf("row %d was changed by its caller", i)
		}
	}
}

// stages is a store of two places: the second has a batch once the test says so.
type stages struct {
	*disk
	settled chan struct{}
}

func (s *stages) Stage(ctx context.Context, rows []rules.Disclosure) (func(), error) {
	if err := s.Append(ctx, rows); err != nil {
		return nil, err
	}
	return func() { <-s.settled }, nil
}

// A store of two places gets the next batch while the last one is on its way to
// the second; nobody is answered before his batch is there, a refused batch says
// so in its turn, and outcomes do not wait.
func TestStager(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &stages{newDisk(), make(chan struct{})}
		var ages []time.Duration
		l := ledger.New(d, ledger.Options{Observe: ledger.Observer{Lag: func(age time.Duration) { ages = append(ages, age) }}})
		a := appending(t.Context(), l, ledgertest.Rows(0, 1))
		<-d.entered
		d.release <- nil
		l.Finish(ledgertest.Exchange(0), rules.Delivered)
		<-time.After(time.Second) // synctest's clock
		b := appending(t.Context(), l, ledgertest.Rows(10, 2))
		<-d.entered
		refusal := errors.New("full")
		d.release <- refusal
		c := appending(t.Context(), l, ledgertest.Rows(20, 3))
		<-d.entered
		d.release <- nil
		<-time.After(time.Second)
		synctest.Wait()
		if len(d.rows) != 4 || len(d.outcomes) != 1 || len(a)+len(b)+len(c) != 0 || l.Lag() != 2*time.Second {
			t.Errorf("before the second place has any: %d rows, %d outcomes, %d answers, lag %s", len(d.rows), len(d.outcomes), len(a)+len(b)+len(c), l.Lag())
		}
		d.settled <- struct{}{}
		synctest.Wait()
		if err := <-a; err != nil || len(b) != 1 || len(c) != 0 || l.Lag() != time.Second {
			t.Errorf("with the first batch there: %v, %d and %d more answers, lag %s", err, len(b), len(c), l.Lag())
		}
		if err := <-b; !errors.Is(err, refusal) {
			t.Errorf("the refused batch: %v", err)
		}
		go func() { d.settled <- struct{}{} }()
		if err := errors.Join(l.Close(context.Background()), <-c); err != nil {
			t.Error(err)
		}
		if len(ages) != 3 || l.Lag() != 0 {
			t.Errorf("%d batches were told, lag %s", len(ages), l.Lag())
		}
	})
}
