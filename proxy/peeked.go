package proxy

import (
	"io"
	"net/http"

	"github.com/ordergate/ordergate/rules/record"
)

// peeked is a body whose beginning was looked at, and is read again.
type peeked struct {
	io.ReadCloser
	pool *bufferPool
	err  error  // what the first read ended with, for behind what it read
	head []byte // of a buffer from the pool; nil once it has been read again
	at   int
}

// peek reads once what a body begins with, as much as a copy loop would: to read less
// would be another read, and another write to the client.
func peek(body io.ReadCloser, pool *bufferPool) *peeked {
	p := &peeked{ReadCloser: body, pool: pool, head: pool.Get()}
	n := 0
	for n == 0 && p.err == nil {
		n, p.err = body.Read(p.head)
	}
	p.head = p.head[:n]
	return p
}

// Read implements io.Reader.
func (p *peeked) Read(b []byte) (int, error) {
	if p.at < len(p.head) {
		n := copy(b, p.head[p.at:])
		p.at += n
		return n, nil
	}
	p.release()
	if p.err != nil {
		return 0, p.err
	}
	return p.ReadCloser.Read(b) //nolint:wrapcheck // io.Reader's contract
}

// Close implements io.Closer.
func (p *peeked) Close() error {
	p.release()
	return p.ReadCloser.Close() //nolint:wrapcheck // io.Closer's contract
}

func (p *peeked) release() {
	if p.head != nil {
		p.pool.Put(p.head)
		p.head, p.at = nil, 0
	}
}

// opaque looks at how a body begins whose type the finder does not read, and reports
// whether it is what its type says. It waits for the first bytes, which a client would
// wait for, too.
func opaque(res *http.Response, pool *bufferPool) bool {
	begun := peek(res.Body, pool)
	res.Body = begun
	return !record.Mislabelled(res.Header.Get("Content-Type"), res.Header.Get("Content-Encoding"), begun.head[:min(len(begun.head), record.MaxLabel)])
}
