package waf

import (
	"cmp"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode"

	lru "github.com/hashicorp/golang-lru/v2"
)

// Bounds of the analysis: a set with more alternatives says too little. Literals
// are cut: short where values are, so that the table stays small, longer for the
// few rules that read a whole page, in which every short one occurs.
const (
	maxAlternatives = 400
	maxLiteral      = 8
	maxPageLiteral  = 12
	maxClass        = 16  // characters of a class that are spelled out
	maxSets         = 6   // of an expression: more hardly tell more
	maxFurther      = 128 // literals of a further set
	maxWays         = 64
	maxRepeated     = 8 // ranges of a class that is told once from more often
)

// demand is what a text must contain to match, in lower case ASCII. The text is
// to be searched without regard to ASCII case, and a text for which foldsToASCII
// holds matches without it. The zero value demands nothing.
type demand struct {
	first []string // one of these
	// bytes: by set, the bytes of one of these.
	bytes [][]byteSet
	// ways: in one of them at least, a literal of every set; nil when that says
	// no more than first does.
	ways [][][]string
}

// allows reports whether a text of these bytes, folded, may hold what is demanded.
func (d *demand) allows(seen *byteSet) bool {
	for _, set := range d.bytes {
		if !slices.ContainsFunc(set, func(need byteSet) bool { return need.within(seen) }) {
			return false
		}
	}
	return true
}

// question is what required is asked.
type question struct {
	expression string
	overBytes  bool
	longest    int
}

// maxDemands bounds how many answers are remembered; those of one rule set fit in
// (TestDemandsFit).
const maxDemands = 1024

// demands is what the process has found out: a reload asks again about the same
// expressions, and the answer depends on nothing else. Half of the time that a
// rule set takes to start goes there.
var demands = newRemembered(maxDemands)

// remembered are answers of required. They are shared and not changed. It is
// safe for concurrent use.
type remembered struct{ answers *lru.Cache[question, demand] }

func newRemembered(size int) remembered {
	answers, _ := lru.New[question, demand](size) // fails for a size below 1 only
	return remembered{answers}
}

func (r remembered) of(q question) demand {
	if d, ok := r.answers.Get(q); ok {
		return d
	}
	d := required(q.expression, q.overBytes, q.longest)
	r.answers.Add(q, d)
	return d
}

// required returns what every match of the regular expression contains. Literals
// are cut to the longest length, which asks for less and so stays necessary. In
// an expression over bytes a character up to U+00FF is a byte.
//
// It follows Russ Cox, Regular Expression Matching with a Trigram Index (2012),
// with sets of strings in place of trigrams.
func required(expression string, overBytes bool, longest int) demand {
	re, err := syntax.Parse(expression, syntax.Perl)
	if err != nil {
		return demand{}
	}
	re = re.Simplify()
	x := extractor{overBytes}
	sets := x.necessary(re).sets()
	if len(sets) == 0 {
		return demand{}
	}
	out := demand{first: cut(sets[:1], longest)[0]}
	for _, set := range sets {
		bytes := make([]byteSet, len(set))
		for i, s := range set {
			bytes[i] = bytesOf(s)
		}
		out.bytes = append(out.bytes, least(bytes))
	}
	for _, way := range expanded(re) {
		out.ways = append(out.ways, telling(cut(x.necessary(way).sets(), longest)))
	}
	return out
}

// expanded returns expressions of which one matches wherever re does: its
// alternatives each by itself, and what is repeated once apart from what is
// repeated more often; at most maxWays.
func expanded(re *syntax.Regexp) []*syntax.Regexp {
	out := []*syntax.Regexp{re}
	for i := 0; i < len(out); {
		variants := split(out[i])
		if variants == nil || len(out)+len(variants) > maxWays {
			i++
			continue
		}
		out = slices.Replace(out, i, i+1, variants...)
	}
	return out
}

// split returns the variants of the first part of an expression that has some,
// nil when none has.
func split(re *syntax.Regexp) []*syntax.Regexp {
	switch re.Op {
	case syntax.OpAlternate:
		return re.Sub
	case syntax.OpCapture:
		return split(re.Sub[0])
	case syntax.OpConcat:
		for i, sub := range re.Sub {
			variants := split(sub)
			if sub.Op == syntax.OpPlus && sub.Sub[0].Op == syntax.OpCharClass && len(sub.Sub[0].Rune) <= 2*maxRepeated {
				variants = []*syntax.Regexp{sub.Sub[0], {Op: syntax.OpConcat, Sub: []*syntax.Regexp{sub.Sub[0], sub.Sub[0], {Op: syntax.OpStar, Sub: sub.Sub[:1]}}}}
			}
			if variants == nil {
				continue
			}
			out := make([]*syntax.Regexp, len(variants))
			for k, variant := range variants {
				parts := slices.Concat(re.Sub[:i], flat(variant), re.Sub[i+1:])
				out[k] = &syntax.Regexp{Op: syntax.OpConcat, Sub: parts}
			}
			return out
		}
	default: // one way only
	}
	return nil
}

