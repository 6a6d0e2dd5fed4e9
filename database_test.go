package main

import (
	"context"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

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
	recorded := emailsOf(t, digestsOf(t, data), archive.Disclosures(ctx, released))
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
