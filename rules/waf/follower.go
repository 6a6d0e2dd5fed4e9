package waf

import (
	"sync"

	"github.com/corazawaf/coraza/v3/experimental/plugins/plugintypes"
)

// follower is Coraza's @rx, asked only about texts that its expression may match.
// What matches, and what is captured, is Coraza's word. Safe for concurrent use.
type follower struct {
	plugintypes.Operator
	dfa func() *dfa // makes it when it is asked first; it returns nil where the expression cannot be followed
}

// Evaluate implements plugintypes.Operator.
func (f *follower) Evaluate(tx plugintypes.TransactionState, text string) bool {
	if d := f.dfa(); d != nil && !d.may(text) {
		return false
	}
	return f.Operator.Evaluate(tx, text)
}

// follow gives a link with a regular expression its follower, and returns it; nil
// for any other.
func (r *room) follow(l *link) *follower {
	if l.function != "rx" {
		return nil
	}
	if l.follower == nil {
		l.follower = &follower{Operator: l.operator, dfa: sync.OnceValue(func() *dfa {
			expression, overBytes := l.expression()
			return newDFA(expression, overBytes, r)
		})}
	}
	return l.follower
}
