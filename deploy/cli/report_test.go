package cli

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/rules"
	"github.com/ordergate/ordergate/rules/record"
)

func TestAffectedCustomers(t *testing.T) {
	e := shop(t)
	out, notes := e.report(ReportAffected{Customers: e.file("customers.csv", list)})
	session := func(n byte) string { return "guest:" + rules.Digest{0xaa, n}.String() }
	want := [][]string{
		{"Kundennummer", "First name", "Last name", "E-Mail", "Phone", "Street", "Note", "fields", "first", "last", "times", "states", "to"},
		{
			"1001", "Erika", "Muster", "ERIKA@example.org", "'+61 412 345 678", "1 High St", `'=HYPERLINK("http://evil.example")`,
			"name|email", "2026-03-01T12:01:00Z", "2026-03-01T12:03:00Z", "2", "delivered:2", session(1) + "|" + session(3),
		},
		{
			"1003", "Ann", "Other", "ann@example.org", "", "2; Low Road", "",
			"purchase", "2026-03-01T12:02:00Z", "2026-03-01T12:02:00Z", "1", "delivered:1", session(2),
		},
		{
			"1004", "Jürgen", "Müller", "jm@example.org", "", "Straße des 17. Juni 5", "",
			"name|email", "2026-03-01T12:06:00Z", "2026-03-01T12:06:00Z", "1", "unknown:1", session(6),
		},
	}
	got, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("report (%v):\n got %q\nwant %q", err, got, want)
	}
	for _, note := range []string{
		"affected: 4 customers (delivered 3, unknown 1); only withheld: 1; requests refused before a record was found: 1",
		"Kundennummer = customer number", "E-Mail = email", "Phone = phone", "Street = street or address", "Last name = name",
		"customers read: 6; affected: 3; affected subjects that are not in the list: 1",
	} {
		if !strings.Contains(notes, note) {
			t.Errorf("notes do not say %q:\n%s", note, notes)
		}
	}
}

func TestAffectedSubjects(t *testing.T) {
	e := shop(t)
	out, notes := e.report(ReportAffected{Format: "csv"})
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if lines[0] != "subject,kind,fields,first,last,times,states,to" || len(lines) != 5 {
		t.Errorf("report:\n%s", out)
	}
	id := record.Identify(e.hasher, nil, []string{"email"}, []string{"erika@example.org"})[0]
	if want := id.Digest.String() + ",email,name|email,2026-03-01T12:01:00Z,2026-03-01T12:03:00Z,2,delivered:2,"; !strings.HasPrefix(lines[1], want) {
		t.Errorf("first line %q, want %q…", lines[1], want)
	}
	for _, personal := range []string{"erika", "Erika", "412345678", "412 345", "Müller", "Juni"} {
		if strings.Contains(out+notes, personal) {
			t.Errorf("the report shows %q", personal)
		}
	}
	all, _ := e.report(ReportAffected{All: true})
	if n := strings.Count(all, "\n"); n != 6 {
		t.Errorf("with own data: %d lines, want 6:\n%s", n, all)
	}
	for name, test := range map[string]struct {
		c    ReportAffected
		want int // subjects
	}{
		"since":              {ReportAffected{Since: "2026-03-01T12:03:00Z"}, 3},
		"until":              {ReportAffected{Until: "2026-03-01T12:03:00Z"}, 2},
		"both":               {ReportAffected{Since: "2026-03-01T12:02:00Z", Until: "2026-03-01T12:03:00Z"}, 1},
		"hours ago":          {ReportAffected{Since: "24h"}, 4},
		"minutes ago":        {ReportAffected{Since: "1436m"}, 2},
		"days ago":           {ReportAffected{Since: "2d", Until: "1d"}, 0},
		"a date":             {ReportAffected{Since: "2026-03-02"}, 0},
		"with another clock": {ReportAffected{Since: "2026-03-01T13:05:30+01:00"}, 2},
	} {
		out, _ := e.report(test.c)
		if n := strings.Count(out, "\n") - 1; n != test.want {
			t.Errorf("%s: %d subjects, want %d:\n%s", name, n, test.want, out)
		}
	}
}

