package waf

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"unsafe"

	"github.com/corazawaf/coraza/v3"
	"github.com/corazawaf/coraza/v3/experimental/plugins/macro"
	"github.com/corazawaf/coraza/v3/experimental/plugins/plugintypes"
	"github.com/corazawaf/coraza/v3/types"
	"github.com/corazawaf/coraza/v3/types/variables"
)

// rule is one compiled rule of Coraza as it will run: after includes,
// exclusions, default actions and SecRuleUpdate*. It is read from Coraza's own
// structures, so that what is analysed is what is judged. Version 3 keeps
// these internal; a field that is missing or has another type is an error, and
// then there is no clearance.
type rule struct {
	id      int
	phase   types.RulePhase // 0 for a marker, which runs in every phase
	marker  string          // name of a SecMarker
	message bool            // a match is a hit: it has a message and is logged
	links   []link          // the rule, and the rules chained to it
	index   int             // position among the compiled rules
	file    string          // where it stands
}

// link is one rule of a chain.
type link struct {
	targets  []target
	operator plugintypes.Operator // nil for SecAction and SecMarker, which always match
	function string               // name of the operator in lower case, without @ and !
	argument string
	negated  bool
	capture  bool
	multi    bool // multiMatch: every intermediate value is tried
	steps    []step
	actions  []action
	follower *follower // of a regular expression that is asked about or judges; nil: none
}

// target is a variable that a rule reads, with its selector.
type target struct {
	variable variables.RuleVariable
	key      string         // "" for all
	pattern  *regexp.Regexp // instead of key
	count    bool
	except   []exception
}

type exception struct {
	key     string
	pattern *regexp.Regexp
}

// step is one transformation; prefix identifies it together with all before
// it, over all rules.
type step struct {
	prefix int
	apply  plugintypes.Transformation
	does   effect
	touch  touch
}

// action is what a rule does when it matches; only ctl and setvar carry
// detail.
type action struct {
	name  string
	kind  plugintypes.ActionType
	ctl   int                    // Coraza's number of the control
	on    variables.RuleVariable // the collection of ctl:ruleRemoveTarget*
	key   macro.Macro            // of setvar
	value macro.Macro            // of setvar, may be nil
	// removes says that setvar removes the variable.
	removes bool
	data    string // marker of skipAfter
	count   int    // of skip
}

func (a action) removesTarget() bool {
	return a.name == "ctl" && a.ctl >= ctlRemoveTargetByID && a.ctl <= ctlRemoveTargetByMsg
}

func (a action) removesRule() bool {
	return a.name == "ctl" && a.ctl >= ctlRemoveByID && a.ctl <= ctlRemoveByTag
}

// Numbers of the controls in Coraza (internal/actions/ctl.go), which
// TestControls verifies.
const (
	ctlRemoveTargetByID = iota + 1
	ctlRemoveTargetByTag
	ctlRemoveTargetByMsg
	ctlAuditEngine
	ctlAuditLogParts
	ctlForceRequestBody
	ctlRequestBodyAccess
	ctlRequestBodyLimit
	ctlRuleEngine
	ctlRemoveByID
	ctlRemoveByMsg
	ctlRemoveByTag
	ctlHashEngine
	ctlHashEnforcement
	ctlRequestBodyProcessor
)

// compiledRules reads the rules of a WAF, in the order in which they run.
func compiledRules(w coraza.WAF) (rules []*rule, err error) {
	defer failed("reading Coraza's compiled rules", &err)
	slice := ruleSlice(w)
	for i := range slice.Len() {
		v := slice.Index(i)
		r := &rule{
			id: int(v.FieldByName("ID_").Int()), phase: types.RulePhase(v.FieldByName("Phase_").Int()),
			marker: v.FieldByName("SecMark_").String(), index: i, file: v.FieldByName("File_").String(),
		}
		r.message = v.FieldByName("Log").Bool()
		said := false
		for l := v; ; {
			r.links = append(r.links, readLink(l))
			said = said || !l.FieldByName("Msg").IsNil()
			next := l.FieldByName("Chain")
			if next.IsNil() {
				break
			}
			l = next.Elem()
		}
		r.message = r.message && said
		rules = append(rules, r)
	}
	return rules, nil
}

// keepRules takes every rule away from a WAF that has not run yet, except
// those at the given positions.
func keepRules(w coraza.WAF, keep func(index int) bool) (err error) {
	defer failed("choosing among Coraza's rules", &err)
	slice := ruleSlice(w)
	kept := reflect.MakeSlice(slice.Type(), 0, slice.Len())
	for i := range slice.Len() {
		if keep(i) {
			kept = reflect.Append(kept, slice.Index(i))
		}
	}
	slice.Set(kept)
	return nil
}

