package crs

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	albedo "github.com/coreruleset/albedo/server"
	ftw "github.com/coreruleset/go-ftw/v2/config"

	"github.com/ordergate/ordergate/deploy/config"
	"github.com/ordergate/ordergate/proxy"
	"github.com/ordergate/ordergate/proxy/proxytest"
	"github.com/ordergate/ordergate/rules"
	"github.com/ordergate/ordergate/rules/exfil"
	"github.com/ordergate/ordergate/rules/waf"
)

// gatewayConfig is the product's config file: its defaults, observing, at the
// strictest level.
const gatewayConfig = `
upstream: %s
mode: observe
waf: {paranoia: 4, rules: [%s, %s]}
`

// auditConfig is an operator's own file that keeps Coraza's audit log: some
// tests read the text of a message, which a Summary does not hold.
const auditConfig = `
SecAuditEngine On
SecAuditLog %s
SecAuditLogType Serial
SecAuditLogFormat JSON
SecAuditLogParts AHZ
`

// gateway is a running ordergate in front of albedo.
type gateway struct {
	watch *watch
	log   string // file that go-ftw reads
	host  string
	port  int
}

// start starts albedo and the gateway; both end with the test.
func start(t *testing.T) *gateway {
	t.Helper()
	backend := httptest.NewServer(albedo.Handler())
	t.Cleanup(backend.Close)
	rulesFile, err := filepath.Abs("testdata/before-crs.conf")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	audit := create(t, filepath.Join(dir, "audit.log"))
	auditFile := create(t, filepath.Join(dir, "audit-before.conf"))
	if _, err := fmt.Fprintf(auditFile, auditConfig, audit.Name()); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Parse("ordergate.yaml", fmt.Appendf(nil, gatewayConfig, backend.URL, rulesFile, auditFile.Name()))
	if err != nil {
		t.Fatal(err)
	}
	engine, err := waf.New(cfg.WAFConfig())
	if err != nil {
		t.Fatal(err)
	}
	hasher, err := rules.NewHasher(bytes.Repeat([]byte{7}, rules.MinKeySize))
	if err != nil {
		t.Fatal(err)
	}
	w := &watch{t: t, log: create(t, filepath.Join(dir, "waf.log")), audit: audit}
	log := slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelInfo}))
	handler, err := proxy.New(&proxy.Config{
		Upstreams: cfg.Servers(), Timeouts: cfg.ProxyTimeouts(), Hasher: hasher,
		Engine: exfil.New(cfg.Exfil(hasher)), Ledger: &proxytest.Ledger{}, Observer: w, Log: log,
	}, cfg.Policy(hasher, engine))
	if err != nil {
		t.Fatal(err)
	}
	g := &gateway{watch: w, log: w.log.Name()}
	g.serve(t, &marked{next: handler, watch: w}, proxy.ServerConfig{Timeouts: cfg.ProxyTimeouts(), MaxHeader: int(cfg.Limits.RequestHeaders), Log: log})
	t.Cleanup(handler.Close)
	return g
}

// create makes an empty file that is closed with the test.
func create(t *testing.T, name string) *os.File {
	t.Helper()
	file, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	return file
}

func (g *gateway) serve(t *testing.T, handler http.Handler, config proxy.ServerConfig) {
	t.Helper()
	server, err := proxy.Listen("127.0.0.1:0", handler, config)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve() }()
	t.Cleanup(func() {
		if err := server.Shutdown(context.Background()); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		if err := <-served; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	host, port, err := net.SplitHostPort(server.Addr())
	if err != nil {
		t.Fatal(err)
	}
	g.host = host
	if g.port, err = strconv.Atoi(port); err != nil {
		t.Fatal(err)
	}
}

// marked stands in front of the gateway and answers go-ftw's marker requests
// itself: the rules' message texts, where Coraza's own setup puts the marker,
// are not in a Summary.
type marked struct {
	next  http.Handler
	watch *watch
	// open is held for reading by every exchange: a client may have its
	// response before the exchange has told what it found, and a marker must
	// stand behind that.
	open sync.RWMutex
}

// ServeHTTP implements http.Handler.
func (m *marked) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	stage := r.Header.Get(ftw.DefaultLogMarkerHeaderName)
	if stage == "" {
		m.open.RLock()
		defer m.open.RUnlock()
		m.next.ServeHTTP(w, r)
		return
	}
	m.open.Lock()
	defer m.open.Unlock()
	m.watch.mark(stage)
}

// watch is the gateway's observer: it writes the log that go-ftw reads.
type watch struct {
	t       *testing.T
	mu      sync.Mutex
	log     *os.File
	audit   *os.File // Coraza's, read on from where the last exchange ended
	seen    []proxy.Summary
	refused bytes.Buffer // the gateway's own log
}

func (w *watch) mark(stage string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.line("%s %s", ftw.DefaultLogMarkerHeaderName, stage)
}

// line writes one line; w.mu is held.
func (w *watch) line(format string, args ...any) {
	if _, err := fmt.Fprintf(w.log, format+"\n", args...); err != nil {
		w.t.Errorf("writing the log: %v", err)
	}
}

// Exchange implements proxy.Observer.
func (w *watch) Exchange(s *proxy.Summary) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen = append(w.seen, *s)
	texts := w.texts()
	for _, hit := range s.WAF.Hits {
		id := fmt.Sprintf(`[id "%d"]`, hit.Rule)
		w.line("%s", id)
		for _, text := range texts {
			if strings.Contains(text, id) {
				w.line("%s", text)
			}
		}
	}
}

// texts returns the messages that Coraza wrote since the last call. Only the
// text of a rule that the gateway tells as a hit may reach go-ftw. w.mu is held.
func (w *watch) texts() []string {
	written, err := io.ReadAll(w.audit)
	if err != nil {
		w.t.Errorf("reading the audit log: %v", err)
	}
	var texts []string
	for entry := range bytes.Lines(written) {
		var transaction struct {
			Messages []struct {
				Text string `json:"error_message"`
			} `json:"messages"`
		}
		if err := json.Unmarshal(entry, &transaction); err != nil {
			w.t.Errorf("audit log: %v: %q", err, entry)
		}
		for _, m := range transaction.Messages {
			texts = append(texts, m.Text)
		}
	}
	return texts
}

// Write takes the gateway's log; it implements io.Writer.
func (w *watch) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.refused.Write(p)
}

// take returns the exchanges since the last call, and what the gateway logged.
func (w *watch) take() (seen []proxy.Summary, logged string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	seen, logged = w.seen, w.refused.String()
	w.seen = nil
	w.refused.Reset()
	return seen, logged
}

// Signal implements proxy.Observer.
func (*watch) Signal(*rules.Signal) {}

// Disclosed implements proxy.Observer.
func (*watch) Disclosed([]rules.Disclosure) {}

// LedgerFailed implements proxy.Observer.
func (*watch) LedgerFailed(int, bool) {}
