package gateway_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/letsencrypt/challtestsrv"
	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"

	"github.com/ordergate/ordergate/deploy/config"
	"github.com/ordergate/ordergate/deploy/gateway"
	"github.com/ordergate/ordergate/proxy"
	"github.com/ordergate/ordergate/proxy/proxytest/port"
)

// authority is Pebble, Let's Encrypt's ACME server for tests, with a name server
// to which every name is this machine.
type authority struct {
	server *httptest.Server
	ca     *ca.CAImpl
	file   string // the directory's own certificate
}

// startAuthority starts one that asks back on these ports; another protocol's port
// may be one where nobody is.
func startAuthority(t *testing.T, httpPort, tlsPort int) *authority {
	t.Helper()
	t.Setenv("PEBBLE_VA_NOSLEEP", "1")
	t.Setenv("PEBBLE_WFE_NONCEREJECT", "0")
	t.Setenv("PEBBLE_AUTHZREUSE", "0")
	names := freeAddress(t)
	quiet := log.New(io.Discard, "", 0)
	dns, err := challtestsrv.New(challtestsrv.Config{Log: quiet, DNSAddrs: []string{names}})
	if err != nil {
		t.Fatal(err)
	}
	dns.SetDefaultDNSIPv4("127.0.0.1")
	dns.SetDefaultDNSIPv6("")
	go dns.Run()
	t.Cleanup(dns.Shutdown)
	store := db.NewMemoryStore()
	a := &authority{ca: ca.New(quiet, store, "", "ecdsa", 0, 1, map[string]ca.Profile{"default": {}})}
	front := wfe.New(quiet, store, va.New(quiet, httpPort, tlsPort, false, names, store), a.ca, []string{"pebble.letsencrypt.org"}, false, false, 1, 1)
	a.server = httptest.NewTLSServer(front.Handler())
	t.Cleanup(a.server.Close)
	a.file = filepath.Join(t.TempDir(), "directory.pem")
	if err := os.WriteFile(a.file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return a
}

// roots are what a client of the shop trusts.
func (a *authority) roots(t *testing.T) *x509.CertPool {
	t.Helper()
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(a.ca.GetRootCert(0).PEM()) {
		t.Fatal("the authority has no root certificate")
	}
	return pool
}

// freeAddress is one where nobody listens now.
func freeAddress(t *testing.T) string {
	t.Helper()
	address, err := port.Free(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return address
}

func portOf(t *testing.T, address string) int {
	t.Helper()
	addr, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return addr.Port
}

// lines is a log that can be waited for.
type lines struct{ said chan string }

func (l lines) Write(b []byte) (int, error) {
	select {
	case l.said <- string(b):
	default: // nobody waits
	}
	return len(b), nil
}

// await waits for a line of the log.
func (l lines) await(t *testing.T, text string) {
	t.Helper()
	end := time.After(time.Minute)
	for {
		select {
		case line := <-l.said:
			if strings.Contains(line, text) {
				return
			}
		case <-end:
			t.Fatalf("the log never said %q", text)
		}
	}
}

// managed is the config of a gateway that listens without and with TLS, and has the certificate of shop.example from
// an authority.
func managed(t *testing.T, shop string, listen [2]string, directory, file string) config.Config {
	t.Helper()
	cfg, err := config.Resolve("", shop)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Listen, cfg.TLS.Listen, cfg.Admin, cfg.DataDir = listen[0], listen[1], "127.0.0.1:0", t.TempDir()
	cfg.TLS.ACME = config.ACME{Domains: []string{"shop.example"}, Agreed: true, Directory: directory, DirectoryCA: file, Email: "ops@shop.example"}
	return cfg
}

// TestACME: a certificate is had by each of the two ways to ask, is there at once
// after a restart without the authority, and nothing else waits for it.
func TestACME(t *testing.T) {
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "tea") //nolint:errcheck // the client sees it
	}))
	defer shop.Close()
	for _, way := range []string{"HTTP-01", "TLS-ALPN-01"} {
		t.Run(way, func(t *testing.T) {
			if testing.Short() && way == "HTTP-01" {
				t.Skip("the other way is enough for the race detector")
			}
			plain, secure, nobody := freeAddress(t), freeAddress(t), portOf(t, freeAddress(t))
			ports := [2]int{portOf(t, plain), nobody}
			if way == "TLS-ALPN-01" {
				ports = [2]int{nobody, portOf(t, secure)}
			}
			a := startAuthority(t, ports[0], ports[1])
			cfg := managed(t, shop.URL, [2]string{plain, secure}, a.server.URL+wfe.DirectoryPath, a.file)
			roots := a.roots(t)
			for round := range 2 {
				log := lines{make(chan string, 100)}
				g, err := gateway.Start(t.Context(), cfg, gateway.Options{Version: "test", Log: slog.New(slog.NewTextHandler(log, nil))})
				if err != nil {
					t.Fatal(err)
				}
				if got := fetch(t, "http://"+g.Addr()+"/products/1", nil); got != "tea" {
					t.Errorf("without TLS, meanwhile: %q", got)
				}
				log.await(t, "certificate of the authority is there")
				if got := fetch(t, "https://"+g.TLSAddr()+"/products/1", &tls.Config{RootCAs: roots, ServerName: "shop.example"}); got != "tea" {
					t.Errorf("round %d, with TLS: %q", round, got)
				}
				if got := fetch(t, "http://"+g.Addr()+"/.well-known/acme-challenge/guessed", nil); got != "tea" {
					t.Errorf("a question that nobody asks now: %q, want the platform's answer", got)
				}
				if metrics := fetch(t, "http://"+g.AdminAddr()+"/metrics", nil); !strings.Contains(metrics, "ordergate_tls_certificate_expiry_timestamp_seconds 1.") {
					t.Error("no certificate's end in the metrics")
				}
				if err := g.Stop(t.Context()); err != nil {
					t.Error(err)
				}
				a.server.Close()
			}
			storage, err := os.Stat(filepath.Join(cfg.DataDir, "acme"))
			if err != nil || storage.Mode().Perm() != 0o700 {
				t.Errorf("the folder of keys: %v %v", storage, err)
			}
		})
	}
}

