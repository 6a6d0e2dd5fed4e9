package gateway_test

import (
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"github.com/ordergate/ordergate/deploy/config"
	"github.com/ordergate/ordergate/deploy/gateway"
	"github.com/ordergate/ordergate/proxy/proxytest"
)

// A gateway with tls.http3 tells clients over TCP where HTTP/3 is, and is there.
func TestHTTP3(t *testing.T) {
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "tea") //nolint:errcheck // the client sees it
	}))
	defer shop.Close()
	cfg, err := config.Resolve("", shop.URL)
	if err != nil {
		t.Fatal(err)
	}
	a := proxytest.NewAuthority(t)
	files := a.Write(t.TempDir(), "shop", proxytest.Leaf{Names: []string{"shop.example"}})
	cfg.Listen, cfg.Admin, cfg.DataDir = "127.0.0.1:0", "127.0.0.1:0", t.TempDir()
	cfg.TLS.Listen, cfg.TLS.HTTP3 = "127.0.0.1:0", true
	cfg.TLS.Certificates = []config.Certificate{{Certificate: files.Certificate, Key: files.Key}}
	g, err := gateway.Start(t.Context(), cfg, gateway.Options{Version: "test", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	trusted := &tls.Config{RootCAs: a.Pool, ServerName: "shop.example"}
	over := &http3.Transport{TLSClientConfig: trusted, Dial: func(ctx context.Context, _ string, c *tls.Config, q *quic.Config) (*quic.Conn, error) {
		return quic.DialAddr(ctx, g.TLSAddr(), c, q)
	}}
	for name, transport := range map[string]http.RoundTripper{"TCP": &http.Transport{TLSClientConfig: trusted, DisableKeepAlives: true}, "UDP": over} {
		client := &http.Client{Transport: transport}
		response, err := client.Get("https://" + g.TLSAddr() + "/products/1") //nolint:noctx // on loopback
		if err != nil {
			t.Fatal(name, err)
		}
		body, err := io.ReadAll(response.Body)
		if err != nil || string(body) != "tea" {
			t.Errorf("%s: %q %v", name, body, err)
		}
		if told := response.Header.Get("Alt-Svc") != ""; told != (name == "TCP") {
			t.Errorf("%s: Alt-Svc is %q", name, response.Header.Get("Alt-Svc"))
		}
		if err := response.Body.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := over.Close(); err != nil {
		t.Error(err)
	}
	if err := g.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}
