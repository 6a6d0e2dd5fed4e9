// Package config is the YAML file an operator writes: its defaults, its
// checks, and its reference table.
//
// The way of the data through it:
//
//	bytes ──Parse──► YAML tree ──decode over Default()──► Config ──Validate──► Config or Faults
//	Config ──YAML──► effective text ──Digest──► 16 hexadecimal characters for the ledger
//	Config ──Exfil──► exfil.Config; ──WorstLoss──► the figures that `ordergate check` prints
//
// Every fault of a file is reported at once, each with its path, its value
// and what to do; a secret's value is never part of a fault. REFERENCE.md is
// generated from the comments of the structs in this package.
package config
