// Package exfil decides how many customer records may leave, and says when
// something is wrong. It does no I/O and takes time as a parameter.
//
// The way of the data:
//
//	Principal ──Engine.Recognise──► issued? bound to whom? which role's caps?
//	Principal ──Engine.Admit──────► is it contained? by mask or cut: Response.Judge withholds (withhold.go)
//	Records   ──Response.Judge────► own, foreign or unlinked; the detectors' signals;
//	                                one reservation per foreign subject and key, all or none
//	durable   ──Response.Commit───► the reservations stand
//	withheld  ──Response.GiveBack─► they are taken back
//	Tries     ──Response.End──────► what the request asked for, and whether it was somebody's
//	Signals   ──Incidents.Join────► incidents
//
// Four memories are learnt on the way: whose an order is (Owners), so that a
// picture behind its address has a subject, what is shown to everybody (Commons),
// which is no customer's, whom a guest's checkout named whose payment is made
// elsewhere (claimed.go), and under which names the stores of the site are (stores.go).
//
// What a restart must not make the detectors forget, and the ledger has no rows of, is
// written down and read again (history.go): tries, misses, logins, the site's surplus,
// the counts of rule files, whom checkouts named, the names of stores, and what sessions
// and addresses claimed (unrecorded.go). Caps, baselines and machines are counted again from the
// ledger's rows; Commons are learnt anew.
//
// Each detector is one file: cap.go, bulk.go, unauthenticated.go, swap.go
// (ownership), issuance.go, canary.go, walk.go, guess.go with misses.go, baseline.go
// with machine.go, site.go, logins.go. Misses, site and logins watch everybody together, with one test for
// change (drift.go, outcomes.go).
package exfil
