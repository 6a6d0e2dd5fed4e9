package proxy

import (
	"crypto/tls"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// UpstreamTLSConfig says how TLS to the order platform is made, where its URL is
// https. The zero value trusts the machine's authorities and shows no certificate.
type UpstreamTLSConfig struct {
	Certificate CertificateFiles // what the platform is shown; empty: nothing
	CA          string           // file of the authorities that sign the platform's certificates, PEM; empty: the machine's
	ServerName  string           // what the platform's certificate must name, and is asked for (SNI); empty: the URL's host
}

// UpstreamTLS is how TLS to the platform is made. Safe for concurrent use. Make one
// with NewUpstreamTLS.
type UpstreamTLS struct {
	config *tls.Config
	shown  atomic.Pointer[tls.Certificate]

	mu     sync.Mutex
	files  CertificateFiles
	stamps []stamp
}

// NewUpstreamTLS reads the files. The error names the file and what to do.
func NewUpstreamTLS(config UpstreamTLSConfig, now time.Time) (*UpstreamTLS, error) {
	u := &UpstreamTLS{config: &tls.Config{MinVersion: tls.VersionTLS12, ServerName: config.ServerName}, files: config.Certificate}
	if config.CA != "" {
		pool, err := ReadAuthorities(config.CA)
		if err != nil {
			return nil, err
		}
		u.config.RootCAs = pool
	}
	if u.files == (CertificateFiles{}) {
		return u, nil
	}
	u.stamps = stampsOf([]string{u.files.Certificate, u.files.Key})
	pair, err := u.files.load(now)
	if err != nil {
		return nil, err
	}
	u.shown.Store(&pair)
	// Also where the platform's list of authorities does not name the issuer: the
	// platform says no for itself.
	u.config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return u.shown.Load(), nil }
	return u, nil
}

// Renew reads the certificate again if it has changed since it was read last, and
// reports whether it had: connections made from then on show it. On an error the
// older one stays; it is told once for each change.
func (u *UpstreamTLS) Renew(now time.Time) (changed bool, err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.files == (CertificateFiles{}) {
		return false, nil
	}
	stamps := stampsOf([]string{u.files.Certificate, u.files.Key})
	if sameStamps(stamps, u.stamps) {
		return false, nil
	}
	u.stamps = stamps
	pair, err := u.files.load(now)
	if err != nil {
		return true, fmt.Errorf("for the platform: %w", err)
	}
	u.shown.Store(&pair)
	return true, nil
}

// client returns the config of a transport; nil u is the standard library's own.
func (u *UpstreamTLS) client() *tls.Config {
	if u == nil {
		return nil
	}
	return u.config.Clone()
}
