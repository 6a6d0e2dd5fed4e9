package record

import (
	"sync"

	"github.com/ordergate/ordergate/rules"
)

const (
	maxDepth   = 512      // frames; what lies deeper is not read
	maxGroups  = 20       // groups alive at once
	maxPending = 6        // groups that wait in one frame for its end
	maxSpan    = 32 << 10 // bytes of body that an unreported atom may hold back
)

// frameKind says how the groups inside a frame belong together.
type frameKind uint8

const (
	frameObject frameKind = iota // its values describe one thing; its children are decided at its end
	frameArray                   // its elements stand for themselves
	frameBlock                   // page text: what follows belongs to what went before until it clashes
	frameRow                     // a table row: an object, taken for an element
)

// frame is one open structure.
type frame struct {
	kind    frameKind
	named   bool // its key is a noun of the lexicon
	wrap    bool // its key says nothing
	element bool // of an array
	crowd   bool // it has shown two different people: children stand for themselves
	roots   bool // its children were each asked for by themselves, see grouper.apart
	npend   uint8
	class   class // of its key; sense includes what it inherits
	own     int16 // group of its direct values, or none; of an array only where no object is around
	pend    int16 // groups of children that wait for its end, newest first
}

const none int16 = -1

// grouper turns atoms into records. All scanners of one response feed the
// same one.
type grouper struct {
	cfg  *Config
	h    *rules.Hasher
	keys *keys

	frames    []frame
	deep      int // frames beyond maxDepth that are open
	groups    []group
	free      []int16
	oldest    int64 // lower bound of the start of every live group
	size      bool  // a bound was met
	report    report
	aside     aside
	prose     *prose // for values of several lines
	scratch   []byte
	room      *room
	hit       []byte // a value without a search engine's tags
	recent    *recent
	paged     bool // a page was begun, which shows many a value twice
	inflaters inflaters
	stirs     uint    // how often a value told something, or might have, see familiar
	slow      bool    // no short cuts, in any scanner
	places    *places // for a masker; nil: nobody asks where values stand
	claim     *Claim  // set while a request is read: identifiers go there
	join      int32   // the subject of the resource that ends, see jsonLinks; 0: not known
	manifest  bool    // the text says by whom it was made
	chosen    bool    // the names of keys are the client's
	joined    int32   // of the group that was reported last
	boxes     int     // documents in texts that are open, see box
}

func (g *grouper) init(cfg *Config, h *rules.Hasher) {
	g.cfg, g.h, g.oldest = cfg, h, never
	if d := cfg.declares(); d != nil {
		g.keys = d.pool.Get().(*keys) //nolint:forcetypeassert // nothing else is in the pool
		g.slow = true                 // the short cuts know the lexicon only
	} else {
		g.keys = newKeys()
	}
	r := roomPool.Get().(*room) //nolint:forcetypeassert // nothing else is in the pool
	g.frames, g.groups, g.free, g.scratch, g.recent, g.room = r.frames[:0], r.groups[:0], r.free[:0], r.scratch[:0], &r.recent, r
}

// room is memory that serves one response after the other, wiped.
type room struct {
	frames  []frame
	groups  []group
	free    []int16
	scratch []byte
	head    []byte // of the body
	recent  recent
}

var roomPool = sync.Pool{New: func() any {
	return &room{frames: make([]frame, 0, 16), groups: make([]group, 0, 3), free: make([]int16, 0, 3), scratch: make([]byte, 0, 256), head: make([]byte, 0, maxSniff)}
}}

// release wipes the grouper's memory and gives it back, but what is larger than
// most responses need.
func (r *room) release(g *grouper) {
	if cap(g.frames) > 64 || cap(g.groups) > 8 || cap(g.scratch) > 1<<10 {
		return
	}
	clear(g.groups)
	clear(g.scratch[:cap(g.scratch)])
	clear(r.head[:cap(r.head)])
	r.recent = recent{}
	r.frames, r.groups, r.free, r.scratch = g.frames, g.groups, g.free, g.scratch
	roomPool.Put(r)
}

// close gives back what the grouper shares with others.
func (g *grouper) close() {
	g.keys.release()
	g.keys = nil
	if g.places == nil { // a masker asks for the subjects of a body that has ended
		g.report.told.release()
		g.report.told = nil
	}
	g.room.release(g)
	g.frames, g.groups, g.free, g.scratch, g.recent, g.room = nil, nil, nil, nil, nil, nil
}

