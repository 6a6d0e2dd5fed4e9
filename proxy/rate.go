package proxy

import (
	"net/http"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/time/rate"

	"github.com/ordergate/ordergate/rules"
)

// Rate is how many requests one key of a principal may send. The zero value
// limits nothing.
type Rate struct {
	PerMinute int // that come back over time
	Burst     int // at once; 0 means PerMinute
}

// Rates are limits of requests, whatever they disclose: for floods and for
// guessing. Records have caps of their own.
type Rates struct {
	Session Rate // of one session that the platform issued; made-up ones are counted by address alone
	Address Rate // of one client address, all its sessions together
}

// maxRates bounds the keys of one kind that are remembered. A forgotten one
// begins with a full burst.
const maxRates = 100_000

// rates holds a token bucket for every key. Safe for concurrent use, bounded.
type rates struct {
	mu   sync.Mutex
	keys map[rules.KeyKind]*simplelru.LRU[rateKey, *rate.Limiter]
}

// rateKey is a key on one route rule; route is its path pattern, empty for the
// limits of all requests.
type rateKey struct {
	route string
	key   rules.Digest
}

func newRates() *rates {
	r := &rates{keys: make(map[rules.KeyKind]*simplelru.LRU[rateKey, *rate.Limiter])}
	for _, kind := range [...]rules.KeyKind{rules.KeySession, rules.KeyIP} {
		lru, err := simplelru.NewLRU[rateKey, *rate.Limiter](maxRates, nil)
		if err != nil {
			panic("BUG: simplelru refuses a positive size: " + err.Error())
		}
		r.keys[kind] = lru
	}
	return r
}

// wait takes a token, or says how long until there is one; then none is taken.
func (r *rates) wait(kind rules.KeyKind, key rateKey, limit Rate, now time.Time) time.Duration {
	if limit.PerMinute <= 0 || key.key.IsZero() {
		return 0
	}
	per, burst := rate.Limit(float64(limit.PerMinute)/60), limit.Burst
	if burst <= 0 {
		burst = limit.PerMinute
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	bucket, ok := r.keys[kind].Get(key)
	if !ok {
		bucket = rate.NewLimiter(per, burst)
		r.keys[kind].Add(key, bucket)
	}
	if bucket.Limit() != per || bucket.Burst() != burst { // after a reload
		bucket.SetLimitAt(now, per)
		bucket.SetBurstAt(now, burst)
	}
	taken := bucket.ReserveN(now, 1)
	wait := taken.DelayFrom(now)
	if wait > 0 {
		taken.CancelAt(now)
	}
	return wait
}

// rated decides about the rate of the principal's requests: of all of them,
// and of those on a route with limits of its own.
func (x *exchange) rated() rules.Verdict {
	for _, scope := range [...]struct {
		route string
		rates Rates
	}{{"", x.policy.Rates}, {x.rule.Path, x.rule.Rates}} {
		for _, limit := range [...]struct {
			kind rules.KeyKind
			key  rules.Digest
			rate Rate
		}{{rules.KeySession, x.principal.Session, scope.rates.Session}, {rules.KeyIP, x.principal.IP, scope.rates.Address}} {
			if limit.kind == rules.KeySession && !x.principal.Issued {
				continue // its stand-in is everybody's at that address who is new
			}
			wait := x.gateway.rates.wait(limit.kind, rateKey{scope.route, limit.key}, limit.rate, x.start)
			if wait > 0 {
				return x.enforce(rules.Verdict{Action: rules.Refuse, Reason: rules.ReasonRate, Status: http.StatusTooManyRequests, RetryAfter: wait})
			}
		}
	}
	return rules.Passed
}
