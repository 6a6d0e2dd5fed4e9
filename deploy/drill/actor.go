package drill

import (
	"container/heap"
	"iter"
	"time"
)

// actor is somebody who does something, sleeps in virtual time, and goes on;
// it ends when sleep returns false.
type actor func(sleep func(time.Duration) bool)

// turn is when an actor goes on.
type turn struct {
	at   time.Duration
	nth  int // of several at one time, the first first
	next func() (time.Duration, bool)
	stop func()
}

// turns is a heap of them, the earliest first.
type turns []turn

// Len, Less, Swap, Push and Pop implement [heap.Interface].
func (t turns) Len() int { return len(t) }

// Less implements [heap.Interface].
func (t turns) Less(i, j int) bool {
	if t[i].at != t[j].at {
		return t[i].at < t[j].at
	}
	return t[i].nth < t[j].nth
}

// Swap implements [heap.Interface].
func (t turns) Swap(i, j int) { t[i], t[j] = t[j], t[i] }

// Push implements [heap.Interface].
func (t *turns) Push(x any) { *t = append(*t, x.(turn)) }

// Pop implements [heap.Interface].
func (t *turns) Pop() any {
	last := (*t)[len(*t)-1]
	*t = (*t)[:len(*t)-1]
	return last
}

// theatre plays actors one at a time, in the order of virtual time, so that a
// seed always plays the same piece.
type theatre struct {
	clock *clock
	turns turns
	nth   int
}

// enter lets an actor begin after a time from now.
func (t *theatre) enter(after time.Duration, a actor) {
	next, stop := iter.Pull(iter.Seq[time.Duration](a))
	t.nth++
	heap.Push(&t.turns, turn{t.clock.since() + after, t.nth, next, stop})
}

// play plays until no actor is left, or until ended says so between two turns.
func (t *theatre) play(ended func() bool) {
	for len(t.turns) > 0 && !ended() {
		now := heap.Pop(&t.turns).(turn)
		t.clock.reach(now.at)
		pause, more := now.next()
		if !more {
			now.stop()
			continue
		}
		t.nth++
		now.at, now.nth = t.clock.since()+pause, t.nth
		heap.Push(&t.turns, now)
	}
}

// close sends the actors home.
func (t *theatre) close() {
	for _, waiting := range t.turns {
		waiting.stop()
	}
	t.turns = nil
}
