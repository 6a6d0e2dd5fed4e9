package drill

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/ordergate/ordergate/deploy/config"
	"github.com/ordergate/ordergate/rules"
)

// targetBook is how a playbook or workload is played against a target.
type targetBook struct {
	id    string
	white bool
	never string   // why it never is
	needs []string // actions that the description must have
	roles []string // likewise
	// thieves are accounts of customers that it uses up, honest those that it needs.
	thieves, honest int
	requests        int           // at most; the pace may allow fewer
	every           time.Duration // between them, at least
	addresses       bool          // it makes no sense from one address
	bound           bound         // what the gateway promises
	all             bool          // the bound is for everything lost
	play            func(l *live, b *targetBook)
}

// bound is what a config promises against an attack.
type bound func(*config.Config) (most int, of string)

func perHour(role rules.Role, principals int) bound {
	return within(role, principals, rules.WindowHour)
}

func perDay(role rules.Role, principals int) bound { return within(role, principals, rules.WindowDay) }

func perMonth(role rules.Role, principals int) bound {
	return within(role, principals, rules.WindowMonth)
}

// within is what so many principals of a role may take in a window.
func within(role rules.Role, principals int, window rules.Window) bound {
	return func(c *config.Config) (int, string) {
		return principals * windowOf(roleCaps(c)[role].Session, window), fmt.Sprintf("%d × %s/%s", principals, role, window)
	}
}

func perResponse(role rules.Role) bound {
	return func(c *config.Config) (int, string) { return int(roleCaps(c)[role].Response), "k of " + role.String() }
}

func siteHour(c *config.Config) (int, string) {
	return windowOf(c.Caps.Site, rules.WindowHour), "site/h"
}

// windowOf returns the limit of a window, or of the next longer one.
func windowOf(w config.Windows, window rules.Window) int {
	for _, l := range w.Limits() {
		if l.Window >= window {
			return l.Max
		}
	}
	return math.MaxInt32 // no limit holds for so long
}

const (
	shopper = rules.RoleShopper
	staff   = rules.RoleStaff
	guest   = rules.RoleGuest
)

