package sqlite

// File names inside the data directory.
const (
	File     = "ledger.db"
	LockFile = "ledger.lock"
)

// applicationID marks a SQLite file as a ledger of ordergate ("ordg"), see
// PRAGMA application_id. It is never changed.
const applicationID = 0x6f726467

// migrations bring an empty file to the newest schema, one step each: the
// file's user_version is how many of them it has had. Append, never change one.
//
// disclosure.back is how many rows before this one the first row of its
// exchange is; network is the digests of ip and prefix, 32 bytes; flags has
// bit 0 for credential, bit 1 for issued, and the machine from bit 2;
// identifiers is 17 bytes each: the kind, the digest; the subject comes first.
// A digest of zero is NULL. Numbers of kinds, roles and fields are those of
// package rules. state is the one that the row was written with.
var migrations = [...]string{
	`CREATE TABLE disclosure (
		sequence    INTEGER PRIMARY KEY,
		time        INTEGER NOT NULL, -- Unix nanoseconds
		exchange    BLOB NOT NULL,
		back        INTEGER NOT NULL,
		session     BLOB,
		account     BLOB,
		network     BLOB,
		role        INTEGER NOT NULL,
		flags       INTEGER NOT NULL,
		route       INTEGER NOT NULL,
		origin      INTEGER NOT NULL,
		fields      INTEGER NOT NULL,
		ownership   INTEGER NOT NULL,
		state       INTEGER NOT NULL,
		identifiers BLOB
	);
	CREATE INDEX disclosure_time ON disclosure(time);
	CREATE TABLE outcome (
		head  INTEGER PRIMARY KEY, -- sequence of the exchange's first row
		state INTEGER NOT NULL
	);
	CREATE TABLE route  (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
	CREATE TABLE origin (id INTEGER PRIMARY KEY, config TEXT NOT NULL, key TEXT NOT NULL, UNIQUE (config, key));
	CREATE TABLE retained (one INTEGER PRIMARY KEY CHECK (one = 1), sequence INTEGER NOT NULL); -- the last number ever deleted
	INSERT INTO retained VALUES (1, 0);
	CREATE TABLE incident (
		id      TEXT PRIMARY KEY,
		opened  INTEGER NOT NULL,
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
	CREATE INDEX binding_seen ON binding(seen);`,
}
