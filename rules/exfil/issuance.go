package exfil

import (
	"time"

	"github.com/ordergate/ordergate/rules"
)

const (
	// defaultUnissued is Config.Unissued when it is 0: how many credentials that
	// nobody saw being issued may read records from one network in an hour. A
	// returning customer with an old cookie is one.
	defaultUnissued = 3
	// siteUnissued is how many times that the whole site may have.
	siteUnissued = 7
	// keyUnissued counts unissued credentials, by network and for the site.
	keyUnissued rules.KeyKind = 253
)

// wholeSite stands for all networks together.
var wholeSite = rules.Digest{1}

// issuance is detector 5: records go to credentials that this gateway never saw
// the platform issue.
//
// It catches a stolen signing key: valid tokens, one for each customer, of
// which no login was ever seen. Counting by session sees nothing of it, since
// each token reads one customer. Its innocent twin comes back with a session
// of last week.
//
// Severity high when one network shows several such credentials in an hour,
// critical when the site sees many. During the warm-up, when old sessions are
// not yet known, it is silent but for tokens that say themselves that they are not
// old (JWT iat, see Credentials.contradicted). It never refuses by itself: what unissued
// credentials read is foreign, and counted together by address.
func (r *Response) issuance(foreign int, now time.Time, j *Judgement) {
	p := &r.visit.Principal
	if foreign == 0 || r.signalled.issuance || !p.Credential || p.Issued || len(r.visit.Presented) == 0 || now.Before(r.config.WarmUntil) && !p.Contradicted {
		return
	}
	limit := r.config.Unissued
	if limit <= 0 {
		limit = defaultUnissued
	}
	network, site := capKey{keyUnissued, p.Prefix}, capKey{keyUnissued, wholeSite}
	hour := Limits{{Window: rules.WindowHour, Max: 16 * limit}} // bounds what is remembered
	demands := []demand{{key: network, limits: hour, advice: true}, {key: site, limits: hour, advice: true}}
	held, _ := r.engine.caps.reserve(demands, r.visit.Presented[:1], now, 1, false)
	r.engine.caps.commit(held)
	local, all := r.engine.caps.distinct(network, rules.WindowHour, now), r.engine.caps.distinct(site, rules.WindowHour, now)
	s := r.signal(rules.DetectorIssuance, rules.SeverityHigh, now)
	s.Window, s.Observed, s.Threshold = rules.WindowHour, local, limit
	switch {
	case all >= siteUnissued*limit:
		s.Severity, s.Key, s.Observed, s.Threshold = rules.SeverityCritical, rules.KeySite, all, siteUnissued*limit
	case local >= limit:
		s.Key = rules.KeyPrefix
	default:
		return
	}
	r.signalled.issuance = true
	j.Signals = append(j.Signals, s)
}