// targetBooks are all of them: those of [playbooks], as far as a drill that has
// neither the target's clock nor its keys can play them.
func targetBooks() []targetBook {
	const long = "it goes on for days, by many accounts: play it where the drill has the clock"
	return []targetBook{
		{id: "A01a", needs: []string{"order"}, thieves: 1, requests: 300, every: 100 * time.Millisecond, bound: perHour(shopper, 1), play: orderSwap},
		{id: "A01a", white: true, needs: []string{"order"}, thieves: 1, requests: 288, every: 15 * time.Minute, bound: perMonth(shopper, 1), all: true, play: orderSwap},
		{id: "A01b", needs: []string{"search"}, requests: 60, every: 100 * time.Millisecond, bound: perHour(guest, 1), play: injections},
		{id: "A01b", white: true, needs: []string{"search"}, requests: 60, every: 21 * time.Minute, bound: perDay(guest, 1), play: injections},
		{id: "A01c", needs: []string{"staff_customer"}, roles: []string{"staff"}, requests: 200, every: 100 * time.Millisecond, bound: perHour(staff, 1), play: staffReads},
		{id: "A01d", never: "what the target's config declares is not known"},
		{id: "A01e", white: true, never: "it tries holes that the sample shop has on purpose"},
		{id: "A01f", never: "what is said in a WebSocket is each platform's own"},
		{id: "A02", needs: []string{"partner_record"}, roles: []string{"partner"}, requests: 600, every: 12 * time.Millisecond, bound: perHour(shopper, 3), play: partnerReads},
		{id: "A02", white: true, never: long},
		{id: "A03", needs: []string{"customer_open"}, requests: 600, every: 27 * time.Millisecond, bound: siteHour, play: forgottenRoute(5)},
		{id: "A03", white: true, needs: []string{"customer_open"}, requests: 600, every: 27 * time.Millisecond, addresses: true, bound: siteHour, play: forgottenRoute(2)},
		{id: "A04", needs: []string{"app_customer"}, roles: []string{"app"}, requests: 400, every: 100 * time.Millisecond, bound: perHour(guest, 1), play: keyReads(1000)},
		{id: "A04", white: true, needs: []string{"app_customer"}, roles: []string{"app"}, requests: 130, every: 21 * time.Minute, bound: perDay(guest, 2), all: true, play: keyReads(1000)},
		{id: "A05", never: "it forges tokens: that takes the platform's signing key, which no drill should have"},
		{id: "A05", white: true, never: "likewise"},
		{id: "A06", roles: []string{"shopper"}, requests: 1000, every: 200 * time.Millisecond, bound: siteHour, all: true, play: guessedPasswords},
		{id: "A07", never: long},
		{id: "A08a", needs: []string{"track"}, requests: 600, every: 500 * time.Millisecond, bound: siteHour, play: trackGuesses(1, true)},
		{id: "A08b", needs: []string{"track"}, requests: 400, every: 500 * time.Millisecond, bound: perHour(guest, 4), play: trackGuesses(100, false)},
		{id: "A08b", white: true, needs: []string{"track"}, requests: 600, every: 500 * time.Millisecond, bound: siteHour, all: true, play: trackGuesses(9, false)},
		{id: "A09a", needs: []string{"order_open"}, requests: 200, every: 5 * time.Second, bound: perHour(guest, 1), play: bareNumbers("order_open")},
		{id: "A09b", needs: []string{"label_open"}, requests: 200, every: 5 * time.Second, bound: perHour(guest, 1), play: bareNumbers("label_open")},
		{id: "A10", needs: []string{"app_customer"}, roles: []string{"app"}, requests: 200, every: 10 * time.Millisecond, bound: perHour(guest, 1), play: sharedKey(1000)},
		{id: "A10", white: true, needs: []string{"app_customer"}, roles: []string{"app"}, requests: 500, every: 100 * time.Millisecond, addresses: true, bound: siteHour, play: sharedKey(1)},
		{id: "A11a", needs: []string{"people"}, thieves: 1, requests: 1, bound: perResponse(shopper), play: oneShot("people")},
		{id: "A11b", needs: []string{"people_csv"}, thieves: 1, requests: 1, bound: perResponse(shopper), play: oneShot("people_csv")},
		{id: "A11c", white: true, needs: []string{"people"}, thieves: 1, requests: 40, every: 90 * time.Minute, bound: perMonth(shopper, 1), all: true, play: namedPeople},
		{id: "A12a", needs: []string{"lookup"}, requests: 1500, every: 100 * time.Millisecond, bound: siteHour, all: true, play: mailOracle(1)},
		{id: "A12b", needs: []string{"lookup_batch"}, requests: 60, every: time.Second, bound: siteHour, all: true, play: mailOracle(100)},
		{id: "A13", never: "it needs weeks of a member of staff's own history"},
		{id: "A14a", needs: []string{"staff_export"}, roles: []string{"staff"}, requests: 1, bound: perResponse(staff), play: staffExport},
		{id: "A14b", needs: []string{"staff_list"}, roles: []string{"staff"}, requests: 40, every: time.Second, bound: perHour(staff, 1), play: staffLists},
		{id: "A14b", white: true, needs: []string{"staff_list"}, roles: []string{"staff"}, requests: 24, every: 61 * time.Minute, bound: perDay(staff, 1), all: true, play: staffLists},
		{id: "A15a", needs: []string{"machine_page"}, requests: 20, every: 500 * time.Millisecond, bound: perResponse(guest), play: machinePages(true)},
		{id: "A15b", needs: []string{"machine_page"}, roles: []string{"machine"}, addresses: true, requests: 20, every: 500 * time.Millisecond, bound: perResponse(guest), play: machinePages(false)},
		{id: "A15b", white: true, never: "it comes after five nights of the machine's own export"},
		{id: "A16", needs: []string{"graphql"}, thieves: 1, requests: 20, every: 30 * time.Second, bound: perResponse(shopper), play: manyAliases(200)},
		{id: "A16", white: true, needs: []string{"graphql"}, thieves: 1, requests: 46, every: 61 * time.Minute, bound: perDay(shopper, 2), all: true, play: manyAliases(4)},
		{id: "A17", needs: []string{"facets"}, requests: 200, every: 3 * time.Second, bound: perHour(guest, 1), play: facetPages(1)},
		{id: "A17", white: true, needs: []string{"facets"}, requests: 400, every: 3 * time.Second, bound: siteHour, all: true, play: facetPages(400)},
		{id: "A18", needs: []string{"invoice"}, thieves: 1, requests: 200, every: 200 * time.Millisecond, bound: perHour(shopper, 1), play: documents},
		{id: "A19", needs: []string{"order"}, thieves: 1, requests: 2016, every: 10 * time.Minute, bound: perMonth(shopper, 1), all: true, play: orderSwap},
		{id: "A19", white: true, needs: []string{"order"}, thieves: 1, requests: 252, every: 80 * time.Minute, bound: perMonth(shopper, 1), all: true, play: orderSwap},
		{id: "A20", never: long},
		{id: "A20", white: true, never: long},

		{id: "B01", needs: []string{"my_orders"}, honest: 3, requests: 600, play: honestVisits},
		{id: "B02", needs: []string{"me"}, honest: 3, requests: 200, play: oneOffice},
		{id: "B03", needs: []string{"my_orders"}, honest: 1, requests: 300, every: 7 * time.Second, addresses: true, play: movingPhone},
		{id: "B04", needs: []string{"staff_search", "staff_customer"}, roles: []string{"staff"}, requests: 80, every: 5 * time.Second, play: tickets},
		{id: "B05", needs: []string{"pick"}, roles: []string{"picker"}, requests: 400, every: time.Second, play: picks},
		{id: "B06", needs: []string{"machine_page"}, roles: []string{"machine"}, requests: 16, every: 500 * time.Millisecond, play: export},
		{id: "B07", needs: []string{"catalogue"}, requests: 600, every: 50 * time.Millisecond, play: crawl(false)},
		{id: "B08", needs: []string{"catalogue"}, requests: 600, every: 5 * time.Millisecond, play: crawl(true)},
		{id: "B09", needs: []string{"order"}, honest: 1, requests: 180, every: 2 * time.Second, play: refreshes},
		{id: "B10", needs: []string{"order", "my_orders"}, honest: 1, requests: 80, every: time.Second, play: ownHistory},
		{id: "B11", needs: []string{"seller_page"}, roles: []string{"seller"}, requests: 20, every: 2 * time.Second, play: sellerPages},
		{id: "B12", needs: []string{"order"}, honest: 1, requests: 600, every: 2 * time.Millisecond, play: refreshes},
		{id: "B13", never: "it needs a release"},
		{id: "B14a", needs: []string{"staff_customer"}, roles: []string{"staff"}, requests: 30, every: 5 * time.Second, play: fullRecords},
		{id: "B14b", needs: []string{"staff_customer"}, roles: []string{"staff"}, requests: 300, every: 12 * time.Second, play: fullRecords},
		{id: "B14c", never: "what the target's config declares is not known: B14b is played by the first account of staff, from where the drill runs"},
	}
}

