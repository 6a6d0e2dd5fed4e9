package waf

import (
	"bytes"
	"io/fs"
	"os"
	"path"
	"reflect"
	"slices"
	"strings"

	"github.com/corazawaf/coraza/v3/experimental/plugins/plugintypes"
	"github.com/corazawaf/coraza/v3/types"
)

// literalsOf returns what every text that the link's operator matches contains.
// file is where the rule stands; state is there for the operator to read.
func literalsOf(l *link, file string, state plugintypes.TransactionState) demand {
	if l.negated {
		return demand{}
	}
	longest := maxLiteral
	if stable[l.targets[0].variable] >= types.PhaseResponseBody {
		longest = maxPageLiteral
	}
	switch l.function {
	case "rx":
		expression, overBytes := l.expression()
		return demands.of(question{expression, overBytes, longest})
	case "pm":
		return shortened(verified(l.operator, strings.Split(strings.ToLower(l.argument), " "), state), longest)
	case "pmfromfile", "pmf":
		return shortened(verified(l.operator, phrasesOf(l.argument, file), state), longest)
	case "detectxss": // libinjection looks for tags, which begin with <, and for values of attributes, behind =
		return demand{first: []string{"<", "="}}
	case "validatebyterange":
		return shortened(outside(l.operator, state), longest)
	case "contains", "streq", "beginswith", "endswith":
		if l.argument == "" || strings.Contains(l.argument, "%{") {
			return demand{}
		}
		return shortened([]string{strings.ToLower(l.argument)}, longest)
	}
	return demand{}
}

// expression returns the regular expression of an @rx as it is compiled, and
// whether it is one over bytes.
func (l *link) expression() (expression string, overBytes bool) {
	if strings.HasSuffix(reflect.TypeOf(l.operator).String(), ".binaryRX") {
		return l.argument, true
	}
	return "(?sm)" + l.argument, false // the flags that Coraza adds
}

// outside returns the bytes that @validateByteRange matches, by asking it.
func outside(op plugintypes.Operator, state plugintypes.TransactionState) []string {
	var set []string
	for c := range 256 {
		if s := string([]byte{byte(c)}); op.Evaluate(state, s) {
			set = append(set, s)
		}
	}
	return set
}

// verified returns the phrases of a @pm when the operator that was built from
// them has as many, and matches each of them.
func verified(op plugintypes.Operator, set []string, state plugintypes.TransactionState) []string {
	if patternCount(op) != len(set) || slices.ContainsFunc(set, func(s string) bool { return !op.Evaluate(state, s) }) {
		return nil
	}
	return set
}

// shortened demands one literal of a set, cut to the longest length; nothing when
// one is empty.
func shortened(set []string, longest int) demand {
	if len(set) == 0 || slices.Contains(set, "") {
		return demand{}
	}
	out := demand{first: cut([][]string{set}, longest)[0]}
	for _, s := range set {
		out.ways = append(out.ways, telling(cut([][]string{{s}}, longest)))
	}
	return out
}

// patternCount asks the matcher of a @pm for the number of its phrases, -1
// when Coraza is built in another way than this file knows.
func patternCount(op plugintypes.Operator) (n int) {
	defer func() {
		if recover() != nil {
			n = -1
		}
	}()
	matcher := opened(reflect.ValueOf(op).Elem().FieldByName("matcher"))
	return int(matcher.MethodByName("PatternCount").Call(nil)[0].Int())
}

// phrasesOf reads the phrases of a @pmFromFile where Coraza found them: beside
// the rule, or in the working directory.
func phrasesOf(name, file string) []string {
	dirs := []string{path.Dir(file)}
	if wd, err := os.Getwd(); err == nil {
		dirs = append(dirs, wd)
	}
	if path.IsAbs(name) {
		dirs = []string{""}
	}
	for _, dir := range dirs {
		data, err := fs.ReadFile(rootFS{}, path.Join(dir, name))
		if err != nil {
			continue
		}
		var set []string
		for line := range bytes.Lines(data) {
			if s := strings.TrimSpace(string(line)); s != "" && s[0] != '#' {
				set = append(set, strings.ToLower(s))
			}
		}
		return set
	}
	return nil
}