func TestAffectedJSON(t *testing.T) {
	e := shop(t)
	out, _ := e.report(ReportAffected{Format: "json", Customers: e.file("customers.csv", list), Since: "2026-03-01T12:01:30Z"})
	want := `{"since":"2026-03-01T12:01:30Z","counts":{"delivered":3,"unknown":1,"withheld":1,"attempted":1},"customers":[
  {"customer":[{"column":"Kundennummer","value":"1001"},{"column":"First name","value":"Erika"},{"column":"Last name","value":"Muster"},` +
		`{"column":"E-Mail","value":"ERIKA@example.org"},{"column":"Phone","value":"+61 412 345 678"},{"column":"Street","value":"1 High St"},` +
		`{"column":"Note","value":"=HYPERLINK(\"http://evil.example\")"}],"fields":["name","email"],"first":"2026-03-01T12:03:00Z","last":"2026-03-01T12:03:00Z",` +
		`"times":1,"states":{"delivered":1,"unknown":0,"withheld":0},"to":[{"role":"guest","session":"aa030000000000000000000000000000"}],"to_cut":false},`
	if !strings.HasPrefix(out, want) {
		t.Errorf("report:\n%s\nwant:\n%s", out, want)
	}
	if !strings.HasSuffix(out, "\n],\"customers_read\":6,\"unmatched_subjects\":1}\n") || !json.Valid([]byte(out)) {
		t.Errorf("end of the report:\n%s", out)
	}
	again, _ := e.report(ReportAffected{Format: "json", Customers: filepath.Join(e.dir, "customers.csv"), Since: "2026-03-01T12:01:30Z"})
	if again != out {
		t.Error("the same report came out differently")
	}
	subjects, _ := e.report(ReportAffected{Format: "json", Until: "2026-03-01T12:02:00Z"})
	id := record.Identify(e.hasher, nil, []string{"email", "phone"}, []string{"erika@example.org", "+61412345678"})
	want = `{"until":"2026-03-01T12:02:00Z","counts":{"delivered":1,"unknown":0,"withheld":0,"attempted":0},"subjects":[
  {"subject":"` + id[0].Digest.String() + `","kind":"email","identifiers":[{"kind":"email","digest":"` + id[0].Digest.String() +
		`"},{"kind":"phone","digest":"` + id[1].Digest.String() + `"}],"shared":false,"fields":["name","email"],` +
		`"first":"2026-03-01T12:01:00Z","last":"2026-03-01T12:01:00Z","times":1,"states":{"delivered":1,"unknown":0,"withheld":0},` +
		`"to":[{"role":"guest","session":"aa010000000000000000000000000000"}],"to_cut":false}
]}
`
	if subjects != want {
		t.Errorf("report:\n%s\nwant:\n%s", subjects, want)
	}
	empty, _ := e.report(ReportAffected{Format: "json", Since: "2030-01-01"})
	if !json.Valid([]byte(empty)) || !strings.Contains(empty, `"subjects":[`) {
		t.Errorf("an empty report:\n%s", empty)
	}
}

func TestAffectedByIncident(t *testing.T) {
	e := newEvidence(t)
	thief := rules.Digest{0xbb}
	by := func(session, account rules.Digest, at time.Duration) func(*rules.Disclosure) {
		return func(d *rules.Disclosure) {
			d.Principal.Session, d.Principal.Account, d.Time = session, account, noon.Add(at)
		}
	}
	e.sent(by(thief, rules.Digest{}, -25*time.Hour), "email=early@example.org")
	e.sent(by(thief, rules.Digest{}, -23*time.Hour), "email=before@example.org")
	e.sent(by(thief, rules.Digest{}, time.Hour), "email=during@example.org")
	e.sent(by(rules.Digest{1}, rules.Digest{0xcc}, time.Hour), "email=account@example.org")
	e.sent(by(rules.Digest{2}, rules.Digest{}, time.Hour), "email=other@example.org")
	e.sent(by(thief, rules.Digest{}, 2*time.Hour), "email=last@example.org")
	e.sent(by(thief, rules.Digest{}, 3*time.Hour), "email=late@example.org")
	e.keep()
	for _, incident := range []rules.Incident{
		{ID: "inc-1", State: rules.IncidentClosed, Session: thief, Account: rules.Digest{0xcc}, Opened: noon, Updated: noon.Add(2 * time.Hour)},
		{ID: "inc-2", State: rules.IncidentClosed, Route: "/orders/{id}", Opened: noon, Updated: noon.Add(2 * time.Hour)},
		{ID: "inc-3", Session: thief, Opened: noon, Updated: noon.Add(2 * time.Hour)},
	} {
		if err := e.store.SaveIncident(context.Background(), incident); err != nil {
			t.Fatal(err)
		}
	}
	customers := e.file("customers.csv", "email\nearly@example.org\nbefore@example.org\nduring@example.org\naccount@example.org\nother@example.org\nlast@example.org\nlate@example.org\n")
	for id, want := range map[string]string{"inc-1": "before during account last", "inc-2": "before during account other last", "inc-3": "before during last late"} {
		out, _ := e.report(ReportAffected{Incident: id, Customers: customers})
		var got []string
		for _, line := range strings.Split(strings.TrimSpace(out), "\n")[1:] {
			name, _, _ := strings.Cut(line, "@")
			got = append(got, name)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: affected %q, want %q", id, got, want)
		}
	}
}

