package waf

import (
	"net/textproto"
	"slices"
	"strconv"
	"strings"

	"github.com/corazawaf/coraza/v3/experimental/plugins/plugintypes"
	"github.com/corazawaf/coraza/v3/types"
	"github.com/corazawaf/coraza/v3/types/variables"
)

// stable is the first phase in which a variable has the values that it keeps.
// A variable that is not here is not asked about by value.
var stable = map[variables.RuleVariable]types.RulePhase{}

func init() {
	for phase, list := range map[types.RulePhase][]variables.RuleVariable{
		types.PhaseRequestHeaders: {
			variables.QueryString, variables.RemoteAddr, variables.RemotePort, variables.RequestBasename, variables.RequestFilename,
			variables.RequestLine, variables.RequestMethod, variables.RequestProtocol, variables.RequestURI, variables.RequestURIRaw,
			variables.ServerAddr, variables.ServerName, variables.ServerPort, variables.RequestHeaders, variables.RequestHeadersNames,
			variables.RequestCookies, variables.RequestCookiesNames, variables.ArgsGet, variables.ArgsGetNames,
		},
		types.PhaseRequestBody: {
			variables.Args, variables.ArgsNames, variables.ArgsPost, variables.ArgsPostNames, variables.ArgsPath, variables.ArgsCombinedSize,
			variables.Files, variables.FilesNames, variables.FilesSizes, variables.FilesCombinedSize, variables.MultipartName,
			variables.MultipartFilename, variables.MultipartPartHeaders, variables.MultipartStrictError, variables.MultipartDataAfter,
			variables.ReqbodyError, variables.ReqbodyProcessorError, variables.ReqbodyProcessor, variables.UrlencodedError, variables.InboundDataError,
			variables.RequestBody, variables.RequestBodyLength, variables.XML, variables.RequestXML,
		},
		types.PhaseResponseHeaders: {
			variables.ResponseStatus, variables.ResponseProtocol, variables.ResponseHeaders, variables.ResponseHeadersNames, variables.ResponseContentType,
		},
		types.PhaseResponseBody: {variables.ResponseBody, variables.ResponseContentLength, variables.OutboundDataError},
	} {
		for _, v := range list {
			stable[v] = phase
		}
	}
}

// pure are the operators that depend on the value and on their argument alone.
var pure = []string{
	"rx", "pm", "pmfromfile", "pmf", "streq", "strmatch", "contains", "within", "beginswith", "endswith", "eq", "ge", "gt", "le", "lt",
	"detectsqli", "detectxss", "validatebyterange", "validateurlencoding", "validateutf8encoding", "ipmatch", "ipmatchf", "ipmatchfromfile",
	"nomatch", "unconditionalmatch",
}

// treat decides about a rule that is reached and not fixed.
func (a *analysis) treat(i int) treatment {
	r := a.rules[i]
	a.leftBehind(r)
	if body, ok := a.harmless(i); ok {
		if body {
			return parsing
		}
		return harmless
	}
	if r.phase == types.PhaseLogging {
		a.refuse(r, "runs in phase 5 and looks at the request")
		return structural
	}
	return a.guard(i)
}

// leftBehind refuses a rule that reads what the last rule that matched left
// behind: in the lean set that is another one.
func (a *analysis) leftBehind(r *rule) {
	for k, l := range r.links {
		names := macros(l.argument, l.function)
		for _, t := range l.targets {
			names = append(names, strings.ToLower(t.variable.Name()))
		}
		for _, name := range names {
			switch name, _, _ = strings.Cut(name, "."); name {
			case "rule", "highest_severity", "env":
				a.refuse(r, "reads %s, which other rules change", strings.ToUpper(name))
			case "matched_var", "matched_var_name", "matched_vars", "matched_vars_names":
				if k == 0 {
					a.refuse(r, "reads %s, which another rule leaves behind", strings.ToUpper(name))
				}
			}
		}
	}
}

