package demo

import (
	"errors"
	"net/http"
	"net/mail"
	"strconv"
	"strings"
	"time"
)

// apiProducts is GET /api/products.
func (s *Shop) apiProducts(w http.ResponseWriter, r *http.Request) {
	sendJSON(w, r, http.StatusOK, map[string]any{"products": shelve(s.products, r.URL.Query().Get("category")).JSON})
}

// apiSearch is POST /api/search with {"q"}: the search of the shop's app.
func (s *Shop) apiSearch(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Q string `json:"q"`
	}
	if !readJSON(w, r, &in) {
		return
	}
	hits, err := s.search.find(r.Context(), in.Q)
	if err != nil {
		failJSON(w, r, http.StatusInternalServerError, "the search failed")
		return
	}
	sendJSON(w, r, http.StatusOK, map[string]any{"q": in.Q, "results": hits})
}

// tokenJSON is the answer to a login or a registration.
type tokenJSON struct {
	Token    string       `json:"token"`
	Customer customerJSON `json:"customer"`
}

// apiLogin is POST /api/login with {"email","password"}.
func (s *Shop) apiLogin(w http.ResponseWriter, r *http.Request) {
	var in struct{ Email, Password string }
	if !readJSON(w, r, &in) {
		return
	}
	c, ok := s.store.login(in.Email, in.Password)
	if !ok {
		failJSON(w, r, http.StatusUnauthorized, "the e-mail address or the password is wrong")
		return
	}
	sendJSON(w, r, http.StatusOK, tokenJSON{s.sessions.issue(session{customer: c.ID}), c.wire()})
}

// contactForm is what a registration and a guest checkout have in common.
type contactForm struct {
	Email    string `json:"email"`
	Name     string `json:"name"`
	Phone    string `json:"phone"`
	Street   string `json:"street"`
	City     string `json:"city"`
	Postcode string `json:"postcode"`
	Country  string `json:"country"`
}

// maxText bounds every text that somebody types in, in bytes.
const maxText = 200

// valid checks and tidies the form.
func (f *contactForm) valid() bool {
	for _, text := range []*string{&f.Email, &f.Name, &f.Phone, &f.Street, &f.City, &f.Postcode, &f.Country} {
		*text = strings.TrimSpace(*text)
		if len(*text) > maxText {
			return false
		}
	}
	f.Email = strings.ToLower(f.Email)
	parsed, err := mail.ParseAddress(f.Email)
	return err == nil && parsed.Address == f.Email && f.Name != "" && f.Street != "" && f.City != ""
}

func (f *contactForm) address() Address {
	return Address{Name: f.Name, Street: f.Street, City: f.City, Postcode: f.Postcode, Country: f.Country}
}

// apiRegister is POST /api/register: 201 with a token, 409 for a taken address.
func (s *Shop) apiRegister(w http.ResponseWriter, r *http.Request) {
	var in struct {
		contactForm
		Password string `json:"password"`
	}
	if !readJSON(w, r, &in) {
		return
	}
	if !in.valid() || len(in.Password) < 8 || len(in.Password) > maxText {
		failJSON(w, r, http.StatusBadRequest, "e-mail address, name, street, city and a password of 8 characters are needed")
		return
	}
	c, err := s.store.register(Customer{Email: in.Email, Phone: in.Phone, Address: in.address()}, in.Password)
	switch {
	case errors.Is(err, errTaken):
		failJSON(w, r, http.StatusConflict, err.Error())
	case err != nil:
		failJSON(w, r, http.StatusServiceUnavailable, err.Error())
	default:
		token := s.sessions.issue(session{customer: c.ID})
		s.sessions.rotate(w, r, session{customer: c.ID})
		sendJSON(w, r, http.StatusCreated, tokenJSON{token, c.wire()})
	}
}

// caller returns the logged-in customer of an API call; without one it has
// answered 401.
func (s *Shop) caller(w http.ResponseWriter, r *http.Request) (Customer, bool) {
	state, _ := s.sessions.carried(r, shopperCookie)
	c, ok := s.store.customer(state.customer)
	if !ok {
		failJSON(w, r, http.StatusUnauthorized, "log in first")
	}
	return c, ok
}

// apiMe is GET /api/me.
func (s *Shop) apiMe(w http.ResponseWriter, r *http.Request) {
	if c, ok := s.caller(w, r); ok {
		sendJSON(w, r, http.StatusOK, c.wire())
	}
}

// apiOrders is GET /api/orders: the caller's own.
func (s *Shop) apiOrders(w http.ResponseWriter, r *http.Request) {
	c, ok := s.caller(w, r)
	if !ok {
		return
	}
	orders := []orderJSON{}
	for _, o := range s.store.ordersOf(c.ID) {
		orders = append(orders, o.wire())
	}
	sendJSON(w, r, http.StatusOK, map[string]any{"orders": orders})
}

// apiOrder is GET /api/orders/{number}. It asks for a login and forgets to
// ask whose order it is: the authorisation hole of the demo.
func (s *Shop) apiOrder(w http.ResponseWriter, r *http.Request) {
	if _, ok := s.caller(w, r); !ok {
		return
	}
	n, _ := strconv.Atoi(r.PathValue("number"))
	o, found := s.store.order(n)
	if !found {
		failJSON(w, r, http.StatusNotFound, "no such order")
		return
	}
	sendJSON(w, r, http.StatusOK, o.wire())
}

// apiCheckout is POST /api/checkout: 201 with the order, for a guest or for
// the logged-in customer.
func (s *Shop) apiCheckout(w http.ResponseWriter, r *http.Request) {
	var in struct {
		contactForm
		SKU      string `json:"sku"`
		Quantity int    `json:"quantity"`
	}
	if !readJSON(w, r, &in) {
		return
	}
	p, ok := s.product(in.SKU)
	if in.Quantity == 0 {
		in.Quantity = 1
	}
	if !ok || !in.valid() || in.Quantity < 1 || in.Quantity > 99 {
		failJSON(w, r, http.StatusBadRequest, "e-mail address, name, street, city, a known sku and a quantity of 1 to 99 are needed")
		return
	}
	state, _ := s.sessions.carried(r, shopperCookie)
	o, err := s.store.place(Order{
		CustomerID: state.customer, Email: in.Email, Phone: in.Phone, Billing: in.address(), Delivery: in.address(),
		Placed: s.clock().UTC().Truncate(time.Second), Status: "received",
		Lines: []Line{{SKU: p.SKU, Name: p.Name, Quantity: in.Quantity, UnitCents: p.Cents}},
	})
	if err != nil {
		failJSON(w, r, http.StatusServiceUnavailable, err.Error())
		return
	}
	sendJSON(w, r, http.StatusCreated, o.wire())
}
