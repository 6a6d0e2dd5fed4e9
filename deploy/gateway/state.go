package gateway

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ordergate/ordergate/metrics"
	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/proxy"
	"github.com/ordergate/ordergate/rules"
	"github.com/ordergate/ordergate/rules/exfil"
)

// restore makes the engine and counts in it what the ledger holds, so that a
// restart forgets neither caps nor sessions nor incidents.
func (g *Gateway) restore(ctx context.Context) error {
	now := g.now()
	bindings, err := g.store.Bindings(ctx, now.Add(-time.Duration(rules.WindowMonth)))
	if err != nil {
		return fmt.Errorf("reading sessions from the ledger: %w", err)
	}
	cfg := g.config.Exfil(g.hasher)
	if g.warm = now.Add(warmUp); len(bindings) > 0 {
		g.warm = time.Time{} // it has run before: its own memory goes on
		if oldest := oldestIssue(bindings, now); now.Sub(oldest) < warmUp {
			g.warm = oldest.Add(warmUp)
		}
	}
	cfg.WarmUntil, cfg.Started = g.warm, g.started()
	if cfg.Rules, err = g.config.RuleFiles(); err != nil {
		return err //nolint:wrapcheck // says it all
	}
	g.engine = exfil.New(cfg)
	g.readHistory(now)
	for i := len(bindings) - 1; i >= 0; i-- { // the last seen last, so that it is evicted last
		g.engine.Bindings().Restore(bindings[i])
	}
	query := ledger.Query{
		Since: now.Add(-time.Duration(rules.WindowMonth)), States: []rules.State{rules.Unknown, rules.Delivered},
		Ownership: []rules.Ownership{rules.Foreign, rules.Unlinked}, Damaged: g.damaged, Keys: g.keys.opening(),
	}
	rows := 0
	for row, err := range g.store.Disclosures(ctx, query) {
		if err != nil {
			return fmt.Errorf("reading disclosures from the ledger: %w", err)
		}
		g.engine.Restore(&row.Disclosure, now)
		g.carry(row.Route)
		rows++
	}
	if err := g.restoreOwners(ctx, now); err != nil {
		return err
	}
	incidents, err := g.store.Incidents(ctx)
	if err != nil {
		return fmt.Errorf("reading incidents from the ledger: %w", err)
	}
	for i := range incidents {
		incidents[i] = g.keys.opening().OpenIncident(incidents[i])
		g.engine.RestoreIncident(&incidents[i], now)
		if !incidents[i].State.Ended() {
			g.sealed.Keep(incidents[i])
		}
	}
	g.metrics.IncidentsOpen(g.engine.Incidents().Open())
	g.log.Info("state restored from the ledger", "sessions", len(bindings), "disclosures", rows, "incidents", len(g.engine.Incidents().Open()))
	return nil
}

// carry notes a route that carried a record.
func (g *Gateway) carry(route string) {
	if g.carried == nil {
		g.carried = make(map[string]struct{})
	}
	if len(g.carried) < proxy.MaxCarried && route != "" {
		g.carried[route] = struct{}{}
	}
}

// damaged says that a part of the ledger cannot be read. The gateway starts
// nevertheless: caps that count less than they should are better than no shop.
func (g *Gateway) damaged(err error) {
	g.log.Error("a part of the ledger cannot be read: caps do not count what it held", "err", err)
}

// What is read again to know whose orders are whose: the caps' own rows say it of
// foreign customers, these of people who read their own.
const (
	ownersSince = 72 * time.Hour
	maxOwners   = 500_000
)

// restoreOwners learns the owners of the orders that people have read
// themselves lately.
func (g *Gateway) restoreOwners(ctx context.Context, now time.Time) error {
	query := ledger.Query{Since: now.Add(-ownersSince), Ownership: []rules.Ownership{rules.Own}, Damaged: g.damaged, Keys: g.keys.opening()}
	rows := 0
	for row, err := range g.store.Disclosures(ctx, query) {
		if err != nil {
			return fmt.Errorf("reading disclosures from the ledger: %w", err)
		}
		g.engine.Owners().Learn(&row.Record)
		g.carry(row.Route)
		if rows++; rows == maxOwners {
			break
		}
	}
	return nil
}

// started is when a gateway that still warms up ran first; zero for an older one.
func (g *Gateway) started() time.Time {
	if g.warm.IsZero() {
		return time.Time{}
	}
	return g.warm.Add(-warmUp)
}

func oldestIssue(bindings []rules.Binding, now time.Time) time.Time {
	oldest := now
	for i := range bindings {
		if issued := bindings[i].Issued; !issued.IsZero() && issued.Before(oldest) {
			oldest = issued
		}
	}
	return oldest
}

// keepEvery is how often changed sessions are written down; a crash in
// between makes those sessions unissued, which is the careful side.
const keepEvery = time.Second

