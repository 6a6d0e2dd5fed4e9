package proxy

import (
	"encoding/json"
	"io"
	"net/http"
	"time"

	"github.com/ordergate/ordergate/rules"
)

// Admin is what the admin listener serves.
type Admin struct {
	Metrics http.Handler
	// Ready reports why the gateway should get no traffic now; nil: it should.
	Ready func() error
	// Token, when set, must be shown as Authorization: Bearer on everything
	// but the health endpoints.
	Token     string
	Incidents IncidentDesk
}

// IncidentDesk is where a person looks at incidents and answers them.
type IncidentDesk interface {
	Open() []rules.Incident // those that are not closed
	Set(id string, state rules.IncidentState) (rules.Incident, bool)
	// Contain holds the principals of an incident; of c, Step, Linked and
	// Addresses matter.
	Contain(id string, c rules.Containment, lasting time.Duration) (rules.Incident, bool)
	Release(id string) (rules.Incident, bool)
}

// Handler returns the admin endpoints: /metrics, /livez (the process
// answers), /readyz and /healthz (it should get traffic).
func (a *Admin) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", a.guard(a.Metrics))
	mux.Handle("GET /incidents", a.guard(http.HandlerFunc(a.list)))
	mux.Handle("POST /incidents/{id}/contain", a.guard(asked(a.contain)))
	mux.Handle("POST /incidents/{id}/release", a.guard(asked(a.free)))
	mux.Handle("POST /incidents/{id}/{state}", a.guard(asked(a.set)))
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	ready := func(w http.ResponseWriter, _ *http.Request) {
		if err := a.Ready(); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, "ok\n")
	}
	mux.HandleFunc("GET /readyz", ready)
	mux.HandleFunc("GET /healthz", ready)
	return mux
}

func (a *Admin) list(w http.ResponseWriter, _ *http.Request) { answer(w, a.Incidents.Open()) }

// asked lets only requests through that no foreign web page can make a browser
// send without asking first: those with a body of type JSON.
func asked(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Content-Type") != "application/json" {
			http.Error(w, "send Content-Type: application/json", http.StatusUnsupportedMediaType)
			return
		}
		next(w, r)
	})
}

// set moves an incident to a state.
func (a *Admin) set(w http.ResponseWriter, r *http.Request) {
	var state rules.IncidentState
	err := state.UnmarshalText([]byte(r.PathValue("state")))
	if err != nil || state == rules.IncidentOpen || state == rules.IncidentContained {
		http.Error(w, "state is acknowledged, closed or false_alarm", http.StatusBadRequest)
		return
	}
	incident, ok := a.Incidents.Set(r.PathValue("id"), state)
	a.settled(w, incident, ok)
}

// contain holds the principals of an incident: ?step=slow|mask|cut|refuse|revoke,
// &for= a duration (1h), &linked=true for the sessions linked to it,
// &addresses=true for everybody at the addresses that it has seen.
func (a *Admin) contain(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	step, ok := rules.ParseStep(query.Get("step"))
	lasting, err := time.ParseDuration(query.Get("for"))
	if !ok || step == rules.StepNone || err != nil || lasting <= 0 {
		http.Error(w, "write step=slow, mask, cut, refuse or revoke, and for= a duration such as 1h", http.StatusBadRequest)
		return
	}
	c := rules.Containment{Step: step, Linked: query.Get("linked") == "true", Addresses: query.Get("addresses") == "true"}
	incident, ok := a.Incidents.Contain(r.PathValue("id"), c, lasting)
	if ok && incident.Containment == nil {
		http.Error(w, "nobody is held: this incident is not of one session; with linked=true the sessions linked to it are, with addresses=true the addresses it has seen, where there are some", http.StatusConflict)
		return
	}
	a.settled(w, incident, ok)
}

// free lets the principals of an incident go.
func (a *Admin) free(w http.ResponseWriter, r *http.Request) {
	incident, ok := a.Incidents.Release(r.PathValue("id"))
	a.settled(w, incident, ok)
}

func (a *Admin) settled(w http.ResponseWriter, incident rules.Incident, ok bool) {
	if !ok {
		http.Error(w, "no open incident with this id", http.StatusNotFound)
		return
	}
	answer(w, incident)
}

func answer(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(value) // a client that is gone misses its answer
}

func (a *Admin) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a.Token != "" && !sameToken(bearer(r.Header.Get("Authorization")), a.Token) {
			w.Header().Set("WWW-Authenticate", "Bearer")
			http.Error(w, "unauthorized", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}
