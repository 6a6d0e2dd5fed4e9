package waf

import (
	"regexp/syntax"
	"slices"
	"strings"
	"unicode"
)

// Bounds of the analysis: a set with more alternatives says too little, and a
// longer literal is cut, which asks for less and so stays necessary.
const (
	maxAlternatives = 400
	maxLiteral      = 8
	maxClass        = 16 // characters of a class that are spelled out
)

// required returns literals of which every match of the regular expression
// contains at least one, in lower case ASCII; nil when there are none. The text
// is to be searched without regard to ASCII case, and a text for which
// foldsToASCII holds matches without them.
//
// In an expression over bytes a character up to U+00FF is a byte.
//
// It follows Russ Cox, Regular Expression Matching with a Trigram Index (2012),
// with sets of strings in place of trigrams.
func required(expression string, overBytes bool) []string {
	re, err := syntax.Parse(expression, syntax.Perl)
	if err != nil {
		return nil
	}
	set := extractor{overBytes}.necessary(re.Simplify()).best()
	for i, s := range set {
		if len(s) > maxLiteral {
			set[i] = s[:maxLiteral]
		}
	}
	slices.Sort(set)
	return slices.Compact(set)
}

// need is what is known of the matches of an expression.
type need struct {
	exact []string // every match is one of these; nil when that is not known
	some  []string // every match contains one of these; nil when nothing is known
}

// best returns the set that every match contains one of, nil for none.
func (n need) best() []string { return better(useful(n.exact), n.some) }

// useful returns the set unless a match without a character is in it.
func useful(set []string) []string {
	if len(set) == 0 || len(set) > maxAlternatives || slices.Contains(set, "") {
		return nil
	}
	return slices.Clone(set)
}

// better returns the set that fewer texts contain: the one whose shortest
// member is longer, up to four characters, then the smaller one.
func better(a, b []string) []string {
	if a == nil || b == nil {
		if a == nil {
			return b
		}
		return a
	}
	if x, y := min(shortest(a), 4), min(shortest(b), 4); x != y {
		if x > y {
			return a
		}
		return b
	}
	if len(a) <= len(b) {
		return a
	}
	return b
}

func shortest(set []string) int {
	n := len(set[0])
	for _, s := range set {
		n = min(n, len(s))
	}
	return n
}

// extractor says what a character of an expression stands for.
type extractor struct{ overBytes bool }

// spelled returns the text that a character stands for, in lower case; false
// for one beyond ASCII, which may fold, or stand for a byte that is no UTF-8.
func (x extractor) spelled(c rune, folds bool) (string, bool) {
	switch {
	case c < unicode.MaxASCII:
		return strings.ToLower(string(c)), true
	case x.overBytes && c <= 0xff && !folds:
		return string([]byte{byte(c)}), true
	}
	return "", false
}

func (x extractor) necessary(re *syntax.Regexp) need {
	switch re.Op {
	case syntax.OpLiteral:
		return x.literal(re.Rune, re.Flags&syntax.FoldCase != 0)
	case syntax.OpCharClass:
		return x.class(re.Rune)
	case syntax.OpEmptyMatch, syntax.OpBeginLine, syntax.OpEndLine, syntax.OpBeginText, syntax.OpEndText,
		syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return need{exact: []string{""}}
	case syntax.OpCapture:
		return x.necessary(re.Sub[0])
	case syntax.OpPlus:
		return need{some: x.necessary(re.Sub[0]).best()}
	case syntax.OpQuest:
		if n := x.necessary(re.Sub[0]); n.exact != nil {
			return need{exact: append(slices.Clone(n.exact), "")}
		}
		return need{}
	case syntax.OpRepeat: // Simplify leaves none, but costs nothing to know
		if re.Min > 0 {
			return need{some: x.necessary(re.Sub[0]).best()}
		}
		return need{}
	case syntax.OpConcat:
		return x.sequence(re.Sub)
	case syntax.OpAlternate:
		return x.alternatives(re.Sub)
	case syntax.OpNoMatch, syntax.OpStar, syntax.OpAnyChar, syntax.OpAnyCharNotNL:
	}
	return need{} // nothing is known
}

// literal: a character that cannot be spelled ends what is known.
func (x extractor) literal(runes []rune, folds bool) need {
	var parts []need
	for _, c := range runes {
		text, ok := x.spelled(c, folds)
		switch n := len(parts); {
		case !ok:
			parts = append(parts, need{})
		case n > 0 && parts[n-1].exact != nil:
			parts[n-1].exact[0] += text
		default:
			parts = append(parts, need{exact: []string{text}})
		}
	}
	return join(parts)
}

// class spells out a small class of characters.
func (x extractor) class(pairs []rune) need {
	var set []string
	for i := 0; i < len(pairs); i += 2 {
		lo, hi := pairs[i], pairs[i+1]
		if lo == hi && (lo == '\u017f' || lo == '\u212a') && !x.overBytes {
			continue // folds of s and k, which foldsToASCII finds
		}
		if hi-lo > 2*maxClass {
			return need{}
		}
		for c := lo; c <= hi; c++ {
			text, ok := x.spelled(c, false)
			if !ok {
				return need{}
			}
			set = append(set, text)
		}
	}
	slices.Sort(set)
	if set = slices.Compact(set); len(set) > maxClass {
		return need{}
	}
	return need{exact: set}
}

func (x extractor) alternatives(subs []*syntax.Regexp) need {
	var out need
	exact, some := true, true
	for _, sub := range subs {
		n := x.necessary(sub)
		if exact = exact && n.exact != nil; exact {
			out.exact = append(out.exact, n.exact...)
		}
		best := n.best()
		if some = some && best != nil; some {
			out.some = append(out.some, best...)
		}
	}
	if !exact || len(out.exact) > maxAlternatives {
		out.exact = nil
	}
	if !some || len(out.some) > maxAlternatives {
		out.some = nil
	}
	return out
}

func (x extractor) sequence(subs []*syntax.Regexp) need {
	parts := make([]need, len(subs))
	for i, sub := range subs {
		parts[i] = x.necessary(sub)
	}
	return join(parts)
}

// join is the need of parts that follow each other: neighbours that are known
// exactly become longer strings, and the best of all runs is asked for.
func join(parts []need) need {
	var best []string
	run, whole := []string{""}, true
	for _, part := range parts {
		if part.exact == nil {
			best = better(best, better(useful(run), part.some))
			run, whole = []string{""}, false
			continue
		}
		product := cross(run, part.exact)
		if product == nil {
			best = better(best, useful(run))
			product, whole = part.exact, false
		}
		run = product
	}
	if whole {
		return need{exact: run}
	}
	return need{some: better(best, useful(run))}
}

// cross returns every string of a followed by every string of b, nil when that
// is too many.
func cross(a, b []string) []string {
	if len(a)*len(b) > maxAlternatives {
		return nil
	}
	out := make([]string, 0, len(a)*len(b))
	for _, x := range a {
		for _, y := range b {
			out = append(out, x+y)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// foldsToASCII reports whether a text holds one of the two characters beyond
// ASCII that a regular expression without regard to case takes for a letter of
// ASCII: long s and the Kelvin sign.
func foldsToASCII(text string) bool {
	return strings.Contains(text, "\u017f") || strings.Contains(text, "\u212a")
}
