package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	driver "modernc.org/sqlite"
	codes "modernc.org/sqlite/lib"
)

// identify returns the schema version of the ledger at path: 0 for an empty
// file. It refuses what is no ledger and what is newer than this program.
func identify(ctx context.Context, db *sql.DB, path string) (version int, err error) {
	var application, objects int
	err = db.QueryRowContext(ctx, "SELECT (SELECT application_id FROM pragma_application_id), "+
		"(SELECT user_version FROM pragma_user_version), (SELECT count(*) FROM sqlite_schema)").Scan(&application, &version, &objects)
	switch {
	case err != nil:
		return 0, explain(path, err)
	case application == 0 && version == 0 && objects == 0:
		return 0, nil
	case application != applicationID:
		return 0, fmt.Errorf("%s is a SQLite database of another program (application_id %#x): move it away or set another data_dir",
			path, application)
	case version > newestSchema:
		return 0, fmt.Errorf("ledger %s has schema %d, this program knows %d: run the newer version that wrote it, or restore a backup",
			path, version, newestSchema)
	case version < firstSchema:
		return 0, fmt.Errorf("ledger %s has schema %d, of a development version that kept rows in the database; this program reads %d and newer: "+
			"ask that version for its reports, and set another data_dir", path, version, firstSchema)
	}
	return version, nil
}

// check looks for damage for at most bound, 0 meaning 5 s. It reports false
// when it could not finish in that time.
func check(ctx context.Context, db *sql.DB, path string, bound time.Duration) (whole bool, err error) {
	if bound <= 0 {
		bound = 5 * time.Second
	}
	bounded, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	var finding string
	err = db.QueryRowContext(bounded, "PRAGMA quick_check(1)").Scan(&finding)
	switch {
	case ctx.Err() != nil:
		return false, ctx.Err()
	case err != nil && bounded.Err() != nil:
		return false, nil
	case err != nil:
		return false, explain(path, err)
	case finding != "ok":
		return false, damaged(path, errors.New(finding))
	}
	return true, nil
}

// migrate runs the steps that the file lacks, all or none.
func migrate(ctx context.Context, db *sql.DB, version int) error {
	if version == newestSchema {
		return nil
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // no effect after Commit
	steps := append([]string(nil), migrations[max(version-firstSchema+1, 0):]...)
	steps = append(steps, fmt.Sprintf("PRAGMA application_id=%d", applicationID), fmt.Sprintf("PRAGMA user_version=%d", newestSchema))
	for _, step := range steps {
		if _, err := tx.ExecContext(ctx, step); err != nil {
			return fmt.Errorf("bring the ledger to schema %d: %w", newestSchema, err)
		}
	}
	return tx.Commit()
}

func damaged(path string, err error) error {
	return fmt.Errorf("ledger %s is damaged: %w: stop the gateway, copy data_dir away as evidence, "+
		"then restore a backup or move the file aside to begin a new ledger", path, err)
}

// explain adds what to do to an error of SQLite.
func explain(path string, err error) error {
	var fault *driver.Error
	if !errors.As(err, &fault) {
		return err
	}
	switch fault.Code() & 0xff { // the primary code; see sqlite.org/rescode.html
	case codes.SQLITE_NOTADB:
		return fmt.Errorf("%s is not a ledger: %w: move it away, or restore it from a backup", path, err)
	case codes.SQLITE_CORRUPT:
		return damaged(path, err)
	case codes.SQLITE_FULL:
		return fmt.Errorf("ledger %s cannot grow: %w: free space on its disk; writing goes on by itself", path, err)
	case codes.SQLITE_READONLY, codes.SQLITE_CANTOPEN, codes.SQLITE_PERM:
		return fmt.Errorf("ledger %s cannot be opened as needed: %w: run as the gateway's user, on a file system mounted for writing", path, err)
	case codes.SQLITE_IOERR:
		return fmt.Errorf("ledger %s: %w: look at the disk and its free space", path, err)
	case codes.SQLITE_BUSY:
		return fmt.Errorf("ledger %s is held by another program: %w: close it", path, err)
	}
	return fmt.Errorf("ledger %s: %w", path, err)
}