func orderSwap(l *live, b *targetBook) {
	v := l.thief()
	l.each(b.requests, b.every, func(int) { l.action(v, "order", words{"order": l.victim(v, true).orders[0]}) })
}

func injections(l *live, b *targetBook) {
	v := l.attacker()
	l.each(b.requests, b.every, func(i int) {
		text := [...]string{
			"zzz%' UNION ALL SELECT email, phone, name, street FROM customers LIMIT 100 OFFSET %d -- ", "zzz' OR '1'='1' LIMIT %d -- ",
			"zzz' uNiOn/**/aLl/**/sElEcT email,password,NULL,NULL FROM users LIMIT 1 OFFSET %d#", "1;SELECT * FROM customer OFFSET %d",
		}[i%4]
		l.action(v, "search", words{"query": strings.Replace(text, "%d", fmt.Sprint(i), 1)})
	})
}

func staffReads(l *live, b *targetBook) {
	v := l.insider("staff", 0)
	l.each(b.requests, b.every, func(int) { l.action(v, "staff_customer", words{"customer": l.victim(v, false).id}) })
}

func partnerReads(l *live, b *targetBook) {
	var all []*visitor
	for n := range min(3, max(1, len(l.target.Roles["partner"].Accounts))) {
		all = append(all, l.insider("partner", n))
	}
	l.each(b.requests, b.every, func(i int) {
		l.action(all[i%len(all)], "partner_record", words{"order": l.victim(all[0], true).orders[0]})
	})
}

