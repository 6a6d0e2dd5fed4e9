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
package waf
