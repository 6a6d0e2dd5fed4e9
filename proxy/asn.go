package proxy

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/oschwald/maxminddb-golang/v2"
)

// maxASNFile bounds a database of network operators, in bytes; GeoLite2-ASN
// has about 10 MB.
const maxASNFile = 256 << 20

// ASN says which network operator (autonomous system, RFC 1930) an address
// belongs to, from a MaxMind DB. Safe for concurrent use; nil knows nothing. Make one
// with OpenASN.
type ASN struct {
	path    string
	current atomic.Pointer[maxminddb.Reader]

	mu     sync.Mutex
	stamps []stamp
}

// OpenASN reads a database wholly into memory: a file that is written over in
// place must not end the process, as it would one that is mapped. The error names
// the file and what to do.
func OpenASN(path string) (*ASN, error) {
	a := &ASN{path: path, stamps: stampsOf([]string{path})}
	reader, err := readASN(path)
	if err != nil {
		return nil, err
	}
	a.current.Store(reader)
	return a, nil
}

// Renew reads the file again if it has changed since it was read last, and
// reports whether it had. On an error the older database stays; it is told once for
// each change.
func (a *ASN) Renew() (changed bool, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	stamps := stampsOf([]string{a.path})
	if sameStamps(stamps, a.stamps) {
		return false, nil
	}
	a.stamps = stamps
	reader, err := readASN(a.path)
	if err != nil {
		return true, err
	}
	a.current.Store(reader)
	return true, nil
}

// number returns the operator of an address; 0: not known.
func (a *ASN) number(addr netip.Addr) uint64 {
	if a == nil || !addr.IsValid() {
		return 0
	}
	var operator struct {
		Number uint64 `maxminddb:"autonomous_system_number"`
	}
	if a.current.Load().Lookup(addr.WithZone("")).Decode(&operator) != nil {
		return 0 // the whole file was verified: an odd entry is nobody's
	}
	return operator.Number
}

func readASN(path string) (*maxminddb.Reader, error) {
	f, err := os.Open(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%s: does not exist: look at the path, which is relative to the config file", path)
	case err != nil:
		return nil, fmt.Errorf("%s: cannot be opened: %w: look at its permissions and the disk", path, err)
	}
	defer f.Close() //nolint:errcheck // nothing was written
	text, err := io.ReadAll(io.LimitReader(f, maxASNFile+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: cannot be read: %w: look at the path and the disk", path, err)
	case len(text) > maxASNFile:
		return nil, fmt.Errorf("%s: is larger than 256 MiB: take a database of autonomous systems alone", path)
	}
	reader, err := maxminddb.OpenBytes(text)
	if err == nil {
		err = reader.Verify()
	}
	if err != nil {
		return nil, fmt.Errorf("%s: is not a sound MaxMind DB (%w): download it again", path, err)
	}
	if kind := reader.Metadata.DatabaseType; !strings.Contains(strings.ToUpper(kind), "ASN") && !strings.Contains(strings.ToUpper(kind), "ISP") {
		return nil, fmt.Errorf("%s: is a database of type %q: take one of autonomous systems, such as GeoLite2-ASN", path, kind)
	}
	return reader, nil
}
