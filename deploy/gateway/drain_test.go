package gateway_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/ordergate/ordergate/deploy/config"
	"github.com/ordergate/ordergate/deploy/gateway"
)

// While an open exchange ends, readyz says that no traffic should come, and the
// exchange still gets its answer.
func TestReadyTurnsFalseBeforeTheDrainEnds(t *testing.T) {
	entered, finish := make(chan struct{}), make(chan struct{})
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(entered)
		<-finish
		io.WriteString(w, "ok") //nolint:errcheck // the client sees it
	}))
	defer shop.Close()
	cfg, err := config.Resolve("", shop.URL)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Listen, cfg.Admin, cfg.DataDir = "127.0.0.1:0", "127.0.0.1:0", t.TempDir()
	g, err := gateway.Start(t.Context(), cfg, gateway.Options{Version: "test", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute}
	get := func(url string) (int, error) {
		response, err := client.Get(url) //nolint:noctx // bounded by the client
		if err != nil {
			return 0, err //nolint:wrapcheck // a test's
		}
		return response.StatusCode, response.Body.Close() //nolint:wrapcheck // a test's
	}
	if status, err := get("http://" + g.AdminAddr() + "/readyz"); err != nil || status != http.StatusOK {
		t.Errorf("readyz before the stop: %d, %v", status, err)
	}
	answered, stopped := make(chan int, 1), make(chan error, 1)
	go func() {
		status, _ := get("http://" + g.Addr() + "/products") //nolint:errcheck // status 0 says it
		answered <- status
	}()
	<-entered
	go func() { stopped <- g.Stop(t.Context()) }()
	status := http.StatusOK
	for end := time.Now().Add(time.Minute); status == http.StatusOK && time.Now().Before(end); {
		if status, err = get("http://" + g.AdminAddr() + "/readyz"); err != nil {
			t.Error(err)
		}
	}
	if status != http.StatusServiceUnavailable {
		t.Errorf("readyz while an exchange ends: %d, want 503", status)
	}
	close(finish)
	if status := <-answered; status != http.StatusOK {
		t.Errorf("the open exchange got %d", status)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}
