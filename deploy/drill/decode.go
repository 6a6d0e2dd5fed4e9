package drill

import (
	"bytes"
	"compress/gzip"
	"io"

	"github.com/andybalholm/brotli"
)

// maxBody bounds what is read of a response, and what it decodes to, in bytes.
const maxBody = 64 << 20

// decode returns what a client can read of a body, also of one that was cut.
func decode(encoding string, body []byte) []byte {
	var plain io.Reader
	switch encoding {
	case "gzip":
		z, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			return nil // not even the header came.
		}
		plain = z
	case "br":
		plain = brotli.NewReader(bytes.NewReader(body))
	default:
		return body
	}
	out, _ := io.ReadAll(io.LimitReader(plain, maxBody)) // as far as it goes.
	return out
}
