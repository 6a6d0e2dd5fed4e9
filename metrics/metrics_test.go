package metrics

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/common/expfmt"
	"go.uber.org/goleak"

	"github.com/ordergate/ordergate/rules"
)

// update rewrites the golden file in place of comparing with it.
var update = flag.Bool("update", false, "rewrite testdata/metrics.txt")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// started returns the metrics of a gateway that has just started.
func started(t testing.TB) (*Metrics, *prometheus.Registry) {
	t.Helper()
	reg := prometheus.NewPedanticRegistry()
	m, err := New(reg)
	if err != nil {
		t.Fatal(err)
	}
	m.Build("v0.0.0")
	m.ConfigLoaded(true, time.Unix(1_700_000_000, 0))
	m.SetRules([]int{942100})
	m.Source(func() Snapshot {
		return Snapshot{Budget: map[rules.Window]int{rules.WindowHour: 300, rules.WindowDay: 2000}, Upstreams: map[string]bool{"shop.internal:3000": true}}
	})
	return m, reg
}

func exposition(t testing.TB, reg *prometheus.Registry) string {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	for _, family := range families {
		if _, err := expfmt.MetricFamilyToText(&b, family); err != nil {
			t.Fatal(err)
		}
	}
	return strings.ReplaceAll(b.String(), runtime.Version(), "go")
}

// TestExposition keeps the whole exposition, so that a renamed metric, a lost
// label value or a changed help text is seen in a diff.
func TestExposition(t *testing.T) {
	m, reg := started(t)
	m.RuleHit(942100, "critical", WAFBlocked)
	got := exposition(t, reg)
	path := filepath.Join("testdata", "metrics.txt")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the exposition differs from %s; run the test with -update if it should", path)
	}
	for line := range strings.Lines(got) {
		if help, ok := strings.CutPrefix(line, "# HELP ordergate_"); ok && !strings.HasSuffix(help, ".\n") {
			t.Errorf("help is not a sentence: %s", line)
		}
	}
}

func TestLint(t *testing.T) {
	_, reg := started(t)
	problems, err := testutil.GatherAndLint(reg)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// TestLabelSizes checks that the array sizes are those of the vocabulary.
func TestLabelSizes(t *testing.T) {
	for name, got := range map[string][2]int{
		"roles":      {len(rules.Roles()), roleCount},
		"ownerships": {len(rules.Ownerships()), ownershipCount},
		"states":     {len(rules.States()), stateCount},
		"severities": {len(rules.Severities()), severityCount},
		"windows":    {len(rules.Windows()), windowCount},
		"fields":     {len(rules.FieldNames()), fieldCount},
		"stages":     {len(Stages()), int(stageCount)},
		"outcomes":   {len(WAFOutcomes()), int(wafOutcomes)},
		"clearances": {len(Clearances()), int(clearances)},
		"spans":      {len(SpanOutcomes()), int(spanOutcomes)},
		"steps":      {len(rules.Steps()) + 1, stepCount},
	} {
		if got[0] != got[1] {
			t.Errorf("%s: %d in the vocabulary, %d here", name, got[0], got[1])
		}
	}
	for i, window := range rules.Windows() {
		if got, ok := windowIndex(window); !ok || got != i {
			t.Errorf("window %v has index %d, want %d", window, got, i)
		}
	}
}

// observed is what one method call does to the exposition.
type observed struct {
	name string
	do   func(m *Metrics)
	want []string // the series that change, with their new values
}

// observe checks which series each method moves, and by how much.
func observe(t *testing.T, cases []observed) {
	t.Helper()
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			m, reg := started(t)
			before := exposition(t, reg)
			tt.do(m)
			wantChanged(t, before, exposition(t, reg), tt.want)
		})
	}
}

