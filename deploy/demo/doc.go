// Package demo is the sample order platform that `ordergate demo`, the
// end-to-end tests and the drills stand the gateway in front of, the people
// who use it, and the story that is told with them. Every customer is made up.
//
// The way of the data through it:
//
//	Generate(n, seed) ──► []Customer, each with its orders: the only source of truth
//	NewShop(customers) ─► Shop, an http.Handler: pages, JSON, GraphQL, CSV, sessions
//	Listen(addr, shop) ─► Server, on a real socket with every timeout set
//	Shopper, Staff ─────► use the shop as its customers and its people do
//	Attack ─────────────► takes customers from it: OrderWalk, StaffBulkList, SQLInjection, GuestWalk
//	Run(Options) ───────► the story: shopper traffic, one attack after another, the report compared
//
// For the drills (deploy/drill) the same shop has more routes, each with a hole of
// its own: see ShopOptions.Drill and drill.go.
//
// The shop is small, not fake: sessions are random and kept, the search runs
// SQL, and its three holes are real ones. Any logged-in session reads any
// order of the JSON API; the search joins its argument into the SQL text; a
// staff token lists as many customers as it asks for. It must therefore never
// be reachable by anybody but its owner, and [Listen] refuses addresses that
// are not loopback.
//
// What an attacker took is counted from the bytes that the attacker's own
// client received ([Outcome.Received]), never from what a gateway says.
package demo
