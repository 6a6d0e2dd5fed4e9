package record

import (
	"bytes"
)

// horizon tells where in a piece of text the next @ stands, so that a value is
// known to have none without being read: the piece is searched once, at the
// speed of [bytes.IndexByte].
type horizon struct{ at int }

// clear reports whether p[from:end] holds no @ that could be an address's.
// Calls go upwards in p, and h is zero before the first.
func (h *horizon) clear(p []byte, from, end int) bool {
	if end <= h.at {
		return true
	}
	if h.at < from {
		h.at = from + nextAt(p[from:])
	}
	return end <= h.at
}

// nextAt returns where the next @ stands, or len(p). The one in the name of a
// picture's larger version (logo@2x.png) is none, see [assetName].
func nextAt(p []byte) int {
	for from := 0; ; {
		at := bytes.IndexByte(p[from:], '@')
		if at < 0 {
			return len(p)
		}
		at += from
		if at+4 >= len(p) || p[at+1]-'1' > 8 || p[at+2] != 'x' || p[at+3] != '.' || p[at+4]|0x20-'a' > 25 {
			return at
		}
		from = at + 4
	}
}
