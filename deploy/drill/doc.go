// Package drill attacks a gateway, and uses it honestly, and says what came of
// both: what was lost before an alert, before the attack was held and in all,
// and who was refused that had done nothing.
//
// The way of the data through it:
//
//	Playbooks, Workloads ──► scene: a fresh shop, gateway, ledger and clock for each
//	scene ── actors (attackers, shoppers, staff), each a coroutine that sleeps in virtual time
//	visitor ─► socket ─► gateway ─► socket ─► demo.Shop, one exchange at a time
//	bytes received ─► truth: whose e-mail, phone, or name and street are in them? ─► books
//	admin listener ─► incidents: when was the first alert? ledger ─► who does it say was affected?
//	books, incidents, ledger ─► Result ─► table or JSON
//
// Truth comes from the bytes that a client received, never from the gateway.
// Pictures and documents cannot be read; what they show, the shop says behind
// the gateway's back (demo.ShopOptions.Told).
//
// A [Target] is a gateway that somebody else started, such as a staging deployment with
// made-up customers:
//
//	targets/*.yaml ──► Target: customers, roles, actions, pace ── Consent: may it be attacked? ── Plan: what can be played?
//	Target.Run: the same ids, in real time, one request after the other, bounded by the pace
//	bytes received ─► truth ─► books; /incidents or /metrics, if given ─► when was the alert? ─► Report
//
// Time is compressed honestly, where the drill has the gateway: it, shop and drill share one clock, which
// nothing but the drill moves, between exchanges. Windows, caps and detectors
// are those of the default config; an attack of two weeks takes two weeks of
// that clock. Sockets keep the machine's own time.
package drill