func TestAffectedToFile(t *testing.T) {
	e := shop(t)
	path := e.file("report.csv", "an older report")
	if err := os.Chmod(path, 0o644); err != nil { //nolint:gosec // the point of the test
		t.Fatal(err)
	}
	out, _ := e.report(ReportAffected{Out: path})
	text, err := os.ReadFile(path)
	if err != nil || out != "" || !strings.HasPrefix(string(text), "subject,kind,") {
		t.Errorf("stdout %q, file %q, %v", out, text, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v %v, want 0600", info.Mode(), err)
	}
	// A report that fails leaves the older one, and nothing beside it.
	c := ReportAffected{DataDir: e.dir, Out: path, Customers: e.file("bad.csv", "email,phone\na@example.org,1,2\n")}
	if err := c.Run(&bytes.Buffer{}, &bytes.Buffer{}); err == nil {
		t.Error("a bad list gave no error")
	}
	after, err := os.ReadFile(path)
	left, _ := filepath.Glob(filepath.Join(e.dir, ".report.csv-*"))
	if err != nil || string(after) != string(text) || len(left) > 0 {
		t.Errorf("after a failure: %v, files %v", err, left)
	}
}

func TestAffectedRefuses(t *testing.T) {
	e := shop(t)
	empty := t.TempDir()
	for name, test := range map[string]struct {
		c    ReportAffected
		code int
		want string
	}{
		"no ledger":           {ReportAffected{DataDir: empty}, ExitFailed, "name the data_dir"},
		"a format":            {ReportAffected{Format: "xml"}, ExitUsage, "use csv or json"},
		"a time":              {ReportAffected{Since: "yesterday"}, ExitUsage, `--since "yesterday" is no time`},
		"a negative duration": {ReportAffected{Until: "-3h"}, ExitUsage, "--until"},
		"times swapped":       {ReportAffected{Since: "1h", Until: "2h"}, ExitUsage, "swap them"},
		"incident and time":   {ReportAffected{Incident: "inc-1", Since: "1h"}, ExitUsage, "leave out"},
		"an unknown incident": {ReportAffected{Incident: "inc-1"}, ExitUsage, `no incident "inc-1"`},
		"no list":             {ReportAffected{Customers: filepath.Join(empty, "none.csv")}, ExitFailed, "none.csv"},
		"an empty list":       {ReportAffected{Customers: e.file("empty.csv", "")}, ExitUsage, "is empty"},
		"UTF-16":              {ReportAffected{Customers: e.file("utf16.csv", "\xff\xfee\x00")}, ExitUsage, "save it as CSV UTF-8"},
		"useless columns":     {ReportAffected{Customers: e.file("useless.csv", "colour,size\nred,9\n")}, ExitUsage, "no column of"},
		"a name alone":        {ReportAffected{Customers: e.file("name.csv", "first name,last name\nA,B\n")}, ExitUsage, "no column of"},
		"too many cells":      {ReportAffected{Customers: e.file("cells.csv", "email,phone\na@example.org,1\nb@example.org,1,2\n")}, ExitFailed, "line 3: 3 cells under 2 columns"},
		"an open quote":       {ReportAffected{Customers: e.file("quote.csv", "email,phone\n\"a@example.org,1\n")}, ExitFailed, "correct that line"},
		"a quote for ever":    {ReportAffected{Customers: e.file("ever.csv", "email,phone\n\"a@example.org,1\n"+strings.Repeat("b@example.org,1\n", 1<<17))}, ExitFailed, "after line 1: a row is longer than"},
		"no place":            {ReportAffected{Out: filepath.Join(empty, "none", "report.csv")}, ExitFailed, "name a file in a folder"},
	} {
		if test.c.DataDir == "" {
			test.c.DataDir = e.dir
		}
		err := test.c.Run(&bytes.Buffer{}, &bytes.Buffer{})
		if err == nil || !strings.Contains(err.Error(), test.want) || ExitCode(err) != test.code {
			t.Errorf("%s: error %v (code %d), want %q (code %d)", name, err, ExitCode(err), test.want, test.code)
		}
	}
	if err := os.Remove(filepath.Join(e.dir, ledger.KeyFile)); err != nil {
		t.Fatal(err)
	}
	c := ReportAffected{DataDir: e.dir, Customers: e.file("customers.csv", list)}
	if err := c.Run(&bytes.Buffer{}, &bytes.Buffer{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without the key: %v", err)
	}
}

func TestAffectedOldSpreadsheet(t *testing.T) {
	e := shop(t)
	latin := "Name\tAnschrift\nJ\xfcrgen M\xfcller\tStra\xdfe des 17. Juni 5\nMax Muster\tHof 1\n"
	out, notes := e.report(ReportAffected{Customers: e.file("latin.csv", latin)})
	if !strings.Contains(out, "Jürgen Müller,Straße des 17. Juni 5,name|email,") || strings.Contains(out, "Max") {
		t.Errorf("report:\n%s", out)
	}
	if !strings.Contains(notes, "1 lines are not UTF-8") {
		t.Errorf("notes:\n%s", notes)
	}
}

func TestAffectedOtherKey(t *testing.T) {
	e := shop(t)
	if err := os.Remove(filepath.Join(e.dir, ledger.KeyFile)); err != nil {
		t.Fatal(err)
	}
	other := t.TempDir()
	if _, err := ledger.LoadOrCreateKey(other); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(other, ledger.KeyFile), filepath.Join(e.dir, ledger.KeyFile)); err != nil {
		t.Fatal(err)
	}
	out, notes := e.report(ReportAffected{Customers: e.file("customers.csv", list)})
	if strings.Count(out, "\n") != 1 || !strings.Contains(notes, "7 disclosures were digested with key") {
		t.Errorf("report:\n%s\nnotes:\n%s", out, notes)
	}
}

// What the finder digests on the wire and what the report digests of the
// retailer's list are the same, however differently both are written.
func TestAffectedLikeTheWire(t *testing.T) {
	e := newEvidence(t)
	body := `{"orders":[
		{"orderNumber":"W-100","customer":{"email":"Anna.Berg@Example.org","firstName":"Anna","lastName":"Berg","phone":"+49 30 1234-5670"}},
		{"orderNumber":"W-101","customer":{"customerId":"C-2002","firstName":"Bo","lastName":"Dahl","email":"bo@example.org"}},
		{"orderNumber":"W-102","shippingAddress":{"name":"Claire Émond","street":"12, Rue de l'Église","city":"Lyon","postcode":"69001"}}]}`
	finder := record.NewFinder(nil, e.hasher, "application/json")
	if _, err := finder.Write([]byte(body)); err != nil {
		t.Fatal(err)
	}
	if err := finder.Close(); err != nil {
		t.Fatal(err)
	}
	for i, found := range finder.Take(nil) {
		e.rows = append(e.rows, rules.Disclosure{Time: noon, Exchange: rules.ExchangeID{1}, Record: found, Principal: rules.Principal{Session: rules.Digest{byte(i + 1)}}})
	}
	e.keep()
	customers := "id,name,email,phone,street\n" +
		"C-1001,Berg Anna,anna.berg@example.ORG ,\n" +
		"C-2002,Bo Dahl,,\n" +
		"C-3003,Emond Claire,,,12 rue de l'eglise\n" +
		"C-4004,Dan Berg,dan@example.org,+49 30 12345670\n" +
		"C-5005,Claire Emond,ce@example.org,,13 Rue de l'Eglise\n"
	out, notes := e.report(ReportAffected{Customers: e.file("customers.csv", customers)})
	var got []string
	for _, line := range strings.Split(strings.TrimSpace(out), "\n")[1:] {
		got = append(got, line[:6])
	}
	if strings.Join(got, " ") != "C-1001 C-2002 C-3003" {
		t.Errorf("affected %q, want C-1001 C-2002 C-3003\n%s\n%s", got, out, notes)
	}
}