func TestTraffic(t *testing.T) {
	observe(t, []observed{
		{"request", func(m *Metrics) { m.Request(rules.RoleShopper, rules.ReasonCap, time.Second) }, []string{
			`ordergate_requests_total{outcome="cap",route_role="shopper"} 1`, `ordergate_request_duration_seconds_sum 1`,
		}},
		{"strange request", func(m *Metrics) { m.Request(rules.Role(99), "weather", 0) }, []string{
			`ordergate_requests_total{outcome="other",route_role="guest"} 1`,
		}},
		{"stage", func(m *Metrics) { m.Stage(StageFind, time.Millisecond); m.Stage(Stage(99), 1) }, []string{
			`ordergate_overhead_seconds_count{stage="find"} 1`, `ordergate_overhead_seconds_sum{stage="find"} 0.001`,
		}},
		{"waf", func(m *Metrics) { m.WAF(WAFBlocked, 15); m.WAF(WAFError, 0); m.WAF(WAFOutcome(9), 0) }, []string{
			`ordergate_waf_requests_total{outcome="blocked"} 1`, `ordergate_waf_requests_total{outcome="error"} 2`,
			`ordergate_waf_anomaly_score_sum 15`, `ordergate_waf_anomaly_score_count 1`,
		}},
		{"rule", func(m *Metrics) {
			m.RuleHit(942100, "critical", WAFBlocked)
			m.RuleHit(1, "odd", WAFDetected)
			m.RuleHit(2, "odd", WAFDetected)
		}, []string{
			`ordergate_waf_rule_hits_total{outcome="blocked",rule_id="942100",severity="critical"} 1`,
			`ordergate_waf_rule_hits_total{outcome="detected",rule_id="other",severity="unset"} 2`,
		}},
		{"uninspected", func(m *Metrics) {
			m.Uninspected(rules.UninspectedNone)
			m.Uninspected(rules.UninspectedBomb)
			m.Uninspected("fog")
		}, []string{
			`ordergate_uninspected_responses_total{reason="bomb"} 1`, `ordergate_uninspected_responses_total{reason="other"} 1`,
		}},
	})
}

func TestDisclosures(t *testing.T) {
	staff := rules.Principal{Role: rules.RoleStaff}
	record := rules.Record{Fields: rules.FieldName | rules.FieldEmail}
	observe(t, []observed{
		{"disclosed", func(m *Metrics) {
			m.Disclosed(&rules.Disclosure{Principal: staff, Record: record, Ownership: rules.Unlinked, State: rules.Unknown})
			m.Disclosed(&rules.Disclosure{Principal: staff, Record: record, State: rules.Withheld})
			m.Disclosed(&rules.Disclosure{Principal: staff, Record: record, State: rules.Attempted})
		}, []string{
			`ordergate_disclosures_total{field="email",ownership="unlinked",role="staff"} 1`,
			`ordergate_disclosures_total{field="name",ownership="unlinked",role="staff"} 1`,
		}},
		{"subjects", func(m *Metrics) {
			m.Subjects(rules.RoleGuest, rules.Foreign, rules.Withheld, 7)
			m.Subjects(rules.RoleGuest, rules.Foreign, rules.Withheld, -7)
			m.Subjects(rules.RoleGuest, rules.Ownership(9), rules.Withheld, 7)
		}, []string{
			`ordergate_subjects_disclosed_total{ownership="foreign",role="guest",state="withheld"} 7`,
		}},
	})
}

func TestAlarms(t *testing.T) {
	staff, guest := rules.Principal{Role: rules.RoleStaff}, rules.Principal{}
	observe(t, []observed{
		{"cap", func(m *Metrics) {
			m.Signal(&rules.Signal{Detector: rules.DetectorCap, Severity: rules.SeverityHigh, Principal: guest, Key: rules.KeySession, Window: rules.WindowHour})
			m.Signal(&rules.Signal{Detector: rules.DetectorCap, Severity: rules.SeverityCritical, Principal: guest, Key: rules.KeySite, Window: rules.WindowDay})
			m.Signal(&rules.Signal{Detector: rules.DetectorCap, Severity: rules.SeverityLow, Principal: guest, Key: rules.KeyASN, Window: rules.WindowMonth})
		}, []string{
			`ordergate_signals_total{detector="cap",severity="high"} 1`, `ordergate_signals_total{detector="cap",severity="critical"} 1`,
			`ordergate_signals_total{detector="cap",severity="low"} 1`,
			`ordergate_cap_trips_total{key="session",role="guest",window="1h"} 1`,
			`ordergate_cap_trips_total{key="site",role="guest",window="24h"} 1`,
			`ordergate_cap_trips_total{key="other",role="guest",window="30d"} 1`,
		}},
		{"canary", func(m *Metrics) {
			m.Signal(&rules.Signal{Detector: rules.DetectorCanary, Severity: rules.SeverityCritical, Principal: staff})
		}, []string{
			`ordergate_signals_total{detector="canary",severity="critical"} 1`, `ordergate_canary_hits_total{role="staff"} 1`,
		}},
		{"strange signal", func(m *Metrics) { m.Signal(&rules.Signal{Detector: "moon", Severity: 99}) }, []string{
			`ordergate_signals_total{detector="other",severity="critical"} 1`,
		}},
		{"containment", func(m *Metrics) {
			m.Contained(rules.StepCut, rules.RoleSeller)
			m.Contained(rules.Step(9), rules.RoleSeller)
			m.Contained(rules.StepNone, rules.RoleSeller)
		}, []string{
			`ordergate_containments_total{role="seller",step="cut"} 1`,
		}},
	})
}

