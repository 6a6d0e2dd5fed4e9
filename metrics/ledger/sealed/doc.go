// Package sealed keeps the readable network identifiers of principals (address,
// JA4, user agent) for the police and responders, and for nobody else:
//
//	exchange with other people's records or a signal ─Note─► window: data_dir/sealed, encrypted, 72 h, then deleted
//	incident opens ─Keep─► what the window has of its sessions, accounts, addresses
//	                       └► data_dir/evidence/ID.json, with what comes later; a retention of its own
//
// A file of the window holds an hour. Each record is sealed by itself with
// AES-256-GCM (NIST SP 800-38D) under a key that is derived from the ledger key:
// destroying that one destroys the window. The evidence of an incident is
// readable for whoever may read data_dir: that is what it is for.
//
// Losing a record is no fault that anybody waits for: nothing is synced, and what
// finds the queue or the hour's file full is dropped, and told of by the second.
package sealed
