package metrics

import (
	"fmt"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ordergate/ordergate/rules"
)

// Sizes of the closed label sets.
const (
	roleCount      = 6
	ownershipCount = 3
	stateCount     = 4
	severityCount  = 4
	windowCount    = 4
	fieldCount     = 11
)

// other is the label value of what is not in its closed set.
const other = "other"

// Metrics are all metrics of one gateway. Safe for concurrent use; the zero
// value is not usable, make one with [New]. Methods on the request path do
// not allocate.
type Metrics struct {
	requests  [roleCount]map[rules.Reason]prometheus.Counter
	duration  prometheus.Histogram
	overhead  [stageCount]prometheus.Observer
	waf       [wafOutcomes]prometheus.Counter
	clearance [clearances]prometheus.Counter
	hits      *prometheus.CounterVec
	ruleIDs   atomic.Pointer[map[int]string]
	score     prometheus.Histogram
	fields    [fieldCount][roleCount][ownershipCount]prometheus.Counter
	subjects  [roleCount][ownershipCount][stateCount]prometheus.Counter
	trips     [tripKeys][windowCount][roleCount]prometheus.Counter
	signals   map[rules.Detector][severityCount]prometheus.Counter
	open      map[rules.Detector][severityCount]prometheus.Gauge
	breach    [severityCount]prometheus.Gauge
	contained [stepCount][roleCount]prometheus.Counter
	canaries  [roleCount]prometheus.Counter
	deviation map[rules.Deviation][2]prometheus.Counter // passed, refused
	exposed   prometheus.Counter
	callouts  map[rules.CalloutOutcome]prometheus.Counter
	unseen    map[rules.Uninspected]prometheus.Counter
	appended  prometheus.Histogram
	gap       prometheus.Counter
	signed    map[string][2]prometheus.Counter // by place: ok, failed
	spans     [spanOutcomes]prometheus.Counter
	build     *prometheus.GaugeVec
	reloaded  prometheus.Gauge
	reloadAt  prometheus.Gauge
	files     [fileKinds]prometheus.Gauge
	expiry    prometheus.Gauge
	pulled    pulled
}

// New makes the metrics and registers them. The error is the registerer's:
// a second New on the same one is refused.
func New(reg prometheus.Registerer) (*Metrics, error) {
	m := &Metrics{}
	all := m.traffic()
	all = append(all, m.wall()...)
	all = append(all, m.disclosure()...)
	all = append(all, m.alarm()...)
	all = append(all, m.operation()...)
	for _, c := range all {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("registering metrics: %w", err)
		}
	}
	return m, nil
}

func counters(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
}

func gauges(name, help string, labels ...string) *prometheus.GaugeVec {
	return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
}

func gauge(name, help string) prometheus.Gauge {
	return prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
}

// traffic makes the metrics of exchanges and of the time we add to them.
func (m *Metrics) traffic() []prometheus.Collector {
	requests := counters("ordergate_requests_total",
		"Exchanges that have finished, by the role of the principal and what became of them.", "route_role", "outcome")
	for _, role := range rules.Roles() {
		m.requests[role] = make(map[rules.Reason]prometheus.Counter)
		for _, reason := range append(rules.Reasons(), other) {
			m.requests[role][reason] = requests.WithLabelValues(role.String(), string(reason))
		}
	}
	m.duration = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name:    "ordergate_request_duration_seconds",
		Help:    "Time from a request's arrival to the last byte of its response, the upstream's time included.",
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60},
	})
	overhead := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "ordergate_overhead_seconds",
		Help:    "Time that the gateway itself adds to one exchange, by stage.",
		Buckets: []float64{1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, .01, .025, .1, 1},
	}, []string{"stage"})
	for _, stage := range Stages() {
		m.overhead[stage] = overhead.WithLabelValues(stage.String())
	}
	uninspected := counters("ordergate_uninspected_responses_total",
		"Responses that might carry customer data and were not inspected, or not wholly, by reason.", "reason")
	m.unseen = make(map[rules.Uninspected]prometheus.Counter)
	for _, reason := range append(rules.UninspectedReasons(), other) {
		m.unseen[reason] = uninspected.WithLabelValues(string(reason))
	}
	return append([]prometheus.Collector{requests, m.duration, overhead, uninspected}, m.contract()...)
}

// wall makes the metrics of the WAF.
func (m *Metrics) wall() []prometheus.Collector {
	requests := counters("ordergate_waf_requests_total",
		"Exchanges that the WAF judged, by outcome; detected means that it would have refused and only observes.", "outcome")
	for _, outcome := range WAFOutcomes() {
		m.waf[outcome] = requests.WithLabelValues(outcome.String())
	}
	m.hits = counters("ordergate_waf_rule_hits_total",
		"Matches of WAF rules, by rule, its severity and the outcome of the exchange.", "rule_id", "severity", "outcome")
	m.score = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name:    "ordergate_waf_anomaly_score",
		Help:    "Anomaly score that the Core Rule Set gave to a request.",
		Buckets: []float64{0, 1, 2, 3, 4, 5, 7, 10, 15, 20, 30, 50},
	})
	cleared := counters("ordergate_waf_clearance_total",
		"Exchanges by how much of the full rule set they needed, and those that it judged again: refuted means that clearance was wrong.", "result")
	for _, result := range Clearances() {
		m.clearance[result] = cleared.WithLabelValues(result.String())
	}
	m.SetRules(nil)
	return []prometheus.Collector{requests, m.hits, m.score, cleared}
}

