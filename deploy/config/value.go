package config

import (
	"encoding/hex"
	"net/url"
	"strconv"
	"strings"
)

// problem is what is wrong with the text of one value; nil when nothing is.
type problem struct{ what, remedy string }

// Limit is how many subjects may be disclosed: 0 allows none, which is the
// zero value; [Unlimited] sets no limit.
type Limit int

// Unlimited is the Limit that limits nothing, written as unlimited.
const Unlimited Limit = -1

// maxLimit bounds a written limit, so that sums and products stay far from
// overflow.
const maxLimit = 10_000_000

func parseLimit(text string) (Limit, *problem) {
	const remedy = "write how many subjects may be disclosed, such as 3"
	if text == "unlimited" {
		return Unlimited, nil
	}
	n, err := strconv.Atoi(text)
	switch {
	case err != nil:
		return 0, &problem{"is not a whole number", remedy}
	case n < 0:
		return 0, &problem{"is less than 0", remedy + ", or unlimited"}
	case n > maxLimit:
		return 0, &problem{"is more than " + strconv.Itoa(maxLimit), remedy + ", or unlimited"}
	}
	return Limit(n), nil
}

// String returns the limit as it is written in the file.
func (l Limit) String() string {
	if l < 0 {
		return "unlimited"
	}
	return strconv.Itoa(int(l))
}

// tighter returns the smaller limit.
func tighter(a, b Limit) Limit {
	if a < 0 || b >= 0 && b < a {
		return b
	}
	return a
}

// Size is a number of bytes.
type Size int64

// maxSize bounds a written size, in bytes: 1 TiB.
const maxSize Size = 1 << 40

// sizeUnit is one suffix of a size.
type sizeUnit struct {
	suffix string
	bytes  Size
}

// sizeUnits returns the suffixes, largest first; longer ones come before
// those that they end in.
func sizeUnits() []sizeUnit {
	return []sizeUnit{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}, {"KB", 1e3}, {"B", 1}}
}

func parseSize(text string) (Size, *problem) {
	const remedy = "write bytes, such as 65536, 64KiB or 1MiB"
	digits, unit := text, Size(1)
	for _, u := range sizeUnits() {
		if before, ok := strings.CutSuffix(text, u.suffix); ok {
			digits, unit = strings.TrimSpace(before), u.bytes
			break
		}
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	switch {
	case err != nil:
		return 0, &problem{"is not a size", remedy}
	case n < 0:
		return 0, &problem{"is less than 0", remedy}
	case n > int64(maxSize/unit):
		return 0, &problem{"is more than 1024GiB", remedy}
	}
	return Size(n) * unit, nil
}

// String returns the size as it is written in the file, exactly.
func (s Size) String() string {
	for _, u := range sizeUnits()[:3] {
		if s >= u.bytes && s%u.bytes == 0 {
			return strconv.FormatInt(int64(s/u.bytes), 10) + u.suffix
		}
	}
	return strconv.FormatInt(int64(s), 10)
}

// Overflow says what happens to a request body beyond its limit. The zero
// value refuses.
type Overflow uint8

// The policies for a body beyond its limit.
const (
	OverflowRefuse Overflow = iota // 413
	OverflowStream                 // pass on what follows without inspecting it
)

// String returns the policy as it is written in the file.
func (o Overflow) String() string {
	if o == OverflowStream {
		return "stream"
	}
	return "refuse"
}

// Secret is a text that is never printed: [Secret.String] and everything
// built on it show only that there is one. Use [Secret.Reveal] for the text.
type Secret struct{ text string }

// NewSecret wraps a text.
func NewSecret(text string) Secret { return Secret{text} }

// Reveal returns the text.
func (s Secret) Reveal() string { return s.text }

// IsZero reports whether there is no secret.
func (s Secret) IsZero() bool { return s.text == "" }

// String returns a stand-in.
func (s Secret) String() string {
	if s.text == "" {
		return ""
	}
	return "(hidden)"
}

// GoString returns a stand-in, for %#v.
func (s Secret) GoString() string { return "config.Secret{" + s.String() + "}" }

// MarshalText writes a stand-in.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// SHA256 is the digest of a declared credential. The zero value means none.
type SHA256 [32]byte

// IsZero reports whether there is no digest.
func (d SHA256) IsZero() bool { return d == SHA256{} }

// String returns the digest in lower-case hexadecimal, empty for none.
func (d SHA256) String() string {
	if d.IsZero() {
		return ""
	}
	return hex.EncodeToString(d[:])
}

func parseSHA256(text string) (SHA256, *problem) {
	var d SHA256
	if len(text) != 2*len(d) || !decodeHex(d[:], text) {
		return SHA256{}, &problem{
			"is not 64 hexadecimal characters",
			"write the SHA-256 of the credential, never the credential: printf %s \"$KEY\" | sha256sum",
		}
	}
	if d.IsZero() {
		return SHA256{}, &problem{"is all zeros", "write the SHA-256 of the credential"}
	}
	return d, nil
}

// decodeHex fills dst from twice as many hexadecimal characters; the caller
// has checked how many, because hex.Decode panics when there are more.
func decodeHex(dst []byte, text string) bool {
	_, err := hex.Decode(dst, []byte(text))
	return err == nil
}

// URL is the address of an upstream: scheme http or https, host, and perhaps
// a path that goes before every request's path. The zero value means none.
type URL struct{ u url.URL }

// URL returns a copy for net/http.
func (u URL) URL() *url.URL { out := u.u; return &out }

// IsZero reports whether there is no URL.
func (u URL) IsZero() bool { return u.u.Host == "" }

// String returns the URL as it is written in the file.
func (u URL) String() string { return u.u.String() }

func parseURL(text string) (URL, *problem) {
	if text == "" {
		return URL{}, nil // none; validation says where one is needed
	}
	const remedy = "write the platform's address, such as http://127.0.0.1:3000"
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return URL{}, &problem{"is not a URL", remedy}
	case u.Scheme != "http" && u.Scheme != "https":
		return URL{}, &problem{"is neither http:// nor https://", remedy}
	case u.Hostname() == "" || u.Opaque != "":
		return URL{}, &problem{"has no host", remedy}
	case u.User != nil:
		return URL{}, &problem{"names a user", "remove the user and password; the gateway passes the client's own credentials on"}
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.Contains(text, "#"):
		return URL{}, &problem{"has a query or a fragment", "remove it; every request brings its own query"}
	case !validPort(u.Port(), 1) && u.Port() != "" || strings.HasSuffix(u.Host, ":"):
		return URL{}, &problem{"has a port that does not exist", "write a port from 1 to 65535, or none"}
	case u.String() != text:
		return URL{}, &problem{"has characters that must be escaped", "write " + quoted(u.String())}
	}
	return URL{*u}, nil
}

// validPort reports whether a port is a number from least to 65535.
func validPort(port string, least uint64) bool {
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n >= least
}
