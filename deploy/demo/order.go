package demo

import (
	"fmt"
	"strconv"
	"time"
)

// FirstOrderNumber is the number of the oldest order; later ones follow
// without gaps, as in the shops that such walks were done in.
const FirstOrderNumber = 100001

// Order is one order: what was bought, by whom, and where it goes. An order
// keeps its own copy of the buyer's contact, as order systems do. A value:
// nothing changes it after it was placed.
type Order struct {
	Number     int // FirstOrderNumber or more, sequential over all customers
	CustomerID string
	Email      string
	Phone      string
	Billing    Address
	Delivery   Address // of somebody else when Gift
	Gift       bool
	Placed     time.Time // UTC, whole seconds
	Status     string
	Lines      []Line // one to four
}

// Line is one line of an order.
type Line struct {
	SKU       string
	Name      string
	Quantity  int
	UnitCents int
}

// TotalCents is the sum over the lines, in cents.
func (o Order) TotalCents() int {
	total := 0
	for _, l := range o.Lines {
		total += l.Quantity * l.UnitCents
	}
	return total
}

// Total returns [Order.TotalCents] as "123.40".
func (o Order) Total() string { return money(o.TotalCents()) }

// NumberText returns the number as customers see it.
func (o Order) NumberText() string { return strconv.Itoa(o.Number) }

// Total returns the line's price as "123.40".
func (l Line) Total() string { return money(l.Quantity * l.UnitCents) }

// Unit returns the price of one piece as "123.40".
func (l Line) Unit() string { return money(l.UnitCents) }

// money writes cents as "123.40".
func money(cents int) string { return fmt.Sprintf("%d.%02d", cents/100, cents%100) }

// currency is what every price is in.
const currency = "AUD"

// orderJSON, contactJSON and lineJSON are the shape of an order on the wire.
type orderJSON struct {
	Number    string      `json:"number"`
	PlacedAt  time.Time   `json:"placed_at"`
	Status    string      `json:"status"`
	Gift      bool        `json:"gift"`
	Customer  contactJSON `json:"customer"`
	Billing   Address     `json:"billing_address"`
	Delivery  Address     `json:"delivery_address"`
	Lines     []lineJSON  `json:"lines"`
	Total     string      `json:"total"`
	Currency  string      `json:"currency"`
	TrackPath string      `json:"track_path"`
}

type contactJSON struct {
	ID    *string `json:"id"` // null for a guest
	Name  string  `json:"name"`
	Email string  `json:"email"`
	Phone string  `json:"phone"`
}

type lineJSON struct {
	SKU       string `json:"sku"`
	Name      string `json:"name"`
	Quantity  int    `json:"quantity"`
	UnitPrice string `json:"unit_price"`
}

// wire returns the order as the JSON API shows it.
func (o Order) wire() orderJSON {
	lines := make([]lineJSON, 0, len(o.Lines))
	for _, l := range o.Lines {
		lines = append(lines, lineJSON{SKU: l.SKU, Name: l.Name, Quantity: l.Quantity, UnitPrice: l.Unit()})
	}
	var id *string
	if o.CustomerID != "" {
		id = &o.CustomerID
	}
	return orderJSON{
		Number: o.NumberText(), PlacedAt: o.Placed, Status: o.Status, Gift: o.Gift,
		Customer: contactJSON{ID: id, Name: o.Billing.Name, Email: o.Email, Phone: o.Phone},
		Billing:  o.Billing, Delivery: o.Delivery,
		Lines: lines, Total: o.Total(), Currency: currency, TrackPath: "/track",
	}
}

// customerJSON is the shape of a customer on the wire.
type customerJSON struct {
	ID      string  `json:"id"`
	Name    string  `json:"name"`
	Email   string  `json:"email"`
	Phone   string  `json:"phone"`
	Address Address `json:"address"`
}

// wire returns the customer as the JSON API shows it.
func (c Customer) wire() customerJSON {
	return customerJSON{ID: c.ID, Name: c.Name(), Email: c.Email, Phone: c.Phone, Address: c.Address}
}
