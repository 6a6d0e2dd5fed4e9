// Package cli is the commands of ordergate that do not serve, one file each.
//
// A command is a struct whose fields are its flags (kong tags) and whose Run
// method does the work: it reads what its flags name, writes its answer to
// stdout and everything that is about the answer to stderr, and returns an
// error instead of ending the process. main.go parses the arguments and turns
// the error into the exit code: 0 without one, 2 for a [UsageError], 3 for a
// [FindingsError], 1 for every other.
//
// The way of the data through a report:
//
//	data_dir/ledger/, ledger.db ──read-only──► metrics/ledger.Affected ──► subjects ──► report affected, subject
//	                            └──incident──► metrics/ledger/report ──► report incident, statement ──issued──► data_dir/reports/
//	customers.csv ──row by row──► rules/record.Identify ──► digests ──► ledger.Matcher ──► CSV or JSON
//
// Only a report with --customers holds readable personal data: the retailer's
// own, from the retailer's own file.
package cli
