package drill

import "testing"

// TestReplyWhy: what an honest client calls a harm says what it was.
func TestReplyWhy(t *testing.T) {
	for want, r := range map[string]reply{
		"status 403": {status: 403}, "status 200, late": {status: 200, slowed: true}, "broken off": {status: 200, cut: true},
	} {
		if got := r.why(); !r.held() || got != want {
			t.Errorf("%+v: %q, held %v; want %q", r, got, r.held(), want)
		}
	}
	if (reply{status: 200}).held() {
		t.Error("an answer like any other counts as held back")
	}
}
