//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// load is what is asked of a server.
type load struct {
	address string
	// next returns the requests of one client, one after the other; each is
	// called by one goroutine. It learns the session that an answer issues.
	next func(*visitor) (shot, bool)
	// prepare makes a visitor ready, unmeasured; nil: they come as they are.
	prepare func(context.Context, *client, *visitor) error
	people  *visitors
	clients int
}

// outcome is what came of a load.
type outcome struct {
	requests int
	took     time.Duration
	latency  []time.Duration // open loop only, sorted
}

// errAnswer says that an answer was not what the origin gives.
var errAnswer = errors.New("not the origin's answer")

// user is one client with its visitor.
type user struct {
	*load
	client
	visitor *visitor
}

// users connects the clients and makes their visitors ready.
func (l *load) users(ctx context.Context) ([]*user, error) {
	users := make([]*user, l.clients)
	for i := range users {
		users[i] = &user{load: l, client: client{address: l.address}, visitor: l.people.next()}
		if l.prepare == nil {
			continue
		}
		if err := l.prepare(ctx, &users[i].client, users[i].visitor); err != nil {
			return users, err
		}
	}
	return users, nil
}

// one makes one request and checks its answer.
func (u *user) one(ctx context.Context) error {
	s, last := u.next(u.visitor)
	res, err := u.do(ctx, s.raw)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("%w: none within %s, to %.200q", errAnswer, answerTime, s.raw)
	case err != nil:
		return err
	}
	if res.status != s.status || s.length >= 0 && len(u.body) != s.length {
		return fmt.Errorf("%w: status %d with %d bytes, want %d with %d, to %.200q", errAnswer, res.status, len(u.body), s.status, s.length, s.raw)
	}
	if res.session != "" {
		u.visitor.session = res.session
	}
	if last {
		u.visitor = u.people.next()
	}
	return nil
}

// closed asks without a pause until the time is over: every client waits for its
// answer only. mark is called when counting begins, after a tenth of the time, so
// that caches are warm, and when it ends.
func (l *load) closed(ctx context.Context, lasting time.Duration, mark func() error) (outcome, error) {
	users, err := l.users(ctx)
	defer closeAll(users)
	if err != nil {
		return outcome{}, err
	}
	var requests atomic.Int64
	var counting, over atomic.Bool
	failed := make(chan error, len(users))
	var all sync.WaitGroup
	for _, u := range users {
		all.Go(func() {
			for !over.Load() {
				if err := u.one(ctx); err != nil {
					failed <- err
					over.Store(true)
					return
				}
				if counting.Load() {
					requests.Add(1)
				}
			}
		})
	}
	err = pause(ctx, lasting/10)
	if err == nil {
		err = mark()
	}
	start := time.Now()
	counting.Store(true)
	if err == nil {
		err = pause(ctx, lasting)
	}
	counting.Store(false)
	out := outcome{requests: int(requests.Load()), took: time.Since(start)}
	if err == nil {
		err = mark()
	}
	over.Store(true)
	all.Wait()
	close(failed)
	return out, errors.Join(err, <-failed)
}

// open asks at a rate, at moments drawn beforehand (exponential gaps, as of
// people who do not know each other), whether earlier answers are there or not.
// Latency counts from the moment a request was due. There are enough clients
// that none has to wait for another's answer, unless the server falls behind.
func (l *load) open(ctx context.Context, rate float64, lasting time.Duration) (outcome, error) {
	users, err := l.users(ctx)
	defer closeAll(users)
	if err != nil {
		return outcome{}, err
	}
	random := rand.New(rand.NewPCG(1, 2))
	var due []time.Duration
	for at := 0.0; at < lasting.Seconds(); at += random.ExpFloat64() / rate {
		due = append(due, time.Duration(at*float64(time.Second)))
	}
	latency := make([]time.Duration, len(due))
	var next atomic.Int64
	failed := make(chan error, len(users))
	var all sync.WaitGroup
	start := time.Now()
	for _, u := range users {
		all.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(due) {
					return
				}
				err := pause(ctx, time.Until(start.Add(due[i])))
				if err == nil {
					err = u.one(ctx)
				}
				if err != nil {
					failed <- err
					next.Store(int64(len(due)))
					return
				}
				latency[i] = time.Since(start) - due[i]
			}
		})
	}
	all.Wait()
	close(failed)
	slices.Sort(latency)
	return outcome{requests: len(due), took: time.Since(start), latency: latency}, <-failed
}

func closeAll(users []*user) {
	for _, u := range users {
		if u != nil {
			u.close()
		}
	}
}

// pause returns after the time, or with an error when ctx ends before.
func pause(ctx context.Context, lasting time.Duration) error {
	if lasting <= 0 {
		return ctx.Err() //nolint:wrapcheck // says it all
	}
	timer := time.NewTimer(lasting)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err() //nolint:wrapcheck // says it all
	}
}

// quantile of sorted values; 0 of none.
func quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}
