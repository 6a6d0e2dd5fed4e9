package drill

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/ordergate/ordergate/deploy/demo"
	"github.com/ordergate/ordergate/rules"
)

// workloads are what honest people and programs do, at their busiest.
func workloads() []playbook {
	all := []playbook{
		{id: "B01", name: "flash sale", scale: "600 sessions in 10 min, 40 times the usual", play: (*scene).flashSale},
		{id: "B02", name: "household, office, university behind one address", scale: "3 / 60 / 400 of 8,000 customers", play: (*scene).offices},
		{id: "B03", name: "mobile carrier, addresses change inside a session", scale: "300 of 2,000 customers", play: (*scene).carrier},
		{id: "B04", name: "customer service, 25 agents", scale: "40 tickets each, 1 day", life: time.Hour, play: (*scene).helpLine},
		{id: "B05", name: "warehouse picks the day's orders in order", scale: "400 orders", play: (*scene).warehouse},
		{id: "B06", name: "ERP's nightly export", scale: "16 pages of 250, 2/s, 6 nights, one late, one twice", play: (*scene).export},
		{id: "B07", name: "search engine's crawler, 20/s", scale: "600 pages", life: time.Hour, play: func(s *scene) { s.robots(1, 600, 50*time.Millisecond) }},
		{id: "B08", name: "price bots, 200/s", scale: "600 pages, 100 proxies", life: time.Hour, play: func(s *scene) { s.robots(100, 600, 5*time.Millisecond) }},
		{id: "B09", name: "one order asked for every 20 s, app and 3 tabs", scale: "1 h of a day, 4 sessions", life: time.Hour, play: (*scene).refreshers},
		{id: "B10", name: "gifts: 80 recipients, history of 10 years", scale: "full: 80 orders, each with invoice and label", life: time.Hour, play: (*scene).gifts},
		{id: "B11", name: "marketplace sellers, lists and labels", scale: "20 of 300 sellers, about 200 buyers each", life: time.Hour, play: (*scene).sellers},
		{id: "B12", name: "load test and synthetic monitor", scale: "600 requests on 50 orders", life: time.Hour, play: (*scene).loadTest},
		{id: "B13", name: "release day: new API, new order numbers", scale: "150 sessions", play: (*scene).release},
		{
			id: "B14a", name: "privacy desk: single persons in full", scale: "30 a day, 2 days", life: time.Hour, play: func(s *scene) { s.analyst("194.5.5.50", 30, 15*time.Minute) },
		},
		{
			id: "B14b", name: "fraud desk: 300 risky orders an hour", scale: "1 hour", life: time.Hour,
			note: "the default cap of staff is 120 an hour: a fraud desk must be declared with its own, as in B14c",
			play: func(s *scene) { s.analyst("194.5.5.50", 300, 12*time.Second) },
		},
		{
			id: "B14c", name: "the same, the desk declared with a cap of its own", scale: "1 hour", life: time.Hour, roles: fraudDesk,
			note: "config: " + strings.TrimSpace(fraudDesk),
			play: func(s *scene) { s.analyst("10.9.0.5", 300, 12*time.Second) },
		},
	}
	for i := range all {
		all[i].benign = true
	}
	return all
}

// flashSale lets people come 40 times as often as usual.
func (s *scene) flashSale() {
	for lane := range 12 {
		s.act(time.Duration(lane)*time.Second, func(sleep func(time.Duration) bool) {
			for n := range 50 {
				if !s.visit(homeAddress(9000+lane*50+n), sleep) {
					return
				}
			}
		})
	}
}

// offices are a household, an office and a university: many people, one
// address each, the same browser.
func (s *scene) offices() {
	for place, people := range []int{3, 60, 400} {
		for n := range people {
			s.act(time.Duration(n)*8*time.Hour/time.Duration(people), func(sleep func(time.Duration) bool) {
				s.visit(fmt.Sprintf("81.250.%d.9", place), sleep)
			})
		}
	}
}

