package record

import (
	"bytes"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
)

func encode(t testing.TB, encoding string, body []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	switch encoding {
	case "gzip":
		w = gzip.NewWriter(&b)
	case "deflate":
		w = zlib.NewWriter(&b)
	case "raw":
		w, _ = flate.NewWriter(&b, 6)
	case "br":
		w = brotli.NewWriter(&b)
	case "zstd":
		w, _ = zstd.NewWriter(&b, zstd.WithEncoderConcurrency(1))
	default:
		return body
	}
	for len(body) > 0 { // a server that flushes now and then
		n := min(len(body), 40000)
		_, _ = w.Write(body[:n])
		if f, ok := w.(interface{ Flush() error }); ok && n%3 == 0 {
			_ = f.Flush()
		}
		body = body[n:]
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func decodeAll(encoding string, coded []byte) ([]byte, error) {
	d, _, err := NewDecoder(encoding, bytes.NewReader(coded))
	if err != nil {
		return nil, err
	}
	defer func() { _ = d.Close() }()
	return io.ReadAll(d)
}

func bodies() map[string][]byte {
	rng := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 300000)
	for i := range noise {
		noise[i] = byte(rng.Uint32())
	}
	return map[string][]byte{
		"empty": {}, "short": []byte("hello"), "json": customersJSON(500), "noise": noise,
		"zeros": make([]byte, 3<<20), "mixed": append(append(customersJSON(200), noise...), make([]byte, 1<<20)...),
	}
}

// watch reads a coded body in pieces and checks at each request for input that
// no more than lag is held.
type watch struct {
	t         *testing.T
	coded     []byte
	at        int
	piece     func() int
	encoding  string
	lag       int
	delivered *int
	checks    int
}

func (w *watch) Read(p []byte) (int, error) {
	if w.checks < 60 && w.at > 0 {
		w.checks++
		// What a client could make of the prefix; its error is that it breaks off.
		plain, _ := decodeAll(w.encoding, w.coded[:w.at])
		if len(plain) > *w.delivered+w.lag {
			w.t.Fatalf("%d of %d bytes decode to %d, delivered %d, lag %d", w.at, len(w.coded), len(plain), *w.delivered, w.lag)
		}
	}
	if w.at == len(w.coded) {
		return 0, io.EOF
	}
	n := copy(p, w.coded[w.at:min(len(w.coded), w.at+w.piece())])
	w.at += n
	return n, nil
}

func TestDecoder(t *testing.T) {
	for name, body := range bodies() {
		if testing.Short() {
			body = body[:min(len(body), 64<<10)]
		}
		for _, encoding := range []string{"", "identity", "gzip", "x-gzip", "deflate", "raw", "br", "zstd", "gzip, br", "deflate,zstd"} {
			t.Run(name+"/"+encoding, func(t *testing.T) {
				coded := body
				for part := range strings.SplitSeq(encoding, ",") {
					coded = encode(t, strings.TrimPrefix(strings.TrimSpace(part), "x-"), coded)
				}
				header := strings.Replace(encoding, "raw", "deflate", 1)
				rng := rand.New(rand.NewPCG(3, 4))
				delivered := 0
				w := &watch{t: t, coded: coded, encoding: header, delivered: &delivered, piece: func() int { return 1 + rng.IntN(9000) }}
				d, lag, err := NewDecoder(header, w)
				if err != nil {
					t.Fatal(err)
				}
				w.lag = lag
				var out []byte
				buf := make([]byte, 5000)
				for {
					n, err := d.Read(buf)
					out = append(out, buf[:n]...)
					delivered += n
					if errors.Is(err, io.EOF) {
						break
					}
					if err != nil {
						t.Fatal(err)
					}
				}
				if err := d.Close(); err != nil || !bytes.Equal(out, body) {
					t.Fatalf("%d bytes decoded, want %d (%v)", len(out), len(body), err)
				}
			})
		}
	}
}

func TestDecoderLies(t *testing.T) {
	json := []byte(`{"email":"ada@lund.example","pad":"` + strings.Repeat("x", 100) + `"}`)
	for _, encoding := range []string{"gzip", "br", "zstd", "deflate", "gzip, gzip"} {
		if _, err := decodeAll(encoding, json); !errors.Is(err, ErrEncoding) {
			t.Errorf("plain JSON called %s: %v, want ErrEncoding", encoding, err)
		}
	}
	coded := encode(t, "gzip", bytes.Repeat(json, 100))
	if _, err := decodeAll("gzip", coded[:len(coded)/2]); !errors.Is(err, ErrEncoding) || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("half a body: %v", err)
	}
	for _, encoding := range []string{"compress", "gzip, gzip, gzip, gzip", "gzip;q=1"} {
		if _, _, err := NewDecoder(encoding, nil); !errors.Is(err, ErrEncoding) {
			t.Errorf("NewDecoder(%q): %v, want ErrEncoding", encoding, err)
		}
	}
	broken := errors.New("connection reset")
	d, _, err := NewDecoder("gzip", io.MultiReader(bytes.NewReader(coded[:20]), &failing{broken}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(d); !errors.Is(err, broken) || errors.Is(err, ErrEncoding) {
		t.Errorf("a broken connection: %v", err)
	}
	if _, lag, _ := NewDecoder("gzip, br", nil); lag == 0 || lag == math.MaxInt32 {
		t.Errorf("lag of gzip, br: %d", lag)
	}
	if got := Decodable(); len(got) != 4 {
		t.Errorf("Decodable: %v", got)
	}
}

type failing struct{ err error }

func (f *failing) Read([]byte) (int, error) { return 0, f.err }

func FuzzDecoder(f *testing.F) {
	f.Add("gzip", encode(f, "gzip", []byte("hello")))
	f.Add("zstd", encode(f, "zstd", []byte("hello")))
	f.Add("br", encode(f, "br", []byte("hello")))
	f.Add("deflate", encode(f, "raw", []byte("hello")))
	f.Fuzz(func(t *testing.T, encoding string, coded []byte) {
		d, lag, err := NewDecoder(encoding, bytes.NewReader(coded))
		if err != nil {
			return
		}
		defer func() { _ = d.Close() }()
		if lag < 0 {
			t.Fatalf("lag %d", lag)
		}
		_, _ = io.CopyN(io.Discard, d, 1<<20)
	})
}
