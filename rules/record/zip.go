package record

import (
	"bytes"
	"encoding/binary"
	"strings"

	"github.com/ordergate/ordergate/rules"
)

const (
	maxEntries   = 1000 // files of an archive that are read
	maxEntryName = 256
	maxZipExtra  = 512

	zipHeader = 30 // bytes of a local file header before the name
	zipLocal  = "PK\x03\x04"
)

// zipState is what a zipScanner reads next.
type zipState uint8

const (
	zipSeek  zipState = iota // the next local file header
	zipHead                  // its fixed part
	zipName                  // its name
	zipExtra                 // its extra field
	zipData                  // the file
	zipSkip                  // a file that is not read
	zipEnd
)

// zipScanner reads an archive as it comes, by the headers before the files
// (APPNOTE.TXT 6.3.10, sections 4.3.7 to 4.3.9). The directory at its end comes
// too late to say anything, and does not speak for what was sent before it.
type zipScanner struct {
	contents
	state   zipState
	head    []byte
	entries int
	book    workbook

	method  uint16
	name    []byte
	toName  int   // bytes to come of the name
	toExtra int   // bytes to come of the extra field
	sized   bool  // left is known
	left    int64 // compressed bytes to come
	matched int   // bytes of zipLocal that were seen
}

func newZip(g *grouper, level int) *zipScanner {
	return &zipScanner{contents: contents{g: g, level: level}, book: workbook{small: g.inflaters.n > 0}}
}

func (s *zipScanner) write(p []byte, off int64) {
	end := off + int64(len(p))
	for len(p) > 0 && s.state != zipEnd {
		p = s.step(p, end-int64(len(p)))
	}
}

// step reads one part and returns what is left of p.
func (s *zipScanner) step(p []byte, off int64) []byte {
	var done bool
	switch s.state {
	case zipSeek:
		return s.seek(p)
	case zipHead:
		if s.head, p, done = gather(s.head, p, zipHeader); done {
			s.header()
		}
	case zipName:
		if s.name, p, done = keep(s.name, p, &s.toName, maxEntryName); done {
			s.state = zipExtra
		}
	case zipExtra:
		s.head, p, _ = keep(s.head, p, &s.toExtra, maxZipExtra)
	case zipData:
		return s.data(p, off)
	case zipSkip:
		n := min(s.left, int64(len(p)))
		p, s.left = p[n:], s.left-n
		if s.left == 0 {
			s.state = zipSeek
		}
	}
	if s.state == zipName && s.toName == 0 {
		s.state = zipExtra
	}
	if s.state == zipExtra && s.toExtra == 0 {
		s.entry()
	}
	return p
}

// keep takes the n bytes of a field to come from p and appends what fits into
// room; done when the field is whole.
func keep(field, p []byte, n *int, room int) (kept, rest []byte, done bool) {
	k := min(*n, len(p))
	*n -= k
	return append(field, p[:max(0, min(k, room-len(field)))]...), p[k:], *n == 0
}

// seek looks for the next local file header. What lies between, such as the
// sizes behind a file of unknown size, says nothing.
func (s *zipScanner) seek(p []byte) []byte {
	for len(p) > 0 {
		if s.matched == 0 {
			at := bytes.IndexByte(p, 'P')
			if at < 0 {
				return nil
			}
			p = p[at:]
		}
		if p[0] != zipLocal[s.matched] {
			s.matched = 0
			if p[0] != 'P' {
				p = p[1:]
			}
			continue
		}
		p = p[1:]
		if s.matched++; s.matched == len(zipLocal) {
			s.matched = 0
			s.head, s.state = append(s.head[:0], zipLocal...), zipHead
			return p
		}
	}
	return nil
}

// header reads the fixed part of a local file header.
func (s *zipScanner) header() {
	h := s.head
	flags := binary.LittleEndian.Uint16(h[6:])
	s.method = binary.LittleEndian.Uint16(h[8:])
	s.left = int64(binary.LittleEndian.Uint32(h[18:]))
	s.toName, s.toExtra = int(binary.LittleEndian.Uint16(h[26:])), int(binary.LittleEndian.Uint16(h[28:]))
	s.sized = flags&8 == 0 || s.left > 0
	if flags&1 != 0 {
		s.method = zipEncrypted
	}
	s.name, s.head, s.state = s.name[:0], s.head[:0], zipName
}

