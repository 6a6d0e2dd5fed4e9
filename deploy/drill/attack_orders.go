package drill

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/ordergate/ordergate/deploy/demo"
	"github.com/ordergate/ordergate/rules"
)

const day = 24 * time.Hour

// orderAttacks take orders by their numbers.
func orderAttacks() []playbook {
	return []playbook{
		{
			id: "A01a", name: "order ids swapped, one shopper", scale: "300 of 25,000 requests", most: 5, of: "shopper 5/h",
			play: func(s *scene) { s.orderWalk(300, 100*time.Millisecond, false) },
		},
		{
			id: "A01a", white: true, name: "the same, 4 an hour at random, 3 days", scale: "288 requests", most: 60, of: "shopper 60/30d", all: true,
			play: func(s *scene) { s.orderWalk(288, 15*time.Minute, true) },
		},
		{
			id: "A01e", white: true, name: "asked for like one's own, a session for each", scale: "400 requests", most: 300, of: "site 300/h",
			play: func(s *scene) { s.disguised(400, 5*time.Second) },
		},
		{
			id: "A01f", name: "order ids swapped, through a WebSocket", scale: "300 of 25,000 questions", most: 5, of: "shopper 5/h",
			play: func(s *scene) { s.liveWalk(300, 100*time.Millisecond) },
		},
		{
			id: "A01b", name: "SQL injection in the search, anonymous", scale: "60 requests", most: 3, of: "guest 3/h",
			note: "the WAF refuses every request: that shows in ordergate_waf_requests_total; nothing left, so there is no incident",
			play: func(s *scene) { s.injection(1_000_000, 60, 100*time.Millisecond) },
		},
		{
			id: "A01b", white: true, name: "the same, one row at a time", scale: "60 requests", most: 10, of: "guest 10/d", all: true,
			play: func(s *scene) { s.injection(1, 60, 21*time.Minute) },
		},
		{
			id: "A09a", name: "confirmation page by bare number", scale: "200 requests", most: 3, of: "guest 3/h",
			play: func(s *scene) { s.bare("/confirm/%d", 200, 5*time.Second) },
		},
		{
			id: "A09b", name: "parcel label (PNG) by bare number", scale: "200 requests", most: 3, of: "guest 3/h",
			note: "a label whose order nobody was seen to own counts as the order: the report names orders, whose they are the shop knows",
			play: func(s *scene) { s.bare("/orders/%d/label.png", 200, 5*time.Second) },
		},
		{
			id: "A16", name: "GraphQL, 200 aliases, batches of 5", scale: "20 requests", most: 5, of: "k = 5",
			play: func(s *scene) { s.aliases(200, 5, 20, 30*time.Second) },
		},
		{
			id: "A16", white: true, name: "the same, 4 aliases an hour", scale: "46 requests", most: 40, of: "2 × 20/d", all: true,
			play: func(s *scene) { s.aliases(4, 1, 46, 61*time.Minute) },
		},
		{
			id: "A18", name: "invoices (PDF) by number, ranges, HEAD, 304", scale: "200 invoices", most: 5, of: "shopper 5/h",
			play: (*scene).invoices,
		},
		{
			id: "A19", name: "low and slow: 1 in 10 min, 14 days", scale: "full: 2,016 requests", most: 60, of: "shopper 60/30d", all: true,
			every: 30 * time.Minute, play: func(s *scene) { s.orderWalk(2016, 10*time.Minute, false) },
		},
		{
			id: "A19", white: true, name: "the same, 1 in 80 min", scale: "252 requests", most: 60, of: "shopper 60/30d", all: true,
			every: 30 * time.Minute, play: func(s *scene) { s.orderWalk(252, 80*time.Minute, true) },
		},
	}
}

// orderWalk is one shopper who reads orders by number: slow ones at random,
// fast ones one after the other. Whoever knows the caps backs off on a refusal.
func (s *scene) orderWalk(requests int, every time.Duration, knows bool) {
	s.act(0, func(sleep func(time.Duration) bool) {
		v := s.attacker(badAddress(1))
		v.login(s.badCustomer(1))
		for n := range requests {
			number := demo.FirstOrderNumber + 100 + n
			if every >= time.Minute {
				number = s.anyOrder()
			}
			got := v.do(get("/api/orders/" + strconv.Itoa(number)))
			if s.rand.IntN(8) == 0 && every >= time.Minute {
				v.do(get("/account")) // shops, too
			}
			pause := every
			if knows && got.held() {
				pause = 4 * time.Hour
			}
			if s.clock.since()-s.curtain > time.Duration(requests)*every {
				return // so long, and no longer.
			}
			if !sleep(pause) {
				return
			}
		}
	})
}

