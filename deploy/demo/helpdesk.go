package demo

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
)

// Staff is an honest member of staff with a browser. Not safe for concurrent
// use. Close it.
type Staff struct {
	// Received are the e-mail addresses of customers in all bytes received.
	Received map[string]struct{}

	login, password string
	client          *client
}

// NewStaff returns a member of staff, such as [StaffMia], with an empty
// cookie jar.
func NewStaff(target Target, login, password string) *Staff {
	c := newClient(target, true)
	return &Staff{Received: c.received, login: login, password: password, client: c}
}

// Close gives up the connections.
func (s *Staff) Close() { s.client.close() }

// LoginAndWork does a short turn at the help line: log in, glance at the
// newest orders (20), and for each caller search the name and open the record.
// One ticket shows one to five customers; published figures are 40 to 120
// tickets per agent and day.
func (s *Staff) LoginAndWork(ctx context.Context, callers []Customer) error {
	if _, err := s.client.want(ctx, http.StatusOK, get("/staff/login")); err != nil {
		return fmt.Errorf("opening the staff's login: %w", err)
	}
	form := url.Values{"email": {s.login}, "password": {s.password}}
	if _, err := s.client.want(ctx, http.StatusOK, postForm("/staff/login", form)); err != nil {
		return fmt.Errorf("logging in as staff: %w", err)
	}
	if _, err := s.client.want(ctx, http.StatusOK, get("/staff/orders")); err != nil {
		return fmt.Errorf("looking at the newest orders: %w", err)
	}
	for i, c := range callers {
		search := get("/staff/customers?" + url.Values{"q": {c.Name()}, "size": {"5"}}.Encode())
		if _, err := s.client.want(ctx, http.StatusOK, search); err != nil {
			return fmt.Errorf("searching the caller of ticket %d: %w", i+1, err)
		}
		if _, err := s.client.want(ctx, http.StatusOK, get("/staff/customers/"+c.ID)); err != nil {
			return fmt.Errorf("opening the record of ticket %d: %w", i+1, err)
		}
		if _, seen := s.Received[c.Email]; !seen {
			return fmt.Errorf("ticket %d: the caller's record holds no e-mail address", i+1)
		}
	}
	return nil
}
