package record

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
		at := 0
		for at < len(v) && v[at] != '\n' {
			at++
		}
		if i := min(at, 5); at == len(v) || unhex(v[0]) < 0 && v[0] != ':' || !hasColon(v[:i]) {
			return false
		}
		v = v[at+1:]
	}
	return false
}

func hasColon(v []byte) bool {
	for _, b := range v {
		if b == ':' {
			return true
		}
	}
	return false
}
