// Package report makes what people wait for out of the ledger: the incident
// report of a responder, the answer to one customer, drafts of what the law
// wants told. It decides and renders; the commands in deploy/cli read the ledger
// and write the files.
//
//	incident, rows, marks, verification ──► Build ──► Incident ──► JSON, Markdown, HTML (with a timeline in SVG), the timeline as PNG
//	Incident ──► Statement: OAIC, GDPR 33 and 34, California, SEC 8-K, customer letter, help line
//	Issue: a numbered version that nothing replaces, with the digest of the one before
//
// Two rules: it says what it cannot know (gaps, recall, the time before the
// gateway ran), and it holds keyed digests only. What a machine cannot know is
// a [Fact] that a person states, or that says that a person has to.
package report
