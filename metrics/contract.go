package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/ordergate/ordergate/rules"
)

// contract makes the metrics of OpenAPI documents.
func (m *Metrics) contract() []prometheus.Collector {
	deviations := counters("ordergate_contract_deviations_total",
		"Requests that are not as the platform's OpenAPI document says, by what deviates and whether they were refused for it; unchecked ones could not be held against it.",
		"deviation", "refused")
	m.deviation = make(map[rules.Deviation][2]prometheus.Counter)
	for _, d := range append(rules.Deviations(), other) {
		m.deviation[d] = [2]prometheus.Counter{deviations.WithLabelValues(string(d), "false"), deviations.WithLabelValues(string(d), "true")}
	}
	m.exposed = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "ordergate_contract_undeclared_fields_total",
		Help: "Fields of answers, each counted once, that the platform's OpenAPI document does not declare and several clients were sent.",
	})
	return []prometheus.Collector{deviations, m.exposed}
}

// Contract counts in what a request deviates from the platform's document, and how
// many fields of its answer are new and undeclared. A deviation that does not exist
// counts as other.
func (m *Metrics) Contract(d rules.Deviation, refused bool, exposed int) {
	if exposed > 0 {
		m.exposed.Add(float64(exposed))
	}
	if d == rules.DeviationNone {
		return
	}
	counter, ok := m.deviation[d]
	if !ok {
		counter = m.deviation[other]
	}
	if refused {
		counter[1].Inc()
		return
	}
	counter[0].Inc()
}