const (
	zipStored    = 0
	zipDeflated  = 8
	zipEncrypted = 0xFFFF // of no real method
)

// entry begins a file, when its header is whole.
func (s *zipScanner) entry() {
	if s.left == 1<<32-1 {
		s.left = zip64Size(s.head)
	}
	s.state = zipSkip
	if !s.sized || s.left == 0 {
		s.state = zipSeek
	}
	if s.entries++; s.entries > maxEntries {
		s.note(rules.UninspectedSize)
		s.state = zipEnd
		return
	}
	promised, read := promise(string(s.name))
	switch {
	case s.sized && s.left == 0 || len(s.name) == 0 || s.name[len(s.name)-1] == '/':
		return
	case s.method == zipEncrypted:
		s.note(rules.UninspectedEncoding)
		return
	case s.method != zipDeflated && (s.method != zipStored || !s.sized):
		s.note(rules.UninspectedType)
		return
	}
	s.begin(promised)
	s.body.book = &s.book
	if !read {
		s.body.label = pictureType
	}
	if s.method == zipDeflated && !s.deflated() {
		s.finish()
		return
	}
	s.state = zipData
}

// zip64Size returns the compressed size that an extra field has (section
// 4.5.3), or 0.
func zip64Size(extra []byte) int64 {
	for len(extra) >= 4 {
		id, n := binary.LittleEndian.Uint16(extra), int(binary.LittleEndian.Uint16(extra[2:]))
		extra = extra[4:]
		if n > len(extra) {
			break
		}
		if id == 1 && n >= 16 {
			return max(0, int64(binary.LittleEndian.Uint64(extra[8:])))
		}
		extra = extra[n:]
	}
	return 0
}

// pictureType is the label of what calls itself a picture or the like: whoever may
// name a file may name an export so, so that it is read if it begins like one.
const pictureType = "image/*"

// promise returns what the name of a file in an archive promises; false: a picture or
// the like, see pictureType.
func promise(name string) (promised form, read bool) {
	name = strings.ToLower(name)
	base := name[strings.LastIndexByte(name, '/')+1:]
	switch base[strings.LastIndexByte(base, '.')+1:] {
	case "csv", "tsv":
		return formCSV, true
	case "json", "ndjson", "jsonl":
		return formJSON, true
	case "xml":
		return formXML, true
	case "html", "htm", "xhtml":
		return formHTML, true
	case "sql":
		return formSQL, true
	case "", "rels", "png", "jpg", "jpeg", "gif", "webp", "svg", "ico", "bmp", "tif", "tiff", "avif", "mp3", "mp4", "webm", "css", "woff", "woff2", "ttf", "otf", "eot":
		return formUnknown, base != "" && strings.IndexByte(base, '.') < 0
	}
	return formUnknown, true
}

// data takes bytes of a file that is read, and returns what is behind it.
func (s *zipScanner) data(p []byte, off int64) []byte {
	mine := p
	if s.sized {
		mine = p[:min(s.left, int64(len(p)))]
	}
	n, more := len(mine), true
	if s.z != nil {
		n, more = s.inflate(mine, off)
	} else {
		contents := &s.contents
		contents.write(mine, off)
	}
	if s.sized {
		if s.left -= int64(n); more && s.left == 0 {
			if s.z != nil {
				s.note(rules.UninspectedSyntax) // the stream goes on behind its end
			}
			more = false
		}
	}
	if !more {
		s.finish()
		s.state = zipSkip
		if !s.sized || s.left == 0 {
			s.state = zipSeek
		}
	}
	return p[n:]
}

func (s *zipScanner) end(int64) {
	switch s.state {
	case zipData:
		s.broken()
	case zipHead, zipName, zipExtra, zipSkip:
		s.note(rules.UninspectedPartial)
	}
}
