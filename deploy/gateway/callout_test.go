package gateway

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ordergate/ordergate/deploy/config"
	"github.com/ordergate/ordergate/proxy"
	"github.com/ordergate/ordergate/rules"
)

// killing is an order platform that ends a session when it is told of it.
type killing struct {
	*httptest.Server
	mu       sync.Mutex
	sessions map[string]bool
	statuses []int // of the next callouts; then 204
	told     chan proxy.CalloutEvent
}

func newKilling(t *testing.T) *killing {
	p := &killing{sessions: map[string]bool{}, told: make(chan proxy.CalloutEvent, 100)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		session := fmt.Sprintf("session-%d-0123456789abcdef", len(p.sessions))
		p.sessions[session] = true
		http.SetCookie(w, &http.Cookie{Name: "sid", Value: session, Path: "/", HttpOnly: true})
	})
	mux.HandleFunc("GET /orders/{n}", func(w http.ResponseWriter, r *http.Request) {
		cookie, err := r.Cookie("sid")
		p.mu.Lock()
		alive := err == nil && p.sessions[cookie.Value]
		p.mu.Unlock()
		if !alive {
			http.Error(w, "log in", http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"order":{"number":"9%s","customer":{"email":"ann.%s@example.net","name":"Ann Lund"}}}`, r.PathValue("n"), r.PathValue("n"))
	})
	mux.HandleFunc("POST /internal/contained", func(w http.ResponseWriter, r *http.Request) {
		var e proxy.CalloutEvent
		if err := json.NewDecoder(r.Body).Decode(&e); err != nil || r.Header.Get("Authorization") != "Bearer the-platform-knows" {
			t.Errorf("callout: %v, %v", err, r.Header)
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		status := http.StatusNoContent
		if len(p.statuses) > 0 {
			status, p.statuses = p.statuses[0], p.statuses[1:]
		}
		if status < 300 {
			delete(p.sessions, e.Credential)
			p.told <- e
		}
		w.WriteHeader(status)
	})
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	return p
}

// next returns the next event that was taken.
func (p *killing) next(t *testing.T) proxy.CalloutEvent {
	t.Helper()
	select {
	case e := <-p.told:
		return e
	case <-time.After(time.Minute):
		t.Fatal("the platform is not told")
		return proxy.CalloutEvent{}
	}
}

// TestCalloutKillsSession: over sockets, from the record that was too many to the
// session that the platform itself does not know any more: a person revokes, the
// platform is overloaded and asked again, the thief's next request tells it the session,
// and the stolen cookie is worth nothing any more, not even past the gateway. His
// neighbour goes on reading. What the platform refuses is counted as failed.
func TestCalloutKillsSession(t *testing.T) {
	p := newKilling(t)
	c, err := config.Parse("test", []byte(fmt.Sprintf(`
upstream: %s
listen: 127.0.0.1:0
admin: 127.0.0.1:0
data_dir: %q
sessions: [cookie:sid]
containment: {callout: {url: %s/internal/contained, secret: Bearer the-platform-knows, events: [revoke, release], credential: true}}
`, p.URL, filepath.Join(t.TempDir(), "data"), p.URL)))
	if err != nil {
		t.Fatal(err)
	}
	g, err := Start(t.Context(), c, Options{Version: "test", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := g.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	wires := &http.Transport{}
	t.Cleanup(wires.CloseIdleConnections)
	ask := func(method, url, session string) (int, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, url, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		if method == http.MethodPost {
			req.Header.Set("Content-Type", "application/json")
		}
		if session != "" {
			req.Header.Set("Cookie", "sid="+session)
		}
		resp, err := wires.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close() //nolint:errcheck // it was read
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		if cookies := resp.Cookies(); len(cookies) > 0 {
			return resp.StatusCode, cookies[0].Value
		}
		return resp.StatusCode, string(body)
	}
	front, admin := "http://"+g.Addr(), "http://"+g.AdminAddr()
	_, thief := ask(http.MethodGet, front+"/", "")
	_, neighbour := ask(http.MethodGet, front+"/", "")
	refused := 0
	for n := range 6 {
		if status, _ := ask(http.MethodGet, fmt.Sprintf("%s/orders/%d", front, n), thief); status == http.StatusTooManyRequests {
			refused++
		}
	}
	if refused != 3 {
		t.Fatalf("%d of 6 are refused, want 3: the cap of a guest is 3", refused)
	}
	var incident rules.Incident
	for began := time.Now(); incident.ID == ""; {
		_, body := ask(http.MethodGet, admin+"/incidents", "")
		var open []rules.Incident
		if err := json.Unmarshal([]byte(body), &open); err != nil {
			t.Fatal(err)
		}
		for _, in := range open {
			if !in.Session.IsZero() {
				incident = in
			}
		}
		if time.Since(began) > time.Minute {
			t.Fatalf("no incident of a session: %s", body)
		}
	}

	p.mu.Lock()
	p.statuses = []int{http.StatusServiceUnavailable}
	p.mu.Unlock()
	if status, body := ask(http.MethodPost, admin+"/incidents/"+incident.ID+"/contain?step=revoke&for=1h", ""); status != http.StatusOK {
		t.Fatalf("contain: %d %s", status, body)
	}
	if e := p.next(t); e.Event != "contained" || e.Step != rules.StepRevoke || e.Incident != incident.ID || e.Credential != "" {
		t.Fatalf("told %+v", e)
	}
	if status, _ := ask(http.MethodGet, p.URL+"/orders/7", thief); status != http.StatusOK {
		t.Fatalf("before it knows the session the platform answers %d", status)
	}
	if status, _ := ask(http.MethodGet, front+"/orders/7", thief); status != http.StatusForbidden {
		t.Errorf("a revoked session is answered %d", status)
	}
	if e := p.next(t); e.Event != "seen" || e.Credential != thief {
		t.Fatalf("told %+v, want the session of the thief", e)
	}
	for place, want := range map[string]int{p.URL: http.StatusUnauthorized, front: http.StatusForbidden} {
		if status, _ := ask(http.MethodGet, place+"/orders/7", thief); status != want {
			t.Errorf("the stolen cookie at %s: %d, want %d", place, status, want)
		}
	}
	if status, _ := ask(http.MethodGet, front+"/orders/8", neighbour); status != http.StatusOK {
		t.Errorf("the neighbour is answered %d", status)
	}

	p.mu.Lock()
	p.statuses = []int{http.StatusGone}
	p.mu.Unlock()
	if status, body := ask(http.MethodPost, admin+"/incidents/"+incident.ID+"/release", ""); status != http.StatusOK {
		t.Fatalf("release: %d %s", status, body)
	}
	for began := time.Now(); ; {
		_, text := ask(http.MethodGet, admin+"/metrics", "")
		if strings.Contains(text, `ordergate_callouts_total{outcome="failed"} 1`) && strings.Contains(text, `ordergate_callouts_total{outcome="delivered"} 2`) {
			break
		}
		if time.Since(began) > time.Minute {
			t.Fatal("the failed callout is not counted")
		}
	}
}
