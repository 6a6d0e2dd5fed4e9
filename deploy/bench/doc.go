//go:build linux

// Command bench measures what ordergate costs beside other ways to put the same
// rules in front of a shop, on the machine it runs on:
//
//	go run ./deploy/bench --install      everything, some twenty minutes on two cores
//	go run ./deploy/bench --measure mix --rounds 1 --seconds 1 --only ordergate,nginx
//	go run ./deploy/bench --into samples.json --measure routes     counted together with what that file holds
//
// The contenders stand in front of one origin with fixed answers, and carry the
// same Core Rule Set, the one that is built into ordergate, written out as files:
//
//	bare        httputil.ReverseProxy, the measure of all others
//	haproxy     HAProxy, without rules
//	nginx       nginx with libmodsecurity 3
//	apache      Apache with mod_security2
//	coraza      the bare proxy behind Coraza's own http handler, defaults
//	prefilter   the same with SecRxPreFilter On, which loses attacks
//	ordergate   everything on: rules, records, caps, the strict ledger, metrics
//	other       another ordergate program (--other), such as the last release
//
// The three servers come from Debian's packages; --install gets them as root or
// through sudo, and starts no service. Where one is missing its row says so.
//
// The way of a measurement:
//
//	contenders started ► verified: clean requests come through with the origin's bytes, attacks never reach the origin
//	rounds, turn by turn: bare, haproxy, … bare, haproxy, … ► closed loop: CPU time a request, requests a second
//	► open loop at half of that: p50 and p99 from the moment a request was due (no coordinated omission)
//	samples ► medians, as ratios to the bare proxy of the same round ► table, JSON, RESULTS.md
//
// Each server has one core to itself, clients and origin have the others (with a
// single core all share it). CPU time is that of the server's processes alone, in
// user and system mode, from /proc. Access and audit logs are off everywhere:
// ordergate's ledger is on. The ledger's folder is below the temporary folder
// (TMPDIR): on a disk, its fsyncs are real.
//
// The traffic: visitors with sessions, addresses, article and order numbers of
// their own. Of 20 requests 6 are product pages (24 KB HTML), 5 static (CSS), 3
// searches (JSON), 3 own orders (JSON with a customer's record), 2 articles put
// into the cart (JSON), 1 a checkout form. The measure "mixing" asks for the same
// kinds in the same shares mixed, as in the mix, and apart, 128 of a kind in a row: the
// difference is what it costs that a processor's caches serve several kinds, and that
// rows of the ledger come one by one. With TMPDIR=/dev/shm it is the caches' alone.
//
// It listens on loopback only, ends by itself, and ends its processes when it is
// interrupted.
package main
