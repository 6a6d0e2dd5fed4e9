package drill

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ordergate/ordergate/deploy/demo"
	"github.com/ordergate/ordergate/deploy/gateway"
)

// describe writes the description of the sample shop, and its customers, as an
// operator would have them; change is applied to the text of the description.
func describe(t *testing.T, customers []demo.Customer, change ...string) string {
	t.Helper()
	dir := t.TempDir()
	text, err := os.ReadFile("targets/demo.yaml")
	if err != nil {
		t.Fatal(err)
	}
	list, err := os.Create(filepath.Join(dir, "customers.csv"))
	if err != nil {
		t.Fatal(err)
	}
	rows := csv.NewWriter(list)
	write := func(cells ...string) {
		if err := rows.Write(cells); err != nil {
			t.Fatal(err)
		}
	}
	write("customer_id", "name", "email", "phone", "street", "city", "postcode", "country", "orders", "password", "canary")
	for i, c := range customers {
		var orders []string
		for _, o := range c.Orders {
			orders = append(orders, o.NumberText())
		}
		password, planted := "", ""
		if slices.ContainsFunc(demo.Canaries(customers), func(p demo.Customer) bool { return p.ID == c.ID }) {
			planted = "yes"
		}
		if i < 30 {
			password = c.Password()
		}
		a := c.Address
		write(c.ID, a.Name, c.Email, c.Phone, a.Street, a.City, a.Postcode, a.Country, strings.Join(orders, " "), password, planted)
	}
	if rows.Flush(); rows.Error() != nil || list.Close() != nil {
		t.Fatal(rows.Error())
	}
	path := filepath.Join(dir, "target.yaml")
	if err := os.WriteFile(path, []byte(strings.NewReplacer(change...).Replace(string(text))), 0o600); err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		login, password := demo.Agent(i)
		t.Setenv(fmt.Sprintf("DRILL_STAFF_%d", i+1), login)
		t.Setenv(fmt.Sprintf("DRILL_STAFF_PASSWORD_%d", i+1), password)
	}
	t.Setenv("DRILL_ERP_KEY", demo.ERPKey)
	t.Setenv("DRILL_APP_KEY", demo.AppKey)
	return path
}

const fastPace = "requests_per_second: 200, requests: 3000, requests_per_playbook: 60, at_most: 5m"

