package cli

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/metrics/ledger/sqlite"
	"github.com/ordergate/ordergate/rules"
)

// sign makes a checkpoint of the evidence and returns its note.
func (e *evidence) sign() string {
	e.t.Helper()
	ctx := context.Background()
	signer, err := ledger.LoadOrCreateSigner(e.dir)
	if err != nil {
		e.t.Fatal(err)
	}
	head, err := e.store.Head(ctx)
	if err != nil {
		e.t.Fatal(err)
	}
	checkpoint, err := signer.Sign(head, noon)
	if err != nil {
		e.t.Fatal(err)
	}
	if err := e.store.SaveCheckpoint(ctx, checkpoint); err != nil {
		e.t.Fatal(err)
	}
	return checkpoint.Note
}

func verifyLedger(t *testing.T, c LedgerVerify) (string, error) {
	t.Helper()
	var out bytes.Buffer
	err := c.Run(&out, &out)
	return out.String(), err
}

func TestLedgerVerify(t *testing.T) {
	e := shop(t)
	kept := e.file("kept.txt", e.sign()+"\n"+e.sign())
	out, err := verifyLedger(t, LedgerVerify{DataDir: e.dir, Checkpoint: kept})
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{
		"segments 1 (0 not read), entries 10\n", "rows 8 (1 to 8), deleted by retention 0, clock steps 0\n", "unknown 1\ndelivered 5\nwithheld 1\nattempted 1\n",
		"checkpoints that agree 3; the newest, of 2026-03-01T12:00:00Z, proves 10 entries\nno faults\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("findings do not say %q:\n%s", want, out)
		}
	}
	out, err = verifyLedger(t, LedgerVerify{DataDir: e.dir, JSON: true})
	if err != nil || !json.Valid([]byte(out)) || !strings.Contains(out, `"faults":[]`) {
		t.Errorf("as JSON: %v\n%s", err, out)
	}
	if err := e.store.Close(); err != nil {
		t.Fatal(err)
	}
	segments, err := filepath.Glob(filepath.Join(e.dir, sqlite.Segments, "*.seg"))
	if err != nil || len(segments) != 1 {
		t.Fatalf("segments %v, %v", segments, err)
	}
	content, err := os.ReadFile(segments[0])
	if err != nil {
		t.Fatal(err)
	}
	content[len(content)/2] ^= 1
	if err := os.WriteFile(segments[0], content, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err = verifyLedger(t, LedgerVerify{DataDir: e.dir})
	if ExitCode(err) != ExitFindings || !strings.Contains(out, "fault: segment ") {
		t.Errorf("one flipped bit: %v\n%s", err, out)
	}
	for name, test := range map[string]struct {
		c    LedgerVerify
		code int
		want string
	}{
		"no ledger":         {LedgerVerify{DataDir: t.TempDir()}, ExitFailed, "data_dir"},
		"a time":            {LedgerVerify{DataDir: e.dir, Since: "yesterday"}, ExitUsage, "--since"},
		"no checkpoint":     {LedgerVerify{DataDir: e.dir, Checkpoint: e.file("empty.txt", "\n")}, ExitUsage, "holds no checkpoint"},
		"a torn checkpoint": {LedgerVerify{DataDir: e.dir, Checkpoint: e.file("torn.txt", "ordergate\n12\n")}, ExitUsage, "not a checkpoint"},
		"a bad key":         {LedgerVerify{DataDir: e.dir, PublicKey: "secret"}, ExitUsage, "name+hash+key"},
	} {
		if out, err := verifyLedger(t, test.c); err == nil || !strings.Contains(err.Error(), test.want) || ExitCode(err) != test.code {
			t.Errorf("%s: error %v (code %d), want %q (code %d)\n%s", name, err, ExitCode(err), test.want, test.code, out)
		}
	}
}

// An incident that is changed in the database does not fit the log.
func TestLedgerVerifyIncidents(t *testing.T) {
	e := shop(t)
	saveIncident(t, e, "inc-0000000000000001")
	if out, err := verifyLedger(t, LedgerVerify{DataDir: e.dir}); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := e.store.Close(); err != nil {
		t.Fatal(err)
	}
	changeIncident(t, e.dir)
	out, err := verifyLedger(t, LedgerVerify{DataDir: e.dir})
	if ExitCode(err) != ExitFindings || !strings.Contains(out, "incident inc-0000000000000001 is not what was saved") {
		t.Errorf("%v\n%s", err, out)
	}
}

