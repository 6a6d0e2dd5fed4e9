package drill

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"io"
	"slices"
	"strings"
	texttemplate "text/template"

	"github.com/ordergate/ordergate/metrics/ledger/report"
)

//go:embed templates
var templates embed.FS

// SummarySchema names the form of a [Summary]'s JSON.
const SummarySchema = "ordergate-drill-1"

// Summary is a drill told to people who were not there. It holds numbers, ids and
// this program's own texts, and nobody's data.
type Summary struct {
	Schema      string `json:"schema"`
	Version     int    `json:"version"` // 0: a draft
	Previous    string `json:"previous,omitempty"`
	GeneratedAt string `json:"generated_at"` // RFC 3339, UTC
	Tool        string `json:"tool"`         // the version of ordergate that made the summary
	Source      string `json:"source_sha256"`

	Target   string  `json:"target"` // empty: a gateway of the drill's own, before the sample shop
	Requests int     `json:"requests"`
	Seconds  float64 `json:"seconds,omitempty"` // of a target
	Stopped  string  `json:"stopped,omitempty"`

	Attacks    int `json:"attacks"`
	Missed     int `json:"goals_missed"` // rows that miss a goal
	Alerted    int `json:"attacks_alerted"`
	Blind      int `json:"attacks_without_knowing_alerts"`
	MostLost   int `json:"most_customers_lost_in_one_attack"`
	Violations int `json:"cap_violations"`

	Workloads   int `json:"workloads"`
	Sessions    int `json:"honest_sessions"` // in workloads
	Refused     int `json:"honest_refused"`  // in all that was played
	FalseAlerts int `json:"false_alerts"`

	Results []Result `json:"results"`
	Skipped []Skip   `json:"skipped,omitempty"`
	Limits  string   `json:"limits"`
}

// ErrSummary says that a text is not what `ordergate drill --json` writes.
var ErrSummary = errors.New("not the result of `ordergate drill --json`")

// Summarise reads what a drill wrote with --json, of the sample shop or of a
// target.
func Summarise(text []byte) (*Summary, error) {
	var of Report
	into := any(&of)
	if strings.HasPrefix(strings.TrimSpace(string(text)), "[") {
		into = &of.Results
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields() // what it does not know it would not tell
	if err := decoder.Decode(into); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSummary, err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: there is more behind it", ErrSummary)
	}
	if len(of.Results) == 0 || slices.ContainsFunc(of.Results, func(r Result) bool { return r.ID == "" }) {
		return nil, fmt.Errorf("%w: it has no results, or one without an id", ErrSummary)
	}
	s := &Summary{
		Schema: SummarySchema, Source: report.Digest(text), Target: of.Target, Seconds: of.Seconds, Stopped: of.Stopped,
		Missed: Missed(of.Results), Results: of.Results, Skipped: of.Skipped, Limits: strings.Join(strings.Fields(limitsKnown), " "),
	}
	for i := range of.Results {
		s.add(&of.Results[i])
	}
	return s, nil
}

func (s *Summary) add(r *Result) {
	s.Requests += r.Requests
	s.Refused += r.Refused
	s.Violations += r.Violations
	if r.Benign {
		s.Workloads++
		s.Sessions += r.Sessions
		s.FalseAlerts += r.FalseAlerts
		return
	}
	s.Attacks++
	s.MostLost = max(s.MostLost, r.Lost)
	switch {
	case r.Blind:
		s.Blind++
	case r.Alert:
		s.Alerted++
	}
}

// JSON is the summary as JSON, indented, with a line feed at its end: the form
// whose digest the next version names.
func (s *Summary) JSON() ([]byte, error) {
	text, err := json.MarshalIndent(s, "", "  ")
	return append(text, '\n'), err
}

// helpers are what both templates call.
var helpers = map[string]any{
	"md": report.Escape, "ratio": ratio, "join": strings.Join, "after": short,
	"label": func(r Result) string { return r.label() },
}

// Markdown is the summary for people who edit it.
func (s *Summary) Markdown() ([]byte, error) {
	t, err := texttemplate.New("summary.md").Funcs(helpers).ParseFS(templates, "templates/summary.md")
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = t.Execute(&b, s)
	return b.Bytes(), err
}

// HTML is the summary for people who print it: one page without scripts or
// anything loaded from elsewhere.
func (s *Summary) HTML() ([]byte, error) {
	t, err := htmltemplate.New("summary.html").Funcs(helpers).ParseFS(templates, "templates/summary.html")
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = t.Execute(&b, s)
	return b.Bytes(), err
}
