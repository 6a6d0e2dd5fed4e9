package exfil

import (
	"math"
	"time"
)

const (
	// driftBucket is the length of one observation; driftLearn is how many are
	// needed before anything is said: a day.
	driftBucket = 15 * time.Minute
	driftLearn  = 96
	// driftSlack is the share above what is expected that a bucket may have
	// without counting, and driftLimit how many standard deviations (of a Poisson
	// count) of surplus add up to a finding, with driftFew as its floor.
	driftSlack = 1.25
	driftLimit = 8
	driftFew   = 25
	driftStep  = 0.02 // weight of a bucket in what is expected
)

// drift watches one count, in quarters of an hour, for a lasting change upwards:
// a one-sided CUSUM (Page 1954) of what the bucket has above what other counts
// of it explain. What explains, and how well, is learnt; a surplus does not
// teach what to expect. The zero value has seen nothing. Not safe for
// concurrent use.
type drift struct {
	bucket  int64 // now
	closed  int
	since   int64   // the bucket that the surplus began in, or now
	ratio   float64 // expected for each one that explains
	surplus float64
}

func bucketOf(now time.Time) int64 { return now.UnixNano() / int64(driftBucket) }

// roll closes the buckets that have passed, quiet ones too, and after a long
// sleep, before which nothing is worth remembering, a day of them.
func (d *drift) roll(now time.Time, end func()) {
	bucket := bucketOf(now)
	if d.bucket == 0 {
		d.bucket, d.since = bucket, bucket
	}
	for n := 0; d.bucket < bucket; n++ {
		end()
		d.bucket++
		if n == driftLearn {
			d.bucket = bucket
		}
		if d.surplus == 0 {
			d.since = d.bucket
		}
	}
}

// close ends a bucket: how many there were, how many that explain them, and how
// many are free beside what is learnt.
func (d *drift) close(observed, explained, free float64) {
	expected := driftSlack * d.ratio * explained
	d.closed++
	if d.closed > driftLearn {
		d.surplus = max(0, d.surplus+observed-expected-free)
		observed = min(observed, expected+1)
	}
	weight := max(driftStep, 1/float64(d.closed))
	d.ratio += weight * (observed/explained - d.ratio)
}

// judge says whether the surplus, with the bucket that is under way, is one. A
// zero limit: it is none.
func (d *drift) judge(observed, explained, free float64) (total, limit int) {
	if d.closed < driftLearn {
		return 0, 0
	}
	expected := d.ratio * explained
	surplus := d.surplus + observed - driftSlack*expected - free
	most := driftFew + driftLimit*math.Sqrt(expected+free)
	if surplus < most {
		return 0, 0
	}
	return int(expected + surplus), int(expected + most)
}
