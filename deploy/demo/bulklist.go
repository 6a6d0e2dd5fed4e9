package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
)

// StaffBulkList steals a staff token and lists the customers with it from
// another client: pages of 500, and smaller ones when those are refused.
type StaffBulkList struct {
	Login, Password string // the member of staff whose token was stolen
	Bounds          Bounds
}

// Name returns "staff token".
func (StaffBulkList) Name() string { return "staff token" }

// Run lists. It fails when the login, which gives it the token, does not work.
func (a StaffBulkList) Run(ctx context.Context, target Target) (Outcome, error) {
	r := newRaid(target, a.Bounds, false)
	token, err := a.steal(ctx, target)
	if err != nil {
		return r.finish(), err
	}
	r.client.token = token
	sizes := []int{500, 100, 25, 10, 1}
	for next := 0; r.more(); {
		page := next/sizes[0] + 1
		got, err := r.try(ctx, get(fmt.Sprintf("/staff/customers?page=%d&size=%d", page, sizes[0])))
		if err != nil {
			return r.finish(), fmt.Errorf("listing customers: %w", err)
		}
		switch {
		case got.served() && listed(got.body) == 0:
			return r.finish(), nil
		case got.served():
			next = page * sizes[0]
		case !got.refused():
			return r.finish(), fmt.Errorf("listing customers: answered %d, want 200 or a refusal", got.status)
		case len(sizes) > 1:
			sizes = sizes[1:]
		default:
			next++ // perhaps the next one is let through.
		}
	}
	return r.finish(), nil
}

// steal logs in as the member of staff, in that person's own browser, and
// takes the token from it.
func (a StaffBulkList) steal(ctx context.Context, target Target) (string, error) {
	desk := newClient(Target{URL: target.URL}, true)
	defer desk.close()
	if _, err := desk.want(ctx, http.StatusOK, get("/staff/login")); err != nil {
		return "", fmt.Errorf("opening the staff's login: %w", err)
	}
	form := url.Values{"email": {a.Login}, "password": {a.Password}}
	got, err := desk.want(ctx, http.StatusOK, postForm("/staff/login", form))
	if err != nil {
		return "", fmt.Errorf("logging in for the staff token: %w", err)
	}
	return tokenIn(got.body)
}

// listed counts the customers of a page.
func listed(body []byte) int {
	var page struct {
		Customers []json.RawMessage `json:"customers"`
	}
	if json.Unmarshal(body, &page) != nil {
		return 0
	}
	return len(page.Customers)
}
