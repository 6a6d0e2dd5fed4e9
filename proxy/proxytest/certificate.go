package proxytest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/ordergate/ordergate/proxy"
)

// Authority signs certificates of a test.
type Authority struct {
	testing.TB
	Pool        *x509.CertPool
	certificate *x509.Certificate
	key         crypto.Signer
	serial      int64
}

// NewAuthority makes an authority whose certificates nobody else trusts.
func NewAuthority(tb testing.TB) *Authority {
	tb.Helper()
	a := &Authority{TB: tb, Pool: x509.NewCertPool(), key: newKey(tb, false)}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Test Authority"},
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(48 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, a.key.Public(), a.key)
	if err != nil {
		tb.Fatal(err)
	}
	if a.certificate, err = x509.ParseCertificate(der); err != nil {
		tb.Fatal(err)
	}
	a.Pool.AddCert(a.certificate)
	a.serial = 1
	return a
}

// Leaf is what a certificate is to be; zero dates mean a day before and after.
type Leaf struct {
	Names         []string
	RSA           bool // the key; ECDSA otherwise
	Before, After time.Time
}

// Issue returns a certificate for servers and clients.
func (a *Authority) Issue(leaf Leaf) tls.Certificate {
	a.Helper()
	a.serial++
	key := newKey(a.TB, leaf.RSA)
	if leaf.Before.IsZero() {
		leaf.Before = time.Now().Add(-24 * time.Hour)
	}
	if leaf.After.IsZero() {
		leaf.After = time.Now().Add(24 * time.Hour)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(a.serial), DNSNames: leaf.Names, NotBefore: leaf.Before, NotAfter: leaf.After,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.key)
	if err != nil {
		a.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		a.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: parsed}
}

// Write issues a certificate and writes it with its key as name.pem and name.key.
func (a *Authority) Write(dir, name string, leaf Leaf) proxy.CertificateFiles {
	a.Helper()
	pair := a.Issue(leaf)
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		a.Fatal(err)
	}
	files := proxy.CertificateFiles{Certificate: filepath.Join(dir, name+".pem"), Key: filepath.Join(dir, name+".key")}
	writePEM(a.TB, files.Certificate, "CERTIFICATE", pair.Certificate[0])
	writePEM(a.TB, files.Key, "PRIVATE KEY", key)
	return files
}

// WriteCA writes the authority's own certificate as ca.pem.
func (a *Authority) WriteCA(dir string) string {
	a.Helper()
	path := filepath.Join(dir, "ca.pem")
	writePEM(a.TB, path, "CERTIFICATE", a.certificate.Raw)
	return path
}

func newKey(tb testing.TB, rsaKey bool) crypto.Signer {
	tb.Helper()
	if rsaKey {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			tb.Fatal(err)
		}
		return key
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

// writePEM puts a new file in the place of an older one, so that a reader finds
// the one or the other.
func writePEM(tb testing.TB, path, kind string, der []byte) {
	tb.Helper()
	fresh := path + ".new"
	if err := os.WriteFile(fresh, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		tb.Fatal(err)
	}
	if err := os.Rename(fresh, path); err != nil {
		tb.Fatal(err)
	}
}
