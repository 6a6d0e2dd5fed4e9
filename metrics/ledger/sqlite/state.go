package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/rules"
)

// SaveIncident implements [ledger.Store].
func (s *Store) SaveIncident(ctx context.Context, incident rules.Incident) error {
	if incident.ID == "" {
		return errors.New("incident without an id")
	}
	text, err := ledger.TextOf(&incident)
	if err != nil {
		return err
	}
	// First into the log: a table that says what the log does not was changed.
	if err := s.log.Mark(text.Mark(s.now()), true); err != nil {
		return err
	}
	return s.saveIncident(ctx, &incident, text)
}

// Incidents implements [ledger.Store].
func (s *Store) Incidents(ctx context.Context) (incidents []rules.Incident, err error) {
	texts, err := s.IncidentTexts(ctx)
	if err != nil {
		return nil, err
	}
	for _, text := range texts {
		var incident rules.Incident
		if err := json.Unmarshal([]byte(text.Body), &incident); err != nil {
			return nil, fmt.Errorf("incident %s in %s: %w", text.ID, s.path, err)
		}
		incidents = append(incidents, incident)
	}
	return incidents, nil
}

// IncidentTexts returns the kept incidents as their digests in the log are of,
// by Opened, then by ID.
func (s *Store) IncidentTexts(ctx context.Context) (texts []ledger.IncidentText, err error) {
	rows, err := s.read.QueryContext(ctx, "SELECT id, body FROM incident ORDER BY opened, id")
	if err != nil {
		return nil, explain(s.path, err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var text ledger.IncidentText
		if err := rows.Scan(&text.ID, &text.Body); err != nil {
			return nil, explain(s.path, err)
		}
		texts = append(texts, text)
	}
	return texts, explain(s.path, rows.Err())
}

// SaveBindings implements [ledger.Store].
func (s *Store) SaveBindings(ctx context.Context, bindings []rules.Binding) error {
	if len(bindings) == 0 {
		return nil
	}
	return s.transact(ctx, func(ctx context.Context, tx *sql.Tx) (err error) {
		stmt, err := tx.PrepareContext(ctx, "INSERT OR REPLACE INTO binding (session, seen, issued, role, account, claims, own) VALUES (?,?,?,?,?,?,?)")
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, stmt.Close()) }()
		for i := range bindings {
			b := &bindings[i]
			var own []byte
			for _, id := range b.Own[:min(len(b.Own), rules.MaxOwn)] {
				own = packIdentifier(own, id)
			}
			if _, err := stmt.ExecContext(ctx, b.Session[:], nanos(b.Seen, 0), nanos(b.Issued, 0), int64(b.Role),
				blob(&b.Account), int64(b.Claims), nonEmpty(own)); err != nil {
				return err
			}
		}
		return nil
	})
}

// Bindings implements [ledger.Store].
func (s *Store) Bindings(ctx context.Context, since time.Time) (bindings []rules.Binding, err error) {
	rows, err := s.read.QueryContext(ctx, "SELECT session, seen, issued, role, account, claims, own FROM binding INDEXED BY binding_seen "+
		"WHERE seen >= ? ORDER BY seen DESC LIMIT ?", nanos(since, 0), ledger.MaxBindings)
	if err != nil {
		return nil, explain(s.path, err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var (
			b                     rules.Binding
			session, account, own sql.RawBytes
			seen, issued          int64
		)
		err := rows.Scan(&session, &seen, &issued, &b.Role, &account, &b.Claims, &own)
		if err == nil {
			b.Own, err = unpackIdentifiers(own)
		}
		err = errors.Join(err, unpackDigest(session, &b.Session), unpackDigest(account, &b.Account))
		if err != nil {
			return nil, explain(s.path, err)
		}
		b.Seen, b.Issued = orZero(seen), orZero(issued)
		bindings = append(bindings, b)
	}
	return bindings, explain(s.path, rows.Err())
}

// orZero reads a time that may be missing.
func orZero(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return fromNanos(n)
}
