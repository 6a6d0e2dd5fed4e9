package config

import (
	"crypto/tls"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/ordergate/ordergate/proxy"
)

// TLS says how TLS ends at the gateway. Its files are read again at a reload
// and when they change; connections stay, and files with a fault change nothing.
type TLS struct {
	// Listen is the address that clients connect to with TLS, as host:port; it
	// is opened when there is a certificate. HTTP/1.1 and HTTP/2 are served there.
	Listen string `yaml:"listen"`
	// HTTP3 has HTTP/3 served, too, on the same port over UDP; answers over TLS tell
	// clients of it (Alt-Svc). Danger: load balancers that pass TCP on do not pass it
	// on, and a firewall must let UDP through.
	HTTP3 bool `yaml:"http3"`
	// Certificates are shown by the name that a client asks for (SNI); a name that
	// none has is shown the first.
	Certificates []Certificate `yaml:"certificates"`
	// ACME has certificates from an authority such as Let's Encrypt, and renews them.
	ACME ACME `yaml:"acme"`
	// MinVersion is the oldest version that is spoken: 1.2 or 1.3.
	MinVersion string `yaml:"min_version"`
	// ClientCertificates is whether clients show certificates of client_ca: none,
	// request (those that show one must show a good one) or require.
	ClientCertificates string `yaml:"client_certificates"`
	// ClientCA is the file of the authorities that sign clients' certificates
	// (PEM), relative to the folder of this file.
	ClientCA string `yaml:"client_ca"`
	// FingerprintHeader is the request header in which trusted_proxies say how the
	// client begins TLS (JA4), where they end TLS; nobody else's is looked at.
	// Where TLS ends here it is seen and needs no header. Empty: none.
	FingerprintHeader string `yaml:"fingerprint_header"`
}

// ACME says which certificates are had from which authority (RFC 8555). The
// authority asks back by HTTP on port 80 or by TLS on port 443 of each domain: one
// of them must lead to listen or to tls.listen.
type ACME struct {
	// Domains are the names that certificates are had for, such as shop.example;
	// without wildcards. Empty: none are had.
	Domains []string `yaml:"domains"`
	// Agreed says that you have read and accept the authority's terms; without it
	// none are had.
	Agreed bool `yaml:"agreed"`
	// Email is where the authority writes to.
	Email string `yaml:"email"`
	// Directory is the URL of the authority's directory.
	Directory string `yaml:"directory"`
	// DirectoryCA is the file of the authorities that sign the directory's own
	// certificate (PEM), for one of your own; relative to the folder of this file.
	// Empty: those that the machine trusts.
	DirectoryCA string `yaml:"directory_ca"`
}

// Certificate is one certificate and its key.
type Certificate struct {
	// Certificate is the file of the certificate with its chain (PEM), the
	// server's own first, relative to the folder of this file.
	Certificate string `yaml:"certificate"`
	// Key is the file of its private key (PEM, not encrypted), likewise.
	Key string `yaml:"key"`
}

// On reports whether TLS ends here.
func (t *TLS) On() bool { return len(t.Certificates) > 0 || len(t.ACME.Domains) > 0 }

// ACMEConfig returns what certificates from an authority are had with; on is false
// where none are. The error is [Faults].
func (c *Config) ACMEConfig() (acme proxy.ACMEConfig, on bool, err error) {
	a := &c.TLS.ACME
	if len(a.Domains) == 0 {
		return acme, false, nil
	}
	acme = proxy.ACMEConfig{Domains: a.Domains, Directory: a.Directory, Email: a.Email, Storage: filepath.Join(c.DataDir, "acme")}
	if a.DirectoryCA != "" {
		if acme.Authorities, err = proxy.ReadAuthorities(c.beside(a.DirectoryCA)); err != nil {
			return acme, false, fileFaults("tls.acme.directory_ca", err)
		}
	}
	return acme, true, nil
}

// CheckTLS reads everything that TLS is made of, and forgets it. The error is
// [Faults].
func (c *Config) CheckTLS(now time.Time) error {
	var acme *proxy.ACME
	managed, on, err := c.ACMEConfig()
	if err != nil {
		return err
	}
	if on {
		acme = proxy.NewACME(managed)
		defer acme.Close()
	}
	_, err = c.OpenTLS(acme, now)
	return err
}

// OpenTLS reads the certificates; nil where TLS does not end here. acme has others,
// nil has none. The error is [Faults].
func (c *Config) OpenTLS(acme *proxy.ACME, now time.Time) (*proxy.TLS, error) {
	if !c.TLS.On() {
		return nil, nil //nolint:nilnil // nothing is what there is
	}
	opened, err := proxy.NewTLS(c.TLSConfig(acme), now)
	if err != nil {
		return nil, fileFaults("tls", err)
	}
	return opened, nil
}

// fileFaults turns what is wrong with files that the config names into faults.
func fileFaults(path string, err error) Faults {
	var faults Faults
	for line := range strings.Lines(err.Error()) {
		what, remedy := strings.TrimSpace(line), ""
		if i := strings.LastIndex(what, ": "); i >= 0 {
			what, remedy = what[:i], what[i+2:]
		}
		faults = append(faults, Fault{Path: path, Problem: what, Remedy: remedy})
	}
	return faults
}

