package exfil

import (
	"testing"
	"time"

	"github.com/ordergate/ordergate/rules"
)

// TestSessionsOfCustomersStay: a million sessions for the asking push out no
// customer's and no agent's, however long those were silent; guests' go, the one
// that was used longest ago first.
func TestSessionsOfCustomersStay(t *testing.T) {
	const size = 1000
	b := NewBindings(size)
	for i := range 300 {
		b.Issue(digest('k', i), rules.RoleGuest, epoch)
		b.Login(digest('k', i), digest('a', i), epoch)
	}
	for i := range 100 {
		b.Issue(digest('b', i), rules.RoleGuest, epoch)
		b.Bind(digest('b', i), customer(i).Identifiers, true, epoch)
		b.Issue(digest('s', i), rules.RoleGuest, epoch)
		b.Issue(digest('s', i), rules.RoleStaff, epoch)
	}
	later := epoch.Add(time.Hour)
	for i := range 20 * size {
		b.Issue(digest('x', i), rules.RoleGuest, later)
	}
	for space, n := range map[byte]int{'k': 300, 'b': 100, 's': 100} {
		for i := range n {
			if binding, ok := b.Get(digest(space, i), later); !ok || binding.Issued != epoch {
				t.Fatalf("session %c%d is forgotten", space, i)
			}
		}
	}
	if _, ok := b.Get(digest('x', 20*size-1), later); !ok {
		t.Error("the newest guest is forgotten")
	}
	if _, ok := b.Get(digest('x', 0), later); ok {
		t.Error("the oldest guest is remembered")
	}
	if live, evicted := b.Size(); live != size || evicted != 20*size-500 {
		t.Errorf("%d live, %d forgotten", live, evicted)
	}
	if changed := b.TakeChanged(1 << 20); len(changed) != size {
		t.Errorf("%d sessions to write down, want those that are remembered", len(changed))
	}
	for i := range 2 * size { // nothing but customers: the bound holds
		b.Issue(digest('l', i), rules.RoleGuest, later)
		b.Login(digest('l', i), digest('a', i), later)
	}
	if live, _ := b.Size(); live > size {
		t.Errorf("%d live, want at most %d", live, size)
	}
	b.Restore(rules.Binding{Session: digest('r', 1), Account: digest('a', 1), Issued: epoch})
	b.Restore(rules.Binding{Session: digest('r', 1), Account: digest('a', 1), Issued: epoch})
	if live, _ := b.Size(); live > size {
		t.Errorf("%d live after a restore, want at most %d", live, size)
	}
}
