// Package sqlite is the embedded ledger store: rows in segment files,
// data_dir/ledger/ (package segment), and what changes in one SQLite database,
// data_dir/ledger.db, in WAL mode: incidents, sessions, checkpoints.
//
// The way of the data through it:
//
//	Open ─ lock file ─ database: ours, whole, not newer? ─ segments: end where they were signed for?
//	Append, Finish, Disclosures ─ segment.Log
//	SaveIncident ─ its digest into the log, then the database
//	SaveBindings, SaveCheckpoint ─ one connection, synchronous=FULL
//	Retain ─ deletes segment files, then what belongs to their time
//	Verify ─ every byte of the segments, the tree, the checkpoints, the incidents
//	OpenReadOnly ─ reports, beside a running writer or after a crash
//
// A session that is lost or changed in the database makes somebody a stranger,
// which is the careful side; an incident that is changed there does not fit its
// digest in the log.
package sqlite
