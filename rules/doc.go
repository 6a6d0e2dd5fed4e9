// Package rules is the vocabulary of ordergate: the values that the deciding
// packages, the proxy, the ledger and the metrics hand to each other.
//
// It imports nothing of ours and does no I/O. The way of the data through it:
//
//	body bytes ──rules/record──► Record{Subject, Identifiers, Fields}
//	request    ──proxy─────────► Principal{Keys, Role}
//	both       ──rules/exfil───► Verdict, Signal, Incident
//	one Record to one Principal ─► Disclosure, a row of the ledger
//
// A raw personal value never enters this package's values: identifiers are
// keyed digests (see [Hasher]), fields are bits, keys of principals are digests.
package rules
