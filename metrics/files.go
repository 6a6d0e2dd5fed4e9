package metrics

import "time"

// FileKind is a kind of files that are read again while the process runs, or had
// again from an authority. The numbers are small and without gaps.
type FileKind uint8

// The kinds of files.
const (
	FilesCertificates FileKind = iota // for TLS
	FilesASN                          // network operators
	FilesUpstream                     // the certificate that the platform is shown
	FilesACME                         // certificates from an authority
	FilesKey                          // the ledger's key
	fileKinds
)

// FileKinds returns every kind, in order.
func FileKinds() []FileKind {
	return []FileKind{FilesCertificates, FilesASN, FilesUpstream, FilesACME, FilesKey}
}

// String returns the stable name; a value out of range is "other".
func (k FileKind) String() string {
	if k >= fileKinds {
		return other
	}
	return [fileKinds]string{"certificates", "asn", "upstream", "acme", "ledger_key"}[k]
}

// FilesRead says whether the files of a kind could be used when they were read
// last. A kind out of range is ignored.
func (m *Metrics) FilesRead(kind FileKind, ok bool) {
	if kind >= fileKinds {
		return
	}
	value := 0.0
	if ok {
		value = 1
	}
	m.files[kind].Set(value)
}

// CertificateExpiry sets when the first of the certificates that are shown ends.
// The zero time stands for none.
func (m *Metrics) CertificateExpiry(at time.Time) {
	if at.IsZero() {
		m.expiry.Set(0)
		return
	}
	m.expiry.Set(float64(at.Unix()))
}
