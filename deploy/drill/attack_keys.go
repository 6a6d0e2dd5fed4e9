package drill

import (
	"fmt"
	"strconv"
	"time"

	"github.com/ordergate/ordergate/deploy/demo"
	"github.com/ordergate/ordergate/rules"
)

// apiAttacks come with keys and tokens, or where none is asked for.
func apiAttacks() []playbook {
	return []playbook{
		{
			id: "A02", name: "3 partner accounts, asset tags continued", scale: "600 requests, 83/s", most: 15, of: "3 × 5/h",
			play: func(s *scene) { s.partners(3, 600, 12*time.Millisecond, 1_000_000) },
		},
		{
			id: "A02", white: true, name: "30 partner accounts, 4 an hour each", scale: "600 requests", most: 600, of: "30 × 20/d", all: true,
			play: func(s *scene) { s.partners(30, 600, 30*time.Second, 4) },
		},
		{
			id: "A03", name: "forgotten API, new address every 5 requests", scale: "600 requests, 120 of 10,000 addresses", most: 300, of: "site 300/h",
			play: func(s *scene) { s.forgotten(600, 5, 27*time.Millisecond) },
		},
		{
			id: "A03", white: true, name: "the same, 2 requests an address", scale: "600 requests, 300 addresses", most: 300, of: "site 300/h",
			play: func(s *scene) { s.forgotten(600, 2, 27*time.Millisecond) },
		},
		{
			id: "A04", name: "API key that may do everything, 10/s", scale: "400 requests", most: 3, of: "guest 3/h",
			play: func(s *scene) { s.flat(400, 100*time.Millisecond) },
		},
		{
			id: "A04", white: true, name: "the same, 3 an hour, 2 days", scale: "130 requests", most: 20, of: "2 × 10/d", all: true,
			play: func(s *scene) { s.flat(130, 21*time.Minute) },
		},
		{
			id: "A10", note: "that the route shows people without a login is found through the app's honest users, before the attack", name: "key that is in every app, 1 address", scale: "200 requests, 100/s", most: 3, of: "guest 3/h", every: time.Second,
			play: func(s *scene) { s.appKey(200, 200, 10*time.Millisecond) },
		},
		{
			id: "A10", white: true, name: "the same, 1 request an address", scale: "500 requests", most: 300, of: "site 300/h", every: time.Second,
			note: "the app's own users show the same key and no login: when the site's budget is spent, they are refused with it",
			play: func(s *scene) { s.appKey(500, 1, 100*time.Millisecond) },
		},
		{
			id: "A15a", name: "forged admin token on the ERP's API", scale: "20 of 250 requests", most: 2, of: "k = 2",
			play: func(s *scene) {
				s.erp(0, 20, badAddress(9), func(v *visitor) { v.token, v.unissued = demo.SignedToken("admin", "x"), true })
			},
		},
		{
			id: "A15b", name: "leaked ERP key from another network", scale: "20 of 250 requests", most: 2, of: "k = 2",
			play: func(s *scene) {
				s.erp(0, 20, badAddress(9), func(v *visitor) { v.headers["X-ERP-Key"], v.unissued = demo.ERPKey, true })
			},
		},
		{
			id: "A15b", white: true, name: "the same from inside, at 14:00, after 5 nights", scale: "16 requests: all orders", most: 20000, of: "declared/d", all: true,
			every: time.Hour,
			note:  "a second full export by day, and no cap that the operator declared below it; at the export's own hour it would not be seen",
			play: func(s *scene) {
				s.nightly(5)
				s.erp(4*day+12*time.Hour, 16, "10.1.0.77", func(v *visitor) { v.headers["X-ERP-Key"], v.role = demo.ERPKey, rules.RoleMachine })
			},
		},
	}
}

