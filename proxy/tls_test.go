package proxy_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ordergate/ordergate/proxy"
	"github.com/ordergate/ordergate/proxy/proxytest"
	"github.com/ordergate/ordergate/rules"
)

// secured returns what ends TLS with a certificate of each name, and the client's side.
func secured(t *testing.T, a *proxytest.Authority, change func(*proxy.TLSConfig), leaves ...proxytest.Leaf) *proxy.TLS {
	t.Helper()
	dir := t.TempDir()
	config := proxy.TLSConfig{}
	for i, leaf := range leaves {
		config.Certificates = append(config.Certificates, a.Write(dir, string(rune('a'+i)), leaf))
	}
	if change != nil {
		change(&config)
	}
	ended, err := proxy.NewTLS(config, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return ended
}

func withTLS(a *proxytest.Authority, ended *proxy.TLS) func(*proxytest.Setup) {
	return func(s *proxytest.Setup) {
		s.TLS, s.Client = ended, &tls.Config{RootCAs: a.Pool, ServerName: "shop.example", MinVersion: tls.VersionTLS12}
	}
}

// handshake connects to a world and returns the state, or the error, of the
// whole handshake: a server's late refusal comes with the first byte read.
func handshake(t *testing.T, w *proxytest.World, config *tls.Config) (tls.ConnectionState, error) {
	t.Helper()
	conn, err := tls.Dial("tcp", strings.TrimPrefix(w.URL, "https://"), config)
	if err != nil {
		return tls.ConnectionState{}, err
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n"); err != nil {
		return tls.ConnectionState{}, err
	}
	_, err = conn.Read(make([]byte, 1))
	return conn.ConnectionState(), err
}

// TestTLS: HTTP/1.1 and HTTP/2 as the client chooses, the upstream is told of
// https, and records are counted as without TLS.
func TestTLS(t *testing.T) {
	a := proxytest.NewAuthority(t)
	ended := secured(t, a, nil, proxytest.Leaf{Names: []string{"shop.example"}})
	w := proxytest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Saw", r.Header.Get("X-Forwarded-Proto"))
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, proxytest.Person(1))
	}), withTLS(a, ended))
	response := w.Get("/orders/1")
	if response.Err != nil || response.StatusCode != http.StatusOK || response.Proto != "HTTP/2.0" || response.Header.Get("X-Saw") != "https" {
		t.Fatalf("HTTP/2: %d %s, upstream saw %q: %v", response.StatusCode, response.Proto, response.Header.Get("X-Saw"), response.Err)
	}
	one := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: a.Pool, ServerName: "shop.example"}, DisableKeepAlives: true}}
	again, err := one.Get(w.URL + "/orders/1")
	if err != nil {
		t.Fatal(err)
	}
	_ = again.Body.Close()
	if again.Proto != "HTTP/1.1" || again.StatusCode != http.StatusOK || again.Header.Get("X-Saw") != "https" {
		t.Errorf("HTTP/1.1: %d %s, upstream saw %q", again.StatusCode, again.Proto, again.Header.Get("X-Saw"))
	}
	if rows := w.Settle().Rows(); len(rows) == 0 || rows[0].Ownership != rules.Unlinked {
		t.Errorf("%d rows in the ledger: want the record of the first answer", len(rows))
	}
}

// TestTLSNames: the certificate of the name that is asked for, by SNI, and of the
// kind of key that the client understands; the first for any other.
func TestTLSNames(t *testing.T) {
	a := proxytest.NewAuthority(t)
	ended := secured(t, a, nil, proxytest.Leaf{Names: []string{"shop.example"}},
		proxytest.Leaf{Names: []string{"*.partner.example"}}, proxytest.Leaf{Names: []string{"shop.example"}, RSA: true})
	w := proxytest.Start(t, http.NotFoundHandler(), withTLS(a, ended))
	onlyRSA := []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}
	cases := []struct {
		name, shown string
		suites      []uint16
		kind        string
	}{
		{"shop.example", "shop.example", nil, "ECDSA"},
		{"b2b.partner.example", "*.partner.example", nil, "ECDSA"},
		{"unknown.example", "shop.example", nil, "ECDSA"},
		{"", "shop.example", nil, "ECDSA"},
		{"shop.example", "shop.example", onlyRSA, "RSA"},
	}
	for _, c := range cases {
		config := &tls.Config{InsecureSkipVerify: true, ServerName: c.name, CipherSuites: c.suites}
		if c.suites != nil {
			config.MaxVersion = tls.VersionTLS12
		}
		state, err := handshake(t, w, config)
		if err != nil {
			t.Errorf("%q: %v", c.name, err)
			continue
		}
		leaf := state.PeerCertificates[0]
		if !slices.Contains(leaf.DNSNames, c.shown) || leaf.PublicKeyAlgorithm.String() != c.kind {
			t.Errorf("%q is shown %v with %v, want %s with %s", c.name, leaf.DNSNames, leaf.PublicKeyAlgorithm, c.shown, c.kind)
		}
	}
}