// guard makes guards of the links that stand before the first effect; a rule
// of which none can be asked by value runs as it is.
func (a *analysis) guard(i int) treatment {
	r := a.rules[i]
	last := a.firstEffect(i)
	c := check{rule: i, phase: r.phase}
	var asked []*link
	strong, unasked := false, last < len(r.links)-1
	for k := 0; k <= last; k++ {
		l := &r.links[k]
		if constant, matches := a.constant(i, k); constant {
			if !matches {
				return unreached
			}
			continue
		}
		if k == 0 && last > 0 {
			if both := a.capturing(i); both != nil {
				asked, strong = append(asked, both), true
				k++
				continue
			}
		}
		if k == 1 {
			l = a.overFirst(i, l)
		}
		if !a.byValue(i, l) {
			unasked = true
			continue
		}
		asked = append(asked, l)
		strong = strong || !single(l) && rare(literalsOf(l, r.file, a.state))
	}
	if len(asked) == 0 || unasked && !strong {
		if last < len(r.links)-1 {
			a.refuse(r, "sets what others read before its chain is known to match")
		}
		return structural
	}
	for _, l := range asked {
		c.bits = append(c.bits, a.ask(i, l))
	}
	a.checks = append(a.checks, c)
	return guarded
}

// overFirst returns the second link of a chain, if it is about what the first one
// matched, as a link over the values of the first one: Coraza keeps of each the text
// that its transformations made. Where no literal tells when it matches, that is not
// worth the asking.
func (a *analysis) overFirst(i int, l *link) *link {
	first := &a.rules[i].links[0]
	for _, t := range l.targets {
		if t.variable != variables.MatchedVars && t.variable != variables.MatchedVar || t.key != "" || t.pattern != nil || t.count || len(t.except) > 0 {
			return l
		}
	}
	if first.multi || l.multi || !a.byValue(i, first) || first.targets[0].count {
		return l
	}
	over := *l
	over.targets = first.targets
	over.steps = slices.Concat(first.steps, l.steps)
	if literalsOf(&over, a.rules[i].file, a.state).first == nil {
		return l
	}
	return &over
}

// single reports whether a link reads one header: running the whole rule is
// then cheaper than the full rule set because of its first link.
func single(l *link) bool { return len(l.targets) == 1 && l.targets[0].key != "" }

// rare reports whether few texts of clean traffic contain what is demanded.
func rare(d demand) bool {
	return d.first != nil && !slices.ContainsFunc(d.first, func(s string) bool {
		return len(s) == 1 && s[0] < 0x80 && !strings.Contains("\x00`{}|\\^~<>$", s)
	})
}

// ask gives a link its bit and its guards.
func (a *analysis) ask(i int, l *link) int {
	bit := len(a.sources)
	demand := literalsOf(l, a.rules[i].file, a.state)
	a.room.follow(l)
	spares := 0
	if demand.first != nil {
		spares = min(shortest(demand.first), 2)
	}
	a.sources = append(a.sources, source{i, len(a.checks), spares})
	if l.targets[0].count {
		a.counts = append(a.counts, &countGuard{
			bit, l, l.targets[0].variable, l.targets[0].key, textproto.CanonicalMIMEHeaderKey(l.targets[0].key), stable[l.targets[0].variable],
		})
		return bit
	}
	for _, t := range l.targets {
		gs := a.guards[t.variable]
		if gs == nil {
			gs = &guards{variable: t.variable}
			a.guards[t.variable] = gs
		}
		if n := len(gs.list); n == 0 || gs.list[n-1].bit != bit {
			gs.add(bit, l, demand)
		}
	}
	return bit
}

// byValue reports whether a link can be asked about single values.
func (a *analysis) byValue(i int, l *link) bool {
	r := a.rules[i]
	if l.operator == nil || !slices.Contains(pure, l.function) {
		return false
	}
	for _, name := range macros(l.argument, l.function) {
		if key, ok := strings.CutPrefix(name, "tx."); !ok || a.dynamic(key, i) {
			return false
		}
	}
	for _, t := range l.targets {
		from, ok := stable[t.variable]
		switch {
		case !ok:
			return false
		case t.count && (len(l.targets) > 1 || t.pattern != nil || len(t.except) > 0 || from > r.phase):
			return false
		case from > r.phase && !t.variable.CanBeSelected(): // in an earlier phase it holds something else
			return false
		}
	}
	return len(l.targets) > 0
}

