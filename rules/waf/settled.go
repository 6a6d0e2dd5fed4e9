package waf

import (
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/corazawaf/coraza/v3"
	"github.com/corazawaf/coraza/v3/experimental/plugins/plugintypes"
	"github.com/corazawaf/coraza/v3/types"
	"github.com/corazawaf/coraza/v3/types/variables"
)

// settles finds, among the rules that would run as they are, those whose outcome
// depends on nothing but the names of the request's header, its method and its
// protocol, and that leave nothing behind that another rule reads. Few different
// sets of names come in real traffic, so what came of a set is remembered. The
// rule that made it worth while looks every name up in a list of names (CRS
// 920450): that was a third of what a cleared GET cost.
func (a *analysis) settles() {
	for i := range a.rules {
		if a.treated[i] == structural && a.namesAlone(i) && !a.touched(i) {
			a.treated[i] = settled
		}
	}
}

// namesAlone reports whether a rule of phase 1 reads the names alone, and TX, and
// does nothing that shows before its whole chain has matched but set variables.
func (a *analysis) namesAlone(i int) bool {
	r := a.rules[i]
	if r.phase != types.PhaseRequestHeaders {
		return false
	}
	for k := range r.links {
		l := &r.links[k]
		if l.operator != nil && !slices.Contains(pure, l.function) {
			return false
		}
		for _, t := range l.targets {
			switch t.variable {
			case variables.RequestHeadersNames, variables.RequestMethod, variables.RequestProtocol, variables.TX:
			default:
				return false
			}
		}
		for _, name := range append(macros(l.argument, l.function), actionMacros(l)...) {
			if !ownMacro(name) {
				return false
			}
		}
		for _, act := range l.actions {
			if act.removes || !plain(act.name) && act.name != "setvar" && act.kind != plugintypes.ActionTypeDisruptive {
				return false
			}
		}
	}
	return true
}

// ownMacro reports whether a macro stands for TX, or for what the rule's own
// links matched: analysis.leftBehind refuses what another rule's did.
func ownMacro(name string) bool {
	switch name {
	case "tx", "matched_var", "matched_var_name":
		return true
	}
	return len(name) > len("tx.") && name[:len("tx.")] == "tx."
}

// touched reports whether another rule may set what a rule reads in TX, or reads
// what it sets, without a match that counts. What fixed rules set is no loose
// write: it is the same for every request. Readers of a pattern of names are left
// to settledMatch, which knows the names.
func (a *analysis) touched(i int) bool {
	byName := func(r read) bool {
		return r.pattern == nil && slices.ContainsFunc(a.loose[i], func(w write) bool { return w.may(r) })
	}
	for j := range a.rules {
		if j == i || a.treated[j] == unreached {
			continue
		}
		if slices.ContainsFunc(a.reads[j], byName) ||
			slices.ContainsFunc(a.loose[j], func(w write) bool { return slices.ContainsFunc(a.reads[i], w.may) }) {
			return true
		}
	}
	return false
}

// settle compiles the settled rules by themselves; nil when there are none.
func (c *clearance) settle(a *analysis, again func() (coraza.WAF, error)) (err error) {
	if !slices.Contains(a.treated, settled) {
		return nil
	}
	for i := range a.rules {
		if a.treated[i] == settled || a.treated[i] == unreached {
			continue
		}
		for _, r := range a.reads[i] {
			if r.pattern != nil {
				c.watched = append(c.watched, r.pattern)
			}
		}
	}
	c.settled, err = reduced(again, func(i int) bool { return a.treated[i] == settled })
	return err
}

// settledPass reports whether no settled rule matches a request: by what is
// remembered of its names, or else by running them.
func (c *cleared) settledPass(r *Request) bool {
	if c.settled == nil {
		return true
	}
	id, bits, known := c.proven.get(variables.Unknown, "", namesOf(r))
	if !known {
		if c.settledMatch(r, c.start(c.settled)) {
			bits = []int{0}
		}
		c.proven.add(id, bits)
	}
	return len(bits) == 0
}

// settledMatch runs the settled rules, and reports whether one matches or sets a
// variable that another rule reads. An error counts as a match, so that the full
// rule set meets it too.
func (c *cleared) settledMatch(r *Request, tx types.Transaction) bool {
	defer func() { _ = tx.Close() }() // without a body it leaves nothing behind
	state := c.preset(tx)
	head := *r
	head.Body = nil
	if in, err := request(tx, &head); err != nil || in != nil || len(tx.MatchedRules()) > 0 {
		return true
	}
	for _, v := range state.Variables().TX().FindAll() {
		key := v.Key()
		if isCapture(key) || slices.ContainsFunc(c.presets, func(p preset) bool { return p.key == key }) {
			continue
		}
		if slices.ContainsFunc(c.watched, func(p *regexp.Regexp) bool { return p.MatchString(key) || p.MatchString(strings.ToLower(key)) }) {
			return true
		}
	}
	return false
}

// namesOf is everything of a request that settled rules may read: two requests
// with the same text have the same outcome.
func namesOf(r *Request) string {
	var room [512]byte
	var of [32]string
	names := of[:0]
	out := append(room[:0], r.Method...)
	out = append(append(out, '\n'), r.Proto...)
	for _, header := range [...]http.Header{r.Header, r.Trailer} {
		out = append(out, '\n')
		names = names[:0]
		for name := range header {
			names = append(names, name)
		}
		slices.Sort(names) // a map's order is another every time, and says nothing
		for _, name := range names {
			out = append(strconv.AppendInt(out, int64(len(name)), 10), ':')
			out = append(strconv.AppendInt(append(out, name...), int64(len(header[name])), 10), ' ')
		}
	}
	out = strconv.AppendBool(append(out, '\n'), r.Host != "")
	return string(strconv.AppendInt(out, int64(len(r.TransferEncoding)), 10))
}