// enter opens a structure whose key has class c.
func (g *grouper) enter(k frameKind, c class) {
	if len(g.frames) == maxDepth {
		g.deep++
		g.size = true
		return
	}
	switch c.kind {
	case kindLines:
		g.own().marks |= markLines
	case kindAuthor:
		c = g.authored(c)
	case kindTotal: // total: {value: …, currency: …}
		g.own().marks |= markTotal
	}
	if c.kind == kindAddress {
		c.sense |= senseAddress
	}
	f := frame{kind: k, own: none, pend: none, class: c}
	if n := len(g.frames); n > 0 {
		p := &g.frames[n-1]
		f.element = p.kind == frameArray
		inherited := p.class.sense & (sensePlace | senseProduct | senseOther)
		switch {
		case f.element:
			f.class, f.named, f.wrap = p.class, p.named, p.wrap
		case c.sense&senseTransparent != 0 && c.sense&^(senseTransparent|senseKnown|senseRoots) == 0:
			f.wrap, f.roots = true, c.sense&senseRoots != 0 && k == frameObject && g.outermost()
			f.class.sense |= p.class.sense &^ senseThing
			if f.class.kind = kindNone; p.class.kind == kindEmail { // emails: {results: […]}
				f.class.kind = kindEmail
			}
		case c.sense&(senseCustomer|senseOrder) != 0:
			if c.sense&(senseClient|senseOrder) != 0 {
				inherited &= senseProduct | senseSample
			} else { // a contact or an account of the shop's is not a customer's
				inherited &= senseProduct | senseOther
			}
			fallthrough
		default:
			if c.sense&sensePlace != 0 {
				inherited &^= sensePlace
			}
			f.class.sense |= inherited
		}
	}
	if !f.element {
		f.named = c.sense&senseKnown != 0 && c.sense&senseTransparent == 0 || c.sense&(senseCustomer|sensePlace|senseOrder) != 0
	}
	if k == frameRow {
		f.element = true
	}
	g.frames = append(g.frames, f)
}

// outermost reports whether the innermost structure is the root of a body, or an
// element of a list that is.
func (g *grouper) outermost() bool {
	n := len(g.frames)
	return n == 1 && g.frames[0].kind == frameObject || n == 2 && g.frames[0].kind == frameArray && g.frames[1].kind == frameObject
}

// leave closes the innermost structure at offset off.
func (g *grouper) leave(off int64) {
	if g.deep > 0 {
		g.deep--
		return
	}
	n := len(g.frames)
	if n == 0 {
		return
	}
	f := g.frames[n-1]
	if f.kind == frameArray {
		g.frames = g.frames[:n-1]
		if f.own != none {
			g.seal(&g.groups[f.own], f.class.sense)
			g.finish(f.own)
		}
		return
	}
	var at int16
	if f.own != none && f.pend == none && !g.slow && g.idle(n-1) {
		g.release(f.own)
		g.frames = g.frames[:n-1]
		g.age(off)
		return
	}
	if f.kind == frameObject || f.kind == frameRow {
		at = g.resolve(&f)
	} else {
		at = f.own
		if at != none {
			g.seal(&g.groups[at], f.class.sense)
		}
	}
	g.frames = g.frames[:n-1]
	if at != none {
		r := &g.groups[at]
		r.sense, r.named, r.wrap, r.many = f.class.sense, f.named, f.wrap, f.element
		g.attach(at, f.element && (f.class.kind != kindEmail || !r.bare())) // emails: [{address: …, verified: true}]
	}
	g.age(off)
}

// idle reports whether the own group of an object that ends, the frame i, has
// nothing that [grouper.seal] or [grouper.attach] would make anything of: most
// objects of a catalogue have a number and a price only.
func (g *grouper) idle(i int) bool {
	f := &g.frames[i]
	o := &g.groups[f.own]
	if f.kind != frameObject || f.class.sense&(senseOrder|senseCustomer) != 0 || o.n > 0 || o.fields != 0 || o.marks&^(markProduct|markLines) != 0 || o.slot != 0 {
		return false
	}
	if o.first.n|o.last.n|o.full.n|o.title.n|o.customer.n|o.street.n|o.maybe[0].n|o.maybe[1].n|o.maybe[2].n|o.maybePhone.n|o.maybeStreet.n != 0 {
		return false
	}
	for i--; i >= 0; i-- {
		if k := g.frames[i].kind; k != frameArray {
			return k == frameObject || k == frameRow
		}
	}
	return true
}

