package proxy_test

import (
	"crypto/tls"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/ordergate/ordergate/proxy"
	"github.com/ordergate/ordergate/proxy/proxytest"
)

// TestUpstreamTLS: the platform knows the gateway by its certificate, and the
// gateway the platform; whoever is not whom he should be gets no request.
func TestUpstreamTLS(t *testing.T) {
	a, stranger := proxytest.NewAuthority(t), proxytest.NewAuthority(t)
	platform := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Serial", r.TLS.PeerCertificates[0].SerialNumber.String())
	}))
	platform.TLS = &tls.Config{
		Certificates: []tls.Certificate{a.Issue(proxytest.Leaf{Names: []string{"shop.internal"}})},
		ClientAuth:   tls.RequireAndVerifyClientCert, ClientCAs: a.Pool,
	}
	platform.Config.ErrorLog = log.New(io.Discard, "", 0)
	platform.StartTLS()
	defer platform.Close()
	target, err := url.Parse(platform.URL)
	if err != nil {
		t.Fatal(err)
	}
	start := func(t *testing.T, config proxy.UpstreamTLSConfig) (*proxytest.World, *proxy.UpstreamTLS) {
		t.Helper()
		made, err := proxy.NewUpstreamTLS(config, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		return proxytest.Start(t, http.NotFoundHandler(), func(s *proxytest.Setup) {
			s.Upstreams, s.UpstreamTLS = []proxy.Upstream{{URL: target, Weight: 1}}, made
		}), made
	}
	dir := t.TempDir()
	ours, theirs := a.WriteCA(dir), stranger.WriteCA(t.TempDir())
	good := a.Write(dir, "gate", proxytest.Leaf{})
	foreign := stranger.Write(dir, "foreign", proxytest.Leaf{})
	for _, c := range []struct {
		name   string
		config proxy.UpstreamTLSConfig
		status int
	}{
		{"each knows the other", proxy.UpstreamTLSConfig{Certificate: good, CA: ours, ServerName: "shop.internal"}, 200},
		{"attack: a platform that another authority knows", proxy.UpstreamTLSConfig{Certificate: good, CA: theirs, ServerName: "shop.internal"}, 502},
		{"attack: a platform of another name", proxy.UpstreamTLSConfig{Certificate: good, CA: ours, ServerName: "other.internal"}, 502},
		{"attack: the machine's authorities do not know it", proxy.UpstreamTLSConfig{Certificate: good, ServerName: "shop.internal"}, 502},
		{"no certificate of ours", proxy.UpstreamTLSConfig{CA: ours, ServerName: "shop.internal"}, 502},
		{"a certificate that the platform does not know", proxy.UpstreamTLSConfig{Certificate: foreign, CA: ours, ServerName: "shop.internal"}, 502},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, _ := start(t, c.config)
			if got := w.Get("/"); got.StatusCode != c.status || c.status != 200 && !refusalBody.MatchString(got.Body) {
				t.Errorf("%d %q: want %d", got.StatusCode, got.Body, c.status)
			}
		})
	}
	t.Run("renewal", func(t *testing.T) {
		w, made := start(t, proxy.UpstreamTLSConfig{Certificate: good, CA: ours, ServerName: "shop.internal"})
		first := w.Get("/").Header.Get("X-Serial")
		a.Write(dir, "gate", proxytest.Leaf{})
		if changed, err := made.Renew(time.Now()); !changed || err != nil {
			t.Fatalf("%v, %v", changed, err)
		}
		platform.CloseClientConnections()
		second := w.Get("/").Header.Get("X-Serial")
		if second == first || second == "" {
			t.Errorf("the platform sees %q, then %q", first, second)
		}
		if err := os.Remove(good.Key); err != nil {
			t.Fatal(err)
		}
		if changed, err := made.Renew(time.Now()); !changed || err == nil || !strings.Contains(err.Error(), "does not exist") {
			t.Errorf("without a key: %v, %v", changed, err)
		}
		platform.CloseClientConnections()
		if third := w.Get("/").Header.Get("X-Serial"); third != second {
			t.Errorf("the platform sees %q, want %q still", third, second)
		}
	})
	if _, err := proxy.NewUpstreamTLS(proxy.UpstreamTLSConfig{CA: dir + "/none.pem"}, time.Now()); err == nil || !strings.Contains(err.Error(), "none.pem: does not exist") {
		t.Errorf("no file of authorities: %v", err)
	}
}
