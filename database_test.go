//go:build unix

package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/ordergate/ordergate/deploy/cli"
	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/metrics/ledger/postgres"
	"github.com/ordergate/ordergate/metrics/ledger/postgres/pgtest"
)

// TestKillDatabase: the ledger's database is killed in the middle of
// disclosures, and later the gateway, too. Nobody is refused meanwhile, and once
// both are back everything that a client fully received is in the database, by
// way of the gateway that was killed or of the next one.
func TestKillDatabase(t *testing.T) {
	if testing.Short() {
		t.Skip("starts PostgreSQL")
	}
	server := pgtest.Start(t)
	upstream := orders(t)
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	url := server.Database(t, "evidence")
	text := wide(upstream.URL, data) + "ledger: {store: '" + url + "', wait: 20s}\n"
	c := startChild(t, writeConfig(t, filepath.Join(dir, "ordergate.yaml"), text))
	received := receive(t, c, func(n int) {
		switch n {
		case 150:
			server.Kill(t)
		case 400:
			_ = c.cmd.Process.Kill()
		}
	})
	_ = c.end(t, syscall.SIGKILL)
	// Without its database it starts, too.
	c = startChild(t, filepath.Join(dir, "ordergate.yaml"))
	server.Run(t)
	c.wait(t, "the ledger's database has everything again")
	if err := c.end(t, syscall.SIGTERM); err != nil {
		t.Errorf("SIGTERM: %v", err)
	}
	ctx := context.Background()
	archive, err := postgres.OpenReadOnly(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close() //nolint:errcheck // read only
	recorded := emailsOf(t, digestsOf(t, data), archive.Disclosures(ctx, opened(t, data)))
	for email := range received {
		if !recorded[email] {
			t.Errorf("%s was received and is not in the database", email)
		}
	}
	if extra := len(recorded) - len(received); extra < 0 || extra > 16 {
		t.Errorf("%d received, %d recorded: at most the 16 under way may differ", len(received), len(recorded))
	}
	found, err := archive.Verify(ctx, ledger.VerifyOptions{})
	if err != nil || len(found.Faults) > 0 || found.Checkpoints == 0 {
		t.Errorf("verify: %v, %d checkpoints, %s", err, found.Checkpoints, strings.Join(found.Faults, "\n"))
	}
}

// TestDamagedLedger: bytes in the middle of today's rows are changed while the
// gateway is stopped: several, because one may meet an entry that is no row. It starts nevertheless, counts the gap, keeps the damaged
// file, and reports go on with what can be read.
func TestDamagedLedger(t *testing.T) {
	upstream := orders(t)
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	config := writeConfig(t, filepath.Join(dir, "ordergate.yaml"), wide(upstream.URL, data))
	c := startChild(t, config)
	received := receive(t, c, func(n int) {
		if n == 200 {
			_ = c.cmd.Process.Kill()
		}
	})
	_ = c.end(t, syscall.SIGKILL)
	files, err := filepath.Glob(filepath.Join(data, "ledger", "*.seg"))
	if err != nil || len(files) != 1 {
		t.Fatalf("segments: %v %v", files, err)
	}
	content, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	for i := range 9 {
		content[len(content)*(30+5*i)/100] ^= 4
	}
	if err := os.WriteFile(files[0], content, 0o600); err != nil {
		t.Fatal(err)
	}
	c = startChild(t, config)
	response, err := client.Get(c.admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	metrics, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	gap := regexp.MustCompile(`(?m)^ordergate_ledger_gap_total ([1-9]\d*)$`).FindSubmatch(metrics)
	if err != nil || gap == nil {
		t.Errorf("ordergate_ledger_gap_total does not tell of it: %v", err)
	}
	again := receive(t, c, func(n int) {
		if n == 50 {
			_ = c.cmd.Process.Kill()
		}
	})
	_ = c.end(t, syscall.SIGKILL)
	if now, err := os.ReadFile(files[0]); err != nil || !bytes.Equal(now, content) {
		t.Errorf("the damaged file was changed: %v", err)
	}
	var out, notes bytes.Buffer
	report := cli.ReportAffected{DataDir: data, All: true}
	if err := report.Run(&out, &notes); cli.ExitCode(err) != cli.ExitFindings {
		t.Errorf("report affected: %v\n%s", err, notes.String())
	}
	if rows := bytes.Count(out.Bytes(), []byte("\n")) - 1; rows < len(received)/2 || rows < len(again) {
		t.Errorf("the report has %d customers of %d and %d", rows, len(received), len(again))
	}
}
