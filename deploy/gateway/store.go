package gateway

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/ordergate/ordergate/deploy/config"
	"github.com/ordergate/ordergate/metrics"
	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/metrics/ledger/postgres"
	"github.com/ordergate/ordergate/metrics/ledger/sealed"
	"github.com/ordergate/ordergate/metrics/ledger/sqlite"
)

// store is what a gateway needs of the place where rows are kept.
type store interface {
	ledger.Store
	// Warnings returns what opening it found and did not refuse.
	Warnings() []string
	// Lost returns how many rows opening it found to be lost, at most.
	Lost() int64
}

// openStore opens the store that the config names.
func (g *Gateway) openStore(ctx context.Context, signer *ledger.Signer) error {
	key, tenants := g.keys.present[""], g.keys.ofTenants()
	relaxed := g.config.Ledger.Durability == config.Relaxed
	database := g.config.Ledger.Database()
	if database == "" {
		s, err := sqlite.Open(ctx, g.config.DataDir, sqlite.Options{Key: key, Tenants: tenants, Now: g.now, Relaxed: relaxed})
		if err != nil {
			return fmt.Errorf("opening the ledger: %w", err)
		}
		g.store = s
		return nil
	}
	host, _ := os.Hostname() // it only helps whoever looks for a gateway
	s, err := postgres.Open(ctx, g.config.DataDir, postgres.Options{
		URL: database, Now: g.now, MaxSpool: int64(g.config.Ledger.Spool), Relaxed: relaxed, Told: g.tellStore,
		Node: postgres.Node{Name: signer.Name(), PublicKey: signer.PublicKey(), Key: key.Digests(), Host: host}, Key: key, Tenants: tenants,
		Gap: func(rows int64) {
			g.metrics.LedgerGap(int(rows))
			g.log.Error("rows of the ledger are neither in the database nor in data_dir", "rows", rows)
		},
	})
	if err != nil {
		return fmt.Errorf("opening the ledger: %w", err)
	}
	g.store = s
	return nil
}

// openSealed starts to keep network identifiers, if the config wants any.
func (g *Gateway) openSealed() (err error) {
	c := g.config.Ledger.Identifiers
	if c.Window == 0 {
		return nil
	}
	g.sealed, err = sealed.Open(g.config.DataDir, g.keys.present[""].Secret, sealed.Options{
		Window: c.Window, Retention: c.Retention, Now: g.now,
		Failed: func(err error) { g.log.Error("network identifiers not kept", "err", err) },
	})
	return err //nolint:wrapcheck // says it all
}

// tellStore says that the ledger's database is lost, or that it has everything
// again.
func (g *Gateway) tellStore(lost error) {
	if lost != nil {
		g.log.Error("the ledger's database is lost: rows wait in data_dir", "err", strings.Join(strings.Fields(lost.Error()), " "))
		return
	}
	g.log.Info("the ledger's database has everything again")
}

// storeStatus adds to a snapshot how the database keeps up.
func (g *Gateway) storeStatus(s *metrics.Snapshot) {
	if database, ok := g.store.(*postgres.Store); ok {
		status := database.Status()
		s.LedgerLost, s.LedgerSpool, s.LedgerSpoolLimit = status.Lost != nil, status.Behind, status.Limit
	}
}
