package demo

import (
	"context"
	"fmt"
	"strconv"
)

// GuestWalk has no account and keeps no cookies. It has e-mail addresses from
// somewhere else and tries each with one order number after the other, until
// the order lookup shows the order.
type GuestWalk struct {
	Emails []string
	First  int // first order number; 0 means FirstOrderNumber
	Last   int // last order number; 0 means First+99
	Bounds Bounds
}

// Name returns "guest guessing".
func (GuestWalk) Name() string { return "guest guessing" }

// Run guesses.
func (a GuestWalk) Run(ctx context.Context, target Target) (Outcome, error) {
	r := newRaid(target, a.Bounds, false)
	if a.First == 0 {
		a.First = FirstOrderNumber
	}
	if a.Last == 0 {
		a.Last = a.First + 99
	}
	for number := a.First; number <= a.Last; number++ {
		for _, email := range a.Emails {
			if !r.more() {
				return r.finish(), nil
			}
			got, err := r.try(ctx, trackCall(strconv.Itoa(number), email))
			if err != nil {
				return r.finish(), fmt.Errorf("guessing orders: %w", err)
			}
			if got.served() {
				break // this order has been found.
			}
		}
	}
	return r.finish(), nil
}
