// Package waf drives Coraza with the OWASP Core Rule Set; no other package
// knows Coraza. Its verdicts are Coraza's own.
//
// The way of the data through one exchange:
//
//	Engine.Begin ► Transaction
//	Transaction.Request   phases 1 and 2: connection, request line, header, body
//	Transaction.Header    phase 3: status and response header; says whether phase 4 wants the body
//	Transaction.Body      phase 4: the first bytes of the decoded response body
//	Transaction.Finish    phase 5, the rules that hit, the anomaly scores
//
// The proxy owns every byte and lends it; Coraza copies what it keeps.
//
// # Clearance
//
// Clearance asks, before the full rule set runs, whether any rule can match.
// It may only say that none can; otherwise the full rule set runs in a
// transaction of its own, and its verdict counts.
//
//	compiled.go   the rules as Coraza compiled them, read from its own structures
//	analysis.go   what is known of each rule before any request (treatment.go, txvars.go)
//	literals.go   what every match of an operator contains (phrases.go); where texts
//	              are long, which words together, told apart by alternatives
//	guard.go      an operator that is asked about single values (automaton.go)
//	texts.go      which of a value's transformed texts must be made (touch.go)
//	clearance.go  the question, asked of a transaction (proven.go remembers answers)
//	proof.go      cleared exchanges that the full rule set judges again
//	settled.go    rules that look at names of headers alone: what came of them is remembered
//	captured.go   chains over what their first link captured of a value, asked about values
//	spared.go     requests without a body, and responses, need no lean transaction
//	sieve.go      whether a page holds anything that rules about leaks look for
//	dfa.go        whether an expression matches anywhere, before its operator is asked
//	              (follower.go; lockstep.go for several at a time)
//	plainbody.go  how a lean transaction reads a response body
//	requestbody.go with what Coraza reads a request body
//	account.go    what the analysis came to, for `ordergate check`
//
// The way of a request through it:
//
//	lean transaction ► Coraza parses; the few rules that must run as they are, run
//	(spared where none of these could match: then Coraza parses without any rule)
//	every value of every variable that a rule reads ► known? ► else the automaton of
//	literals over it, and over those of Coraza's own transformations of it that hold
//	something else ► Coraza's own operators of the rules whose literal is there
//	for each rule: every link that can be asked about matched some value ► the full rule set
//
// Why that is the same verdict: a rule matches only when each of its links
// matches some value, so one link that matches no value is enough to know that
// it does not. Rules that look at no request (setting scores and paranoia
// levels, skipping by them) do the same for every request that no other rule
// matches; they are run once, when the rules are compiled. What may set a
// variable that others read, or change how a body is parsed, runs in the lean
// transaction as it is; what cannot be understood turns clearance off, and the
// account says which rule it was.
//
// Where the full rule set judges, its expressions are followed before they are
// asked, too; Coraza's own rule set, without anything of ours, is kept for the
// live proof of both, and judges alone once that has failed.
//
// The literals, what is known of transformations, the sieve and the following of
// expressions are inventions of ours: everything else is Coraza's own code on Coraza's
// own data. They have slow twins (TestGuards, TestLongValues, FuzzGuards, FuzzTouches,
// FuzzSieve, FuzzDFA, FuzzExpressions, FuzzLockstep, FuzzSpared, TestCaptured), as the
// whole has (TestProof, FuzzClearance), and the live proof.
package waf
