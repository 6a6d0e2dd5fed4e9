package drill

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/metrics/ledger/sqlite"
	"github.com/ordergate/ordergate/rules"
	"github.com/ordergate/ordergate/rules/record"
)

// incidents asks the admin listener what is open.
func (w *world) incidents(ctx context.Context) ([]rules.Incident, error) {
	body, err := w.ask(ctx, "/incidents")
	if err != nil {
		return nil, err
	}
	var open []rules.Incident
	if err := json.Unmarshal(body, &open); err != nil {
		return nil, fmt.Errorf("reading the gateway's incidents: %w", err)
	}
	return open, nil
}

// alerting reports whether ordergate_breach_alert is 1 for any severity.
func (w *world) alerting(ctx context.Context) (bool, error) {
	body, err := w.ask(ctx, "/metrics")
	if err != nil {
		return false, err
	}
	for line := range strings.Lines(string(body)) {
		if strings.HasPrefix(line, "ordergate_breach_alert{") && strings.HasSuffix(strings.TrimSpace(line), " 1") {
			return true, nil
		}
	}
	return false, nil
}

func (w *world) ask(ctx context.Context, path string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+w.gateway.AdminAddr()+path, nil)
	if err != nil {
		return nil, fmt.Errorf("asking the gateway's admin address: %w", err)
	}
	resp, err := w.wires.RoundTrip(req)
	if err != nil {
		return nil, fmt.Errorf("asking the gateway's admin address: %w", err)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return nil, fmt.Errorf("reading from the gateway's admin address: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("asking the gateway's admin address for %s: answered %d", path, resp.StatusCode)
	}
	return body, nil
}

// evidence reads a stopped world's ledger.
type evidence struct {
	store  *sqlite.Store
	keys   *ledger.Keyring
	hasher *rules.Hasher
	world  *world
}

func (w *world) evidence(ctx context.Context) (*evidence, error) {
	hasher, err := w.hasher()
	if err != nil {
		return nil, err
	}
	store, err := sqlite.OpenReadOnly(ctx, filepath.Join(w.dir, "data"))
	if err != nil {
		return nil, fmt.Errorf("reading the drill's ledger: %w", err)
	}
	keys, err := ledger.LoadKeys(filepath.Join(w.dir, "data"))
	if err != nil {
		return nil, fmt.Errorf("reading the drill's ledger key: %w", err)
	}
	return &evidence{store, ledger.NewKeyring(keys), hasher, w}, nil
}

// hasher is the deployment's own: it tells whose sessions are whose.
func (w *world) hasher() (*rules.Hasher, error) {
	key, err := ledger.LoadKey(filepath.Join(w.dir, "data"))
	if err != nil {
		return nil, fmt.Errorf("reading the drill's ledger key: %w", err)
	}
	return rules.NewHasher(key.Secret)
}

// to returns the customers that the ledger says went to these sessions, own
// ones too.
func (e *evidence) to(ctx context.Context, sessions map[rules.Digest]bool) (map[int]bool, error) {
	affected := ledger.Affected{All: true}
	for row, err := range e.store.Disclosures(ctx, ledger.Query{Keys: e.keys}) {
		if err != nil {
			return nil, fmt.Errorf("reading the drill's ledger: %w", err)
		}
		if sessions[row.Principal.Session] {
			affected.Add(row)
		}
	}
	return e.customers(&affected), nil
}

// reported returns the customers that `report affected --incident all` names:
// those in rows of an incident's principal, not their own.
func (e *evidence) reported(ctx context.Context, since time.Time) (map[int]bool, error) {
	incidents, err := e.store.Incidents(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the drill's incidents: %w", err)
	}
	affected := ledger.Affected{All: true} // see cli.ReportAffected
	seen := map[int64]bool{}
	for i := range incidents {
		incidents[i] = e.keys.OpenIncident(incidents[i])
		query := ledger.IncidentQuery(incidents[i])
		query.Keys = e.keys
		for row, err := range e.store.Disclosures(ctx, query) {
			if err != nil {
				return nil, fmt.Errorf("reading the drill's ledger: %w", err)
			}
			if !seen[row.Sequence] && !row.Time.Before(since) && ledger.Concerns(&incidents[i], &row) {
				seen[row.Sequence] = true
				affected.Add(row)
			}
		}
	}
	return e.customers(&affected), nil
}

// customers joins affected subjects with the shop's list.
func (e *evidence) customers(affected *ledger.Affected) map[int]bool {
	subjects, _ := affected.Subjects()
	matcher := ledger.NewMatcher(subjects)
	columns := []string{"customer_id", "name", "email", "phone", "street", "city", "postcode", "country"}
	named := map[int]bool{}
	for i, c := range e.world.customers {
		a := c.Address
		cells := []string{c.ID, a.Name, c.Email, c.Phone, a.Street, a.City, a.Postcode, a.Country}
		if _, ok := matcher.Match(record.Identify(e.hasher, nil, columns, cells)); ok {
			named[i] = true
		}
	}
	return named
}

// digests are the sessions of visitors as the gateway names them: of their
// credentials, and with address the stand-in of their address.
func (w *world) digests(visitors []*visitor, address bool) (map[rules.Digest]bool, error) {
	hasher, err := w.hasher()
	if err != nil {
		return nil, err
	}
	all := map[rules.Digest]bool{}
	for _, v := range visitors {
		for _, credential := range v.shown {
			all[hasher.Key(rules.KeySession, []byte(credential))] = true
		}
		if address {
			all[hasher.Key(rules.KeySession, []byte(v.address+"/32"))] = true
		}
	}
	return all, nil
}
