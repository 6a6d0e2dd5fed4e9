package drill

import "fmt"

// honestVisits lets every honest customer log in and look at their orders.
func honestVisits(l *live, b *targetBook) {
	for n := 0; n < b.requests && l.more(); n++ {
		if n%l.honest == 0 {
			l.people = nil // they come anew
		}
		l.visit(n)
	}
}

// oneOffice does the same from one address.
func oneOffice(l *live, b *targetBook) {
	for n := 0; n < b.requests && l.more(); n++ {
		customer := l.shoppers[n%l.honest]
		l.shopper(l.visitor("81.250.1.9", false), customer)
	}
}

func movingPhone(l *live, b *targetBook) {
	v, _ := l.somebody(0)
	l.each(b.requests, b.every, func(int) {
		v.address = fmt.Sprintf("81.251.0.%d", 1+l.rand.IntN(4))
		l.action(v, "my_orders", nil)
	})
}

func tickets(l *live, b *targetBook) {
	v := l.worker("staff")
	l.each(b.requests/2, b.every, func(int) {
		c := l.victim(v, false)
		l.action(v, "staff_search", words{"query": c.name})
		l.action(v, "staff_customer", words{"customer": c.id})
	})
}

func fullRecords(l *live, b *targetBook) {
	v := l.worker("staff")
	l.each(b.requests, b.every, func(int) { l.action(v, "staff_customer", words{"customer": l.victim(v, false).id}) })
}

func picks(l *live, b *targetBook) {
	v := l.worker("picker")
	l.each(b.requests, b.every, func(int) { l.action(v, "pick", words{"order": l.victim(v, true).orders[0]}) })
}

func export(l *live, b *targetBook) {
	v := l.worker("machine")
	l.each(b.requests, b.every, func(i int) { l.action(v, "machine_page", words{"page": fmt.Sprint(i + 1)}) })
}

// crawl reads public pages, as one program or as many.
func crawl(many bool) func(*live, *targetBook) {
	return func(l *live, b *targetBook) {
		var v *visitor
		pages := l.target.Actions["catalogue"]
		paths := append([]string(nil), pages.Paths...)
		if pages.Path != "" {
			paths = append(paths, pages.Path)
		}
		l.each(b.requests, b.every, func(i int) {
			if v == nil || many && i%6 == 0 {
				v = l.visitor(fmt.Sprintf("81.252.%d.7", i/6%200), false)
				v.keepless, v.agent = true, fmt.Sprintf("Mozilla/5.0 (compatible; Crawler/%d.0)", i%9)
			}
			l.do(v, get(paths[i%len(paths)]))
		})
	}
}

func refreshes(l *live, b *targetBook) {
	v, customer := l.somebody(0)
	orders := l.target.people[customer].orders
	if len(orders) == 0 {
		return
	}
	l.each(b.requests, b.every, func(i int) { l.action(v, "order", words{"order": orders[i%len(orders)]}) })
}

func ownHistory(l *live, b *targetBook) {
	v, customer := l.somebody(0)
	l.action(v, "my_orders", nil)
	orders := l.target.people[customer].orders
	l.each(min(b.requests, len(orders)), b.every, func(i int) { l.action(v, "order", words{"order": orders[i]}) })
}

func sellerPages(l *live, b *targetBook) {
	v := l.worker("seller")
	l.each(b.requests, b.every, func(i int) { l.action(v, "seller_page", words{"page": fmt.Sprint(i + 1)}) })
}
