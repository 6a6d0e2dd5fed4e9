// Package sqlite is the embedded ledger store: one SQLite database,
// data_dir/ledger.db, in WAL mode.
//
// The way of the data through it:
//
//	Open ─ lock file ─ is it ours, whole, not newer? ─ schema
//	Append ─ writer connection, synchronous=FULL ─ one transaction, fsynced
//	Finish ─ same connection, synchronous=NORMAL ─ reaches the disk with the next Append
//	Disclosures, Incidents, Bindings ─ read-only connections, short transactions
//	Retain ─ deletes from the oldest row on, in small transactions
//	OpenReadOnly ─ reports, beside a running writer or after a crash
//
// # Why the schema looks as it does
//
// A disclosure row is written once and never changed: what became of it is a
// row of its own (table outcome), named by the first row of its exchange, which
// every row points back to. So rows can be hashed into a tree later, and an
// outcome costs ten bytes in sequence order. An UPDATE in place cost a third of
// the throughput, and an index over exchange or session, whose random digests
// touch one page per row, half of it. There is none: reading all rows of a
// session filters eleven million rows a second, and reports have a period.
// Time is indexed, because rows arrive nearly in its order, which is cheap.
// The names of routes and the pair of config and key are stored once.
package sqlite