func TestOperation(t *testing.T) {
	observe(t, []observed{
		{"ledger", func(m *Metrics) { m.LedgerAppend(time.Second); m.LedgerGap(3); m.LedgerGap(-1) }, []string{
			`ordergate_ledger_append_seconds_sum 1`, `ordergate_ledger_gap_total 3`,
		}},
		{"checkpoint", func(m *Metrics) {
			m.Checkpoint("http", false)
			m.Checkpoint("store", true)
			m.Checkpoint("pigeon", true)
		}, []string{
			`ordergate_ledger_checkpoints_total{place="http",result="failed"} 1`, `ordergate_ledger_checkpoints_total{place="store",result="ok"} 1`,
			`ordergate_ledger_checkpoints_total{place="other",result="ok"} 1`,
		}},
		{"spans", func(m *Metrics) { m.Spans(SpansExported, 512); m.Spans(SpansDropped, 2); m.Spans(SpanOutcome(9), 1) }, []string{
			`ordergate_spans_total{outcome="exported"} 512`, `ordergate_spans_total{outcome="dropped"} 2`, `ordergate_spans_total{outcome="failed"} 1`,
		}},
		{"reload", func(m *Metrics) { m.ConfigLoaded(false, time.Unix(1_800_000_000, 0)) }, []string{
			`ordergate_config_last_reload_successful 0`,
		}},
		{"files", func(m *Metrics) {
			m.FilesRead(FilesASN, false)
			m.FilesRead(fileKinds, false)
			m.CertificateExpiry(time.Unix(1_800_000_000, 0))
		}, []string{
			`ordergate_files_last_reload_successful{kind="asn"} 0`, `ordergate_tls_certificate_expiry_timestamp_seconds 1.8e+09`,
		}},
		{"snapshot", func(m *Metrics) {
			m.Source(func() Snapshot {
				return Snapshot{
					Budget: map[rules.Window]int{rules.WindowHour: 0, rules.WindowDay: 2000}, Degraded: true, LedgerLag: time.Second,
					Principals: map[rules.KeyKind]rules.Remembered{rules.KeySession: {Live: 5}, rules.KeyIP: {Evicted: 2, Crowded: 3}},
					Bounds:     Bounds{MemoryUsed: 5, MemoryCeiling: 6, SheddingStep: 1, Connections: 7, ConnectionsMost: 8, Refused: [2]uint64{1, 2}, Reclaimed: [2]uint64{3, 4}},
				}
			})
		}, []string{
			`ordergate_budget_remaining{scope="site_1h"} 0`, `ordergate_state_degraded 1`, `ordergate_ledger_lag_seconds 1`,
			`ordergate_memory_used_bytes 5`, `ordergate_memory_ceiling_bytes 6`, `ordergate_shedding_step 1`, `ordergate_connections_open 7`, `ordergate_connections_limit 8`,
			`ordergate_connections_refused_total{full="all"} 1`, `ordergate_connections_refused_total{full="address"} 2`,
			`ordergate_connections_reclaimed_total{full="all"} 3`, `ordergate_connections_reclaimed_total{full="address"} 4`,
			`ordergate_state_principals{key="session"} 5`, `ordergate_state_evictions_total{key="ip"} 2`, `ordergate_state_crowded_total{key="ip"} 3`,
		}},
	})
}

