package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
)

// toll is a toy gateway for these tests: so many customers per credential,
// then 429. It keeps whom it let through, and says so in metrics.
type toll struct {
	mu       sync.Mutex
	seen     map[string]map[string]struct{} // by credential
	tripped  map[string]bool
	harmful  bool // refuses the pages of honest shoppers, too
	mostSeen int
}

func (g *toll) start(t *testing.T, shop string) string {
	t.Helper()
	target, err := url.Parse(shop)
	if err != nil {
		t.Fatal(err)
	}
	wires := &http.Transport{}
	proxy := &httputil.ReverseProxy{
		Transport:      wires,
		Rewrite:        func(r *httputil.ProxyRequest) { r.SetURL(target); r.Out.Header.Del("Accept-Encoding") },
		ModifyResponse: g.inspect,
	}
	mux := http.NewServeMux()
	mux.Handle("/", proxy)
	mux.HandleFunc("GET /metrics", g.metrics)
	server := httptest.NewServer(mux)
	t.Cleanup(func() {
		server.Close()
		wires.CloseIdleConnections()
	})
	return server.URL
}

// inspect counts customers per credential and refuses beyond the cap.
func (g *toll) inspect(resp *http.Response) error {
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	_ = resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(body))
	found := map[string]struct{}{}
	collectEmails(found, resp.Header.Get("Content-Type"), body)
	if len(found) == 0 {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	who := credential(resp.Request)
	if g.seen[who] == nil {
		g.seen[who] = map[string]struct{}{}
	}
	fresh := 0
	for email := range found {
		if _, known := g.seen[who][email]; !known {
			fresh++
		}
	}
	most := g.mostSeen
	if strings.HasPrefix(resp.Request.URL.Path, "/staff/") {
		most *= 10
	}
	if len(g.seen[who])+fresh > most || (g.harmful && resp.Request.URL.Path == "/account") {
		g.tripped[who] = true
		resp.StatusCode, resp.Status = http.StatusTooManyRequests, "429 Too Many Requests"
		resp.Header = http.Header{}
		resp.Body, resp.ContentLength = http.NoBody, 0
		return nil
	}
	for email := range found {
		g.seen[who][email] = struct{}{}
	}
	return nil
}

// credential names whoever asks.
func credential(r *http.Request) string {
	if token := bearer(r); token != "" {
		return token
	}
	for _, name := range []string{staffCookie, shopperCookie} {
		if c, err := r.Cookie(name); err == nil {
			return c.Value
		}
	}
	host, _, _ := net.SplitHostPort(r.RemoteAddr)
	return host
}

func (g *toll) metrics(w http.ResponseWriter, _ *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	records := 0
	for _, seen := range g.seen {
		records += len(seen)
	}
	alert := min(1, len(g.tripped))
	_, _ = fmt.Fprintf(w, "# HELP ordergate_incidents_open Open incidents.\nordergate_incidents_open{severity=\"high\",detector=\"cap\"} %d\n"+
		"ordergate_subjects_disclosed_total{role=\"shopper\",ownership=\"own\",state=\"delivered\"} 7\n"+
		"ordergate_subjects_disclosed_total{role=\"shopper\",ownership=\"foreign\",state=\"delivered\"} %d\n"+
		"ordergate_cap_trips_total{key=\"session\",window=\"1h\",role=\"shopper\"} %d\nordergate_breach_alert{severity=\"high\"} %d\n",
		len(g.tripped), records, len(g.tripped), alert)
}

// affected returns everybody who went to a credential that tripped.
func (g *toll) affected(context.Context, string) ([]string, string, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	var emails []string
	for who := range g.tripped {
		for email := range g.seen[who] {
			emails = append(emails, email)
		}
	}
	return emails, "email\n" + strings.Join(emails, "\n"), nil
}

func newToll(most int) *toll {
	return &toll{seen: map[string]map[string]struct{}{}, tripped: map[string]bool{}, mostSeen: most}
}

func TestStoryAgreesWithAnExactGateway(t *testing.T) {
	s := newStage(t, 200)
	gate := newToll(5)
	gateway := gate.start(t, s.url)
	var out strings.Builder
	result, err := Run(t.Context(), Options{
		ShopURL: s.url, GatewayURL: gateway, AdminURL: gateway, Out: &out, Customers: s.customers, Affected: gate.affected, Quick: true,
	})
	t.Log(out.String())
	if err != nil {
		t.Fatal(err)
	}
	walk, staff, guest := result.Attacks[0].Through, result.Attacks[1].Through, result.Attacks[3].Through
	if len(walk.Received) < 4 || len(walk.Received) > 5 || walk.Refused != 8 || walk.Statuses[429] != 8 {
		t.Errorf("the order walk took %d customers and was refused %d times", len(walk.Received), walk.Refused)
	}
	if len(staff.Received) != 50 || len(guest.Received) != 5 {
		t.Errorf("the staff token took %d customers, the guest %d", len(staff.Received), len(guest.Received))
	}
	if direct := result.Attacks[1].Direct; len(direct.Received) != 200 {
		t.Errorf("straight at the shop the staff token took %d customers", len(direct.Received))
	}
	if a := result.Attacks[0]; a.After.CapTrips-a.Before.CapTrips < 1 || !slices.Equal(a.After.Alerts, []string{"high"}) {
		t.Errorf("the gateway's view: %+v, then %+v", a.Before, a.After)
	}
	if len(result.Taken) == 0 || len(result.Missing)+len(result.Extra) != 0 || result.Shoppers.Visits < 3 || result.Staff.Visits != 2 || result.Report == "" {
		t.Errorf("taken %d, missing %v, extra %v, shoppers %+v, staff %+v", len(result.Taken), result.Missing, result.Extra, result.Shoppers, result.Staff)
	}
	for number, line := range strings.Split(out.String(), "\n") {
		if len([]rune(line)) > 100 || strings.Contains(line, "\x1b") {
			t.Errorf("line %d is long or coloured: %q", number+1, line)
		}
	}
	for _, text := range []string{"The two lists are the same", "Breach alert:", "on (high)", "xxxxxxxx", "0 refused, 0 failed"} {
		if !strings.Contains(out.String(), text) {
			t.Errorf("the story does not say %q", text)
		}
	}
}

