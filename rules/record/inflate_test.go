package record

import (
	"bytes"
	"compress/flate"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
)

func deflated(t testing.TB, body []byte, level int) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, level)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = w.Write(body)
	_ = w.Close()
	return b.Bytes()
}

// inflate decodes a stream in pieces of next() bytes.
func inflate(data []byte, next func() int) (out []byte, used int, done bool, err error) {
	z := &inflater{}
	for used < len(data) && !z.done() {
		piece := bytes.Clone(data[used:min(len(data), used+max(1, next()))])
		n, err := z.write(piece, func(p []byte) { out = append(out, p...) })
		clear(piece)
		used += n
		if err != nil {
			return out, used, false, err
		}
		if n < len(piece) && !z.done() {
			return out, used, false, io.ErrShortWrite
		}
	}
	return out, used, z.done(), nil
}

func TestInflate(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 200<<10)
	for i := range noise {
		noise[i] = byte(rng.Uint32())
	}
	for name, body := range map[string][]byte{
		"empty": {}, "one": {1}, "zeros": make([]byte, 300<<10), "noise": noise,
		"text": []byte(strings.Repeat("Ada Lund, Storgata 5; ", 9000)), "json": customersJSON(300),
		"mixed": append(append(customersJSON(50), noise[:70000]...), customersJSON(60)...),
	} {
		for _, level := range []int{flate.HuffmanOnly, flate.NoCompression, 1, 6, 9} {
			data := append(deflated(t, body, level), "tail"...)
			for _, next := range []func() int{func() int { return len(data) }, func() int { return 1 }, func() int { return rng.IntN(40) }, func() int { return rng.IntN(5000) }} {
				out, used, done, err := inflate(data, next)
				if err != nil || !done || used != len(data)-4 || !bytes.Equal(out, body) {
					t.Fatalf("%s, level %d: %d of %d bytes taken, %d of %d decoded, done %v, %v", name, level, used, len(data)-4, len(out), len(body), done, err)
				}
			}
		}
	}
}

// FuzzInflate compares with the standard library, on any input.
func FuzzInflate(f *testing.F) {
	f.Add(deflated(f, customersJSON(2), 6), uint64(1))
	f.Add(deflated(f, []byte("hello hello hello"), 1), uint64(1))
	f.Add(deflated(f, []byte("stored"), 0), uint64(1))
	f.Fuzz(func(t *testing.T, data []byte, seed uint64) {
		src := bytes.NewReader(data)
		want, wantErr := io.ReadAll(io.LimitReader(flate.NewReader(src), 1<<20))
		if len(want) == 1<<20 {
			return
		}
		rng := rand.New(rand.NewPCG(seed, 1))
		out, used, done, err := inflate(data, func() int { return rng.IntN(20) })
		if done != (wantErr == nil) || done && (!bytes.Equal(out, want) || used != len(data)-src.Len()) {
			t.Fatalf("done %v, %v, %d bytes from %d; the standard library: %v, %d bytes from %d", done, err, len(out), used, wantErr, len(want), len(data)-src.Len())
		}
		whole, _, _, _ := inflate(data, func() int { return len(data) })
		if !bytes.Equal(whole, out) {
			t.Fatalf("%d bytes in pieces, %d whole", len(out), len(whole))
		}
	})
}

func BenchmarkInflate(b *testing.B) {
	body := customersJSON(2000)
	data := deflated(b, body, 6)
	b.SetBytes(int64(len(body)))
	z := &inflater{}
	for b.Loop() {
		z.reset()
		if _, err := z.write(data, func([]byte) {}); err != nil {
			b.Fatal(err)
		}
	}
}
