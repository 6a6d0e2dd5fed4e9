package waf

import (
	"fmt"
	"slices"
	"testing"

	"github.com/corazawaf/coraza/v3/types/variables"
)

// What is remembered of a value is what was added, whatever came between.
func TestProven(t *testing.T) {
	p := newProven()
	matched := func(i int) []int {
		if i%97 == 0 {
			return []int{i, i + 1}
		}
		return nil
	}
	for i := range 4 * provenShards * provenRows * provenWays {
		id, _, known := p.get(variables.Args, "q", fmt.Sprint(i))
		if known {
			t.Fatalf("value %d is known before it was added", i)
		}
		p.add(id, matched(i))
		if _, bits, known := p.get(variables.Args, "q", fmt.Sprint(i)); !known || !slices.Equal(bits, matched(i)) {
			t.Fatalf("value %d: guards %v (known: %t), want %v", i, bits, known, matched(i))
		}
		if _, bits, known := p.get(variables.Args, "q", fmt.Sprint(i/2)); known && !slices.Equal(bits, matched(i/2)) {
			t.Fatalf("value %d later: guards %v, want %v", i/2, bits, matched(i/2))
		}
		if _, _, known := p.get(variables.Args, "p", fmt.Sprint(i)); known {
			t.Fatalf("value %d is known under another key", i)
		}
	}
}

// A value in use stays while others come and go; one that is not used goes.
func TestProvenRow(t *testing.T) {
	var r provenRow
	for i := range uint64(1000) {
		r.put(digest{i + 1, 1})
		if !r.use(digest{1, 1}) {
			t.Fatalf("the value in use is gone after %d others", i)
		}
	}
	if r.use(digest{2, 1}) {
		t.Error("a value that was not used for 998 others is still there")
	}
	if !r.use(digest{1000, 1}) || !r.use(digest{1000 - provenWays + 2, 1}) {
		t.Error("a value that was used lately is gone")
	}
}
