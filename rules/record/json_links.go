package record

import (
	"bytes"
	"hash/maphash"
)

const (
	maxLinks = 2048 // resources whose person is remembered in one text
	maxRels  = 16   // relationships of one resource that are followed
)

// jsonLinks follows the relationships of a JSON:API document (jsonapi.org, version
// 1.1): a resource that a person's resource names, such as the address of an order
// under "included", is that person's. Only one with a Content-Type of JSON:API has any,
// or one that begins so: then a list at its root alone is, see [jsonScanner.listed].
type jsonLinks struct {
	types [4]uint64 // by depth: hash of an open object's type; 0: it has none
	rels  [maxRels]uint64
	n     int
	typed bool // the Content-Type says that it is one
	depth int  // of the relationships that are open; 0: none are
	known map[uint64]int32
}

// linkedHead reports whether a text that begins with head is a JSON:API document whatever
// its type says: data, with types and attributes.
func linkedHead(head []byte) bool {
	head = bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xEF\xBB\xBF")), " \t\r\n")
	if len(head) < 64 || head[0] != '{' {
		return false
	}
	return (bytes.Contains(head[:32], []byte(`"data"`)) || bytes.Contains(head[:32], []byte(`"jsonapi"`)) || bytes.Contains(head[:32], []byte(`"links"`))) &&
		bytes.Contains(head, []byte(`"type"`)) && bytes.Contains(head, []byte(`"id"`)) && (bytes.Contains(head, []byte(`"attributes"`)) || bytes.Contains(head, []byte(`"relationships"`)))
}

// within reports whether relationships are open. It works on nil.
func (l *jsonLinks) within() bool { return l != nil && l.depth > 0 }

// opened notes that a structure begins, under a key of class c, at a depth that
// counts it.
func (s *jsonScanner) opened(c class) {
	l := s.links
	if s.depth < len(l.types) {
		l.types[s.depth] = 0
	}
	if c.kind == kindRelated && l.depth == 0 {
		l.depth, l.n = s.depth, 0
	}
	l.types[0] = 0
	if n := len(s.g.frames); n > 0 && l.typed {
		s.g.frames[n-1].roots = false // data is no GraphQL answer's
	}
}

// typed notes the type of the object that is open; an empty one is none.
func (s *jsonScanner) typed(v []byte) {
	if len(v) == 0 {
		return
	}
	h := maphash.Bytes(s.g.keys.seed, v) | 1
	switch l := s.links; {
	case l.depth > 0:
		l.types[0] = h
	case s.depth > 1 && s.depth < len(l.types):
		l.types[s.depth] = h
	}
}

// closing is the end of an object, before the grouper leaves it. It returns what
// the object is called, if it is a resource.
func (s *jsonScanner) closing() (resource uint64) {
	l, g := s.links, s.g
	n := len(g.frames)
	if n == 0 || g.deep > 0 {
		return 0
	}
	f := &g.frames[n-1]
	is := uint64(0)
	if l.depth > 0 {
		is, l.types[0] = l.types[0], 0
	} else if s.depth < len(l.types) {
		is = l.types[s.depth]
	}
	if is == 0 || f.own == none || g.groups[f.own].generic.n == 0 {
		return 0
	}
	is ^= maphash.Bytes(g.keys.seed, g.groups[f.own].generic.bytes()) * 0x9E3779B97F4A7C15
	if l.depth == 0 {
		f.element = true // it stands for itself, also as the only one
		return is
	}
	if l.n < maxRels {
		l.rels[l.n] = is
		l.n++
	}
	return 0
}

// closed is the end of a structure, at a depth that counted it, behind the grouper's
// leave; slot is the subject that was reported for the resource, or 0.
func (l *jsonLinks) closed(depth int, resource uint64, slot int32) {
	if depth == l.depth {
		l.depth = 0
		return
	}
	if resource == 0 {
		return
	}
	for _, is := range l.rels[:l.n] {
		if slot == 0 || len(l.known) == maxLinks {
			break
		}
		if l.known == nil {
			l.known = make(map[uint64]int32)
		}
		if l.known[is] == 0 { // the first one's
			l.known[is] = slot
		}
	}
	l.n = 0
}

// leaveLinked closes a structure of a JSON:API document.
func (s *jsonScanner) leaveLinked(b byte, off int64) {
	g, resource := s.g, uint64(0)
	if b == '}' {
		resource = s.closing()
	}
	g.join, g.joined = 0, 0
	if s.links.typed || s.listed() {
		g.join = s.links.known[resource]
	}
	s.depth--
	g.leave(off)
	s.links.closed(s.depth+1, resource, g.joined)
	g.join = 0
}

// listed reports whether the structure that ends is in a list at the root of the text, as
// what is "included" is. A GraphQL answer, in which the client may call a field "type" and
// another "relationships", has no such list: its data is an object.
func (s *jsonScanner) listed() bool { return s.depth == 3 && s.kinds[0]&(1<<1) == 0 }

// related gives a resource's person the subject of whose resource named it, unless
// both have addresses of their own.
func (g *grouper) related(o *group) {
	if o.slot == 0 && !(o.mail() && g.report.told.subjects.at(int(g.join-1)).mail) {
		o.slot = g.join
	}
	g.join = 0
}
