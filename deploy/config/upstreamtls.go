package config

import (
	"time"

	"github.com/ordergate/ordergate/proxy"
)

// UpstreamTLS says how TLS is made to the platform.
type UpstreamTLS struct {
	// Certificate is the file of the certificate that the platform is shown, with
	// its chain (PEM), relative to the folder of this file; it is read again when it
	// changes. Empty: none.
	Certificate string `yaml:"certificate"`
	// Key is the file of its private key (PEM, not encrypted), likewise.
	Key string `yaml:"key"`
	// CA is the file of the authorities that sign the platform's certificates
	// (PEM). Empty: those that the machine trusts.
	CA string `yaml:"ca"`
	// ServerName is the name that the platform's certificate must have, and that is
	// asked for (SNI). Empty: the host of its URL.
	ServerName string `yaml:"server_name"`
}

// OpenUpstreamTLS reads the files; nil where the standard way is meant. The
// error is [Faults].
func (c *Config) OpenUpstreamTLS(now time.Time) (*proxy.UpstreamTLS, error) {
	opened, faults := c.openUpstreamTLS("upstream_tls", c.UpstreamTLS, now)
	return opened, faults.err()
}

func (c *Config) openUpstreamTLS(path string, u UpstreamTLS, now time.Time) (*proxy.UpstreamTLS, Faults) {
	if u == (UpstreamTLS{}) {
		return nil, nil
	}
	opened, err := proxy.NewUpstreamTLS(proxy.UpstreamTLSConfig{
		Certificate: proxy.CertificateFiles{Certificate: c.beside(u.Certificate), Key: c.beside(u.Key)},
		CA:          c.beside(u.CA), ServerName: u.ServerName,
	}, now)
	if err != nil {
		return nil, fileFaults(path, err)
	}
	return opened, nil
}

// upstreamTLS checks how TLS is made to some servers.
func (v *checker) upstreamTLS(path string, u UpstreamTLS, list []Upstream) {
	if u == (UpstreamTLS{}) {
		return
	}
	if u.Certificate != "" && u.Key == "" {
		v.fault(path+".key", "", "is missing", "write the file of the certificate's key")
	}
	if u.Certificate == "" && u.Key != "" {
		v.fault(path+".certificate", "", "is missing", "write the file of the key's certificate")
	}
	for _, server := range list {
		if server.URL.URL().Scheme == "https" {
			return
		}
	}
	v.fault(path, "", "is never used, because no upstream is https", "write https:// in the platform's URL, or remove it")
}
