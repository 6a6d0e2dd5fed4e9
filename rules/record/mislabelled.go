package record

import (
	"bytes"
	"hash/maphash"
	"io"
	"sync/atomic"
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
//
// Compressed heads that were seen lately are known again: a decoder for each style
// sheet would cost 60 µs (gzip) to 2 ms (zstd). Safe for concurrent use.
func Mislabelled(contentType, encoding string, head []byte) bool {
	if encoding == "" || encoding == "identity" {
		return lies(contentType, head)
	}
	told, is, known := labels.get(contentType, encoding, head)
	if !known {
		is = lies(contentType, decodedHead(encoding, head))
		told.set(is)
	}
	return is
}

// labelPlaces is how many verdicts about compressed heads are kept: 8 KiB.
const labelPlaces = 1024

// labels are those verdicts, each in the place that its hash names.
var labels = headVerdicts{seed: maphash.MakeSeed()}

// headVerdicts keeps verdicts by 62 bits of a hash whose seed nobody knows; the last
// bit is the verdict. A place that is taken is overwritten.
type headVerdicts struct {
	seed   maphash.Seed
	places [labelPlaces]atomic.Uint64
}

// headVerdict is a place for one.
type headVerdict struct {
	place *atomic.Uint64
	hash  uint64 // its last bit is 0, another is 1
}

func (h headVerdict) set(lies bool) {
	if lies {
		h.hash |= 1
	}
	h.place.Store(h.hash)
}

// get returns the place of a head, and its verdict where that is known.
func (v *headVerdicts) get(contentType, encoding string, head []byte) (place headVerdict, lies, known bool) {
	var h maphash.Hash
	h.SetSeed(v.seed)
	for _, part := range [...]string{contentType, encoding} {
		_, _ = h.WriteString(part) // never fails
		_ = h.WriteByte(0)         // likewise
	}
	_, _ = h.Write(head) // likewise
	sum := h.Sum64()
	place = headVerdict{&v.places[sum%labelPlaces], sum&^1 | 1<<63}
	kept := place.place.Load()
	return place, kept&1 == 1, kept&^1 == place.hash
}

// lies is Mislabelled for a head that is not compressed.
func lies(contentType string, head []byte) bool {
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
