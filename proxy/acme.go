package proxy

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"
)

// ACMEConfig says which certificates are had from whom (RFC 8555).
type ACMEConfig struct {
	// Domains are the names that certificates are wanted for, one each, in lower
	// case; no name beside them is ever asked for.
	Domains   []string
	Directory string // URL of the authority's directory
	Email     string // where the authority writes to; may be empty
	// Storage is the folder of keys, certificates and the account; it is made with
	// permissions for its owner alone. Gateways that share it share certificates.
	Storage string
	// Authorities sign the directory's own certificate; nil: those that the system
	// trusts.
	Authorities *x509.CertPool
	// Told is called when a certificate is there, with nil, or could not be had; from
	// goroutines of its own.
	Told func(domain string, err error)

	// Check is how often renewals are looked for, and Renew the share of a
	// certificate's life that is left when it is due; 0: 10 minutes, and a third, or
	// when the authority says (RFC 9773).
	Check time.Duration
	Renew float64
}

// ACME has certificates from an authority and renews them; certmagic does the
// work. It answers the authority's questions on the listeners that there are:
// TLS-ALPN-01 where TLS ends (RFC 8737), and HTTP-01 where Solving stands (RFC
// 8555, 8.3). The policies: while the authority cannot be had, what was had before
// is shown until it ends, and tried again, each time later; a name without any
// certificate has no TLS, and nothing else waits for it. Safe for concurrent use.
type ACME struct {
	domains []string
	magic   *certmagic.Config
	issuer  *certmagic.ACMEIssuer
	cache   *certmagic.Cache
	end     context.CancelFunc
}

// NewACME prepares what Manage begins. Close it.
func NewACME(config ACMEConfig) *ACME {
	a := &ACME{domains: config.Domains}
	quiet := zap.NewNop() // what matters is told
	a.cache = certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert:   func(certmagic.Certificate) (*certmagic.Config, error) { return a.magic, nil },
		RenewCheckInterval: config.Check, Capacity: 2 * len(config.Domains), Logger: quiet,
	})
	a.magic = certmagic.New(a.cache, certmagic.Config{
		RenewalWindowRatio: config.Renew, DisableARI: config.Renew > 0, Storage: &certmagic.FileStorage{Path: config.Storage}, Logger: quiet,
		OnEvent: func(_ context.Context, event string, data map[string]any) error {
			domain, _ := data["identifier"].(string)
			switch event {
			case "cached_managed_cert": // from the storage, or had a moment ago
				if names, ok := data["sans"].([]string); ok && len(names) > 0 {
					config.Told(names[0], nil)
				}
			case "cert_obtained":
				if renewal, ok := data["renewal"].(bool); ok && renewal { // shown a moment later
					config.Told(domain, nil)
				}
			case "cert_failed":
				err, ok := data["error"].(error)
				if !ok {
					err = errors.New("the authority gave no certificate")
				}
				config.Told(domain, err)
			}
			return nil
		},
	})
	a.issuer = certmagic.NewACMEIssuer(a.magic, certmagic.ACMEIssuer{
		CA: config.Directory, TestCA: config.Directory, Email: config.Email, Agreed: true, TrustedRoots: config.Authorities, Logger: quiet,
	})
	a.magic.Issuers = []certmagic.Issuer{a.issuer}
	return a
}

// Manage begins to have certificates: those in the storage are shown at once, the
// others are asked for beside everything else, until Close. plain and secure are
// the addresses that the gateway listens on, without and with TLS.
func (a *ACME) Manage(plain, secure string) error {
	// certmagic opens these where nobody listens yet: the gateway does.
	host, port := splitPort(secure)
	a.issuer.ListenHost, a.issuer.AltTLSALPNPort = host, port
	_, a.issuer.AltHTTPPort = splitPort(plain)
	ctx, end := context.WithCancel(context.Background())
	a.end = end
	if err := a.magic.ManageAsync(ctx, a.domains); err != nil {
		return fmt.Errorf("having certificates for %s: %w", strings.Join(a.domains, ", "), err)
	}
	return nil
}

func splitPort(address string) (host string, port int) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0
	}
	if addr, err := netip.ParseAddr(host); err == nil && addr.IsUnspecified() {
		host = ""
	}
	port, _ = strconv.Atoi(text) // 0: certmagic's default
	return host, port
}

// Close ends what Manage began. On nil it does nothing.
func (a *ACME) Close() {
	if a == nil {
		return
	}
	if a.end != nil {
		a.end()
	}
	a.cache.Stop()
}

// Solving returns the handler with the answers to the authority's questions before
// it. Only what is being asked for now has one; everything else goes on to the
// handler.
func (a *ACME) Solving(handler http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		if r.Method == http.MethodGet && strings.HasPrefix(r.URL.Path, "/.well-known/acme-challenge/") && a.manages(host) && a.issuer.HandleHTTPChallenge(w, r) {
			return
		}
		handler.ServeHTTP(w, r)
	})
}

func (a *ACME) manages(name string) bool { return slices.Contains(a.domains, strings.ToLower(name)) }

// certificate is what a handshake is shown; nil for a name that is none of ours,
// so that a certificate from a file is, when there is one.
func (a *ACME) certificate(files bool) func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		if !a.manages(hello.ServerName) {
			if files {
				return nil, nil //nolint:nilnil // crypto/tls goes on to the files
			}
			first := *hello
			first.ServerName = a.domains[0]
			hello = &first
		}
		return a.magic.GetCertificate(hello) //nolint:wrapcheck // the client gets an alert
	}
}

// expiry is when the first certificate ends; zero when there is none.
func (a *ACME) expiry() (first time.Time) {
	for _, domain := range a.domains {
		for _, c := range a.cache.AllMatchingCertificates(domain) {
			if c.Leaf != nil && (first.IsZero() || c.Leaf.NotAfter.Before(first)) {
				first = c.Leaf.NotAfter
			}
		}
	}
	return first
}

// protocolACME is the ALPN protocol of an authority's question (RFC 8737).
const protocolACME = "acme-tls/1"
