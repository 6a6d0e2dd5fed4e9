package exfil

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/ordergate/ordergate/rules"
)

// poisson draws a count (Knuth's method, The Art of Computer Programming 2,
// 3.4.1).
func poisson(rng *rand.Rand, mean float64) int {
	limit, p := math.Exp(-mean), 1.0
	for n := 0; ; n++ {
		if p *= rng.Float64(); p <= limit {
			return n
		}
	}
}

// week plays quarters of an hour of a shop that is busy by day: logins, and a
// fifth as many strangers' records; more adds to each quarter. It returns the
// quarter of the first finding, or -1.
func week(seed uint64, quarters int, more func(quarter int) (logins, foreign int)) int {
	rng := rand.New(rand.NewPCG(seed, 11))
	s := newSite()
	subject := 0
	for q := range quarters {
		now := epoch.Add(time.Duration(q) * 15 * time.Minute)
		busy := 20 + 18*math.Sin(2*math.Pi*float64(q)/96)
		logins, foreign := more(q)
		logins += poisson(rng, busy)
		foreign += poisson(rng, busy/5)
		for range logins {
			s.login(now)
		}
		for i := range foreign {
			subject++
			if found := s.note(digest('s', subject/4), []rules.Digest{digest('c', subject)}, now.Add(time.Duration(i)*time.Second)); found.Limit > 0 {
				return q
			}
		}
	}
	return -1
}

// TestSiteAggregate: two weeks of a busy shop raise nothing, nor does a sale
// with forty times the logins; fifty more records an hour do within a day.
func TestSiteAggregate(t *testing.T) {
	quiet := func(int) (int, int) { return 0, 0 }
	sale := func(q int) (int, int) {
		if q >= 700 && q < 710 {
			return 800, 160
		}
		return 0, 0
	}
	sybils := func(q int) (int, int) {
		if q >= 700 {
			return 0, 13
		}
		return 0, 0
	}
	for seed := range uint64(20) {
		if at := week(seed, 14*96, quiet); at >= 0 {
			t.Errorf("seed %d: quiet weeks found at quarter %d", seed, at)
		}
		if at := week(seed, 10*96, sale); at >= 0 {
			t.Errorf("seed %d: a sale found at quarter %d", seed, at)
		}
		if at := week(seed, 10*96, sybils); at < 700 || at > 796 {
			t.Errorf("seed %d: sybils from quarter 700 found at %d", seed, at)
		}
	}
}

// TestSiteSleeps: a year without traffic is closed in bounded time.
func TestSiteSleeps(t *testing.T) {
	s := newSite()
	s.login(epoch)
	s.login(epoch.Add(365 * 24 * time.Hour))
	if s.closed > driftLearn+2 {
		t.Errorf("%d buckets closed", s.closed)
	}
}
