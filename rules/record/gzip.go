package record

import "github.com/ordergate/ordergate/rules"

// gzipState is what a gzipScanner reads next.
type gzipState uint8

const (
	gzipHead    gzipState = iota // the fixed part of a member's header
	gzipExtra                    // the length of the extra field
	gzipSkip                     // the extra field
	gzipName                     // up to a zero
	gzipComment                  // up to a zero
	gzipCheck                    // of the header
	gzipData
	gzipTail // checksum and size
	gzipEnd  // nothing more is read
)

// gzipScanner reads a file that is compressed by gzip (RFC 1952), or by zlib
// (RFC 1950), which has only a shorter header. The members of a gzip file are
// one content.
type gzipScanner struct {
	contents
	zlib  bool
	inner form // what the content is promised to be
	state gzipState
	flags byte
	head  []byte
	skip  int
}

func newGzip(g *grouper, level int, zlib bool) *gzipScanner {
	return &gzipScanner{contents: contents{g: g, level: level}, zlib: zlib}
}

func (s *gzipScanner) write(p []byte, off int64) {
	end := off + int64(len(p))
	for len(p) > 0 && s.state != gzipEnd {
		p = s.step(p, end-int64(len(p)))
	}
}

// step reads one part and returns what is left of p.
func (s *gzipScanner) step(p []byte, off int64) []byte {
	switch s.state {
	case gzipHead:
		return s.header(p)
	case gzipExtra:
		var done bool
		if s.head, p, done = gather(s.head, p, 2); done {
			s.skip, s.state = int(s.head[0])|int(s.head[1])<<8, gzipSkip
		}
	case gzipSkip, gzipTail:
		n := min(s.skip, len(p))
		p, s.skip = p[n:], s.skip-n
		if s.skip == 0 {
			s.next()
		}
	case gzipName, gzipComment:
		zero := p[0] == 0
		p = p[1:]
		if zero {
			s.next()
		}
	case gzipCheck:
		var done bool
		if s.head, p, done = gather(s.head, p, 2); done {
			s.next()
		}
	case gzipData:
		n, more := s.inflate(p, off)
		p = p[n:]
		switch {
		case more:
		case !s.z.done():
			s.finish()
			s.state = gzipEnd
		default:
			s.skip, s.state = 8, gzipTail
			if s.zlib {
				s.skip = 4
			}
		}
	}
	if s.state == gzipSkip && s.skip == 0 {
		s.next()
	}
	return p
}

// header reads the fixed part of a header.
func (s *gzipScanner) header(p []byte) []byte {
	size := 10
	if s.zlib {
		size = 2
	}
	var done bool
	s.head, p, done = gather(s.head, p, size)
	if !s.zlib && (s.head[0] != 0x1F || len(s.head) > 1 && s.head[1] != 0x8B) {
		s.state = gzipEnd // padding
		return nil
	}
	if !done {
		return p
	}
	if !s.zlib {
		s.flags = s.head[3]
	}
	if !s.open {
		s.begin(s.inner)
		if !s.deflated() {
			s.state = gzipEnd
			return nil
		}
	} else {
		s.z.member()
	}
	if s.zlib && s.head[1]&0x20 != 0 { // a dictionary that nobody has
		s.note(rules.UninspectedEncoding)
		s.state = gzipEnd
		return nil
	}
	s.next()
	return p
}

// next goes on to the next part that the flags announce.
func (s *gzipScanner) next() {
	s.head = s.head[:0]
	if s.state == gzipTail {
		s.state = gzipHead
		if s.zlib {
			s.state = gzipEnd
		}
		return
	}
	for s.state++; s.state < gzipData; s.state++ {
		switch {
		case s.state == gzipExtra && s.flags&4 != 0, s.state == gzipName && s.flags&8 != 0,
			s.state == gzipComment && s.flags&16 != 0, s.state == gzipCheck && s.flags&2 != 0:
			return
		}
	}
}

func (s *gzipScanner) end(int64) {
	if s.state == gzipHead && len(s.head) == 0 || s.state == gzipEnd || s.state == gzipTail {
		s.finish()
		return
	}
	s.broken()
}