// putFollowers has the regular expressions of a WAF that has not run yet followed
// before they are asked; rules are those of a WAF that was compiled from the same
// files.
func putFollowers(w coraza.WAF, rules []*rule, r *room) (err error) {
	defer failed("setting Coraza's operators", &err)
	slice := ruleSlice(w)
	if slice.Len() != len(rules) {
		return fmt.Errorf("the rules were compiled into %d, and then into %d", len(rules), slice.Len())
	}
	for i, rule := range rules {
		l := slice.Index(i)
		for k := range rule.links {
			if op := l.FieldByName("operator"); rule.links[k].function == "rx" && !op.IsNil() {
				field := opened(op.Elem().FieldByName("Operator"))
				own := r.follow(&rule.links[k])
				field.Set(reflect.ValueOf(&follower{Operator: field.Interface().(plugintypes.Operator), dfa: own.dfa}))
			}
			if next := l.FieldByName("Chain"); !next.IsNil() {
				l = next.Elem()
			}
		}
	}
	return nil
}

// audited reports whether the WAF writes an audit log.
func audited(w coraza.WAF) (on bool, err error) {
	defer failed("reading Coraza's settings", &err)
	return reflect.ValueOf(w).FieldByName("waf").Elem().FieldByName("AuditEngine").Int() != int64(types.AuditEngineOff), nil
}

// responseBody returns how many bytes of a response's body a WAF takes, and whether it
// looks at a longer one as far as that.
func responseBody(w coraza.WAF) (limit int, partial bool, err error) {
	defer failed("reading Coraza's settings", &err)
	settings := reflect.ValueOf(w).FieldByName("waf").Elem()
	action := settings.FieldByName("ResponseBodyLimitAction").Int()
	return int(settings.FieldByName("ResponseBodyLimit").Int()), action == int64(types.BodyLimitActionProcessPartial), nil
}

// failed turns a panic of package reflect into an error: Coraza is then built
// in another way than this file knows.
func failed(doing string, err *error) {
	if cause := recover(); cause != nil {
		*err = fmt.Errorf("%s: %v", doing, cause)
	}
}

// ruleSlice returns the settable []corazawaf.Rule of a WAF.
func ruleSlice(w coraza.WAF) reflect.Value {
	return opened(reflect.ValueOf(w).FieldByName("waf").Elem().FieldByName("Rules").FieldByName("rules"))
}

// opened lets a field be used that its package keeps to itself. v must be
// addressable.
func opened(v reflect.Value) reflect.Value {
	return reflect.NewAt(v.Type(), unsafe.Pointer(v.UnsafeAddr())).Elem() //nolint:gosec // the only way to the rules as they will run; see type rule
}

func readLink(v reflect.Value) link {
	l := link{capture: v.FieldByName("Capture").Bool(), multi: v.FieldByName("MultiMatch").Bool()}
	for _, t := range all(opened(v.FieldByName("variables"))) {
		l.targets = append(l.targets, readTarget(t))
	}
	if op := v.FieldByName("operator"); !op.IsNil() {
		op = op.Elem()
		l.operator = opened(op.FieldByName("Operator")).Interface().(plugintypes.Operator)
		l.function = strings.ToLower(strings.TrimLeft(op.FieldByName("Function").String(), "!@"))
		l.argument = op.FieldByName("Data").String()
		l.negated = op.FieldByName("Negation").Bool()
	}
	prefixes := opened(v.FieldByName("transformationPrefixIDs")).Interface().([]int)
	steps := all(opened(v.FieldByName("transformations")))
	if len(prefixes) != len(steps) {
		panic("transformations without an id each")
	}
	for i, t := range steps {
		apply := opened(t.FieldByName("Function")).Interface().(plugintypes.Transformation)
		l.steps = append(l.steps, step{prefixes[i], quick(apply), effectOf(apply), touchOf(apply)})
	}
	for _, a := range all(opened(v.FieldByName("actions"))) {
		l.actions = append(l.actions, readAction(a))
	}
	return l
}

func readTarget(v reflect.Value) target {
	t := target{
		variable: variables.RuleVariable(v.FieldByName("Variable").Uint()),
		key:      v.FieldByName("KeyStr").String(), count: v.FieldByName("Count").Bool(),
		pattern: opened(v.FieldByName("KeyRx")).Interface().(*regexp.Regexp),
	}
	if t.pattern != nil {
		t.key = "" // Coraza keeps the pattern's text there
	}
	for _, e := range all(opened(v.FieldByName("Exceptions"))) {
		t.except = append(t.except, exception{strings.ToLower(e.FieldByName("KeyStr").String()), opened(e.FieldByName("KeyRx")).Interface().(*regexp.Regexp)})
	}
	return t
}

func readAction(v reflect.Value) action {
	function := v.FieldByName("Function").Interface().(plugintypes.Action)
	a := action{name: v.FieldByName("Name").String(), kind: function.Type()}
	detail := reflect.ValueOf(function).Elem()
	switch a.name {
	case "ctl":
		a.ctl = int(detail.FieldByName("action").Int())
		a.on = variables.RuleVariable(detail.FieldByName("collection").Uint())
	case "setvar":
		a.key = opened(detail.FieldByName("key")).Interface().(macro.Macro)
		a.value, _ = opened(detail.FieldByName("value")).Interface().(macro.Macro)
		a.removes = detail.FieldByName("isRemove").Bool()
	case "skipafter":
		a.data = detail.FieldByName("data").String()
	case "skip":
		a.count = int(detail.FieldByName("data").Int())
	}
	return a
}

func all(slice reflect.Value) []reflect.Value {
	out := make([]reflect.Value, slice.Len())
	for i := range out {
		out[i] = slice.Index(i)
	}
	return out
}