// disguised knows what makes a customer a session's own: the requests look as if they
// asked for their sender, or bought something, and each session names one customer.
func (s *scene) disguised(requests int, every time.Duration) {
	s.act(0, func(sleep func(time.Duration) bool) {
		for n := range requests {
			v := s.attacker(badAddress(4))
			v.do(get("/")) // issues the session
			c := s.caller()
			asked := []call{
				get("/api/customers/" + c.ID + "/profile"),
				get("/api/customers/me?id=" + queryText(c.ID)),
				postJSON("/api/state", jsonText(map[string]string{"email": c.Email, "note": "mutation login"})),
				postForm("/checkout/", "pagename", "my-order", "email", c.Email),
			}
			if v.do(asked[n%len(asked)]); !sleep(every) {
				return
			}
		}
	})
}

// bare asks for orders at random, without a credential, as a crawler.
func (s *scene) bare(path string, requests int, every time.Duration) {
	s.act(0, func(sleep func(time.Duration) bool) {
		v := s.attacker(badAddress(2))
		v.keepless, v.agent = true, "Mozilla/5.0 (compatible; PreviewBot/2.1)"
		for range requests {
			if v.do(get(fmt.Sprintf(path, s.anyOrder()))); !sleep(every) {
				return
			}
		}
	})
}

// injection writes SQL into the search, in several spellings.
func (s *scene) injection(rows, requests int, every time.Duration) {
	s.act(0, func(sleep func(time.Duration) bool) {
		v := s.attacker(badAddress(3))
		v.do(get("/"))
		spell := []func(string) call{
			func(q string) call { return get("/search?q=" + queryText(q)) },
			func(q string) call { return postJSON("/api/search", jsonText(map[string]string{"q": q})) },
			func(q string) call {
				return get("/search?q=" + queryText(strings.NewReplacer("UNION", "uNiOn", "SELECT", "sElEcT", " ALL ", "\f\taLl\f\t").Replace(q)))
			},
			func(q string) call {
				return get("/search?q=" + queryText(strings.ReplaceAll(strings.TrimSuffix(q, " "), " ", "/**/")+" "))
			},
			func(q string) call {
				return postJSON("/api/search", `{"q":"`+escapeAll(q)+`"}`)
			},
		}
		for n := range requests {
			q := fmt.Sprintf("zzz%%' UNION ALL SELECT customer_id, name, email || ' ' || phone, street FROM customers LIMIT %d OFFSET %d -- ", rows, n)
			if v.do(spell[n%len(spell)](q)); !sleep(every) {
				return
			}
		}
	})
}

// escapeAll writes every sign of a JSON string as an escape.
func escapeAll(text string) string {
	var out strings.Builder
	for _, r := range text {
		fmt.Fprintf(&out, `\u%04x`, r)
	}
	return out.String()
}

// aliases asks for many orders in one GraphQL request.
func (s *scene) aliases(aliases, batch, requests int, every time.Duration) {
	s.act(0, func(sleep func(time.Duration) bool) {
		v := s.attacker(badAddress(4))
		v.login(s.badCustomer(4))
		for range requests {
			var queries []map[string]string
			for range batch {
				var query strings.Builder
				query.WriteString("{")
				for alias := range aliases {
					fmt.Fprintf(&query, `a%d:order(number:"%d"){customer{name email}}`, alias, s.anyOrder())
				}
				query.WriteString("}")
				queries = append(queries, map[string]string{"query": query.String()})
			}
			what := postJSON("/graphql/batch", jsonText(queries))
			if batch == 1 {
				what = postJSON("/graphql", jsonText(queries[0]))
			}
			if v.do(what); !sleep(every) {
				return
			}
		}
	})
}

// invoices takes documents in slices, probes with HEAD and asks again with
// If-None-Match, sometimes under the wrong type.
func (s *scene) invoices() {
	s.act(0, func(sleep func(time.Duration) bool) {
		v := s.attacker(badAddress(5))
		v.login(s.badCustomer(5))
		for n := range 200 {
			path := fmt.Sprintf("/orders/%d/invoice.pdf", demo.FirstOrderNumber+200+n)
			switch n % 4 {
			case 1:
				path += "?as=bin"
			case 2:
				v.do(call{method: "HEAD", path: path})
			case 3:
				v.do(call{method: "GET", path: path, headers: map[string]string{"If-None-Match": fmt.Sprintf(`"%d-1"`, demo.FirstOrderNumber+200+n)}})
			}
			for from := 0; from < 2; from++ {
				v.do(call{method: "GET", path: path, headers: map[string]string{"Range": fmt.Sprintf("bytes=%d-%d", from*4096, from*4096+4095)}})
			}
			if !sleep(200 * time.Millisecond) {
				return
			}
		}
	})
}

