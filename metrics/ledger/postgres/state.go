package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/metrics/ledger/sqlite"
	"github.com/ordergate/ordergate/rules"
)

// state is what waits for the database besides rows.
type state struct {
	incidents   map[string]savedIncident
	bindings    map[rules.Digest]rules.Binding // at most maxQueued
	checkpoints bool                           // there may be new ones
}

type savedIncident struct {
	ledger.IncidentText
	opened, updated time.Time
	state           string
}

// maxQueued bounds the bindings that wait for the database, some 200 MB at
// most. What is too much is dropped: a session that the database does not know
// makes somebody a stranger at another gateway, which is the careful side.
const maxQueued = 200_000

func saved(incident *rules.Incident) (savedIncident, error) {
	text, err := ledger.TextOf(incident)
	return savedIncident{text, incident.Opened, incident.Updated, incident.State.String()}, err
}

// merge adds what came later.
func (s *state) merge(later state) {
	if s.incidents == nil {
		s.incidents, s.bindings = make(map[string]savedIncident), make(map[rules.Digest]rules.Binding)
	}
	maps.Copy(s.incidents, later.incidents)
	for session, b := range later.bindings {
		if _, ok := s.bindings[session]; ok || len(s.bindings) < maxQueued {
			s.bindings[session] = b
		}
	}
	s.checkpoints = s.checkpoints || later.checkpoints
}

// queue has run send what changed.
func (s *Store) queue(changed state) {
	s.mu.Lock()
	s.waiting.merge(changed)
	s.dirty++
	s.mu.Unlock()
	s.signal()
}

// resend queues what an earlier process may not have sent.
func (s *Store) resend(ctx context.Context) error {
	again, err := stateOf(ctx, s.local, s.opts.Now().Add(-resendBindings))
	if err == nil {
		s.queue(again)
	}
	return err
}

// stateOf returns all that a local store has besides rows, and the sessions seen
// since a time.
func stateOf(ctx context.Context, local *sqlite.Store, since time.Time) (state, error) {
	incidents, err := local.Incidents(ctx)
	if err != nil {
		return state{}, err
	}
	bindings, err := local.Bindings(ctx, since)
	if err != nil {
		return state{}, err
	}
	again := state{incidents: make(map[string]savedIncident), bindings: make(map[rules.Digest]rules.Binding), checkpoints: true}
	for i := range incidents {
		if again.incidents[incidents[i].ID], err = saved(&incidents[i]); err != nil {
			return state{}, err
		}
	}
	for _, b := range bindings {
		again.bindings[b.Session] = b
	}
	return again, nil
}

// resendBindings is how far back sessions are sent again at a start.
const resendBindings = 24 * time.Hour

// settle sends what changed besides rows. Checkpoints go only once the database
// has the entries that they sign for. It returns which changes are sent.
func (s *Store) settle(ctx context.Context) (dirty int64, err error) {
	s.mu.Lock()
	waiting, dirty := s.waiting, s.dirty
	s.waiting = state{}
	s.mu.Unlock()
	if err := s.ship.send(ctx, &waiting, s.local); err != nil {
		s.mu.Lock()
		waiting.merge(s.waiting)
		s.waiting = waiting
		s.mu.Unlock()
		return 0, err
	}
	return dirty, nil
}

// send upserts what waits; checkpoints come from local.
func (s *shipper) send(ctx context.Context, waiting *state, local *sqlite.Store) error {
	if len(waiting.incidents) == 0 && len(waiting.bindings) == 0 && !waiting.checkpoints {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, shipTime)
	defer cancel()
	var batch pgx.Batch
	for _, i := range waiting.incidents {
		batch.Queue("INSERT INTO ordergate_incident (id, node, opened, updated, state, body) VALUES ($1,$2,$3,$4,$5,$6) "+
			"ON CONFLICT (id) DO UPDATE SET opened = excluded.opened, updated = excluded.updated, state = excluded.state, body = excluded.body "+
			"WHERE ordergate_incident.node = excluded.node",
			i.ID, s.id, nanos(i.opened), nanos(i.updated), i.state, i.Body)
	}
	for session, b := range waiting.bindings {
		body, err := json.Marshal(&b)
		if err != nil {
			return fmt.Errorf("session of a binding: %w", err)
		}
		batch.Queue("INSERT INTO ordergate_binding (session, seen, body) VALUES ($1,$2,$3) ON CONFLICT (session) DO UPDATE SET seen = excluded.seen, body = excluded.body "+
			"WHERE ordergate_binding.seen <= excluded.seen", session[:], nanos(b.Seen), string(body))
	}
	if waiting.checkpoints {
		if err := s.queueCheckpoints(ctx, &batch, local); err != nil {
			return err
		}
	}
	if batch.Len() == 0 {
		return nil
	}
	return pgx.BeginFunc(ctx, s.conn, func(tx pgx.Tx) error { return tx.SendBatch(ctx, &batch).Close() })
}

