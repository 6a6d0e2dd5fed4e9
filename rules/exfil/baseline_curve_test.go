package exfil

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// draw is a count with a mean and a variance that is that of a Poisson count and
// the square of share of the mean more (a negative binomial, as a Poisson of a gamma).
func draw(rng *rand.Rand, mean, share float64) int {
	if share > 0 {
		mean *= max(0.05, 1+rng.NormFloat64()*share)
	}
	if mean > 60 {
		return max(0, int(math.Round(mean+rng.NormFloat64()*math.Sqrt(mean))))
	}
	return poisson(rng, mean)
}

// career is the working days of one member: some as usual, and some with an
// excess.
type career struct {
	mean, share, excess float64
	before, days        int
}

// play returns after how many days with the excess the member stood out (0:
// before it began), or -1.
func (c *career) play(rng *rand.Rand) int {
	m := &member{seen: map[uint64]struct{}{}}
	for day := range c.before + c.days {
		of := c.mean
		if day >= c.before {
			of *= 1 + c.excess
		}
		m.beyond = draw(rng, of, c.share)
		m.close(1)
		if m.deviation().Limit > 0 {
			return max(0, day-c.before+1)
		}
	}
	return -1
}

// TestBaselineCurve is the curve of excess against days to detection, for
// members whose days vary by chance alone and by fifteen and thirty per cent more, after
// sixty working days: thirty per cent are seen within a month at the median, at
// about one false finding in five years of work. -v prints it.
func TestBaselineCurve(t *testing.T) {
	const careers, year = 200, 250
	for _, share := range []float64{0, 0.15, 0.3} {
		for _, mean := range []float64{20, 60} {
			rng := rand.New(rand.NewPCG(1, 2))
			alarms := 0
			for range careers {
				if (&career{mean, share, 0, 2 * year, 0}).play(rng) >= 0 {
					alarms++
				}
			}
			yearly := float64(alarms) / (2 * careers)
			line := fmt.Sprintf("%3.0f a day, varying by chance and %2.0f %%: %.3f false findings a year; median and 95th percentile of days:", mean, 100*share, yearly)
			for _, excess := range []float64{0.1, 0.2, 0.3, 0.5, 1} {
				var delays []int
				for range careers {
					switch d := (&career{mean, share, excess, 60, year}).play(rng); {
					case d > 0:
						delays = append(delays, d)
					case d < 0:
						delays = append(delays, year+1) // not within the year
					}
				}
				slices.Sort(delays)
				median := delays[len(delays)/2]
				line += fmt.Sprintf("  +%.0f %%: %d, %d", 100*excess, median, delays[len(delays)*95/100])
				if excess == 0.3 && median > 22 {
					t.Errorf("mean %v, varying by %v more: thirty per cent take %d days", mean, share, median)
				}
			}
			t.Log(line)
			if yearly > 0.25 {
				t.Errorf("mean %v, varying by %v more: %.3f false findings a year", mean, share, yearly)
			}
		}
	}
}
