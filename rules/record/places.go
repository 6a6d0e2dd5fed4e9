package record

import "bytes"

// places remembers where in the body the values stand that were taken for
// somebody's, and whose they turned out to be: for a [Masker]. A nil places
// remembers nothing and costs a comparison. Short cuts are off while there is
// one, so that every value comes by with its bytes' own offsets: each byte that
// a scanner is given stands, or the escape that it is decoded from ends, at the
// offset that it is given with.
//
// It holds as many places as values are held: at most one for four bytes of what the
// masker holds.
type places struct {
	reading
	all    []place // all[0] is none
	free   []int32
	begins map[int64]int64 // of an escape, by the offset of the first byte that it stands for
	room   []stretch
	signs  []signs // of base64, in their order
	blind  bool    // a part was met in which nothing can be masked
	fields int     // header fields that go
}

// reading is what is being read.
type reading struct {
	base   []byte    // the text that values are cut from
	runs   []stretch // where its bytes stand
	number bool      // it is a number of JSON
	value  []byte    // the value that is being read
}

// stretch says that bytes of a text stand in the body at an offset, one beside the
// other.
type stretch struct {
	at, n int
	off   int64
}

// place is where a value, or a part of one without a gap, stands.
type place struct {
	from, to int64
	next     int32 // of its group, in a ring
	number   bool
	more     bool // it goes on with the value of the place before
	field    bool // it is a header field that goes
	owner    int32
}

// What place.owner says beside the slot of a subject.
const (
	ownerOpen   int32 = -iota - 1 // its group is not reported yet
	ownerNobody                   // nobody's
	ownerWeak                     // somebody's whom nothing singles out
	ownerBeyond                   // of a subject beyond those that are remembered
)

func newPlaces() *places { return &places{all: make([]place, 1), begins: make(map[int64]int64)} }

// addRun notes that n bytes from at on, of a text that is being gathered, stand
// at off; at 0 begins a text.
func addRun(runs []stretch, at, n int, off int64) []stretch {
	if at == 0 {
		runs = runs[:0]
	}
	if k := len(runs); k > 0 {
		last := &runs[k-1]
		last.n = min(last.n, at-last.at) // its end was taken back
		if last.at+last.n == at && last.off+int64(last.n) == off {
			last.n += n
			return runs
		}
	}
	return append(runs, stretch{at, n, off})
}

// appendRuns appends the runs of a text that is appended at at to another.
func appendRuns(dst, runs []stretch, at int) []stretch {
	if at == 0 {
		dst = dst[:0]
	}
	for _, r := range runs {
		dst = append(dst, stretch{r.at + at, r.n, r.off})
	}
	return dst
}

// cutRuns takes the first n bytes of a text away.
func cutRuns(runs []stretch, n int) []stretch {
	kept := runs[:0]
	for _, r := range runs {
		if gone := max(n-r.at, 0); gone < r.n {
			kept = append(kept, stretch{r.at + gone - n, r.n - gone, r.off + int64(gone)})
		}
	}
	return kept
}

// source is the text that the next values are cut from, and returns the one
// before.
func (p *places) source(base []byte, runs []stretch) (before reading) {
	if p != nil {
		before, p.reading = p.reading, reading{base: base, runs: runs, value: base}
	}
	return before
}

// back goes back to a text before.
func (p *places) back(before reading) {
	if p != nil {
		p.reading = before
	}
}

// straight is source for a text that stands in the body as it is.
func (p *places) straight(base []byte, off int64) {
	if p == nil {
		return
	}
	p.room = append(p.room[:0], stretch{0, len(base), off})
	p.source(base, p.room)
}

// numeral is source for a number of JSON.
func (p *places) numeral(base []byte, runs []stretch) {
	if p != nil {
		p.source(base, runs)
		p.number = true
	}
}

// whole is source for a value that is masked from one offset to another,
// whatever part of it is somebody's.
func (p *places) whole(v []byte, from, to int64) {
	if p == nil {
		return
	}
	p.room = append(p.room[:0], stretch{0, -1, from}, stretch{0, -1, to})
	p.source(v, p.room)
}

// copied returns the source's runs, in room: for a copy of it.
func (p *places) copied(room []stretch) []stretch {
	if p == nil {
		return nil
	}
	return append(room[:0], p.runs...)
}

// cell returns where the source stands that is masked as a whole, or zeros.
func (p *places) cell() (at [2]int64) {
	if len(p.runs) > 0 && p.runs[0].n < 0 {
		at = [2]int64{p.runs[0].off, p.runs[1].off}
	}
	return at
}

