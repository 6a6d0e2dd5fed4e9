// Package postgres is the shared ledger store: the rows of all gateways in one
// PostgreSQL database, in partitions by day (UTC).
//
// Every gateway (node) is a log of its own: a tree, numbers of rows, signed
// checkpoints, named by its checkpoint key. Its entries are written to the
// spool first, segment files in data_dir (package segment), and from there in
// their order to the database, so that a lost database costs nothing but room:
//
//	Append ─► spool, fdatasync ─► shipper ─► BEGIN, in one round trip with
//	     │                                     node: leaves n ─► n + k   (nobody else has written)
//	     │                                     k entries, in blocks      (key: day, node, first leaf)
//	     │                                   COMMIT, synchronous ─► Append is answered
//	     └─ the next Append goes to the spool meanwhile (ledger.Stager): what gathers
//	        there while the database commits is one transaction, too
//	Append while the database is lost ─► spool ─► answered; refused once the spool is full
//	database is back ─► shipper goes on at the node's leaves: nothing twice, nothing left out
//	SaveIncident, SaveBindings, SaveCheckpoint ─► ledger.db in data_dir ─► shipper ─► upsert
//	Disclosures, Marks ─► shipped first, then read from the database, a page at a time, no lock between
//	Verify, Prove ─► entries of every node hashed anew, against its checkpoints
//	Retain ─► DROP of a day's partition, never while an open incident of any node holds it
//	     └─► days that are over: small blocks merged into large ones
//
// # Tables
//
// ordergate_block has the entries as they are hashed ([ledger.AppendRowEntry]),
// some thousands to a row of the table, compressed (zstd), and nothing else: there
// is no second copy of a row in columns that could say something else. Filters
// are applied by whoever reads. ordergate_entry has what a program with schema 1
// wrote, a row for each entry: it is read like the other until its day is packed
// or past its retention. ordergate_stretch says which entries of a node are of
// which day, ordergate_late which outcomes came later than their row's stretch,
// ordergate_hash has the inner nodes of the trees for proofs. All three follow
// from the entries, and Verify compares them. ordergate_packed says which days'
// blocks were merged.
//
// # Sizes
//
// A row and its outcome take some 450 bytes in the database while each has a
// commit of its own, as in a quiet shop, and 150 once its day is packed, an hour
// after it is over (TestBytesPerRow); under load, with hundreds of rows to a
// commit, some 120 from the beginning. The spool takes at most a segment
// ([segment.SpoolSegment]) while the database keeps up.
//
// # Waiting
//
// An append waits for the commit under way and for its own. At 75,000 rows a second
// (BenchmarkPaced), clients, gateway and database on two cores, that was 2.6 to 3.3 ms
// in the middle and 17 to 31 ms at the 99th percentile; 1 ms and 2.4 ms, once 14, for
// the embedded ledger in turns with it. 5 ms at the 99th percentile are aimed at, and
// not reached here.
package postgres
