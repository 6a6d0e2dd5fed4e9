package record

import "github.com/ordergate/ordergate/rules"

// maxBoxes is how many documents are read inside each other's texts: an invoice in an
// answer that is in an archive in an answer.
const maxBoxes = 2

// box is a document or an archive that a text holds in base64: a label or an invoice in an
// answer in JSON, an export. It is read as a body of its own, in offsets of its own, while
// what the grouper knows of the text around it waits; who is found in it is a person of the
// response as any other.
type box struct {
	contents
	island island
	tight  bool
}

// island is what a grouper knows of one content.
type island struct {
	frames   []frame
	groups   []group
	free     []int16
	deep     int
	oldest   int64
	prose    *prose
	manifest bool
	join     int32
	joined   int32
}

// swap exchanges what the grouper knows.
func (g *grouper) swap(i *island) {
	g.frames, i.frames = i.frames, g.frames
	g.groups, i.groups = i.groups, g.groups
	g.free, i.free = i.free, g.free
	g.deep, i.deep = i.deep, g.deep
	g.oldest, i.oldest = i.oldest, g.oldest
	g.prose, i.prose = i.prose, g.prose
	g.manifest, i.manifest = i.manifest, g.manifest
	g.join, i.join = i.join, g.join
	g.joined, i.joined = i.joined, g.joined
}

// newBox returns a box, or nil where too many are open.
func newBox(g *grouper) *box {
	if g.boxes == maxBoxes {
		g.size = true
		return nil
	}
	g.boxes++
	b := &box{contents: contents{g: g}, island: island{oldest: never}, tight: g.inflaters.tight}
	g.inflaters.tight = b.tight || g.inflaters.n > 0
	b.begin(formUnknown)
	return b
}

// write takes bytes of the content, which stand in the text at offset off.
func (b *box) write(g *grouper, p []byte, off int64) {
	g.tick(off)
	g.swap(&b.island)
	b.contents.write(p, off)
	g.swap(&b.island)
}

// end tells what is in the box.
func (b *box) end(g *grouper) {
	g.swap(&b.island)
	b.finish()
	g.swap(&b.island)
	g.boxes--
	g.inflaters.tight = b.tight
}

// held is [scanner.held], in offsets of the text around.
func (b *box) held() int64 {
	oldest := never
	for i := range b.island.groups {
		oldest = min(oldest, b.island.groups[i].start)
	}
	return b.settled(oldest)
}

// fault returns why not everything was read.
func (b *box) fault() rules.Uninspected { return b.contents.fault() }
