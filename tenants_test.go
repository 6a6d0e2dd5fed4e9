//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/ordergate/ordergate/deploy/cli"
	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/metrics/ledger/sqlite"
	"github.com/ordergate/ordergate/proxy/proxytest"
	"github.com/ordergate/ordergate/rules"
)

// TestTenants: two shops behind one gateway and one that is nobody's, each with the
// same customers. Their rows cannot be joined, reports tell them apart, and destroying
// one tenant's keys, while the gateway runs, makes its rows alone anonymous. What is
// counted is one: who has come to the end of a cap at one shop has at the other.
func TestTenants(t *testing.T) {
	dir := t.TempDir()
	r := &rotating{T: t, data: filepath.Join(dir, "data"), source: cli.Source{Store: "sqlite"}, received: map[string]map[string]bool{}}
	text := fmt.Sprintf(`upstream: %s
listen: 127.0.0.1:0
admin: 127.0.0.1:0
data_dir: %q
sessions: [cookie:sid]
caps: {guest: {session: {1h: 5, 24h: 5}, address: {1h: unlimited}}, site: {1h: unlimited, 24h: unlimited}}
tenants:
  - {name: north, hosts: [shop.north.example]}
`, issuing(t).URL, r.data)
	config := writeConfig(t, filepath.Join(dir, "ordergate.yaml"), text)
	r.child = startChild(t, config)
	// A tenant may come while the gateway runs.
	writeConfig(t, config, text+"  - {name: south, hosts: [\"*.south.example\"]}\n")
	if err := r.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	r.wait(t, "config reloaded")
	shops := map[string]string{"north": "Shop.North.Example:8080", "south": "www.south.example", "": "other.example"}
	sessions := map[string]string{}
	for tenant, host := range shops {
		sessions[tenant] = r.login()
		for n := range 2 {
			if status := r.at(host, sessions[tenant], n); status != http.StatusOK {
				t.Errorf("order %d at %s: %d", n, host, status)
			}
		}
	}
	thief := r.login()
	for n := range 6 {
		r.at(shops[[]string{"north", "south", ""}[n%3]], thief, 100+n)
	}
	if n := len(r.received[thief]); n != 5 {
		t.Errorf("the thief has %d customers of three shops, the cap is 5", n)
	}
	before := r.rows()
	for tenant, of := range before {
		for other, theirs := range before {
			for digest := range of {
				if tenant != other && theirs[digest] {
					t.Errorf("digest %s is in rows of %q and of %q", digest, tenant, other)
				}
			}
		}
	}
	// Two customers that all shops have, and what the thief has; without a tenant the
	// rows of all are asked for.
	for tenant, want := range map[string]int{"north": 2 + 2, "south": 2 + 2, "": 2 + 5} {
		if got := r.affected(tenant); got != want {
			t.Errorf("report affected of tenant %q: %d customers, want %d", tenant, got, want)
		}
	}
	// The north leaves.
	key := cli.LedgerKey{DataDir: r.data, Tenant: "north"}
	list := r.key(key, "list")
	id, _, _ := strings.Cut(list, " ")
	r.key(key, "rotate")
	r.wait(t, "ledger key changed: rows are sealed with it from now on")
	key.Destroy.ID, key.Destroy.Yes = id, true
	r.key(key, "destroy <id>")
	if err := r.end(t, syscall.SIGTERM); err != nil {
		t.Errorf("SIGTERM: %v", err)
	}
	if got := r.affected("south"); got != 4 {
		t.Errorf("the south has %d customers after the north has left, want 4", got)
	}
	if got := r.affected("north"); got != 0 {
		t.Errorf("the north has %d customers after it has left", got)
	}
	var out, notes bytes.Buffer
	subject := cli.ReportSubject{DataDir: r.data, Email: proxytest.Email(0), JSON: true}
	if err := subject.Run(&out, &notes); err != nil {
		t.Fatal(err)
	}
	var answer struct {
		Disclosed struct{ Times int } `json:"disclosed"`
		Others    int                 `json:"rows_of_other_keys"`
	}
	if err := json.Unmarshal(out.Bytes(), &answer); err != nil || answer.Disclosed.Times != 2 || answer.Others != 4 {
		t.Errorf("a customer of all shops: %+v %v\n%s", answer, err, out.String())
	}
	// Nobody can say any more that two of the north's customers went to the thief: that
	// is what was wanted. The others count.
	r.child = startChild(t, config)
	for n := range 4 {
		r.at(shops["south"], thief, 200+n)
	}
	if n := len(r.received[thief]); n != 5+2 {
		t.Errorf("the thief has %d customers, want the 5 before the keys went, and 2 in place of the north's", n)
	}
	if err := r.end(t, syscall.SIGTERM); err != nil {
		t.Errorf("SIGTERM: %v", err)
	}
	// A tenant that has lost its key is not begun anew.
	if err := os.Remove(filepath.Join(ledger.TenantDir(r.data, "south"), ledger.KeyFile)); err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	if code := run(t.Context(), []string{"serve", "--config", config}, io.Discard, &stderr); code != cli.ExitFailed || !strings.Contains(stderr.String(), "of tenant south is missing") {
		t.Errorf("without a tenant's key: code %d, %s", code, stderr.String())
	}
}

// at reads an order at a host.
func (r *rotating) at(host, session string, n int) int {
	r.host = host
	defer func() { r.host = "" }()
	return r.order(client, session, n)
}

// rows returns all digests of the rows as they are kept, by tenant.
func (r *rotating) rows() map[string]map[rules.Digest]bool {
	r.Helper()
	keys, err := ledger.LoadKeys(r.data)
	if err != nil {
		r.Fatal(err)
	}
	tenants := map[string]string{}
	for _, key := range keys {
		tenants[key.ID] = key.Tenant
	}
	store, err := sqlite.OpenReadOnly(context.Background(), r.data)
	if err != nil {
		r.Fatal(err)
	}
	defer store.Close() //nolint:errcheck // read only
	digests := map[string]map[rules.Digest]bool{}
	for row, err := range store.Disclosures(context.Background(), ledger.Query{}) {
		if err != nil {
			r.Fatal(err)
		}
		tenant, known := tenants[row.Key]
		if !known {
			r.Errorf("row %d is of key %s", row.Sequence, row.Key)
		}
		of := digests[tenant]
		if of == nil {
			of = map[rules.Digest]bool{}
			digests[tenant] = of
		}
		for _, id := range row.Record.Identifiers {
			of[id.Digest] = true
		}
		of[row.Principal.Session], of[row.Principal.IP] = true, true
	}
	if len(digests) != 3 {
		r.Errorf("rows of %d tenants, want two and the gateway's own", len(digests))
	}
	return digests
}

// affected counts what `report affected --tenant` names.
func (r *rotating) affected(tenant string) int {
	r.Helper()
	var out, notes bytes.Buffer
	report := cli.ReportAffected{DataDir: r.data, Source: cli.Source{Tenant: tenant}}
	if err := report.Run(&out, &notes); err != nil {
		r.Fatalf("%v\n%s", err, notes.String())
	}
	return bytes.Count(out.Bytes(), []byte("\n")) - 1
}

// key runs `ledger key`.
func (r *rotating) key(c cli.LedgerKey, command string) string {
	r.Helper()
	var out bytes.Buffer
	if err := c.Run("ledger key "+command, &out); err != nil {
		r.Fatalf("ledger key %s: %v", command, err)
	}
	return out.String()
}
