// Package segment keeps a ledger's rows in files, one for a day (UTC), in the
// order in which they came. It is the part of the embedded store that must not
// change unseen; what changes (incidents, sessions) is in package sqlite.
//
//	Append(rows)      ─► entries ─► one frame ─► write, fdatasync ─► answered
//	                         └────► hashed into the tree while the disk works
//	Finish(outcomes)  ─► an entry, written, synced with the next Append
//	midnight          ─► next segment: its header has the tree's edge
//	                         └────► the day before is packed: same entries, compressed
//	Disclosures       ─► reads files beside the writer, no lock
//	Verify, Prove     ─► hash entries anew, compare with signed checkpoints
//	Retain            ─► deletes the oldest files
//
// Rows are not in SQLite, because every byte of evidence must count: a database
// has free space whose change nobody sees, and pages that move. A segment is
// nothing but checksummed frames of entries ([ledger.AppendRowEntry]), and a
// commit is one write.
//
// # Size
//
// A million rows a day take 240 MB in the day's own segment, and 84 bytes a row
// once it is packed (TestBytesPerRow: customers with 4 identifiers and 6
// exchanges a visit, 1 in 60 visitors staff who look at 60 other people, half
// of the rows with an order number, every row with an outcome): digests that an
// 8 MiB block has met before cost some 4 bytes. So a year takes
//
//	365 days × 1,000,000 rows × 84 bytes = 30.7 GB, and 0.24 GB for today.
//
// Where nobody comes twice and every row is about another customer the digests
// of a row are its size: 16 bytes for each of exchange, session, account, ip,
// prefix and 5 identifiers, and some 20 for the rest: 180 bytes, 66 GB a year.
//
// # Damage
//
// TestDamages is the table of what can happen to the files, what verify says,
// what a gateway says that starts on them, and what can still be read. In
// short: what was never acknowledged is moved aside and noted; whatever else is
// lost or damaged stays where it is, is told, and keeps nobody from starting. A
// damaged or shortened last day is not written on: another segment begins behind
// it (salvage), with numbers that were never used, and says in its header what
// is missing.
package segment
