package record

import (
	"bytes"
	"io"
	"unicode/utf8"
)

// MaxLabel is how many bytes of a body [Mislabelled] wants to see.
const MaxLabel = maxSniff

// Mislabelled reports whether a body whose Content-Type is not [Inspectable] begins
// like something that the finder reads all the same: a file server names types by the
// end of a file's name, and calls a backup in users.json.png a picture. head is what the
// body begins with, under its Content-Encoding, at most [MaxLabel] bytes. A style
// sheet is text like any other: it is only told from JSON, markup and documents. A
// picture in SVG is markup, and one.
func Mislabelled(contentType, encoding string, head []byte) bool {
	if encoding != "" && encoding != "identity" {
		head = decodedHead(encoding, head)
	}
	if len(head) == 0 {
		return false
	}
	switch mediaType(contentType) {
	case "text/css":
		return sniff(formOpaque, head) != formOpaque
	case "image/svg+xml":
		return !bytes.HasPrefix(bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xEF\xBB\xBF")), " \t\r\n"), []byte("<")) && sniff(formUnknown, head) != formOpaque
	case "audio/mpegurl", "audio/x-mpegurl", "application/vnd.apple.mpegurl", "application/x-mpegurl":
		return sniff(formOpaque, head) != formOpaque // lists of pieces are text, and what they are called
	}
	if !utf8.Valid(head[:max(len(head)-utf8.UTFMax+1, 0)]) { // the end may be cut
		return sniff(formOpaque, head) != formOpaque
	}
	return sniff(formUnknown, head) != formOpaque
}

// decodedHead returns what head decodes to; nothing where it does not.
func decodedHead(encoding string, head []byte) []byte {
	d, _, err := NewDecoder(encoding, bytes.NewReader(head))
	if err != nil {
		return nil
	}
	defer d.Close() //nolint:errcheck // reads from memory only
	text := make([]byte, maxSniff)
	n, _ := io.ReadFull(d, text) // a head ends before its body
	return text[:n]
}
