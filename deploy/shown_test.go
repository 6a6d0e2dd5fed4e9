// Package deploy holds nothing but tests: what operators are given (alert
// rules, dashboards) may only name metrics and label values that the gateway
// exposes, as kept in metrics/testdata/metrics.txt.
package deploy

import (
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// exposed are the series names of the golden exposition, each with the values
// that its labels take.
type exposed map[string]map[string]map[string]bool

func exposition(t *testing.T) exposed {
	t.Helper()
	series := regexp.MustCompile(`^(\w+)(?:\{(.*)\})? \S+$`)
	label := regexp.MustCompile(`(\w+)="([^"]*)"`)
	all := exposed{"up": {"job": {"ordergate": true}, "instance": {}}}
	for line := range strings.Lines(string(read(t, "../metrics/testdata/metrics.txt"))) {
		m := series.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil {
			continue
		}
		if all[m[1]] == nil {
			all[m[1]] = map[string]map[string]bool{"job": {"ordergate": true}, "instance": {}}
		}
		for _, pair := range label.FindAllStringSubmatch(m[2], -1) {
			if all[m[1]][pair[1]] == nil {
				all[m[1]][pair[1]] = map[string]bool{}
			}
			all[m[1]][pair[1]][pair[2]] = true
		}
	}
	if len(all) < 20 {
		t.Fatalf("only %d names in the golden exposition", len(all))
	}
	return all
}

// problems returns every name, label or value in a PromQL text that no series has.
func (e exposed) problems(query string) []string {
	selector := regexp.MustCompile(`\b(ordergate_\w+|up)\b(?:\{([^}]*)\})?`)
	matcher := regexp.MustCompile(`(\w+)\s*(?:=~|!=|!~|=)\s*"([^"]*)"`)
	found := selector.FindAllStringSubmatch(query, -1)
	if len(found) == 0 {
		return []string{"no metric in " + query}
	}
	var problems []string
	grouped := map[string]bool{} // every label of every metric in the query
	for _, s := range found {
		labels, ok := e[s[1]]
		if !ok {
			problems = append(problems, "no metric is named "+s[1])
			continue
		}
		for label := range labels {
			grouped[label] = true
		}
		for _, m := range matcher.FindAllStringSubmatch(s[2], -1) {
			values, ok := labels[m[1]]
			if !ok {
				problems = append(problems, s[1]+" has no label "+m[1])
				continue
			}
			for value := range strings.SplitSeq(m[2], "|") {
				if len(values) > 0 && !values[value] && !strings.HasPrefix(value, "$") {
					problems = append(problems, s[1]+" has no "+m[1]+"="+value)
				}
			}
		}
	}
	for _, group := range regexp.MustCompile(`by \(([^)]*)\)`).FindAllStringSubmatch(query, -1) {
		for label := range strings.SplitSeq(group[1], ",") {
			if !grouped[strings.TrimSpace(label)] {
				problems = append(problems, "grouped by "+label+", which no metric there has")
			}
		}
	}
	return problems
}

// check reports the problems of a query to a test.
func (e exposed) check(t *testing.T, where, query string) {
	t.Helper()
	for _, problem := range e.problems(query) {
		t.Errorf("%s: %s", where, problem)
	}
}

type ruleFile struct {
	Groups []struct {
		Name  string
		Rules []struct {
			Alert, Expr, For    string
			Labels, Annotations map[string]string
		}
	}
}

type ruleTests struct {
	Tests []struct{ Name string }
}

func TestAlerts(t *testing.T) {
	var rules ruleFile
	if err := yaml.Unmarshal(read(t, "prometheus/alerts.yml"), &rules); err != nil {
		t.Fatal(err)
	}
	var tests ruleTests
	if err := yaml.Unmarshal(read(t, "prometheus/alerts_test.yml"), &tests); err != nil {
		t.Fatal(err)
	}
	exposed := exposition(t)
	count := 0
	for _, group := range rules.Groups {
		for _, r := range group.Rules {
			count++
			exposed.check(t, r.Alert, r.Expr)
			if s := r.Labels["severity"]; s != "critical" && s != "warning" {
				t.Errorf("%s: severity %q", r.Alert, s)
			}
			if group.Name == "ordergate-breach" && r.For != "0s" {
				t.Errorf("%s: a hard signal waits %s", r.Alert, r.For)
			}
			if !strings.HasSuffix(r.Annotations["summary"], ".") || len(r.Annotations["description"]) < 80 {
				t.Errorf("%s: summary or description does not say what happens and what to do", r.Alert)
			}
			for _, kind := range []string{"attack", "twin"} {
				has := false
				for _, test := range tests.Tests {
					has = has || strings.HasPrefix(test.Name, r.Alert+": "+kind+": ")
				}
				if !has {
					t.Errorf("%s: no %s in alerts_test.yml", r.Alert, kind)
				}
			}
		}
	}
	if count < 15 {
		t.Errorf("only %d alerts were read", count)
	}
}

// TestPromtool runs the alerts' own unit tests where promtool is installed.
func TestPromtool(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not installed")
	}
	for _, args := range [][]string{
		{"check", "rules", "alerts.yml"}, {"check", "config", "prometheus.yml"}, {"test", "rules", "alerts_test.yml"},
	} {
		cmd := exec.CommandContext(t.Context(), promtool, args...)
		cmd.Dir = "prometheus"
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}

type dashboard struct {
	Title, UID    string
	SchemaVersion int
	Templating    struct {
		List []struct{ Name, Type, Definition string }
	}
	Panels []panel
}

type panel struct {
	ID                       int
	Type, Title, Description string
	Datasource               struct{ Type, UID string }
	GridPos                  struct{ H, W, X, Y int }
	FieldConfig              struct{ Defaults struct{ Unit string } }
	Targets                  []struct {
		Expr, LegendFormat, RefID string
		Datasource                struct{ UID string }
	}
}

func TestDashboard(t *testing.T) {
	var d dashboard
	if err := json.Unmarshal(read(t, "grafana/dashboard.json"), &d); err != nil {
		t.Fatal(err)
	}
	if d.Title == "" || d.UID == "" || d.SchemaVersion < 39 || len(d.Panels) < 20 {
		t.Errorf("title %q, uid %q, schema %d, %d panels", d.Title, d.UID, d.SchemaVersion, len(d.Panels))
	}
	exposed := exposition(t)
	if len(d.Templating.List) == 0 || d.Templating.List[0].Type != "datasource" || d.Templating.List[0].Name != "datasource" {
		t.Error("the data source is not a template variable")
	}
	for _, v := range d.Templating.List[1:] {
		exposed.check(t, "variable "+v.Name, v.Definition)
	}
	ids, taken := map[int]bool{}, map[[2]int]string{}
	for _, p := range d.Panels {
		if p.Title == "" || ids[p.ID] {
			t.Errorf("panel %d %q: no title, or its id is taken", p.ID, p.Title)
		}
		ids[p.ID] = true
		p.checkPlace(t, taken)
		if p.Type != "row" {
			p.checkQueries(t, exposed)
		}
	}
}

// checkPlace checks that panels neither overlap nor leave the grid.
func (p *panel) checkPlace(t *testing.T, taken map[[2]int]string) {
	t.Helper()
	if p.GridPos.X+p.GridPos.W > 24 || p.GridPos.W < 1 || p.GridPos.H < 1 {
		t.Errorf("%s: outside the grid", p.Title)
	}
	for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
		for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
			if other, ok := taken[[2]int{x, y}]; ok {
				t.Errorf("%s: over %s", p.Title, other)
				return
			}
			taken[[2]int{x, y}] = p.Title
		}
	}
}