// wantChanged checks that exactly the wanted series changed; a histogram's
// own parts that are not named may change with it.
func wantChanged(t *testing.T, before, after string, want []string) {
	t.Helper()
	old := make(map[string]bool)
	for line := range strings.Lines(before) {
		old[line] = true
	}
	missing := make(map[string]bool)
	for _, line := range want {
		missing[line+"\n"] = true
	}
	for line := range strings.Lines(after) {
		switch {
		case missing[line]:
			delete(missing, line)
		case old[line] || strings.HasPrefix(line, "#"):
		case strings.Contains(line, "_bucket{") || strings.Contains(line, "_count") || strings.Contains(line, "_sum"):
		default:
			t.Errorf("changed too: %s", line)
		}
	}
	for line := range missing {
		t.Errorf("did not change to: %s", line)
	}
}

func TestIncidents(t *testing.T) {
	m, reg := started(t)
	before := exposition(t, reg)
	bulk := rules.Incident{Detector: rules.DetectorBulkResponse, Severity: rules.SeverityHigh}
	canary := rules.Incident{Detector: rules.DetectorCanary, Severity: rules.SeverityCritical}
	odd := rules.Incident{Detector: "moon", Severity: rules.SeverityLow, State: rules.IncidentAcknowledged}
	m.IncidentsOpen([]rules.Incident{bulk, bulk, canary, odd})
	wantChanged(t, before, exposition(t, reg), []string{
		`ordergate_incidents_open{detector="bulk_response",severity="high"} 2`,
		`ordergate_incidents_open{detector="canary",severity="critical"} 1`,
		`ordergate_incidents_open{detector="other",severity="low"} 1`,
		`ordergate_breach_alert{severity="high"} 1`,
		`ordergate_breach_alert{severity="critical"} 1`,
	})
	canary.State, bulk.State = rules.IncidentAcknowledged, rules.IncidentClosed
	m.IncidentsOpen([]rules.Incident{bulk, canary})
	wantChanged(t, before, exposition(t, reg), []string{
		`ordergate_incidents_open{detector="canary",severity="critical"} 1`,
	})
	m.IncidentsOpen(nil)
	if exposition(t, reg) != before {
		t.Error("no incident is open, and the gauges are not as at the start")
	}
}

func TestRegisteredOnce(t *testing.T) {
	_, reg := started(t)
	if _, err := New(reg); err == nil {
		t.Error("a second set of metrics was registered")
	}
}

func TestBuildNamesOneVersion(t *testing.T) {
	m, reg := started(t)
	m.Build("v1.2.3")
	text := exposition(t, reg)
	if !strings.Contains(text, `ordergate_build_info{goversion="go",version="v1.2.3"} 1`) || strings.Contains(text, "v0.0.0") {
		t.Error("build_info does not name exactly the last version")
	}
}

// TestAllocations keeps the request path free of garbage. The race detector
// changes the counts.
func TestAllocations(t *testing.T) {
	m, _ := started(t)
	d := &rules.Disclosure{Record: rules.Record{Fields: rules.FieldName | rules.FieldEmail}}
	s := &rules.Signal{Detector: rules.DetectorCap, Severity: rules.SeverityHigh, Key: rules.KeySession, Window: rules.WindowHour}
	perExchange := func() {
		m.Request(rules.RoleShopper, rules.ReasonNone, time.Millisecond)
		for stage := range stageCount {
			m.Stage(stage, time.Microsecond)
		}
		m.WAF(WAFPassed, 0)
		m.Disclosed(d)
		m.Subjects(rules.RoleShopper, rules.Own, rules.Delivered, 1)
		m.Signal(s)
		m.Contained(rules.StepRefuse, rules.RoleGuest)
		m.Uninspected(rules.UninspectedSyntax)
		m.LedgerAppend(time.Millisecond)
	}
	if n := testing.AllocsPerRun(200, perExchange); n > 0 {
		t.Errorf("%v allocations for one exchange, want none", n)
	}
}

func BenchmarkExchange(b *testing.B) {
	m, _ := started(b)
	b.ReportAllocs()
	for b.Loop() {
		m.Request(rules.RoleShopper, rules.ReasonNone, time.Millisecond)
		for stage := range stageCount {
			m.Stage(stage, time.Microsecond)
		}
		m.WAF(WAFPassed, 0)
		m.Subjects(rules.RoleShopper, rules.Own, rules.Delivered, 1)
	}
}