// TestTLSVersions: what is older than the config says, or has no forward
// secrecy, gets no connection.
func TestTLSVersions(t *testing.T) {
	a := proxytest.NewAuthority(t)
	for _, c := range []struct {
		name   string
		least  uint16
		client *tls.Config
		fine   bool
	}{
		{"TLS 1.1", 0, &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, false},
		{"TLS 1.2", 0, &tls.Config{MaxVersion: tls.VersionTLS12}, true},
		{"TLS 1.2 with CBC", 0, &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA}}, false},
		{"TLS 1.2 where 1.3 is asked for", tls.VersionTLS13, &tls.Config{MaxVersion: tls.VersionTLS12}, false},
		{"TLS 1.3", tls.VersionTLS13, &tls.Config{}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			ended := secured(t, a, func(config *proxy.TLSConfig) { config.MinVersion = c.least }, proxytest.Leaf{Names: []string{"shop.example"}, RSA: true})
			w := proxytest.Start(t, http.NotFoundHandler(), withTLS(a, ended))
			c.client.RootCAs, c.client.ServerName = a.Pool, "shop.example"
			if _, err := handshake(t, w, c.client); (err == nil) != c.fine {
				t.Errorf("the handshake ends with %v, want success: %v", err, c.fine)
			}
		})
	}
}

// TestTLSClients: who must show a certificate, and whose is taken.
func TestTLSClients(t *testing.T) {
	a, stranger := proxytest.NewAuthority(t), proxytest.NewAuthority(t)
	good, foreign := a.Issue(proxytest.Leaf{}), stranger.Issue(proxytest.Leaf{})
	old := a.Issue(proxytest.Leaf{After: time.Now().Add(-time.Hour)})
	for _, c := range []struct {
		name  string
		auth  tls.ClientAuthType
		shown *tls.Certificate
		fine  bool
	}{
		{"none: nobody is asked", tls.NoClientCert, nil, true},
		{"none: a stranger's is not looked at", tls.NoClientCert, &foreign, true},
		{"request: without", tls.VerifyClientCertIfGiven, nil, true},
		{"request: a good one", tls.VerifyClientCertIfGiven, &good, true},
		{"request: a stranger's", tls.VerifyClientCertIfGiven, &foreign, false},
		{"require: without", tls.RequireAndVerifyClientCert, nil, false},
		{"require: a stranger's", tls.RequireAndVerifyClientCert, &foreign, false},
		{"require: an expired one", tls.RequireAndVerifyClientCert, &old, false},
		{"require: a good one", tls.RequireAndVerifyClientCert, &good, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			ended := secured(t, a, func(config *proxy.TLSConfig) {
				config.ClientAuth, config.ClientCA = c.auth, a.WriteCA(t.TempDir())
			}, proxytest.Leaf{Names: []string{"shop.example"}})
			w := proxytest.Start(t, http.NotFoundHandler(), withTLS(a, ended))
			config := &tls.Config{RootCAs: a.Pool, ServerName: "shop.example"}
			if c.shown != nil { // even where the server's list of authorities does not name its issuer
				config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return c.shown, nil }
			}
			if _, err := handshake(t, w, config); (err == nil) != c.fine {
				t.Errorf("the connection ends with %v, want success: %v", err, c.fine)
			}
		})
	}
}

