package cli

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"github.com/ordergate/ordergate/metrics/ledger"
)

// An export holds the same rows in either form, no readable value, and shows
// every change of it.
func TestLedgerExport(t *testing.T) {
	e := breach(t)
	public, err := os.ReadFile(filepath.Join(e.dir, ledger.PublicKeyFile))
	if err != nil {
		t.Fatal(err)
	}
	export := func(c LedgerExport) string {
		t.Helper()
		var out bytes.Buffer
		c.DataDir, c.Now, c.Dir = e.dir, noon, filepath.Join(t.TempDir(), "export")
		if err := c.Run(&out, &out); err != nil {
			t.Fatalf("%v\n%s", err, out.String())
		}
		files, err := os.ReadDir(c.Dir)
		if err != nil || len(files) != 5 {
			t.Fatalf("files %v, %v", files, err)
		}
		for _, file := range files {
			content, err := os.ReadFile(filepath.Join(c.Dir, file.Name()))
			if err != nil {
				t.Fatal(err)
			}
			unreadable(t, file.Name(), string(content))
		}
		return c.Dir
	}
	check := func(dir string) (string, error) {
		return verifyLedger(t, LedgerVerify{DataDir: t.TempDir(), Export: dir, PublicKey: string(public)})
	}
	dir := export(LedgerExport{Format: "csv", By: "A. Muster, CISO", Purpose: "regulator"})
	if out, err := check(dir); err != nil || !strings.Contains(out, "7 rows (1 to 7), 3 files, all as signed") {
		t.Errorf("%v\n%s", err, out)
	}
	text, err := os.ReadFile(filepath.Join(dir, "rows.csv"))
	if err != nil {
		t.Fatal(err)
	}
	cells, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil || len(cells) != 8 {
		t.Fatalf("%d lines, %v", len(cells), err)
	}
	columns := export(LedgerExport{Format: "parquet"})
	rows, err := parquet.ReadFile[exportedRow](filepath.Join(columns, "rows.parquet"))
	if err != nil || len(rows) != 7 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for i := range rows {
		if got := rows[i].cells(); strings.Join(defuse(got), ",") != strings.Join(cells[i+1], ",") {
			t.Errorf("row %d in Parquet %q, in CSV %q", i, got, cells[i+1])
		}
	}
	one := export(LedgerExport{Format: "csv", Incident: theIncident})
	var manifest exportManifest
	if text, err = os.ReadFile(filepath.Join(one, manifestFile)); err != nil || json.Unmarshal(text, &manifest) != nil || manifest.Rows != 6 || manifest.Incident != theIncident {
		t.Errorf("the incident's export: %+v, %v", manifest, err)
	}
	for _, name := range []string{"rows.csv", checkpointsFile, manifestFile, signatureFile} {
		path := filepath.Join(one, name)
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		changed := bytes.Clone(content)
		changed[len(changed)/2] ^= 1
		if err := os.WriteFile(path, changed, 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := check(one); ExitCode(err) != ExitFindings {
			t.Errorf("a changed %s: %v\n%s", name, err, out)
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := check(one); err != nil {
		t.Errorf("restored: %v\n%s", err, out)
	}
	for name, test := range map[string]struct {
		c    LedgerExport
		want string
	}{
		"a folder that is there": {LedgerExport{Dir: one}, "does not exist yet"},
		"a time":                 {LedgerExport{Dir: one + "x", Since: "x"}, "--since"},
		"incident and time":      {LedgerExport{Dir: one + "x", Since: "1h", Incident: theIncident}, "leave out"},
		"no incident":            {LedgerExport{Dir: one + "x", Incident: "inc-1"}, "no incident"},
	} {
		test.c.DataDir, test.c.Now = e.dir, noon
		if err := test.c.Run(&bytes.Buffer{}, &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
	if _, err := verifyLedger(t, LedgerVerify{Export: one}); ExitCode(err) != ExitUsage {
		t.Errorf("without a key: %v", err)
	}
}
