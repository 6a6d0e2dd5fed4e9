package proxy

import "sync"

// copySize is the size of a copy buffer: what httputil.ReverseProxy uses.
const copySize = 32 << 10

// bufferPool keeps copy buffers between responses; they carry bytes on their
// way to one client and nothing that is trusted. The zero value is usable.
type bufferPool struct{ pool sync.Pool }

// Get returns a buffer of copySize bytes.
func (p *bufferPool) Get() []byte {
	if b, ok := p.pool.Get().(*[copySize]byte); ok {
		return b[:]
	}
	return make([]byte, copySize)
}

// Put takes a buffer back.
func (p *bufferPool) Put(b []byte) {
	if cap(b) >= copySize {
		p.pool.Put((*[copySize]byte)(b[:copySize]))
	}
}
