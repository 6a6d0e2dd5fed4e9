package record

import (
	"bytes"
	"strconv"
)

// Bounds of a flat text. What lies beyond them is read as values of nobody in
// particular.
const (
	maxFlatOpen = 32   // structures inside each other
	maxFlatRefs = 64   // members of one
	maxFlatKeys = 1024 // keys that are numbers of strings
	maxFlatLeap = 1 << 16
)

// flatText follows a text in which every value is an element of one array and
// structures have the numbers of their members: [{"name":1,"email":2},"Ada","a@b.c"].
// devalue writes such texts (Nuxt, SvelteKit), and turbo-stream (Remix, React Router),
// whose keys are numbers too: {"_1":2}. Both number a value's members right behind it,
// one after the other with all that is in them, so that the structure a value belongs
// to is known when it comes; but what was numbered before is not told again.
type flatText struct {
	base  int // depth of the array
	at    int32
	inner bool // the element is a structure, which is open
	nodes []flatNode
	keys  map[int32]class
	key   flatRef // of the member whose number comes
}

// flatNode is a structure that is open.
type flatNode struct {
	array  bool
	class  class // of an array's elements
	lo, hi int32 // of them
	refs   []flatRef
}

// flatRef is a member of an object.
type flatRef struct {
	at    int32
	key   int32 // the number of its key; 0: class is known
	class class
}

// flatHead reports whether a text begins as one of devalue or turbo-stream: the members
// of the first value are the elements behind it, of turbo-stream those of its keys.
func flatHead(text []byte) bool {
	text = bytes.TrimLeft(text, " \t\r\n")
	if bytes.HasPrefix(text, []byte(`[{"_1":2`)) {
		return true
	}
	for _, head := range [...]string{`[["ShallowReactive",1`, `[["Reactive",1`, `[["Ref",1`, `[["ShallowRef",1`, `[[1`} {
		if bytes.HasPrefix(text, []byte(head)) {
			return true
		}
	}
	rest, is := bytes.CutPrefix(text, []byte(`[{"`))
	if !is {
		return false
	}
	_, rest, is = bytes.Cut(rest[:min(len(rest), maxKey)], []byte(`":1`))
	return is && len(rest) > 0 && (rest[0] == ',' || rest[0] == '}')
}

// flatKit is how SvelteKit answers: each node's data is a flat text.
var flatKit = []byte(`{"type":"data","nodes":[`)

// newFlat returns what follows a text that begins with head; nil: it is not flat.
func newFlat(head []byte) *flatText {
	if head = bytes.TrimLeft(head, " \t\r\n"); len(head) == 0 {
		return nil
	}
	if flatHead(head) {
		return &flatText{base: 1}
	}
	if bytes.HasPrefix(head, flatKit) {
		return &flatText{base: 4}
	}
	return nil
}

// active reports whether the array is open. It works on nil.
func (t *flatText) active(s *jsonScanner) bool { return t != nil && s.depth >= t.base && t.at >= 0 }

// open takes a structure that begins, at a depth that counts it. It reports whether it
// was an element or a part of one.
func (t *flatText) open(s *jsonScanner, b byte) bool {
	switch {
	case t == nil || s.depth < t.base:
		return false
	case s.depth == t.base:
		if t.leave(s, s.start); b == '[' {
			t.at, t.keys = 0, nil
		}
		return false
	case t.at < 0 || s.depth > t.base+1:
		return false
	}
	c := t.place(s)
	k := frameObject
	node := flatNode{class: c}
	if b == '[' {
		k, node.array, node.lo = frameArray, true, -1
	}
	if len(t.nodes) == maxFlatOpen {
		s.g.size = true
		t.leave(s, s.start)
		t.at++
	}
	t.nodes = append(t.nodes, node)
	s.g.enter(k, c)
	t.inner = true
	return true
}

// place leaves the structures that the element does not belong to, and returns the
// class of its key.
func (t *flatText) place(s *jsonScanner) class {
	for n := len(t.nodes); n > 0; n-- {
		if c, is := t.nodes[n-1].member(t.at); is {
			return c
		}
		t.nodes = t.nodes[:n-1]
		s.g.leave(s.start)
	}
	return class{}
}

// member returns the class of the key of the element at, if it is the node's; of a key
// itself none.
func (n *flatNode) member(at int32) (class, bool) {
	if n.array {
		return n.class, n.lo >= 0 && at >= n.lo && at <= n.hi
	}
	for i := range n.refs {
		if n.refs[i].at == at {
			return n.refs[i].class, true
		}
		if n.refs[i].key == at {
			return class{}, true
		}
	}
	return class{}, false
}

