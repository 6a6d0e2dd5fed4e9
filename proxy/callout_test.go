package proxy_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ordergate/ordergate/proxy"
	"github.com/ordergate/ordergate/proxy/proxytest"
	"github.com/ordergate/ordergate/rules"
)

// platform takes callouts: it answers with the statuses that it has, then with 204.
type platform struct {
	*httptest.Server
	got      chan proxy.CalloutEvent
	secrets  chan string
	statuses chan int
}

func newPlatform(t *testing.T, statuses ...int) *platform {
	p := &platform{got: make(chan proxy.CalloutEvent, 100), secrets: make(chan string, 100), statuses: make(chan int, 100)}
	for _, s := range statuses {
		p.statuses <- s
	}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var e proxy.CalloutEvent
		if err := json.NewDecoder(r.Body).Decode(&e); err != nil || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %s: %v", r.Method, r.Header, err)
		}
		p.got <- e
		p.secrets <- r.Header.Get("X-Key")
		status := http.StatusNoContent
		select {
		case status = <-p.statuses:
		default:
		}
		w.WriteHeader(status)
	}))
	t.Cleanup(p.Close)
	return p
}

func callout(t *testing.T, p *platform, log io.Writer, change ...func(*proxy.CalloutConfig)) (*proxy.Callout, chan rules.CalloutOutcome) {
	t.Helper()
	outcomes := make(chan rules.CalloutOutcome, 1000)
	config := proxy.CalloutConfig{
		URL: p.URL, Header: "X-Key", Secret: "a-secret-of-the-platform", Timeout: 5 * time.Second, Steps: []rules.Step{rules.StepRefuse, rules.StepRevoke}, Release: true,
		Done: func(o rules.CalloutOutcome) { outcomes <- o }, Log: slog.New(slog.NewTextHandler(log, nil)), Backoff: time.Millisecond,
	}
	for _, f := range change {
		f(&config)
	}
	c := proxy.NewCallout(config)
	t.Cleanup(func() { c.Close(t.Context()) })
	return c, outcomes
}

func contained(step rules.Step, linked bool) *rules.Incident {
	return &rules.Incident{
		ID: "inc-0123456789abcdef", Session: rules.Digest{1}, Account: rules.Digest{2}, Linked: []rules.Link{{Session: rules.Digest{3}}},
		Containment: &rules.Containment{Step: step, Until: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Person: true, Linked: linked},
	}
}

// TestCallout: the platform is told who is held and who was let go, and of nothing that
// it did not ask for.
func TestCallout(t *testing.T) {
	p := newPlatform(t)
	c, outcomes := callout(t, p, io.Discard)
	c.Incident(contained(rules.StepMask, false)) // not asked for
	c.Incident(contained(rules.StepRevoke, false))
	c.Incident(contained(rules.StepRefuse, true))
	released := contained(rules.StepRefuse, true)
	released.Containment = nil
	c.Incident(released)
	for _, want := range []struct {
		event    string
		step     rules.Step
		sessions []rules.Digest
		accounts []rules.Digest
	}{
		{"contained", rules.StepRevoke, []rules.Digest{{1}}, []rules.Digest{{2}}},
		{"contained", rules.StepRefuse, []rules.Digest{{1}, {3}}, nil},
		{"released", rules.StepNone, []rules.Digest{{1}, {3}}, []rules.Digest{{2}}},
	} {
		got := <-p.got
		if got.Event != want.event || got.Step != want.step || !slices.Equal(got.Sessions, want.sessions) || !slices.Equal(got.Accounts, want.accounts) || got.Incident != "inc-0123456789abcdef" || got.Credential != "" {
			t.Errorf("got %+v, want %+v", got, want)
		}
		if secret := <-p.secrets; secret != "a-secret-of-the-platform" {
			t.Errorf("secret %q", secret)
		}
		if o := <-outcomes; o != rules.CalloutDelivered {
			t.Errorf("outcome %s", o)
		}
	}
	var nobody *proxy.Callout
	nobody.Incident(contained(rules.StepRevoke, false))
	nobody.Close(t.Context())
}

