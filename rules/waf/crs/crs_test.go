package crs

import (
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	crstests "github.com/corazawaf/coraza-coreruleset/v4/tests"
	schema "github.com/coreruleset/ftw-tests-schema/v2/types"
	"github.com/coreruleset/go-ftw/v2/config"
	"github.com/coreruleset/go-ftw/v2/ftwhttp"
	"github.com/coreruleset/go-ftw/v2/output"
	"github.com/coreruleset/go-ftw/v2/runner"
	"github.com/coreruleset/go-ftw/v2/test"
	"github.com/coreruleset/go-ftw/v2/waflog"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/ordergate/ordergate/proxy"
)

func TestMain(m *testing.M) {
	// The runner and albedo tell every request.
	zerolog.SetGlobalLevel(zerolog.Disabled)
	slog.SetDefault(slog.New(slog.DiscardHandler))
	goleak.VerifyTestMain(m)
}

// atLeast is the number of tests in Core Rule Set 4.25.0: fewer were loaded
// wrongly.
const atLeast = 4674

// within bounds the whole run; a stage that never answers takes the runner's
// read timeout.
const within = 3 * time.Minute

// TestCoreRuleSet runs every test and compares what does not pass with the
// table.
func TestCoreRuleSet(t *testing.T) {
	known := readKnown(t)
	suite := load(t)
	s := newSession(t, start(t))
	passed, different, end := 0, 0, time.Now().Add(within)
	for i := range suite {
		if time.Now().After(end) {
			t.Fatalf("not finished after %v: %d of %d tests ran", within, i, len(suite))
		}
		id := suite[i].IdString()
		fault := s.run(&suite[i])
		reason, listed := known[id]
		delete(known, id)
		switch {
		case fault == "" && !listed:
			passed++
		case fault != "" && listed:
			different++
		case fault != "":
			t.Errorf("%s does not pass: %s", id, fault)
		default:
			t.Errorf("%s passes: take it out of known.txt (%q)", id, reason)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(known)) {
		t.Errorf("known.txt names %s, which is no test", id)
	}
	t.Logf("Core Rule Set tests: %d, passed: %d, known differences: %d", len(suite), passed, different)
}

// TestVersions: what is tested is what the product stands on.
func TestVersions(t *testing.T) {
	versions := func(name string) []string {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return slices.Sorted(slices.Values(regexp.MustCompile(`github\.com/corazawaf/\S+ v\S+`).FindAllString(string(text), -1)))
	}
	tested, product := versions("go.mod"), versions("../../../go.mod")
	if len(product) == 0 || !slices.Equal(tested, product) {
		t.Errorf("this module requires %q, the product %q: make them the same", tested, product)
	}
}

// load reads the tests that belong to the embedded rules.
func load(t *testing.T) []schema.Test {
	t.Helper()
	var suite []schema.Test
	err := fs.WalkDir(crstests.FS, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || path.Ext(name) != ".yaml" {
			return err
		}
		text, err := fs.ReadFile(crstests.FS, name)
		if err != nil {
			return err
		}
		file, err := test.GetTestFromYaml(text, path.Base(name))
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		suite = append(suite, file.Tests...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(suite) < atLeast {
		t.Fatalf("loaded %d tests, want at least %d", len(suite), atLeast)
	}
	return suite
}

// readKnown reads the table: the test's id, a space, the reason.
func readKnown(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("known.txt")
	if err != nil {
		t.Fatal(err)
	}
	known := make(map[string]string)
	for n, line := range strings.Split(string(text), "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		id, reason, _ := strings.Cut(line, " ")
		if reason = strings.TrimSpace(reason); reason == "" {
			t.Fatalf("known.txt:%d: %s has no reason", n+1, id)
		}
		if _, twice := known[id]; twice {
			t.Fatalf("known.txt:%d: %s is there twice", n+1, id)
		}
		known[id] = reason
	}
	return known
}

// session runs tests, one after another.
type session struct {
	watch *watch
	ftw   *runner.TestRunContext
}

func newSession(t *testing.T, g *gateway) *session {
	t.Helper()
	cfg := config.NewRunnerConfiguration(&config.FTWConfiguration{
		LogFile: g.log, RunMode: config.DefaultRunMode, LogMarkerHeaderName: config.DefaultLogMarkerHeaderName,
		MaxMarkerRetries: config.DefaultMaxMarkerRetries, MaxMarkerLogLines: config.DefaultMaxMarkerLogLines,
		TestOverride: config.FTWTestOverride{Overrides: config.Overrides{DestAddr: &g.host, Port: &g.port}},
	})
	cfg.ReadTimeout = 20 * time.Second // no test waits for it, slow machines need it
	lines, err := waflog.NewFTWLogLines(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = lines.Cleanup() })
	client, err := ftwhttp.NewClient(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return &session{watch: g.watch, ftw: &runner.TestRunContext{
		RunnerConfig: cfg, Output: output.NewOutput(string(output.Quiet), io.Discard), Stats: runner.NewRunStats(), Client: client, LogLines: lines,
	}}
}

// run runs the stages of a test and returns what is wrong, "" for nothing.
// runner.RunTest is not used: of a test with many stages it tells the last
// one's result only.
func (s *session) run(tc *schema.Test) (fault string) {
	for i := range tc.Stages {
		stage := &tc.Stages[i]
		fault = s.stage(tc, stage)
		if fault != "" && stage.Output.RetryOnce != nil && *stage.Output.RetryOnce {
			fault = s.stage(tc, stage)
		}
		if fault != "" {
			return fmt.Sprintf("stage %d: %s", i+1, fault)
		}
	}
	return ""
}

func (s *session) stage(tc *schema.Test, stage *schema.Stage) (fault string) {
	s.watch.take()
	check, err := runner.NewCheck(s.ftw)
	if err == nil {
		err = runner.RunStage(s.ftw, check, *tc, *stage)
	}
	seen, logged := s.watch.take()
	switch {
	case err != nil:
		return fmt.Sprintf("%v%s", err, describe(stage, seen, logged))
	case s.ftw.Result != runner.Success:
		return "wrong rules or status" + describe(stage, seen, logged)
	case wantsRefusal(stage):
		return ""
	case len(seen) == 0:
		return "no request reached the gateway's handler" + describe(stage, seen, logged)
	}
	for i := range seen {
		if !seen[i].WAFRan || seen[i].WAFFailed {
			return "the rules did not see the request" + describe(stage, seen, logged)
		}
	}
	return ""
}

// wantsRefusal reports whether a stage wants the server, not the rules, to
// refuse its request.
func wantsRefusal(stage *schema.Stage) bool {
	return stage.Output.Status >= http.StatusBadRequest || stage.Output.ExpectError != nil && *stage.Output.ExpectError
}

// describe says what a stage wanted and what it got.
func describe(stage *schema.Stage, seen []proxy.Summary, logged string) string {
	var b strings.Builder
	want := stage.Output
	fmt.Fprintf(&b, "; wanted status %d, rules %v, not %v", want.Status, want.Log.ExpectIds, want.Log.NoExpectIds)
	if want.Log.MatchRegex != "" || want.Log.NoMatchRegex != "" {
		fmt.Fprintf(&b, ", text %q, not %q", want.Log.MatchRegex, want.Log.NoMatchRegex)
	}
	for i := range seen {
		fmt.Fprintf(&b, "; got status %d, %s, rules", seen[i].Status, seen[i].Reason)
		for _, hit := range seen[i].WAF.Hits {
			fmt.Fprintf(&b, " %d", hit.Rule)
		}
	}
	if logged != "" {
		fmt.Fprintf(&b, "; log %q", logged)
	}
	return b.String()
}
