package sqlite

import (
	"context"
	"errors"
	"fmt"
	"strings"

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

// incidents compares the table with the log, as far back as the log goes.
func (s *Store) incidents(ctx context.Context, v *ledger.Verification) (err error) {
	marks, err := s.log.Marks(ctx)
	if err != nil {
		return err
	}
	last := make(map[string]string)   // digest by id
	once := make(map[string]struct{}) // id and digest
	whole := v.Deleted == 0           // the log goes back to the beginning
	for i := range marks {
		if id, digest, ok := strings.Cut(marks[i].Detail, " "); ok && marks[i].Kind == ledger.MarkIncident {
			last[id] = digest
			once[marks[i].Detail] = struct{}{}
		}
	}
	rows, err := s.read.QueryContext(ctx, "SELECT id, body FROM incident")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var id, body string
		if err := rows.Scan(&id, &body); err != nil {
			return err
		}
		digest := incidentDigest([]byte(body))
		_, known := once[id+" "+digest]
		switch {
		case last[id] == digest:
		case known:
			v.Note("incident %s is older in %s than in the log: its last change was not written, or was taken back", id, File)
		case last[id] != "" || whole:
			v.Fault("incident %s is not what was saved: %s was changed", id, File)
		}
		delete(last, id)
	}
	return rows.Err()
}
