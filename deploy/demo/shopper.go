package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Shopper is an honest customer with a browser: cookies, and nobody else's
// data. Not safe for concurrent use. Close it.
type Shopper struct {
	// Customer is who the shopper is; it needs an account for the login, and
	// an order for tracking.
	Customer Customer
	// Received are the e-mail addresses of customers in all bytes received.
	Received map[string]struct{}

	client *client
}

// NewShopper returns a shopper with an empty cookie jar.
func NewShopper(target Target, customer Customer) *Shopper {
	c := newClient(target, true)
	return &Shopper{Customer: customer, Received: c.received, client: c}
}

// Close gives up the shopper's connections.
func (s *Shopper) Close() { s.client.close() }

// open gets pages that must be there.
func (s *Shopper) open(ctx context.Context, paths ...string) error {
	for _, path := range paths {
		if _, err := s.client.want(ctx, http.StatusOK, get(path)); err != nil {
			return err
		}
	}
	return nil
}

// Browse looks around: the home page, a department, an article, a search.
func (s *Shopper) Browse(ctx context.Context) error {
	err := s.open(ctx, "/", "/assets/shop.css", "/assets/shop.js", "/products?category=Garden",
		"/product/GAR-101", "/assets/img/gar-101.png", "/search?q=lamp", "/api/products")
	if err != nil {
		return fmt.Errorf("browsing: %w", err)
	}
	return s.onlyOwn()
}

// LoginAndLookAtOwnOrders logs in with the form, and reads the account and
// every own order, as pages and as JSON.
func (s *Shopper) LoginAndLookAtOwnOrders(ctx context.Context) error {
	if err := s.open(ctx, "/login"); err != nil {
		return fmt.Errorf("opening the login: %w", err)
	}
	form := url.Values{"email": {s.Customer.Email}, "password": {s.Customer.Password()}}
	if _, err := s.client.want(ctx, http.StatusOK, postForm("/login", form)); err != nil {
		return fmt.Errorf("logging in: %w", err)
	}
	paths := []string{"/account", "/account/orders", "/api/me", "/api/orders"}
	for _, o := range s.Customer.Orders {
		paths = append(paths, "/orders/"+o.NumberText(), "/api/orders/"+o.NumberText())
	}
	if err := s.open(ctx, paths...); err != nil {
		return fmt.Errorf("looking at own orders: %w", err)
	}
	if _, seen := s.Received[s.Customer.Email]; !seen {
		return errors.New("looking at own orders: the own e-mail address is nowhere in them")
	}
	return s.onlyOwn()
}

// LoginWithApp logs in as the shop's app does, with a bearer token, and reads
// the own orders.
func (s *Shopper) LoginWithApp(ctx context.Context) error {
	token, err := s.client.appLogin(ctx, s.Customer)
	if err != nil {
		return err
	}
	s.client.token = token
	defer func() { s.client.token = "" }()
	if err := s.open(ctx, "/api/me", "/api/orders"); err != nil {
		return fmt.Errorf("reading own orders in the app: %w", err)
	}
	return s.onlyOwn()
}

// appLogin returns a customer's bearer token.
func (c *client) appLogin(ctx context.Context, who Customer) (string, error) {
	body, err := json.Marshal(map[string]string{"email": who.Email, "password": who.Password()})
	if err != nil {
		return "", fmt.Errorf("writing the app's login: %w", err)
	}
	got, err := c.want(ctx, http.StatusOK, postJSON("/api/login", string(body)))
	if err != nil {
		return "", fmt.Errorf("logging in with the app: %w", err)
	}
	return tokenIn(got.body)
}

// tokenIn reads the token of a login's answer.
func tokenIn(body []byte) (string, error) {
	var out struct {
		Token string `json:"token"`
	}
	if err := json.Unmarshal(body, &out); err != nil || out.Token == "" {
		return "", errors.New("the login's answer holds no token")
	}
	return out.Token, nil
}

// GuestCheckout buys one article under the shopper's own name and address and
// returns the number of the new order.
func (s *Shopper) GuestCheckout(ctx context.Context) (string, error) {
	if err := s.open(ctx, "/product/DSK-101"); err != nil {
		return "", fmt.Errorf("choosing an article: %w", err)
	}
	a := s.Customer.Address
	body, err := json.Marshal(contactForm{s.Customer.Email, a.Name, s.Customer.Phone, a.Street, a.City, a.Postcode, a.Country})
	if err != nil {
		return "", fmt.Errorf("writing the checkout: %w", err)
	}
	order := strings.TrimSuffix(string(body), "}") + `,"sku":"DSK-101","quantity":1}`
	got, err := s.client.want(ctx, http.StatusCreated, postJSON("/api/checkout", order))
	if err != nil {
		return "", fmt.Errorf("checking out as a guest: %w", err)
	}
	var placed struct {
		Number string `json:"number"`
	}
	if err := json.Unmarshal(got.body, &placed); err != nil || placed.Number == "" {
		return "", errors.New("checking out as a guest: the answer holds no order number")
	}
	return placed.Number, s.onlyOwn()
}

// TrackOwnOrder looks an order of the shopper up by number and e-mail address.
func (s *Shopper) TrackOwnOrder(ctx context.Context, order string) error {
	if err := s.open(ctx, "/track"); err != nil {
		return fmt.Errorf("opening the order lookup: %w", err)
	}
	got, err := s.client.want(ctx, http.StatusOK, trackCall(order, s.Customer.Email))
	if err != nil {
		return fmt.Errorf("looking up an own order: %w", err)
	}
	if !strings.Contains(string(got.body), "Order "+order) {
		return fmt.Errorf("looking up an own order: the page does not show order %s", order)
	}
	return s.onlyOwn()
}

func trackCall(order, email string) call {
	return postForm("/track", url.Values{"order_number": {order}, "email": {email}})
}

// onlyOwn fails when the shopper was shown anybody else's data.
func (s *Shopper) onlyOwn() error {
	others := len(s.Received)
	if _, own := s.Received[s.Customer.Email]; own {
		others--
	}
	if others > 0 {
		return fmt.Errorf("the shopper was shown %d other customers", others)
	}
	return nil
}
