package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRuleTests(t *testing.T) {
	const rule = "rules: [{name: a, count: subjects, by: session, window: 1h, limit: 1, severity: low}]\n"
	for text, want := range map[string]struct {
		code int
		out  string
	}{
		rule + "tests: [{name: quiet, events: [{foreign: 1}]}]": {ExitOK, "1 tests passed"},
		rule + "tests: [{name: loud, events: [{foreign: 3}]}]":  {ExitFailed, "expected no signal, got a 1"},
		rule:                    {ExitOK, "no tests"},
		"rules: [{name: a}]":    {ExitUsage, ""},
		"rules: {name: broken}": {ExitUsage, ""},
	} {
		path := filepath.Join(t.TempDir(), "r.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		err := (&Test{Files: []string{path}}).Run(&out)
		if code := ExitCode(err); err != nil && code != want.code || err == nil && want.code != ExitOK || !strings.Contains(out.String(), want.out) {
			t.Errorf("%s: %v, %s", text, err, out.String())
		}
	}
}
