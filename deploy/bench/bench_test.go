//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "worker" { // this program is its own contenders
		os.Exit(run(context.Background(), os.Args[1:]))
	}
	os.Exit(m.Run())
}

// TestSmoke runs the harness with the bare proxy and ordergate for a moment:
// started, verified, measured, told, ended.
func TestSmoke(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles the rules twice, in programs of their own")
	}
	defer goleak.VerifyNone(t)
	dir := t.TempDir()
	f := &flags{
		Only: []string{"ordergate"}, Measure: []string{"mix", "attacks"}, Rounds: 1, Seconds: 0.3, JSON: true,
		Into: filepath.Join(dir, "samples.json"), Results: filepath.Join(dir, "RESULTS.md"),
	}
	var out bytes.Buffer
	if err := bench(t.Context(), f, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	var told results
	if err := json.Unmarshal(out.Bytes(), &told); err != nil {
		t.Fatal(err)
	}
	if len(told.Entrants) != 2 || len(told.Notes) != 0 {
		t.Fatalf("entrants %+v, notes %q", told.Entrants, told.Notes)
	}
	for _, e := range told.Entrants {
		if e.Fault != "" || e.Idle == 0 {
			t.Errorf("%+v", e)
		}
		// With the Core Rule Set compiled a gateway that nobody has asked yet is
		// promised to take at most 150 MiB; some 110 are usual.
		if !raced && e.Idle > 150<<20 {
			t.Errorf("%s takes %d MiB before the first request", e.Name, e.Idle>>20)
		}
		for _, s := range append(told.of("mix", "", e.Name), told.of("attacks", attacks[0].name, e.Name)...) {
			if s.Requests == 0 || s.CPU <= 0 || s.Objects <= 0 || s.Memory == 0 || s.Measure == "mix" && s.P99 < s.P50 {
				t.Errorf("%+v", s)
			}
		}
	}
	if cpu := ratio(told.of("mix", "", "ordergate"), told.of("mix", "", "bare"), cpuOf); cpu < 1 {
		t.Errorf("everything on takes %.2f times the CPU of nothing on", cpu)
	}
	again, err := readResults(f.Into)
	if err != nil || len(again.Samples) != len(told.Samples) {
		t.Errorf("%d samples were kept of %d: %v", len(again.Samples), len(told.Samples), err)
	}
	text, err := os.ReadFile(f.Results)
	if err != nil || !strings.Contains(string(text), "\n| ordergate | ") {
		t.Errorf("the results file, %v: %s", err, text)
	}
}

// TestVerify: what passes attacks, or changes answers, is found out before
// anything is measured.
func TestVerify(t *testing.T) {
	o, err := newOrigin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer o.stop()
	var people visitors
	see := func(h http.Handler, guarded bool) string {
		server := httptest.NewServer(h)
		defer server.Close()
		fault, err := passes(t.Context(), listening(server), o, &people, mixed)
		if fault == "" && err == nil && guarded {
			fault, err = refuses(t.Context(), listening(server), o, &people)
		}
		if err != nil {
			t.Fatal(err)
		}
		return fault
	}
	refusing := func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			r.Body = io.NopCloser(bytes.NewReader(body))
			for _, sign := range []string{"UNION", "script%3E", "OR 1=1", "etc%2Fpasswd"} {
				if strings.Contains(r.URL.RawQuery+string(body), sign) {
					w.WriteHeader(http.StatusForbidden)
					return
				}
			}
			h.ServeHTTP(w, r)
		})
	}
	if fault := see(refusing(o), true); fault != "" {
		t.Errorf("one that refuses attacks: %s", fault)
	}
	if fault := see(o, true); !strings.HasPrefix(fault, "an attack passes") {
		t.Errorf("one without rules: %q", fault)
	}
	if fault := see(o, false); fault != "" {
		t.Errorf("one that claims none: %s", fault)
	}
	shorter := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.URL.Path = strings.Replace(r.URL.Path, "/products/", "/assets/", 1)
		o.ServeHTTP(w, r)
	})
	if fault := see(shorter, false); !strings.Contains(fault, "changes the answer") {
		t.Errorf("one that changes a page: %q", fault)
	}
}

// TestSilent: a contender that leaves a request without an answer falls out; it does
// not end the whole run.
func TestSilent(t *testing.T) {
	defer func(before time.Duration) { answerTime = before }(answerTime)
	answerTime = 50 * time.Millisecond
	gone := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-gone }))
	defer server.Close()
	defer close(gone)
	var people visitors
	l := &load{address: listening(server).address, next: (*visitor).mix, people: &people, clients: 1}
	users, err := l.users(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer closeAll(users)
	if err := users[0].one(t.Context()); !errors.Is(err, errAnswer) {
		t.Errorf("an answer that never comes: %v", err)
	}
}

// TestMissing: what is not installed says how it would be.
func TestMissing(t *testing.T) {
	c := contender{name: "none", program: "ordergate-bench-has-no-such-program", packages: "a b"}
	if _, err := c.installed(); err == nil || err.Error() != "not installed: apt-get install --no-install-recommends a b" {
		t.Errorf("%v", err)
	}
}

// TestOmission: an open loop counts the time that requests had to wait for one
// that was stuck; a closed loop sees a single slow one.
func TestOmission(t *testing.T) {
	const stuck = 200 * time.Millisecond
	var once sync.Once
	var busy sync.Mutex
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		busy.Lock()
		defer busy.Unlock()
		once.Do(func() { <-time.After(stuck) })
		w.WriteHeader(http.StatusOK)
	}))
	defer server.Close()
	var people visitors
	l := &load{address: server.Listener.Addr().String(), people: &people, clients: 4, next: func(v *visitor) (shot, bool) {
		return shot{v.ask(search).raw, http.StatusOK, 0}, false
	}}
	out, err := l.open(t.Context(), 200, 300*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	late := 0
	for _, d := range out.latency {
		if d > stuck/4 {
			late++
		}
	}
	if late < 10 {
		t.Errorf("%d of %d requests waited, want at least 10", late, out.requests)
	}
}

// TestRatio: ratios are of one round, medians of those.
func TestRatio(t *testing.T) {
	of := []sample{{Run: 1, Round: 0, CPU: 20}, {Run: 1, Round: 1, CPU: 90}, {Run: 2, Round: 0, CPU: 300}, {Run: 3, Round: 0, CPU: 1}}
	to := []sample{{Run: 1, Round: 0, CPU: 10}, {Run: 1, Round: 1, CPU: 30}, {Run: 2, Round: 0, CPU: 100}}
	if r := ratio(of, to, cpuOf); r != 3 {
		t.Errorf("ratio %g, want 3, the median of 2, 3 and 3", r)
	}
	if m := median([]float64{4, 1, 3, 2}); m != 2.5 {
		t.Errorf("median %g, want 2.5", m)
	}
}

// TestUsage: what cannot be measured is refused before anything starts.
func TestUsage(t *testing.T) {
	good := flags{Rounds: 1, Seconds: 1}
	if err := good.validate(); err != nil {
		t.Error(err)
	}
	for _, bad := range []flags{{Rounds: 0, Seconds: 1}, {Rounds: 1, Seconds: 0}, {Rounds: 1, Seconds: 1, Only: []string{"iis"}}, {Rounds: 1, Seconds: 1, Measure: []string{"luck"}}} {
		if err := bad.validate(); err == nil {
			t.Errorf("%+v was taken", bad)
		}
	}
}

// listening is a test's server as a contender's.
func listening(s *httptest.Server) *server { return &server{address: s.Listener.Addr().String()} }
