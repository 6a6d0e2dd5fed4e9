package sqlite

// File names inside the data directory. Segments is the folder of the rows.
const (
	File     = "ledger.db"
	LockFile = "ledger.lock"
	Segments = "ledger"
)

// applicationID marks a SQLite file as a ledger of ordergate ("ordg"), see
// PRAGMA application_id. It is never changed.
const applicationID = 0x6f726467

// firstSchema is the oldest schema that is read: before it, rows were in the
// database. No release wrote such a ledger.
const firstSchema = 2

// migrations bring an empty file to the newest schema, one step each: the
// file's user_version is firstSchema - 1 and how many of them it has had.
// Append, never change one. A digest of zero is NULL; own is 17 bytes for each
// identifier: the kind, the digest.
var migrations = [...]string{
	`CREATE TABLE incident (
		id      TEXT PRIMARY KEY,
		opened  INTEGER NOT NULL, -- Unix nanoseconds, as all times
		updated INTEGER NOT NULL,
		state   TEXT NOT NULL,
		body    TEXT NOT NULL -- JSON
	);
	CREATE TABLE binding (
		session BLOB PRIMARY KEY,
		seen    INTEGER NOT NULL,
		issued  INTEGER NOT NULL,
		role    INTEGER NOT NULL,
		account BLOB,
		claims  INTEGER NOT NULL,
		own     BLOB
	) WITHOUT ROWID;
	CREATE INDEX binding_seen ON binding(seen);
	CREATE TABLE checkpoint (
		size INTEGER PRIMARY KEY, -- entries of the tree
		time INTEGER NOT NULL,
		note TEXT NOT NULL -- signed
	);`,
}

// newestSchema is what migrations lead to.
const newestSchema = firstSchema - 1 + len(migrations)