// TestTLSFiles: what is wrong with the files is told at once, each with its
// name and what to do; nothing of a key is.
func TestTLSFiles(t *testing.T) {
	a := proxytest.NewAuthority(t)
	dir := t.TempDir()
	good := a.Write(dir, "good", proxytest.Leaf{Names: []string{"shop.example"}})
	other := a.Write(dir, "other", proxytest.Leaf{Names: []string{"shop.example"}})
	expired := a.Write(dir, "expired", proxytest.Leaf{After: time.Now().Add(-time.Hour)})
	early := a.Write(dir, "early", proxytest.Leaf{Before: time.Now().Add(time.Hour)})
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, c := range []struct {
		name   string
		config proxy.TLSConfig
		want   []string
	}{
		{"nothing", proxy.TLSConfig{}, []string{"no certificate"}},
		{"missing", proxy.TLSConfig{Certificates: []proxy.CertificateFiles{{Certificate: filepath.Join(dir, "none.pem"), Key: good.Key}}}, []string{"none.pem: does not exist"}},
		{"mismatched", proxy.TLSConfig{Certificates: []proxy.CertificateFiles{{Certificate: good.Certificate, Key: other.Key}}}, []string{"other.key: is not the key of", "good.pem"}},
		{"expired", proxy.TLSConfig{Certificates: []proxy.CertificateFiles{expired}}, []string{"expired.pem: expired on"}},
		{"not yet", proxy.TLSConfig{Certificates: []proxy.CertificateFiles{early}}, []string{"early.pem: is valid from"}},
		{"swapped", proxy.TLSConfig{Certificates: []proxy.CertificateFiles{{Certificate: good.Key, Key: good.Certificate}}}, []string{"good.key and", "in PEM"}},
		{"no PEM", proxy.TLSConfig{Certificates: []proxy.CertificateFiles{{Certificate: write("text.pem", "hello"), Key: good.Key}}}, []string{"text.pem and", "in PEM"}},
		{"large", proxy.TLSConfig{Certificates: []proxy.CertificateFiles{{Certificate: write("large.pem", strings.Repeat("x", 2<<20)), Key: good.Key}}}, []string{"large.pem: is larger than 1 MiB"}},
		{"folder", proxy.TLSConfig{Certificates: []proxy.CertificateFiles{{Certificate: dir, Key: good.Key}}}, []string{"cannot be read"}},
		{"authorities without certificates", proxy.TLSConfig{Certificates: []proxy.CertificateFiles{good}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCA: write("empty.pem", "")}, []string{"empty.pem: holds no certificate"}},
		{"no authorities", proxy.TLSConfig{Certificates: []proxy.CertificateFiles{good}, ClientAuth: tls.VerifyClientCertIfGiven}, []string{"no file of authorities"}},
		{"several at once", proxy.TLSConfig{Certificates: []proxy.CertificateFiles{expired, good, early}}, []string{"expired.pem: expired", "early.pem: is valid"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := proxy.NewTLS(c.config, time.Now())
			if err == nil {
				t.Fatal("taken")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%v: want %q in it", err, want)
				}
			}
			if strings.Contains(err.Error(), "PRIVATE") {
				t.Errorf("%v tells of a key", err)
			}
		})
	}
}