// carrier gives each phone another address for each request.
func (s *scene) carrier() {
	for n := range 300 {
		s.act(time.Duration(n)*20*time.Second, func(sleep func(time.Duration) bool) {
			who := s.honestCustomer()
			v := s.visitor("81.251.0.1", false)
			v.login(who)
			for _, path := range []string{"/account/orders", "/api/me", "/api/orders"} {
				v.address = fmt.Sprintf("81.251.0.%d", 1+s.rand.IntN(4))
				if v.do(get(path)); !sleep(7 * time.Second) {
					return
				}
			}
		})
	}
}

func (s *scene) helpLine() {
	for n := range 25 {
		s.act(8*time.Hour+time.Duration(n)*time.Second, func(sleep func(time.Duration) bool) {
			v := s.agent(n)
			for range 40 {
				v.ticket(s.caller())
				if !sleep(time.Duration(6+s.rand.IntN(10)) * time.Minute) {
					return
				}
			}
		})
	}
}

func (s *scene) warehouse() {
	s.act(0, func(sleep func(time.Duration) bool) {
		v := s.visitor("10.2.0.5", false)
		v.headers["X-Picker-Key"], v.role = demo.PickerKey, rules.RoleMachine
		for n := range 400 {
			if v.do(get("/warehouse/orders/" + strconv.Itoa(demo.FirstOrderNumber+s.orders()-401+n))); !sleep(40 * time.Second) {
				return
			}
		}
	})
}

// export is the ERP's: six nights, of which the fourth is late by eight hours,
// and the sixth is done again two hours later.
func (s *scene) export() {
	s.nightly(3)
	s.fetchAll(3*day + 10*time.Hour)
	s.fetchAll(4*day + 2*time.Hour)
	s.fetchAll(5*day + 2*time.Hour)
	s.fetchAll(5*day + 4*time.Hour)
}

// nightly lets the ERP fetch all orders at two in the morning, the piece
// beginning at two.
func (s *scene) nightly(nights int) {
	for n := range nights {
		s.fetchAll(time.Duration(n) * day)
	}
}

// fetchAll lets the ERP fetch all orders after a time.
func (s *scene) fetchAll(after time.Duration) {
	s.act(after, func(sleep func(time.Duration) bool) {
		v := s.visitor("10.1.0.5", false)
		v.headers["X-ERP-Key"], v.role = demo.ERPKey, rules.RoleMachine
		for page := range 16 {
			if v.do(get(fmt.Sprintf("/erp/orders?limit=250&page=%d", 1+page))); !sleep(500 * time.Millisecond) {
				return
			}
		}
	})
}

// robots read the catalogue.
func (s *scene) robots(proxies, requests int, every time.Duration) {
	paths := []string{"/", "/products", "/products?category=Garden", "/product/GAR-101", "/product/DSK-101", "/search?q=lamp", "/api/products", "/assets/shop.css", "/login", "/track"}
	s.act(0, func(sleep func(time.Duration) bool) {
		visitors := make([]*visitor, proxies)
		for n := range requests {
			i := n % proxies
			if visitors[i] == nil {
				visitors[i] = s.visitor(fmt.Sprintf("81.252.%d.7", i), false)
				visitors[i].keepless, visitors[i].agent = true, fmt.Sprintf("Mozilla/5.0 (compatible; Crawler/%d.%d)", 1+i, n%9)
			}
			if visitors[i].do(get(paths[n%len(paths)])); !sleep(every) {
				return
			}
		}
	})
}

func (s *scene) refreshers() {
	who := s.honestCustomer()
	for tab := range 4 {
		s.act(time.Duration(tab)*3*time.Second, func(sleep func(time.Duration) bool) {
			v, path := s.visitor(homeAddress(9900), false), "/orders/"
			if tab == 0 {
				v.appLogin(who)
				path = "/api/orders/"
			} else {
				v.login(who)
			}
			for range 180 {
				if v.do(get(path + s.customers()[who].Orders[0].NumberText())); !sleep(20 * time.Second) {
					return
				}
			}
		})
	}
}

// The customers that cast adds orders to.
const (
	giver  = 3 // 80 gifts
	tester = 5 // 50 orders of a load test
)

