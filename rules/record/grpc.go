package record

import (
	"encoding/binary"

	"github.com/ordergate/ordergate/rules"
)

const grpcHeader = 5 // flags and length of a message

// Flags of a message: compressed, and gRPC-Web's trailers.
const (
	grpcCompressed = 1
	grpcTrailers   = 0x80
)

// grpcScanner reads the messages of a gRPC or gRPC-Web response (gRPC over
// HTTP2, Length-Prefixed-Message; PROTOCOL-WEB). Every message is a content
// of its own, whose records are reported where it ends, so that a stream that
// is read as it comes waits for nothing. Messages may be compressed by gzip.
type grpcScanner struct {
	contents
	web    bool // base64, in pieces that may end with padding
	quad   [4]byte
	nQuad  int
	out    [512]byte
	head   []byte
	left   int64
	inside bool
}

func newGRPC(g *grouper, level int, web bool) *grpcScanner {
	return &grpcScanner{contents: contents{g: g, level: level}, web: web}
}

func (s *grpcScanner) write(p []byte, off int64) {
	if !s.web {
		s.frames(p, off, true)
		return
	}
	n := 0
	for _, b := range p {
		d := base64Digit(b)
		if d < 0 && b != '=' {
			if b > ' ' {
				s.note(rules.UninspectedSyntax)
			}
			continue
		}
		s.quad[s.nQuad] = byte(d)
		if b == '=' {
			s.quad[s.nQuad] = padding
		}
		if s.nQuad++; s.nQuad < 4 {
			continue
		}
		s.nQuad = 0
		if n > len(s.out)-3 {
			s.frames(s.out[:n], off, false)
			n = 0
		}
		n += s.decode(s.out[n:])
	}
	s.frames(s.out[:n], off, false)
}

const padding = 0xFF

// decode writes the bytes of four signs of base64.
func (s *grpcScanner) decode(out []byte) int {
	q, n := s.quad, 3
	for n > 0 && q[n] == padding {
		n--
	}
	v := uint32(0)
	for _, d := range q {
		v = v<<6 | uint32(d&0x3F)
		if d == padding {
			v &^= 0x3F
		}
	}
	out[0], out[1], out[2] = byte(v>>16), byte(v>>8), byte(v)
	return n
}

func base64Digit(b byte) int {
	switch {
	case b >= 'A' && b <= 'Z':
		return int(b - 'A')
	case b >= 'a' && b <= 'z':
		return int(b-'a') + 26
	case b >= '0' && b <= '9':
		return int(b-'0') + 52
	case b == '+' || b == '-':
		return 62
	case b == '/' || b == '_':
		return 63
	}
	return -1
}

// frames takes bytes of messages and their headers, which stand at offset off,
// or somewhere behind it.
func (s *grpcScanner) frames(p []byte, off int64, exact bool) {
	for len(p) > 0 {
		if !s.inside {
			n := len(p)
			var done bool
			s.head, p, done = gather(s.head, p, grpcHeader)
			if exact {
				off += int64(n - len(p))
			}
			if done {
				s.message()
			}
			continue
		}
		n := min(s.left, int64(len(p)))
		if s.open {
			c := &s.contents
			c.write(p[:n], off)
		}
		p = p[n:]
		if exact {
			off += n
		}
		if s.left -= n; s.left == 0 {
			s.finish()
			s.inside = false
		}
	}
}

// message begins a message.
func (s *grpcScanner) message() {
	flags := s.head[0]
	s.left = int64(binary.BigEndian.Uint32(s.head[1:]))
	s.head = s.head[:0]
	s.inside = s.left > 0
	switch {
	case !s.inside || flags&grpcTrailers != 0:
	case flags == 0:
		s.begin(formProtobuf)
	case flags == grpcCompressed:
		s.begin(formGzip)
		s.body.inner = formProtobuf
	default:
		s.note(rules.UninspectedSyntax)
	}
}

func (s *grpcScanner) end(int64) {
	if s.inside || len(s.head) > 0 || s.nQuad > 0 {
		s.broken()
	}
}