// constant reports whether a link reads nothing but TX variables that only
// fixed rules set, and then whether it matches.
func (a *analysis) constant(i, k int) (constant, matches bool) {
	l := &a.rules[i].links[k]
	if l.operator == nil {
		return true, true
	}
	if !slices.Contains(pure, l.function) || l.multi {
		return false, false
	}
	for _, t := range l.targets {
		if t.variable != variables.TX || t.key == "" || len(t.except) > 0 || a.dynamic(t.key, i) {
			return false, false
		}
	}
	for _, name := range macros(l.argument, l.function) {
		if key, ok := strings.CutPrefix(name, "tx."); !ok || a.dynamic(key, i) {
			return false, false
		}
	}
	for _, t := range l.targets {
		values := a.state.Variables().TX().Get(t.key)
		if t.count {
			values = []string{strconv.Itoa(len(values))}
		}
		for _, v := range values {
			for _, s := range l.steps {
				if w, _, err := s.apply(v); err == nil {
					v = w
				}
			}
			if l.operator.Evaluate(a.state, v) != l.negated {
				return true, true
			}
		}
	}
	return true, false
}

// firstEffect returns the first link whose match alone changes what another
// rule sees, or the last link.
func (a *analysis) firstEffect(i int) int {
	links := a.rules[i].links
	for k := range links[:len(links)-1] {
		for _, act := range links[k].actions {
			if act.kind != plugintypes.ActionTypeNondisruptive || plain(act.name) {
				continue
			}
			if act.name != "setvar" || a.isRead(writeOf(act)) {
				return k
			}
		}
	}
	return len(links) - 1
}

// plain actions change nothing but what is written about a match.
func plain(name string) bool {
	switch name {
	case "t", "log", "nolog", "auditlog", "noauditlog", "capture", "logdata", "msg", "tag", "severity", "rev", "ver", "maturity", "accuracy", "multimatch", "chain", "status":
		return true
	}
	return false
}

// harmless reports whether a full match of a rule would show nowhere; body
// that it changes how Coraza reads a body.
func (a *analysis) harmless(i int) (body, ok bool) {
	r := a.rules[i]
	if r.message {
		return false, false
	}
	flows := false
	for _, l := range r.links {
		for _, act := range l.actions {
			switch {
			case plain(act.name) || act.name == "pass":
			case act.name == "setvar":
				if a.isRead(writeOf(act)) {
					return false, false
				}
			case act.name == "ctl" && (act.ctl == ctlForceRequestBody || act.ctl == ctlRequestBodyProcessor):
				body = true
			case act.removesTarget() && act.on != variables.TX: // less to match
			case act.name == "skipafter" || act.name == "skip":
				flows = true
			default:
				return false, false
			}
		}
	}
	if flows && (body || !a.skipsNothing(i)) {
		return false, false
	}
	return body, true
}

// skipsNothing reports whether what a rule skips may be skipped or not: it
// holds no rule that acts on a request that nothing matches.
func (a *analysis) skipsNothing(i int) bool {
	r, to, left := a.rules[i], skipsTo(a.rules[i]), skipsCount(a.rules[i])
	if to == "" && len(a.removers) > 0 {
		return false // a removed rule is not counted
	}
	for j := i + 1; j < len(a.rules); j++ {
		next := a.rules[j]
		if next.phase != 0 && next.phase != r.phase {
			continue
		}
		if to != "" && next.marker == to {
			return true
		}
		if a.treated[j] == parsing || a.matched[next.id] && a.treated[j] == fixed {
			return false
		}
		if left--; to == "" && left <= 0 {
			return true
		}
	}
	return to == ""
}
