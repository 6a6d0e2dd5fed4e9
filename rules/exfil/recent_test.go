package exfil

import (
	"slices"
	"testing"

	"github.com/ordergate/ordergate/rules"
)

// between is a lock that lets something happen before it is taken, as another
// exchange does while a list is walked through.
type between struct {
	happens func()
	held    int // entries since it was taken last
	most    int
}

func (b *between) Lock()   { b.happens(); b.held = 0 }
func (b *between) Unlock() { b.most = max(b.most, b.held) }

// TestRecentWalk: a long list is walked through in slices, decisions pass between
// two of them, and what they do not touch is met once.
func TestRecentWalk(t *testing.T) {
	const size = 5 * sharePlaces
	list := newRecent[rules.Digest, int](size, spreadDigest, nil)
	for n := range size / 2 {
		list.add(principal(n), n)
	}
	passed := 0
	b := &between{happens: func() {
		list.add(principal(size+passed), -1)
		list.get(principal(2 * passed % 1000)) // even ones below a thousand are used meanwhile
		passed++
	}}
	met := map[int]int{}
	list.each(b, saveLarge, func(_ rules.Digest, n int) {
		met[n]++
		b.held++
	}, nothing)
	if b.most > saveLarge || passed < size/2/saveLarge {
		t.Errorf("%d entries in one slice, %d decisions passed", b.most, passed)
	}
	for n := range size / 2 {
		if met[n] != 1 {
			t.Fatalf("entry %d was met %d times", n, met[n])
		}
	}
	for _, share := range list.shares {
		if n := share.Len(); n > sharePlaces {
			t.Errorf("%d entries in one share", n)
		}
	}
}

// TestRecentForgets: a share forgets what was quiet longest of it; of all shares
// the entry that was quiet longest goes first where there is to be less.
func TestRecentForgets(t *testing.T) {
	forgotten := 0
	list := newRecent(3*sharePlaces, spreadDigest, func(rules.Digest, int) { forgotten++ })
	for n := range 20 * sharePlaces {
		list.add(principal(n), n)
	}
	if n := list.len(); n > 3*sharePlaces || n+forgotten != 20*sharePlaces {
		t.Errorf("%d entries, %d forgotten", n, forgotten)
	}
	if v, ok := list.peek(principal(20*sharePlaces - 1)); !ok || v != 20*sharePlaces-1 {
		t.Error("the newest is forgotten")
	}
	var left []int
	list.each(&between{happens: func() {}}, saveSmall, func(_ rules.Digest, n int) { left = append(left, n) }, nothing)
	slices.Sort(left)
	list.dropOldest(func(n int) int64 { return int64(n) })
	list.dropOldest(func(n int) int64 { return int64(n) })
	for i, n := range left {
		if _, ok := list.peek(principal(n)); ok != (i > 1) {
			t.Fatalf("entry %d of %d is there: %v", i, len(left), ok)
		}
	}
}
