package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ordergate/ordergate/deploy/drill"
)

func TestDrillUsage(t *testing.T) {
	for name, c := range map[string]Drill{
		"unknown id":         {Only: []string{"X01"}, Parallel: 1},
		"bad seeds":          {Seeds: "9-3", Parallel: 1},
		"sessions and seeds": {Seeds: "0-3", Sessions: 10, Parallel: 1},
		"no sessions":        {Sessions: -1, Parallel: 1},
		"many seeds":         {Seeds: "0-5000", Parallel: 1},
		"no seeds":           {Seeds: "some", Parallel: 1},
		"none parallel":      {Only: []string{"A01"}},
		"a shop alone":       {Shop: "shop.yaml", Parallel: 1},
		"a target alone":     {Target: "http://127.0.0.1:1", Parallel: 1},
		"no such target":     {Target: "nowhere.yaml", Parallel: 1},
		"a target's seeds":   {Target: "nowhere.yaml", Seeds: "0-3", Parallel: 1},
		"a shop twice":       {Target: "one.yaml", Shop: "two.yaml", Parallel: 1},
	} {
		var out bytes.Buffer
		var usage UsageError
		if err := c.Run(t.Context(), &out, &out); !errors.As(err, &usage) {
			t.Errorf("%s: %v, want wrong usage", name, err)
		}
	}
}

// TestDrillJSON: a goal that is met exits with 0, one that is missed with 3.
func TestDrillJSON(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts gateways")
	}
	for id, code := range map[string]int{"B10": ExitOK, "B14b": ExitFindings} {
		var out bytes.Buffer
		err := (&Drill{Only: []string{id}, Seeds: "3", Parallel: 1, JSON: true}).Run(t.Context(), &out, &out)
		if got := ExitCode(err); got != code {
			t.Errorf("%s: exit code %d (%v), want %d", id, got, err, code)
		}
		var results []drill.Result
		if err := json.Unmarshal(out.Bytes(), &results); err != nil || len(results) != 1 || results[0].ID != id || results[0].Seed != 3 {
			t.Errorf("%s: %d results, %v", id, len(results), err)
		}
		if s, err := drill.Summarise(out.Bytes()); err != nil || len(s.Results) != 1 || (s.Missed > 0) != (code == ExitFindings) {
			t.Errorf("%s: the report of it: %v %+v", id, err, s)
		}
	}
}

// TestDrillEnded: a drill that a signal ends says which rows are missing, and exits
// with 1.
func TestDrillEnded(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, asJSON := range []bool{false, true} {
		var out, log bytes.Buffer
		err := (&Drill{Only: []string{"B10"}, Parallel: 1, JSON: asJSON}).Run(ctx, &out, &log)
		if ExitCode(err) != ExitFailed || !strings.Contains(err.Error(), "not played to their end: B10") {
			t.Errorf("exit code %d: %v", ExitCode(err), err)
		}
		if want := map[bool]string{false: "Incomplete: the drill was ended", true: "[]\n"}[asJSON]; !strings.Contains(out.String(), want) {
			t.Errorf("it writes %q", out.String())
		}
	}
}

// TestSparse: a log is told how far a drill is once in a while, not of each result.
func TestSparse(t *testing.T) {
	var log bytes.Buffer
	now := time.Unix(0, 0)
	s := &sparse{to: &log, now: func() time.Time { return now }, told: now}
	for n := range 100 {
		now = now.Add(time.Second)
		if _, err := fmt.Fprintf(s, "line %d\n", n); err != nil {
			t.Fatal(err)
		}
	}
	want := "drill: 30 played so far; the last: line 29\ndrill: 60 played so far; the last: line 59\ndrill: 90 played so far; the last: line 89\n"
	if got := log.String(); got != want {
		t.Errorf("it is told %q, want %q", got, want)
	}
}

// TestDrillTargetRefuses: nobody's machine is attacked because a file names it; a plan
// asks nobody.
func TestDrillTargetRefuses(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"shop.yaml":     "url: https://shop.invalid\ncustomers: customers.csv\nactions: {search: {path: \"/search?q={query}\"}}\n",
		"customers.csv": "email\nann@mail.example\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	var usage UsageError
	shop := filepath.Join(dir, "shop.yaml")
	if err := (&Drill{Target: shop, Parallel: 1}).Run(t.Context(), &out, &out); !errors.As(err, &usage) || !strings.Contains(err.Error(), "--i-own shop.invalid") {
		t.Errorf("%v, want wrong usage, and what to say", err)
	}
	if err := (&Drill{Target: shop, Plan: true, WhiteBox: true, Parallel: 1}).Run(t.Context(), &out, &out); err != nil || !strings.Contains(out.String(), "1 would be played:\n  A01b SQL injection") {
		t.Errorf("%v, plan:\n%s", err, out.String())
	}
}
