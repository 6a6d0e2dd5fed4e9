package demo

import (
	"net/http"
	"strconv"
)

// loginPage is GET /login.
func (s *Shop) loginPage(w http.ResponseWriter, r *http.Request) {
	s.show(w, r, s.pages.login, view{Title: "Log in"})
}

// login is POST /login: 303 to the account, or the form again with 401.
func (s *Shop) login(w http.ResponseWriter, r *http.Request) {
	if !readForm(w, r) {
		return
	}
	c, ok := s.store.login(r.PostFormValue("email"), r.PostFormValue("password"))
	if !ok {
		s.showAs(w, r, http.StatusUnauthorized, s.pages.login, view{Title: "Log in", Data: "The e-mail address or the password is wrong."})
		return
	}
	s.sessions.rotate(w, r, session{customer: c.ID})
	http.Redirect(w, r, "/account", http.StatusSeeOther)
}

// logout is POST /logout.
func (s *Shop) logout(w http.ResponseWriter, r *http.Request) {
	s.sessions.rotate(w, r, session{})
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// owner returns the logged-in customer; without one it has sent the visitor
// to the login.
func (s *Shop) owner(w http.ResponseWriter, r *http.Request) (Customer, bool) {
	state, _ := s.sessions.carried(r, shopperCookie)
	c, ok := s.store.customer(state.customer)
	if !ok {
		http.Redirect(w, r, "/login", http.StatusSeeOther)
	}
	return c, ok
}

// accountView is what the account page shows.
type accountView struct {
	Customer Customer
	Orders   []Order
	State    customerJSON
}

// account is GET /account: the customer's own data.
func (s *Shop) account(w http.ResponseWriter, r *http.Request) {
	c, ok := s.owner(w, r)
	if !ok {
		return
	}
	s.show(w, r, s.pages.account, view{Title: "Your account", Data: accountView{c, s.store.ordersOf(c.ID), c.wire()}})
}

// accountOrders is GET /account/orders: the customer's own orders.
func (s *Shop) accountOrders(w http.ResponseWriter, r *http.Request) {
	c, ok := s.owner(w, r)
	if !ok {
		return
	}
	s.show(w, r, s.pages.orders, view{Title: "Your orders", Data: s.store.ordersOf(c.ID)})
}

// orderPage is GET /orders/{number}: only for the order's own customer.
func (s *Shop) orderPage(w http.ResponseWriter, r *http.Request) {
	c, ok := s.owner(w, r)
	if !ok {
		return
	}
	n, _ := strconv.Atoi(r.PathValue("number"))
	o, found := s.store.order(n)
	if !found || o.CustomerID != c.ID {
		s.notFound(w, r)
		return
	}
	s.show(w, r, s.pages.order, view{Title: "Order " + o.NumberText(), Data: o})
}
