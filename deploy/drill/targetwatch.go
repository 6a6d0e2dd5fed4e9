package drill

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/ordergate/ordergate/rules"
)

// Watch says where a target's alerts are read. The zero value: nowhere, and the
// columns about alerts stay empty.
type Watch struct {
	Metrics   string // address of ordergate's metrics
	Incidents string // address of its incidents; says more, and is taken where both are given
	Token     string // of the admin listener, if it wants one
}

// watchEvery is how often alerts are looked for.
const watchEvery = 250 * time.Millisecond

// watch looks for alerts while a playbook is played. A nil one looks nowhere.
type watch struct {
	from   Watch
	client *http.Client
	last   time.Time

	before    map[string]int // signals of each detector or incident when the playbook began
	alert     bool
	at        time.Duration
	detectors map[string]bool
}

func newWatch(from Watch) *watch {
	if from.Metrics == "" && from.Incidents == "" {
		return nil
	}
	return &watch{from: from, client: &http.Client{Timeout: 10 * time.Second}}
}

// begin forgets what was there before the playbook.
func (w *watch) begin(ctx context.Context) error {
	if w == nil {
		return nil
	}
	signals, _, err := w.signals(ctx)
	w.before, w.alert, w.at, w.detectors, w.last = signals, false, 0, map[string]bool{}, time.Now()
	return err
}

// poll looks for signals that came since the playbook began, in incidents that are
// open.
func (w *watch) poll(l *live) {
	if w == nil || time.Since(w.last) < watchEvery || l.err != nil {
		return
	}
	w.look(l)
}

func (w *watch) look(l *live) {
	w.last = time.Now()
	signals, open, err := w.signals(l.ctx)
	if err != nil {
		if l.ctx.Err() == nil {
			l.err = err
		}
		return
	}
	if !open {
		return
	}
	for key, n := range signals {
		if n <= w.before[key] {
			continue
		}
		_, detector, _ := strings.Cut(key, " ")
		w.detectors[detector] = true
		if !w.alert {
			w.alert, w.at = true, l.since()
		}
	}
}

// signals counts signals, by incident and detector, and reports whether an incident
// is open.
func (w *watch) signals(ctx context.Context) (map[string]int, bool, error) {
	if w.from.Incidents != "" {
		return w.incidents(ctx)
	}
	body, err := w.ask(ctx, w.from.Metrics)
	if err != nil {
		return nil, false, err
	}
	counts, open, ours := map[string]int{}, false, false
	for line := range strings.Lines(string(body)) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), "} ")
		n, err := strconv.ParseFloat(value, 64)
		ours = ours || strings.HasPrefix(line, "ordergate_")
		if !ok || err != nil {
			continue
		}
		if strings.HasPrefix(name, "ordergate_breach_alert{") {
			open = open || n == 1
		}
		if _, detector, ok := strings.Cut(name, `detector="`); ok && strings.HasPrefix(name, "ordergate_signals_total{") {
			detector, _, _ = strings.Cut(detector, `"`)
			counts[" "+detector] += int(n)
		}
	}
	if !ours {
		return nil, false, fmt.Errorf("%s has no metrics of ordergate: give the address of its /metrics", w.from.Metrics)
	}
	return counts, open, nil
}

func (w *watch) incidents(ctx context.Context) (map[string]int, bool, error) {
	body, err := w.ask(ctx, w.from.Incidents)
	if err != nil {
		return nil, false, err
	}
	var open []rules.Incident
	if err := json.Unmarshal(body, &open); err != nil {
		return nil, false, fmt.Errorf("reading the incidents at %s: %w: give the address of the admin listener's /incidents", w.from.Incidents, err)
	}
	counts := map[string]int{}
	for i := range open {
		for detector, n := range open[i].Detectors {
			counts[open[i].ID+" "+string(detector)] = n
		}
	}
	return counts, len(open) > 0, nil
}

func (w *watch) ask(ctx context.Context, address string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("looking for alerts: %w", err)
	}
	if w.from.Token != "" {
		req.Header.Set("Authorization", "Bearer "+w.from.Token)
	}
	resp, err := w.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("looking for alerts: %w", err)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return nil, fmt.Errorf("looking for alerts at %s: %w", address, err)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("looking for alerts at %s: it answers %d", address, resp.StatusCode)
	}
	return body, nil
}
