package metrics

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ordergate/ordergate/rules"
)

// Snapshot is what is asked for at each scrape rather than told, because it
// changes with time alone or is counted elsewhere.
type Snapshot struct {
	// Budget is what the site may still disclose, by window. A window without
	// a limit is left out, and has no series.
	Budget map[rules.Window]int
	// Principals are the keys that are remembered now, by kind, and what became
	// of others. Session, account and ip are shown; others are left out.
	Principals map[rules.KeyKind]rules.Remembered
	// LedgerLag is the age of the oldest disclosure that waits for the ledger.
	LedgerLag time.Duration
	// Upstreams are the platform's servers by name, as configured, and whether
	// they get requests; Retries are requests sent to a second one, since the start.
	Upstreams map[string]bool
	Retries   uint64
	// Bounds are those of the process.
	Bounds Bounds
	// LedgerLost says that the ledger's database does not keep up; LedgerSpool is
	// how many bytes wait for it, LedgerSpoolLimit at how many records are refused
	// (0: there is no database).
	LedgerLost                    bool
	LedgerSpool, LedgerSpoolLimit int64
	// AccessLost are lines of the access log that the disk could not take, since the start.
	AccessLost uint64
	// Degraded says that caps are kept with less than full exactness.
	Degraded bool
}

// Source sets the function that is called at each scrape. It must be quick
// and safe for concurrent use. Without one the values are 0.
func (m *Metrics) Source(f func() Snapshot) { m.pulled.source.Store(&f) }

// pulled collects a Snapshot. The zero value is ready to use.
type pulled struct {
	source atomic.Pointer[func() Snapshot]
}

// pulledDescs describes what a Snapshot is exposed as.
type pulledDescs struct {
	budget, principals, evictions, crowded, lag, stored, spool, spoolLimit, upstream, retries, accessLost, degraded *prometheus.Desc
}

func newPulledDescs() pulledDescs {
	return pulledDescs{
		budget: prometheus.NewDesc("ordergate_budget_remaining",
			"Subjects that the whole site may still disclose, by scope; at 0 every further record is withheld.", []string{"scope"}, nil),
		principals: prometheus.NewDesc("ordergate_state_principals",
			"Principals that are remembered now because records were disclosed to them, by kind of key.", []string{"key"}, nil),
		evictions: prometheus.NewDesc("ordergate_state_evictions_total",
			"Principals whose count of one was forgotten to make room for others, by kind of key.", []string{"key"}, nil),
		crowded: prometheus.NewDesc("ordergate_state_crowded_total",
			"Times that a new principal found no room and shared one principal's caps with others, by kind of key.", []string{"key"}, nil),
		lag: prometheus.NewDesc("ordergate_ledger_lag_seconds",
			"Age of the oldest disclosure that waits to become durable in the ledger.", nil, nil),
		stored: prometheus.NewDesc("ordergate_ledger_store_up",
			"1 while the ledger's store has all rows, 0 while they wait in the spool because its database is lost or too slow.", nil, nil),
		spool: prometheus.NewDesc("ordergate_ledger_spool_bytes",
			"Bytes of the ledger that wait in data_dir for a lost database.", nil, nil),
		spoolLimit: prometheus.NewDesc("ordergate_ledger_spool_limit_bytes",
			"Bytes in the spool at which pages with records are refused; 0 where rows are kept in data_dir.", nil, nil),
		upstream: prometheus.NewDesc("ordergate_upstream_up",
			"1 while a server of the platform gets requests, by its address in the config; 0 after failures in a row or by its health check.", []string{"upstream"}, nil),
		retries: prometheus.NewDesc("ordergate_upstream_retries_total",
			"Requests sent to a second server because the first could not be reached, or broke off before it answered and repeating is safe.", nil, nil),
		accessLost: prometheus.NewDesc("ordergate_access_log_lost_total",
			"Lines of the access log that were lost because its disk is full or too slow; no exchange waits for it.", nil, nil),
		degraded: prometheus.NewDesc("ordergate_state_degraded",
			"1 while caps are kept with less than full exactness, because shared state cannot be reached.", nil, nil),
	}
}

// Describe implements prometheus.Collector.
func (p *pulled) Describe(out chan<- *prometheus.Desc) {
	d := newPulledDescs()
	describeBounds(out)
	for _, desc := range []*prometheus.Desc{d.budget, d.principals, d.evictions, d.crowded, d.lag, d.stored, d.spool, d.spoolLimit, d.upstream, d.retries, d.accessLost, d.degraded} {
		out <- desc
	}
}

// Collect implements prometheus.Collector.
func (p *pulled) Collect(out chan<- prometheus.Metric) {
	var s Snapshot
	if source := p.source.Load(); source != nil {
		s = (*source)()
	}
	d := newPulledDescs()
	emit := func(desc *prometheus.Desc, kind prometheus.ValueType, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(desc, kind, value, labels...)
	}
	for _, window := range rules.Windows() {
		if left, ok := s.Budget[window]; ok {
			emit(d.budget, prometheus.GaugeValue, float64(left), "site_"+window.String())
		}
	}
	for _, key := range []rules.KeyKind{rules.KeySession, rules.KeyAccount, rules.KeyIP} {
		emit(d.principals, prometheus.GaugeValue, float64(s.Principals[key].Live), key.String())
		emit(d.evictions, prometheus.CounterValue, float64(s.Principals[key].Evicted), key.String())
		emit(d.crowded, prometheus.CounterValue, float64(s.Principals[key].Crowded), key.String())
	}
	emit(d.lag, prometheus.GaugeValue, s.LedgerLag.Seconds())
	stored := 1.0
	if s.LedgerLost {
		stored = 0
	}
	emit(d.stored, prometheus.GaugeValue, stored)
	emit(d.spool, prometheus.GaugeValue, float64(s.LedgerSpool))
	emit(d.spoolLimit, prometheus.GaugeValue, float64(s.LedgerSpoolLimit))
	for name, up := range s.Upstreams {
		value := 0.0
		if up {
			value = 1
		}
		emit(d.upstream, prometheus.GaugeValue, value, name)
	}
	emit(d.retries, prometheus.CounterValue, float64(s.Retries))
	s.Bounds.collect(out)
	emit(d.accessLost, prometheus.CounterValue, float64(s.AccessLost))
	degraded := 0.0
	if s.Degraded {
		degraded = 1
	}
	emit(d.degraded, prometheus.GaugeValue, degraded)
}