func TestStorySeesDifferences(t *testing.T) {
	s := newStage(t, 100)
	for name, change := range map[string]func([]string) []string{
		"one missing":  func(e []string) []string { return e[1:] },
		"one too many": func(e []string) []string { return append(e, "stranger@example.com", "stranger@example.com") },
	} {
		gate := newToll(5)
		var out strings.Builder
		result, err := Run(t.Context(), Options{
			ShopURL: s.url, GatewayURL: gate.start(t, s.url), Out: &out, Customers: s.customers, Quick: true,
			Attacks: []Attack{StaffBulkList{Login: StaffTom, Password: StaffTomPassword}},
			Affected: func(ctx context.Context, list string) ([]string, string, error) {
				emails, report, err := gate.affected(ctx, list)
				if !strings.HasPrefix(list, "customer_id,") {
					t.Errorf("the customer list begins with %.40q", list)
				}
				return change(emails), report, err
			},
		})
		if !errors.Is(err, ErrDifference) || len(result.Missing)+len(result.Extra) != 1 || errors.Is(err, ErrHarmed) {
			t.Errorf("%s: missing %v, extra %v, %v", name, result.Missing, result.Extra, err)
		}
		if !strings.Contains(out.String(), "1 customer: ") {
			t.Errorf("%s: the difference is not printed", name)
		}
	}
}

func TestStoryTellsOfHarm(t *testing.T) {
	s := newStage(t, 40)
	gate := newToll(5)
	gate.harmful = true
	var out strings.Builder
	result, err := Run(t.Context(), Options{ShopURL: s.url, GatewayURL: gate.start(t, s.url), Out: &out, Customers: s.customers, Attacks: []Attack{}})
	if !errors.Is(err, ErrHarmed) || result.Shoppers.Refused == 0 || !strings.Contains(out.String(), "collateral: ") {
		t.Errorf("%+v, %v", result.Shoppers, err)
	}
	for _, fault := range result.Shoppers.Faults {
		if customerEmail.MatchString(fault) {
			t.Errorf("a fault names a customer: %s", fault)
		}
	}
}

func TestStoryNeedsItsStage(t *testing.T) {
	if _, err := Run(t.Context(), Options{Out: io.Discard}); err == nil {
		t.Error("a story without a shop was told")
	}
	s := newStage(t, 20)
	_, err := Run(t.Context(), Options{ShopURL: s.url, GatewayURL: s.url, AdminURL: s.url, Out: io.Discard, Customers: s.customers})
	if err == nil || !strings.Contains(err.Error(), "answered 404") {
		t.Errorf("an admin address without metrics: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Run(ctx, Options{ShopURL: s.url, GatewayURL: s.url, Out: io.Discard, Customers: s.customers}); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that is over: %v", err)
	}
	failing := func(context.Context, string) ([]string, string, error) { return nil, "", errors.New("no ledger") }
	_, err = Run(t.Context(), Options{ShopURL: s.url, GatewayURL: s.url, Out: io.Discard, Customers: s.customers, Attacks: []Attack{}, Affected: failing})
	if err == nil || !strings.Contains(err.Error(), "no ledger") {
		t.Errorf("a report that fails: %v", err)
	}
}

func TestParseView(t *testing.T) {
	view, err := parseView(strings.NewReader(`# TYPE ordergate_subjects_disclosed_total counter
ordergate_subjects_disclosed_total{ownership="foreign",role="shopper",state="delivered"} 5
ordergate_subjects_disclosed_total{ownership="unlinked",role="guest",state="unknown"} 2 1700000000
ordergate_subjects_disclosed_total{ownership="foreign",role="shopper",state="withheld"} 100
ordergate_subjects_disclosed_total{ownership="own",role="shopper",state="delivered"} 100
ordergate_cap_trips_total{key="session",role="shopper",window="1h"} 1
ordergate_cap_trips_total{key="account",role="shopper",window="1h"} 1
ordergate_incidents_open{detector="cap",severity="high"} 1
ordergate_breach_alert{severity="low"} 0
ordergate_breach_alert{severity="high"} 1
ordergate_state_degraded 0
nonsense
`))
	want := GatewayView{Disclosed: 7, CapTrips: 2, Incidents: 1, Alerts: []string{"high"}}
	if err != nil || view.Disclosed != want.Disclosed || view.CapTrips != want.CapTrips || view.Incidents != want.Incidents || !slices.Equal(view.Alerts, want.Alerts) {
		t.Errorf("got %+v, %v, want %+v", view, err, want)
	}
}

func TestTimelineShowsRareMarks(t *testing.T) {
	trace := bytes.Repeat([]byte{byte(MarkNothing)}, 120)
	trace[7], trace[60], trace[61] = byte(MarkServed), byte(MarkRefused), byte(MarkServed)
	marks := make([]Mark, 0, len(trace))
	for _, m := range trace {
		marks = append(marks, Mark(m))
	}
	var out strings.Builder
	newTeller(&out).bar(marks)
	if !strings.Contains(out.String(), " ...#"+strings.Repeat(".", 26)) || strings.Count(strings.Split(out.String(), "\n")[0], ".")+2 != barWidth {
		t.Errorf("got %s", out.String())
	}
}
