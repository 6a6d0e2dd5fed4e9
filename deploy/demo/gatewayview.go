package demo

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// GatewayView is what a gateway says of itself in its metrics.
type GatewayView struct {
	// Disclosed is how many records went to somebody else than their owner:
	// ordergate_subjects_disclosed_total, foreign and unlinked, delivered or unknown.
	Disclosed float64
	CapTrips  float64  // ordergate_cap_trips_total
	Incidents float64  // ordergate_incidents_open
	Alerts    []string // severities with ordergate_breach_alert 1, in order
}

// maxMetrics bounds what is read of one metrics page, in bytes.
const maxMetrics = 8 << 20

// readGateway reads the metrics of a gateway's admin address.
func readGateway(ctx context.Context, adminURL string) (GatewayView, error) {
	wires := &http.Transport{DisableKeepAlives: true}
	defer wires.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, adminURL+"/metrics", nil)
	if err != nil {
		return GatewayView{}, fmt.Errorf("asking for the gateway's metrics: %w", err)
	}
	resp, err := (&http.Client{Transport: wires, Timeout: requestTimeout}).Do(req)
	if err != nil {
		return GatewayView{}, fmt.Errorf("asking for the gateway's metrics: %w", err)
	}
	defer func() { _ = resp.Body.Close() }() // it was read to its end, or is given up.
	if resp.StatusCode != http.StatusOK {
		return GatewayView{}, fmt.Errorf("asking for the gateway's metrics: answered %d, want 200", resp.StatusCode)
	}
	return parseView(io.LimitReader(resp.Body, maxMetrics))
}

// parseView reads the Prometheus text format as far as it is needed here.
func parseView(from io.Reader) (GatewayView, error) {
	var view GatewayView
	lines := bufio.NewScanner(from)
	for lines.Scan() {
		line := lines.Text()
		name, rest, labelled := strings.Cut(line, "{")
		labels := ""
		if labelled {
			labels, rest, _ = strings.Cut(rest, "}")
		} else {
			name, rest, _ = strings.Cut(line, " ")
		}
		text, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
		value, err := strconv.ParseFloat(text, 64)
		if err != nil || strings.HasPrefix(name, "#") {
			continue
		}
		view.add(name, labels, value)
	}
	slices.Sort(view.Alerts)
	if err := lines.Err(); err != nil {
		return view, fmt.Errorf("reading the gateway's metrics: %w", err)
	}
	return view, nil
}

func (v *GatewayView) add(name, labels string, value float64) {
	switch name {
	case "ordergate_subjects_disclosed_total":
		owner, state := label(labels, "ownership"), label(labels, "state")
		if owner != "own" && (state == "delivered" || state == "unknown") {
			v.Disclosed += value
		}
	case "ordergate_cap_trips_total":
		v.CapTrips += value
	case "ordergate_incidents_open":
		v.Incidents += value
	case "ordergate_breach_alert":
		if value == 1 {
			v.Alerts = append(v.Alerts, label(labels, "severity"))
		}
	}
}

// label returns the value of one label; none of those read here holds a quote.
func label(labels, name string) string {
	for pair := range strings.SplitSeq(labels, ",") {
		if key, value, _ := strings.Cut(pair, "="); key == name {
			return strings.Trim(value, `"`)
		}
	}
	return ""
}

// settleTime is how long a gateway may take to show an attack in its metrics:
// the design promises that incidents and alerts change within a second.
const settleTime = time.Second

// settle reads the metrics until they tell of the outcome, at most settleTime.
func settle(ctx context.Context, adminURL string, before GatewayView, out Outcome) (GatewayView, error) {
	ctx, cancel := context.WithTimeout(ctx, settleTime+time.Second)
	defer cancel()
	deadline := time.NewTimer(settleTime)
	defer deadline.Stop()
	tick := time.NewTicker(25 * time.Millisecond)
	defer tick.Stop()
	for {
		now, err := readGateway(ctx, adminURL)
		if err != nil || now.tells(before, out) {
			return now, err
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			return now, nil
		case <-ctx.Done():
			return now, fmt.Errorf("reading the gateway's metrics: %w", ctx.Err())
		}
	}
}

// tells reports whether the metrics show what the attacker got, and, when
// somebody refused, that an alarm was raised.
func (v GatewayView) tells(before GatewayView, out Outcome) bool {
	if v.Disclosed-before.Disclosed < float64(len(out.Received)) {
		return false
	}
	return out.Refused == 0 || v.CapTrips > before.CapTrips || v.Incidents > before.Incidents
}
