//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// clients ask at the same time in a closed loop; lanes are there in an open one,
// so that none has to wait for another's answer.
const (
	clients = 16
	lanes   = 256
)

// mixed are the kinds of the mix.
var mixed = []kind{static, page, search, cart, checkout, order}

// measure takes every measure that is wanted.
func (s *stand) measure(ctx context.Context) error {
	plain := []struct {
		name string
		take func(context.Context) error
	}{{"mix", s.mix}, {"routes", s.routes}, {"mixing", s.mixing}, {"attacks", s.attacks}, {"body", s.bodies}, {"parameters", s.parameters}}
	if slices.ContainsFunc(plain, func(m struct {
		name string
		take func(context.Context) error
	},
	) bool {
		return s.wants(m.name)
	}) {
		if err := s.rise(ctx, 1, mixed); err != nil {
			return err
		}
		s.enterAll(ctx)
	}
	for _, m := range plain {
		if !s.wants(m.name) {
			continue
		}
		if err := m.take(ctx); err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
	}
	s.fell()
	if s.wants("paranoia") {
		if err := s.paranoia(ctx); err != nil {
			return fmt.Errorf("paranoia: %w", err)
		}
	}
	if s.wants("principals") && s.takes("ordergate") {
		if err := s.principals(ctx); err != nil {
			return fmt.Errorf("principals: %w", err)
		}
	}
	return nil
}

// enterAll notes who takes part.
func (s *stand) enterAll(ctx context.Context) {
	for _, st := range s.up {
		e := entrant{Name: st.name, Title: st.title, Idle: st.idle, Fault: st.fault}
		if st.program != "" {
			e.Version = st.versionOf(ctx)
		}
		s.enter(&e)
	}
}

// turns lets the contenders take their turns in one case.
func (s *stand) turns(ctx context.Context, measure, of string, lasting time.Duration, load func(*standing) *load) error {
	for round := range s.Rounds {
		for _, st := range s.up {
			if st.fault != "" {
				continue
			}
			l := load(st)
			l.address, l.people = st.address, &s.people
			taken, err := s.turn(ctx, st, l, lasting, measure == "mix")
			switch {
			case errors.Is(err, errAnswer):
				st.fault = err.Error()
				s.faulty(st, measure, of)
				continue
			case errors.Is(err, errSlow):
				note := fmt.Sprintf("%s answered nothing in time in %s %s: give it more --seconds", st.name, measure, of)
				s.Notes = append(s.Notes, note)
				continue
			case err != nil:
				return fmt.Errorf("%s: %w", st.name, err)
			}
			taken.Measure, taken.Case, taken.Contender, taken.Run, taken.Round = measure, of, st.name, s.run, round
			s.Samples = append(s.Samples, taken)
			tell(s.says, "%-10s %-22s round %d %-10s %9.1f µs a request", measure, of, round+1, st.name, taken.CPU)
		}
	}
	return nil
}

// faulty notes a contender that fell out in the middle.
func (s *stand) faulty(st *standing, measure, of string) {
	note := fmt.Sprintf("%s was not measured any further from %s %s on: %s", st.name, measure, of, st.fault)
	tell(s.says, "%s", note)
	s.Notes = append(s.Notes, note)
}

// turn is one contender's turn: a closed loop, then, if wanted, an open one at
// half of what it could do.
func (s *stand) turn(ctx context.Context, st *standing, l *load, lasting time.Duration, latency bool) (sample, error) {
	var used [2]time.Duration
	var allocated [2]allocations
	marks := 0
	l.clients = clients
	pid := st.cmd.Process.Pid
	out, err := l.closed(ctx, lasting, func() (err error) {
		if allocated[marks], err = st.allocated(ctx); err == nil {
			used[marks], err = cpuTime(pid)
		}
		marks++
		return err
	})
	if err != nil {
		return sample{}, err
	}
	if out.requests == 0 {
		return sample{}, errSlow
	}
	n := float64(out.requests)
	taken := sample{
		Requests: out.requests, CPU: micro(used[1]-used[0]) / n, Rate: n / out.took.Seconds(), Busy: (used[1] - used[0]).Seconds() / out.took.Seconds(),
		Objects: (allocated[1].objects - allocated[0].objects) / n, Bytes: (allocated[1].bytes - allocated[0].bytes) / n,
	}
	if latency {
		l.clients = lanes
		out, err := l.open(ctx, taken.Rate/2, lasting)
		if err != nil {
			return sample{}, err
		}
		taken.P50, taken.P99 = micro(quantile(out.latency, 0.5)), micro(quantile(out.latency, 0.99))
	}
	if taken.Memory, err = memory(pid); err != nil {
		return sample{}, err
	}
	return taken, nil
}

// errSlow says that no request was answered in time.
var errSlow = errors.New("no request was answered in time")

