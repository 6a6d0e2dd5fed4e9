// Package contract holds a platform's OpenAPI document against its traffic: which
// requests it does not describe, and which fields of answers it does not declare,
// each of them surface that nobody has decided to show.
//
//	document.go   the document, read once: its operations, and what each may answer
//	judge.go      a request ► its operation, and in what it deviates
//	shape.go      what an answer may hold, from its schema
//	walker.go     the bytes of an answer, as they pass ► fields that are not in its shape
//	exposure.go   what was found so far, each field once
//
// kin-openapi reads the document and validates requests. Nothing here does I/O: who
// makes a Document says how files are read.
package contract
