package waf

import (
	"sync"

	"github.com/corazawaf/coraza/v3/experimental/plugins/plugintypes"
)

// follower is Coraza's @rx, asked only about texts that its expression may match.
// What matches, and what is captured, is Coraza's word. Safe for concurrent use.
type follower struct {
	plugintypes.Operator
	chain bool        // the operator asks more than its expression, see captured
	dfa   func() *dfa // makes it when it is asked first; it returns nil where the expression cannot be followed
}

// Evaluate implements plugintypes.Operator.
func (f *follower) Evaluate(tx plugintypes.TransactionState, text string) bool {
	if d := f.dfa(); d != nil && !d.may(text) {
		return false
	}
	return f.Operator.Evaluate(tx, text)
}

// matches is Evaluate for who needs no captures: nobody is asked about a text of which
// the dfa is certain. What most texts match, as the form of a request line, would else
// be matched by package regexp in each of them.
func (f *follower) matches(tx plugintypes.TransactionState, text string) bool {
	if d := f.dfa(); d != nil {
		if is := d.follows(text); is == never || is == certainly && !f.chain {
			return is == certainly
		}
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
		_, chain := l.operator.(*captured)
		l.follower = &follower{Operator: l.operator, chain: chain, dfa: sync.OnceValue(func() *dfa {
			expression, overBytes := l.expression()
			return newDFA(expression, overBytes, r)
		})}
	}
	return l.follower
}
