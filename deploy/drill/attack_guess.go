package drill

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/ordergate/ordergate/deploy/demo"
)

// lookupAttacks try names and numbers, and slice the search.
func lookupAttacks() []playbook {
	return []playbook{
		{
			id: "A08a", name: "order tracking by number and postcode", scale: "600 tries, 2/s, 50 addresses", most: 150, of: "50 × 3/h",
			play: func(s *scene) { s.postcodes(600, 10, 50, 500*time.Millisecond, true) },
		},
		{
			id: "A08b", name: "the same, 4 sessions with a cookie", scale: "400 tries", most: 12, of: "4 × 3/h",
			play: func(s *scene) { s.postcodes(400, 10, 4, 500*time.Millisecond, false) },
		},
		{
			id: "A08b", white: true, name: "the same, a session for every 9 tries", scale: "600 tries, 67 sessions", most: 201, of: "67 × 3/h", all: true,
			play: func(s *scene) { s.postcodes(600, 9, 67, 500*time.Millisecond, false) },
		},
		{
			id: "A12a", name: "e-mail lookup, 3 % hits, 100 proxies", scale: "1,500 tries, 10/s", most: 300, of: "site 300/h", all: true,
			play: func(s *scene) { s.emails(1500, 1, 100*time.Millisecond) },
		},
		{
			id: "A12b", name: "the same in batches of 100", scale: "60 requests", most: 300, of: "site 300/h", all: true,
			play: func(s *scene) { s.emails(60, 100, time.Second) },
		},
		{
			id: "A17", name: "search facets, 25 a page, shuffled", scale: "200 requests, 0.3/s", most: 3, of: "guest 3/h",
			play: func(s *scene) { s.facets(200, 25, 1, 3*time.Second) },
		},
		{
			id: "A17", white: true, name: "the same, pages of 2, new session on 429", scale: "400 requests", most: 300, of: "site 300/h", all: true,
			play: func(s *scene) { s.facets(400, 2, 400, 3*time.Second) },
		},
	}
}

// postcodes tries a few postcodes for one order after the other; one order in
// two is found.
func (s *scene) postcodes(tries, each, addresses int, every time.Duration, keepless bool) {
	s.act(0, func(sleep func(time.Duration) bool) {
		codes := map[int]string{}
		for _, c := range s.customers() {
			for _, o := range c.Orders {
				codes[o.Number] = o.Delivery.Postcode
			}
		}
		visitors := map[int]*visitor{}
		for n := range tries {
			at := n / each % addresses
			if keepless {
				at = n % addresses
			}
			v := visitors[at]
			if v == nil {
				v = s.attacker(badAddress(6000 + at))
				v.keepless = keepless
				visitors[at] = v
				v.do(get("/track"))
			}
			number := demo.FirstOrderNumber + 700 + n/each
			code := fmt.Sprintf("%05d", 10000+n*37%89999)
			if n/each%2 == 0 && n%each == each-1 {
				code = codes[number]
			}
			if v.do(postForm("/track/postcode", "order_number", strconv.Itoa(number), "postcode", code)); !sleep(every) {
				return
			}
		}
	})
}

// emails asks who has an address, for a list bought elsewhere.
func (s *scene) emails(requests, batch int, every time.Duration) {
	s.act(0, func(sleep func(time.Duration) bool) {
		visitors := map[int]*visitor{}
		tried := 0
		guess := func() string {
			tried++
			if tried%33 == 0 {
				return s.customers()[400+tried/33%1000].Email
			}
			return fmt.Sprintf("person.%d@elsewhere.example", tried)
		}
		for n := range requests {
			v := visitors[n%100]
			if v == nil {
				v = s.attacker(badAddress(7000 + n%100))
				v.keepless = true
				visitors[n%100] = v
			}
			what := get("/api/lookup?email=" + queryText(guess()))
			if batch > 1 {
				var list []string
				for range batch {
					list = append(list, guess())
				}
				what = postJSON("/api/lookup", `{"emails":["`+strings.Join(list, `","`)+`"]}`)
			}
			if v.do(what); !sleep(every) {
				return
			}
		}
	})
}

// facets slices the orders by postcode, surname and month.
func (s *scene) facets(requests, size, sessions int, every time.Duration) {
	s.act(0, func(sleep func(time.Duration) bool) {
		used := 0
		fresh := func() *visitor {
			v := s.attacker(badAddress(8000 + used))
			used++
			v.do(get("/"))
			return v
		}
		v := fresh()
		for range requests {
			format := [...]string{"", "&format=json"}[s.rand.IntN(2)]
			facet := [...]string{
				fmt.Sprintf("postcode=%d", 1+s.rand.IntN(9)), fmt.Sprintf("placed=2025-%02d", 1+s.rand.IntN(9)), "surname=" + string(rune('A'+s.rand.IntN(20))),
			}[s.rand.IntN(3)]
			got := v.do(get(fmt.Sprintf("/browse?%s&size=%d&page=%d%s", facet, size, 1+s.rand.IntN(20), format)))
			pause := every
			if got.held() {
				pause *= 4
				if used < sessions {
					v = fresh()
				}
			}
			if !sleep(pause) {
				return
			}
		}
	})
}

// staffAttacks come from the inside.
func staffAttacks() []playbook {
	return []playbook{
		{
			id: "A13", name: "2 support agents, 30 % over their own baseline", scale: "20 tickets a day, 5 agents, 8 + 20 working days", most: 600, of: "staff 600/d", all: true,
			life: time.Hour, every: 2 * time.Hour,
			note: "days vary (17 to 23 tickets) and eight of them are a short history: a third more stands out after weeks, unless a planted customer among the extra reads tells before; the report over an incident begins 24 h before it, --since names the rest",
			play: (*scene).insiders,
		},
	}
}

// insiders are five agents; after ten working days two of them read a third
// more than their tickets need.
func (s *scene) insiders() {
	const normal, learning, days = 20, 10, 28
	for n := range 5 {
		s.act(time.Duration(8)*time.Hour+time.Duration(n)*time.Minute, func(sleep func(time.Duration) bool) {
			honest := s.agent(n)
			var bad *visitor
			extra := 0
			for d := range learning + days {
				if d%7 > 4 { // a weekend
					if !sleep(day) {
						return
					}
					continue
				}
				began := s.clock.since()
				for range normal - 3 + s.rand.IntN(7) {
					if honest.ticket(s.caller()); !sleep(15 * time.Minute) {
						return
					}
				}
				if n < 2 && d >= learning {
					if bad == nil { // the same session, but what it takes now is a loss
						bad = s.attacker(honest.address)
						bad.token, bad.role, bad.account = honest.token, honest.role, honest.account
						extra = s.books.daily(honest) * 3 / 10
					}
					for range extra {
						if bad.do(get("/staff/customers/" + s.customers()[s.rand.IntN(1900)].ID)); !sleep(time.Minute) {
							return
						}
					}
				}
				if rest := day - (s.clock.since() - began); !sleep(max(rest, 0)) {
					return
				}
			}
		})
	}
}