// see says which value, a part of the source, is being read.
func (p *places) see(v []byte) {
	if p != nil {
		p.value = v
	}
}

// escape says that the byte at offset at is the first one of an escape that
// begins at from.
func (p *places) escape(at, from int64) {
	if p != nil && at != from {
		p.begins[at] = from
	}
}

// begin returns where the escape begins that the byte at an offset is decoded
// from: for texts in texts, the outermost one's.
func (p *places) begin(at int64) int64 {
	if p == nil {
		return at
	}
	for range maxNested + 2 { // and quoted-printable
		from, is := p.begins[at]
		if !is {
			break
		}
		at = from
	}
	return at
}

// within returns where in the source a part of it begins.
func (p *places) within(v []byte) int {
	// Parts share the source's array, so that what is left behind tells.
	if at := cap(p.base) - cap(v); len(v) > 0 && at >= 0 && at+len(v) <= len(p.base) && &p.base[at] == &v[0] {
		return at
	}
	return bytes.Index(p.base, v)
}

// each calls f for the stretches of the body that a part of the source stands
// in: v's bytes from at on, n of them.
func (p *places) each(v []byte, f func(at, n int, from, to int64)) {
	if at := p.cell(); at[1] > 0 {
		f(0, len(v), at[0], at[1])
		return
	}
	first := p.within(v)
	if first < 0 { // a copy: all that it can be
		first, v = 0, p.base
	}
	end := first + len(v)
	for _, r := range p.runs {
		from, to := max(first, r.at), min(end, r.at+r.n)
		if from < to {
			f(from-first, to-from, r.off+int64(from-r.at), r.off+int64(to-r.at))
		}
	}
}

// replay gives a text, decoded from the body, to a scanner of its own.
func (p *places) replay(to scanner, text []byte, runs []stretch, off int64) {
	if p == nil {
		to.write(text, off)
		return
	}
	for _, r := range runs {
		to.write(text[r.at:r.at+r.n], r.off)
	}
}

// note says that the value that is being read is a group's.
func (p *places) note(o *group) {
	if p == nil {
		return
	}
	last := int64(-1)
	p.each(p.value, func(_, _ int, from, to int64) {
		from = p.begin(from)
		if o.places != 0 {
			if t := &p.all[o.places]; t.from == from && t.to == to {
				return // told twice
			} else if last == from && t.to == from { // an escape in it
				t.to, last = to, to
				return
			}
		}
		p.push(o, place{from: from, to: to, number: p.number, more: last >= 0, owner: ownerOpen})
		last = to
	})
}

// push adds a place to a group's ring; group.places is its last one.
func (p *places) push(o *group, one place) {
	at := int32(len(p.all))
	if n := len(p.free); n > 0 {
		at, p.free = p.free[n-1], p.free[:n-1]
	} else {
		p.all = append(p.all, place{})
	}
	one.next = at
	if o.places != 0 {
		one.next, p.all[o.places].next = p.all[o.places].next, at
	}
	p.all[at] = one
	o.places = at
}

// join gives the places of one group to another.
func (p *places) join(to, from *group) {
	if p == nil || from.places == 0 {
		return
	}
	if to.places != 0 {
		a, b := &p.all[to.places], &p.all[from.places]
		a.next, b.next = b.next, a.next
	}
	to.places, from.places = from.places, 0
}

// settle says whose the places of a group are.
func (p *places) settle(o *group, owner int32) {
	if p == nil || o.places == 0 {
		return
	}
	for at := p.all[o.places].next; ; at = p.all[at].next {
		p.all[at].owner = owner
		if at == o.places {
			break
		}
	}
	o.places = 0
}

// open returns the first offset, before limit, of a place whose owner is not
// known, or limit.
func (p *places) open(limit int64) int64 {
	for i := range p.all[1:] {
		if one := &p.all[i+1]; one.owner == ownerOpen && one.from < limit && one.to > 0 {
			limit = one.from
		}
	}
	return limit
}

// take appends the known places before limit to dst and forgets them, those of
// nobody without a word.
func (p *places) take(dst []place, limit int64) []place {
	for i := range p.all[1:] {
		one := &p.all[i+1]
		if one.owner == ownerOpen || one.to == 0 || one.from >= limit {
			continue
		}
		if one.owner != ownerNobody {
			dst = append(dst, *one)
		}
		*one = place{}
		p.free = append(p.free, int32(i+1))
	}
	for at := range p.begins {
		if at < limit {
			delete(p.begins, at)
		}
	}
	return dst
}