// TestTarget drills the sample shop behind a real gateway, both of which know
// nothing of the drill, over sockets and in real time; and the shop without one, which
// loses everything.
func TestTarget(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts a gateway")
	}
	customers := cast(demo.Generate(400, demo.DefaultSeed))
	shop, err := demo.NewShop(customers, demo.ShopOptions{Drill: true})
	if err != nil {
		t.Fatal(err)
	}
	server, err := demo.Listen("127.0.0.1:0", shop)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{customers: customers, shop: shop, server: server, dir: t.TempDir()}
	config, err := w.configure()
	if err != nil {
		t.Fatal(err)
	}
	w.gateway, err = gateway.Start(t.Context(), config, gateway.Options{Version: "test", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.stop(); err != nil {
			t.Error(err)
		}
	})
	path := describe(t, customers, "requests_per_second: 5, requests: 3000, requests_per_playbook: 150, at_most: 30m", fastPace)
	admin := "http://" + w.gateway.AdminAddr()
	run := func(address string, from Watch, only ...string) map[string]Result {
		target, err := LoadTarget(path, address)
		if err != nil {
			t.Fatal(err)
		}
		target.hurry = true
		if err := target.Consent(t.Context(), ""); err != nil {
			t.Fatalf("loopback needs no consent: %v", err)
		}
		report, err := target.Run(t.Context(), Options{Only: only, Plain: true}, from)
		if err != nil {
			t.Fatal(err)
		}
		var table bytes.Buffer
		if err := WriteReport(&table, report); err != nil {
			t.Fatal(err)
		}
		if got := table.String(); !strings.Contains(got, "rows meet their goals") || !strings.Contains(got, "Drill against "+address) {
			t.Errorf("the table is not whole:\n%s", got)
		}
		results := map[string]Result{}
		for _, r := range report.Results {
			results[r.ID] = r
		}
		return results
	}
	only := []string{"A01a", "A04", "A09a", "A11a", "A14b", "B01", "B04", "B07"}

	bare := run(server.URL, Watch{}, only...)
	for id, least := range map[string]int{"A01a": 40, "A04": 0, "A09a": 1, "A11a": 300, "A14b": 300} {
		if r := bare[id]; r.Lost < least || r.Contained && least > 1 {
			t.Errorf("without a gateway %s loses %d, want %d or more: %+v", id, r.Lost, least, r)
		}
	}

	behind := run("http://"+w.gateway.Addr(), Watch{Incidents: admin + "/incidents"}, only...)
	for _, id := range only {
		r := behind[id]
		if r.Requests == 0 || len(r.Missed) > 0 {
			t.Errorf("%s: %d requests, missed %q, harms %q", id, r.Requests, r.Missed, r.Harms)
		}
		if strings.HasPrefix(id, "A") && (!r.Alert || r.Blind) {
			t.Errorf("%s raised no alert: %+v", id, r)
		}
	}
	if r := behind["A01a"]; r.Lost != 5 || !r.Contained {
		t.Errorf("A01a loses %d, want the 5 of the cap", r.Lost)
	}
	again := run("http://"+w.gateway.Addr(), Watch{Metrics: admin + "/metrics"}, "A14a", "A12a")
	if r := again["A14a"]; r.Lost != 0 || !r.Alert || r.Detectors[0] != "bulk_response" {
		t.Errorf("by the metrics: %+v, want bulk_response and nothing lost", r)
	}
	if unknown := run("http://"+w.gateway.Addr(), Watch{}, "A12a")["A12a"]; !unknown.Blind {
		t.Errorf("nobody was asked for alerts: %+v", unknown)
	}
}

