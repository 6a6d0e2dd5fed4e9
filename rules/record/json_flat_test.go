package record

import (
	"strconv"
	"strings"
	"testing"
)

// TestFlatBounds: structures and members of a flat text beyond what is followed lose
// nobody who has an address, and hold no more memory.
func TestFlatBounds(t *testing.T) {
	var deep, wide, keys strings.Builder
	deep.WriteString(`[{"a":1}`)
	for i := range 3 * maxFlatOpen {
		deep.WriteString(`,{"b":` + strconv.Itoa(i+2) + `}`)
	}
	deep.WriteString(`,{"email":` + strconv.Itoa(3*maxFlatOpen+2) + `},"runa@vik.example"]`)
	wide.WriteString(`[{"a":1`)
	for i := range 2 * maxFlatRefs {
		wide.WriteString(`,"k` + strconv.Itoa(i) + `":` + strconv.Itoa(i+2))
	}
	wide.WriteString(`},"x"` + strings.Repeat(`,"x"`, 2*maxFlatRefs-1) + `,"runa@vik.example"]`)
	keys.WriteString(`[{"_1":2},"list",[3`)
	n := 2 * maxFlatKeys
	for i := 1; i < n; i++ {
		keys.WriteString("," + strconv.Itoa(3+3*i))
	}
	keys.WriteString("]")
	for i := range n {
		at := 3 + 3*i
		keys.WriteString(`,{"_` + strconv.Itoa(at+1) + `":` + strconv.Itoa(at+2) + `},"email","c` + strconv.Itoa(i) + `@vik.example"`)
	}
	keys.WriteString("]")
	for name, c := range map[string]struct {
		body     string
		subjects int
	}{"deep": {deep.String(), 1}, "wide": {wide.String(), 1}, "keys": {keys.String(), n}} {
		_, f := find(t, "application/json", c.body)
		if f.Subjects() != c.subjects {
			t.Errorf("%s: %d subjects, want %d", name, f.Subjects(), c.subjects)
		}
		same(t, "application/json", []byte(c.body), 3)
	}
}
