package ledger

import (
	"crypto/sha256"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"
)

// Tree is the right edge of the Merkle tree over a ledger's entries (RFC 6962,
// section 2.1; the hashes are those of golang.org/x/mod/sumdb/tlog): enough to
// append to it and to know its root. The zero value is the empty tree. It is
// not safe for concurrent use; Clone gives an independent one.
type Tree struct {
	size int64
	edge []tlog.Hash // the roots of the complete subtrees, the largest first
}

// Size is how many entries the tree has.
func (t *Tree) Size() int64 { return t.size }

// Edge returns the roots of the complete subtrees that make up the tree, the
// largest first.
func (t *Tree) Edge() []tlog.Hash { return append([]tlog.Hash(nil), t.edge...) }

// TreeAt returns the tree of a size with a known edge, or false if there are
// not as many hashes as a tree of that size has.
func TreeAt(size int64, edge []tlog.Hash) (Tree, bool) {
	if size < 0 || bits.OnesCount64(uint64(size)) != len(edge) {
		return Tree{}, false
	}
	return Tree{size: size, edge: append([]tlog.Hash(nil), edge...)}, true
}

// Clone returns a copy that later changes do not touch.
func (t *Tree) Clone() Tree { return Tree{size: t.size, edge: t.Edge()} }

// Append adds an entry. completed, unless nil, is called with every subtree
// that the entry completes, the lowest first, and its place.
func (t *Tree) Append(entry []byte, completed func(at Place, hash tlog.Hash)) {
	hash := tlog.RecordHash(entry)
	at := Place{0, t.size}
	for ; ; at = (Place{at.Level + 1, at.Index >> 1}) {
		if completed != nil {
			completed(at, hash)
		}
		if at.Index&1 == 0 {
			break
		}
		hash = tlog.NodeHash(t.edge[len(t.edge)-1], hash)
		t.edge = t.edge[:len(t.edge)-1]
	}
	t.edge = append(t.edge, hash)
	t.size++
}

// Root returns the tree's root; of the empty tree, the hash of nothing.
func (t *Tree) Root() tlog.Hash {
	if len(t.edge) == 0 {
		return sha256.Sum256(nil)
	}
	root := t.edge[len(t.edge)-1]
	for i := len(t.edge) - 2; i >= 0; i-- {
		root = tlog.NodeHash(t.edge[i], root)
	}
	return root
}

// Place is where a complete subtree is: it has 2^Level entries, from the one
// with number Index*2^Level on.
type Place struct {
	Level int   `json:"level"`
	Index int64 `json:"index"`
}

// First is the number of the subtree's first entry, counted from 0.
func (p Place) First() int64 { return p.Index << p.Level }

// End is the number of the entry behind it.
func (p Place) End() int64 { return (p.Index + 1) << p.Level }

// EdgePlaces returns where the subtrees of a tree's edge are.
func EdgePlaces(size int64) []Place {
	var places []Place
	for at := int64(0); at < size; {
		level := bits.Len64(uint64(size-at)) - 1 //nolint:gosec // positive
		places = append(places, Place{level, at >> level})
		at += 1 << level
	}
	return places
}
