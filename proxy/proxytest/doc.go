// Package proxytest is the one kit that the proxy's tests stand on: a real
// upstream, the gateway on a real socket, a ledger and an observer that
// remember. The way of the data: Client ► World.URL ► gateway ► upstream;
// afterwards Ledger and Observer say what the gateway did.
package proxytest
