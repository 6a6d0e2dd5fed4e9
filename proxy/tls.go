package proxy

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// TLSConfig says how TLS ends here. The zero value is not usable: it has no
// certificate.
type TLSConfig struct {
	// Certificates are shown by the name that a client asks for (SNI, RFC 6066),
	// where several fit by what the client understands, in this order; a name that
	// none has is shown the first.
	Certificates []CertificateFiles
	// MinVersion is tls.VersionTLS12 or tls.VersionTLS13; 0 means TLS 1.2.
	MinVersion uint16
	// ClientAuth says whether clients show certificates: tls.NoClientCert,
	// tls.VerifyClientCertIfGiven or tls.RequireAndVerifyClientCert.
	ClientAuth tls.ClientAuthType
	// ClientCA is the file of the authorities that sign clients' certificates, PEM.
	ClientCA string
	// ACME has further certificates, shown for their names; nil: none.
	ACME *ACME
}

// CertificateFiles are one certificate with its chain, and its key, both PEM.
type CertificateFiles struct{ Certificate, Key string }

// maxCertificateFile bounds one file of certificates or one key, in bytes.
const maxCertificateFile = 1 << 20

// cipherSuites are those of TLS 1.2 with forward secrecy and authenticated
// encryption, as RFC 9325 section 4.2 recommends; those of TLS 1.3 are all good.
var cipherSuites = []uint16{
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
}

// TLS holds the certificates that a listener shows. They are replaced as one:
// handshakes that have begun, and connections, keep the older ones. Safe for
// concurrent use. Make one with NewTLS.
type TLS struct {
	current atomic.Pointer[tls.Config]
	expiry  atomic.Int64 // Unix seconds

	mu     sync.Mutex
	config TLSConfig
	stamps []stamp
}

// NewTLS reads the files. The error tells of all faults at once, each with its
// file and what to do.
func NewTLS(config TLSConfig, now time.Time) (*TLS, error) {
	t := &TLS{}
	return t, t.Load(config, now)
}

// Load reads the files of a config and shows what they hold from now on. On
// an error what was shown before stays.
func (t *TLS) Load(config TLSConfig, now time.Time) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	loaded, expiry, err := config.load(now)
	if err != nil && t.current.Load() != nil {
		return err
	}
	t.config, t.stamps = config, stampsOf(config.files())
	if err != nil {
		return err
	}
	t.current.Store(loaded)
	t.expiry.Store(unixOrZero(expiry))
	return nil
}

// Renew reads the files again if any has changed since they were read last, and
// reports whether one had. On an error what was shown before stays; it is told once
// for each change.
func (t *TLS) Renew(now time.Time) (changed bool, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	stamps := stampsOf(t.config.files()) // before reading: what changes meanwhile is seen the next time
	if sameStamps(stamps, t.stamps) {
		return false, nil
	}
	t.stamps = stamps
	loaded, expiry, err := t.config.load(now)
	if err != nil {
		return true, err
	}
	t.current.Store(loaded)
	t.expiry.Store(unixOrZero(expiry))
	return true, nil
}

func unixOrZero(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

// Expiry returns when the first of the certificates ends; the zero time while there
// is none.
func (t *TLS) Expiry() time.Time {
	var first time.Time
	if seconds := t.expiry.Load(); seconds != 0 {
		first = time.Unix(seconds, 0)
	}
	t.mu.Lock()
	acme := t.config.ACME
	t.mu.Unlock()
	if acme == nil {
		return first
	}
	if managed := acme.expiry(); first.IsZero() || !managed.IsZero() && managed.Before(first) {
		first = managed
	}
	return first
}

// server returns the config of a listener. What a client is shown is looked up at
// each handshake; tickets of resumed sessions outlive a renewal, and crypto/tls
// verifies a resumed client's certificate against the authorities of the day.
func (t *TLS) server() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12, // of what is looked up, the same or higher
		GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			if conn, ok := hello.Conn.(*helloConn); ok {
				conn.read()
			}
			return t.current.Load(), nil
		},
	}
}

func (c *TLSConfig) files() []string {
	var files []string
	for _, pair := range c.Certificates {
		files = append(files, pair.Certificate, pair.Key)
	}
	if c.ClientCA != "" {
		files = append(files, c.ClientCA)
	}
	return files
}

