package ledger

import (
	"slices"

	"github.com/ordergate/ordergate/rules"
)

// Takes opens a row as it is kept and reports whether the query selects it.
func (q *Query) Takes(row *Row) bool {
	q.Keys.Open(row)
	return q.Selects(row)
}

// Selects reports whether the query selects a row.
func (q *Query) Selects(row *Row) bool {
	switch {
	case !q.Since.IsZero() && row.Time.Before(q.Since), !q.Until.IsZero() && !row.Time.Before(q.Until):
		return false
	case q.Exchange != rules.ExchangeID{} && q.Exchange != row.Exchange, q.Route != "" && q.Route != row.Route:
		return false
	case q.States != nil && !slices.Contains(q.States, row.State), q.Ownership != nil && !slices.Contains(q.Ownership, row.Ownership):
		return false
	case q.Session.IsZero() && q.Account.IsZero():
		return true
	}
	return !q.Session.IsZero() && q.Session == row.Principal.Session || !q.Account.IsZero() && q.Account == row.Principal.Account
}