// TLSConfig returns what a listener with TLS is made from.
func (c *Config) TLSConfig(acme *proxy.ACME) proxy.TLSConfig {
	out := proxy.TLSConfig{MinVersion: tls.VersionTLS12, ClientCA: c.beside(c.TLS.ClientCA), ACME: acme}
	if c.TLS.MinVersion == "1.3" {
		out.MinVersion = tls.VersionTLS13
	}
	switch c.TLS.ClientCertificates {
	case "request":
		out.ClientAuth = tls.VerifyClientCertIfGiven
	case "require":
		out.ClientAuth = tls.RequireAndVerifyClientCert
	}
	for _, pair := range c.TLS.Certificates {
		out.Certificates = append(out.Certificates, proxy.CertificateFiles{Certificate: c.beside(pair.Certificate), Key: c.beside(pair.Key)})
	}
	return out
}

// beside returns a path that the file names; relative ones start at its folder.
func (c *Config) beside(path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(c.dir, path)
}

func (v *checker) tls(c *Config) {
	t := &c.TLS
	for i, pair := range t.Certificates {
		path := fmt.Sprintf("tls.certificates[%d].", i)
		if pair.Certificate == "" {
			v.fault(path+"certificate", "", "is missing", "write the file of the certificate with its chain, such as shop.pem")
		}
		if pair.Key == "" {
			v.fault(path+"key", "", "is missing", "write the file of the certificate's key, such as shop.key")
		}
	}
	v.acme(&t.ACME)
	if t.MinVersion != "1.2" && t.MinVersion != "1.3" {
		v.fault("tls.min_version", t.MinVersion, "is not a version that is spoken", "write 1.2 or 1.3")
	}
	if t.FingerprintHeader != "" && !isToken(t.FingerprintHeader) {
		v.fault("tls.fingerprint_header", t.FingerprintHeader, "is not the name of a header", "write the one that your load balancer sets, such as X-JA4")
	} else if t.FingerprintHeader != "" && len(c.TrustedProxies) == 0 {
		v.fault("tls.fingerprint_header", t.FingerprintHeader, "is believed of nobody", "write the load balancer's address in trusted_proxies, or remove it")
	}
	asked := t.ClientCertificates != "none"
	switch t.ClientCertificates {
	case "none", "request", "require":
	default:
		v.fault("tls.client_certificates", t.ClientCertificates, "is not a policy", "write none, request or require")
		asked = false
	}
	switch {
	case asked && !t.On():
		v.fault("tls.client_certificates", t.ClientCertificates, "needs TLS, and there is no certificate", "write tls.certificates, or none")
	case asked && t.ClientCA == "":
		v.fault("tls.client_ca", "", "is missing", "write the file of the authorities that sign clients' certificates")
	case !asked && t.ClientCA != "":
		v.fault("tls.client_ca", t.ClientCA, "is never used", "write client_certificates: request or require, or remove it")
	}
	switch {
	case t.HTTP3 && !t.On():
		v.fault("tls.http3", "true", "needs TLS, and there is no certificate", "write tls.certificates, or remove it")
	case t.HTTP3 && len(c.ProxyProtocol) > 0:
		v.fault("tls.http3", "true", "has no way to say who the client is behind load balancers that pass TCP on", "remove it, or proxy_protocol")
	}
	v.listensApart(c)
}

func (v *checker) acme(a *ACME) {
	for i, domain := range a.Domains {
		path := fmt.Sprintf("tls.acme.domains[%d]", i)
		switch {
		case strings.HasPrefix(domain, "*."):
			v.fault(path, domain, "is a wildcard, which an authority gives by DNS only", "write each name, or get a certificate otherwise and write tls.certificates")
		case len(domain) > 253 || !hostName.MatchString(domain) || domain != strings.ToLower(domain) || strings.Contains(domain, ":"):
			v.fault(path, domain, "is not the name of a host", "write a name in lower case, such as shop.example; other alphabets in their xn-- form")
		}
	}
	if len(a.Domains) == 0 {
		return
	}
	if !a.Agreed {
		v.fault("tls.acme.agreed", "false", "the authority gives certificates only to those who accept its terms", "read them, and write agreed: true")
	}
	if u, err := url.Parse(a.Directory); err != nil || u.Scheme != "https" || u.Host == "" {
		v.fault("tls.acme.directory", a.Directory, "is not the URL of a directory", "write one with https, such as https://acme-v02.api.letsencrypt.org/directory")
	}
	if a.Email != "" && !strings.Contains(a.Email, "@") {
		v.fault("tls.acme.email", a.Email, "is not an e-mail address", "write where the authority may write to, or remove it")
	}
}

// listensApart checks that no two listeners want the same address.
func (v *checker) listensApart(c *Config) {
	if !v.address("tls.listen", c.TLS.Listen) || !c.TLS.On() {
		return
	}
	others := map[string]string{"listen": c.Listen, "admin": c.Admin}
	for _, name := range []string{"listen", "admin"} {
		var quiet checker
		if quiet.address(name, others[name]) && clash(c.TLS.Listen, others[name]) {
			v.fault("tls.listen", c.TLS.Listen, "is also the address of "+name, "write another port for one of the two")
		}
	}
}
