// Package record finds customer records in bodies: bytes in, records out.
//
// The way of the data through it:
//
//	body ─NewDecoder─► decoded bytes ─Finder.Write─► bodyScanner: which form is it?
//	  gzip, zip, tar, gRPC: containers, whose contents are decoded and scanned as bodies
//	  pdf, sheet, proto, msgpack, bson: files that are no texts
//	  jsonScanner, htmlScanner (page, prose), csvScanner, sqlScanner, …
//	        push scanners; each turns its form into the same atoms
//	  atoms: enter and leave of structures, values with the class of their key
//	  keys, lexicon.txt   what a key, a label or a heading says (≥ 12 languages)
//	  value shapes        e-mail, phone, card, hash, street, name
//	  grouper             which atoms belong to one person
//	  report              one subject a person and response ─Finder.Take─► rules.Record
//
// A scanner knows its form and nothing of people; the grouper knows people and
// nothing of forms. A new form is a new scanner. Texts inside texts (JSON in a
// JSON string, in a script, in an attribute) are scanners inside scanners.
// Where values do not stand where they belong (flatText, typedValue, jsonTable), the
// scanner of JSON puts them there.
//
// Most of a body tells nothing, and most of its bytes are passed over by short
// cuts: keys of JSON are guessed from the key before, values that no rule could
// keep are dropped by the class of their key and their first byte, whole JSON
// structures are passed over where nothing singles anybody out (quiet). Tags of
// a page, cells of CSV and values of dumps that lie whole in a piece are read in
// one step, as is the head of a dump's statement that repeats the last one's
// (sqlHead), and texts of a page are known for no labels by their first and last
// letters and dropped before they are gathered. A short cut never decides what
// is found: each can be switched off, and fuzz tests hold what is found with them
// to what is found without (FuzzShortCuts, FuzzPieces, FuzzShapes).
// Keys and their classes are remembered from one response to the next, and
// behind which of them a structure was not quiet; and of a shop's pages which
// passages told nothing, by keyed tags (familiar), so that a header or a menu
// that every page repeats is read twice only (FuzzFamiliar). Nothing else is:
// memory that serves one response after the other is wiped between them (TestWiped).
//
// A [Masker] asks the scanners for more: where the bytes of each value stand
// (places), through escapes, references and texts in texts. The grouper hangs
// them on its groups, and when it is told whose a group is, the masker writes the
// body again without those values. Short cuts are off then; nobody else pays for it.
// Parts of a multipart body are read in offsets of the whole body for it, decoded byte
// by byte where they are encoded (inplace.go, signs.go).
//
// What holds other texts is a container: archives, server-sent events, the parts
// of a multipart body, the UTF-8 of a text in another charset. Each content is
// told before the next one begins. A document or an archive that a string holds in base64
// is a box: a body of its own, while what the grouper knows of the text around it waits.
//
// Everything is bounded: a value is looked at up to 2 KiB and streamed beyond;
// at most 20 groups are open, frames nest 512 deep, and what has waited for 32
// KiB of body for the rest of its record is reported as it is. All bounds
// count bytes of the body, never chunks, so the chunking does not change the
// result. Values are digested when they are classified as personal; the last few
// of a page, and the last residences of any body, are kept with their digests until
// the response ends, since many are shown twice (recent). No readable value leaves
// the package.
package record
