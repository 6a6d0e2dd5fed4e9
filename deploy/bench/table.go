//go:build linux

package main

import (
	"fmt"
	"strings"
)

// markdown is the results as tables that people read, too.
func (r *results) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# What ordergate costs beside others\n\nWritten by `go run ./deploy/bench`; what is measured and how, says its [doc.go](doc.go). %s", r.Machine)
	if r.Commit != "" {
		fmt.Fprintf(&b, ", commit %s", r.Commit)
	}
	b.WriteString(". One core for the server; times in µs; × are ratios to the bare proxy in the same round; medians of the rounds.\n")
	r.standings(&b)
	r.mixTable(&b)
	r.ratioTable(&b, "routes", "CPU time of each kind of request")
	r.allocationTable(&b)
	r.ratioTable(&b, "mixing", "CPU time a request of the mix's kinds, mixed and apart")
	r.ratioTable(&b, "attacks", "CPU time of an attack, refused by whoever carries rules")
	r.fractionTable(&b, "attacks", "coraza", "An attack, as a share of what it costs Coraza with its defaults")
	r.ratioTable(&b, "body", "CPU time by the size of a JSON body")
	r.ratioTable(&b, "parameters", "CPU time by the number of a form's parameters")
	r.ratioTable(&b, "paranoia", "CPU time by paranoia level")
	r.principalTable(&b)
	if len(r.Notes) > 0 {
		b.WriteString("\n## Notes\n\n")
		for _, note := range r.Notes {
			fmt.Fprintf(&b, "- %s\n", note)
		}
	}
	return b.String()
}

// row writes a line of a table.
func row(b *strings.Builder, cells ...string) {
	b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
}

func heading(b *strings.Builder, title string, columns ...string) {
	fmt.Fprintf(b, "\n## %s\n\n", title)
	row(b, columns...)
	rule := make([]string, len(columns))
	for i := range rule {
		rule[i] = "---"
	}
	row(b, rule...)
}

func (r *results) standings(b *strings.Builder) {
	if len(r.Entrants) == 0 {
		return
	}
	heading(b, "Contenders", "", "what", "verified", "memory before the first request")
	for _, e := range r.Entrants {
		what, said, idle := strings.TrimSpace(e.Title+" "+e.Version), "clean requests pass with the origin's bytes, attacks are refused", mebibytes(float64(e.Idle))
		if c := named(e.Name); !c.guarded {
			said = "clean requests pass with the origin's bytes"
		}
		if e.Fault != "" {
			said = "not measured: " + strings.ReplaceAll(e.Fault, "\n", " ")
		}
		row(b, e.Name, what, said, idle)
	}
}

func (r *results) mixTable(b *strings.Builder) {
	if len(r.cases("mix")) == 0 {
		return
	}
	heading(b, "The storefront mix", "", "CPU a request", "×", "requests/s on one core", "p50 at half of that", "p99", "memory afterwards", "CPU of this ÷ ordergate's")
	bare, own := r.of("mix", "", "bare"), r.of("mix", "", "ordergate")
	for _, e := range r.Entrants {
		of := r.of("mix", "", e.Name)
		if len(of) == 0 {
			continue
		}
		rate := fmt.Sprintf("%.0f", figure(of, rateOf))
		if figure(of, busyOf) < 0.85 { // clients and origin were the narrow place
			rate = "at least " + rate
		}
		row(b, e.Name, micros(figure(of, cpuOf)), times(ratio(of, bare, cpuOf)), rate, micros(figure(of, p50Of)), micros(figure(of, p99Of)),
			mebibytes(figure(of, memoryOf)), times(ratio(of, own, cpuOf)))
	}
}

// ratioTable is a measure with a row a case and a column a contender.
func (r *results) ratioTable(b *strings.Builder, measure, title string) {
	r.table(b, measure, title, func(of, bare []sample) string {
		return micros(figure(of, cpuOf)) + " (" + times(ratio(of, bare, cpuOf)) + ")"
	}, "bare")
}

// fractionTable shows a measure as ratios to another contender than the bare one.
func (r *results) fractionTable(b *strings.Builder, measure, to, title string) {
	if len(r.of(measure, first(r.cases(measure)), to)) == 0 {
		return
	}
	r.table(b, measure, title, func(of, other []sample) string { return times(ratio(of, other, cpuOf)) }, to)
}

func first(of []string) string {
	if len(of) == 0 {
		return ""
	}
	return of[0]
}

func (r *results) table(b *strings.Builder, measure, title string, cell func(of, to []sample) string, to string) {
	cases := r.cases(measure)
	if len(cases) == 0 {
		return
	}
	var who []string
	for i := range contenders {
		if len(r.of(measure, cases[0], contenders[i].name)) > 0 {
			who = append(who, contenders[i].name)
		}
	}
	heading(b, title, append([]string{""}, who...)...)
	for _, c := range cases {
		cells := []string{c}
		for _, name := range who {
			of := r.of(measure, c, name)
			if len(of) == 0 {
				cells = append(cells, "-")
				continue
			}
			cells = append(cells, cell(of, r.of(measure, c, to)))
		}
		row(b, cells...)
	}
}

// allocationTable is what the Go programs allocate.
func (r *results) allocationTable(b *strings.Builder) {
	r.table(b, "routes", "Allocations a request: objects, KiB (Go programs)", func(of, _ []sample) string {
		objects := figure(of, func(s *sample) float64 { return s.Objects })
		if objects == 0 {
			return "-"
		}
		return fmt.Sprintf("%.0f, %.1f", objects, figure(of, func(s *sample) float64 { return s.Bytes })/(1<<10))
	}, "bare")
}

func (r *results) principalTable(b *strings.Builder) {
	if len(r.Principal) == 0 {
		return
	}
	heading(b, "Principals that ordergate remembers, each with a session and a counted customer", "principals", "CPU a request of the mix", "×", "memory", "start, with reading them from the ledger")
	for _, g := range r.Principal {
		row(b, fmt.Sprint(g.Principals), micros(g.CPU), times(g.CPU/g.Bare), mebibytes(float64(g.Memory)), fmt.Sprintf("%.1f s", g.Restored.Seconds()))
	}
	b.WriteString("\nReplicas: one process so far, so there is nothing to measure.\n")
}

func cpuOf(s *sample) float64    { return s.CPU }
func rateOf(s *sample) float64   { return s.Rate }
func busyOf(s *sample) float64   { return s.Busy }
func p50Of(s *sample) float64    { return s.P50 }
func p99Of(s *sample) float64    { return s.P99 }
func memoryOf(s *sample) float64 { return float64(s.Memory) }

func micros(v float64) string {
	if v == 0 {
		return "-"
	}
	return fmt.Sprintf("%.0f", v)
}

func times(v float64) string {
	switch {
	case v == 0:
		return "-"
	case v < 10:
		return fmt.Sprintf("%.2f×", v)
	}
	return fmt.Sprintf("%.1f×", v)
}

func mebibytes(v float64) string {
	if v == 0 {
		return "-"
	}
	return fmt.Sprintf("%.0f MiB", v/(1<<20))
}
