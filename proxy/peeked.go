package proxy

import (
	"io"
	"net/http"

	"github.com/ordergate/ordergate/rules/record"
)

// peeked is a body whose beginning was looked at, and is read again.
type peeked struct {
	io.ReadCloser
	err   error // what the first read ended with, for behind the head
	n, at int
	head  [record.MaxLabel]byte
}

// peek reads once what a body begins with.
func peek(body io.ReadCloser) *peeked {
	p := &peeked{ReadCloser: body}
	for p.n == 0 && p.err == nil {
		p.n, p.err = body.Read(p.head[:])
	}
	return p
}

// Read implements io.Reader.
func (p *peeked) Read(b []byte) (int, error) {
	if p.at < p.n {
		n := copy(b, p.head[p.at:p.n])
		p.at += n
		return n, nil
	}
	if p.err != nil {
		return 0, p.err
	}
	return p.ReadCloser.Read(b) //nolint:wrapcheck // io.Reader's contract
}

// opaque looks at how a body begins whose type the finder does not read, and reports
// whether it is what its type says. It waits for the first bytes, which a client would
// wait for, too.
func opaque(res *http.Response) bool {
	begun := peek(res.Body)
	res.Body = begun
	return !record.Mislabelled(res.Header.Get("Content-Type"), res.Header.Get("Content-Encoding"), begun.head[:begun.n])
}
