package proxy

import (
	"bufio"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// countedReader gives one byte at a time, so that a reader behind it takes no
// more than it needs.
type countedReader struct {
	text string
	at   int
}

func (r *countedReader) Read(b []byte) (int, error) {
	if r.at == len(r.text) {
		return 0, io.EOF
	}
	b[0] = r.text[r.at]
	r.at++
	return 1, nil
}

// requestEnds are where net/http takes the requests of a connection to end, up
// to the first that it refuses.
func requestEnds(text string) (ends []int) {
	counted := &countedReader{text: text}
	reader := bufio.NewReader(counted)
	for {
		request, err := http.ReadRequest(reader)
		if err != nil || request.ProtoMajor != 1 {
			return ends
		}
		if _, err := io.Copy(io.Discard, request.Body); err != nil {
			return ends
		}
		ends = append(ends, counted.at-reader.Buffered())
	}
}

// framingEnds are where framing takes them to end, up to a fault.
func framingEnds(text string) (ends []int, fault bool) {
	var f framing
	for i := range len(text) {
		before := f.state
		f.feed([]byte{text[i]})
		if f.blind {
			return ends, f.fault.Load() != 0
		}
		if f.state == framingStart && before != framingStart {
			ends = append(ends, i+1)
		}
	}
	return ends, f.fault.Load() != 0
}

// FuzzFraming holds the reader that follows to the reader that decides: where
// it finds no fault it must see the same requests as net/http, and how the bytes
// come must not matter.
func FuzzFraming(f *testing.F) {
	for _, seed := range []string{
		"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nX: 1\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: a\r\ncontent-length:\t07 \r\n\r\nGET / Hx",
		"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\tCHUNKED \r\n\r\n00a \r\n0123456789\r\n0\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n", "GET / HTTP/1.1\nHost: a\n\n",
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
	} {
		f.Add(seed, uint8(3))
	}
	f.Fuzz(func(t *testing.T, text string, size uint8) {
		ours, fault := framingEnds(text)
		theirs := requestEnds(text)
		for i, end := range theirs {
			if i >= len(ours) {
				if !fault {
					t.Fatalf("net/http sees a request end at %d, framing does not: %v of %q", end, ours, text)
				}
				break
			}
			if ours[i] != end {
				t.Fatalf("request %d ends at %d, framing says %d: %q", i+1, end, ours[i], text)
			}
		}
		var whole, split framing
		whole.feed([]byte(text))
		for piece := range slices.Chunk([]byte(text), int(size)+1) {
			split.feed(piece)
		}
		if whole.fault.Load() != split.fault.Load() || !whole.blind && (whole.state != split.state || whole.requests != split.requests) {
			t.Fatalf("split by %d it is another connection: %q", int(size)+1, text)
		}
	})
}

// TestFramingHoldsLittle: following a connection allocates nothing.
func TestFramingHoldsLittle(t *testing.T) {
	text := []byte("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\n\r\n" + "GET /" + strings.Repeat("a", 9000) + " HTTP/1.1\r\nHost: a\r\n\r\n")
	var f framing
	if n := testing.AllocsPerRun(100, func() { f.feed(text) }); n != 0 || f.fault.Load() != 0 || f.requests != 202 {
		t.Errorf("%v allocations, %d requests, fault %d", n, f.requests, f.fault.Load())
	}
}
