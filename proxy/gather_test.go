package proxy

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/ordergate/ordergate/rules/record"
)

// pieces is a source that gives so many bytes at a time, then an error.
type pieces struct {
	each, left int
	err        error
}

func (p *pieces) Read(b []byte) (int, error) {
	n := min(p.each, p.left, len(b))
	p.left -= n
	copy(b, strings.Repeat("x", n))
	if p.left == 0 {
		return n, p.err
	}
	return n, nil
}

// sparse decodes much into little, as a body made to hide may.
type sparse struct{ io.Reader }

func (s sparse) Read(b []byte) (int, error) {
	var much [copySize]byte
	n, err := s.Reader.Read(much[:])
	return min(n, 1, len(b)), err
}

// A page comes in whole pieces, what a client waits for as it comes, and nothing is
// read beyond what may be held.
func TestGather(t *testing.T) {
	gone := errors.New("gone")
	for name, c := range map[string]struct {
		source  pieces
		sparse  bool
		eager   bool
		pausing bool
		want    []int
		err     error
	}{
		"small pieces":     {source: pieces{4 << 10, 24 << 10, io.EOF}, want: []int{24 << 10}, err: io.EOF},
		"a large body":     {source: pieces{20 << 10, 80 << 10, io.EOF}, want: []int{copySize, copySize, 16 << 10}, err: io.EOF},
		"as it comes":      {source: pieces{4 << 10, 12 << 10, io.EOF}, eager: true, want: []int{4 << 10, 4 << 10, 4 << 10}, err: io.EOF},
		"it may pause":     {source: pieces{4 << 10, 8 << 10, io.EOF}, pausing: true, want: []int{4 << 10, 4 << 10}, err: io.EOF},
		"broken off":       {source: pieces{4 << 10, 20 << 10, gone}, want: []int{20 << 10}, err: gone},
		"much for nothing": {source: pieces{copySize, 1 << 30, io.EOF}, sparse: true, want: []int{maxHeld/copySize + 1}},
	} {
		t.Run(name, func(t *testing.T) {
			g := &gate{scratch: make([]byte, copySize)}
			g.tap.source, g.tap.plain = &c.source, true
			decoder, _, err := record.NewDecoder("", &g.tap)
			if err != nil {
				t.Fatal(err)
			}
			if g.decoder = decoder; c.sparse {
				g.decoder = io.NopCloser(sparse{decoder})
			}
			if c.pausing {
				g.pausing = &pausing{source: &c.source}
			}
			for i, want := range c.want {
				n, err := g.gather(c.eager)
				last := i == len(c.want)-1
				if n != want || last && !errors.Is(err, c.err) || !last && err != nil {
					t.Fatalf("piece %d: %d bytes, %v: want %d", i, n, err, want)
				}
			}
			if held := len(g.tap.held); held > maxHeld+copySize && c.sparse {
				t.Errorf("%d bytes are held", held)
			}
		})
	}
}
