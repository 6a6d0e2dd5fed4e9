package record

import (
	"bytes"

	"github.com/ordergate/ordergate/rules"
)

const tarBlock = 512

// tarScanner reads a POSIX tar archive (pax interchange format, IEEE Std
// 1003.1). Long names and other attributes, which stand in entries of their
// own, are passed over.
type tarScanner struct {
	contents
	head  []byte
	left  int64 // of the file
	pad   int64
	ended bool
}

func newTar(g *grouper, level int) *tarScanner {
	return &tarScanner{contents: contents{g: g, level: level}}
}

func (s *tarScanner) write(p []byte, off int64) {
	end := off + int64(len(p))
	for len(p) > 0 && !s.ended {
		switch {
		case s.left > 0:
			n := min(s.left, int64(len(p)))
			if s.open {
				s.contents.write(p[:n], end-int64(len(p)))
			}
			p = p[n:]
			if s.left -= n; s.left == 0 {
				s.finish()
			}
		case s.pad > 0:
			n := min(s.pad, int64(len(p)))
			p, s.pad = p[n:], s.pad-n
		default:
			var done bool
			if s.head, p, done = gather(s.head, p, tarBlock); done {
				s.entry()
				s.head = s.head[:0]
			}
		}
	}
}

// entry reads a header.
func (s *tarScanner) entry() {
	if !bytes.HasPrefix(s.head[257:], []byte("ustar")) { // the two empty blocks of the end, mostly
		if s.ended = true; s.head[0] != 0 {
			s.note(rules.UninspectedSyntax)
		}
		return
	}
	size := tarSize(s.head[124:136])
	if size < 0 {
		s.note(rules.UninspectedSyntax)
		s.ended = true
		return
	}
	s.left, s.pad = size, -size&(tarBlock-1)
	name, _, _ := bytes.Cut(s.head[:100], []byte{0})
	promised, read := promise(string(name))
	if kind := s.head[156]; size > 0 && (kind == '0' || kind == 0) {
		if s.begin(promised); !read {
			s.body.label = pictureType
		}
	}
}

// tarSize reads an octal number, or the binary one of GNU tar; -1 if it is
// neither.
func tarSize(field []byte) (n int64) {
	if field[0] == 0x80 {
		for _, b := range field[5:] {
			n = n<<8 | int64(b)
		}
		return n
	}
	for _, b := range bytes.Trim(field, " \x00") {
		if b < '0' || b > '7' {
			return -1
		}
		n = n<<3 | int64(b-'0')
	}
	return n
}

func (s *tarScanner) end(int64) {
	if s.left > 0 || len(s.head) > 0 {
		s.broken()
	}
}
