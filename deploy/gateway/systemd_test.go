package gateway

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ordergate/ordergate/deploy/config"
	"github.com/ordergate/ordergate/proxy/proxytest"
)

// TestWatchOver: systemd is told that the gateway answers as long as it does: not while a
// lock that exchanges need is never given, nor when the admin listener is gone; and
// not only while the platform answers.
func TestWatchOver(t *testing.T) {
	noLeaks(t)
	platform := httptest.NewServer(http.NotFoundHandler())
	platform.Close()
	cfg, err := config.Parse("test", []byte(fmt.Sprintf("upstream: %s\nlisten: 127.0.0.1:0\nadmin: 127.0.0.1:0\ndata_dir: %q\nwaf: {mode: off}\n",
		platform.URL, filepath.Join(t.TempDir(), "data"))))
	if err != nil {
		t.Fatal(err)
	}
	log := &proxytest.Buffer{}
	g, err := Start(t.Context(), cfg, Options{Version: "test", Log: slog.New(slog.NewJSONHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	alive := make(chan struct{})
	const every = 50 * time.Millisecond
	stopped := make(chan struct{})
	stop := g.watchOver(every, func() {
		select {
		case alive <- struct{}{}:
		case <-stopped:
		}
	})
	told := func() bool { // within five times the time
		select {
		case <-alive:
			return true
		case <-time.After(5 * every):
			return false
		}
	}
	wait := func() {
		t.Helper()
		select {
		case <-alive:
		case <-time.After(time.Minute):
			t.Fatal("nobody is told that it answers")
		}
	}
	for range 3 {
		wait()
	}
	g.reloading.Lock()
	told() // one may have been on its way
	if told() {
		t.Error("it is said to answer while it hangs")
	}
	g.reloading.Unlock()
	for range 3 {
		wait()
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := g.admin.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	told()
	if told() {
		t.Error("it is said to answer while its listener is gone")
	}
	if !strings.Contains(log.String(), "does not answer itself") {
		t.Errorf("the log: %s", log.String())
	}
	g.draining.Store(true)
	wait() // a stop has a deadline of its own
	close(stopped)
	stop()
	if err := g.Stop(ctx); err != nil {
		t.Error(err)
	}
}