// TestACMEWithoutAuthority: a gateway that has never had a certificate serves all
// but TLS, and says so.
func TestACMEWithoutAuthority(t *testing.T) {
	shop := httptest.NewServer(http.NotFoundHandler())
	defer shop.Close()
	cfg := managed(t, shop.URL, [2]string{"127.0.0.1:0", "127.0.0.1:0"}, "https://"+freeAddress(t)+"/dir", "")
	log := lines{make(chan string, 100)}
	g, err := gateway.Start(t.Context(), cfg, gateway.Options{Version: "test", Log: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	log.await(t, "no certificate from the authority")
	if metrics := fetch(t, "http://"+g.AdminAddr()+"/metrics", nil); !strings.Contains(metrics, `ordergate_files_last_reload_successful{kind="acme"} 0`) {
		t.Error("the metrics do not say it")
	}
	if _, err := tls.Dial("tcp", g.TLSAddr(), &tls.Config{ServerName: "shop.example", InsecureSkipVerify: true}); err == nil {
		t.Error("a handshake without a certificate")
	}
	if err := g.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestACMERenewal: a certificate that is due is renewed while the older one is
// shown, and the newer one from then on.
func TestACMERenewal(t *testing.T) {
	plain, secure := freeAddress(t), freeAddress(t)
	a := startAuthority(t, portOf(t, plain), portOf(t, secure))
	roots := x509.NewCertPool()
	roots.AddCert(a.server.Certificate())
	had := make(chan error, 10)
	acme := proxy.NewACME(proxy.ACMEConfig{
		Domains: []string{"shop.example"}, Directory: a.server.URL + wfe.DirectoryPath, Storage: t.TempDir(), Authorities: roots,
		Told: func(_ string, err error) { had <- err }, Check: 50 * time.Millisecond, Renew: 1,
	})
	defer acme.Close()
	ended, err := proxy.NewTLS(proxy.TLSConfig{ACME: acme}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	hello := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "tea") }) //nolint:errcheck // the client sees it
	for address, c := range map[string]proxy.ServerConfig{plain: {}, secure: {TLS: ended}} {
		c.Log = slog.New(slog.DiscardHandler)
		server, err := proxy.Listen(address, acme.Solving(hello), c)
		if err != nil {
			t.Fatal(err)
		}
		go server.Serve()                           //nolint:errcheck // Shutdown ends it
		defer server.Shutdown(context.Background()) //nolint:errcheck // likewise
	}
	if err := acme.Manage(plain, secure); err != nil {
		t.Fatal(err)
	}
	shown := func() *x509.Certificate {
		conn, err := tls.Dial("tcp", secure, &tls.Config{RootCAs: a.roots(t), ServerName: "shop.example"})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close() //nolint:errcheck // a test's own
		return conn.ConnectionState().PeerCertificates[0]
	}
	if err := <-had; err != nil {
		t.Fatal(err)
	}
	first := shown()
	if err := <-had; err != nil {
		t.Fatal(err)
	}
	second := shown()
	for end := time.Now().Add(time.Minute); bytes.Equal(first.Raw, second.Raw) && time.Now().Before(end); { // it is told a moment before it is shown
		second = shown()
	}
	if bytes.Equal(first.Raw, second.Raw) {
		t.Error("the renewed certificate is not shown")
	}
	if ended.Expiry().Before(time.Now()) {
		t.Errorf("certificates end on %v", ended.Expiry())
	}
}

// fetch returns the body of an answer.
func fetch(t *testing.T, url string, trust *tls.Config) string {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: trust}, Timeout: time.Minute}
	response, err := client.Get(url) //nolint:noctx // bounded by the client
	if err != nil {
		t.Error(err)
		return ""
	}
	defer response.Body.Close() //nolint:errcheck // a test's own
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Error(err)
	}
	return string(body)
}
