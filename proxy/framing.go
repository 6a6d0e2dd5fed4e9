package proxy

import (
	"bytes"
	"strings"
	"sync/atomic"
)

// framing reads along with net/http on an HTTP/1 connection and finds what the
// standard library mends without a word, so that the WAF, the platform and
// whatever stands between could read two different requests (RFC 9112, 11.2):
// obs-fold, a line that ends in LF alone, two Content-Lengths, a Content-Length
// beside Transfer-Encoding, a coding other than chunked, CR or NUL within a line.
// The handler asks [framing.faulty] and answers 400.
//
// It follows the bodies only to know where the next header begins; what it does
// not understand is a fault, so a disagreement about that ends the connection.
// It holds one line's first bytes. A connection that turns into HTTP/2 or is
// upgraded is no longer followed. feed is called by one goroutine at a time.
type framing struct {
	state   framingState
	blind   bool
	cr      bool  // the last byte was a CR
	chunked bool  // Transfer-Encoding: chunked was seen in this header
	lengths int   // Content-Length lines of this header
	left    int64 // bytes of the body, or of the chunk, still to come
	length  int   // of the line so far
	line    [maxFramingLine]byte
	version [len(http10)]byte // how the request line ends
	// requests counts request lines; fault is which of them is at fault, 0: none.
	// Everything behind a fault is at fault, too.
	requests int64
	fault    atomic.Int64
	served   int64 // requests that the handler has asked about
}

// http10 is how a request line of HTTP/1.0 ends. There a Transfer-Encoding is not
// read by some, and by others is (RFC 9112, 6.1).
const http10 = "HTTP/1.0\r"

// maxFramingLine is how much of a line is looked at: the name and the value of
// the fields that frame a body are shorter, or a fault.
const maxFramingLine = 128

type framingState uint8

const (
	framingStart     framingState = iota // of a request: its line
	framingHeader                        // lines of a header
	framingBody                          // left bytes of a body
	framingChunkSize                     // the line before a chunk
	framingChunk                         // left bytes of a chunk
	framingChunkEnd                      // the CRLF behind a chunk
	framingTrailer                       // lines behind the last chunk
)

// faulty reports whether the request that the handler was just given is at
// fault in what has been read of it so far, its body included.
func (f *framing) faulty(request int64) bool {
	fault := f.fault.Load()
	return fault != 0 && fault <= request
}

// next returns the number of the request that the handler was just given.
// net/http gives it every one that it can parse, one after the other.
func (f *framing) next() int64 {
	f.served++
	return f.served
}

// feed takes bytes as net/http reads them.
func (f *framing) feed(p []byte) {
	for len(p) > 0 && !f.blind {
		if f.state == framingBody || f.state == framingChunk {
			n := min(f.left, int64(len(p)))
			p = p[n:]
			if f.left -= n; f.left == 0 {
				f.bodyRead()
			}
			continue
		}
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			f.take(p)
			return
		}
		f.take(p[:i])
		p = p[i+1:]
		f.endLine()
	}
}

func (f *framing) bodyRead() {
	if f.state == framingChunk {
		f.state = framingChunkEnd
	} else {
		f.state = framingStart
	}
}

// take adds a piece without LF to the line.
func (f *framing) take(piece []byte) {
	if len(piece) == 0 {
		return
	}
	at := bytes.IndexByte(piece, '\r')
	if f.cr || at >= 0 && at < len(piece)-1 || bytes.IndexByte(piece, 0) >= 0 {
		f.fail()
		return
	}
	f.cr = at >= 0
	if f.length < maxFramingLine {
		copy(f.line[f.length:], piece)
	}
	if f.state == framingStart {
		n := copy(f.version[:], f.version[min(len(piece), len(http10)):])
		copy(f.version[n:], piece[max(len(piece)-len(http10), 0):])
	}
	f.length += len(piece)
}

// fail marks the request that is being read.
func (f *framing) fail() {
	at := f.requests
	if f.state == framingStart {
		at++
	}
	f.fault.Store(at)
	f.blind = true
}

func (f *framing) endLine() {
	if f.blind {
		return
	}
	if !f.cr {
		f.fail()
		return
	}
	length := f.length - 1
	line := f.line[:min(length, maxFramingLine)]
	f.length, f.cr = 0, false
	switch f.state {
	case framingStart:
		f.requests++
		f.state, f.lengths, f.chunked, f.left = framingHeader, 0, false, 0
		// HTTP/2 with prior knowledge (RFC 9113, 3.4) has frames of its own.
		f.blind = string(line) == "PRI * HTTP/2.0"
	case framingHeader:
		f.headerLine(line, length)
	case framingChunkSize:
		f.chunkSize(line)
	case framingChunkEnd:
		if length != 0 {
			f.fail()
			return
		}
		f.state = framingChunkSize
	case framingTrailer:
		if length == 0 {
			f.state = framingStart
		} else if line[0] == ' ' || line[0] == '\t' {
			f.fail()
		}
	case framingBody, framingChunk: // no lines
	}
}

// headerLine takes a line of a header, of which line is the beginning.
func (f *framing) headerLine(line []byte, length int) {
	if length == 0 {
		f.headerRead()
		return
	}
	if line[0] == ' ' || line[0] == '\t' { // obs-fold (RFC 9112, 5.2)
		f.fail()
		return
	}
	name, value, _ := bytes.Cut(line, []byte(":"))
	is := func(field string) bool { return len(name) == len(field) && strings.EqualFold(string(name), field) }
	switch {
	case is("Content-Length"):
		var ok bool
		f.left, ok = decimal(blanked(value))
		if f.lengths++; !ok || f.lengths > 1 || length > len(line) {
			f.fail()
		}
	case is("Transfer-Encoding"):
		if f.chunked || length > len(line) || string(f.version[:]) == http10 || !bytes.EqualFold(blanked(value), []byte("chunked")) {
			f.fail()
		}
		f.chunked = true
	}
}

func (f *framing) headerRead() {
	switch {
	case f.chunked && f.lengths > 0:
		f.fail()
	case f.chunked:
		f.state = framingChunkSize
	case f.left > 0:
		f.state = framingBody
	default:
		f.state = framingStart
	}
}

// chunkSize takes the line before a chunk. What follows the size (a chunk
// extension, RFC 9112, 7.1.1) goes no further than the gateway.
func (f *framing) chunkSize(line []byte) {
	digits := line
	if i := bytes.IndexAny(line, "; \t"); i >= 0 {
		digits = line[:i]
	}
	var n int64
	for _, b := range digits {
		d := unhexDigit(b)
		if d < 0 || n > 1<<58 {
			f.fail()
			return
		}
		n = n<<4 | int64(d)
	}
	switch {
	case len(digits) == 0:
		f.fail()
	case n == 0:
		f.state = framingTrailer
	default:
		f.left, f.state = n, framingChunk
	}
}

// blanked cuts optional whitespace off (OWS, RFC 9110, 5.6.3).
func blanked(value []byte) []byte { return bytes.Trim(value, " \t") }

// decimal reads what a Content-Length may be: digits alone (RFC 9110, 8.6).
func decimal(digits []byte) (n int64, ok bool) {
	if len(digits) == 0 || len(digits) > 18 {
		return 0, false
	}
	for _, b := range digits {
		if b < '0' || b > '9' {
			return 0, false
		}
		n = n*10 + int64(b-'0')
	}
	return n, true
}

func unhexDigit(b byte) int {
	switch {
	case b >= '0' && b <= '9':
		return int(b - '0')
	case b|0x20 >= 'a' && b|0x20 <= 'f':
		return int(b|0x20-'a') + 10
	}
	return -1
}
