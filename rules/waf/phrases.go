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
)

// literalsOf returns literals of which every text that the link's operator
// matches contains one, without regard to ASCII case; nil when it is not known.
// file is where the rule stands; state is there for the operator to read.
func literalsOf(l *link, file string, state plugintypes.TransactionState) []string {
	if l.negated {
		return nil
	}
	switch l.function {
	case "rx":
		if strings.HasSuffix(reflect.TypeOf(l.operator).String(), ".binaryRX") {
			return required(l.argument, true)
		}
		return required("(?sm)"+l.argument, false) // the flags that Coraza adds
	case "pm":
		return verified(l.operator, strings.Split(strings.ToLower(l.argument), " "), state)
	case "pmfromfile", "pmf":
		return verified(l.operator, phrasesOf(l.argument, file), state)
	case "validatebyterange":
		return outside(l.operator, state)
	case "contains", "streq", "beginswith", "endswith":
		if l.argument == "" || strings.Contains(l.argument, "%{") {
			return nil
		}
		return shortened([]string{strings.ToLower(l.argument)})
	}
	return nil
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
	return shortened(set)
}

// shortened cuts every literal, which asks for less; nil when one is empty.
func shortened(set []string) []string {
	out := make([]string, 0, len(set))
	for _, s := range set {
		if s == "" {
			return nil
		}
		out = append(out, s[:min(len(s), maxLiteral)])
	}
	slices.Sort(out)
	return slices.Compact(out)
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
