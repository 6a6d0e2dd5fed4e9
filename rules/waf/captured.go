package waf

import (
	"slices"
	"strings"

	"github.com/corazawaf/coraza/v3/experimental/plugins/plugintypes"
	"github.com/corazawaf/coraza/v3/types/variables"
)

// captured is the operator of a chain whose first link captures a part of a value, and
// whose second one looks at what the first has put of it into a variable: CRS 920440
// asks so about the extension of a file, 920420 and 920480 about a type and its
// charset. To ask about a value is to ask both links, one after the other.
type captured struct {
	first   plugintypes.Operator
	parts   []string // of the variable's new value: texts, and numbers of captures between them
	steps   []step
	last    plugintypes.Operator
	negated bool
}

// Evaluate implements plugintypes.Operator.
func (c *captured) Evaluate(state plugintypes.TransactionState, value string) bool {
	seen := captures{TransactionState: state}
	if !c.first.Evaluate(&seen, value) {
		return false
	}
	var text strings.Builder
	for i, part := range c.parts {
		if i%2 == 1 {
			part = seen.fields[part[0]-'0']
		}
		_, _ = text.WriteString(part) // never fails
	}
	made := text.String()
	for _, s := range c.steps {
		if next, _, err := s.apply(made); err == nil {
			made = next
		}
	}
	return c.last.Evaluate(state, made) != c.negated
}

// captures is a transaction into which an operator captures; what the operator reads
// is another one's.
type captures struct {
	plugintypes.TransactionState
	fields [10]string
}

// Capturing implements plugintypes.TransactionState.
func (*captures) Capturing() bool { return true }

// CaptureField implements plugintypes.TransactionState.
func (c *captures) CaptureField(index int, value string) {
	if index < len(c.fields) {
		c.fields[index] = value
	}
}

// capturing returns the first two links of a chain as one link over the values of the
// first; nil where they are no such pair. Where several values match, the variable has
// what the last of them put there, so one of them matches when the chain does.
func (a *analysis) capturing(i int) *link {
	first, second := &a.rules[i].links[0], &a.rules[i].links[1]
	if !first.capture || first.negated || first.multi || first.function != "rx" || !a.byValue(i, first) || first.targets[0].count ||
		second.operator == nil || second.multi || len(second.targets) != 1 || !slices.Contains(pure, second.function) {
		return nil
	}
	if slices.ContainsFunc(macros(second.argument, second.function), func(name string) bool {
		key, ok := strings.CutPrefix(name, "tx.")
		return !ok || a.dynamic(key, i)
	}) {
		return nil
	}
	t := second.targets[0]
	if t.variable != variables.TX || t.key == "" || t.count || len(t.except) > 0 || isCapture(t.key) {
		return nil
	}
	var parts []string
	for _, act := range first.actions {
		switch {
		case act.name != "setvar" || !writeOf(act).may(read{name: t.key}):
		case parts != nil || act.removes || act.value == nil || !writeOf(act).exact:
			return nil
		default:
			if parts = partsOf(act.value.String()); parts == nil {
				return nil
			}
		}
	}
	if parts == nil {
		return nil
	}
	both := *first
	both.operator = &captured{first.operator, parts, second.steps, second.operator, second.negated}
	return &both
}

// partsOf divides what a variable is set to at its captures; nil where it is a number to
// add, or has other macros in it.
func partsOf(value string) []string {
	var parts []string
	for {
		text, rest, more := strings.Cut(value, "%{")
		parts = append(parts, text)
		if !more {
			break
		}
		name, after, _ := strings.Cut(rest, "}")
		number, ok := strings.CutPrefix(strings.ToLower(name), "tx.")
		if !ok || !isCapture(number) {
			return nil
		}
		parts, value = append(parts, number), after
	}
	if parts[0] == "" || parts[0][0] == '+' || parts[0][0] == '-' {
		return nil
	}
	return parts
}
