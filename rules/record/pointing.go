package record

import "strconv"

// pointing follows one JSON text along the declared pointers. The zero value
// follows none.
type pointing struct {
	list  []pointer
	alive [maxPointer + 2]uint64 // by depth: pointers whose tokens so far lead into the open container
	index [maxPointer + 2]int    // by depth: of the next element of an array
	here  uint64                 // pointers whose tokens lead to the next value
	tiny  [20]byte
}

// open enters a container; depth counts it.
func (p *pointing) open(depth int) {
	if len(p.list) == 0 || depth >= len(p.alive) {
		return
	}
	if p.alive[depth] = p.here; depth == 1 {
		p.alive[1] = 1<<len(p.list) - 1
	}
	p.index[depth] = 0
}

// key notes the key of the next value, in the object at a depth.
func (p *pointing) key(depth int, key []byte) { p.step(depth, key) }

// element notes that the next value is an element of the array at a depth.
func (p *pointing) element(depth int) {
	if len(p.list) == 0 || depth >= len(p.alive) {
		return
	}
	p.step(depth, strconv.AppendInt(p.tiny[:0], int64(p.index[depth]), 10))
	p.index[depth]++
}

func (p *pointing) step(depth int, token []byte) {
	p.here = 0
	if len(p.list) == 0 || depth >= len(p.alive) {
		return
	}
	for i := range p.list {
		if p.alive[depth]&(1<<i) == 0 || len(p.list[i].tokens) < depth {
			continue
		}
		if t := p.list[i].tokens[depth-1]; t == "*" || t == string(token) {
			p.here |= 1 << i
		}
	}
}

// class returns what is declared for the next value, in the container at a
// depth, or c.
func (p *pointing) class(depth int, c class) class {
	if p.here == 0 {
		return c
	}
	for i := range p.list {
		if p.here&(1<<i) != 0 && len(p.list[i].tokens) == depth {
			return p.list[i].class
		}
	}
	return c
}
