package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/rules"
)

// RestoreState writes what a ledger has besides rows into dir, replacing what is
// there of the same names. The ledger must not be in use.
func RestoreState(ctx context.Context, dir string, incidents []rules.Incident, bindings []rules.Binding, checkpoints []ledger.Checkpoint) (err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make %s: %w", dir, err)
	}
	locked, err := lock(dir)
	if err != nil {
		return err
	}
	s := &Store{path: filepath.Join(dir, File), now: time.Now, lock: locked}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := s.openWriter(ctx, 0); err != nil {
		return err
	}
	for i := range incidents {
		text, err := ledger.TextOf(&incidents[i])
		if err == nil {
			err = s.saveIncident(ctx, &incidents[i], text)
		}
		if err != nil {
			return err
		}
	}
	for _, checkpoint := range checkpoints {
		if err := s.SaveCheckpoint(ctx, checkpoint); err != nil {
			return err
		}
	}
	return s.SaveBindings(ctx, bindings)
}

// Hold keeps every writer from the ledger in dir until release is called.
func Hold(dir string) (release func() error, err error) {
	locked, err := lock(dir)
	if err != nil {
		return nil, err
	}
	return locked.Close, nil
}

func (s *Store) saveIncident(ctx context.Context, incident *rules.Incident, text ledger.IncidentText) error {
	return s.transact(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "INSERT OR REPLACE INTO incident (id, opened, updated, state, body) VALUES (?,?,?,?,?)",
			incident.ID, nanos(incident.Opened, 0), nanos(incident.Updated, 0), incident.State.String(), text.Body)
		return err
	})
}
