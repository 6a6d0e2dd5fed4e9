package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/ordergate/ordergate/metrics"
	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/rules"
)

// keys are the ledger's keys as a running gateway has them. What it knows of
// sessions, caps, owners and incidents goes by digests that are made with the
// secret that it began with, and that no rotation changes; rows are sealed, at
// rest, with the present key of their tenant, incidents with the gateway's own. So a
// rotation changes what is written from one batch on, and nothing that is counted:
// nobody sheds a cap by it, no session ends, and a restart opens the rows of every
// kept key.
type keys struct {
	mu      sync.Mutex            // guards present, ring and tenants
	present map[string]ledger.Key // by tenant; the gateway's own has no name
	ring    *ledger.Keyring
	tenants []string // of the config

	// Of the goroutine that keeps: the keys' files when they were read last, by
	// tenant, nil while one is gone; and what was wrong with them, as it was told.
	files map[string]os.FileInfo
	fault string
}

// openKeys makes the keys that are missing, and reads the retired ones.
func (g *Gateway) openKeys() error {
	key, err := ledger.LoadOrCreateKey(g.config.DataDir)
	if err != nil {
		return fmt.Errorf("opening the ledger key: %w", err)
	}
	if g.hasher, err = rules.NewHasher(key.Secret); err != nil {
		return fmt.Errorf("using the ledger key %s: %w", key.ID, err)
	}
	g.keys.present, g.keys.tenants = map[string]ledger.Key{"": key}, g.config.TenantNames()
	g.keys.files = g.keyFiles() // before they are read: what changes meanwhile is read again
	present, ring, err := g.readKeys(g.keys.tenants)
	if err != nil {
		return fmt.Errorf("opening the ledger keys: %w", err)
	}
	g.keys.present, g.keys.ring = present, ring
	g.history = newHistory(g.config.DataDir, key.Secret)
	return nil
}

// keyFiles looks at the file of every present key.
func (g *Gateway) keyFiles() map[string]os.FileInfo {
	g.keys.mu.Lock()
	tenants := append([]string{""}, g.keys.tenants...)
	g.keys.mu.Unlock()
	files := make(map[string]os.FileInfo, len(tenants))
	for _, tenant := range tenants {
		files[tenant], _ = os.Stat(g.keyPath(tenant)) // nil: whoever reads it says why
	}
	return files
}

// keyPath is the file of a tenant's present key.
func (g *Gateway) keyPath(tenant string) string {
	dir := g.config.DataDir
	if tenant != "" {
		dir = ledger.TenantDir(dir, tenant)
	}
	return filepath.Join(dir, ledger.KeyFile)
}

func unchanged(a, b os.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return os.SameFile(a, b) && a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size()
}

// opening is the keys that rows are opened with.
func (k *keys) opening() *ledger.Keyring {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.ring
}

// ofTenants are the tenants' present keys.
func (k *keys) ofTenants() map[string]ledger.Key {
	tenants := make(map[string]ledger.Key, len(k.tenants))
	for _, tenant := range k.tenants {
		tenants[tenant] = k.present[tenant]
	}
	return tenants
}

// sealed is an incident as it is kept.
func (k *keys) sealed(incident rules.Incident) rules.Incident {
	k.mu.Lock()
	defer k.mu.Unlock()
	own := k.present[""]
	return own.SealIncident(incident)
}

// readKeys reads the keys again, and makes those of new tenants. It refuses what
// [ledger.LoadKeys] refuses, and a key that makes other digests than this gateway's.
func (g *Gateway) readKeys(tenants []string) (present map[string]ledger.Key, ring *ledger.Keyring, err error) {
	g.keys.mu.Lock()
	before := g.keys.present[""]
	g.keys.mu.Unlock()
	own, err := ledger.LoadKey(g.config.DataDir)
	if err != nil {
		return nil, nil, err //nolint:wrapcheck // says it all
	}
	present = map[string]ledger.Key{"": own}
	for _, tenant := range tenants {
		if present[tenant], err = ledger.LoadOrCreateTenantKey(g.config.DataDir, tenant, before); err != nil {
			return nil, nil, err //nolint:wrapcheck // says it all
		}
	}
	for tenant, key := range present {
		if !bytes.Equal(key.Secret, before.Secret) {
			return nil, nil, fmt.Errorf("ledger key %s in %s makes other digests than %s, which this gateway goes on with: sessions and caps would begin anew: restart it for that, or put a key back that `ordergate ledger key rotate` made", key.ID, filepath.Dir(g.keyPath(tenant)), before.ID)
		}
	}
	all, err := ledger.LoadKeys(g.config.DataDir)
	return present, ledger.NewKeyring(all), err //nolint:wrapcheck // says it all
}

// rekey takes keys over: rows of the next batch on are sealed with them.
func (g *Gateway) rekey(ctx context.Context, present map[string]ledger.Key, ring *ledger.Keyring, tenants []string) error {
	g.keys.mu.Lock()
	defer g.keys.mu.Unlock()
	g.keys.tenants = tenants
	var errs []error
	change := func(tenant string, now ledger.Key) {
		before := g.keys.present[tenant]
		if before.ID == now.ID {
			return
		}
		if err := g.store.Rekey(ctx, tenant, now); err != nil {
			errs = append(errs, fmt.Errorf("taking ledger key %s: %w", now.ID, err))
			return
		}
		if g.keys.present[tenant] = now; now.ID == "" {
			delete(g.keys.present, tenant)
		}
		g.log.Info("ledger key changed: rows are sealed with it from now on", "key", now.ID, "before", before.ID, "tenant", tenant)
	}
	for tenant, key := range present {
		change(tenant, key)
	}
	for tenant := range g.keys.present {
		if _, kept := present[tenant]; !kept {
			change(tenant, ledger.Key{})
		}
	}
	g.keys.ring = ring
	return errors.Join(errs...)
}

// renewKeys takes ledger keys that were put into data_dir since the last look. A
// fault is told once, and the keys before go on.
func (g *Gateway) renewKeys() {
	files := g.keyFiles()
	same := true
	for tenant, file := range files {
		same = same && unchanged(g.keys.files[tenant], file)
	}
	if same {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	g.keys.mu.Lock()
	tenants := slices.Clone(g.keys.tenants)
	g.keys.mu.Unlock()
	present, ring, err := g.readKeys(tenants)
	if err == nil {
		err = g.rekey(ctx, present, ring, tenants)
		if err != nil {
			files = nil // they are well: it is tried again
		}
	}
	g.keys.files = files
	fault := ""
	if err != nil {
		fault = err.Error()
	}
	if fault == "" || fault != g.keys.fault {
		g.renewed(metrics.FilesKey, err)
	}
	g.keys.fault = fault
}
