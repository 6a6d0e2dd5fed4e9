package waf

import "testing"

// TestDemandsFit: the answers about all of the Core Rule Set are remembered together,
// with as much room again for an operator's rules.
func TestDemandsFit(t *testing.T) {
	subjectOf(t, 4)
	if n := demands.answers.Len(); n == 0 || n > maxDemands/2 {
		t.Errorf("%d of at most %d expressions are remembered", n, maxDemands)
	}
}
