// Package metrics holds every Prometheus metric of ordergate, so that names,
// help texts and label sets can be read in one place. The whole exposition is
// kept in testdata/metrics.txt; alerts and dashboards may only name what is
// found there.
//
// The way of the data through it:
//
//	proxy, exfil, ledger ──values of package rules──► Metrics' methods ──► counters, gauges, histograms
//	Source (called at each scrape) ──Snapshot──► budget, principals, evictions, ledger lag
//
// Label sets are closed and created beforehand, so that a series exists
// before the first event and rate() sees the first one; a value that is not in
// its set counts as "other". No label ever holds a principal, a subject, a
// host or a raw path.
package metrics
