package demo

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
	"unicode"
)

// DefaultCustomers and DefaultSeed make the sample shop that the demo shows.
const (
	DefaultCustomers = 5000
	DefaultSeed      = 20151002
)

// maxCustomers bounds [Generate]: beyond it the order numbers would be longer.
const maxCustomers = 200_000

// Generate makes n customers (at most 200,000, at least 0) with one to four
// orders each. The same n and seed always give the same customers; another
// seed gives other people. E-mail addresses, and up to 5,000 customers phone
// numbers too, are unique; no two people share both name and street. About one order in
// nine is a gift to somebody who is not a customer and has no e-mail address.
func Generate(n int, seed uint64) []Customer {
	g := &generator{
		rand:     rand.New(rand.NewPCG(seed, 0x6f72646572676174)), // #nosec G404 -- a repeatable sample, no secret.
		locales:  locales(),
		products: catalogue(),
		phones:   map[string]*phonebook{},
		emails:   map[string]bool{},
		homes:    map[string]bool{},
	}
	customers := make([]Customer, 0, max(0, min(n, maxCustomers)))
	for i := range cap(customers) {
		customers = append(customers, g.customer(i))
	}
	g.orders(customers)
	return customers
}

type generator struct {
	rand     *rand.Rand
	locales  []locale
	products []Product
	phones   map[string]*phonebook
	emails   map[string]bool
	homes    map[string]bool
}

func pick[T any](g *generator, from []T) T { return from[g.rand.IntN(len(from))] }

// locale picks a locale by weight.
func (g *generator) locale() locale {
	at := g.rand.IntN(100)
	for _, l := range g.locales {
		if at -= l.weight; at < 0 {
			return l
		}
	}
	return g.locales[0]
}

func (g *generator) customer(i int) Customer {
	l := g.locale()
	given, family := pick(g, l.given), pick(g, l.family)
	book := g.phones[l.country]
	if book == nil {
		book = newPhonebook(l.country)
		g.phones[l.country] = book
	}
	return Customer{
		ID:      fmt.Sprintf("C-%d", 200001+i),
		Email:   g.email(given, family),
		Phone:   book.take(),
		Address: g.address(l, fullName(l, given, family)),
	}
}

// address makes an address that nobody else of that name has.
func (g *generator) address(l locale, name string) Address {
	for {
		place := pick(g, l.cities)
		street := strings.NewReplacer("N", fmt.Sprint(1+g.rand.IntN(240)), "S", pick(g, l.streets)).Replace(l.street)
		if home := name + "\n" + street; !g.homes[home] {
			g.homes[home] = true
			return Address{Name: name, Street: street, City: place.name, Postcode: g.postcode(place.postcode), Country: l.country}
		}
	}
}

func (g *generator) postcode(pattern string) string {
	out := []byte(pattern)
	for i, c := range out {
		switch c {
		case '#':
			out[i] = "0123456789"[g.rand.IntN(10)]
		case '@':
			out[i] = "ABDEFGHJLNPQRSTUWXYZ"[g.rand.IntN(20)]
		}
	}
	return string(out)
}

// email makes an unused address at a reserved domain. One in fifty carries a
// plus tag, because those are written differently in HTML.
func (g *generator) email(given, family string) string {
	first, last := ascii(given), ascii(family)
	domains := []string{"example.com", "example.org", "example.net", "mail.example.com", "post.example.org", "inbox.example.net", "home.example.com"}
	local := [...]string{first + "." + last, first + last, first[:1] + "." + last, first + "_" + last}[g.rand.IntN(4)]
	if g.rand.IntN(3) == 0 {
		local += fmt.Sprint(50 + g.rand.IntN(56))
	}
	if g.rand.IntN(50) == 0 {
		local += "+shop"
	}
	domain := pick(g, domains)
	email := local + "@" + domain
	for extra := 2; g.emails[email]; extra++ {
		email = fmt.Sprintf("%s.%d@%s", local, extra, domain)
	}
	g.emails[email] = true
	return email
}

// fullName writes the display forms in the order of the locale.
func fullName(l locale, given, family string) string {
	given, _, _ = strings.Cut(given, "|")
	family, _, _ = strings.Cut(family, "|")
	if l.turned {
		return family + given
	}
	return given + " " + family
}

// ascii returns the ASCII form of a name from the tables, lower case, letters only.
func ascii(name string) string {
	if _, given, ok := strings.Cut(name, "|"); ok {
		return given
	}
	folded := strings.NewReplacer(
		"ä", "ae", "ö", "oe", "ü", "ue", "ß", "ss", "å", "a", "é", "e", "è", "e", "ê", "e", "ë", "e", "í", "i", "î", "i", "ı", "i",
		"á", "a", "à", "a", "â", "a", "ã", "a", "ç", "c", "ñ", "n", "ó", "o", "ò", "o", "ô", "o", "õ", "o", "ú", "u", "ù", "u", "û", "u",
		"ł", "l", "ń", "n", "ś", "s", "ż", "z", "ź", "z", "ą", "a", "ę", "e", "ć", "c", "ş", "s",
	).Replace(strings.ToLower(name))
	return strings.Map(func(r rune) rune {
		if r <= unicode.MaxASCII && unicode.IsLower(r) {
			return r
		}
		return -1
	}, folded)
}

// orders gives every customer one to four orders and numbers them all in the
// order in which they were placed.
func (g *generator) orders(customers []Customer) {
	var all []Order
	owner := map[string]int{}
	for i, c := range customers {
		owner[c.ID] = i
		for range [...]int{1, 1, 1, 2, 2, 3, 4}[g.rand.IntN(7)] {
			all = append(all, g.order(c))
		}
	}
	slices.SortStableFunc(all, func(a, b Order) int {
		return cmp.Or(a.Placed.Compare(b.Placed), strings.Compare(a.CustomerID, b.CustomerID))
	})
	for i := range all {
		all[i].Number = FirstOrderNumber + i
		c := &customers[owner[all[i].CustomerID]]
		c.Orders = append(c.Orders, all[i])
	}
}

func (g *generator) order(c Customer) Order {
	start := time.Date(2025, 1, 2, 0, 0, 0, 0, time.UTC)
	o := Order{
		CustomerID: c.ID, Email: c.Email, Phone: c.Phone, Billing: c.Address, Delivery: c.Address,
		Placed: start.Add(time.Duration(g.rand.IntN(300*24*3600)) * time.Second),
		Status: [...]string{"delivered", "delivered", "shipped", "packed", "returned"}[g.rand.IntN(5)],
		Gift:   g.rand.IntN(9) == 0,
	}
	if o.Gift {
		l := g.locale()
		o.Delivery = g.address(l, fullName(l, pick(g, l.given), pick(g, l.family)))
	}
	for range 1 + g.rand.IntN(4) {
		p := pick(g, g.products)
		o.Lines = append(o.Lines, Line{SKU: p.SKU, Name: p.Name, Quantity: 1 + g.rand.IntN(3), UnitCents: p.Cents})
	}
	return o
}
