package record

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"slices"
	"sync/atomic"
)

const (
	minPassage  = 512  // bytes; reading fewer costs as little as telling that they are known
	maxPassages = 4096 // places; a passage takes 72 bytes
	maxOpen     = 16   // passages that are being read, inside each other
	maxAround   = 48   // open elements around a passage, and open frames
	headPassage = 40   // bytes that a passage is looked up by
)

// familiar are passages of the pages of a shop that tell nothing of anybody: its
// header, its menus, its footer, the products of a category, which one page after
// the other repeats byte for byte. A passage is an element of a page, from its tag
// to the next tag behind its end. One that was read twice and told nothing is
// known by its length and by a tag of GMAC (NIST SP 800-38D section 6.4), under a
// key that nobody else has, over its bytes and over all that is open around it;
// where it comes again, the reading goes on behind it. Since no tag is ever shown
// to anybody, another passage has the same one with a probability below 2^-115
// for 32 KiB, whoever wrote it (section 8; the same holds for the one nonce).
//
// No byte of a page is kept. Losing a passage costs time alone. It is safe for
// concurrent use; make one with newFamiliar.
type familiar struct {
	mac      cipher.AEAD
	nonce    []byte
	passages [maxPassages]atomic.Pointer[passage]
	once     [maxPassages]atomic.Uint64 // passages that were read once, by their heads and their lengths
}

// passage is one that is known.
type passage struct {
	head   uint64
	size   int
	sample [3]uint64 // eight bytes in the middle of each half, and the last ones
	tag    [16]byte
	missed atomic.Int32 // how often something else was there lately
}

const (
	maxMissed = 3  // from then on a passage is a part of a page that is another one each time
	maxRest   = 16 // how often it is passed by then, until it is looked at again
)

// rests reports whether a passage is not to be looked at this time.
func (e *passage) rests() bool {
	n := e.missed.Load()
	if n < maxMissed || n == maxMissed+maxRest {
		return false
	}
	e.missed.Store(n + 1)
	return true
}

// looked notes whether the passage was there.
func (e *passage) looked(same bool) {
	switch n := e.missed.Load(); {
	case !same:
		e.missed.Store(min(n+1, maxMissed))
	case n > 0:
		e.missed.Store(min(n, maxMissed) - 1)
	}
}

func newFamiliar() *familiar {
	var secret [16 + 12]byte
	_, _ = rand.Read(secret[:]) // never fails
	block, _ := aes.NewCipher(secret[:16])
	mac, _ := cipher.NewGCM(block) // neither does, for these sizes
	return &familiar{mac: mac, nonce: secret[16:]}
}

// sampled returns the samples of a passage.
func sampled(text []byte) [3]uint64 {
	n := len(text)
	return [3]uint64{load(text, n/4), load(text, n/2+n/4), load(text, n-8)}
}

// find returns the passage that p seems to begin with, or nil.
func (f *familiar) find(head uint64, p []byte) *passage {
	for i := range uint64(2) {
		if e := f.passages[head%maxPassages^i].Load(); e != nil && e.head == head && e.size <= len(p) && e.sample == sampled(p[:e.size]) {
			return e
		}
	}
	return nil
}

// twice reports whether a passage was read before, as far as its samples tell, and
// notes that it was.
func (f *familiar) twice(head uint64, size int, samples [3]uint64) bool {
	mark := head ^ uint64(size)
	for _, sample := range samples {
		mark = (mark ^ mark>>29 ^ sample) * 0x9E3779B97F4A7C15
	}
	at := &f.once[mark>>48%maxPassages]
	if at.Load() == mark {
		return true
	}
	at.Store(mark)
	return false
}

// keep remembers a passage in one of its two places.
func (f *familiar) keep(e *passage) {
	at := &f.passages[e.head%maxPassages]
	other := at.Load()
	if other != nil && (other.head != e.head || other.size != e.size) {
		at = &f.passages[e.head%maxPassages^1]
		other = at.Load()
	}
	if other != nil && other.head == e.head && other.size == e.size {
		e.missed.Store(other.missed.Load())
	}
	at.Store(e)
}

// start is where a passage begins that is being read.
type start struct {
	at    int
	head  uint64
	depth int // open elements around it
	open  int // frames
	stirs uint
	legal bool
	cell  bool
	rests bool // it is another one each time
}

// memory is what a page that is being read has to do with the familiar ones.
type memory struct {
	known  *familiar
	starts []start // passages that are being read, the outermost first; all begin in the piece at hand
	around []byte
	spent  int64 // bytes looked at in vain, and those of new passages
}

// may reports whether more bytes may be looked at in vain: a page that is never the
// same twice must not cost more than one that is not remembered.
func (r *memory) may(off int64) bool { return r.spent <= maxSpan+off/4 }

