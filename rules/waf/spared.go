package waf

import (
	"net/http"
	"net/textproto"
	"slices"
	"strconv"
	"unsafe"

	"github.com/corazawaf/coraza/v3"
	"github.com/corazawaf/coraza/v3/collection"
	"github.com/corazawaf/coraza/v3/experimental/plugins/plugintypes"
	"github.com/corazawaf/coraza/v3/types"
	"github.com/corazawaf/coraza/v3/types/variables"
)

// A request without a body, and every response, is spared the transaction of the lean
// rule set where none of its rules could match: most of what such a transaction costs is
// to be made, filled and emptied again. Coraza still parses the address and the cookies,
// in a transaction without rules that is kept for the next request; names and values of
// headers are those of the exchange itself, as Coraza would keep them. TestSpared and
// FuzzSpared compare every variable.

// unruled is what is known of a rule set whose lean rules can be spared.
type unruled struct {
	without coraza.WAF // the rule set without its rules
	telling []string   // headers that lean rules look at: a request that has one is not spared
	body    int        // bytes of a response's body that Coraza takes
	access  bool       // it takes any
}

// bodyOnly have no value in a request without a body.
var bodyOnly = []variables.RuleVariable{
	variables.ArgsPost, variables.ArgsPostNames, variables.Files, variables.FilesNames, variables.FilesSizes, variables.MultipartName,
	variables.MultipartFilename, variables.MultipartPartHeaders, variables.XML, variables.RequestXML,
}

// unparsed are variables that a transaction without rules does not hold as the lean one
// would.
var unparsed = []variables.RuleVariable{
	variables.ReqbodyProcessor, variables.ReqbodyProcessorError, variables.ArgsCombinedSize,
	variables.FilesCombinedSize, variables.ResponseContentType, variables.ResponseContentLength, variables.OutboundDataError,
}

// emptied are the variables that a kept transaction gathers from one request to the next.
var emptied = []variables.RuleVariable{variables.ArgsGet, variables.RequestCookies, variables.RequestHeaders, variables.ResponseHeaders, variables.ResponseContentType}

// spare finds out whether lean rules can be spared; nil: never.
func (a *analysis) spare(full coraza.WAF, again func() (coraza.WAF, error)) (*unruled, error) {
	s := &unruled{telling: []string{"Content-Type"}}
	idle := make([]bool, len(a.rules))
	for more := true; more; {
		more = false
		for i := range a.rules {
			if a.inLean(i) && !idle[i] && a.idles(i, idle, s) {
				idle[i], more = true, true
			}
		}
	}
	for i := range a.rules {
		if a.inLean(i) && !idle[i] {
			return nil, nil
		}
	}
	if slices.ContainsFunc(unparsed, func(v variables.RuleVariable) bool { return a.guards[v] != nil }) {
		return nil, nil
	}
	limit, partial, err := responseBody(full)
	if err != nil || !partial {
		return nil, err
	}
	s.body = limit
	if s.without, err = reduced(again, func(int) bool { return false }); err != nil {
		return nil, err
	}
	tx := s.without.NewTransactionWithID("clearance")
	defer func() { _ = tx.Close() }() // nothing was written
	state, ok := tx.(plugintypes.TransactionState)
	if s.access = tx.IsResponseBodyAccessible(); !ok || tx.IsRuleEngineOff() || slices.ContainsFunc(emptied, func(v variables.RuleVariable) bool {
		_, can := state.Collection(v).(resettable)
		return !can
	}) {
		return nil, nil
	}
	return s, nil
}

