package demo

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"
)

// TrafficResult is what became of the shoppers in the background.
type TrafficResult struct {
	Visits  int      // visits that ended as they should
	Refused int      // visits in which a gateway refused something: collateral
	Failed  int      // visits that went wrong otherwise
	Faults  []string // the first few refusals and failures, without personal values
}

// maxFaults bounds TrafficResult.Faults.
const maxFaults = 10

// traffic is a few shoppers who come and go until they are stopped.
type traffic struct {
	url    string
	people []Customer
	stop   chan struct{}
	busy   sync.WaitGroup
	first  chan struct{} // closed when every shopper has made a visit

	mu     sync.Mutex
	next   int
	result TrafficResult
}

// startTraffic sends so many shoppers to the URL, one new person a visit.
func startTraffic(ctx context.Context, url string, people []Customer, shoppers int) *traffic {
	t := &traffic{url: url, people: people, stop: make(chan struct{}), first: make(chan struct{})}
	var began sync.WaitGroup
	began.Add(shoppers)
	for i := range shoppers {
		t.busy.Go(func() { t.shop(ctx, i, began.Done) })
	}
	t.busy.Go(func() {
		began.Wait()
		close(t.first)
	})
	return t
}

// shop makes one visit after the other, with a short rest between them.
func (t *traffic) shop(ctx context.Context, shopper int, began func()) {
	rest := time.NewTicker(time.Duration(60+20*shopper) * time.Millisecond)
	defer rest.Stop()
	for visit := 0; ; visit++ {
		from := netip.AddrFrom4([4]byte{127, byte(20 + shopper), byte(visit / 250), byte(1 + visit%250)}) // #nosec G115 -- wraps, as it may.
		t.note(t.visit(ctx, Target{URL: t.url, From: from}, visit))
		if visit == 0 {
			began()
		}
		select {
		case <-rest.C:
		case <-t.stop:
			return
		case <-ctx.Done():
			return
		}
	}
}

// visit is one person: looking around, and then one of three errands.
func (t *traffic) visit(ctx context.Context, target Target, visit int) error {
	t.mu.Lock()
	who := t.people[t.next%len(t.people)]
	t.next++
	t.mu.Unlock()
	s := NewShopper(target, who)
	defer s.Close()
	if err := s.Browse(ctx); err != nil {
		return err
	}
	switch visit % 3 {
	case 0:
		return s.LoginAndLookAtOwnOrders(ctx)
	case 1:
		number, err := s.GuestCheckout(ctx)
		if err != nil {
			return err
		}
		return s.TrackOwnOrder(ctx, number)
	default:
		return s.LoginWithApp(ctx)
	}
}

// note writes down how a visit ended. A visit that the end of the story
// interrupted is neither.
func (t *traffic) note(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var refused *RefusedError
	switch {
	case err == nil:
		t.result.Visits++
		return
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return
	case errors.As(err, &refused):
		t.result.Refused++
	default:
		t.result.Failed++
	}
	if len(t.result.Faults) < maxFaults {
		t.result.Faults = append(t.result.Faults, err.Error())
	}
}

// warm waits until every shopper has made a visit.
func (t *traffic) warm(ctx context.Context) error {
	select {
	case <-t.first:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("waiting for the first shoppers: %w", ctx.Err())
	}
}

// end lets the visits under way finish and returns the books. It may be
// called again.
func (t *traffic) end() TrafficResult {
	select {
	case <-t.stop:
	default:
		close(t.stop)
	}
	t.busy.Wait()
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.result
}