// bulkAttacks take much at once.
func bulkAttacks() []playbook {
	oneShot := func(path, accept string) func(s *scene) {
		return func(s *scene) {
			s.act(0, func(sleep func(time.Duration) bool) {
				v := s.attacker(badAddress(6))
				v.login(s.badCustomer(6))
				v.accept = accept
				sleep(time.Minute)
				s.books.attempts = nil // the login was none
				v.do(get(path))
			})
		}
	}
	return []playbook{
		{
			id: "A11a", name: "one response with everybody, JSON, gzip", scale: "2,000 of 5,000 subjects", most: 5, of: "k = 5",
			play: oneShot("/api/people?q=*", "gzip"),
		},
		{
			id: "A11b", name: "the same as CSV, no encoding, no length", scale: "2,000 of 5,000 subjects", most: 5, of: "k = 5",
			play: oneShot("/api/people?q=*&format=csv", "identity"),
		},
		{
			id: "A11c", white: true, name: "the same in slices of k, 20 words", scale: "40 requests", most: 60, of: "shopper 60/30d", all: true,
			play: func(s *scene) {
				s.act(0, func(sleep func(time.Duration) bool) {
					v := s.attacker(badAddress(6))
					v.login(s.badCustomer(6))
					for n := range 40 {
						if v.do(get("/api/people?q=" + queryText(s.customers()[n*13].Name()))); !sleep(90 * time.Minute) {
							return
						}
					}
				})
			},
		},
		{
			id: "A14a", name: "staff export at 02:00, stolen password, br", scale: "2,000 of 100,000 rows", most: 100, of: "k = 100",
			play: func(s *scene) {
				s.act(0, func(sleep func(time.Duration) bool) {
					v := s.stolenStaff()
					v.accept = "br"
					sleep(time.Minute)
					s.books.attempts = nil // as above
					v.do(get("/staff/export.csv"))
				})
			},
		},
		{
			id: "A14b", name: "the same in pages of 100", scale: "40 requests", most: 120, of: "staff 120/h",
			play: func(s *scene) { s.staffPages(100, 40, time.Second) },
		},
		{
			id: "A14b", white: true, name: "the same, 100 an hour", scale: "24 requests", most: 600, of: "staff 600/d", all: true,
			play: func(s *scene) { s.staffPages(100, 24, time.Hour+time.Minute) },
		},
		{
			id: "A01c", name: "stolen staff cookie, new device, list", scale: "200 of 25,000 requests", most: 120, of: "staff 120/h",
			play: func(s *scene) { s.stolenCookie("194.5.5.19") },
		},
		{
			id: "A01d", name: "the same, of a declared fraud desk", scale: "200 of 25,000 requests", most: 120, of: "staff 120/h", roles: fraudDesk,
			play: func(s *scene) { s.stolenCookie("10.9.0.5") },
		},
	}
}

// stolenCookie takes the session of an agent at an address elsewhere.
func (s *scene) stolenCookie(address string) {
	s.act(0, func(sleep func(time.Duration) bool) {
		victim := s.agentAt(address, 9)
		v := s.attacker(badAddress(7))
		v.token, v.role, v.account = victim.token, rules.RoleStaff, victim.account
		for n := range 200 {
			if v.do(get("/staff/customers/" + s.customers()[300+n].ID)); !sleep(100 * time.Millisecond) {
				return
			}
		}
	})
}

// stolenStaff is somebody who has a password of staff.
func (s *scene) stolenStaff() *visitor {
	v := s.attacker(badAddress(8))
	v.businessLogin("/staff/login", demo.StaffTom, demo.StaffTomPassword, rules.RoleStaff)
	return v
}

func (s *scene) staffPages(size, requests int, every time.Duration) {
	s.act(0, func(sleep func(time.Duration) bool) {
		v := s.stolenStaff()
		for n := range requests {
			if v.do(get(fmt.Sprintf("/staff/customers?page=%d&size=%d", 1+n, size))); !sleep(every) {
				return
			}
		}
	})
}