// stranger returns an attacker without a cookie, another one after so many requests.
func (l *live) stranger(v *visitor, i, each int, keepless bool) *visitor {
	if i%each == 0 {
		v = l.attacker()
		v.keepless = keepless
	}
	return v
}

func forgottenRoute(each int) func(*live, *targetBook) {
	return func(l *live, b *targetBook) {
		var v *visitor
		l.each(b.requests, b.every, func(i int) {
			v = l.stranger(v, i, each, true)
			l.action(v, "customer_open", words{"customer": l.victim(v, false).id})
		})
	}
}

func keyReads(each int) func(*live, *targetBook) {
	return func(l *live, b *targetBook) {
		var v *visitor
		l.each(b.requests, b.every, func(i int) {
			if v = l.stranger(v, i, each, false); i%each == 0 {
				l.as(v, "app", TargetAccount{})
			}
			l.action(v, "app_customer", words{"customer": l.victim(v, false).id})
		})
	}
}

// sharedKey hides in the traffic of the app's users.
func sharedKey(each int) func(*live, *targetBook) {
	return func(l *live, b *targetBook) {
		for n := range min(10, len(l.target.people)) {
			user := l.worker("app")
			user.self[n] = true
			if l.action(user, "app_customer", words{"customer": l.target.people[n].id}); !l.more() {
				return
			}
		}
		keyReads(each)(l, b)
	}
}

func guessedPasswords(l *live, b *targetBook) {
	l.each(b.requests, b.every, func(i int) {
		v := l.attacker()
		c := l.victim(v, false)
		password := fmt.Sprintf("summer%d", i)
		if c.password != "" && i%50 == 49 {
			password = c.password
		}
		v.self[l.seen] = true // what a stolen password opens is that account's own
		l.as(v, "shopper", TargetAccount{c.email, password})
	})
}

func trackGuesses(each int, keepless bool) func(*live, *targetBook) {
	return func(l *live, b *targetBook) {
		var v *visitor
		var c *targetCustomer
		l.each(b.requests, b.every, func(i int) {
			v = l.stranger(v, i, each, keepless)
			if c == nil || i%10 == 0 {
				c = l.victim(v, true)
			}
			code := fmt.Sprintf("%05d", 10000+i*37%89999)
			if i%20 == 9 {
				code = c.postcode
			}
			l.action(v, "track", words{"order": c.orders[0], "postcode": code})
		})
	}
}

func bareNumbers(action string) func(*live, *targetBook) {
	return func(l *live, b *targetBook) {
		v := l.attacker()
		v.keepless, v.agent = true, "Mozilla/5.0 (compatible; PreviewBot/2.1)"
		l.each(b.requests, b.every, func(int) {
			c := l.victim(v, true)
			l.opaque(v, l.action(v, action, words{"order": c.orders[0]}))
		})
	}
}