// TestConsent: a machine elsewhere is attacked only when who runs it says so.
func TestConsent(t *testing.T) {
	proof := "0123456789abcdef-ours"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/ok" + proofPath:
			_, _ = fmt.Fprintln(w, proof)
		case "/moved" + proofPath:
			http.Redirect(w, r, "/ok"+proofPath, http.StatusFound)
		case "/soft" + proofPath:
			_, _ = fmt.Fprintln(w, "Not found: "+proof)
		default:
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	t.Setenv("NO_PROXY", "*")
	path := describe(t, demo.Generate(3, 1), `proof: ""`, "proof: "+proof)
	target := func(address string) *Target {
		got, err := LoadTarget(path, address)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	far := target("https://shop.invalid")
	for name, c := range map[string]struct {
		target *Target
		owned  string
		proof  string
		ok     bool
	}{
		"loopback":            {target("http://127.0.0.1:1"), "", "", true},
		"localhost":           {target("http://localhost:1"), "", "", true},
		"named as owned":      {far, "shop.invalid", proof, true},
		"another is owned":    {far, "invalid", proof, false},
		"it does not answer":  {far, "", proof, false},
		"no proof is written": {far, "", "", false},
	} {
		c.target.Proof = c.proof
		if err := c.target.Consent(t.Context(), c.owned); errors.Is(err, ErrConsent) == c.ok || (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	for path, ok := range map[string]bool{"/ok": true, "/none": false, "/moved": false, "/soft": false} {
		elsewhere := target(server.URL + path)
		elsewhere.elsewhere = true
		if err := elsewhere.Consent(t.Context(), ""); (err == nil) != ok {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// TestTargetEnds: a target that fails is left alone, one that is slow is not pushed,
// and a run has an end.
func TestTargetEnds(t *testing.T) {
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		if strings.HasPrefix(r.URL.Path, "/confirm") {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	defer server.Close()
	path := describe(t, demo.Generate(3, 1), "requests_per_second: 5, requests: 3000", "requests_per_second: 200, requests: 40")
	target, err := LoadTarget(path, server.URL)
	if err != nil {
		t.Fatal(err)
	}
	target.hurry = true
	for i := range target.people { // nobody logs in
		target.people[i].password = ""
	}
	report, err := target.Run(t.Context(), Options{Only: []string{"A12a", "B07"}, Plain: true}, Watch{})
	if err != nil || report.Requests != 40 || asked != 40 {
		t.Errorf("%d requests, %d came, %v: want 40", report.Requests, asked, err)
	}
	if len(report.Skipped) != 1 || !strings.Contains(report.Skipped[0].Why, "requests are spent") {
		t.Errorf("skipped %+v", report.Skipped)
	}
	target.Actions["lookup"] = Action{Path: "/confirm/1"}
	target.Pace.Requests = 3000
	asked = 0
	if _, err := target.Run(t.Context(), Options{Only: []string{"A12a"}}, Watch{}); !errors.Is(err, errUnwell) || asked != maxUnwell {
		t.Errorf("%v after %d requests, want the end after %d", err, asked, maxUnwell)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := target.Run(ctx, Options{Only: []string{"A12a"}}, Watch{}); !errors.Is(err, context.Canceled) {
		t.Errorf("a run that is called off: %v", err)
	}
}

// TestPlan: what the description has nothing for is skipped, each with its reason.
func TestPlan(t *testing.T) {
	path := describe(t, demo.Generate(3, 1), "\n  people_csv:", "\n  # people_csv:", "address_header: X-Forwarded-For", "")
	target, err := LoadTarget(path, "")
	if err != nil {
		t.Fatal(err)
	}
	played, skipped := target.Plan(Options{})
	why := map[string]string{}
	for _, s := range skipped {
		why[(&Result{ID: s.ID, WhiteBox: s.WhiteBox}).label()] = s.Why
	}
	for id, part := range map[string]string{
		"A11b": "actions.people_csv", "A02": "actions.partner_record, roles.partner", "A03w": "address_header", "A05": "signing key", "A07": "days", "A19": "at_most",
		"A18": "passwords of more", "B01": "honest customers",
	} {
		if !strings.Contains(why[id], part) {
			t.Errorf("%s: skipped for %q, want something about %q", id, why[id], part)
		}
	}
	if len(played)+len(skipped) != len(playbooks()) {
		t.Errorf("%d played and %d skipped of %d", len(played), len(skipped), len(playbooks()))
	}
}

// TestLoadTarget: what is wrong with a description is told, and no secret of it.
func TestLoadTarget(t *testing.T) {
	for name, c := range map[string]struct{ old, new, want string }{
		"unknown key":     {"proof:", "prove:", "prove"},
		"unknown action":  {"facets:", "faces:", "actions.faces"},
		"unknown word":    {"{page}\"}\n  staff_search", "{pages}\"}\n  staff_search", "{pages}"},
		"no address":      {"http://127.0.0.1:8080", "shop.example", "https://staging.shop.example"},
		"credentials":     {"http://127.0.0.1:8080", "http://me:secret9@127.0.0.1", "no address"},
		"a short proof":   {`proof: ""`, "proof: short", "proof"},
		"too fast":        {"requests_per_second: 5", "requests_per_second: 5000", "0.01 to 200"},
		"no customers":    {"customers: customers.csv", "", "customers"},
		"unset":           {"env:DRILL_APP_KEY", "env:DRILL_NOT_SET", "DRILL_NOT_SET"},
		"unknown role":    {"  app: {headers", "  boss: {headers", "roles.boss"},
		"a foreign path":  {"path: /staff/export.csv", "path: //elsewhere.example/x", "begins with one /"},
		"no list":         {"customers.csv", "other.csv", "other.csv"},
		"a broken login":  {"{page: /login,", "{page: /login, hidden: 'x(', ", "hidden"},
		"nothing to send": {"token: /token", "token: /token, send: nothing", "send"},
	} {
		_, err := LoadTarget(describe(t, demo.Generate(2, 1), c.old, c.new), "")
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want something about %q", name, err, c.want)
		} else if strings.Contains(err.Error(), "secret9") && name != "credentials" {
			t.Errorf("%s: a secret is told: %v", name, err)
		}
	}
}
