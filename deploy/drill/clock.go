package drill

import (
	"context"
	"sync/atomic"
	"time"
)

// began is when every drill begins: a Monday at midnight.
var began = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)

// clock is the time that gateway, shop and drill share. Only the drill moves
// it, and never back. Safe for concurrent use.
type clock struct{ elapsed atomic.Int64 }

func (c *clock) now() time.Time { return began.Add(c.since()) }

// since returns the time since the drill began.
func (c *clock) since() time.Duration { return time.Duration(c.elapsed.Load()) }

// reach moves the clock on to a time since the beginning; an earlier one
// changes nothing.
func (c *clock) reach(at time.Duration) {
	for {
		now := c.elapsed.Load()
		if int64(at) <= now || c.elapsed.CompareAndSwap(now, int64(at)) {
			return
		}
	}
}

// wait lets a slowed request wait in virtual time.
func (c *clock) wait(_ context.Context, delay time.Duration) error {
	c.elapsed.Add(int64(delay))
	return nil
}