// TestCalloutFailures: what may pass is tried again, what will not is given up, and
// neither the secret nor a session is in the log.
func TestCalloutFailures(t *testing.T) {
	for name, c := range map[string]struct {
		statuses []int
		attempts int
		want     rules.CalloutOutcome
	}{
		"overload":   {[]int{503, 500, 429}, 4, rules.CalloutDelivered},
		"forbidden":  {[]int{403}, 1, rules.CalloutFailed},
		"redirected": {[]int{302}, 1, rules.CalloutFailed},
		"down":       {[]int{500, 500, 500, 500, 500, 500}, 5, rules.CalloutFailed},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlatform(t, c.statuses...)
			log := &proxytest.Buffer{}
			callout, outcomes := callout(t, p, log)
			callout.Incident(contained(rules.StepRevoke, false))
			if got := <-outcomes; got != c.want || len(p.got) != c.attempts {
				t.Errorf("%s after %d attempts, want %s after %d", got, len(p.got), c.want, c.attempts)
			}
			if text := log.String(); strings.Contains(text, "a-secret") || text == "" {
				t.Errorf("log %q", text)
			}
		})
	}
}

// TestCalloutQueue: a platform that does not answer holds nobody up: what is too
// much is dropped and counted, and Close ends in time.
func TestCalloutQueue(t *testing.T) {
	stuck := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-stuck:
		case <-r.Context().Done():
		}
	}))
	defer server.Close()
	defer close(stuck)
	c, outcomes := callout(t, &platform{Server: server}, io.Discard)
	for range 300 {
		c.Incident(contained(rules.StepRevoke, false))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c.Close(ctx)
	count := map[rules.CalloutOutcome]int{}
	for len(outcomes) > 0 {
		count[<-outcomes]++
	}
	if count[rules.CalloutDropped] != 300 {
		t.Errorf("%v, want 300 dropped", count)
	}
	c.Incident(contained(rules.StepRevoke, false)) // after its end
	if o := <-outcomes; o != rules.CalloutDropped {
		t.Errorf("after the end: %s", o)
	}
}

// TestCalloutCredential: a held session's own token goes to the platform once, from its next
// request, and to nowhere else; without the operator's word it does not. The token
// of somebody who is refused for the address alone never does.
func TestCalloutCredential(t *testing.T) {
	for _, allowed := range []bool{true, false} {
		p := newPlatform(t)
		log := &proxytest.Buffer{}
		c, outcomes := callout(t, p, log, func(c *proxy.CalloutConfig) { c.Credential = allowed })
		w := proxytest.Start(t, people, func(s *proxytest.Setup) { s.Callout = c })
		held, other := login(t, w, 900), login(t, w, 901)
		w.Settle()
		in := hold(t, w, held, rules.StepRevoke, func(c *rules.Containment) { c.Addresses = true })
		for range 3 {
			if got := w.Get("/account", held); got.StatusCode != http.StatusForbidden {
				t.Fatal(got.StatusCode)
			}
			if got := w.Get("/account", other); got.StatusCode != http.StatusForbidden {
				t.Fatal(got.StatusCode)
			}
		}
		w.Settle()
		c.Incident(&in) // whatever was told before is delivered when this is
		token := "session-of-" + proxytest.Email(900)
		if allowed {
			if o, e := <-outcomes, <-p.got; o != rules.CalloutDelivered || e.Event != "seen" || e.Credential != token || e.Sessions[0] != in.Session {
				t.Errorf("%s %+v", o, e)
			}
		}
		if o, e := <-outcomes, <-p.got; o != rules.CalloutDelivered || e.Event != "contained" || e.Credential != "" {
			t.Errorf("%s %+v", o, e)
		}
		for _, text := range []string{log.String(), w.Log.String()} {
			if strings.Contains(text, token) {
				t.Errorf("the session is in the log: %s", text)
			}
		}
	}
}