// partners continue the tags on a few goods to those of everybody; 2 in 100
// tags do not exist. Each account stops for an hour after so many.
func (s *scene) partners(accounts, requests int, every time.Duration, hourly int) {
	s.act(0, func(sleep func(time.Duration) bool) {
		var all []*visitor
		for n := range accounts {
			v := s.attacker(badAddress(20 + n))
			login, password := demo.Partner(n)
			v.businessLogin("/partner/login", login, password, rules.RoleShopper)
			all = append(all, v)
		}
		for n := range requests {
			number := demo.FirstOrderNumber + 500 + n
			if n%50 == 49 {
				number += 1_000_000
			}
			if all[n%accounts].do(get("/partner/assets/" + demo.AssetTag(number))); !sleep(every) {
				return
			}
			if (n+1)%(accounts*min(hourly, requests)) == 0 && !sleep(time.Hour) {
				return
			}
		}
	})
}

func (s *scene) forgotten(requests, each int, every time.Duration) {
	s.act(0, func(sleep func(time.Duration) bool) {
		var v *visitor
		for n := range requests {
			if n%each == 0 {
				v = s.attacker(badAddress(100 + n/each))
				v.keepless = true
			}
			if v.do(get("/old-api/contacts/" + s.customers()[n].ID)); !sleep(every) {
				return
			}
		}
	})
}

func (s *scene) flat(requests int, every time.Duration) {
	s.act(0, func(sleep func(time.Duration) bool) {
		v := s.attacker(badAddress(10))
		v.headers["X-Api-Key"], v.unissued, v.accept = demo.FlatKey, true, "br"
		for n := range requests {
			if v.do(get("/v2/accounts/" + s.customers()[n].ID)); !sleep(every) {
				return
			}
		}
	})
}

// appKey hides in the traffic of an app: its users read their own profiles with
// the same key.
func (s *scene) appKey(requests, each int, every time.Duration) {
	s.stage.enter(0, func(sleep func(time.Duration) bool) {
		for n := 0; !s.ended(); n++ {
			who := s.honestCustomer()
			v := s.visitor(homeAddress(5000+n), false)
			v.self[who], v.headers["X-App-Key"] = true, demo.AppKey
			if v.do(get("/app/profile/" + s.customers()[who].ID)); !sleep(time.Second) {
				return
			}
		}
	})
	s.act(time.Second, func(sleep func(time.Duration) bool) {
		var v *visitor
		for n := range requests {
			if n%each == 0 {
				v = s.attacker(badAddress(1000 + n/each))
				v.headers["X-App-Key"], v.unissued = demo.AppKey, true
			}
			if v.do(get("/app/profile/" + s.customers()[n+600].ID)); !sleep(every) {
				return
			}
		}
	})
}

// erp takes pages of orders at the ERP's own pace.
func (s *scene) erp(after time.Duration, requests int, address string, as func(*visitor)) {
	s.act(after, func(sleep func(time.Duration) bool) {
		v := s.attacker(address)
		as(v)
		for n := range requests {
			if v.do(get("/erp/orders?limit=250&page=" + strconv.Itoa(1+n))); !sleep(500 * time.Millisecond) {
				return
			}
		}
	})
}

// accountAttacks use accounts of other people, or many of their own.
func accountAttacks() []playbook {
	return []playbook{
		{
			id: "A05", name: "forged token for each victim, 23 addresses", scale: "230 victims, 4 views each", most: 300, of: "site 300/h",
			play: func(s *scene) { s.forged(230, 23, 4, 122*time.Millisecond) },
		},
		{
			id: "A05", white: true, name: "the same, an address for each victim", scale: "400 victims, 1 view each", most: 300, of: "site 300/h",
			play: func(s *scene) { s.forged(400, 400, 1, 122*time.Millisecond) },
		},
		{
			id: "A06", name: "credential stuffing, 1 % work", scale: "1,000 tries", most: 300, of: "site 300/h", all: true,
			note: "nothing foreign leaves: the failed logins tell; the report names honest people, too, who logged in meanwhile from where they never had",
			play: (*scene).stuffing,
		},
		{
			id: "A07", name: "stolen accounts that share a list, 10 days", scale: "40 of 140 accounts, 10 of 150 days", most: 2400, of: "40 × 60/30d", all: true, every: 30 * time.Minute,
			play: func(s *scene) { s.fanOut(40, 10, 4) },
		},
		{
			id: "A20", name: "fresh accounts, 5 a day each, one frontier", scale: "60 of 1,000 accounts, 2 days", most: 2000, of: "site 2,000/d", all: true, every: 5 * time.Minute,
			play: func(s *scene) { s.sybils(60, 5, 2, true) },
		},
		{
			id: "A20", white: true, name: "the same, 2 a day each, at random", scale: "120 of 1,000 accounts, 2 days", most: 2000, of: "site 2,000/d", all: true, every: 5 * time.Minute,
			play: func(s *scene) { s.sybils(120, 2, 2, false) },
		},
	}
}