// disclosure makes the metrics of records that leave.
func (m *Metrics) disclosure() []prometheus.Collector {
	fields := counters("ordergate_disclosures_total",
		"Disclosed records that held a field, by field, role of the principal and ownership.", "field", "role", "ownership")
	subjects := counters("ordergate_subjects_disclosed_total",
		"Distinct subjects per exchange, by role of the principal, ownership and what became of their records.",
		"role", "ownership", "state")
	canaries := counters("ordergate_canary_hits_total", "Responses that held a planted customer, by role of the principal.", "role")
	for _, role := range rules.Roles() {
		for _, ownership := range rules.Ownerships() {
			for i, field := range rules.FieldNames() {
				m.fields[i][role][ownership] = fields.WithLabelValues(field, role.String(), ownership.String())
			}
			for _, state := range rules.States() {
				m.subjects[role][ownership][state] = subjects.WithLabelValues(role.String(), ownership.String(), state.String())
			}
		}
		m.canaries[role] = canaries.WithLabelValues(role.String())
	}
	return []prometheus.Collector{fields, subjects, canaries}
}

// alarm makes the metrics of detectors, incidents and containment.
func (m *Metrics) alarm() []prometheus.Collector {
	trips := counters("ordergate_cap_trips_total",
		"Times that a cap would have been passed, by kind of key, window and role of the principal.", "key", "window", "role")
	contained := counters("ordergate_containments_total",
		"Exchanges in which a principal was slowed, had values masked, or was refused or cut to stop a disclosure, by role.", "step", "role")
	for _, role := range rules.Roles() {
		for w, window := range rules.Windows() {
			for _, key := range tripKeyNames() {
				m.trips[key.index][w][role] = trips.WithLabelValues(key.name, window.String(), role.String())
			}
		}
		for _, step := range rules.Steps() {
			m.contained[step][role] = contained.WithLabelValues(step.String(), role.String())
		}
	}
	signals := counters("ordergate_signals_total", "Findings of the detectors, by detector and severity.", "detector", "severity")
	open := gauges("ordergate_incidents_open", "Incidents that nobody has closed yet, by severity and detector.", "severity", "detector")
	breach := gauges("ordergate_breach_alert", "1 while an incident of the severity is open that nobody has acknowledged.", "severity")
	m.signals = make(map[rules.Detector][severityCount]prometheus.Counter)
	m.open = make(map[rules.Detector][severityCount]prometheus.Gauge)
	for _, detector := range append(rules.Detectors(), other) {
		var found [severityCount]prometheus.Counter
		var standing [severityCount]prometheus.Gauge
		for _, severity := range rules.Severities() {
			found[severity] = signals.WithLabelValues(string(detector), severity.String())
			standing[severity] = open.WithLabelValues(severity.String(), string(detector))
		}
		m.signals[detector], m.open[detector] = found, standing
	}
	for _, severity := range rules.Severities() {
		m.breach[severity] = breach.WithLabelValues(severity.String())
	}
	callouts := counters("ordergate_callouts_total", "Events of containment that the platform was to be told of, by what became of them.", "outcome")
	m.callouts = make(map[rules.CalloutOutcome]prometheus.Counter)
	for _, outcome := range rules.CalloutOutcomes() {
		m.callouts[outcome] = callouts.WithLabelValues(string(outcome))
	}
	return []prometheus.Collector{trips, contained, signals, open, breach, callouts}
}

// operation makes the metrics of the ledger, the config and the process.
func (m *Metrics) operation() []prometheus.Collector {
	m.appended = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name:    "ordergate_ledger_append_seconds",
		Help:    "Time until the disclosures of one response were durable in the ledger.",
		Buckets: []float64{1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, .01, .025, .05, .1, .25, .5, 1, 2.5},
	})
	m.gap = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "ordergate_ledger_gap_total",
		Help: "Disclosures that have no readable row: released while the ledger failed and its policy was pass, or kept in a place that was lost or damaged since.",
	})
	checkpoints := counters("ordergate_ledger_checkpoints_total",
		"Signed checkpoints of the ledger, by the place that they were written to and whether that succeeded.", "place", "result")
	m.signed = make(map[string][2]prometheus.Counter)
	for _, place := range append(CheckpointPlaces(), other) {
		m.signed[place] = [2]prometheus.Counter{checkpoints.WithLabelValues(place, "ok"), checkpoints.WithLabelValues(place, "failed")}
	}
	spans := counters("ordergate_spans_total",
		"Spans that were to be sent to the OpenTelemetry collector, by what became of them; 0 where tracing is off.", "outcome")
	for _, outcome := range SpanOutcomes() {
		m.spans[outcome] = spans.WithLabelValues(outcome.String())
	}
	m.build = gauges("ordergate_build_info", "Always 1; the labels say which version runs.", "version", "goversion")
	m.reloaded = gauge("ordergate_config_last_reload_successful",
		"1 when the last reload of the config file succeeded, 0 when it was refused and the older config holds.")
	m.reloadAt = gauge("ordergate_config_last_reload_success_timestamp_seconds",
		"Unix time of the last successful reload of the config file.")
	files := gauges("ordergate_files_last_reload_successful",
		"1 when the files of a kind could be used when they were read last, 0 when they were refused and older ones hold.", "kind")
	for _, kind := range FileKinds() {
		m.files[kind] = files.WithLabelValues(kind.String())
		m.files[kind].Set(1)
	}
	m.expiry = gauge("ordergate_tls_certificate_expiry_timestamp_seconds",
		"Unix time at which the first of the certificates that clients are shown ends; 0 where TLS does not end here.")
	return []prometheus.Collector{m.appended, m.gap, checkpoints, spans, m.build, m.reloaded, m.reloadAt, files, m.expiry, &m.pulled}
}
