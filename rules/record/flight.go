package record

import "bytes"

// flightRow reports whether a text begins as a row of React's Flight format does,
// which Next.js sends as text/x-component and in the scripts of its pages: an id
// in hexadecimal, a colon and JSON (react-server, ReactFlightServer.emitModelChunk).
// Rows of other kinds have a letter behind the colon and no JSON of interest.
func flightRow(v []byte) bool {
	i := 0
	for i < len(v) && unhex(v[i]) >= 0 {
		i++
	}
	return i > 0 && i <= 4 && i+2 < len(v) && v[i] == ':' && (v[i+1] == '[' || v[i+1] == '{') && (v[i+2] == '"' || v[i+2] == '{' || v[i+2] == '[')
}

// flightText is flightRow for a text that may begin with rows of other kinds.
func flightText(v []byte) bool {
	for n := 0; n < 8 && len(v) > 0; n++ {
		if flightRow(v) {
			return true
		}
		row, rest, ended := bytes.Cut(v, []byte{'\n'})
		if !ended || unhex(v[0]) < 0 && v[0] != ':' || bytes.IndexByte(row[:min(len(row), 5)], ':') < 0 {
			return false
		}
		v = rest
	}
	return false
}
