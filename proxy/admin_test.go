package proxy_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/ordergate/ordergate/proxy"
	"github.com/ordergate/ordergate/rules"
)

// desk has one incident of a session and one of nobody.
type desk struct{ asked []string }

func (d *desk) Open() []rules.Incident { return nil }

func (d *desk) Set(id string, state rules.IncidentState) (rules.Incident, bool) {
	d.asked = append(d.asked, "set "+id+" "+state.String())
	return rules.Incident{ID: id, State: state}, id != "inc-none"
}

func (d *desk) Contain(id string, c rules.Containment, lasting time.Duration) (rules.Incident, bool) {
	asked := "contain " + id + " " + c.Step.String() + " " + lasting.String()
	in := rules.Incident{ID: id}
	if id == "inc-one" || c.Linked || c.Addresses {
		in.Containment = &c
	}
	if c.Addresses {
		asked += " addresses"
	}
	d.asked = append(d.asked, asked)
	return in, id != "inc-none"
}

func (d *desk) Release(id string) (rules.Incident, bool) {
	d.asked = append(d.asked, "release "+id)
	return rules.Incident{ID: id}, id != "inc-none"
}

// TestIncidentRequests: what a person asks of an incident is done, or refused
// with what to write instead; a foreign web page can ask for nothing.
func TestIncidentRequests(t *testing.T) {
	for path, want := range map[string]struct {
		status int
		asked  string
	}{
		"/incidents/inc-one/acknowledged":                               {200, "set inc-one acknowledged"},
		"/incidents/inc-one/false_alarm":                                {200, "set inc-one false_alarm"},
		"/incidents/inc-one/open":                                       {400, ""},
		"/incidents/inc-one/contained":                                  {400, ""},
		"/incidents/inc-one/contain":                                    {400, ""},
		"/incidents/inc-one/contain?step=cut&for=1h":                    {200, "contain inc-one cut 1h0m0s"},
		"/incidents/inc-one/contain?step=mask&for=24h":                  {200, "contain inc-one mask 24h0m0s"},
		"/incidents/inc-one/contain?step=freeze&for=1h":                 {400, ""},
		"/incidents/inc-site/contain?step=revoke&for=1h&addresses=true": {200, "contain inc-site revoke 1h0m0s addresses"},
		"/incidents/inc-one/contain?step=none&for=1h":                   {400, ""},
		"/incidents/inc-one/contain?step=slow&for=-1h":                  {400, ""},
		"/incidents/inc-one/contain?step=slow&for=1h":                   {200, "contain inc-one slow 1h0m0s"},
		"/incidents/inc-site/contain?step=revoke&for=1h":                {409, "contain inc-site revoke 1h0m0s"},
		"/incidents/inc-site/contain?step=slow&for=1h&linked=true":      {200, "contain inc-site slow 1h0m0s"},
		"/incidents/inc-none/contain?step=slow&for=1h":                  {404, "contain inc-none slow 1h0m0s"},
		"/incidents/inc-one/release":                                    {200, "release inc-one"},
		"/incidents/inc-none/release":                                   {404, "release inc-none"},
	} {
		d := &desk{}
		admin := proxy.Admin{Metrics: http.NotFoundHandler(), Ready: func() error { return nil }, Incidents: d, Token: "0123456789abcdef"}
		ask := func(headers ...string) int {
			r := httptest.NewRequest(http.MethodPost, path, http.NoBody)
			for _, h := range headers {
				name, value, _ := strings.Cut(h, ": ")
				r.Header.Set(name, value)
			}
			w := httptest.NewRecorder()
			admin.Handler().ServeHTTP(w, r)
			return w.Code
		}
		if got := ask("Content-Type: application/json"); got != http.StatusUnauthorized {
			t.Errorf("%s without the token: %d", path, got)
		}
		if got := ask("Authorization: Bearer 0123456789abcdef", "Content-Type: text/plain"); got != http.StatusUnsupportedMediaType {
			t.Errorf("%s as a foreign page's form: %d", path, got)
		}
		if len(d.asked) != 0 {
			t.Fatalf("%s: done all the same: %v", path, d.asked)
		}
		got := ask("Authorization: Bearer 0123456789abcdef", "Content-Type: application/json")
		if got != want.status || strings.Join(d.asked, ";") != want.asked {
			t.Errorf("%s: %d %v, want %d %q", path, got, d.asked, want.status, want.asked)
		}
	}
}
