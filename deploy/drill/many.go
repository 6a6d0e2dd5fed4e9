package drill

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// maxRounds bounds how many seeds [Many] goes through.
const maxRounds = 1000

// Many plays the honest workloads again and again, with the seeds from the
// first of o on, until so many honest sessions were played, and returns one result
// for each workload: the sums over its seeds. Only and Parallel hold. An [Unfinished]
// comes with the sums of what was played, and says of how many sessions.
func Many(ctx context.Context, o Options, sessions int) ([]Result, error) {
	first := uint64(0)
	if len(o.Seeds) > 0 {
		first = o.Seeds[0]
	}
	o.Benign = true
	var sums []Result
	played := 0
	for round := range uint64(maxRounds) {
		o.Seeds = []uint64{first + round}
		results, err := Run(ctx, o)
		var unfinished *Unfinished
		if err != nil && !errors.As(err, &unfinished) {
			return sums, err
		}
		for i := range results {
			played += results[i].Sessions
			sums = join(sums, &results[i])
		}
		if unfinished != nil {
			unfinished.Missing = append(unfinished.Missing, fmt.Sprintf("%d of %d honest sessions", max(sessions-played, 0), sessions))
			return judged(sums), unfinished
		}
		if played >= sessions {
			break
		}
	}
	return judged(sums), nil
}

func judged(sums []Result) []Result {
	for i := range sums {
		sums[i].Missed = nil
		sums[i].judge()
	}
	return sums
}

// join adds a result to the one of the same workload.
func join(sums []Result, r *Result) []Result {
	i := slices.IndexFunc(sums, func(s Result) bool { return s.ID == r.ID })
	if i < 0 {
		sum := *r
		sum.Seeds = 1
		return append(sums, sum)
	}
	s := &sums[i]
	s.Seeds++
	s.Sessions += r.Sessions
	s.Requests += r.Requests
	s.Refused += r.Refused
	s.FalseAlerts += r.FalseAlerts
	s.Violations += r.Violations
	for _, harm := range r.Harms {
		if !slices.Contains(s.Harms, harm) && len(s.Harms) < maxHarms {
			s.Harms = append(s.Harms, harm)
		}
	}
	return sums
}