// idles reports whether a rule of the lean set can have no effect on a request without a
// body that has none of the telling headers, to which it may add one. idle are rules that
// are known to have none.
func (a *analysis) idles(i int, idle []bool, s *unruled) bool {
	r := a.rules[i]
	sets := slices.ContainsFunc(r.links, func(l link) bool {
		return slices.ContainsFunc(l.actions, func(act action) bool { return act.name == "setvar" })
	})
	switch {
	case a.treated[i] == fixed: // it removes what is idle anyway
		return true
	case r.phase > types.PhaseRequestBody:
		return false
	case a.treated[i] == parsing && !sets: // there is nothing to parse
		return true
	}
	l := &r.links[0]
	var telling []string
	for _, t := range l.targets {
		switch {
		case slices.Contains(bodyOnly, t.variable):
			if t.count && (!slices.Contains(pure, l.function) || len(l.steps) > 0 || l.operator.Evaluate(a.state, "0") != l.negated) {
				return false
			}
		case t.variable == variables.RequestHeaders && t.key != "" && !t.count:
			telling = append(telling, textproto.CanonicalMIMEHeaderKey(t.key))
		case t.variable == variables.TX && !t.count:
			if !a.unset(t, i, idle) {
				return false
			}
		default:
			return false
		}
	}
	if l.operator == nil || len(l.targets) == 0 {
		return false
	}
	s.telling = append(s.telling, telling...)
	return true
}

// unset reports whether a variable of TX has no value unless a rule that is not idle, or
// the rule itself, sets it.
func (a *analysis) unset(t target, i int, idle []bool) bool {
	set := a.state.Variables().TX()
	if t.pattern != nil && len(set.FindRegex(t.pattern)) > 0 || t.pattern == nil && (t.key == "" || len(set.Get(t.key)) > 0) {
		return false
	}
	for j, writes := range a.loose {
		// What settled rules set for another one to read counts as a match (settledMatch).
		if j != i && !idle[j] && a.treated[j] != settled && slices.ContainsFunc(writes, func(w write) bool { return w.may(read{t.key, t.pattern}) }) {
			return false
		}
	}
	return true
}

// resettable is a variable of Coraza that can be emptied; its interface does not tell.
type resettable interface{ Reset() }

// parsed is a transaction without rules, kept for the requests that are spared one with.
type parsed struct {
	types.Transaction
	plugintypes.TransactionState
}

// parser returns a transaction that is empty but for what it sets anew each time.
func (c *clearance) parser() *parsed {
	if p, ok := c.parsers.Get().(*parsed); ok {
		return p
	}
	tx := c.unruled.without.NewTransactionWithID("clearance")
	state, _ := tx.(plugintypes.TransactionState) // spare saw that it is one
	return &parsed{tx, state}
}

// putBack empties a transaction for the next request.
func (c *clearance) putBack(p *parsed) {
	for _, v := range emptied {
		if r, ok := p.Collection(v).(resettable); ok { // spare saw that it is
			r.Reset()
		}
	}
	c.parsers.Put(p)
}

// spares reports whether a request needs no transaction with rules.
func (s *unruled) spares(r *Request) bool {
	if len(r.Body) > 0 || len(r.TransferEncoding) > 0 || len(r.Trailer) > 0 {
		return false
	}
	for name := range r.Header {
		if !canonical(name) {
			return false
		}
	}
	return !slices.ContainsFunc(s.telling, func(name string) bool { return len(r.Header[name]) > 0 })
}

// canonical reports whether a header's name is written as net/http writes it, and
// plainly: then it is found by it.
func canonical(name string) bool {
	capital := true
	for i := range len(name) {
		switch b := name[i]; {
		case 'A' <= b && b <= 'Z':
			if !capital {
				return false
			}
		case 'a' <= b && b <= 'z':
			if capital {
				return false
			}
		case '0' <= b && b <= '9', b == '-', b == '_':
		default:
			return false
		}
		capital = name[i] == '-'
	}
	return name != ""
}

// parse gives Coraza what it parses of a request; false: it finds something about it that
// a variable tells.
func (p *parsed) parse(r *Request) bool {
	p.ProcessConnection(r.Client.Addr().Unmap().String(), int(r.Client.Port()), "", 0)
	p.ProcessURI(r.URI, r.Method, r.Proto)
	for _, value := range r.Header["Cookie"] {
		p.AddRequestHeader("Cookie", value)
	}
	p.SetServerName(r.Host)
	for _, v := range [...]variables.RuleVariable{variables.URIParseError, variables.ArgumentsLimitReached, variables.UrlencodedError} {
		if found, ok := p.Collection(v).(collection.Single); !ok || found.Get() != "0" {
			return false
		}
	}
	return true
}

