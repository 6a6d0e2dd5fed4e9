package cli

import (
	"io"
	"os"
	"strings"
)

// Reports are the commands `ordergate report …`.
type Reports struct {
	Affected  ReportAffected  `cmd:"" help:"List the customers whose data left: which fields, when, to whom."`
	Incident  ReportIncident  `cmd:"" help:"Report one incident: who, whose, what, when, and what is not known."`
	Subject   ReportSubject   `cmd:"" help:"Answer one customer: was I affected?"`
	Statement ReportStatement `cmd:"" help:"Draft what is told: OAIC, GDPR 33 and 34, California, SEC, customers, help line."`
	Drill     ReportDrill     `cmd:"" help:"Report a drill: what was lost, alerted and refused, and which goals were missed."`
}

// Run carries out one of the commands, named as kong names it. version is the
// program's.
func (c *Reports) Run(command, version string, stdout, stderr io.Writer) error {
	switch {
	case strings.HasPrefix(command, "report incident"):
		c.Incident.Version = version
		return c.Incident.Run(stdout, stderr)
	case strings.HasPrefix(command, "report drill"):
		c.Drill.Version = version
		return c.Drill.Run(os.Stdin, stdout, stderr)
	case strings.HasPrefix(command, "report statement"):
		c.Statement.Version = version
		return c.Statement.Run(stdout, stderr)
	case command == "report subject":
		return c.Subject.Run(stdout, stderr)
	}
	return c.Affected.Run(stdout, stderr)
}

// Ledgers are the commands `ordergate ledger …`.
type Ledgers struct {
	Verify  LedgerVerify  `cmd:"" help:"Read the ledger and say whether it is sound; or check a proof."`
	Export  LedgerExport  `cmd:"" help:"Write rows, signed and with their custody, for somebody else's hands."`
	Migrate LedgerMigrate `cmd:"" help:"Copy the ledger from data_dir to a database, or back."`
	Key     LedgerKey     `cmd:"" help:"Look after the keys of the ledger's digests."`
	Prove   LedgerProve   `cmd:"" help:"Prove that a row is in the ledger, or that a kept checkpoint is of its beginning."`
}

// Run carries out one of the commands, named as kong names it. version is the
// program's.
func (c *Ledgers) Run(command, version string, stdout, stderr io.Writer) error {
	switch {
	case command == "ledger prove":
		return c.Prove.Run(stdout, stderr)
	case command == "ledger migrate":
		return c.Migrate.Run(stdout, stderr)
	case strings.HasPrefix(command, "ledger key"):
		return c.Key.Run(command, stdout)
	case strings.HasPrefix(command, "ledger export"):
		c.Export.Version = version
		return c.Export.Run(stdout, stderr)
	}
	return c.Verify.Run(stdout, stderr)
}
