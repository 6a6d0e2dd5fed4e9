package gateway

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/ordergate/ordergate/metrics"
	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/rules"
)

// keys are the ledger's keys as a running gateway has them. What it knows of
// sessions, caps, owners and incidents goes by digests that are made with the
// secret that it began with, and that no rotation changes; rows and incidents are
// sealed, at rest, with the present key. So a rotation changes what is written
// from one batch on, and nothing that is counted: nobody sheds a cap by it, no
// session ends, and a restart opens the rows of every kept key.
type keys struct {
	mu      sync.Mutex // guards present and ring
	present ledger.Key
	ring    *ledger.Keyring

	// Of the goroutine that keeps: the key's file when it was read last, nil while it
	// is gone; and what was wrong with it, as it was told.
	file  os.FileInfo
	fault string
}

// openKeys makes the key at the first start, and reads the retired ones.
func (g *Gateway) openKeys() error {
	key, err := ledger.LoadOrCreateKey(g.config.DataDir)
	if err != nil {
		return fmt.Errorf("opening the ledger key: %w", err)
	}
	if g.hasher, err = rules.NewHasher(key.Secret); err != nil {
		return fmt.Errorf("using the ledger key %s: %w", key.ID, err)
	}
	g.keys.file, _ = os.Stat(filepath.Join(g.config.DataDir, ledger.KeyFile)) // read again if it cannot be looked at
	all, err := ledger.LoadKeys(g.config.DataDir)
	if err != nil {
		return fmt.Errorf("opening the retired ledger keys: %w", err)
	}
	g.keys.present, g.keys.ring = all[0], ledger.NewKeyring(all)
	return nil
}

// opening is the keys that rows are opened with.
func (k *keys) opening() *ledger.Keyring {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.ring
}

// sealed is an incident as it is kept.
func (k *keys) sealed(incident rules.Incident) rules.Incident {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.present.SealIncident(incident)
}

// readKeys reads the keys again. It refuses what [ledger.LoadKeys] refuses, and a
// key that makes other digests than this gateway's.
func (g *Gateway) readKeys() ([]ledger.Key, error) {
	all, err := ledger.LoadKeys(g.config.DataDir)
	if err != nil {
		return nil, err //nolint:wrapcheck // says it all
	}
	g.keys.mu.Lock()
	present := g.keys.present
	g.keys.mu.Unlock()
	if !bytes.Equal(all[0].Secret, present.Secret) {
		return nil, fmt.Errorf("ledger key %s makes other digests than %s, which this gateway goes on with: sessions and caps would begin anew: restart it for that, or put a key back that `ordergate ledger key rotate` made", all[0].ID, present.ID)
	}
	return all, nil
}

// rekey takes keys over: rows of the next batch on are sealed with the first.
func (g *Gateway) rekey(ctx context.Context, all []ledger.Key) error {
	g.keys.mu.Lock()
	defer g.keys.mu.Unlock()
	now, before := all[0], g.keys.present
	if now.ID != before.ID {
		if err := g.store.Rekey(ctx, now); err != nil {
			return fmt.Errorf("taking ledger key %s: %w", now.ID, err)
		}
		g.log.Info("ledger key changed: rows are sealed with it from now on", "key", now.ID, "before", before.ID)
	}
	g.keys.present, g.keys.ring = now, ledger.NewKeyring(all)
	return nil
}

// renewKeys takes a ledger key that was put into data_dir since the last look. A
// fault is told once, and the key before goes on.
func (g *Gateway) renewKeys() {
	now, err := os.Stat(filepath.Join(g.config.DataDir, ledger.KeyFile))
	before := g.keys.file
	same := before == nil && now == nil ||
		before != nil && now != nil && os.SameFile(before, now) && before.ModTime().Equal(now.ModTime()) && before.Size() == now.Size()
	if same {
		return
	}
	g.keys.file = now // nil: it is gone
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	var all []ledger.Key
	if err == nil {
		all, err = g.readKeys()
	}
	if err == nil {
		if err = g.rekey(ctx, all); err != nil {
			g.keys.file = before // the file is well: it is tried again
		}
	}
	fault := ""
	if err != nil {
		fault = err.Error()
	}
	if fault == "" || fault != g.keys.fault {
		g.renewed(metrics.FilesKey, err)
	}
	g.keys.fault = fault
}