// cast gives two customers many orders, with the numbers that follow.
func cast(customers []demo.Customer) []demo.Customer {
	number := demo.FirstOrderNumber
	for i := range customers {
		number += len(customers[i].Orders)
	}
	for i, more := range map[int]int{giver: 80, tester: 50} {
		for n := range more {
			o := customers[i].Orders[0]
			if o.Gift = i == giver; o.Gift {
				friend := customers[len(customers)/2+n].Address
				o.Delivery = demo.Address{Name: "Gift " + friend.Name, Street: strconv.Itoa(n+1) + " Present Parade", City: friend.City, Postcode: friend.Postcode, Country: friend.Country}
			}
			o.Placed = o.Placed.AddDate(0, 0, n%30)
			customers[i].Orders = append(customers[i].Orders, o)
		}
	}
	for _, i := range []int{giver, tester} {
		for n := range customers[i].Orders {
			if n >= len(customers[i].Orders)-map[int]int{giver: 80, tester: 50}[i] {
				customers[i].Orders[n].Number = number
				number++
			}
		}
	}
	return customers
}

func (s *scene) gifts() {
	s.act(0, func(sleep func(time.Duration) bool) {
		v := s.visitor(homeAddress(9901), false)
		v.login(giver)
		for _, o := range s.customers()[giver].Orders {
			if v.do(get("/orders/" + o.NumberText())); !sleep(20 * time.Second) {
				return
			}
		}
		v.do(get("/account/orders"))
		v.do(get("/api/orders"))
	})
	s.act(time.Hour, func(sleep func(time.Duration) bool) { // for the taxes, from the list alone
		v := s.visitor(homeAddress(9902), false)
		v.login(giver)
		v.do(get("/account/orders"))
		for _, o := range s.customers()[giver].Orders {
			v.do(get("/orders/" + o.NumberText() + "/invoice.pdf"))
			if v.do(get("/orders/" + o.NumberText() + "/label.png")); !sleep(20 * time.Second) {
				return
			}
		}
	})
}

func (s *scene) sellers() {
	for n := range 20 {
		s.act(time.Duration(n)*10*time.Minute, func(sleep func(time.Duration) bool) {
			v := s.visitor(fmt.Sprintf("81.253.%d.4", n), false)
			login, password := demo.Seller(n)
			v.businessLogin("/seller/login", login, password, rules.RoleSeller)
			for page := range 4 {
				v.do(get(fmt.Sprintf("/seller/orders?page=%d&size=50", 1+page)))
				if v.do(get(fmt.Sprintf("/seller/labels.pdf?page=%d", 1+page))); !sleep(2 * time.Minute) {
					return
				}
			}
		})
	}
}

func (s *scene) loadTest() {
	s.act(0, func(sleep func(time.Duration) bool) {
		v := s.visitor("10.3.0.2", false)
		v.appLogin(tester)
		orders := s.customers()[tester].Orders
		for n := range 600 {
			if v.do(get("/api/orders/" + orders[len(orders)-1-n%50].NumberText())); !sleep(2 * time.Millisecond) {
				return
			}
		}
	})
}

func (s *scene) release() {
	for n := range 150 {
		s.act(time.Duration(n)*20*time.Second, func(sleep func(time.Duration) bool) {
			v := s.visitor(homeAddress(9500+n), false)
			v.appLogin(s.honestCustomer())
			for range 3 {
				if v.do(get("/api/v3/orders")); !sleep(time.Minute) {
					return
				}
			}
		})
	}
}

// fraudDesk declares the addresses of a fraud desk, with a cap of its own.
const fraudDesk = "  - {role: staff, path: /staff/**, cidr: [10.9.0.0/28], cap: {per_hour: 400, per_day: 3000, response: 10}}\n"

// analyst opens whole records of single persons.
func (s *scene) analyst(address string, daily int, every time.Duration) {
	days := 2
	if daily > 100 {
		days = 1
	}
	s.act(9*time.Hour, func(sleep func(time.Duration) bool) {
		v := s.agentAt(address, 40)
		v.desk = s.world.roles != ""
		for range days {
			for range daily {
				if v.do(get("/staff/customers/" + s.caller().ID)); !sleep(every) {
					return
				}
			}
			if !sleep(day - time.Duration(daily)*every) {
				return
			}
		}
	})
}
