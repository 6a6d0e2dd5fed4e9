package proxy

import (
	"context"
	"crypto/tls"
	"net"
)

// helloConn keeps the first bytes that a client sends until its ClientHello is
// read, for its fingerprint: what crypto/tls tells of a hello leaves its order and
// what it does not know out. The handshake alone reads from it until then.
type helloConn struct {
	net.Conn
	first []byte
	taken bool
	ja4   string // empty: none could be made
}

// maxHello bounds what is kept of one handshake, in bytes; crypto/tls refuses
// larger messages (its own bound is 64 KiB).
const maxHello = 64 << 10

// Read implements net.Conn.
func (c *helloConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if !c.taken {
		c.first = append(c.first, b[:min(n, maxHello-len(c.first))]...)
	}
	return n, err //nolint:wrapcheck // a connection's own errors are looked at by crypto/tls
}

// NetConn is the connection below, see [countedOf].
func (c *helloConn) NetConn() net.Conn { return c.Conn }

// read takes the fingerprint; the bytes are forgotten.
func (c *helloConn) read() {
	if hello, ok := parseClientHello(c.first); ok {
		c.ja4 = hello.ja4()
	}
	c.first, c.taken = nil, true
}

// connKey is the context key of what is known of a connection.
type connKey struct{}

// withHello adds the fingerprint of a connection to the context of its requests.
func withHello(ctx context.Context, conn net.Conn) context.Context {
	if c, ok := conn.(*tlsRefConn); ok {
		conn = c.tls
	}
	if c, ok := conn.(*tls.Conn); ok {
		if hello, ok := c.NetConn().(*helloConn); ok && hello.ja4 != "" {
			return context.WithValue(ctx, connKey{}, hello.ja4)
		}
	}
	return ctx
}

// clientHello is what a fingerprint is made of, in the order it was sent.
type clientHello struct {
	version    uint16 // the highest offered
	ciphers    []uint16
	extensions []uint16
	signatures []uint16
	protocol   []byte // the first of ALPN
	named      bool   // there is a server name extension
	quic       bool   // it came over QUIC, not over TCP
}

// The parts of a record and of a handshake (RFC 8446, 4 and 5.1; the extensions:
// RFC 6066, 7301 and 8446).
const (
	recordHandshake     = 22
	messageClientHello  = 1
	extensionServerName = 0
	extensionSignatures = 13
	extensionALPN       = 16
	extensionVersions   = 43
)

// cursorBytes reads big-endian parts of a message; once something is missing,
// everything is.
type cursorBytes struct {
	rest []byte
	bad  bool
}

func (c *cursorBytes) take(n int) []byte {
	if c.bad || n > len(c.rest) {
		c.bad, c.rest = true, nil
		return nil
	}
	out := c.rest[:n]
	c.rest = c.rest[n:]
	return out
}

func (c *cursorBytes) number(size int) (n int) {
	for _, b := range c.take(size) {
		n = n<<8 | int(b)
	}
	return n
}

// list takes what its length, of the given size, stands before.
func (c *cursorBytes) list(size int) cursorBytes {
	part := c.take(c.number(size))
	return cursorBytes{rest: part, bad: c.bad}
}

// numbers reads all that is left as numbers of 16 bits, those of GREASE (RFC
// 8701) left out.
func (c *cursorBytes) numbers() (out []uint16) {
	for len(c.rest) > 0 && !c.bad {
		if n := uint16(c.number(2)); !grease(n) { //nolint:gosec // two bytes
			out = append(out, n)
		}
	}
	return out
}

// grease reports whether a number means nothing (RFC 8701).
func grease(n uint16) bool { return n&0x0f0f == 0x0a0a && n>>8 == n&0xff }

// parseClientHello reads a ClientHello from the first bytes of a connection,
// which may be in several records. ok is false for anything else, and for one that
// is not whole.
func parseClientHello(first []byte) (hello clientHello, ok bool) {
	message, ok := handshakeMessage(first)
	if !ok {
		return hello, false
	}
	c := cursorBytes{rest: message}
	hello.version = uint16(c.number(2)) //nolint:gosec // two bytes
	c.take(32)                          // random
	c.list(1)                           // session id
	ciphers := c.list(2)
	hello.ciphers = ciphers.numbers()
	c.list(1) // compression methods
	if len(c.rest) == 0 && !c.bad {
		return hello, !ciphers.bad // no extensions, as before TLS 1.2
	}
	all := c.list(2)
	for len(all.rest) > 0 && !all.bad {
		kind := uint16(all.number(2)) //nolint:gosec // two bytes
		body := all.list(2)
		hello.extension(kind, &body)
		all.bad = all.bad || body.bad
	}
	return hello, !c.bad && !ciphers.bad && !all.bad && len(c.rest) == 0
}

// extension notes one extension.
func (h *clientHello) extension(kind uint16, body *cursorBytes) {
	if grease(kind) {
		return
	}
	h.extensions = append(h.extensions, kind)
	var inner cursorBytes
	switch kind {
	case extensionServerName:
		h.named = true
	case extensionSignatures:
		inner = body.list(2)
		h.signatures = inner.numbers()
	case extensionALPN:
		inner = body.list(2)
		first := inner.list(1)
		h.protocol, inner.bad = first.rest, inner.bad || first.bad
	case extensionVersions:
		inner = body.list(1)
		for _, version := range inner.numbers() {
			h.version = max(h.version, version)
		}
	}
	body.bad = body.bad || inner.bad
}

// handshakeMessage joins the records of the first handshake message and returns
// what it holds.
func handshakeMessage(first []byte) ([]byte, bool) {
	var joined []byte
	records := cursorBytes{rest: first}
	for {
		if kind := records.number(1); kind != recordHandshake || records.bad {
			return nil, false
		}
		records.take(2) // the record's own version says nothing
		part := records.list(2)
		if records.bad || len(part.rest) == 0 {
			return nil, false
		}
		if joined = append(joined, part.rest...); len(joined) > maxHello {
			return nil, false
		}
		message := cursorBytes{rest: joined}
		if kind := message.number(1); kind != messageClientHello {
			return nil, false
		}
		if body := message.list(3); !body.bad {
			return body.rest, true
		}
	}
}
