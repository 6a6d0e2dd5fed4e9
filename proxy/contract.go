package proxy

import (
	"net/http"

	"github.com/ordergate/ordergate/rules"
	"github.com/ordergate/ordergate/rules/contract"
)

// Contract is an OpenAPI document that some paths are held against.
type Contract struct {
	Paths    []string // globs, as in RouteRule; empty: every path
	Document *contract.Document
	Enforce  bool // requests are refused; answers never are for what they hold
}

// contractOf returns the document that speaks for a path, nil when none does: the
// first that fits.
func (p *Policy) contractOf(path string) *Contract {
	for i := range p.Contracts {
		c := &p.Contracts[i]
		if len(c.Paths) == 0 {
			return c
		}
		for _, pattern := range c.Paths {
			if matchPath(pattern, path) {
				return c
			}
		}
	}
	return nil
}

// contracted holds the request against the platform's document. What could not be
// held against it passes, and is counted: the platform alone then says what it is.
func (x *exchange) contracted(r *http.Request) rules.Verdict {
	c := x.policy.contractOf(r.URL.Path)
	if c == nil {
		return rules.Passed
	}
	from := x.gateway.now()
	x.operation, x.Deviation = c.Document.Judge(r, x.body, !x.streamed)
	x.spend(StageAdmit, from)
	if x.Deviation == rules.DeviationNone || x.Deviation == rules.DeviationUnchecked || !c.Enforce {
		return rules.Passed
	}
	if x.Deviation == rules.DeviationMethod {
		x.allowed = c.Document.Allowed(r)
	}
	return x.enforce(rules.Verdict{Action: rules.Refuse, Reason: rules.ReasonContract, Status: x.Deviation.Status()})
}

// walk begins to hold an answer against the document.
func (x *exchange) walk(res *http.Response) {
	if x.operation == nil {
		return
	}
	var undeclared bool
	if x.walker, undeclared = x.operation.Walk(res.StatusCode, res.Header.Get("Content-Type")); undeclared {
		x.exposed(contract.Found{})
	}
}

// exposed notes a field of the answer that its document does not declare, and tells
// of it when it is new. The line holds names of fields, never a value: a name that is
// not made of known words may be one, a key of a map, and stands there as its keyed
// digest, as in a route.
func (x *exchange) exposed(found contract.Found) {
	field := contract.Field{Operation: x.operation.Name, Status: x.Status, Pointer: found.Parent}
	switch found.Name {
	case "": // the whole answer
	case "*":
		field.Pointer += "/*"
	default:
		field.Pointer += "/" + x.word(found.Name)
	}
	if !x.gateway.exposures.Note(field, x.principal.Session) {
		return
	}
	x.Exposed++
	if found == (contract.Found{}) {
		x.gateway.log.Warn("an answer is not declared in the contract", "operation", field.Operation, "status", field.Status)
		return
	}
	x.gateway.log.Warn("a field of an answer is not declared in the contract", "operation", field.Operation, "status", field.Status, "field", field.Pointer)
}

// walked tells of what the answer's fields came to, when the client has got it.
func (x *exchange) walked() {
	if x.walker == nil || x.Reason != rules.ReasonNone {
		return
	}
	for _, found := range x.walker.Found() {
		x.exposed(found)
	}
}
