// Package gateway assembles one running gateway from a config: it is where
// the proxy, the rules, the ledger and the metrics meet. `ordergate serve`,
// `ordergate demo` and the end-to-end tests start the same one.
//
// The way of the data:
//
//	Start   key ► store ► ledger ► engine (rebuilt from the ledger) ► WAF ► proxy ► listeners
//	Reload  config ► WAF, caps and policy, swapped as one; a bad config changes nothing
//	watch   what the proxy tells ► metrics, incidents, one JSON line for each incident
//	        a ledger key that was rotated is taken with it, or within a second ► ledger
//	keep    every second: sessions and incidents that changed ► ledger
//	        every minute: what the detectors remember that the ledger does not tell ► data_dir
//	systemd ready, reloading, stopping, and again and again that the gateway answers
//	Stop    drain ► ledger ► store ► spans, under one deadline
package gateway