// passesSpared is passes for a request that needs no transaction with rules; known is
// false where it needs one after all.
func (c *cleared) passesSpared(r *Request) (passes, known bool) {
	if !c.unruled.spares(r) {
		return false, false
	}
	p := c.parser()
	if !p.parse(r) {
		_ = p.Close() // it keeps what it found; nothing was written
		return false, false
	}
	c.state, c.request = p.TransactionState, r
	passes = c.settledPass(r) && !c.may(types.PhaseRequestHeaders, types.PhaseRequestBody)
	c.state, c.request = nil, nil
	c.putBack(p)
	return passes, true
}

// processable asks Coraza whether phase 4 looks at a body of this type.
func (c *cleared) processable(header http.Header) bool {
	if !c.unruled.access {
		return false
	}
	p := c.parser()
	defer c.putBack(p)
	for name, values := range header {
		if sameFolded(name, "content-type") {
			for _, value := range values {
				p.AddResponseHeader(name, value)
			}
		}
	}
	return p.IsResponseBodyProcessable()
}

// spared yields the values of a variable that no transaction holds, until yield returns
// false, and reports whether it is one.
func (c *cleared) spared(v variables.RuleVariable, yield func(key, value string) bool) bool {
	if c.tx != nil {
		return false
	}
	switch v {
	case variables.RequestHeaders:
		if eachHeader(c.request.Header, yield) && c.request.Host != "" {
			yield("Host", c.request.Host)
		}
	case variables.RequestHeadersNames:
		names := func(key, _ string) bool { return yield(key, key) }
		if eachHeader(c.request.Header, names) && c.request.Host != "" {
			yield("Host", "Host")
		}
	case variables.ResponseHeaders:
		eachHeader(c.answer.header, yield)
	case variables.ResponseHeadersNames:
		eachHeader(c.answer.header, func(key, _ string) bool { return yield(key, key) })
	case variables.ResponseStatus:
		yield("", strconv.Itoa(c.answer.status))
	case variables.ResponseProtocol:
		yield("", c.answer.proto)
	case variables.ResponseBody:
		yield("", unsafe.String(unsafe.SliceData(c.held), len(c.held))) // #nosec G103 -- nobody writes to them as long as they are read
	default:
		return false
	}
	return true
}

// eachHeader yields every value, and reports whether yield wanted them all.
func eachHeader(header http.Header, yield func(key, value string) bool) bool {
	for name, values := range header {
		for _, value := range values {
			if name != "" && !yield(name, value) {
				return false
			}
		}
	}
	return true
}

// number is how many values a variable has, or those of a key, that a guard counts.
func (c *cleared) number(g *countGuard) (n int) {
	v, key := g.variable, g.key
	if c.tx == nil && v == variables.RequestHeaders && key != "" {
		if n = len(c.request.Header[g.header]); g.header == "Host" && c.request.Host != "" {
			n++
		}
		return n
	}
	if c.spared(v, func(name, _ string) bool {
		if key == "" || sameFolded(name, key) {
			n++
		}
		return true
	}) {
		return n
	}
	switch c := c.state.Collection(v).(type) {
	case nil:
		return 0
	case collection.Keyed:
		if key != "" {
			return len(c.FindString(key))
		}
		return len(c.FindAll())
	default:
		return len(c.FindAll())
	}
}

// hold takes bytes of a response's body, and reports whether Coraza would take no more.
func (c *cleared) hold(b []byte) (full bool) {
	if c.held == nil {
		if held, ok := c.bodies.Get().(*[]byte); ok {
			c.held = *held
		}
	}
	c.held = append(c.held, b[:min(len(b), c.unruled.body-len(c.held))]...)
	return len(c.held) == c.unruled.body
}