func (s *scene) forged(victims, addresses, views int, every time.Duration) {
	s.act(0, func(sleep func(time.Duration) bool) {
		for n := range victims {
			c := s.customers()[500+n]
			v := s.attacker(badAddress(2000 + n%addresses))
			v.cookies["sid"], v.unissued = demo.SignedToken(c.ID, strconv.Itoa(n)), true
			for view := range views {
				path := "/account"
				if view > 0 {
					path = "/orders/" + c.Orders[view%len(c.Orders)].NumberText()
				}
				if v.do(get(path)); !sleep(every) {
					return
				}
			}
		}
	})
}

func (s *scene) stuffing() {
	s.act(0, func(sleep func(time.Duration) bool) {
		for n := range 1000 {
			c := s.customers()[400+n]
			v := s.attacker(badAddress(3000 + n))
			v.agent = fmt.Sprintf("Mozilla/5.0 (Windows NT 10.0; rv:%d.0) Gecko/20100101 Firefox/%d.0", 100+n%40, 100+n%40)
			password := "summer" + strconv.Itoa(n)
			if s.rand.IntN(100) == 0 {
				password = c.Password()
			}
			v.do(get("/login"))
			if v.do(postForm("/login", "email", c.Email, "password", password)); !sleep(10 * time.Second) {
				return
			}
		}
	})
}

// fanOut lets many accounts read from one list of other people's orders, by
// day, a few a day each.
func (s *scene) fanOut(accounts, days, daily int) {
	for n := range accounts {
		s.act(time.Duration(n)*7*time.Minute, func(sleep func(time.Duration) bool) {
			v := s.attacker(badAddress(4000 + n))
			v.appLogin(s.badCustomer(20 + n))
			for d := range days {
				for i := range daily {
					number := demo.FirstOrderNumber + (n*daily*days+d*daily+i)*2%s.orders()
					if v.do(get("/api/orders/" + strconv.Itoa(number))); !sleep(time.Duration(20+s.rand.IntN(60)) * time.Minute) {
						return
					}
				}
				if !sleep(day - time.Duration(daily)*50*time.Minute) {
					return
				}
			}
		})
	}
}

// sybils are accounts made for the purpose, each below every cap of its own.
func (s *scene) sybils(accounts, daily, days int, shared bool) {
	frontier := demo.FirstOrderNumber + 300
	for n := range accounts {
		s.act(time.Duration(n)*day/time.Duration(accounts), func(sleep func(time.Duration) bool) {
			v := s.attacker(badAddress(5000 + n))
			v.agent = fmt.Sprintf("Mozilla/5.0 (X11; Linux x86_64; rv:%d.0) Gecko/20100101 Firefox/%d.0", 100+n%40, 100+n%40)
			v.register(n)
			for range days {
				for range daily {
					number := s.anyOrder()
					if shared {
						number = frontier
						frontier++
					}
					if v.do(get("/api/orders/" + strconv.Itoa(number))); !sleep(15 * time.Minute) {
						return
					}
				}
				if !sleep(day - time.Duration(daily)*15*time.Minute) {
					return
				}
			}
		})
	}
}
