package record

import (
	"bytes"
	"net/url"
)

// escapedAt is the @ of an address in a URL (RFC 3986, section 2.1).
var escapedAt = []byte("%40")

// escaped takes the addresses in the URLs of a line, as logs of requests have them:
// GET /unsubscribe?email=ada%40lund.example. It returns where the rest of a long
// line begins, which may hold the start of one more.
func (p *prose) escaped(line []byte, start int64) (rest int) {
	rest = len(line)
	for from := 0; ; {
		at := bytes.Index(line[from:], escapedAt)
		if at < 0 {
			break
		}
		at += from
		first, end := at, at+len(escapedAt)
		for first > from && at-first < maxEmail && urlByte(line[first-1]) {
			first--
		}
		for end < len(line) && end-at < maxEmail && urlByte(line[end]) {
			end++
		}
		if from = end; end == len(line) && len(line) >= maxLine {
			rest = first // its end is still to come
			break
		}
		plain, err := url.QueryUnescape(string(line[first:end]))
		if err != nil {
			continue
		}
		if email, is := wholeEmail([]byte(plain), inText); is {
			p.g.email(class{}, email, start, true)
		}
	}
	return max(rest, maxLine*3/4)
}

// urlByte reports whether a byte may stand in a value of a URL's query.
func urlByte(b byte) bool {
	return emailByte[b]&3 != 0 && b != '=' && b != '&' && b != '#' && b != '\''
}
