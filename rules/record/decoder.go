package record

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
)

// ErrEncoding is the error of an unknown or lying Content-Encoding.
var ErrEncoding = errors.New("content encoding")

const (
	maxCodings = 3
	maxWindow  = 8 << 20 // of zstd, RFC 8878 section 3.1.1.1.2

	// What a decoder may hold of its output when it asks for more input: the
	// window of DEFLATE (RFC 1951), a block of zstd (RFC 8878 section 3.1.1.2.4).
	lagDeflate = 32<<10 + 512
	lagZstd    = 128<<10 + 512
	// DEFLATE makes at most 1,032 bytes of one.
	ratioDeflate = 1032
)

// Decodable returns the encodings that [NewDecoder] reads, in order of
// preference, for an Accept-Encoding header.
func Decodable() []string { return []string{"zstd", "br", "gzip", "deflate"} }

// NewDecoder returns a reader of what r holds, decoded by a Content-Encoding
// header: identity, gzip, deflate (zlib or raw), br, zstd, or at most three of
// them stacked with commas. lag bounds, in bytes, the decoded output that the
// decoder may hold when it asks r for more: what r has given so far decodes to
// at most what was delivered plus lag; math.MaxInt32 says that there is no
// useful bound. An unknown encoding is an [ErrEncoding] at once, undecodable
// input one from Read; errors of r pass through. Memory is bounded by the
// window of the encoding: 32 KiB for gzip and deflate, 8 MiB for zstd, 16 MiB
// for br. The caller bounds the size of what it reads.
func NewDecoder(encoding string, r io.Reader) (d io.ReadCloser, lag int, err error) {
	var names []string
	for name := range strings.SplitSeq(encoding, ",") {
		name = strings.ToLower(strings.TrimSpace(name))
		if name != "" && name != "identity" {
			names = append(names, name)
		}
	}
	if len(names) > maxCodings {
		return nil, 0, fmt.Errorf("%w: %d encodings stacked: want at most %d", ErrEncoding, len(names), maxCodings)
	}
	stack := &decoder{src: &source{r: r}}
	stack.Reader = stack.src
	for i := len(names) - 1; i >= 0; i-- { // the last one was applied last
		l, ratio, err := stack.push(names[i])
		if err != nil {
			return nil, 0, err
		}
		if lag > 0 { // what the inner decoder holds may grow in the outer one
			if ratio == 0 || lag > (math.MaxInt32-l)/ratio {
				lag = math.MaxInt32
				continue
			}
			lag *= ratio
		}
		lag += l
	}
	return stack, lag, nil
}

// source remembers the errors of the reader below all decoders.
type source struct {
	r   io.Reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

// decoder is a stack of decoders.
type decoder struct {
	io.Reader
	src   *source
	close []func()
	coded bool
}

// push puts a decoder on the stack and returns its lag and how much it can
// grow its input, 0 for without bound.
func (d *decoder) push(name string) (lag, ratio int, err error) {
	below := d.Reader
	d.coded = true
	switch name {
	case "gzip", "x-gzip":
		d.Reader = &late{open: func() (io.Reader, error) { return gzip.NewReader(bufio.NewReaderSize(below, 4096)) }}
		return lagDeflate, ratioDeflate, nil
	case "deflate":
		d.Reader = &late{open: func() (io.Reader, error) { return openDeflate(bufio.NewReaderSize(below, 4096)) }}
		return lagDeflate, ratioDeflate, nil
	case "br":
		d.Reader = brotli.NewReader(below)
		return 0, 0, nil
	case "zstd":
		z, err := zstd.NewReader(below, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderMaxMemory(1<<62))
		if err != nil {
			return 0, 0, fmt.Errorf("%w: zstd: %w", ErrEncoding, err)
		}
		d.close = append(d.close, z.Close)
		d.Reader = z
		return lagZstd, 0, nil
	}
	return 0, 0, fmt.Errorf("%w %q is unknown: want one of %s", ErrEncoding, name, strings.Join(Decodable(), ", "))
}

// openDeflate tells zlib (RFC 1950), which "deflate" means, from the raw
// DEFLATE data (RFC 1951) that some servers send.
func openDeflate(r *bufio.Reader) (io.Reader, error) {
	head, err := r.Peek(2)
	if len(head) == 2 && head[0]&0x0F == 8 && (int(head[0])<<8|int(head[1]))%31 == 0 {
		return zlib.NewReader(r)
	}
	if len(head) == 0 && err != nil {
		return nil, err
	}
	return flate.NewReader(r), nil
}

// Read implements io.Reader.
func (d *decoder) Read(p []byte) (int, error) {
	n, err := d.Reader.Read(p)
	if err == nil || errors.Is(err, io.EOF) || !d.coded {
		return n, err
	}
	if d.src.err != nil {
		return n, d.src.err
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return n, fmt.Errorf("%w: the body breaks off: %w", ErrEncoding, err)
	}
	return n, fmt.Errorf("%w: %w", ErrEncoding, err)
}

// Close releases the decoders. It does not close the reader below.
func (d *decoder) Close() error {
	for _, c := range d.close {
		c()
	}
	d.close = nil
	return nil
}

// late opens a decoder at the first Read, since opening reads.
type late struct {
	open func() (io.Reader, error)
	r    io.Reader
	err  error
}

func (l *late) Read(p []byte) (int, error) {
	if l.r == nil && l.err == nil {
		if l.r, l.err = l.open(); l.err != nil {
			l.r = nil
		}
	}
	if l.err != nil {
		return 0, l.err
	}
	return l.r.Read(p)
}
