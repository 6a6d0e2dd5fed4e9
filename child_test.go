package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/metrics/ledger/sqlite"
	"github.com/ordergate/ordergate/proxy/proxytest"
	"github.com/ordergate/ordergate/rules"
)

// client keeps no connections: none is left when a test ends.
var client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute}

// child is the program running in a process of its own.
type child struct {
	cmd           *exec.Cmd
	lines         chan map[string]any // its log
	listen, admin string
	tls           string // address; empty: without
}

// startChild runs `ordergate serve` with a config and waits until it serves.
func startChild(t *testing.T, config string) *child {
	t.Helper()
	cmd := exec.Command(os.Args[0], "serve", "--config", config)
	cmd.Env = append(os.Environ(), asOrdergate+"=1")
	return started(t, cmd)
}

// started starts a child and waits until it serves.
func started(t *testing.T, cmd *exec.Cmd) *child {
	t.Helper()
	c := &child{cmd: cmd, lines: make(chan map[string]any, 10_000)}
	stderr, err := c.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(c.lines)
		for scanner := bufio.NewScanner(stderr); scanner.Scan(); {
			var line map[string]any
			if json.Unmarshal(scanner.Bytes(), &line) != nil {
				line = map[string]any{"msg": scanner.Text()}
			}
			c.lines <- line
		}
	}()
	line := c.wait(t, "serving")
	c.listen, c.admin = "http://"+line["listen"].(string), "http://"+line["admin"].(string)
	c.tls, _ = line["tls"].(string)
	return c
}

// wait returns the next log line with a message.
func (c *child) wait(t *testing.T, message string) map[string]any {
	t.Helper()
	for {
		select {
		case line, ok := <-c.lines:
			if !ok {
				t.Fatalf("the program ended before it said %q", message)
			}
			if line["msg"] == message {
				return line
			}
		case <-time.After(2 * time.Minute):
			t.Fatalf("the program did not say %q", message)
		}
	}
}

// end stops the child with a signal and waits for it.
func (c *child) end(t *testing.T, signal os.Signal) error {
	t.Helper()
	if err := c.cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	for range c.lines { // until it closes standard error
	}
	return c.cmd.Wait()
}

func writeConfig(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// wide is a config whose guests may read without a limit.
func wide(upstream, dataDir string) string {
	return fmt.Sprintf(`upstream: %s
listen: 127.0.0.1:0
admin: 127.0.0.1:0
data_dir: %q
caps:
  guest: {session: {1h: unlimited, 24h: unlimited}, address: {1h: unlimited}, response: 100}
  site: {1h: unlimited, 24h: unlimited}
`, upstream, dataDir)
}

// orders is an upstream that answers /orders/N with person N.
func orders(t *testing.T) *httptest.Server {
	t.Helper()
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var n int
		_, _ = fmt.Sscanf(r.URL.Path, "/orders/%d", &n)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, proxytest.Person(n))
	}))
	t.Cleanup(upstream.Close)
	return upstream
}

// receive has sixteen clients read orders until they cannot any more, and
// returns the addresses that arrived whole. reached is called with their
// number, under a lock.
func receive(t *testing.T, c *child, reached func(n int)) map[string]bool {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: 16}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport} // sixteen connections, kept
	var mu sync.Mutex
	received := map[string]bool{}
	var wait sync.WaitGroup
	for worker := range 16 {
		wait.Go(func() {
			for n := worker; ; n += 16 {
				response, err := client.Get(fmt.Sprintf("%s/orders/%d", c.listen, n))
				if err != nil {
					return // killed
				}
				body, err := io.ReadAll(response.Body)
				_ = response.Body.Close()
				if err != nil {
					return
				}
				if response.StatusCode != http.StatusOK || !bytes.Contains(body, []byte(proxytest.Email(n))) {
					t.Errorf("order %d: %d %s", n, response.StatusCode, body)
					return
				}
				mu.Lock()
				received[proxytest.Email(n)] = true
				reached(len(received))
				mu.Unlock()
			}
		})
	}
	wait.Wait()
	return received
}

// ledgerEmails returns which test persons have released rows in a ledger.
func ledgerEmails(t *testing.T, data string) map[string]bool {
	t.Helper()
	names := digestsOf(t, data)
	store, err := sqlite.OpenReadOnly(context.Background(), data)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close() //nolint:errcheck // read only
	return emailsOf(t, names, store.Disclosures(context.Background(), opened(t, data)))
}

// opened selects what was released, opened with the keys of a data_dir.
func opened(t *testing.T, data string) ledger.Query {
	t.Helper()
	keys, err := ledger.LoadKeys(data)
	if err != nil {
		t.Fatal(err)
	}
	query := released
	query.Keys = ledger.NewKeyring(keys)
	return query
}

// digestsOf returns the test persons by what a gateway with this data_dir calls them.
func digestsOf(t *testing.T, data string) map[rules.Digest]string {
	t.Helper()
	key, err := ledger.LoadKey(data)
	if err != nil {
		t.Fatal(err)
	}
	hasher, err := rules.NewHasher(key.Secret)
	if err != nil {
		t.Fatal(err)
	}
	names := map[rules.Digest]string{}
	for n := range 100_000 {
		names[hasher.Identifier(rules.IdentifierEmail, []byte(proxytest.Email(n)))] = proxytest.Email(n)
	}
	return names
}

func emailsOf(t *testing.T, names map[rules.Digest]string, rows iter.Seq2[ledger.Row, error]) map[string]bool {
	t.Helper()
	emails := map[string]bool{}
	for row, err := range rows {
		if err != nil {
			t.Fatal(err)
		}
		if name := names[row.Record.IdentifierOf(rules.IdentifierEmail)]; name != "" {
			emails[name] = true
		}
	}
	return emails
}

func get(t *testing.T, url string) string {
	t.Helper()
	response, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // a test's own
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}
