// Package proxy moves bytes. It is the only code that reads sockets; what it
// decides, it asks rules/waf, rules/record and rules/exfil.
//
// The way of one exchange:
//
//  1. conn.go        the server's own refusals get a reference id like ours
//  2. gateway.go     ServeHTTP makes the exchange; one defer finishes it
//  3. request.go     what the standard library would silently rewrite is refused; the body is read up to its limit
//     group.go       which servers it is for; shape.go, graphql.go: may it look like this?
//  4. principal.go   credentials, client address, role ► exfil.Engine.Recognise
//  5. rules/waf      phases 1 and 2
//  6. upstream.go    httputil.ReverseProxy with Rewrite; Accept-Encoding narrowed to what can be decoded
//     errand.go      what it is for, self.go: does it ask about its sender? What a customer's own is, depends on it
//  7. response.go    ModifyResponse: sessions issued, WAF phase 3, is the body inspectable, whatever its type says (peeked.go)?
//     headers.go     whom the header names, by where it leads to
//     renames.go     may the request have chosen the names of keys in the answer? They say nothing then
//  8. gate.go        bytes are held until the records they carry are reserved and durable (disclose.go); tap.go keeps the originals
//     websocket.go   behind an upgrade the same is done message by message; no other protocol is changed to
//     clientside.go  and what the client says there is judged by the WAF, text by text
//     mask.go        for a principal held by mask it is written again without other people's values, and inspected again
//  9. refuse.go      the one place that answers instead of the upstream
//  10. finish.go     one log line (and accesslog.go one for each), one call to the observer, the outcome to the ledger
//     trace.go      the spans end, where tracing is on; it began them in 2, and one for each request to the platform in 6
//
// What comes of everything that goes wrong stands in FAULTS.md, which is made from
// the table that the tests make happen. connections.go, memory.go and shed.go keep
// the process within its bounds.
//
// Beside it callout.go tells the platform of sessions that are held, in the
// background, where the operator wants it.
//
// What inspects sees byte for byte what the other side receives, or its masked form twice.
package proxy
