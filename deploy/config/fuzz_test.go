package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
)

// FuzzParse checks that no text crashes or hangs the reader, that a refusal
// always says what to do in printable lines, and that what is accepted means
// the same after it was written out.
func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"testdata/good/*.yaml", "testdata/bad/*.txtar"} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, path := range paths {
			data, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			text, _, _ := strings.Cut(strings.TrimPrefix(string(data), "-- ordergate.yaml --\n"), "-- error --\n")
			f.Add([]byte(text))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Parse("f", data)
		if err == nil {
			roundTrip(t, &c)
			return
		}
		var faults Faults
		if !errors.As(err, &faults) || len(faults) == 0 {
			t.Fatalf("not Faults: %v", err)
		}
		for _, fault := range faults {
			line := fault.Error()
			if fault.Problem == "" || fault.Remedy == "" || strings.ContainsFunc(line, unicode.IsControl) || len(line) > 1000 {
				t.Errorf("a fault that is no line for an operator: %q", line)
			}
		}
	})
}