// parent returns the index of the innermost open structure that can own
// values, or -1.
func (g *grouper) parent() int {
	for i := len(g.frames) - 1; i >= 0; i-- {
		if g.frames[i].kind != frameArray {
			return i
		}
	}
	return -1
}

// own returns the group of the innermost structure's direct values.
func (g *grouper) own() *group {
	g.stirs++
	if n := len(g.frames); n > 0 {
		if f := &g.frames[n-1]; f.kind != frameArray && f.own != none {
			return &g.groups[f.own]
		}
	}
	return g.makeOwn()
}

// marked returns the marks of the group that own returns, if there is one yet.
func (g *grouper) marked() marks {
	i := g.parent()
	if i < 0 {
		i = len(g.frames) - 1
	}
	if i < 0 || g.frames[i].own == none {
		return 0
	}
	return g.groups[g.frames[i].own].marks
}

// makeOwn is own where there may be none yet.
func (g *grouper) makeOwn() *group {
	i := g.parent()
	if i < 0 {
		if len(g.frames) == 0 {
			g.enter(frameObject, class{})
		}
		i = len(g.frames) - 1 // an array that stands in no object has a group of its own
	}
	if g.frames[i].own == none {
		at := g.alloc()
		g.frames[i].own = at
	}
	return &g.groups[g.frames[i].own]
}

func (g *grouper) alloc() int16 {
	g.stirs++
	if n := len(g.free); n > 0 {
		at := g.free[n-1]
		g.free = g.free[:n-1]
		g.groups[at].reset()
		return at
	}
	if len(g.groups) < maxGroups {
		g.groups = append(g.groups, group{start: never, next: none})
		return int16(len(g.groups) - 1)
	}
	return g.evict()
}

// evict reports the group that has waited longest in the outermost frame and
// gives its place away.
func (g *grouper) evict() int16 {
	for i := range g.frames {
		f := &g.frames[i]
		at := f.own
		if f.pend != none {
			at = g.unpend(f)
		} else if at == none {
			continue
		} else {
			f.own = none
		}
		g.emit(at)
		g.groups[at].reset()
		return at
	}
	// Every live group hangs on a frame or is held by the caller, who holds
	// at most two.
	g.groups = append(g.groups, group{start: never, next: none})
	return int16(len(g.groups) - 1)
}

func (g *grouper) release(at int16) {
	g.places.settle(&g.groups[at], ownerNobody)
	g.groups[at].start = never
	g.free = append(g.free, at)
}

// unpend takes the oldest pending group out of a frame.
func (g *grouper) unpend(f *frame) int16 {
	at, before := f.pend, none
	for g.groups[at].next != none {
		before, at = at, g.groups[at].next
	}
	if before == none {
		f.pend = none
	} else {
		g.groups[before].next = none
	}
	f.npend--
	return at
}

// tick is age where there may be no need.
func (g *grouper) tick(off int64) {
	if off-g.oldest > maxSpan {
		g.age(off)
	}
}

// age reports what has held bytes back for too long.
func (g *grouper) age(off int64) {
	if off-g.oldest <= maxSpan {
		return
	}
	g.oldest = never
	for i := range g.groups {
		r := &g.groups[i]
		if off-r.start > maxSpan && r.start != never {
			g.emit(int16(i))
			r = &g.groups[i]
			r.start = never
		}
		g.oldest = min(g.oldest, r.start)
	}
}

// young reports whether nothing will have held bytes back for too long at off.
func (g *grouper) young(off int64) bool {
	if off-g.oldest > maxSpan {
		g.oldest = g.held() // the bound may be out of date
	}
	return off-g.oldest <= maxSpan
}

// held returns the offset of the oldest atom that is not yet reported, or
// never.
func (g *grouper) held() int64 {
	oldest := never
	for i := range g.groups {
		oldest = min(oldest, g.groups[i].start)
	}
	return oldest
}

// flush closes everything that is open, at the end of the body.
func (g *grouper) flush(off int64) {
	g.deep = 0
	for len(g.frames) > 0 {
		g.leave(off)
	}
}