// checkQueries checks that a panel says what it shows, in which unit, from
// metrics that exist, with legends whose labels survive the query.
func (p *panel) checkQueries(t *testing.T, exposed exposed) {
	t.Helper()
	if p.Description == "" || p.FieldConfig.Defaults.Unit == "" || len(p.Targets) == 0 || p.Datasource.UID != "${datasource}" {
		t.Errorf("%s: description, unit, query or data source is missing", p.Title)
	}
	for _, target := range p.Targets {
		exposed.check(t, p.Title, target.Expr)
		if target.LegendFormat == "" || target.RefID == "" || target.Datasource.UID != "${datasource}" {
			t.Errorf("%s: a query without legend, id or data source", p.Title)
		}
		for _, label := range regexp.MustCompile(`\{\{(\w+)\}\}`).FindAllStringSubmatch(target.LegendFormat, -1) {
			if !regexp.MustCompile(`by \([^)]*\b` + label[1] + `\b`).MatchString(target.Expr) {
				t.Errorf("%s: the legend names %s, which the query sums away", p.Title, label[1])
			}
		}
	}
}

// TestProblems tries the checks above on queries that are wrong, and on one
// that is right.
func TestProblems(t *testing.T) {
	exposed := exposition(t)
	for _, query := range []string{
		`ordergate_breach > 0`, `ordergate_breach_alert{colour="red"}`, `ordergate_breach_alert{severity=~"high|huge"}`,
		`sum by (role) (ordergate_breach_alert)`, `vector(1)`,
	} {
		if len(exposed.problems(query)) != 1 {
			t.Errorf("%s: want one problem, got %q", query, exposed.problems(query))
		}
	}
	if p := exposed.problems(`sum by (job, severity) (ordergate_breach_alert{severity!="low",job=~"$job"})`); len(p) > 0 {
		t.Errorf("a good query: %q", p)
	}
}