// close is the end of a structure; it reports whether it was an element, whose members
// are still to come.
func (t *flatText) close(s *jsonScanner, off int64) bool {
	if !t.active(s) {
		return false
	}
	if s.depth == t.base {
		t.leave(s, off)
		return false
	}
	if s.depth == t.base+1 && t.inner {
		t.inner = false
		s.g.tick(off)
		return true
	}
	return false
}

// leave ends all that is open. It works on nil.
func (t *flatText) leave(s *jsonScanner, off int64) {
	if t == nil {
		return
	}
	for ; len(t.nodes) > 0; t.nodes = t.nodes[:len(t.nodes)-1] {
		s.g.leave(off)
	}
	t.at = -1
}

// comma is the one behind an element.
func (t *flatText) comma(s *jsonScanner) {
	if t.active(s) && s.depth == t.base {
		t.at++
	}
}

// named takes the key of a member.
func (t *flatText) named(s *jsonScanner, key []byte) bool {
	if !t.active(s) || s.depth != t.base+1 || !t.inner {
		return false
	}
	t.key = flatRef{}
	if rest, is := bytes.CutPrefix(key, []byte("_")); is {
		if n, err := strconv.ParseUint(string(rest), 10, 31); err == nil {
			t.key.key = int32(n) //nolint:gosec // 31 bits
			if c, known := t.keys[t.key.key]; known {
				t.key.class, t.key.key = c, 0
			}
			return true
		}
	}
	if len(key) <= maxKey {
		t.key.class = s.g.keys.class(key)
	}
	return true
}

// number takes a number under a key of class c: of a member, or a value. told: it was one
// of a member.
func (t *flatText) number(s *jsonScanner, v []byte, c class) (_ class, told bool) {
	switch {
	case !t.active(s):
		return c, false
	case s.depth == t.base:
		return t.place(s), false
	case s.depth != t.base+1 || !t.inner:
		return c, false
	case s.shape&shapeLetter != 0 || len(v) == 2 && v[0] == '-': // null; of undefined, NaN and the like
		return c, true
	}
	n, err := strconv.ParseUint(string(v), 10, 31)
	if err != nil || int64(n) > int64(t.at)+maxFlatLeap { //nolint:gosec // 31 bits
		c = t.key.class
		t.give(s)
		return c, false
	}
	at, node := int32(n), &t.nodes[len(t.nodes)-1] //nolint:gosec // 31 bits
	switch {
	case node.array && at > t.at: // else it was told before
		if node.lo < 0 {
			node.lo = at
		}
		node.hi = max(node.hi, at)
	case !node.array && len(node.refs) < maxFlatRefs:
		r := t.key
		r.at = at
		node.refs = append(node.refs, r)
	}
	return c, true
}

// text takes a string under a key of class c; told: it says how an element is to be read.
func (t *flatText) text(s *jsonScanner, v []byte, c class) (_ class, told bool) {
	switch {
	case !t.active(s):
		return c, false
	case s.depth == t.base:
		c = t.place(s)
		if n := len(t.nodes); n > 0 && !t.nodes[n-1].array && len(v) <= maxKey {
			t.keyed(s, &t.nodes[n-1], v)
		}
		return c, false
	case s.depth != t.base+1 || !t.inner:
		return c, false
	case s.object():
		c = t.key.class
		t.give(s)
		return c, false
	}
	return c, true // ["Date", …], ["Reactive", 1]
}

// give ends the reading of a text that is not flat: an object in it has a value. What was
// taken for the numbers of its members before are values, too.
func (t *flatText) give(s *jsonScanner) {
	node := t.nodes[len(t.nodes)-1]
	t.leave(s, s.start)
	s.flat = nil
	if node.array {
		s.g.enter(frameArray, class{})
		return
	}
	s.g.enter(frameObject, class{})
	for _, r := range node.refs {
		var room [maxNumber]byte
		s.g.value(r.class, strconv.AppendUint(room[:0], uint64(r.at), 10), shapeDigit, s.start) //nolint:gosec // not negative
	}
}

// keyed takes a string that is a key.
func (t *flatText) keyed(s *jsonScanner, node *flatNode, v []byte) {
	for i := range node.refs {
		r := &node.refs[i]
		if r.key != t.at || r.key == 0 {
			continue
		}
		r.class, r.key = s.g.keys.class(v), 0
		if t.keys == nil {
			t.keys = make(map[int32]class)
		}
		if len(t.keys) < maxFlatKeys {
			t.keys[t.at] = r.class
		}
	}
}