// flat returns the parts that follow each other.
func flat(re *syntax.Regexp) []*syntax.Regexp {
	if re.Op == syntax.OpConcat {
		return re.Sub
	}
	return []*syntax.Regexp{re}
}

// telling leaves the sets that few texts have all of.
func telling(sets [][]string) [][]string {
	return slices.DeleteFunc(sets, func(set []string) bool { return shortest(set) < 2 || len(set) > maxFurther })
}

// cut shortens literals: their beginnings are asked for and, apart from them,
// their ends.
func cut(sets [][]string, longest int) [][]string {
	var out [][]string
	add := func(set []string, part func(string) string) {
		short := make([]string, len(set))
		for i, s := range set {
			short[i] = s
			if len(s) > longest {
				short[i] = part(s)
			}
		}
		slices.Sort(short)
		if short = slices.Compact(short); !slices.ContainsFunc(out, func(known []string) bool { return slices.Equal(known, short) }) {
			out = append(out, short)
		}
	}
	for _, set := range sets {
		add(set, func(s string) string { return s[:longest] })
	}
	for _, set := range sets {
		add(set, func(s string) string { return s[len(s)-longest:] })
	}
	return out
}

// need is what is known of the matches of an expression.
type need struct {
	exact []string   // every match is one of these; nil when that is not known
	all   [][]string // every match contains one of each of these; nil when nothing is known
	// repeated, with exact unknown, says that every match is one or more of these
	// in a row: it begins and ends with one.
	repeated []string
}

// sets returns the sets of which every match contains one, the best first.
func (n need) sets() [][]string {
	return ranked(append(slices.Clone(n.all), n.exact))
}

// ranked leaves the useful sets, the best first, at most maxSets.
func ranked(sets [][]string) [][]string {
	sets = slices.DeleteFunc(sets, func(set []string) bool {
		return len(set) == 0 || len(set) > maxAlternatives || slices.Contains(set, "")
	})
	slices.SortStableFunc(sets, func(a, b []string) int {
		// Fewer texts contain the one whose shortest member is longer, up to four
		// characters, then the smaller one.
		return cmp.Or(cmp.Compare(min(shortest(b), 4), min(shortest(a), 4)), cmp.Compare(len(a), len(b)))
	})
	sets = slices.CompactFunc(sets, slices.Equal)
	if len(sets) == 0 {
		return nil
	}
	return sets[:min(len(sets), maxSets)]
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
		n := x.necessary(re.Sub[0])
		return need{all: n.sets(), repeated: n.exact}
	case syntax.OpQuest:
		if n := x.necessary(re.Sub[0]); n.exact != nil {
			return need{exact: append(slices.Clone(n.exact), "")}
		}
		return need{}
	case syntax.OpRepeat: // Simplify leaves none, but costs nothing to know
		if re.Min > 0 {
			return need{all: x.necessary(re.Sub[0]).sets()}
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
	var joined []string
	exact, all := true, true
	for _, sub := range subs {
		n := x.necessary(sub)
		if exact = exact && n.exact != nil; exact {
			out.exact = append(out.exact, n.exact...)
		}
		sets := n.sets()
		if all = all && sets != nil; all {
			joined = append(joined, sets[0]...)
		}
	}
	if !exact || len(out.exact) > maxAlternatives {
		out.exact = nil
	}
	if all {
		out.all = ranked([][]string{joined})
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
// exactly become longer strings, and every run of them is asked for.
func join(parts []need) need {
	var all [][]string
	run, whole := []string{""}, true
	for _, part := range parts {
		if part.exact == nil {
			end := run
			run, whole = []string{""}, false
			if part.repeated != nil {
				run = part.repeated
				if longer := cross(end, part.repeated); longer != nil {
					end = longer
				}
			}
			all = append(append(all, end), part.all...)
			continue
		}
		product := cross(run, part.exact)
		if product == nil {
			all = append(all, run)
			product, whole = part.exact, false
		}
		run = product
	}
	if whole {
		return need{exact: run}
	}
	return need{all: ranked(append(all, run))}
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
