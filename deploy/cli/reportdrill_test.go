package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ordergate/ordergate/deploy/drill"
	"github.com/ordergate/ordergate/metrics/ledger/report"
)

// drilled are the results of three rows: a goal met, one missed, honest people.
var drilled = []drill.Result{
	{ID: "A01a", Name: "order numbers | in a row", Seed: 3, Requests: 100, LostBeforeAlert: 4, LostBeforeContain: 5, Lost: 5, Bound: 10, BoundOf: "cap", Alert: true, AlertIn: 90, Contained: true, Detectors: []string{"cap", "walk"}, Precision: 1, Recall: 1, Reported: 1},
	{ID: "A02", Name: "<b>slow</b>", Seed: 3, WhiteBox: true, Requests: 50, Lost: 40, Bound: 20, Violations: 2, Precision: 1, Recall: 0.5, Reported: -1, Missed: []string{"40 lost, want at most 20"}, Note: "below the caps"},
	{ID: "B01", Name: "shoppers", Benign: true, Seed: 3, Seeds: 4, Requests: 900, Sessions: 80, Refused: 1, FalseAlerts: 2},
}

func drillFile(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "results.json")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// The report of a drill says the same in all forms, and an issued one is never
// replaced: each names the one before and has the drill's own results beside it.
func TestReportDrill(t *testing.T) {
	path, data := drillFile(t, drilled), t.TempDir()
	run := func(format string, issue bool) (string, string) {
		t.Helper()
		var out, notes bytes.Buffer
		c := ReportDrill{Results: path, DataDir: data, Format: format, Issue: issue, Version: "v1.2.3", Now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
		if err := c.Run(nil, &out, &notes); err != nil {
			t.Fatal(err)
		}
		return out.String(), notes.String()
	}
	source, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for format, wants := range map[string][]string{
		"md":   {"DRAFT", "v1.2.3", report.Digest(source), `order numbers \| in a row`, "| rows that miss a goal | 1 of 3 |", "A02w, seed 3: 40 lost, want at most 20 (below the caps)", "&lt;b&gt;", "never contained", "| B01 | shoppers | 3 on, 4 seeds | 80 | 900 | 1 | 2 | met |"},
		"html": {"DRAFT", "v1.2.3", report.Digest(source), "order numbers | in a row", "1 of 3", "A02w, seed 3: 40 lost, want at most 20 (below the caps)", "&lt;b&gt;", "never contained"},
		"json": {`"goals_missed": 1`, `"most_customers_lost_in_one_attack": 40`, `"cap_violations": 2`, `"honest_sessions": 80`, `"generated_at": "2026-03-01T12:00:00Z"`},
	} {
		text, _ := run(format, false)
		for _, want := range wants {
			if !strings.Contains(text, want) {
				t.Errorf("%s lacks %q:\n%s", format, want, text)
			}
		}
		if format == "html" && (strings.Contains(text, "<b>slow") || strings.Contains(text, "<script") || strings.Contains(text, "http")) {
			t.Errorf("the page has something of somebody else:\n%s", text)
		}
	}
	if _, err := os.Stat(filepath.Join(data, "reports")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a draft was kept: %v", err)
	}
	shelf := report.Shelf{Dir: filepath.Join(data, "reports"), About: "drill"}
	first, note := run("json", true)
	second, _ := run("json", true)
	if !strings.Contains(note, "version 1") || !strings.Contains(second, `"version": 2`) || !strings.Contains(second, `"previous": "`+report.Digest([]byte(first))) {
		t.Errorf("the second version does not name the first: %s\n%s", note, second)
	}
	for form, want := range map[string]string{"json": first, "results.json": string(source)} {
		if kept, err := os.ReadFile(shelf.Path(1, form)); err != nil || string(kept) != want {
			t.Errorf("version 1 as %s: %v", form, err)
		}
	}
	sums, err := os.ReadFile(shelf.Path(1, "sha256"))
	if err != nil || strings.Count(string(sums), "\n") != 4 {
		t.Errorf("the digests of four forms: %v\n%s", err, sums)
	}
}

// A drill against a target says whose, what was not played, and that it ended early.
func TestReportDrillOfTarget(t *testing.T) {
	text, err := json.Marshal(drill.Report{
		Target: "http://shop.test", Results: drilled[:1], Skipped: []drill.Skip{{ID: "A15", Name: "invoices", Why: "no action of that kind"}}, Seconds: 120, Stopped: "interrupted",
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, format := range []string{"md", "html"} {
		var out, notes bytes.Buffer
		c := ReportDrill{Results: "-", DataDir: t.TempDir(), Format: format}
		if err := c.Run(bytes.NewReader(text), &out, &notes); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"http://shop.test", "ended early", "interrupted", "A15, invoices: no action of that kind", "None."} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%s lacks %q:\n%s", format, want, out.String())
			}
		}
	}
}

func TestReportDrillRefuses(t *testing.T) {
	for name, value := range map[string]any{
		"no results":       []drill.Result{},
		"results of what":  []map[string]any{{"id": "A01", "lost_and_found": 3}},
		"no id":            []map[string]any{{"name": "A01"}},
		"something else":   "A01",
		"an incident":      map[string]any{"identity": map[string]any{"incident": "inc-1"}},
		"an empty target":  map[string]any{"target": "http://shop.test"},
		"numbers as texts": []map[string]any{{"id": "A01", "lost": "3"}},
	} {
		var out bytes.Buffer
		var usage UsageError
		c := ReportDrill{Results: drillFile(t, value), DataDir: t.TempDir(), Format: "md"}
		if err := c.Run(nil, &out, &out); !errors.As(err, &usage) || !strings.Contains(err.Error(), "ordergate drill --json") {
			t.Errorf("%s: %v, want wrong usage", name, err)
		}
	}
	c := ReportDrill{Results: filepath.Join(t.TempDir(), "nowhere"), Format: "md"}
	var usage UsageError
	if err := c.Run(nil, &bytes.Buffer{}, &bytes.Buffer{}); !errors.As(err, &usage) {
		t.Errorf("a file that is not there: %v", err)
	}
	two := `[{"id":"A01"}] [{"id":"A02"}]`
	c = ReportDrill{Results: "-", Format: "md"}
	if err := c.Run(strings.NewReader(two), &bytes.Buffer{}, &bytes.Buffer{}); !errors.As(err, &usage) {
		t.Errorf("two results behind one another: %v", err)
	}
}
