package demo

import (
	"context"
	"maps"
	"slices"
	"time"
)

// Bounds end an attack that nothing else ends.
type Bounds struct {
	Requests int           // at most this many; 0 means 500, the most is 1,000,000
	Time     time.Duration // at most this long; 0 means 30 s
	Refusals int           // give up after so many refusals in a row; 0 means 20
}

// withDefaults fills in what is zero.
func (b Bounds) withDefaults() Bounds {
	if b.Requests <= 0 {
		b.Requests = 500
	}
	b.Requests = min(b.Requests, 1_000_000)
	if b.Time <= 0 {
		b.Time = 30 * time.Second
	}
	if b.Refusals <= 0 {
		b.Refusals = 20
	}
	return b
}

// Mark is what became of one request of an attack.
type Mark byte

// The marks. A bar of them is an attack's timeline.
const (
	MarkServed  Mark = '#' // answered in full
	MarkNothing Mark = '.' // the shop itself had nothing: 401, 404, 500
	MarkRefused Mark = 'x' // a gateway refused: 403 or 429
	MarkCut     Mark = '/' // the answer broke off
)

// Outcome is what an attack did and got.
type Outcome struct {
	Requests int         // after the login, if there was one
	Refused  int         // requests refused or cut
	Statuses map[int]int // how often each status came; 0 is "cut before a status"
	Trace    []Mark      // one mark a request
	Elapsed  time.Duration
	// Received are the e-mail addresses of other people's accounts and orders
	// in the bytes that the attacker received, cut answers included.
	Received map[string]struct{}
	// Own is the e-mail address of the account that the attacker logged in
	// with; it is not in Received.
	Own string
}

// Count returns how many requests have a mark.
func (o Outcome) Count(mark Mark) int {
	n := 0
	for _, m := range o.Trace {
		if m == mark {
			n++
		}
	}
	return n
}

// Emails returns Received in order.
func (o Outcome) Emails() []string { return slices.Sorted(maps.Keys(o.Received)) }

// Attack is one way to take customers from a shop. Run fails only when the
// shop cannot be reached, the context is over, or a login that belongs to the
// attack does not work; being refused is an outcome, and comes without error.
type Attack interface {
	// Name is one or two words for tables.
	Name() string
	// Run attacks the target once, within its bounds.
	Run(ctx context.Context, target Target) (Outcome, error)
}

// raid keeps an attack's books.
type raid struct {
	client  *client
	bounds  Bounds
	out     Outcome
	started time.Time
	inRow   int // refusals in a row
}

func newRaid(target Target, bounds Bounds, cookies bool) *raid {
	return &raid{
		client: newClient(target, cookies), bounds: bounds.withDefaults(),
		out: Outcome{Statuses: map[int]int{}}, started: time.Now(),
	}
}

// more reports whether the attacker goes on.
func (r *raid) more() bool {
	return r.out.Requests < r.bounds.Requests && r.inRow < r.bounds.Refusals && time.Since(r.started) < r.bounds.Time
}

// try sends one request of the attack and writes it down.
func (r *raid) try(ctx context.Context, what call) (reply, error) {
	got, err := r.client.do(ctx, what)
	if err != nil {
		return got, err
	}
	r.out.Requests++
	r.out.Statuses[got.status]++
	mark := MarkNothing
	switch {
	case got.cut:
		mark = MarkCut
	case got.refused():
		mark = MarkRefused
	case got.served():
		mark = MarkServed
	}
	r.out.Trace = append(r.out.Trace, mark)
	r.inRow++
	if !got.refused() {
		r.inRow = 0
	} else {
		r.out.Refused++
	}
	return got, nil
}

// finish closes the books.
func (r *raid) finish() Outcome {
	r.client.close()
	r.out.Elapsed = time.Since(r.started)
	r.out.Received = maps.Clone(r.client.received)
	delete(r.out.Received, r.out.Own)
	return r.out
}