// TestTLSRenewal: changed files are shown to the next client; a connection that
// is open goes on; files with a fault change nothing and are told of once.
func TestTLSRenewal(t *testing.T) {
	a := proxytest.NewAuthority(t)
	dir := t.TempDir()
	files := a.Write(dir, "shop", proxytest.Leaf{Names: []string{"shop.example"}})
	ended, err := proxy.NewTLS(proxy.TLSConfig{Certificates: []proxy.CertificateFiles{files}}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	w := proxytest.Start(t, http.NotFoundHandler(), withTLS(a, ended))
	trusting := &tls.Config{RootCAs: a.Pool, ServerName: "shop.example"}
	serial := func() int64 {
		state, err := handshake(t, w, trusting)
		if err != nil {
			t.Fatal(err)
		}
		return state.PeerCertificates[0].SerialNumber.Int64()
	}
	renew := func(want bool, fault string) {
		t.Helper()
		changed, err := ended.Renew(time.Now())
		if changed != want || (err == nil) != (fault == "") || err != nil && !strings.Contains(err.Error(), fault) {
			t.Fatalf("Renew: %v, %v: want %v and %q", changed, err, want, fault)
		}
	}
	open, err := tls.Dial("tcp", strings.TrimPrefix(w.URL, "https://"), trusting)
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	reader := bufio.NewReader(open)
	ask := func() {
		t.Helper()
		if _, err := io.WriteString(open, "GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		response, err := http.ReadResponse(reader, nil)
		if err != nil {
			t.Fatalf("the connection that was open: %v", err)
		}
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
	}
	ask()
	first := serial()
	renew(false, "")
	expiry := ended.Expiry()
	a.Write(dir, "shop", proxytest.Leaf{Names: []string{"shop.example"}, After: time.Now().Add(time.Hour)})
	renew(true, "")
	second := serial()
	if second == first || !ended.Expiry().Before(expiry) {
		t.Errorf("serial %d after %d, expiry %v after %v: want the new certificate", second, first, ended.Expiry(), expiry)
	}
	a.Write(dir, "shop", proxytest.Leaf{Names: []string{"shop.example"}, After: time.Now().Add(-time.Hour)})
	renew(true, "expired")
	renew(false, "")
	if err := os.Remove(files.Key); err != nil {
		t.Fatal(err)
	}
	renew(true, "does not exist")
	if err := ended.Load(proxy.TLSConfig{}, time.Now()); err == nil {
		t.Error("a config without a certificate is taken over")
	}
	if got := serial(); got != second {
		t.Errorf("serial %d after files with faults, want %d still", got, second)
	}
	a.Write(dir, "shop", proxytest.Leaf{Names: []string{"shop.example"}})
	renew(true, "")
	if got := serial(); got == second {
		t.Error("good files after bad ones are not shown")
	}
	ask()
}

// TestTLSRefusals: what the server answers itself looks like any refusal, over
// TLS too, and to whoever speaks without it.
func TestTLSRefusals(t *testing.T) {
	a := proxytest.NewAuthority(t)
	ended := secured(t, a, nil, proxytest.Leaf{Names: []string{"shop.example"}})
	w := proxytest.Start(t, http.NotFoundHandler(), withTLS(a, ended))
	address := strings.TrimPrefix(w.URL, "https://")
	secure := func() net.Conn {
		conn, err := tls.Dial("tcp", address, &tls.Config{RootCAs: a.Pool, ServerName: "shop.example"})
		if err != nil {
			t.Fatal(err)
		}
		return conn
	}
	plain := func() net.Conn {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		return conn
	}
	for name, c := range map[string]struct {
		dial func() net.Conn
		text string
	}{
		"malformed over TLS": {secure, "GET / HTTP/1.1\r\nHost: a\r\nBad Header: x\r\n\r\n"},
		"without TLS":        {plain, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			conn := c.dial()
			defer conn.Close()
			if _, err := io.WriteString(conn, c.text); err != nil {
				t.Fatal(err)
			}
			response, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(response.Body)
			_ = response.Body.Close()
			if response.StatusCode != http.StatusBadRequest || !refusalBody.Match(body) {
				t.Errorf("%d %q: want 400 and a reference id, nothing else", response.StatusCode, body)
			}
		})
	}
}

// TestTLSSlowHandshake: a client that says nothing is cut in time, keeps
// nobody else waiting, and does not hold a shutdown up.
func TestTLSSlowHandshake(t *testing.T) {
	a := proxytest.NewAuthority(t)
	ended := secured(t, a, nil, proxytest.Leaf{Names: []string{"shop.example"}})
	w := proxytest.Start(t, http.NotFoundHandler(), withTLS(a, ended), func(s *proxytest.Setup) { s.Timeouts.ReadHeader = 2 * time.Second })
	silent, err := net.Dial("tcp", strings.TrimPrefix(w.URL, "https://"))
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	if _, err := handshake(t, w, &tls.Config{RootCAs: a.Pool, ServerName: "shop.example"}); err != nil {
		t.Errorf("beside a silent client: %v", err)
	}
	_ = silent.SetReadDeadline(time.Now().Add(20 * time.Second))
	if _, err := silent.Read(make([]byte, 1)); err == nil || os.IsTimeout(err) {
		t.Errorf("the silent client reads %v: want the connection cut", err)
	}

	server, err := proxy.Listen("127.0.0.1:0", http.NotFoundHandler(), proxy.ServerConfig{TLS: ended, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve() }()
	waiting, err := net.Dial("tcp", server.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer waiting.Close()
	if err := server.Shutdown(context.Background()); err != nil {
		t.Errorf("shutdown beside a handshake: %v", err)
	}
	if err := <-served; err != nil {
		t.Errorf("serve: %v", err)
	}
}

// TestFingerprint: the client's program is a key of the principal: as its
// handshake shows, or as a trusted proxy says; nobody else may say it.
func TestFingerprint(t *testing.T) {
	a := proxytest.NewAuthority(t)
	page := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, proxytest.Person(1))
	})
	key := func(w *proxytest.World, said string) rules.Digest {
		return w.Hasher.Key(rules.KeyTLSFingerprint, []byte(said))
	}
	last := func(w *proxytest.World) rules.Digest {
		rows := w.Settle().Rows()
		return rows[len(rows)-1].Principal.TLS
	}
	t.Run("from the handshake", func(t *testing.T) {
		w := proxytest.Start(t, page, withTLS(a, secured(t, a, nil, proxytest.Leaf{Names: []string{"shop.example"}})),
			func(s *proxytest.Setup) { s.Policy.FingerprintHeader = "X-JA4" })
		w.Get("/orders/1", "X-JA4: t13d1516h2_8daaf6152771_e5627efa2ab1")
		first := last(w)
		w.Client.CloseIdleConnections()
		w.Get("/orders/1")
		second := last(w)
		w.Client.Transport.(*http.Transport).TLSClientConfig.MaxVersion = tls.VersionTLS12 // another program
		w.Client.CloseIdleConnections()
		w.Get("/orders/1")
		if third := last(w); first.IsZero() || first != second || third.IsZero() || third == first || first == key(w, "t13d1516h2_8daaf6152771_e5627efa2ab1") {
			t.Errorf("keys %v, %v of one program and %v of another", first, second, third)
		}
	})
	const good = "t13d1516h2_8daaf6152771_e5627efa2ab1"
	for _, c := range []struct {
		name, header string
		trusted      bool
		want         string
	}{
		{"a trusted proxy says it", "X-JA4: " + good, true, good},
		{"a client says it", "X-JA4: " + good, false, ""},
		{"a trusted proxy says nothing", "X-Other: 1", true, ""},
		{"a trusted proxy says nonsense", "X-JA4: a b", true, ""},
		{"a trusted proxy says much", "X-JA4: " + strings.Repeat("a", 200), true, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := proxytest.Start(t, page, func(s *proxytest.Setup) {
				s.Policy.FingerprintHeader = "X-JA4"
				if c.trusted {
					s.Policy.TrustedProxies = prefixes("127.0.0.1/32")
				}
			})
			w.Get("/orders/1", c.header)
			want := rules.Digest{}
			if c.want != "" {
				want = key(w, c.want)
			}
			if got := last(w); got != want {
				t.Errorf("key %v, want %v", got, want)
			}
		})
	}
}

// TestTLSFraming: what is framed ambiguously inside TLS is refused as without.
func TestTLSFraming(t *testing.T) {
	a := proxytest.NewAuthority(t)
	w := proxytest.Start(t, http.NotFoundHandler(), withTLS(a, secured(t, a, nil, proxytest.Leaf{Names: []string{"shop.example"}})))
	for raw, want := range map[string]string{
		"GET / HTTP/1.1\r\nHost: shop.example\r\nX-Y: 1\r\n 2\r\n\r\n": "HTTP/1.1 400 ",
		"GET / HTTP/1.1\r\nHost: shop.example\r\nX-Y: 1\r\n\r\n":       "HTTP/1.1 404 ",
	} {
		conn, err := tls.Dial("tcp", strings.TrimPrefix(w.URL, "https://"), &tls.Config{RootCAs: a.Pool, ServerName: "shop.example"})
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(conn, raw)
		answer := make([]byte, len(want))
		if _, err = io.ReadFull(conn, answer); err != nil || string(answer) != want {
			t.Errorf("%q is answered %q, %v", raw, answer, err)
		}
		_ = conn.Close()
	}
}
