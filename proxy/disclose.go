package proxy

import (
	"context"
	"net/http"
	"slices"

	"github.com/ordergate/ordergate/rules"
)

// disclose judges records and makes them durable. Only after Passed may the
// bytes that carry them go.
func (x *exchange) disclose(records []rules.Record, tokens []rules.Digest, subjects int) rules.Verdict {
	if len(records) == 0 && len(tokens) == 0 {
		return rules.Passed
	}
	from := x.gateway.now()
	j := x.response.Judge(records, subjects, tokens, from)
	for i := range j.Signals {
		x.Signals++
		x.gateway.observer.Signal(&j.Signals[i])
	}
	x.Contained = x.Contained || j.Contained
	if j.Commons > 0 {
		x.gateway.log.Warn("identifiers that are shown to everybody are taken for the shop's own from now on; list them under records if they are, look at the route if not",
			"exchange", x.id.String(), "route", x.route, "new", j.Commons, "all", x.gateway.engine.Commons().Size())
	}
	from = x.spend(StageReserve, from)
	if len(records) == 0 {
		return j.Verdict
	}
	x.gateway.routes.add(x.route)
	err := x.append(j.Disclosures)
	x.spend(StageLedger, from)
	switch {
	case j.Verdict.Action == rules.Refuse:
		x.count(j.Disclosures)
		return j.Verdict
	case err != nil:
		if v := x.fail(x.policy.LedgerFailure, rules.ReasonLedger, http.StatusServiceUnavailable); v.Action == rules.Refuse {
			x.response.GiveBack()
			return v
		}
	}
	x.response.Commit()
	x.count(j.Disclosures)
	if x.mask != nil {
		x.mask.keepOwn(j.Disclosures)
	}
	return rules.Passed
}

// append makes rows durable, within the policy's wait. The client's own
// context plays no part: a client that hangs up does not undo evidence.
func (x *exchange) append(rows []rules.Disclosure) error {
	ctx, cancel := context.WithTimeout(context.Background(), x.policy.ledgerWait())
	defer cancel()
	if x.tenant != "" {
		for i := range rows {
			rows[i].Tenant = x.tenant
		}
	}
	if err := x.gateway.ledger.Append(ctx, rows); err != nil {
		released := slices.ContainsFunc(rows, func(d rules.Disclosure) bool { return d.State == rules.Unknown })
		x.gateway.observer.LedgerFailed(len(rows), released && x.fail(x.policy.LedgerFailure, rules.ReasonLedger, http.StatusServiceUnavailable).Action == rules.Pass)
		x.gateway.log.Error("ledger failed", "exchange", x.id.String(), "rows", len(rows), "err", err)
		return err
	}
	x.gateway.observer.Disclosed(rows)
	return nil
}

// maxSeen bounds the subjects of one response that are told apart; beyond it
// every row counts.
const maxSeen = 16384

// count adds rows to the tallies of distinct subjects.
func (x *exchange) count(rows []rules.Disclosure) {
	if x.seen == nil {
		x.seen = make(map[rules.Digest]struct{}, len(rows))
	}
	for i := range rows {
		subject := rows[i].Record.Subject.Digest
		if _, again := x.seen[subject]; again {
			continue
		}
		if len(x.seen) < maxSeen {
			x.seen[subject] = struct{}{}
		}
		if rows[i].State == rules.Withheld {
			x.Withheld[rows[i].Ownership]++
		} else {
			x.Subjects[rows[i].Ownership]++
		}
	}
}
