package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const oneRule = "rules: [{name: NAME, count: subjects, by: session, window: 1h, limit: 7, severity: low}]\n"

// TestRuleFiles: rules of files stand beside the shipped ones, or take their
// place; faults of all files are told at once.
func TestRuleFiles(t *testing.T) {
	dir := t.TempDir()
	for name, rule := range map[string]string{"a.yaml": "mine", "b.yaml": "card-number", "c.yaml": "mine", "bad.yaml": "No Name", "worse.yml": ""} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(strings.Replace(oneRule, "NAME", rule, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		files  []string
		rules  int
		limit  int // of card-number
		faults []string
	}{
		{nil, 4, 0, nil},
		{[]string{"a.yaml"}, 5, 0, nil},
		{[]string{"[ab].yaml"}, 5, 7, nil},
		{[]string{"a.yaml", "c.yaml"}, 0, 0, []string{`two files have a rule "mine"`}},
		{[]string{"none-*.yaml", "bad.yaml", "worse.yml"}, 0, 0, []string{"none-*.yaml", "No Name", "worse.yml"}},
	} {
		cfg := Default()
		cfg.dir, cfg.Detectors.Rules.Files = dir, c.files
		list, err := cfg.RuleFiles()
		if (err != nil) != (len(c.faults) > 0) {
			t.Errorf("%v: %v", c.files, err)
		}
		for _, part := range c.faults {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%v: %q is not told: %v", c.files, part, err)
			}
		}
		if err != nil {
			continue
		}
		if len(list) != c.rules {
			t.Errorf("%v: %d rules, want %d", c.files, len(list), c.rules)
		}
		for i := range list {
			if list[i].Name == "card-number" && list[i].Limit != c.limit {
				t.Errorf("%v: card-number has limit %d, want %d", c.files, list[i].Limit, c.limit)
			}
		}
	}
}
