package metrics

import "github.com/prometheus/client_golang/prometheus"

// Bounds are what the process may use at most, and what it uses.
type Bounds struct {
	// Memory, in bytes: what is in use but for garbage, and the ceiling; 0: none.
	MemoryUsed, MemoryCeiling int64
	// SheddingStep is how much is shed to stay below: 0 nothing, 1 strangers and
	// large bodies, 2 all but the catalogue, 3 everything.
	SheddingStep int
	// Connections of clients, and how many there may be.
	Connections, ConnectionsMost int
	// Newcomers that were closed for want of room, and waiting connections that made
	// it, since the start: by all together, then by address.
	Refused, Reclaimed [2]uint64
}

var boundsDescs = [...]*prometheus.Desc{
	prometheus.NewDesc("ordergate_memory_used_bytes", "Memory that the process needs: what is alive, stacks and the runtime's own, and garbage once it passes the ceiling with it.", nil, nil),
	prometheus.NewDesc("ordergate_memory_ceiling_bytes", "Memory that the process may use; requests are shed from four fifths of it. 0: there is no ceiling.", nil, nil),
	prometheus.NewDesc("ordergate_shedding_step", "What is shed to stay under the memory ceiling: 0 nothing, 1 strangers but for the catalogue and large bodies, 2 everything but the catalogue, 3 everything.", nil, nil),
	prometheus.NewDesc("ordergate_connections_open", "Connections that clients hold.", nil, nil),
	prometheus.NewDesc("ordergate_connections_limit", "Connections that clients may hold.", nil, nil),
	prometheus.NewDesc("ordergate_connections_refused_total", "New connections that were closed at once, because every other one was serving a request, by what was full: all together, or those of one address.", []string{"full"}, nil),
	prometheus.NewDesc("ordergate_connections_reclaimed_total", "Connections that were closed while they waited for a request, to make room for new ones, by what was full: all together, or those of one address.", []string{"full"}, nil),
}

func describeBounds(out chan<- *prometheus.Desc) {
	for _, desc := range boundsDescs {
		out <- desc
	}
}

func (b *Bounds) collect(out chan<- prometheus.Metric) {
	for i, value := range [...]int64{b.MemoryUsed, b.MemoryCeiling, int64(b.SheddingStep), int64(b.Connections), int64(b.ConnectionsMost)} {
		out <- prometheus.MustNewConstMetric(boundsDescs[i], prometheus.GaugeValue, float64(value))
	}
	for i, full := range [...]string{"all", "address"} {
		out <- prometheus.MustNewConstMetric(boundsDescs[5], prometheus.CounterValue, float64(b.Refused[i]), full)
		out <- prometheus.MustNewConstMetric(boundsDescs[6], prometheus.CounterValue, float64(b.Reclaimed[i]), full)
	}
}
