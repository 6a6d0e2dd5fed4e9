package waf

import (
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"

	"github.com/corazawaf/coraza/v3/types/variables"
)

// loosen finds what rules may set in TX although they do not match wholly, or
// match without a trace. A fixed rule that reads such a variable and does not
// match without it is not fixed.
func (a *analysis) loosen() {
	a.loose = make([][]write, len(a.rules))
	for again := true; again; {
		again = false
		for i := range a.rules {
			if a.treated[i] == structural && a.loose[i] == nil {
				a.loose[i] = looseWrites(a.rules[i])
			}
		}
		for j, r := range a.rules {
			if a.treated[j] == fixed && !a.matched[r.id] && r.marker == "" && a.readsLoose(j) {
				a.treated[j], again = structural, true
			}
		}
	}
}

// looseWrites returns what a rule may set without a match that counts.
func looseWrites(r *rule) []write {
	var out []write
	for k := range r.links {
		if r.message && k == len(r.links)-1 {
			break
		}
		for _, act := range r.links[k].actions {
			if act.name == "setvar" {
				out = append(out, writeOf(act))
			}
		}
	}
	return out
}

func (a *analysis) readsLoose(j int) bool {
	for i, writes := range a.loose {
		if i != j && slices.ContainsFunc(writes, func(w write) bool { return slices.ContainsFunc(a.reads[j], w.may) }) {
			return true
		}
	}
	return false
}

// together takes into the lean set every rule that may set what a rule of the
// lean set reads, or that takes a target away from a rule that chooses the
// parser.
func (a *analysis) together() {
	for i := range a.rules {
		if a.treated[i] == harmless && a.removesFromParsing(i) {
			a.treated[i] = parsing
		}
	}
	for again := true; again; {
		again = false
		for j := range a.rules {
			if a.treated[j] != structural && a.treated[j] != parsing {
				continue
			}
			for i, writes := range a.loose {
				if i == j || a.treated[i] != guarded && a.treated[i] != harmless ||
					!slices.ContainsFunc(writes, func(w write) bool { return slices.ContainsFunc(a.reads[j], w.may) }) {
					continue
				}
				again = true
				if a.treated[i] == harmless {
					a.treated[i] = parsing
					continue
				}
				a.treated[i] = structural // and still asked about by value, which does no harm
			}
		}
	}
}

func (a *analysis) removesFromParsing(i int) bool {
	for _, l := range a.rules[i].links {
		for _, act := range l.actions {
			if !act.removesTarget() {
				continue
			}
			for j, r := range a.rules {
				for _, other := range r.links {
					if a.treated[j] == parsing && slices.ContainsFunc(other.targets, func(t target) bool { return t.variable == act.on }) {
						return true
					}
				}
			}
		}
	}
	return false
}

// dynamic reports whether a TX variable may be set by the rule itself, or by
// another that matches without a trace, or is one of the captures.
func (a *analysis) dynamic(key string, i int) bool {
	may := func(w write) bool { return w.may(read{name: key}) }
	return isCapture(key) || slices.ContainsFunc(a.writes[i], may) ||
		slices.ContainsFunc(a.loose, func(writes []write) bool { return slices.ContainsFunc(writes, may) })
}

// isRead reports whether a fixed rule reads what is written: it would not be
// fixed then.
func (a *analysis) isRead(w write) bool {
	for j, reads := range a.reads {
		if a.treated[j] == fixed && slices.ContainsFunc(reads, w.may) {
			return true
		}
	}
	return false
}

// order refuses a rule that reads a TX variable before the fixed rule that
// sets it, or what another rule captured.
func (a *analysis) order(i int) {
	r := a.rules[i]
	if a.treated[i] == unreached || r.marker != "" {
		return
	}
	captured := false
	for k := range r.links {
		l := &r.links[k]
		if !captured && slices.ContainsFunc(conditionReads(l), read.captures) {
			a.refuse(r, "reads what another rule captured (TX:0 to TX:9)")
		}
		if captured = captured || l.capture; !captured && slices.ContainsFunc(actionReads(l), read.captures) {
			a.refuse(r, "sets what another rule captured (TX:0 to TX:9)")
		}
	}
	if a.treated[i] == fixed || a.treated[i] == harmless {
		return
	}
	for j, writer := range a.rules {
		if !a.matched[writer.id] || a.treated[j] != fixed {
			continue
		}
		if writer.phase < r.phase || writer.phase == r.phase && j < i {
			continue
		}
		for _, w := range a.writes[j] {
			if slices.ContainsFunc(a.reads[i], w.may) {
				a.refuse(r, "reads TX:%s before rule %d sets it", w.prefix, writer.id)
			}
		}
	}
}

