package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/ordergate/ordergate/rules/exfil"
)

// RuleFiles returns the exfiltration rules that the config comes to: those
// that are shipped, and those of its rule files, where a rule takes the place of a
// shipped one of the same name. All faults are told at once. A pattern that
// names no file is a fault: a rule that is not read protects nobody.
func (c *Config) RuleFiles() ([]exfil.Rule, error) {
	var own []exfil.Rule
	var faults []error
	for _, pattern := range c.Detectors.Rules.Files {
		pattern = c.beside(pattern)
		paths, err := filepath.Glob(pattern)
		if err != nil || len(paths) == 0 {
			faults = append(faults, fmt.Errorf("detectors.rules.files: %q names no file: write a path or a pattern such as exfil/*.yaml", pattern))
		}
		for _, path := range paths {
			file, err := readRules(path)
			if err != nil {
				faults = append(faults, err)
			}
			own = append(own, file.Rules...)
		}
	}
	names := map[string]bool{}
	for i := range own {
		if names[own[i].Name] {
			faults = append(faults, fmt.Errorf("detectors.rules.files: two files have a rule %q: rename one", own[i].Name))
		}
		names[own[i].Name] = true
	}
	list := slices.DeleteFunc(exfil.DefaultRules(), func(r exfil.Rule) bool { return names[r.Name] })
	return append(list, own...), errors.Join(faults...)
}

func readRules(path string) (exfil.RuleFile, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return exfil.RuleFile{}, fmt.Errorf("reading a rule file: %w", err)
	}
	return exfil.ParseRules(filepath.Base(path), text) //nolint:wrapcheck // names the file
}
