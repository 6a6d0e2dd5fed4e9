//go:build unix

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/ordergate/ordergate/deploy/cli"
	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/metrics/ledger/postgres"
	"github.com/ordergate/ordergate/metrics/ledger/postgres/pgtest"
	"github.com/ordergate/ordergate/metrics/ledger/sqlite"
	"github.com/ordergate/ordergate/proxy/proxytest"
)

// rotating is a gateway whose ledger key changes while people use it.
type rotating struct {
	*testing.T
	*child
	data     string
	host     string // that is asked; empty: the address
	source   cli.Source
	mu       sync.Mutex
	received map[string]map[string]bool // customers, by session
}

// TestKeyRotation changes the ledger's key of a running gateway under traffic, by the
// file alone and with SIGHUP, and restarts it. Whoever has come to the end of a cap
// stays there all the time; honest sessions are never refused, and never strangers;
// the rows of all keys are one person's. A key file that cannot be used changes
// nothing.
func TestKeyRotation(t *testing.T) {
	t.Run("files", func(t *testing.T) { keyRotation(t, "sqlite") })
	t.Run("database", func(t *testing.T) {
		if testing.Short() {
			t.Skip("starts PostgreSQL")
		}
		keyRotation(t, pgtest.Start(t).Database(t, "evidence"))
	})
}

func keyRotation(t *testing.T, store string) {
	dir := t.TempDir()
	r := &rotating{T: t, data: filepath.Join(dir, "data"), source: cli.Source{Store: store}, received: map[string]map[string]bool{}}
	config := writeConfig(t, filepath.Join(dir, "ordergate.yaml"), fmt.Sprintf(`upstream: %s
listen: 127.0.0.1:0
admin: 127.0.0.1:0
data_dir: %q
sessions: [cookie:sid]
caps: {guest: {session: {1h: 5, 24h: 5}, address: {1h: unlimited}}, site: {1h: unlimited, 24h: unlimited}}
ledger: {store: '%s', wait: 20s}
`, issuing(t).URL, r.data, store))
	r.child = startChild(t, config)
	// Of two thieves one goes on trying meanwhile, and is held for that, too.
	thief, quiet, honest := r.login(), r.login(), r.login()
	r.steal(thief, 0, 10)
	r.steal(quiet, 0, 7)
	keys := map[string]bool{r.present(): true}
	stop := r.traffic(thief, honest)
	r.rotate("ledger key changed: rows are sealed with it from now on", nil)
	keys[r.present()] = true
	r.rotate("config reloaded", syscall.SIGHUP)
	keys[r.present()] = true
	stop()
	r.steal(thief, 5000, 2)
	r.steal(quiet, 5000, 2)
	if len(keys) != 3 {
		t.Errorf("keys %v: want three", keys)
	}
	// What was counted under three keys counts after a restart.
	if err := r.end(t, syscall.SIGTERM); err != nil {
		t.Errorf("SIGTERM: %v", err)
	}
	r.child = startChild(t, config)
	r.steal(thief, 6000, 2)
	r.steal(quiet, 6000, 2)
	stop = r.traffic(thief, honest)
	if store == "sqlite" && !testing.Short() { // the file is the same with a database
		r.broken()
	}
	stop()
	r.steal(thief, 7000, 2)
	if err := r.end(t, syscall.SIGTERM); err != nil {
		t.Errorf("SIGTERM: %v", err)
	}
	if n := len(r.received[honest]); n != 1 {
		t.Errorf("the honest session has %d customers of 1", n)
	}
	r.evidence(keys)
}

// issuing is a platform that issues a session to whoever asks for /, and answers
// /orders/N with person N.
func issuing(t *testing.T) *httptest.Server {
	t.Helper()
	var mu sync.Mutex
	sessions := 0
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var n int
		if _, err := fmt.Sscanf(r.URL.Path, "/orders/%d", &n); err != nil {
			mu.Lock()
			sessions++
			http.SetCookie(w, &http.Cookie{Name: "sid", Value: fmt.Sprintf("session-%d-0123456789abcdef", sessions), Path: "/", HttpOnly: true})
			mu.Unlock()
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, proxytest.Person(n))
	}))
	t.Cleanup(upstream.Close)
	return upstream
}