// A third party checks a proof with the public key and nothing else.
func TestLedgerProve(t *testing.T) {
	e := shop(t)
	prove := func(c LedgerProve) (string, error) {
		var out bytes.Buffer
		c.DataDir = e.dir
		err := c.Run(&out, &out)
		return out.String(), err
	}
	if _, err := prove(LedgerProve{Row: 1}); err == nil || !strings.Contains(err.Error(), "nothing was signed for yet") {
		t.Errorf("without a checkpoint: %v", err)
	}
	kept := e.file("kept.txt", e.sign())
	e.rows = nil
	e.sent(nil, "email=later@example.org")
	e.keep()
	e.sign()
	key, err := os.ReadFile(filepath.Join(e.dir, ledger.PublicKeyFile))
	if err != nil {
		t.Fatal(err)
	}
	proof, err := prove(LedgerProve{Row: 1, Checkpoint: kept})
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := t.TempDir()
	path := filepath.Join(elsewhere, "proof.json")
	if err := os.WriteFile(path, []byte(proof), 0o600); err != nil {
		t.Fatal(err)
	}
	check := LedgerVerify{DataDir: elsewhere, Proof: path, PublicKey: string(key)}
	out, err := verifyLedger(t, check)
	if err != nil || !strings.Contains(out, "proven: row 1 at 2026-03-01T12:01:00Z, exchange 0101") || !strings.Contains(out, ", delivered, fields name|email") ||
		!strings.Contains(out, "is the beginning of it") {
		t.Errorf("%v\n%s", err, out)
	}
	check.JSON = true
	if out, err := verifyLedger(t, check); err != nil || !json.Valid([]byte(out)) {
		t.Errorf("as JSON: %v\n%s", err, out)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(proof, `"index": `, `"index": 1`, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := verifyLedger(t, check); ExitCode(err) != ExitFindings || !strings.Contains(err.Error(), "the proof does not hold") {
		t.Errorf("a touched proof: %v", err)
	}
	exchange := "01010000000000000000000000000000"
	if byExchange, err := prove(LedgerProve{Exchange: exchange}); err != nil || !strings.Contains(byExchange, `"entries"`) {
		t.Errorf("by exchange: %v\n%s", err, byExchange)
	}
	for name, test := range map[string]struct {
		c    LedgerProve
		want string
	}{
		"nothing":             {LedgerProve{}, "prove what?"},
		"two rows":            {LedgerProve{Row: 1, Exchange: exchange}, "--row 1"},
		"no row":              {LedgerProve{Row: 99}, "not in the ledger"},
		"no exchange":         {LedgerProve{Exchange: strings.Repeat("ab", 16)}, "no row of exchange"},
		"a strange exchange":  {LedgerProve{Exchange: "x"}, "--exchange"},
		"no file":             {LedgerProve{Checkpoint: "none"}, "none"},
		"a proof without key": {LedgerProve{Row: 99, Checkpoint: kept}, "not in the ledger"},
	} {
		if _, err := prove(test.c); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
	if _, err := verifyLedger(t, LedgerVerify{DataDir: e.dir, Proof: path}); ExitCode(err) != ExitUsage {
		t.Errorf("a proof without a key: %v", err)
	}
}

func saveIncident(t *testing.T, e *evidence, id string) {
	t.Helper()
	incident := rules.Incident{ID: id, Detector: rules.DetectorCap, Severity: rules.SeverityHigh, Role: "guest", Opened: noon, Updated: noon}
	if err := e.store.SaveIncident(context.Background(), incident); err != nil {
		t.Fatal(err)
	}
}

// changeIncident writes into the database as somebody with a SQLite shell can.
func changeIncident(t *testing.T, dir string) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, sqlite.File))
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.Exec("UPDATE incident SET body = replace(body, 'guest', 'staff')")
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}

// After a rotation reports reach the rows of both keys; a destroyed key makes
// its rows anonymous. So it is with a new secret for rows alone, which a gateway
// takes while it runs, and with one for the digests, too.
func TestLedgerKey(t *testing.T) {
	for name, anew := range map[string]bool{"rows": false, "digests, too": true} {
		t.Run(name, func(t *testing.T) { ledgerKey(t, anew) })
	}
}

