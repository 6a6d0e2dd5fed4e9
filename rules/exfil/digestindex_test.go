package exfil

import (
	"encoding/binary"
	"testing"

	"github.com/ordergate/ordergate/rules"
)

// FuzzDigestIndex compares the index with its slow twin, a map: every pair of
// bytes puts a digest in or takes it out. Their prints are few, so that most share a
// home with others.
func FuzzDigestIndex(f *testing.F) {
	many := make([]byte, 0, 2000)
	for i := range 1000 {
		many = append(many, byte(i%7), byte(i*31))
	}
	f.Add(many)
	f.Add([]byte{0, 1, 0, 1, 1, 1, 0, 2})
	f.Fuzz(func(t *testing.T, script []byte) {
		var x digestIndex
		var nodes []node
		twin := make(map[rules.Digest]int32)
		for ; len(script) >= 2; script = script[2:] {
			d := digestOfPrint(script[0]%5, script[1])
			n, there := twin[d]
			if got := x.find(&d, nodes); there && got != n || !there && got != nilNode {
				t.Fatalf("%x is found at %d, want %d, %v", d, got, n, there)
			}
			if there {
				x.drop(&d, n)
				delete(twin, d)
				continue
			}
			nodes = append(nodes, node{subject: d})
			twin[d] = int32(len(nodes) - 1)
			x.put(&d, twin[d])
		}
		for d, n := range twin {
			if got := x.find(&d, nodes); got != n {
				t.Fatalf("%x is found at %d, want %d", d, got, n)
			}
		}
		if x.used != len(twin) || 2*x.used > len(x.slots) {
			t.Errorf("%d of %d slots used, want %d and at most half", x.used, len(x.slots), len(twin))
		}
	})
}

// digestOfPrint returns one of 256 digests whose prints are all the same.
func digestOfPrint(group, which byte) (d rules.Digest) {
	mixed := uint64(group) << 3
	binary.LittleEndian.PutUint64(d[8:], uint64(which)*0x100000001)
	rotated := binary.LittleEndian.Uint64(d[8:])
	binary.LittleEndian.PutUint64(d[:8], mixed^(rotated<<32|rotated>>32))
	return d
}

func TestDigestOfPrint(t *testing.T) {
	a, b := digestOfPrint(3, 1), digestOfPrint(3, 2)
	if a == b || printOf(&a) != printOf(&b) {
		t.Errorf("%x and %x have the prints %x and %x, want two digests with one print", a, b, printOf(&a), printOf(&b))
	}
}
