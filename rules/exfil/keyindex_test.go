package exfil

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/ordergate/ordergate/rules"
)

// FuzzKeyIndex: keys that come and go are found, and no others, by an index that
// grows on the way. Each byte is a key that comes, or goes when it is there; a few
// keys differ in what the index does not look at.
func FuzzKeyIndex(f *testing.F) {
	f.Add([]byte{1, 2, 3, 2, 1, 255, 3, 7, 7, 7})
	f.Add([]byte("the longer, the more often a chain is split, and the more often one key is taken out of the middle of one"))
	f.Fuzz(func(t *testing.T, ops []byte) {
		table, there := newKeyTable(1<<10), map[byte]int32{}
		key := func(op byte) (d rules.Digest) {
			binary.LittleEndian.PutUint64(d[:], uint64(op%64))
			d[8], d[4] = op/64, op/64 // the halves are combined: two that cancel out have one print
			return d
		}
		for i, op := range ops {
			d := key(op)
			if n, ok := there[op]; ok {
				table.drop(n)
				delete(there, op)
			} else {
				there[op] = table.add(&d)
			}
			for other := range 256 {
				d := key(byte(other))
				want, ok := there[byte(other)]
				if got := table.find(&d); ok && got != want || !ok && got != nilNode {
					t.Fatalf("after %d operations key %d is at %d, want %d (%v)", i+1, other, got, want, ok)
				}
			}
		}
		if table.live != len(there) {
			t.Fatalf("%d keys, want %d", table.live, len(there))
		}
	})
}

// TestForgottenByTheHour: of two light keys the one that was used in a later hour is
// kept; within an hour the order is that of the first uses.
func TestForgottenByTheHour(t *testing.T) {
	for _, c := range []struct {
		name  string
		again time.Duration // after which the key that came first is used again
		kept  bool
	}{{"in a later hour", time.Hour, true}, {"in the same hour", time.Minute, false}} {
		t.Run(c.name, func(t *testing.T) {
			caps := NewCaps(2)
			take := func(who byte, at time.Time) {
				d := []demand{{key: capKey{rules.KeyAccount, digest(who, 1)}, limits: Limits{{rules.WindowDay, 5}}}}
				r, trip := caps.reserve(d, []rules.Digest{digest('c', int(who))}, at, 1, false)
				if trip.Tripped() {
					t.Fatalf("%+v", trip)
				}
				caps.commit(r)
			}
			take('a', epoch)
			take('b', epoch.Add(time.Second))
			take('a', epoch.Add(c.again))
			take('c', epoch.Add(c.again+time.Second))
			first := digest('a', 1)
			if kept := caps.tables[tableIndex(rules.KeyAccount)].find(&first) != nilNode; kept != c.kept {
				t.Errorf("kept %v, want %v", kept, c.kept)
			}
		})
	}
}

// TestOpenReservationKeeps: a light key that a second customer is reserved for is not
// forgotten before it is known whether that one stands.
func TestOpenReservationKeeps(t *testing.T) {
	caps := NewCaps(2)
	limits := Limits{{rules.WindowDay, 5}}
	reserve := func(who byte, subject int) reservation {
		r, trip := caps.reserve([]demand{{key: capKey{rules.KeyAccount, digest(who, 1)}, limits: limits}}, []rules.Digest{digest('c', subject)}, epoch, 1, false)
		if trip.Tripped() {
			t.Fatalf("%+v", trip)
		}
		return r
	}
	caps.commit(reserve('a', 1))
	open := reserve('a', 2)
	for who := byte('b'); who < 'z'; who++ {
		caps.commit(reserve(who, int(who)))
	}
	caps.commit(open)
	for who := byte('b'); who < 'z'; who++ {
		caps.commit(reserve(who, int(who)))
	}
	if got := caps.distinct(capKey{rules.KeyAccount, digest('a', 1)}, rules.WindowDay, epoch); got != 2 {
		t.Errorf("%d customers count, want 2", got)
	}
}
