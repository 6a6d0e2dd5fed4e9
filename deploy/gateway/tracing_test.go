package gateway

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/ordergate/ordergate/deploy/config"
	"github.com/ordergate/ordergate/metrics/otlp/otlptest"
	"github.com/ordergate/ordergate/proxy/proxytest"
)

// noLeaks wants every goroutine that a test begins to have ended with it.
func noLeaks(t *testing.T) {
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
}

// TestTracing: a config turns spans on, leads them elsewhere and turns them off while
// the gateway runs; a bad one changes nothing; what waits is sent at the stop. Neither log
// nor metrics show the collector's token.
func TestTracing(t *testing.T) {
	noLeaks(t)
	told := make(chan string, 1)
	platform := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { told <- r.Header.Get("Traceparent") }))
	t.Cleanup(platform.Close)
	first, second := otlptest.Start(t), otlptest.Start(t)
	dir := t.TempDir()
	parse := func(tracing string) (config.Config, error) {
		return config.Parse("test", []byte(fmt.Sprintf("upstream: %s\nlisten: 127.0.0.1:0\nadmin: 127.0.0.1:0\ndata_dir: %q\nwaf: {mode: off}\n%s",
			platform.URL, filepath.Join(dir, "data"), tracing)))
	}
	cfg, err := parse("")
	if err != nil {
		t.Fatal(err)
	}
	log := &proxytest.Buffer{}
	g, err := Start(t.Context(), cfg, Options{Version: "v1.2.3", Log: slog.New(slog.NewJSONHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	wires := &http.Transport{}
	t.Cleanup(wires.CloseIdleConnections)
	get := func(address string) string {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		response, err := wires.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	reload := func(tracing string, good bool) {
		t.Helper()
		if err := g.Reload(func() (config.Config, error) { return parse(tracing) }); (err == nil) != good {
			t.Fatal(err)
		}
	}
	page := func() string {
		t.Helper()
		get("http://" + g.Addr() + "/products")
		return <-told
	}
	if page() != "" {
		t.Error("tracing is on by itself")
	}
	reload(fmt.Sprintf("tracing: {endpoint: %s, headers: {name: Authorization, value: Bearer hunter2}}\n", first.URL), true)
	if parent := page(); first.Wait(2)[0].Trace != parent[3:35] {
		t.Errorf("the platform is told %q, the collector %+v", parent, first.Spans())
	}
	if got := first.WaitRequests(1)[0].Get("Authorization"); got != "Bearer hunter2" || first.Resource()["service.version"] != "v1.2.3" {
		t.Errorf("%q, %v", got, first.Resource())
	}
	reload("tracing: {endpoint: https://127.0.0.1:1, ca: missing.pem}\n", false) // a bad one
	page()
	first.Wait(4)
	reload(fmt.Sprintf("tracing: {endpoint: %s/v1/traces}\n", second.URL), true)
	page()
	second.Wait(2)
	reload("", true)
	if page() != "" {
		t.Error("tracing is still on")
	}
	exported := `ordergate_spans_total{outcome="exported"} 6`
	for end := time.Now().Add(time.Minute); ; { // the collector has them a moment before that is counted
		metrics := get("http://" + g.AdminAddr() + "/metrics")
		if strings.Contains(metrics, "hunter2") || time.Now().After(end) {
			t.Fatalf("the metrics do not say %s, or say a secret", exported)
		}
		if strings.Contains(metrics, exported) {
			break
		}
	}
	reload(fmt.Sprintf("tracing: {endpoint: %s}\n", second.URL), true)
	page()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := g.Stop(ctx); err != nil {
		t.Error(err)
	}
	if n, m := len(first.Spans()), len(second.Spans()); n != 4 || m != 4 {
		t.Errorf("%d and %d spans, want 4 and 4", n, m)
	}
	if text := log.String(); strings.Contains(text, "hunter2") || strings.Contains(text, "spans") {
		t.Errorf("the log: %s", text)
	}
}

// TestStopWithoutCollector: a collector that is gone costs its spans, which is told, and
// is no reason for a stop to fail.
func TestStopWithoutCollector(t *testing.T) {
	noLeaks(t)
	gone := otlptest.Start(t)
	gone.Close()
	platform := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(platform.Close)
	cfg, err := config.Parse("test", []byte(fmt.Sprintf("upstream: %s\nlisten: 127.0.0.1:0\nadmin: 127.0.0.1:0\ndata_dir: %q\nwaf: {mode: off}\ntracing: {endpoint: %s}\n",
		platform.URL, filepath.Join(t.TempDir(), "data"), gone.URL)))
	if err != nil {
		t.Fatal(err)
	}
	log := &proxytest.Buffer{}
	g, err := Start(t.Context(), cfg, Options{Version: "v1.2.3", Log: slog.New(slog.NewJSONHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get("http://" + g.Addr() + "/products")
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := g.Stop(ctx); err != nil {
		t.Error(err)
	}
	if !strings.Contains(log.String(), `"spans":2`) {
		t.Errorf("the log: %s", log.String())
	}
}