// login returns a session that the platform has issued.
func (r *rotating) login() string {
	r.Helper()
	response, err := client.Get(r.listen + "/")
	if err != nil {
		r.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // a test's own
	if len(response.Cookies()) != 1 {
		r.Fatalf("no session: %d", response.StatusCode)
	}
	return response.Cookies()[0].Value
}

// order reads one, and returns the status.
func (r *rotating) order(client *http.Client, session string, n int) int {
	request, err := http.NewRequest(http.MethodGet, fmt.Sprintf("%s/orders/%d", r.listen, n), http.NoBody)
	if err != nil {
		r.Error(err)
		return 0
	}
	if r.host != "" {
		request.Host = r.host
	}
	request.AddCookie(&http.Cookie{Name: "sid", Value: session})
	response, err := client.Do(request)
	if err != nil {
		r.Error(err)
		return 0
	}
	body, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if err == nil && bytes.Contains(body, []byte(proxytest.Email(n))) {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.received[session] == nil {
			r.received[session] = map[string]bool{}
		}
		r.received[session][proxytest.Email(n)] = true
	}
	return response.StatusCode
}

// steal asks for some orders from a number on, and has five customers in all, whenever.
func (r *rotating) steal(session string, from, asked int) {
	r.Helper()
	for n := range asked {
		r.order(client, session, from+n)
	}
	if n := len(r.received[session]); n != 5 {
		r.Errorf("from %d on: %d customers, the cap is 5", from, n)
	}
}

// traffic has the honest session read its order again and again while the thief tries
// others, until stop, which waits for a few more of both.
func (r *rotating) traffic(thief, honest string) (stop func()) {
	ended := make(chan struct{})
	var people sync.WaitGroup
	for worker := range 2 {
		people.Go(func() {
			own := &http.Client{Transport: &http.Transport{}}
			defer own.CloseIdleConnections()
			for n, more := 0, 20; more > 0; n++ {
				select {
				case <-ended:
					more--
				default:
				}
				if worker == 0 {
					r.order(own, thief, 1000+n)
				} else if got := r.order(own, honest, 90_000); got != http.StatusOK {
					r.Errorf("the honest session is answered with %d", got)
					return
				}
			}
		})
	}
	return func() {
		close(ended)
		people.Wait()
	}
}

func (r *rotating) present() string {
	r.Helper()
	key, err := ledger.LoadKey(r.data)
	if err != nil {
		r.Fatal(err)
	}
	return key.ID
}

// rotate makes a new key, and waits until the gateway says that it has it.
func (r *rotating) rotate(message string, signal os.Signal) {
	r.Helper()
	var out bytes.Buffer
	if err := (&cli.LedgerKey{DataDir: r.data}).Run("ledger key rotate", &out); err != nil || !strings.Contains(out.String(), "the running gateway takes it") {
		r.Fatalf("%v\n%s", err, out.String())
	}
	if signal != nil {
		if err := r.cmd.Process.Signal(signal); err != nil {
			r.Fatal(err)
		}
	}
	r.wait(r.T, message)
}

// broken puts a key file there that cannot be used, and then the one before again.
func (r *rotating) broken() {
	r.Helper()
	path := filepath.Join(r.data, ledger.KeyFile)
	good, err := os.ReadFile(path)
	if err != nil {
		r.Fatal(err)
	}
	other := r.TempDir() // a whole one, of another deployment
	if _, err := ledger.LoadOrCreateKey(other); err != nil {
		r.Fatal(err)
	}
	strange, err := os.ReadFile(filepath.Join(other, ledger.KeyFile))
	if err != nil {
		r.Fatal(err)
	}
	for want, content := range map[string][]byte{"is damaged": good[:70], "makes other digests": strange} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			r.Fatal(err)
		}
		if line := r.wait(r.T, "changed files cannot be used: what was read before stays"); line["kind"] != "ledger_key" || !strings.Contains(fmt.Sprint(line["err"]), want) {
			r.Errorf("%v: want %q", line, want)
		}
		if err := r.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			r.Fatal(err)
		}
		if line := r.wait(r.T, "reload failed"); !strings.Contains(fmt.Sprint(line["err"]), want) {
			r.Errorf("%v: want %q", line, want)
		}
		if text := get(r.T, r.admin+"/metrics"); !strings.Contains(text, `ordergate_files_last_reload_successful{kind="ledger_key"} 0`) {
			r.Error("the metrics do not say that the key cannot be used")
		}
	}
	if err := os.WriteFile(path, good, 0o600); err != nil {
		r.Fatal(err)
	}
	if line := r.wait(r.T, "changed files read"); line["kind"] != "ledger_key" {
		r.Errorf("%v", line)
	}
}

// disclosures reads the ledger of a gateway that has ended.
func disclosures(t *testing.T, data string, source cli.Source, query ledger.Query) iter.Seq2[ledger.Row, error] {
	t.Helper()
	ctx := context.Background()
	if source.Store == "sqlite" {
		store, err := sqlite.OpenReadOnly(ctx, data)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = store.Close() })
		return store.Disclosures(ctx, query)
	}
	archive, err := postgres.OpenReadOnly(ctx, source.Store)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = archive.Close() })
	return archive.Disclosures(ctx, query)
}

// evidence compares the ledger with what was received.
func (r *rotating) evidence(keys map[string]bool) {
	r.Helper()
	names, released := digestsOf(r.T, r.data), opened(r.T, r.data)
	all := map[string]bool{}
	for _, of := range r.received {
		for email := range of {
			all[email] = true
		}
	}
	seen, recorded := map[string]bool{}, map[string]bool{}
	for row, err := range disclosures(r.T, r.data, r.source, released) {
		if err != nil {
			r.Fatal(err)
		}
		seen[row.Key] = true
		recorded[names[row.Record.Subject.Digest]] = true
		if !row.Principal.Issued {
			r.Errorf("row %d of key %s: a session that was issued is a stranger", row.Sequence, row.Key)
		}
	}
	if fmt.Sprint(seen) != fmt.Sprint(keys) {
		r.Errorf("rows of keys %v, want %v", seen, keys)
	}
	if fmt.Sprint(recorded) != fmt.Sprint(all) {
		r.Errorf("recorded %v, received %v", recorded, all)
	}
	var out, notes bytes.Buffer
	report := cli.ReportAffected{DataDir: r.data, Source: r.source, All: true}
	if err := report.Run(&out, &notes); err != nil || bytes.Count(out.Bytes(), []byte("\n")) != 1+len(all) {
		r.Errorf("report affected, want %d subjects: %v\n%s\n%s", len(all), err, out.String(), notes.String())
	}
	out.Reset()
	var email string
	for email = range all {
	}
	subject := cli.ReportSubject{DataDir: r.data, Source: r.source, Email: email}
	if err := subject.Run(&out, &notes); err != nil || !strings.HasPrefix(out.String(), "Yes. ") || strings.Contains(out.String(), "another key") {
		r.Errorf("report subject: %v\n%s", err, out.String())
	}
	verify := cli.LedgerVerify{DataDir: r.data, Source: r.source, PublicKey: filepath.Join(r.data, ledger.PublicKeyFile)}
	out.Reset()
	if err := verify.Run(&out, &notes); err != nil {
		r.Errorf("ledger verify: %v\n%s", err, out.String())
	}
}