func ledgerKey(t *testing.T, anew bool) {
	e := newEvidence(t)
	run := func(c LedgerKey, command string) (string, error) {
		var out bytes.Buffer
		c.DataDir = e.dir
		err := c.Run("ledger key "+command, &out)
		return out.String(), err
	}
	e.sent(nil, "email=erika@example.org")
	e.keep()
	if _, err := run(LedgerKey{Rotate: rotateKey{Anew: true}}, "rotate"); !errors.Is(err, sqlite.ErrLocked) {
		t.Errorf("other digests while a gateway runs: %v", err)
	}
	if err := e.store.Close(); err != nil {
		t.Fatal(err)
	}
	out, err := run(LedgerKey{Rotate: rotateKey{Anew: anew}}, "rotate")
	if err != nil || !strings.HasPrefix(out, "new key ") || strings.Contains(out, "running") {
		t.Fatalf("%v\n%s", err, out)
	}
	keys, err := ledger.LoadKeys(e.dir)
	if err != nil || len(keys) != 2 || (keys[0].Digests() == keys[1].Digests()) == anew {
		t.Fatalf("keys %v, %v", keys, err)
	}
	if out, err := run(LedgerKey{}, "list"); err != nil || out != keys[0].ID+" present\n"+keys[1].ID+" retired\n" {
		t.Errorf("%v\n%s", err, out)
	}
	if e.hasher, err = rules.NewHasher(keys[0].Secret); err != nil {
		t.Fatal(err)
	}
	if e.store, err = sqlite.Open(context.Background(), e.dir, sqlite.Options{Key: keys[0]}); err != nil {
		t.Fatal(err)
	}
	e.rows = nil
	e.sent(func(d *rules.Disclosure) { d.Exchange[2] = 1 }, "email=erika@example.org")
	e.sent(nil, "email=ann@example.org")
	e.keep()
	customers := e.file("customers.csv", "email\nerika@example.org\nann@example.org\n")
	report, notes := e.report(ReportAffected{Customers: customers})
	if !strings.Contains(report, "erika@example.org,name|email,2026-03-01T12:01:00Z,2026-03-01T12:01:00Z,2,") || strings.Contains(notes, "cannot be joined") {
		t.Errorf("with both keys:\n%s\n%s", report, notes)
	}
	subjects := 2 // Erika's rows of both keys are known to be one person's without a list
	if anew {
		subjects = 3
	}
	if report, _ := e.report(ReportAffected{}); strings.Count(report, "\n") != 1+subjects {
		t.Errorf("want %d subjects:\n%s", subjects, report)
	}
	escrow := filepath.Join(t.TempDir(), "escrow.key")
	if out, err := run(LedgerKey{Export: exportKey{File: escrow, ID: keys[1].ID}}, "export <file>"); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if info, err := os.Stat(escrow); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the exported key: %v %v", info, err)
	}
	for name, test := range map[string]struct {
		c    LedgerKey
		cmd  string
		want string
	}{
		"without yes":     {LedgerKey{Destroy: destroyKey{ID: keys[1].ID}}, "destroy <id>", "--yes"},
		"the present key": {LedgerKey{Destroy: destroyKey{ID: keys[0].ID, Yes: true}}, "destroy <id>", "still seals rows"},
		"a strange key":   {LedgerKey{Destroy: destroyKey{ID: "../x", Yes: true}}, "destroy <id>", "16 hexadecimal"},
		"export nothing":  {LedgerKey{Export: exportKey{File: escrow + "2", ID: "ab"}}, "export <file>", "no ledger key"},
		"anew of one":     {LedgerKey{Tenant: "north", Rotate: rotateKey{Anew: true}}, "rotate", "another process"},
		"no such tenant":  {LedgerKey{Tenant: "north"}, "list", "no such file"},
		"export over":     {LedgerKey{Export: exportKey{File: escrow}}, "export <file>", "exists"},
	} {
		if out, err := run(test.c, test.cmd); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q\n%s", name, err, test.want, out)
		}
	}
	// While a gateway runs it is told of a new key by the file alone, and what it still
	// seals with is not destroyed.
	out, err = run(LedgerKey{}, "rotate")
	if err != nil || !strings.Contains(out, "the running gateway takes it") {
		t.Fatalf("%v\n%s", err, out)
	}
	if _, err := run(LedgerKey{Destroy: destroyKey{ID: keys[0].ID, Yes: true}}, "destroy <id>"); err == nil || !strings.Contains(err.Error(), "still seals rows") {
		t.Errorf("the key in use is retired: %v", err)
	}
	if out, err := run(LedgerKey{Destroy: destroyKey{ID: keys[1].ID, Yes: true}}, "destroy <id>"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	report, notes = e.report(ReportAffected{Customers: customers})
	if !strings.Contains(report, "erika@example.org,name|email,2026-03-01T12:01:00Z,2026-03-01T12:01:00Z,1,") || !strings.Contains(notes, "1 disclosures were digested with key") {
		t.Errorf("with the old key destroyed:\n%s\n%s", report, notes)
	}
	marks, err := e.store.Marks(context.Background())
	if err != nil || !slices.ContainsFunc(marks, func(m ledger.Mark) bool {
		return m.Kind == ledger.MarkKey && m.Detail == keys[1].ID+" "+keys[0].ID
	}) {
		t.Errorf("the rotation is not noted: %v %v", marks, err)
	}
}

