package exfil

import (
	"time"

	"github.com/ordergate/ordergate/rules"
)

// demand is one key with the limits that hold for it in one reservation.
// Demands of one reservation that can refuse are of different kinds.
type demand struct {
	key     capKey
	limits  Limits
	advice  bool // counted, never refuses: over its limits, those that shrink do
	shrinks bool
}

// maxDemands bounds the keys of one reservation.
const maxDemands = 8

// Trip says which limit refused a reservation. The zero value means none did.
type Trip struct {
	Key        rules.KeyKind
	Window     rules.Window
	Observed   int // what the count would have become
	Max        int
	RetryAfter time.Duration // until the window has room for one subject again
}

// Tripped reports whether a limit refused.
func (t Trip) Tripped() bool { return t.Window != rules.WindowNone }

// most bounds the subjects of a key that may pass its limits (observe mode,
// addresses): one more than the widest limit is enough to keep telling that it is
// passed; what only advises needs no more.
func (d *demand) most() int {
	widest := 64
	if d.advice && len(d.limits) > 0 {
		widest = 0
	}
	for _, limit := range d.limits {
		widest = max(widest, limit.Max+1)
	}
	return widest
}

// tightens reports whether a limit that can refuse is one, or none.
func (d *demand) tightens() bool {
	for _, limit := range d.limits {
		if !d.advice && limit.Max <= 1 {
			return true
		}
	}
	return false
}

func shrunk(limit, divisor int) int {
	if divisor <= 1 || limit == 0 {
		return limit
	}
	return max((limit+divisor-1)/divisor, 1)
}

func windowIndex(w rules.Window) int {
	for i, known := range windows {
		if w == known {
			return i
		}
	}
	panic("BUG: a limit over a window that is not counted: " + w.String())
}
