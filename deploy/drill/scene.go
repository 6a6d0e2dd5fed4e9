package drill

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/ordergate/ordergate/deploy/demo"
)

// scene is one playbook or workload being played.
type scene struct {
	ctx   context.Context
	world *world
	clock *clock
	stage *theatre
	books *books
	rand  *rand.Rand
	err   error

	attackers, honest []*visitor
	people            int
	busy              int           // actors of the piece that are not through
	curtain           time.Duration // when the piece began
	until             time.Duration // when it fails, if it is not over
	most              int           // requests, likewise
	next              int           // the next honest customer
}

// fail ends the scene: something of the drill itself is broken.
func (s *scene) fail(err error) {
	if s.err == nil {
		s.err = err
	}
}

// ended reports whether the piece is over: honest people go home then. One that
// goes on for too long fails.
func (s *scene) ended() bool {
	if s.busy > 0 && (s.clock.since() > s.until || s.books.requests > s.most) {
		s.fail(errEndless)
	}
	return s.err != nil || s.ctx.Err() != nil || s.busy == 0
}

// act lets an actor of the piece enter; the scene lasts until all are through.
func (s *scene) act(after time.Duration, a actor) {
	s.busy++
	s.stage.enter(after, func(sleep func(time.Duration) bool) {
		defer func() { s.busy-- }()
		a(sleep)
	})
}

// customers are those of the shop.
func (s *scene) customers() []demo.Customer { return s.world.customers }

// orders returns how many orders there were at the beginning.
func (s *scene) orders() int {
	n := 0
	for i := range s.customers() {
		n += len(s.customers()[i].Orders)
	}
	return n
}

// Attackers have the later half of the customers for themselves as accounts of
// their own; honest people are the first quarter.
func (s *scene) honestCustomer() int {
	s.next++
	return (s.next * 7) % (len(s.customers()) / 4)
}

func (s *scene) badCustomer(i int) int { return len(s.customers()) - 1 - i }

// anyOrder returns some order number.
func (s *scene) anyOrder() int { return demo.FirstOrderNumber + s.rand.IntN(s.orders()) }

func digest(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// badAddress is the i-th address of attackers; residential ones lie far apart.
func badAddress(i int) string { return fmt.Sprintf("185.%d.%d.%d", i%200, (i*7)%250, 1+i/200%250) }

// homeAddress is the i-th address of honest people.
func homeAddress(i int) string { return fmt.Sprintf("81.%d.%d.%d", i/250%250, i%250, 1+i%200) }

// caller is somebody who may call the help line: any customer but a planted one,
// for whom nobody calls.
func (s *scene) caller() demo.Customer {
	for {
		c := s.customers()[s.rand.IntN(len(s.customers()))]
		if !slices.ContainsFunc(demo.Canaries(s.customers()), func(planted demo.Customer) bool { return planted.ID == c.ID }) {
			return c
		}
	}
}
