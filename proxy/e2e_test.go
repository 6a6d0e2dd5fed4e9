package proxy_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/corazawaf/coraza/v3/http/e2e"
	"github.com/mccutchen/go-httpbin/v2/httpbin"

	"github.com/ordergate/ordergate/proxy/proxytest"
)

// TestCorazaE2E runs Coraza's own end-to-end suite for what carries it, in front of
// httpbin, with the rules that it brings. It wants refusals without a body, and ours
// say a reference id: a proxy between the two leaves that away.
func TestCorazaE2E(t *testing.T) {
	if testing.Short() {
		t.Skip("it waits most of its time")
	}
	t.Parallel()
	t.Cleanup(http.DefaultClient.CloseIdleConnections) //nolint:forbidigo // it is the suite's, and its connections end with the test
	file := filepath.Join(t.TempDir(), "e2e.conf")
	if err := os.WriteFile(file, []byte(e2e.Directives), 0o600); err != nil {
		t.Fatal(err)
	}
	w := proxytest.Start(t, httpbin.New(), func(s *proxytest.Setup) { s.WAF.Files = []string{file} })
	target, err := url.Parse(w.URL)
	if err != nil {
		t.Fatal(err)
	}
	between := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target); r.Out.Host = "shop.example" },
		ModifyResponse: func(response *http.Response) error {
			if response.StatusCode == http.StatusForbidden {
				_ = response.Body.Close()
				response.Body, response.ContentLength = io.NopCloser(http.NoBody), 0
				response.Header.Set("Content-Length", "0")
			}
			return nil
		},
	}
	front := httptest.NewServer(between)
	defer front.Close()
	if err := e2e.Run(e2e.Config{ProxiedEntrypoint: front.URL, HttpbinEntrypoint: w.Upstream.URL}); err != nil {
		t.Fatal(err)
	}
}