func oneShot(action string) func(*live, *targetBook) {
	return func(l *live, _ *targetBook) {
		v := l.thief()
		l.books.attempts = nil // the login was none
		l.action(v, action, words{"query": "*"})
	}
}

func namedPeople(l *live, b *targetBook) {
	v := l.thief()
	l.each(b.requests, b.every, func(int) { l.action(v, "people", words{"query": l.victim(v, false).name}) })
}

func mailOracle(batch int) func(*live, *targetBook) {
	return func(l *live, b *targetBook) {
		tried := 0
		guess := func(v *visitor) string {
			if tried++; tried%33 == 0 {
				return l.victim(v, false).email
			}
			return fmt.Sprintf("person.%d@elsewhere.example", tried)
		}
		l.each(b.requests, b.every, func(int) {
			v := l.attacker()
			if v.keepless = true; batch == 1 {
				l.action(v, "lookup", words{"email": guess(v)})
				return
			}
			var list []string
			for range batch {
				list = append(list, guess(v))
			}
			l.action(v, "lookup_batch", words{"emails": jsonText(list)})
		})
	}
}

func staffExport(l *live, _ *targetBook) {
	v := l.insider("staff", 0)
	l.books.attempts = nil // as above
	l.action(v, "staff_export", nil)
}

func staffLists(l *live, b *targetBook) {
	v := l.insider("staff", 0)
	l.each(b.requests, b.every, func(i int) { l.action(v, "staff_list", words{"page": fmt.Sprint(i + 1)}) })
}

// machinePages comes with a token that nobody issued, or with the machine's own key
// from elsewhere.
func machinePages(forged bool) func(*live, *targetBook) {
	return func(l *live, b *targetBook) {
		v := l.attacker()
		if v.unissued = true; forged {
			v.headers["Authorization"] = "Bearer " + digest(fmt.Sprint(l.rand.Uint64()))
		} else {
			l.as(v, "machine", TargetAccount{})
			v.role = guest // whoever shows a key from elsewhere
		}
		l.each(b.requests, b.every, func(i int) { l.action(v, "machine_page", words{"page": fmt.Sprint(i + 1)}) })
	}
}

func manyAliases(aliases int) func(*live, *targetBook) {
	return func(l *live, b *targetBook) {
		v := l.thief()
		l.each(b.requests, b.every, func(int) {
			var query strings.Builder
			query.WriteString("{")
			for n := range aliases {
				query.WriteString(fill(l.target.Actions["graphql"].Alias, words{"n": fmt.Sprint(n), "order": l.victim(v, true).orders[0]}, insideJSON) + " ")
			}
			query.WriteString("}")
			l.action(v, "graphql", words{"query": query.String()})
		})
	}
}

func facetPages(sessions int) func(*live, *targetBook) {
	return func(l *live, b *targetBook) {
		v, used := l.attacker(), 1
		l.each(b.requests, b.every, func(i int) {
			if got := l.action(v, "facets", words{"page": fmt.Sprint(i + 1)}); got.held() && used < sessions {
				v, used = l.attacker(), used+1
			}
		})
	}
}

func documents(l *live, b *targetBook) {
	v := l.thief()
	l.each(b.requests, b.every, func(int) {
		l.opaque(v, l.action(v, "invoice", words{"order": l.victim(v, true).orders[0]}))
	})
}

// opaque counts a picture or a document that came for the order of the last victim:
// what it shows cannot be read.
func (l *live) opaque(v *visitor, got reply) {
	if got.status == 200 && len(got.body) > 0 && !strings.HasPrefix(v.answered.Get("Content-Type"), "text/") && got.gained == 0 {
		l.books.enter(receipt{at: l.since(), customer: l.seen, who: v, session: v.session(), exchange: l.total, opaque: true})
	}
}
