//go:build unix

package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/metrics/ledger/postgres/pgtest"
)

var segmentLines = regexp.MustCompile(`(?m)^- segment .*\n`)

// A ledger goes from data_dir to a database and back. Every report and proof
// says of the copy what it says of the original; copying again changes nothing,
// and an interrupted copy goes on.
func TestLedgerMigrate(t *testing.T) {
	server := pgtest.Start(t, "fsync=off")
	url := server.Database(t, "evidence")
	e := shop(t)
	e.sign()
	saveIncident(t, e, "inc-1")
	migrate := func(c LedgerMigrate) (string, error) {
		var out, notes bytes.Buffer
		err := c.Run(&out, &notes)
		return out.String(), err
	}
	if _, err := migrate(LedgerMigrate{From: e.dir, To: url}); err == nil || !strings.Contains(err.Error(), "stop the gateway") {
		t.Errorf("beside a running gateway: %v", err)
	}
	if err := e.store.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time there is nothing to do
		if out, err := migrate(LedgerMigrate{From: e.dir, To: url}); err != nil || !strings.Contains(out, "rows 8 (1 to 8)") || !strings.Contains(out, "no faults") {
			t.Fatalf("to the database: %v\n%s", err, out)
		}
	}
	same := func(name string, run func(dir string, from Source) string) {
		t.Helper()
		want := run(e.dir, Source{})
		if got := run(e.dir, Source{Store: url}); got != want {
			t.Errorf("%s from the database:\n%s\nfrom data_dir:\n%s", name, got, want)
		}
	}
	affected := func(dir string, from Source) string {
		var out, notes bytes.Buffer
		c := ReportAffected{DataDir: dir, Source: from, Customers: e.file("customers.csv", list), Now: noon}
		if err := c.Run(&out, &notes); err != nil {
			t.Fatal(err)
		}
		return out.String() + notes.String()
	}
	same("report affected", affected)
	same("report subject", func(dir string, from Source) string {
		var out bytes.Buffer
		c := ReportSubject{DataDir: dir, Source: from, Email: "erika@example.org", Now: noon}
		if err := c.Run(&out, &out); err != nil {
			t.Fatal(err)
		}
		return out.String()
	})
	same("ledger prove", func(dir string, from Source) string {
		var out bytes.Buffer
		if err := (&LedgerProve{DataDir: dir, Source: from, Row: 3}).Run(&out, &out); err != nil {
			t.Fatal(err)
		}
		return out.String()
	})
	same("report incident", func(dir string, from Source) string {
		var out bytes.Buffer
		c := ReportIncident{Format: "md", reportFlags: reportFlags{DataDir: dir, Source: from, Incident: "inc-1", Now: noon}}
		if err := c.Run(&out, &out); err != nil {
			t.Fatal(err)
		}
		return segmentLines.ReplaceAllString(out.String(), "") // files, which a database has not
	})
	// And back, into a folder with the gateway's keys.
	back := t.TempDir()
	for _, name := range []string{ledger.SignerFile, ledger.PublicKeyFile, "ledger.key"} {
		content, err := os.ReadFile(filepath.Join(e.dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(back, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if out, err := migrate(LedgerMigrate{From: url, To: back}); err != nil || !strings.Contains(out, "rows 8 (1 to 8)") || !strings.Contains(out, "no faults") || !strings.Contains(out, "checkpoints that agree 1") {
			t.Fatalf("back: %v\n%s", err, out)
		}
	}
	if got, want := affected(back, Source{}), affected(e.dir, Source{}); got != want {
		t.Errorf("back:\n%s\nwant\n%s", got, want)
	}
	// The gateway goes on there, and the database with it.
	e.dir = back
	grown := reopen(t, back)
	if err := grown.Append(context.Background(), e.rows[:2]); err != nil {
		t.Fatal(err)
	}
	if err := grown.Close(); err != nil {
		t.Fatal(err)
	}
	if out, err := migrate(LedgerMigrate{From: back, To: url}); err != nil || !strings.Contains(out, "rows 10 (1 to 10)") {
		t.Errorf("again to the database: %v\n%s", err, out)
	}
	var out bytes.Buffer
	verify := LedgerVerify{DataDir: e.dir, Source: Source{Store: url}, PublicKey: filepath.Join(e.dir, ledger.PublicKeyFile), JSON: true}
	if err := verify.Run(&out, &out); err != nil {
		t.Errorf("ledger verify: %v", err)
	}
	var found ledger.Verification
	if err := json.Unmarshal(out.Bytes(), &found); err != nil || found.Rows != 10 || len(found.Nodes) != 1 || found.Nodes[0].Checkpoints == 0 {
		t.Errorf("ledger verify --json: %v %s", err, out.String())
	}
	for name, c := range map[string]LedgerMigrate{
		"from a folder to a folder":   {From: e.dir, To: t.TempDir()},
		"to another gateway's folder": {From: url, To: newEvidenceSigned(t)},
	} {
		if _, err := migrate(c); ExitCode(err) != ExitUsage {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// newEvidenceSigned is the data_dir of another gateway.
func newEvidenceSigned(t *testing.T) string {
	e := newEvidence(t)
	e.sign()
	return e.dir
}