// The keys of tenants: with other digests all of them change, and nothing but rows
// can be asked for by a tenant.
func TestTenantKeys(t *testing.T) {
	e := newEvidence(t)
	own, err := ledger.LoadKey(e.dir)
	if err != nil {
		t.Fatal(err)
	}
	north, err := ledger.LoadOrCreateTenantKey(e.dir, "north", own)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.store.Rekey(context.Background(), "north", north); err != nil {
		t.Fatal(err)
	}
	e.sent(func(d *rules.Disclosure) { d.Tenant = "north" }, "email=erika@example.org")
	e.sent(nil, "email=erika@example.org")
	e.sent(nil, "email=ann@example.org")
	e.keep()
	e.sign()
	saveIncident(t, e, "inc-1")
	for tenant, want := range map[string]int{"": 2, "north": 1} {
		if report, _ := e.report(ReportAffected{Source: Source{Tenant: tenant}}); strings.Count(report, "\n") != 1+want {
			t.Errorf("tenant %q, want %d customers:\n%s", tenant, want, report)
		}
	}
	var out bytes.Buffer
	incident := ReportIncident{Format: "md", reportFlags: reportFlags{DataDir: e.dir, Source: Source{Tenant: "north"}, Incident: "inc-1", Now: noon}}
	if err := incident.Run(&out, &out); err != nil || !strings.Contains(out.String(), "records of tenant north alone") {
		t.Errorf("report incident: %v\n%s", err, out.String())
	}
	for name, err := range map[string]error{
		"verify":         (&LedgerVerify{DataDir: e.dir, Source: Source{Tenant: "north"}}).Run(&out, &out),
		"prove":          (&LedgerProve{DataDir: e.dir, Source: Source{Tenant: "north"}, Row: 1}).Run(&out, &out),
		"another tenant": (&ReportAffected{DataDir: e.dir, Source: Source{Tenant: "east"}}).Run(&out, &out),
	} {
		if ExitCode(err) != ExitUsage || !strings.Contains(err.Error(), "--tenant") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := e.store.Close(); err != nil {
		t.Fatal(err)
	}
	out.Reset()
	anew := LedgerKey{DataDir: e.dir, Rotate: rotateKey{Anew: true}}
	if err := anew.Run("ledger key rotate", &out); err != nil || strings.Count(out.String(), "new key ") != 2 {
		t.Fatalf("%v\n%s", err, out.String())
	}
	keys, err := ledger.LoadKeys(e.dir)
	if err != nil || len(keys) != 4 || keys[2].Tenant != "north" || keys[0].Digests() != keys[2].Digests() || keys[0].Digests() == own.Digests() {
		t.Errorf("keys %v, %v", keys, err)
	}
	one := LedgerKey{DataDir: e.dir, Tenant: "north", Rotate: rotateKey{Anew: true}}
	if err := one.Run("ledger key rotate", &out); ExitCode(err) != ExitUsage {
		t.Errorf("other digests for one tenant: %v", err)
	}
}
