package gateway

import (
	"context"

	"go.opentelemetry.io/otel/trace"

	"github.com/ordergate/ordergate/metrics/otlp"
)

// openTracing begins to send spans, where they are wanted.
func (g *Gateway) openTracing() error {
	target, on, err := g.config.OpenTracing()
	if err != nil {
		return err //nolint:wrapcheck // says it all
	}
	g.aim(target, on)
	return nil
}

// aim takes over where spans go, and whether there are any: of exchanges that begin
// later. Once begun the sending goes on until the end, so that exchanges under way
// lose none.
func (g *Gateway) aim(target otlp.Target, on bool) {
	g.reloading.Lock()
	defer g.reloading.Unlock()
	g.tracing = on
	switch {
	case !on:
	case g.traces != nil:
		g.traces.Aim(target)
	default:
		g.traces = otlp.New(otlp.Config{Target: target, Version: g.options.Version, Told: g.metrics.Spans, Failed: func(err error) {
			if err != nil {
				g.log.Error("spans not sent: they are lost until the collector takes them", "err", err)
				return
			}
			g.log.Info("spans sent again")
		}})
	}
}

// tracer makes the spans of exchanges; nil: tracing is off.
func (g *Gateway) tracer() trace.Tracer {
	g.reloading.Lock()
	defer g.reloading.Unlock()
	if !g.tracing {
		return nil
	}
	return g.traces.Tracer()
}

// endTracing sends the spans that wait. A collector that does not take them is no
// reason to fail.
func (g *Gateway) endTracing(ctx context.Context) {
	g.reloading.Lock()
	traces := g.traces
	g.reloading.Unlock()
	if lost := traces.Close(ctx); lost > 0 {
		g.log.Warn("spans lost at the end: the collector did not take them", "spans", lost)
	}
}
