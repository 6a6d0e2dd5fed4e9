//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"
)

// sample is what one contender came to in one turn. A figure that was not taken
// is zero.
type sample struct {
	Measure   string  `json:"measure"`          // mix, routes, …
	Case      string  `json:"case"`             // what of it, such as the route; empty: all
	Contender string  `json:"contender"`        // its name
	Run       int64   `json:"run"`              // Unix time at which its run began
	Round     int     `json:"round"`            // of that run
	Requests  int     `json:"requests"`         // counted
	CPU       float64 `json:"cpu_us"`           // µs of CPU time a request
	Rate      float64 `json:"rate,omitempty"`   // requests a second that it served
	Busy      float64 `json:"busy,omitempty"`   // share of the time in which its core worked for it
	P50       float64 `json:"p50_us,omitempty"` // at half that rate
	P99       float64 `json:"p99_us,omitempty"`
	Memory    int64   `json:"memory,omitempty"` // bytes, afterwards
	Objects   float64 `json:"objects,omitempty"`
	Bytes     float64 `json:"bytes,omitempty"` // allocated a request
}

// entrant is what is known of a contender before anything is measured.
type entrant struct {
	Name    string `json:"name"`
	Title   string `json:"title"`
	Version string `json:"version,omitempty"`
	Idle    int64  `json:"idle,omitempty"` // bytes of memory before the first request
	Fault   string `json:"fault,omitempty"`
}

// results are what one or several runs came to.
type results struct {
	Machine   string    `json:"machine"`
	Commit    string    `json:"commit,omitempty"`
	Entrants  []entrant `json:"entrants"`
	Notes     []string  `json:"notes,omitempty"`
	Samples   []sample  `json:"samples"`
	Principal []growth  `json:"principals,omitempty"`
}

// growth is what the gateway comes to with so many principals that it remembers.
type growth struct {
	Run        int64         `json:"run"`
	Principals int           `json:"principals"`
	Restored   time.Duration `json:"restored_ns"` // to start and count them from the ledger
	Memory     int64         `json:"memory"`
	CPU        float64       `json:"cpu_us"` // a request of the mix
	Bare       float64       `json:"bare_us"`
}

// readResults reads the results of earlier runs; a file that is not there holds
// none.
func readResults(file string) (*results, error) {
	r := &results{}
	if file == "" {
		return r, nil
	}
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	} else if err != nil {
		return nil, fmt.Errorf("reading earlier samples: %w", err)
	}
	if err := json.Unmarshal(text, r); err != nil {
		return nil, fmt.Errorf("reading earlier samples in %s: %w: give another file, or remove it", file, err)
	}
	return r, nil
}

func (r *results) write(file string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("writing the samples: %w", err)
	}
	if err := os.WriteFile(file, append(text, '\n'), 0o600); err != nil {
		return fmt.Errorf("writing the samples: %w", err)
	}
	return nil
}

// enter notes a contender, instead of what an earlier run said of it.
func (r *results) enter(e *entrant) {
	if i := slices.IndexFunc(r.Entrants, func(known entrant) bool { return known.Name == e.Name }); i >= 0 {
		r.Entrants[i] = *e
		return
	}
	r.Entrants = append(r.Entrants, *e)
}

// cases returns the cases of a measure in the order in which they were measured.
func (r *results) cases(measure string) []string {
	var found []string
	for i := range r.Samples {
		if s := &r.Samples[i]; s.Measure == measure && !slices.Contains(found, s.Case) {
			found = append(found, s.Case)
		}
	}
	return found
}

// of returns a contender's samples of a case.
func (r *results) of(measure, of, contender string) []sample {
	var found []sample
	for _, s := range r.Samples {
		if s.Measure == measure && s.Case == of && s.Contender == contender {
			found = append(found, s)
		}
	}
	return found
}

// figure is the median of one figure of samples; 0 without any.
func figure(of []sample, take func(*sample) float64) float64 {
	var all []float64
	for i := range of {
		if v := take(&of[i]); v > 0 {
			all = append(all, v)
		}
	}
	return median(all)
}

// ratio is the median of the ratios of a figure to another contender's in the
// same round of the same run; 0 where they never met.
func ratio(of, to []sample, take func(*sample) float64) float64 {
	var all []float64
	for i := range of {
		for j := range to {
			if of[i].Run == to[j].Run && of[i].Round == to[j].Round && take(&to[j]) > 0 && take(&of[i]) > 0 {
				all = append(all, take(&of[i])/take(&to[j]))
			}
		}
	}
	return median(all)
}

func median(all []float64) float64 {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	if n := len(all); n%2 == 0 {
		return (all[n/2-1] + all[n/2]) / 2
	}
	return all[len(all)/2]
}
