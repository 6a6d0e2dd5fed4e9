package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// migrations bring an empty database to the newest schema, one step each.
// Append, never change one. Times are Unix nanoseconds; an edge is the hashes
// of a tree's complete subtrees, 32 bytes each, the largest first.
var migrations = [...]string{
	`CREATE TABLE ordergate_node (
		id         int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
		name       text NOT NULL UNIQUE,
		public_key text NOT NULL, -- that its checkpoints are signed with
		key        text NOT NULL, -- id of the key of its digests
		host       text NOT NULL,
		leaves     bigint NOT NULL DEFAULT 0, -- entries so far, with those that retention has deleted
		next_row   bigint NOT NULL DEFAULT 1,
		edge       bytea NOT NULL DEFAULT '',
		seen       timestamptz NOT NULL DEFAULT now()
	);
	CREATE TABLE ordergate_stretch (
		node       int NOT NULL,
		first_leaf bigint NOT NULL,
		day        date NOT NULL,
		first_row  bigint NOT NULL,
		edge       bytea NOT NULL, -- of the tree before it
		leaves     bigint NOT NULL,
		rows       bigint NOT NULL,
		first_at   bigint, -- the earliest row's time
		last_at    bigint,
		PRIMARY KEY (node, first_leaf)
	);
	CREATE INDEX ordergate_stretch_day ON ordergate_stretch (day);
	CREATE TABLE ordergate_entry (
		day   date NOT NULL,
		node  int NOT NULL,
		leaf  bigint NOT NULL,
		entry bytea NOT NULL,
		PRIMARY KEY (day, node, leaf)
	) PARTITION BY RANGE (day);
	CREATE INDEX ordergate_entry_outcomes ON ordergate_entry (node, leaf) WHERE get_byte(entry, 0) = 2;
	CREATE INDEX ordergate_entry_marks ON ordergate_entry (node, leaf) WHERE get_byte(entry, 0) = 3;
	CREATE TABLE ordergate_late (
		node  int NOT NULL,
		leaf  bigint NOT NULL, -- of the outcome
		head  bigint NOT NULL,
		state smallint NOT NULL,
		PRIMARY KEY (node, leaf, head)
	);
	CREATE TABLE ordergate_hash (
		node  int NOT NULL,
		level smallint NOT NULL,
		place bigint NOT NULL,
		hash  bytea NOT NULL,
		PRIMARY KEY (node, level, place)
	);
	CREATE TABLE ordergate_checkpoint (
		node int NOT NULL,
		size bigint NOT NULL,
		time bigint NOT NULL,
		note text NOT NULL, -- signed
		PRIMARY KEY (node, size)
	);
	CREATE TABLE ordergate_incident (
		id      text PRIMARY KEY,
		node    int NOT NULL,
		opened  bigint NOT NULL,
		updated bigint NOT NULL,
		state   text NOT NULL,
		body    text NOT NULL -- JSON, as its digest in the log says
	);
	CREATE TABLE ordergate_binding (
		session bytea PRIMARY KEY,
		seen    bigint NOT NULL,
		body    text NOT NULL -- JSON
	);
	CREATE INDEX ordergate_binding_seen ON ordergate_binding (seen);`,

	// What ordergate_entry has stays where it is until its day is packed or past
	// its retention; nothing is written there any more.
	`CREATE TABLE ordergate_block (
		day     date NOT NULL,
		node    int NOT NULL,
		leaf    bigint NOT NULL, -- of the first entry
		leaves  int NOT NULL, -- how many entries
		kinds   smallint NOT NULL, -- 2: it has rows, 4: outcomes, 8: marks
		entries bytea NOT NULL, -- one byte, then a run of entries, compressed or not
		PRIMARY KEY (day, node, leaf)
	) PARTITION BY RANGE (day);
	ALTER TABLE ordergate_block ALTER entries SET STORAGE EXTERNAL;
	CREATE INDEX ordergate_block_marks ON ordergate_block (node, leaf) WHERE kinds & 8 <> 0;
	CREATE TABLE ordergate_packed (
		day    date PRIMARY KEY,
		leaves bigint NOT NULL -- how many entries the day had when its blocks were merged
	);`,
}

// The keys of advisory locks: the first is of ordergate ("ordg"), the second
// says what for; a writer's lock has the node's id.
const (
	lockSchema = 0x6f726467
	lockNode   = 0x6f726468
	lockRetain = 0x6f726469
)

// errNewer says that a newer program has changed the database.
var errNewer = errors.New("was changed by a newer version of ordergate")

// migrate brings the database to the newest schema; several gateways may call it
// at once.
func migrate(ctx context.Context, conn *pgx.Conn) error {
	if version, err := schemaOf(ctx, conn); err != nil || version == len(migrations) {
		return err
	}
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1, 0)", lockSchema); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "CREATE TABLE IF NOT EXISTS ordergate_schema (version int NOT NULL)"); err != nil {
			return err
		}
		version, err := schemaOf(ctx, tx)
		if err != nil || version == len(migrations) {
			return err
		}
		for _, step := range migrations[version:] {
			if _, err := tx.Exec(ctx, step); err != nil {
				return fmt.Errorf("bring the ledger's database to schema %d: %w", len(migrations), err)
			}
		}
		_, err = tx.Exec(ctx, "DELETE FROM ordergate_schema")
		if err == nil {
			_, err = tx.Exec(ctx, "INSERT INTO ordergate_schema VALUES ($1)", len(migrations))
		}
		return err
	})
}

type beginner interface {
	queryer
	Begin(ctx context.Context) (pgx.Tx, error)
}

type queryer interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// schemaOf returns the database's schema version, 0 for an empty one.
func schemaOf(ctx context.Context, q queryer) (version int, err error) {
	var there bool
	if err := q.QueryRow(ctx, "SELECT to_regclass('ordergate_schema') IS NOT NULL").Scan(&there); err != nil || !there {
		return 0, err
	}
	err = q.QueryRow(ctx, "SELECT coalesce(max(version), 0) FROM ordergate_schema").Scan(&version)
	if err == nil && version > len(migrations) {
		err = fmt.Errorf("the ledger's database %w: it has schema %d, this program knows %d: run that version", errNewer, version, len(migrations))
	}
	return version, err
}

// partition is the name of a day's partition, entryPartition of that of schema 1.
func partition(day string) string { return "ordergate_block_" + compact(day) }

func entryPartition(day string) string { return "ordergate_entry_" + compact(day) }

func compact(day string) string { return day[:4] + day[5:7] + day[8:10] }

// ensurePartition makes a day's partition. It is made beside the table and then
// attached, which does not wait for those who write other days.
func ensurePartition(ctx context.Context, conn beginner, day string) error {
	var there bool
	name := partition(day)
	if err := conn.QueryRow(ctx, "SELECT to_regclass($1) IS NOT NULL", name).Scan(&there); err != nil || there {
		return err
	}
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1, 0)", lockSchema); err != nil {
			return err
		}
		if err := tx.QueryRow(ctx, "SELECT to_regclass($1) IS NOT NULL", name).Scan(&there); err != nil || there {
			return err
		}
		quoted := pgx.Identifier{name}.Sanitize()
		for _, statement := range []string{
			"CREATE TABLE " + quoted + " (LIKE ordergate_block INCLUDING ALL)",
			fmt.Sprintf("ALTER TABLE ordergate_block ATTACH PARTITION %s FOR VALUES FROM ('%s') TO (date '%s' + 1)", quoted, day, day),
		} {
			if _, err := tx.Exec(ctx, statement); err != nil {
				return err
			}
		}
		return nil
	})
}