// quiet reports whether nothing is being read that a passage might add to, or that
// might say what it means, but the open elements.
func (p *page) quiet() bool {
	t, g := p.prose, p.g
	if t.begun || t.n > 0 || len(t.line) > 0 || t.signs != 0 || t.asked > 0 || t.label != (class{}) || p.link || len(p.table) > 0 {
		return false
	}
	return len(g.frames) > 0 && len(g.frames) <= maxAround && len(p.stack) <= maxAround && g.deep == 0 && !g.size && g.claim == nil &&
		len(g.groups)-len(g.free) <= maxGroups-quietDepth // as jsonScanner.calm asks
}

// passages are the elements that are remembered.
const passages = 1<<tagBlock | 1<<tagArticle | 1<<tagFooter | 1<<tagNav | 1<<tagTable | 1<<tagScript | 1<<tagMute

// pass returns where the known passage ends that begins with the tag at p[i]; i if
// there is none. It is read then, and remembered where it ends if it tells nothing.
func (s *htmlScanner) pass(p []byte, i int, off int64) int {
	r := &s.memory
	if len(p)-i < minPassage || len(r.starts) == maxOpen || !s.page.quiet() {
		return i
	}
	head := ((load(p, i+8)*0x9E3779B97F4A7C15 ^ load(p, i+16)) * 0xC2B2AE3D27D4EB4F) ^ load(p, i+24)
	head = (head ^ head>>31 ^ load(p, i+headPassage-8)) * 0x9E3779B97F4A7C15
	head ^= head >> 32
	g := s.page.g
	e := r.known.find(head, p[i:])
	rests := e != nil && e.rests()
	if e != nil && !rests && r.may(off) && g.young(off+int64(i+e.size)) {
		same := r.tag(s, p[i:i+e.size]) == e.tag
		e.looked(same)
		if same {
			s.page.prose.blank = false
			return i + e.size
		}
		r.spent += int64(e.size)
	}
	r.starts = append(r.starts, start{at: i, head: head, depth: len(s.page.stack), open: len(g.frames), stirs: g.stirs, legal: s.page.prose.legal, cell: s.page.prose.cell, rests: rests})
	return i
}

// passed ends the passages that end at the tag at p[i], and remembers those that
// told nothing.
func (s *htmlScanner) passed(p []byte, i int, off int64) {
	r, g := &s.memory, s.page.g
	for n := len(r.starts); n > 0 && r.starts[n-1].depth >= len(s.page.stack); n-- {
		e := r.starts[n-1]
		r.starts = r.starts[:n-1]
		if i-e.at < minPassage || e.stirs != g.stirs || e.depth != len(s.page.stack) || e.open != len(g.frames) ||
			e.legal != s.page.prose.legal || e.cell != s.page.prose.cell || e.rests || !s.page.quiet() || !r.may(off) {
			continue
		}
		text := p[e.at:i]
		if samples := sampled(text); r.known.twice(e.head, len(text), samples) {
			r.known.keep(&passage{head: e.head, size: len(text), sample: samples, tag: r.tag(s, text)})
			r.spent += int64(len(text))
		}
	}
}

// tag is the tag of a passage, with all that is open around it: what its values
// mean, and which end tags it must not have, depends on nothing else.
func (r *memory) tag(s *htmlScanner, text []byte) (tag [16]byte) {
	if r.around == nil {
		r.around = make([]byte, 0, 1<<10)
	}
	t := s.page.prose
	a := append(r.around[:0], byte(s.level), bit(t.legal)|bit(t.cell)<<1|bit(t.zone)<<2|bit(s.page.zone > 0)<<3|bit(s.page.muted > 0)<<4|bit(s.page.g.chosen)<<5, byte(len(s.page.stack)))
	for i := range s.page.stack {
		e := &s.page.stack[i]
		a = binary.LittleEndian.AppendUint64(append(a, byte(e.tag), bit(e.frame)|bit(e.mute)<<1), e.key)
	}
	for i := range s.page.g.frames {
		f := &s.page.g.frames[i]
		a = append(a, byte(f.kind), bit(f.named)|bit(f.wrap)<<1|bit(f.element)<<2|bit(f.crowd)<<3|bit(f.roots)<<4, byte(f.class.kind))
		a = binary.LittleEndian.AppendUint16(a, uint16(f.class.sense))
	}
	a = slices.Grow(a, len(a)+len(tag))
	sealed := r.known.mac.Seal(a[len(a):], r.known.nonce, a, text)
	r.around = a
	return [16]byte(sealed[len(sealed)-len(tag):])
}

func bit(b bool) byte {
	if b {
		return 1
	}
	return 0
}