func (s *shipper) queueCheckpoints(ctx context.Context, batch *pgx.Batch, local *sqlite.Store) error {
	var newest int64
	if err := s.conn.QueryRow(ctx, "SELECT coalesce(max(size), -1) FROM ordergate_checkpoint WHERE node = $1", s.id).Scan(&newest); err != nil {
		return err
	}
	checkpoints, err := local.Checkpoints(ctx)
	if err != nil {
		return err
	}
	size := s.head.Tree.Size()
	for i := range checkpoints {
		c := &checkpoints[i]
		if c.Size > newest && c.Size <= size {
			batch.Queue("INSERT INTO ordergate_checkpoint (node, size, time, note) VALUES ($1,$2,$3,$4) ON CONFLICT DO NOTHING", s.id, c.Size, nanos(c.Time), c.Note)
		}
	}
	return nil
}

// SaveIncident implements [ledger.Store].
func (s *Store) SaveIncident(ctx context.Context, incident rules.Incident) error {
	if err := s.local.SaveIncident(ctx, incident); err != nil {
		return err
	}
	i, err := saved(&incident)
	if err == nil {
		s.queue(state{incidents: map[string]savedIncident{i.ID: i}})
	}
	return err
}

// Incidents implements [ledger.Store]: those that this gateway opened.
func (s *Store) Incidents(ctx context.Context) ([]rules.Incident, error) {
	return s.local.Incidents(ctx)
}

// SaveBindings implements [ledger.Store].
func (s *Store) SaveBindings(ctx context.Context, bindings []rules.Binding) error {
	if err := s.local.SaveBindings(ctx, bindings); err != nil || len(bindings) == 0 {
		return err
	}
	changed := state{bindings: make(map[rules.Digest]rules.Binding, len(bindings))}
	for _, b := range bindings {
		changed.bindings[b.Session] = b
	}
	s.queue(changed)
	return nil
}

// Bindings implements [ledger.Store]: those of all gateways, and only this one's
// while the database is lost.
func (s *Store) Bindings(ctx context.Context, since time.Time) ([]rules.Binding, error) {
	if err := s.flush(ctx); err != nil {
		if s.Status().Lost == nil {
			return nil, err
		}
		return s.local.Bindings(ctx, since)
	}
	return s.bindings(ctx, since)
}

// bindings returns those seen since a time, the last seen first.
func (a *archive) bindings(ctx context.Context, since time.Time) ([]rules.Binding, error) {
	rows, err := a.pool.Query(ctx, "SELECT body FROM ordergate_binding WHERE seen >= $1 ORDER BY seen DESC LIMIT $2", nanos(since), ledger.MaxBindings)
	if err != nil {
		return nil, explain(err)
	}
	bindings, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (b rules.Binding, err error) {
		var body []byte
		if err := row.Scan(&body); err != nil {
			return b, err
		}
		return b, json.Unmarshal(body, &b)
	})
	return bindings, explain(err)
}

// SaveCheckpoint implements [ledger.Store].
func (s *Store) SaveCheckpoint(ctx context.Context, checkpoint ledger.Checkpoint) error {
	if err := s.local.SaveCheckpoint(ctx, checkpoint); err != nil {
		return err
	}
	s.queue(state{checkpoints: true})
	return nil
}

// Checkpoints implements [ledger.Store]: this gateway's.
func (s *Store) Checkpoints(ctx context.Context) ([]ledger.Checkpoint, error) {
	return s.local.Checkpoints(ctx)
}

// nanos is how times are kept; zero stays zero.
func nanos(t time.Time) int64 {
	switch {
	case t.IsZero() || t.Before(time.Unix(0, 0)):
		return 0
	case t.Year() >= 2262:
		return 1<<63 - 1
	}
	return t.UnixNano()
}

// errNotReachable is what reads need.
var errNotReachable = errors.New("the ledger's database cannot be reached")
