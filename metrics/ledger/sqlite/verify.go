package sqlite

import (
	"context"
	"errors"
	"fmt"

	"github.com/ordergate/ordergate/metrics/ledger"
)

// Verify reads the whole ledger: every byte of the segments, the tree over
// their entries against the checkpoints, SQLite's own structure (PRAGMA
// integrity_check), and whether the incidents are those that the rows' log has
// the digests of. It changes nothing and returns an error only when it could
// not read on; what is wrong with the content is in the result.
func (s *Store) Verify(ctx context.Context, opts ledger.VerifyOptions) (ledger.Verification, error) {
	checkpoints, err := s.Checkpoints(ctx)
	damage := ""
	if err != nil {
		damage, checkpoints = err.Error(), nil
	}
	v, err := s.log.Verify(ctx, checkpoints, opts)
	if err != nil {
		return v, err
	}
	if damage != "" {
		v.Fault("the checkpoints cannot be read: %s", damage)
	}
	if err := s.integrity(ctx, &v); err != nil {
		v.Fault("%v", explain(s.path, err))
	}
	if err := s.incidents(ctx, &v); err != nil {
		v.Fault("the incidents cannot be compared: %v", err)
	}
	return v, ctx.Err()
}

func (s *Store) integrity(ctx context.Context, v *ledger.Verification) (err error) {
	rows, err := s.read.QueryContext(ctx, fmt.Sprintf("PRAGMA integrity_check(%d)", ledger.MaxFaults))
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
			v.Fault("%s: %s", File, finding)
		}
	}
	return rows.Err()
}

// incidents compares the table with the log.
func (s *Store) incidents(ctx context.Context, v *ledger.Verification) error {
	marks, err := s.log.Marks(ctx)
	if err != nil {
		return err
	}
	texts, err := s.IncidentTexts(ctx)
	if err != nil {
		return err
	}
	v.CompareIncidents(texts, marks, File)
	return nil
}