// keepBatch bounds how many sessions one write takes.
const keepBatch = 10_000

// retainEvery is how often old rows are deleted.
const retainEvery = time.Hour

// keep writes down what changed, and deletes what is past its retention,
// until ctx ends; then once more.
func (g *Gateway) keep(ctx context.Context) {
	defer close(g.kept)
	tick := time.NewTicker(keepEvery)
	defer tick.Stop()
	retained, written := time.Time{}, time.Now()
	for {
		select {
		case <-g.watch.changed:
			g.watch.tell()
		case now := <-tick.C:
			g.watch.tell()
			g.watch.tellGaps()
			g.keepBindings()
			g.renew()
			g.renewKeys()
			if now.Sub(written) > historyEvery {
				g.keepHistory()
				written = time.Now()
			}
			if now.Sub(retained) > retainEvery {
				retained = now
				g.retain(ctx, g.now())
			}
		case <-ctx.Done():
			g.watch.tell()
			g.watch.tellGaps()
			g.keepBindings()
			g.keepHistory()
			return
		}
	}
}

func (g *Gateway) keepBindings() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	changed := g.engine.Bindings().TakeChanged(keepBatch)
	if len(changed) == 0 {
		return
	}
	if err := g.store.SaveBindings(ctx, changed); err != nil {
		// They stay in memory; the next change of each writes it again.
		g.log.Error("sessions not written to the ledger", "sessions", len(changed), "err", err)
	}
}

func (g *Gateway) retain(ctx context.Context, now time.Time) {
	deleted, err := g.store.Retain(ctx, now.Add(-g.config.Ledger.Retention))
	switch {
	case err != nil && !errors.Is(err, context.Canceled):
		g.log.Error("retention failed", "deleted", deleted, "err", err)
	case deleted > 0:
		g.log.Info("rows past their retention deleted", "deleted", deleted)
	}
}

// snapshot is what the metrics ask for at each scrape.
func (g *Gateway) snapshot() metrics.Snapshot {
	states, retries := g.proxy.Upstreams()
	upstreams := make(map[string]bool, len(states))
	for _, s := range states {
		upstreams[s.Name] = s.Up
	}
	memory, connections := g.proxy.Memory(), g.connections.State()
	s := metrics.Snapshot{
		Bounds: metrics.Bounds{
			MemoryUsed: memory.Used, MemoryCeiling: memory.Ceiling, SheddingStep: int(memory.Step),
			Connections: connections.Open, ConnectionsMost: connections.Most,
			Refused: [2]uint64{connections.RefusedAll, connections.RefusedAddress}, Reclaimed: [2]uint64{connections.ReclaimedAll, connections.ReclaimedAddress},
		},
		Upstreams: upstreams, Retries: retries, AccessLost: g.access.Lost(),
		Budget: g.engine.SiteRemaining(g.now()), Principals: g.engine.Caps().Sizes(), LedgerLag: g.ledger.Lag(),
	}
	g.storeStatus(&s)
	return s
}

func (g *Gateway) ledgerObserver() ledger.Observer {
	return ledger.Observer{
		Appended: func(_ int, took time.Duration) { g.metrics.LedgerAppend(took) },
		Lost: func(outcomes int) {
			g.log.Warn("outcomes lost: their rows stay unknown", "outcomes", outcomes)
		},
	}
}

// notaryOptions say where checkpoints go.
func (g *Gateway) notaryOptions() ledger.NotaryOptions {
	c := g.config.Ledger.Checkpoints
	options := ledger.NotaryOptions{Every: c.Every, Now: g.now, Told: func(place string, err error) {
		g.metrics.Checkpoint(place, err == nil)
		if err != nil {
			g.log.Error("ledger checkpoint not written", "place", place, "err", err)
		}
	}}
	if c.Log {
		options.Sinks = append(options.Sinks, ledger.LogSink(g.log))
	}
	if c.File != "" {
		options.Sinks = append(options.Sinks, ledger.FileSink(c.File))
	}
	if !c.URL.IsZero() {
		options.Sinks = append(options.Sinks, ledger.HTTPSink(c.URL.String()))
	}
	return options
}

// errLagging makes readyz fail: a gateway whose ledger stands still refuses
// every page with a record.
var errLagging = errors.New("the ledger does not keep up: look at its disk")

// errDraining makes readyz fail while open exchanges end: the admin listener
// outlives the listeners for clients, so that a load balancer can see it.
var errDraining = errors.New("the gateway is stopping: open exchanges are ending")

// ready says whether the gateway should get traffic.
func (g *Gateway) ready() error {
	if g.draining.Load() {
		return errDraining
	}
	if g.ledger.Lag() > 10*time.Second {
		return errLagging
	}
	return nil
}
