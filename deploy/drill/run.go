package drill

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ordergate/ordergate/deploy/demo"
)

// shopSize is how many customers the shop of a drill has.
const shopSize = 2000

// One playbook ends by itself after so much virtual time and so many requests,
// whichever comes first: more than twice what the longest of them takes. How
// loaded the machine is does not matter.
const (
	maxPlayed   = 90 * day
	maxRequests = 20_000
)

// errEndless says that a playbook does not end by itself.
var errEndless = fmt.Errorf("it did not end within %d days of its own time and %d requests", maxPlayed/day, maxRequests)

// Options say what is drilled. The zero value is everything with seed 0, one
// after the other.
type Options struct {
	Seeds    []uint64  // nil: 0
	Only     []string  // ids such as A05 or B02; A01 means A01a to A01c, too. Nil: all
	Benign   bool      // only the honest workloads
	Plain    bool      // leave out the variants in which the attacker knows the rules
	Parallel int       // scenes at a time; 0 means 1
	Progress io.Writer // is told of each result; nil: nobody
}

// ErrNothing says that no playbook has the ids that were asked for.
var ErrNothing = errors.New("no playbook or workload has these ids: they are A01 to A20 and B01 to B14")

// Unfinished says that a drill was ended from outside before everything was played.
type Unfinished struct {
	Missing []string // rows that were not played to their end, by id, with their seeds where there are several
	Why     error    // the context's
}

// maxNamed is how many missing rows an error names.
const maxNamed = 60

// Error names the missing rows.
func (u *Unfinished) Error() string {
	more := ""
	if n := len(u.Missing) - maxNamed; n > 0 {
		more = fmt.Sprintf(" and %d more", n)
	}
	return "the drill was ended from outside; not played to their end: " + strings.Join(u.Missing[:min(len(u.Missing), maxNamed)], ", ") + more
}

// Unwrap returns why the context ended.
func (u *Unfinished) Unwrap() error { return u.Why }

// Run drills and returns the results, in the order of ids and seeds. The error
// is about the drill itself; missed goals are in the results. When ctx ends before
// everything is played, the results are those there are, and the error is an
// [Unfinished].
func Run(ctx context.Context, o Options) ([]Result, error) {
	if len(o.Seeds) == 0 {
		o.Seeds = []uint64{0}
	}
	var parts []part
	for _, p := range playbooks() {
		if !o.wants(&p) {
			continue
		}
		for _, seed := range o.Seeds {
			parts = append(parts, part{p, seed})
		}
	}
	if len(parts) == 0 {
		return nil, ErrNothing
	}
	slices.SortStableFunc(parts, func(a, b part) int { return strings.Compare(a.id, b.id) })
	return o.run(ctx, parts)
}

// part is one playbook with one seed.
type part struct {
	playbook
	seed uint64
}

func (o *Options) wants(p *playbook) bool {
	if p.white && o.Plain || !p.benign && o.Benign {
		return false
	}
	return len(o.Only) == 0 || slices.ContainsFunc(o.Only, func(id string) bool {
		return strings.EqualFold(id, p.id) || len(p.id) == 4 && strings.EqualFold(id, p.id[:3])
	})
}

func (o *Options) run(ctx context.Context, parts []part) ([]Result, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	results, errs := make([]Result, len(parts)), make([]error, len(parts))
	next := make(chan int)
	var busy sync.WaitGroup
	var telling sync.Mutex
	for range max(1, o.Parallel) {
		busy.Go(func() {
			for i := range next {
				began := time.Now()
				if results[i], errs[i] = play(ctx, &parts[i]); errs[i] != nil {
					errs[i] = fmt.Errorf("playing %s with seed %d: %w", parts[i].id, parts[i].seed, errs[i])
					cancel() // the others would fail alike.
				}
				if o.Progress != nil && errs[i] == nil {
					telling.Lock()
					_, _ = fmt.Fprintf(o.Progress, "%s\n", results[i].line(time.Since(began))) // only for the eye.
					telling.Unlock()
				}
			}
		})
	}
	for i := range parts {
		next <- i
	}
	close(next)
	busy.Wait()
	for _, err := range errs {
		if err != nil && !errors.Is(err, context.Canceled) {
			return results, err
		}
	}
	return finished(ctx.Err(), parts, results, errs)
}

// finished leaves out what was not played to its end.
func finished(ended error, parts []part, results []Result, errs []error) ([]Result, error) {
	played := make([]Result, 0, len(results))
	var missing []string
	for i := range results {
		switch p := &parts[i]; {
		case errs[i] == nil:
			played = append(played, results[i])
		case slices.ContainsFunc(parts, func(other part) bool { return other.seed != p.seed }):
			missing = append(missing, fmt.Sprintf("%s with seed %d", p.label(), p.seed))
		default:
			missing = append(missing, p.label())
		}
	}
	if len(missing) > 0 {
		return played, &Unfinished{missing, ended}
	}
	return played, nil
}

// label is the row's id as tables write it.
func (p *part) label() string { return (&Result{ID: p.id, WhiteBox: p.white}).label() }

// line tells of one result while the others are played.
func (r *Result) line(took time.Duration) string {
	outcome := "as it should"
	if len(r.Missed) > 0 {
		outcome = strings.Join(r.Missed, "; ")
	}
	white := ""
	if r.WhiteBox {
		white = " (white box)"
	}
	return fmt.Sprintf("%-5s seed %d%s: %d requests, %.1f s: %s", r.ID, r.Seed, white, r.Requests, took.Seconds(), outcome)
}

// play plays one part on a world of its own.
func play(ctx context.Context, p *part) (result Result, err error) {
	if err := ctx.Err(); err != nil {
		return result, err
	}
	c := &clock{}
	w, err := build(ctx, c, cast(demo.Generate(shopSize, demo.DefaultSeed+p.seed)), p.roles)
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	s := &scene{
		ctx: ctx, world: w, clock: c, stage: &theatre{clock: c}, books: newBooks(),
		rand: rand.New(rand.NewPCG(p.seed, 0x6472696c6c)), // #nosec G404 -- a repeatable piece, no secret.
	}
	defer s.stage.close()
	s.live(&p.playbook)
	if s.err != nil {
		return result, s.err
	}
	if err := ctx.Err(); err != nil {
		return result, err
	}
	result, err = s.score(ctx, &p.playbook)
	result.Seed = p.seed
	return result, err
}

// live lets honest people use the shop for a while, and then the piece begins
// among them.
func (s *scene) live(p *playbook) {
	life, every := p.life, p.every
	if life == 0 {
		life = lifeBefore
	}
	if every == 0 {
		every = 30 * time.Second
	}
	s.until, s.most = maxPlayed, maxRequests
	s.busy++ // life itself.
	s.shoppers(20 * time.Minute)
	s.stage.enter(life, func(func(time.Duration) bool) { s.busy-- })
	s.stage.play(s.ended)
	s.stage.close()
	s.stage = &theatre{clock: s.clock}
	s.curtain = s.clock.since()
	s.until, s.most = s.curtain+maxPlayed, s.books.requests+maxRequests
	if p.play(s); !p.benign {
		s.shoppers(every)
		s.desk(max(every, 2*time.Minute))
	}
	s.stage.play(s.ended)
	s.stage.close()
}