// read is a TX variable that a rule reads: by name, by pattern, or all.
type read struct {
	name    string
	pattern *regexp.Regexp
}

// write is a TX variable that a rule sets; a name with macros is known by what
// stands before the first and after the last.
type write struct {
	prefix, suffix string
	exact          bool
}

func writeOf(act action) write {
	name := strings.ToLower(act.key.String())
	prefix, _, macro := strings.Cut(name, "%{")
	if !macro {
		return write{prefix: name, exact: true}
	}
	return write{prefix: prefix, suffix: name[strings.LastIndexByte(name, '}')+1:]}
}

// may reports whether the variable that is written may be the one that is
// read.
func (w write) may(r read) bool {
	switch {
	case r.pattern != nil:
		if w.exact {
			return r.pattern.MatchString(w.prefix)
		}
		begin := anchored(r.pattern)
		return strings.HasPrefix(begin, w.prefix) || strings.HasPrefix(w.prefix, begin)
	case r.name == "":
		return true
	case w.exact:
		return r.name == w.prefix
	}
	return strings.HasPrefix(r.name, w.prefix) && strings.HasSuffix(r.name, w.suffix)
}

// anchored returns what every match of a pattern begins with at the beginning
// of a name.
func anchored(pattern *regexp.Regexp) string {
	re, err := syntax.Parse(pattern.String(), syntax.Perl)
	if err != nil || re.Op != syntax.OpConcat || re.Sub[0].Op != syntax.OpBeginText || re.Sub[1].Op != syntax.OpLiteral || re.Sub[1].Flags&syntax.FoldCase != 0 {
		return ""
	}
	return string(re.Sub[1].Rune)
}

func writesOf(r *rule) []write {
	var out []write
	for _, l := range r.links {
		for _, act := range l.actions {
			if act.name == "setvar" {
				out = append(out, writeOf(act))
			}
		}
	}
	return out
}

func readsOf(r *rule) []read {
	var out []read
	for k := range r.links {
		out = append(out, readsOfLink(&r.links[k])...)
	}
	return out
}

func readsOfLink(l *link) []read { return append(conditionReads(l), actionReads(l)...) }

// conditionReads returns what a link reads before it matches.
func conditionReads(l *link) []read {
	var out []read
	for _, t := range l.targets {
		if t.variable == variables.TX {
			out = append(out, read{t.key, t.pattern})
		}
	}
	return append(out, namedReads(macros(l.argument, l.function))...)
}

// actionReads returns what a link reads when it has matched.
func actionReads(l *link) []read { return namedReads(actionMacros(l)) }

// actionMacros returns the variables that the actions of a link expand.
func actionMacros(l *link) []string {
	var names []string
	for _, act := range l.actions {
		if act.name == "setvar" {
			names = append(names, macros(act.key.String(), "")...)
			if act.value != nil {
				names = append(names, macros(act.value.String(), "")...)
			}
		}
	}
	return names
}

// namedReads picks the TX variables among names of macros.
func namedReads(names []string) []read {
	var out []read
	for _, name := range names {
		if key, ok := strings.CutPrefix(name, "tx."); ok {
			out = append(out, read{name: key})
		} else if name == "tx" {
			out = append(out, read{})
		}
	}
	return out
}

// captures reports whether a match's captures may be read.
func (r read) captures() bool {
	if r.pattern == nil {
		return r.name == "" || isCapture(r.name)
	}
	return slices.ContainsFunc(strings.Split("0123456789", ""), r.pattern.MatchString)
}

// readsOnlyTX reports whether what a rule does depends on TX alone.
func readsOnlyTX(r *rule) bool {
	for _, l := range r.links {
		if l.operator != nil && !slices.Contains(pure, l.function) {
			return false
		}
		for _, t := range l.targets {
			if t.variable != variables.TX {
				return false
			}
		}
		names := append(macros(l.argument, l.function), actionMacros(&l)...)
		for _, name := range names {
			if name != "tx" && !strings.HasPrefix(name, "tx.") {
				return false
			}
		}
	}
	return true
}

var macroName = regexp.MustCompile(`%\{([^}]*)\}`)

// macros returns the names of the variables that a text expands, in lower
// case. @rx and @pm expand none.
func macros(text, function string) []string {
	switch function {
	case "rx", "pm", "pmfromfile", "pmf", "validatebyterange":
		return nil
	}
	var out []string
	for _, m := range macroName.FindAllStringSubmatch(text, -1) {
		out = append(out, strings.ToLower(m[1]))
	}
	return out
}

// isCapture reports whether a TX variable is one of the ten that a match
// captures into.
func isCapture(name string) bool { return len(name) == 1 && name[0] >= '0' && name[0] <= '9' }
