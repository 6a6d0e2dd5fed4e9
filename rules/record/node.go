package record

import (
	"bytes"
	"hash/maphash"
)

// node is an open element of XML.
type node struct {
	frame bool   // it is a structure
	kids  bool   // it has elements inside
	class class  // of the name
	hash  uint64 // of the name
	last  uint64 // the hash of the element inside that ended last
}

// finishXML is the end of a tag of XML: an element with elements inside is a
// structure, any other is a value under its name.
func (p *page) finishXML(void bool, off int64) {
	if p.closing {
		p.closeXML(off)
		return
	}
	if !p.opened {
		p.openXML()
	}
	if void {
		p.closeXML(off)
	}
}

// directive reports whether an attribute of XML speaks of the element and not
// of what it tells: namespaces, types.
func directive(name []byte) bool {
	i := bytes.IndexByte(name, ':')
	if i < 0 {
		return false
	}
	switch string(name[:i]) {
	case "xsi", "xml", "xmlns":
		return true
	}
	return bytes.HasSuffix(name, []byte("encodingStyle")) || bytes.HasSuffix(name, []byte("arrayType"))
}

// openXML opens an element of XML. An element beside one of the same name is
// one of many: the first of them then no longer waits for what it stands in.
func (p *page) openXML() {
	name := p.name[:p.n]
	if i := bytes.LastIndexByte(name, ':'); i >= 0 {
		name = name[i+1:]
	}
	if n := len(p.tree); n > 0 {
		p.tree[n-1].kids = true
		p.frameXML(n - 1)
	}
	p.prose.reset()
	if len(p.tree) == maxElements {
		p.deep++
		p.g.size = true
		return
	}
	p.tree = append(p.tree, node{class: p.g.keys.class(name), hash: maphash.Bytes(p.seed, name)})
}

// frameXML makes an open element a structure.
func (p *page) frameXML(at int) {
	if at < 0 || p.deep > 0 || p.tree[at].frame {
		return
	}
	e := &p.tree[at]
	e.frame = true
	p.g.enter(frameObject, e.class)
	if at > 0 && p.tree[at-1].last == e.hash && len(p.g.frames) > 1 && p.g.deep == 0 {
		p.g.repeat()
	}
}

// closeXML ends an element. Text in an element without elements inside is the
// value of its name, for the structure around it.
func (p *page) closeXML(off int64) {
	n := len(p.tree)
	if p.deep > 0 {
		p.deep--
		return
	}
	if n == 0 {
		return
	}
	e := p.tree[n-1]
	p.tree = p.tree[:n-1]
	if n > 1 {
		p.tree[n-2].last = e.hash
	}
	if e.kids {
		p.prose.gap()
		p.g.leave(off)
		return
	}
	p.prose.brk()
	if e.frame {
		p.g.leave(off)
	}
	before := p.prose.sourced()
	for i := range p.prose.n {
		v := trim(bytes.TrimSuffix(p.prose.at(i), []byte("]]>"))) // of a CDATA section, whose end the tokens do not know
		if len(v) == 0 {
			continue
		}
		if s, start := shapeOf(v)&^shapeLine, p.prose.lines[i].start; p.g.dull(e.class, v, s) {
			p.g.tick(start)
		} else {
			p.g.value(e.class, v, s, start)
		}
	}
	p.prose.reset()
	p.g.places.back(before)
}
