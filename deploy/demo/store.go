package demo

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// maxNew bounds the orders, and the registrations, that a running shop takes
// beyond the generated ones; the next is refused with 503.
const maxNew = 50_000

var (
	errTaken = errors.New("this e-mail address has an account already")
	errFull  = errors.New("the sample shop takes no more of these: start it anew")
)

// store holds the shop's customers and orders. It is safe for concurrent use.
type store struct {
	mu        sync.RWMutex
	customers []Customer // Orders unset: see orders and owned
	byID      map[string]int
	byEmail   map[string]int
	passwords map[string][sha256.Size]byte // by customer id; a sample needs no slow hash
	orders    []Order                      // index is Number - FirstOrderNumber
	owned     map[string][]int             // order indexes by customer id
	generated [2]int                       // customers and orders at the start
}

// newStore copies the customers. It fails when their order numbers are not
// sequential from FirstOrderNumber, or when an id or e-mail address repeats.
func newStore(customers []Customer) (*store, error) {
	s := &store{
		byID: map[string]int{}, byEmail: map[string]int{},
		passwords: map[string][sha256.Size]byte{}, owned: map[string][]int{},
	}
	for _, c := range customers {
		s.orders = append(s.orders, c.Orders...)
		if err := s.admit(c, c.Password()); err != nil {
			return nil, fmt.Errorf("customer %s: %w", c.ID, err)
		}
	}
	slices.SortFunc(s.orders, func(a, b Order) int { return a.Number - b.Number })
	for i, o := range s.orders {
		if o.Number != FirstOrderNumber+i {
			return nil, fmt.Errorf("order number %d: want %d, numbers must be sequential", o.Number, FirstOrderNumber+i)
		}
		s.owned[o.CustomerID] = append(s.owned[o.CustomerID], i)
	}
	s.generated = [2]int{len(s.customers), len(s.orders)}
	return s, nil
}

// admit adds a customer; the caller holds the lock, or is alone.
func (s *store) admit(c Customer, password string) error {
	if _, taken := s.byEmail[c.Email]; taken {
		return errTaken
	}
	if _, taken := s.byID[c.ID]; taken {
		return fmt.Errorf("id %s is taken", c.ID)
	}
	c.Orders = nil
	s.byEmail[c.Email], s.byID[c.ID] = len(s.customers), len(s.customers)
	s.customers = append(s.customers, c)
	s.passwords[c.ID] = sha256.Sum256([]byte(password))
	return nil
}

// register adds a customer under the next id.
func (s *store) register(c Customer, password string) (Customer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.customers) >= s.generated[0]+maxNew {
		return Customer{}, errFull
	}
	c.ID = fmt.Sprintf("C-%d", 200001+len(s.customers))
	return c, s.admit(c, password)
}

// place adds an order under the next number.
func (s *store) place(o Order) (Order, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.orders) >= s.generated[1]+maxNew {
		return Order{}, errFull
	}
	o.Number = FirstOrderNumber + len(s.orders)
	if o.CustomerID != "" {
		s.owned[o.CustomerID] = append(s.owned[o.CustomerID], len(s.orders))
	}
	s.orders = append(s.orders, o)
	return o, nil
}

// login returns the customer with that e-mail address and password.
func (s *store) login(email, password string) (Customer, bool) {
	given := sha256.Sum256([]byte(password))
	s.mu.RLock()
	defer s.mu.RUnlock()
	at, ok := s.byEmail[strings.ToLower(strings.TrimSpace(email))]
	if !ok {
		return Customer{}, false
	}
	c := s.customers[at]
	want := s.passwords[c.ID]
	return c, subtle.ConstantTimeCompare(given[:], want[:]) == 1
}

// customer returns the customer with that id.
func (s *store) customer(id string) (Customer, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	at, ok := s.byID[id]
	if !ok {
		return Customer{}, false
	}
	return s.customers[at], true
}

// order returns the order with that number.
func (s *store) order(number int) (Order, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	at := number - FirstOrderNumber
	if at < 0 || at >= len(s.orders) {
		return Order{}, false
	}
	return s.orders[at], true
}

// ordersOf returns a customer's orders, oldest first.
func (s *store) ordersOf(id string) []Order {
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := make([]Order, 0, len(s.owned[id]))
	for _, at := range s.owned[id] {
		out = append(out, s.orders[at])
	}
	return out
}

// customerPage returns at most size customers whose name contains the words,
// from the page on (the first is 1), and how many there are in all.
func (s *store) customerPage(words string, page, size int) ([]Customer, int) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if words == "" {
		return slices.Clone(window(s.customers, page, size)), len(s.customers)
	}
	words = strings.ToLower(words)
	var found []Customer
	for _, c := range s.customers {
		if strings.Contains(strings.ToLower(c.Name()), words) {
			found = append(found, c)
		}
	}
	return window(found, page, size), len(found)
}

// orderPage returns at most size orders, the newest first, and how many there are.
func (s *store) orderPage(page, size int) ([]Order, int) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	total := len(s.orders)
	end := max(0, min(total, total-(page-1)*size))
	out := slices.Clone(s.orders[max(0, end-size):end])
	slices.Reverse(out)
	return out, total
}

// window cuts one page out of all; page counts from 1.
func window[T any](all []T, page, size int) []T {
	from := min(len(all), (page-1)*size)
	return all[from:min(len(all), from+size)]
}

// byAddress returns the customer with that e-mail address.
func (s *store) byAddress(email string) (Customer, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	at, ok := s.byEmail[strings.ToLower(strings.TrimSpace(email))]
	if !ok {
		return Customer{}, false
	}
	return s.customers[at], true
}

// matching returns the orders that a condition holds for, oldest first.
func (s *store) matching(holds func(Order) bool) []Order {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var found []Order
	for _, o := range s.orders {
		if holds(o) {
			found = append(found, o)
		}
	}
	return found
}
