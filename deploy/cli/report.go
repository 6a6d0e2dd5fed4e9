package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/rules"
)

// ReportAffected is `ordergate report affected`: one row for every customer
// whose data was released, in a period or in an incident.
//
// A subject is affected when a record of it was released (state delivered, or
// unknown, which counts as released) to somebody else: ownership foreign or
// unlinked. What was withheld or only attempted is counted, not listed.
//
// With Customers the rows are the retailer's own: their columns first, as they
// are in the file, and only those whose data was released. The file is read row
// by row, so its size does not matter.
//
// In CSV a cell that starts with = + - @, a tab or a carriage return gets a
// leading apostrophe, so that a spreadsheet does not take it for a formula;
// that includes phone numbers such as +61. JSON has the cells unchanged; its
// field names and order are stable. Times are RFC 3339 in UTC.
type ReportAffected struct {
	DataDir string `name:"data-dir" default:"./ordergate-data" type:"path" help:"The gateway's data_dir."`
	Source
	Incident  string   `help:"Only what this incident's session or account was sent (or its route, or the site, if it has neither), from 24 h before it opened until it was closed; all: what any incident's was sent." placeholder:"ID|all"`
	Since     string   `help:"From this time on: RFC 3339, a date, or how long ago (90m, 24h, 7d)." placeholder:"TIME"`
	Until     string   `help:"Before this time: likewise." placeholder:"TIME"`
	Customers string   `help:"The retailer's customer list (CSV): its customers are named instead of digests." placeholder:"FILE" type:"path"`
	Countries []string `help:"Countries of the customers (AU,NZ), to read national phone numbers as the gateway does: records.countries of its config." placeholder:"CC"`
	Format    string   `enum:"csv,json" default:"csv" help:"csv or json."`
	All       bool     `help:"Also what customers were sent of their own."`
	Out       string   `help:"Write to this file (mode 0600, replaced whole) instead of stdout." placeholder:"FILE" type:"path"`

	// Now is the time that durations in Since and Until are counted back from;
	// zero means the time of the call.
	Now time.Time `kong:"-"`
}

// Run writes the report to stdout, or to Out, and what is worth knowing about
// it (counts, guessed columns, what could not be joined) to stderr. Wrong flags
// give a [UsageError].
func (c *ReportAffected) Run(stdout, stderr io.Writer) error {
	query, err := c.query()
	if err != nil {
		return err
	}
	ctx := context.Background()
	store, err := c.open(ctx, c.DataDir)
	if err != nil {
		return err
	}
	err = c.run(ctx, store, query, console{stdout, stderr})
	return errors.Join(err, store.Close())
}

// console is where a command writes.
type console struct{ out, err io.Writer }

// note writes a line about the answer; a broken stderr is nobody's loss.
func (c console) note(format string, args ...any) { _, _ = fmt.Fprintf(c.err, format+"\n", args...) }

func (c *ReportAffected) run(ctx context.Context, store openedArchive, query ledger.Query, to console) error {
	selected := []selection{{query: query}}
	if c.Incident != "" {
		incidents, err := findIncidents(ctx, store, c.Incident)
		if err != nil {
			return err
		}
		selected = selected[:0]
		for i := range incidents {
			selected = append(selected, selection{ledger.IncidentQuery(incidents[i]), &incidents[i]})
		}
	}
	// What belongs to an incident was sent to somebody else, even where it
	// looked like the own data of whoever had stolen a password.
	affected := ledger.Affected{All: c.All || c.Incident != ""}
	missing := unread{to: to}
	keys := make(map[string]int) // disclosures by key id
	type place struct {
		node     string
		sequence int64
	}
	seen := make(map[place]struct{})
	for _, s := range selected {
		if c.All {
			s.query.Ownership = nil
		}
		s.query.Damaged = missing.add
		for row, err := range store.Disclosures(ctx, s.query) {
			if err != nil {
				return err
			}
			at := place{row.Node, row.Sequence}
			if _, again := seen[at]; again || !s.concerns(&row) {
				continue // one row may belong to several incidents
			}
			if len(selected) > 1 {
				seen[at] = struct{}{}
			}
			affected.Add(row)
			keys[row.Key]++
		}
	}
	r := affectedList{incident: c.Incident, query: query, keys: keys, digests: make(map[string]bool), json: c.Format == "json"}
	for id := range keys {
		r.digests[store.keys.Digests(id)] = true
	}
	r.subjects, r.counts = affected.Subjects()
	r.explain(to)
	err := deliver(c.Out, to, func(out io.Writer) error {
		if c.Customers == "" {
			return r.writeSubjects(out)
		}
		return c.join(&r, console{out, to.err})
	})
	if err != nil {
		return err
	}
	return missing.err()
}

// selection is one part of what a report reads.
type selection struct {
	query    ledger.Query
	incident *rules.Incident // nil: everything that the query selects
}

func (s selection) concerns(row *ledger.Row) bool {
	return s.incident == nil || ledger.Concerns(s.incident, row)
}

// query checks the flags and makes the query of a report without incident.
func (c *ReportAffected) query() (ledger.Query, error) {
	query := ledger.Query{Ownership: []rules.Ownership{rules.Foreign, rules.Unlinked}}
	now := c.Now
	if now.IsZero() {
		now = time.Now()
	}
	var err error
	switch {
	case c.Format != "" && c.Format != "csv" && c.Format != "json":
		return query, usagef("format %q: use csv or json", c.Format)
	case c.Incident != "" && (c.Since != "" || c.Until != ""):
		return query, usagef("an incident has a period of its own: leave out either --incident or --since and --until")
	}
	if query.Since, err = moment("--since", c.Since, now); err != nil {
		return query, err
	}
	if query.Until, err = moment("--until", c.Until, now); err != nil {
		return query, err
	}
	if !query.Until.IsZero() && !query.Since.Before(query.Until) {
		return query, usagef("--since %s is not before --until %s: swap them", c.Since, c.Until)
	}
	return query, nil
}

var dayPattern = regexp.MustCompile(`^(\d{1,5})d$`)

// moment reads a flag's time: RFC 3339, a date, or a duration before now.
func moment(flag, text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	if days := dayPattern.FindStringSubmatch(text); days != nil {
		n, err := strconv.Atoi(days[1])
		return now.Add(-time.Duration(n) * 24 * time.Hour), err
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	return time.Time{}, usagef("%s %q is no time: write 2026-03-01T12:00:00Z, 2026-03-01, or how long ago: 90m, 24h, 7d", flag, text)
}

// AllIncidents selects every incident of the ledger.
const AllIncidents = "all"

func findIncidents(ctx context.Context, store archive, id string) ([]rules.Incident, error) {
	incidents, err := store.Incidents(ctx)
	if err != nil || id == AllIncidents {
		return incidents, err
	}
	for _, incident := range incidents {
		if incident.ID == id {
			return []rules.Incident{incident}, nil
		}
	}
	return nil, usagef("no incident %q among the %d of this ledger: `ordergate incident list` shows them", id, len(incidents))
}

// deliver runs write with stdout or, unless path is empty, with a file that
// takes that name only once it is whole.
func deliver(path string, to console, write func(io.Writer) error) (err error) {
	if path == "" {
		return write(to.out)
	}
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // mode 0600
	if err != nil {
		return fmt.Errorf("write %s: %w: name a file in a folder you may write to", path, err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(file.Name())
		}
	}()
	if err := errors.Join(write(file), file.Sync(), file.Close()); err != nil {
		return err
	}
	if err := os.Rename(file.Name(), path); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
