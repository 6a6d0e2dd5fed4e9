// Package crs runs the OWASP Core Rule Set's own regression tests against the
// real gateway. It is a module of its own, so that the test runner and what it
// drags along stay out of the product's go.mod; it has no code besides tests:
//
//	cd rules/waf/crs && go test ./...
//
// go mod tidy does not work here, since some of the runner's own dependencies
// are not to be had; after a change of the product's go.mod, run
// GOFLAGS=-mod=mod go vet ./... once.
//
// The way of one test stage:
//
//	go-ftw ► marked (start marker) ► log
//	go-ftw ► marked ► proxy.Gateway with rules/waf ► albedo, which answers what it is told to
//	         proxy.Observer.Exchange ► a log line for each of Summary.WAF.Hits, and Coraza's text for it
//	go-ftw ► marked (end marker) ► log; go-ftw reads the rule ids between its markers
//
// The log is go-ftw's log mode: what counts is which rules hit, not the status.
// The gateway observes at paranoia level 4 with the limits that the tests are
// written for (testdata/before-crs.conf), and is otherwise the product with
// its defaults. Beyond go-ftw, a test passes only when all of its stages do,
// and when the rules saw every one of its requests, except those that the test
// itself wants to see fail.
//
// TestClearance judges the same requests with and without clearance, directly,
// and compares verdict, hits and scores: one test in four, or with
// -clearance.every 1 all of them.
//
// Every test that does not pass is a line of known.txt with its reason. The
// table only shrinks: a test that fails and is not in it fails, and so does
// one that passes and is in it.
package crs