// load reads everything; expiry is when the first certificate ends.
func (c *TLSConfig) load(now time.Time) (loaded *tls.Config, expiry time.Time, err error) {
	loaded = &tls.Config{
		MinVersion: max(c.MinVersion, tls.VersionTLS12), CipherSuites: cipherSuites, ClientAuth: c.ClientAuth,
		NextProtos: []string{"h2", "http/1.1"},
	}
	var faults []error
	for _, files := range c.Certificates {
		pair, err := files.load(now)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		if expiry.IsZero() || pair.Leaf.NotAfter.Before(expiry) {
			expiry = pair.Leaf.NotAfter
		}
		loaded.Certificates = append(loaded.Certificates, pair)
	}
	if c.ACME != nil {
		loaded.GetCertificate = c.ACME.certificate(len(c.Certificates) > 0)
		loaded.NextProtos = append(loaded.NextProtos, protocolACME)
	}
	if len(c.Certificates) == 0 && c.ACME == nil {
		faults = append(faults, errors.New("no certificate: name at least one with its key"))
	}
	if c.ClientAuth != tls.NoClientCert {
		if loaded.ClientCAs, err = ReadAuthorities(c.ClientCA); err != nil {
			faults = append(faults, err)
		}
	}
	return loaded, expiry, errors.Join(faults...)
}

// load reads one certificate with its key.
func (f CertificateFiles) load(now time.Time) (tls.Certificate, error) {
	chain, err := readBounded(f.Certificate)
	if err != nil {
		return tls.Certificate{}, err
	}
	key, err := readBounded(f.Key)
	if err != nil {
		return tls.Certificate{}, err
	}
	pair, err := tls.X509KeyPair(chain, key)
	switch {
	case err != nil && strings.Contains(err.Error(), "does not match"):
		return pair, fmt.Errorf("%s: is not the key of %s: write the two that were made together, the server's own certificate first in its file", f.Key, f.Certificate)
	case err != nil: // says of which of the two, and nothing of the key
		return pair, fmt.Errorf("%s and %s: %s: write a certificate chain and an unencrypted key, both in PEM", f.Certificate, f.Key, strings.TrimPrefix(err.Error(), "tls: "))
	case now.After(pair.Leaf.NotAfter):
		return pair, fmt.Errorf("%s: expired on %s: renew it", f.Certificate, pair.Leaf.NotAfter.UTC().Format(time.RFC3339))
	case now.Before(pair.Leaf.NotBefore):
		return pair, fmt.Errorf("%s: is valid from %s on only: wait, or look at this machine's clock", f.Certificate, pair.Leaf.NotBefore.UTC().Format(time.RFC3339))
	}
	return pair, nil
}

// ReadAuthorities reads a file of certificates of authorities, in PEM, of at most 1
// MiB. The error says what to do.
func ReadAuthorities(path string) (*x509.CertPool, error) {
	if path == "" {
		return nil, errors.New("no file of authorities: name the one whose certificates clients show")
	}
	text, err := readBounded(path)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s: holds no certificate: write those of the authorities, in PEM", path)
	}
	return pool, nil
}

func readBounded(path string) ([]byte, error) {
	f, err := os.Open(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%s: does not exist: look at the path, which is relative to the config file", path)
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("%s: may not be read: give read permission to the user that runs ordergate", path)
	case err != nil:
		return nil, fmt.Errorf("%s: cannot be opened: %w: look at the path and the disk", path, err)
	}
	defer f.Close() //nolint:errcheck // nothing was written
	text, err := io.ReadAll(io.LimitReader(f, maxCertificateFile+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: cannot be read: %w: look at the path and the disk", path, err)
	case len(text) > maxCertificateFile:
		return nil, fmt.Errorf("%s: is larger than 1 MiB: write one certificate with its chain, or one key", path)
	}
	return text, nil
}

// stamp tells whether a file is still the one that was read; symbolic links
// are followed, because a mounted secret is renewed by turning one.
type stamp struct {
	info fs.FileInfo // nil: it cannot be looked at
}

func stampsOf(files []string) []stamp {
	stamps := make([]stamp, len(files))
	for i, file := range files {
		if info, err := os.Stat(file); err == nil {
			stamps[i].info = info
		}
	}
	return stamps
}

func sameStamps(a, b []stamp) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		x, y := a[i].info, b[i].info
		if (x == nil) != (y == nil) {
			return false
		}
		if x != nil && (!os.SameFile(x, y) || x.Size() != y.Size() || !x.ModTime().Equal(y.ModTime())) {
			return false
		}
	}
	return true
}
