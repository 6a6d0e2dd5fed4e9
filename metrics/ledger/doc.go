// Package ledger is the durable evidence: which customer's data went to whom,
// when, and whether it arrived. It holds keyed digests, field bits and times,
// never a readable personal value, so that losing it is not a second breach.
//
// The way of the data through it:
//
//	proxy ──Append(rows)───► Ledger queue ─┐
//	proxy ──Finish(id, state)► same queue ─┤ one writer takes all that waits
//	                                       ▼
//	                         Store (sqlite with segment files, later postgres)
//	                           1. Append: sealed with the present Key, one write, fsynced, hashed into a Tree
//	                           2. callers of Append are answered
//	                           3. Finish: what became of earlier rows
//	Notary ──Head──► Store; signs a Checkpoint a minute ──► Store, log, file, HTTP
//	verify, prove ──► the tree against checkpoints; a Proof needs the public key alone
//	report ──Disclosures(Query)◄── Store, opened with the Keyring
//	         └► Affected ─► one Subject per customer ─► Matcher ─► the retailer's list
//
// A row is durable before the bytes it tells of are released: [Ledger.Append]
// blocks until then. The batch is whatever gathered while the disk was busy
// with the batch before, and what those bring that can run at the moment: so there
// is no timer and no added waiting when idle.
//
// Three files in the data directory are secret or precious: ledger.key makes and
// seals the digests (with it guesses can be tested, without it nobody can be told
// whether they are in a row), checkpoint.key signs, checkpoint.pub checks
// signatures.
//
// A digest is made in two steps. value ──HMAC-SHA-256──► digest is what the gateway
// and the reports work with; digest ──AES-256──► sealed digest is what a row or a
// kept incident has. A rotation ([RotateKey]) changes the second secret alone, so a
// running gateway takes it between two batches ([Store.Rekey]) and forgets nothing:
// caps, sessions, owners and containments go on by the digests that they have, and
// after a restart, as in reports, the rows of every key that is kept are opened to
// the same digests. The overlap has no end but [DestroyKey], which leaves the rows of
// a key with digests that nobody can make or join with those of another key. What
// is kept of sessions (bindings) and the lines of logs have digests of the first
// step; only a rotation with anew, while no gateway runs, changes these.
//
// A tenant's rows are sealed with a key of the tenant's own, in data_dir/tenants; the
// first step is one for all, so that one gateway counts for all. What was sealed with
// a key that is destroyed within a cap's window does not count after a restart:
// nobody can say any more whose it was.
//
// Every Store passes the one suite in ledgertest.
package ledger