func micro(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

func (s *stand) lasting() time.Duration { return time.Duration(s.Seconds * float64(time.Second)) }

// mix is the storefront's traffic as it comes.
func (s *stand) mix(ctx context.Context) error {
	return s.turns(ctx, "mix", "", s.lasting(), func(*standing) *load { return &load{next: (*visitor).mix} })
}

// routes are the kinds of the mix, each by itself.
func (s *stand) routes(ctx context.Context) error {
	for _, k := range []kind{static, page, search, order, cart, checkout} {
		if len(s.Routes) > 0 && !slices.Contains(s.Routes, k.String()) {
			continue
		}
		err := s.turns(ctx, "routes", k.String(), s.lasting()/2, func(*standing) *load {
			return &load{prepare: ready(k == order), next: func(v *visitor) (shot, bool) { return v.ask(k), false }}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// together is how many requests of one kind come in a row where the kinds are not
// mixed: several of every client.
const together = 8 * clients

// mixing tells what it costs that requests of several kinds are under way at the same
// time: the mix's kinds in its shares, by visitors who stay, mixed and apart.
func (s *stand) mixing(ctx context.Context) error {
	for _, c := range []struct {
		name string
		in   int64 // so many of one kind in a row
	}{{"mixed", 1}, {"apart", together}} {
		err := s.turns(ctx, "mixing", c.name, s.lasting(), func(*standing) *load {
			var asked atomic.Int64
			return &load{prepare: ready(true), next: func(v *visitor) (shot, bool) {
				return v.ask(journey[asked.Add(1)/c.in%int64(len(journey))]), false
			}}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// ready gives a visitor a session, and an order.
func ready(ordered bool) func(context.Context, *client, *visitor) error {
	kinds := []kind{page}
	if ordered {
		kinds = append(kinds, checkout)
	}
	return func(ctx context.Context, c *client, v *visitor) error {
		for _, k := range kinds {
			res, err := c.do(ctx, v.ask(k).raw)
			if err != nil {
				return err
			}
			if res.session != "" {
				v.session = res.session
			}
		}
		return nil
	}
}

// attacks are refused requests.
func (s *stand) attacks(ctx context.Context) error {
	for i := range attacks {
		a := &attacks[i]
		err := s.turns(ctx, "attacks", a.name, s.lasting()/2, func(st *standing) *load {
			want := http.StatusForbidden
			if !st.guarded {
				want = s.unguarded(a)
			}
			return &load{prepare: ready(false), next: func(v *visitor) (shot, bool) { return shot{a.ask(v), want, -1}, false }}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// unguarded is what the origin itself answers to an attack.
func (s *stand) unguarded(a *attack) int {
	if strings.HasPrefix(string(a.ask(&visitor{})), http.MethodPost) {
		return http.StatusCreated
	}
	return http.StatusOK
}

// bodies are JSON bodies of growing size; every text in them is a new one.
func (s *stand) bodies(ctx context.Context) error {
	for _, size := range []int{1 << 10, 4 << 10, 16 << 10, 64 << 10, 128 << 10} {
		texts := note(size)
		err := s.turns(ctx, "body", strconv.Itoa(size>>10)+" KiB", s.lasting(), func(*standing) *load {
			return &load{prepare: ready(false), next: func(v *visitor) (shot, bool) {
				v.asked++
				return v.post("/api/cart/items", "application/json", `{"n":`+v.id()+strings.ReplaceAll(texts, "{n}", v.id()), len(accepted)), false
			}}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// note is the rest of a JSON body with texts of about so many bytes in all, each of
// which begins with {n}.
func note(size int) string {
	const values = 16
	var b strings.Builder
	b.WriteString(`,"notes":[`)
	for i := range values {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`"{n} `)
		for end, j := b.Len()+size/values, i; b.Len() < end; j++ {
			_, text, _ := article(j)
			b.WriteString(text[:min(len(text), max(end-b.Len(), 1))])
		}
		b.WriteByte('"')
	}
	b.WriteString("]}")
	return b.String()
}

// parameters are forms of growing length.
func (s *stand) parameters(ctx context.Context) error {
	for _, n := range []int{1, 10, 100, 500} {
		err := s.turns(ctx, "parameters", strconv.Itoa(n), s.lasting(), func(*standing) *load {
			return &load{prepare: ready(false), next: func(v *visitor) (shot, bool) {
				v.asked++
				form := make(url.Values, n)
				for i := range n {
					form.Set("line"+strconv.Itoa(i)+"_quantity", strconv.FormatInt(v.number()+int64(i), 10))
				}
				return v.post("/cart", "application/x-www-form-urlencoded", form.Encode(), len(accepted)), false
			}}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// paranoia is the mix at the four levels, without the kinds of requests that
// some contender takes for attacks at a level.
func (s *stand) paranoia(ctx context.Context) error {
	for level := 1; level <= 4; level++ {
		if err := s.rise(ctx, level, nil); err != nil {
			return err
		}
		var passing []kind
		for _, k := range mixed {
			fault := ""
			for _, st := range s.up {
				if st.fault != "" || fault != "" {
					continue
				}
				var err error
				if fault, err = passes(ctx, st.server, s.origin, &s.people, []kind{k}); err != nil {
					return err
				}
				if fault != "" {
					fault = st.name + " " + fault
				}
			}
			if fault == "" {
				passing = append(passing, k)
				continue
			}
			s.Notes = append(s.Notes, fmt.Sprintf("paranoia %d was measured without %q requests: %s", level, k, fault))
		}
		if len(passing) > 0 {
			err := s.turns(ctx, "paranoia", "level "+strconv.Itoa(level), s.lasting(), func(*standing) *load {
				return &load{prepare: ready(slices.Contains(passing, order)), next: func(v *visitor) (shot, bool) {
					v.steps++
					return v.ask(passing[v.steps%len(passing)]), false
				}}
			})
			if err != nil {
				return err
			}
		}
		s.fell()
	}
	return nil
}
