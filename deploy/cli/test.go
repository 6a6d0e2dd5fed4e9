package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/ordergate/ordergate/rules/exfil"
)

// Test is `ordergate test`: it checks rule files and runs the tests in them,
// as the gateway would count. It opens no socket and no ledger.
type Test struct {
	Files []string `arg:"" help:"Rule files, such as my-rules/exfil.yaml." type:"existingfile"`
}

// Run writes one line a test. The error says how many failed; one of wrong
// files is a UsageError.
func (c *Test) Run(stdout io.Writer) error {
	run, failed := 0, 0
	var faults []error
	for _, path := range c.Files {
		text, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("reading a rule file: %w", err)
		}
		file, err := exfil.ParseRules(filepath.Base(path), text)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		for i := range file.Tests {
			run++
			if err := file.Tests[i].Run(file.Rules); err != nil {
				failed++
				fmt.Fprintf(stdout, "FAILED  %s: %s: %v\n", filepath.Base(path), file.Tests[i].Name, err)
				continue
			}
			fmt.Fprintf(stdout, "ok      %s: %s\n", filepath.Base(path), file.Tests[i].Name)
		}
		if len(file.Tests) == 0 {
			fmt.Fprintf(stdout, "none    %s: %d rules and no tests: write some under tests:\n", filepath.Base(path), len(file.Rules))
		}
	}
	switch {
	case len(faults) > 0:
		return UsageError{errors.Join(faults...).Error()}
	case failed > 0:
		return fmt.Errorf("%d of %d tests failed", failed, run)
	}
	_, err := fmt.Fprintf(stdout, "%d tests passed\n", run)
	return err //nolint:wrapcheck // standard output
}
