// Package soak runs a gateway for a long time while things go wrong, and says
// whether it came out as it went in. It holds nothing but a test:
//
//	go test ./deploy/soak                                          seconds, as CI does
//	go test ./deploy/soak -run TestSoak -for 30m -timeout 40m -v   and RESULTS.md with -results RESULTS.md
//
// The way of the data through it:
//
//	client ─► socket ─► gateway (its real ledger on disk) ─► socket ─► platform
//	platform: slow, 500 storms, resets inside the body, by turns and at random
//	store in front of the disk: stalls longer than a response may wait
//	operator: reloads of good and of bad configs, by SIGHUP
//	client: aborts, half-closed and slow connections
//	bytes received ─► books: whose e-mail was in them, and how often
//	ledger, read afterwards ─► every response that showed somebody has its row
//
// Truth comes from the bytes that the clients received, those of responses that
// broke off included. Load is paced: a share of what the machine was measured to
// do at the start.
package soak
