package sqlite

import (
	"context"
	"errors"
	"fmt"

	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/rules"
)

// Report is what [Store.Verify] found.
type Report struct {
	Rows       int64            `json:"rows"`
	First      int64            `json:"first"`       // sequence of the first kept row, 0 without rows
	Last       int64            `json:"last"`        // of the last
	Deleted    int64            `json:"deleted"`     // rows deleted by retention: those up to this sequence
	States     map[string]int64 `json:"states"`      // rows by state
	ClockSteps int64            `json:"clock_steps"` // rows earlier than the row before them; rows of parallel exchanges differ by little
	Faults     []string         `json:"faults"`      // what is wrong, at most MaxFaults; empty: nothing
}

// MaxFaults bounds [Report.Faults].
const MaxFaults = 100

func (r *Report) fault(format string, args ...any) {
	if len(r.Faults) < MaxFaults {
		r.Faults = append(r.Faults, fmt.Sprintf(format, args...))
	}
}

// Verify reads the whole ledger: SQLite's own structure (PRAGMA
// integrity_check), every row, that the numbers have no gap and none is missing
// at the front. It changes nothing and returns an error only when it could not
// read on; what is wrong with the content is in the report.
func (s *Store) Verify(ctx context.Context) (report Report, err error) {
	report.States = make(map[string]int64, len(rules.States()))
	for _, state := range rules.States() {
		report.States[state.String()] = 0
	}
	report.Faults = []string{}
	if err := s.integrity(ctx, &report); err != nil {
		return report, explain(s.path, err)
	}
	if err := s.read.QueryRowContext(ctx, "SELECT sequence FROM retained").Scan(&report.Deleted); err != nil {
		return report, explain(s.path, err)
	}
	previous := ledger.Row{Sequence: report.Deleted}
	for row, err := range s.Disclosures(ctx, ledger.Query{}) {
		if err != nil {
			report.fault("after row %d: %v", previous.Sequence, err)
			return report, ctx.Err()
		}
		if row.Sequence != previous.Sequence+1 {
			report.fault("rows %d to %d are missing", previous.Sequence+1, row.Sequence-1)
		}
		if err := ledger.Validate(&row.Disclosure); err != nil {
			report.fault("row %d: %v", row.Sequence, err)
		}
		if row.Time.Before(previous.Time) {
			report.ClockSteps++
		}
		if report.Rows == 0 {
			report.First = row.Sequence
		}
		report.Rows++
		report.Last = row.Sequence
		report.States[row.State.String()]++
		previous = row
	}
	return report, nil
}

func (s *Store) integrity(ctx context.Context, report *Report) (err error) {
	rows, err := s.read.QueryContext(ctx, fmt.Sprintf("PRAGMA integrity_check(%d)", MaxFaults))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var finding string
		if err := rows.Scan(&finding); err != nil {
			return err
		}
		if finding != "ok" {
			report.fault("%s", finding)
		}
	}
	return rows.Err()
}
