// Package postgres is the shared ledger store: the rows of all gateways in one
// PostgreSQL database, in partitions by day (UTC).
//
// Every gateway (node) is a log of its own: a tree, numbers of rows, signed
// checkpoints, named by its checkpoint key. Its entries are written to the
// spool first, segment files in data_dir (package segment), and from there in
// their order to the database, so that a lost database costs nothing but room:
//
//	Append ─► spool, fdatasync ─► shipper ─► BEGIN
//	                                           node: leaves n ─► n + k   (nobody else has written)
//	                                           COPY k entries            (key: day, node, leaf)
//	                                         COMMIT, synchronous ─► Append is answered
//	Append while the database is lost ─► spool ─► answered; refused once the spool is full
//	database is back ─► shipper goes on at the node's leaves: nothing twice, nothing left out
//	SaveIncident, SaveBindings, SaveCheckpoint ─► ledger.db in data_dir ─► shipper ─► upsert
//	Disclosures, Marks ─► shipped first, then read from the database, a page at a time, no lock between
//	Verify, Prove ─► entries of every node hashed anew, against its checkpoints
//	Retain ─► DROP of a day's partition, never while an open incident of any node holds it
//
// # Tables
//
// ordergate_entry has the entries as they are hashed ([ledger.AppendRowEntry])
// and nothing else: there is no second copy of a row in columns that could say
// something else. Filters look for digests in the entry's bytes, and package
// ledger decides. ordergate_stretch says which entries of a node are of which
// day, ordergate_late which outcomes came later than their row's stretch,
// ordergate_hash has the inner nodes of the trees for proofs. All three follow
// from the entries, and Verify compares them.
//
// # Sizes
//
// A row takes about 330 bytes in the database (TestBytesPerRow), the spool
// at most a segment ([segment.SpoolSegment]) while the database keeps up.
package postgres
