package proxy

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"

	"github.com/ordergate/ordergate/rules/record"
)

// compressors are the encodings of FuzzTapRelease, by its second argument.
var compressors = []struct {
	name string
	open func(io.Writer) (io.WriteCloser, error)
}{
	{"identity", func(w io.Writer) (io.WriteCloser, error) {
		return struct {
			io.Writer
			io.Closer
		}{w, io.NopCloser(nil)}, nil
	}},
	{"gzip", func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriterLevel(w, flate.BestSpeed) }},
	{"br", func(w io.Writer) (io.WriteCloser, error) { return brotli.NewWriterLevel(w, 1), nil }},
	{"zstd", func(w io.Writer) (io.WriteCloser, error) { return zstd.NewWriter(w, zstd.WithEncoderConcurrency(1)) }},
}

// decodable returns how many bytes a client could decode of a prefix.
func decodable(t *testing.T, encoding string, prefix []byte) int64 {
	t.Helper()
	decoder, _, err := record.NewDecoder(encoding, bytes.NewReader(prefix))
	if err != nil {
		return 0
	}
	defer decoder.Close() //nolint:errcheck // reads from memory
	n, _ := io.Copy(io.Discard, decoder)
	return n
}

// FuzzTapRelease: whatever the chunks and the encoding, the original bytes
// that may go never decode to more than what was accounted for; and in the end
// all of them have gone, unchanged.
func FuzzTapRelease(f *testing.F) {
	f.Add([]byte("hello"), uint8(0), uint8(3))
	f.Add([]byte(strings.Repeat("a customer ", 9000)), uint8(1), uint8(200))
	f.Add([]byte(strings.Repeat("0123456789abcdef", 5000)), uint8(2), uint8(17))
	f.Add([]byte(strings.Repeat("\x00\xff\x17", 70000)), uint8(3), uint8(255))
	random := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 120_000) // compresses little: many reads, and decoded bytes held back at most of them
	for i := range noise {
		noise[i] = "0123456789abcdef"[random.IntN(16)]
	}
	for encoding := range compressors {
		f.Add(noise, uint8(encoding), uint8(0))
		f.Add(noise, uint8(encoding), uint8(255))
	}
	f.Fuzz(func(t *testing.T, text []byte, encoding, chunk uint8) {
		c := compressors[int(encoding)%len(compressors)]
		var encoded bytes.Buffer
		w, err := c.open(&encoded)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = w.Write(text)
		_ = w.Close()
		var source io.Reader = bytes.NewReader(encoded.Bytes())
		if chunk%2 == 1 {
			source = iotest.HalfReader(source)
		}
		tap := &tap{source: source, plain: c.name == "identity"}
		decoder, lag, err := record.NewDecoder(c.name, tap)
		if err != nil {
			t.Fatal(err)
		}
		defer decoder.Close() //nolint:errcheck // reads from memory
		tap.lag = int64(lag)
		piece := make([]byte, 64*(int(chunk)+1))
		var released []byte
		for {
			n, err := decoder.Read(piece)
			tap.decoded += int64(n)
			done := err == io.EOF //nolint:errorlint // io.Reader's contract
			if err != nil && !done {
				t.Fatal(err)
			}
			to := tap.releasable(tap.decoded, done)
			if !done && to > tap.from {
				if got := decodable(t, c.name, encoded.Bytes()[:to]); got > tap.decoded {
					t.Fatalf("%s: %d original bytes may go, they decode to %d, and %d were accounted for", c.name, to, got, tap.decoded)
				}
			}
			for tap.from < to {
				n := tap.release(piece, to)
				released = append(released, piece[:n]...)
			}
			if done {
				break
			}
		}
		if !bytes.Equal(released, encoded.Bytes()) {
			t.Errorf("%s: %d of %d bytes went, or others", c.name, len(released), encoded.Len())
		}
	})
}
