package waf

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/corazawaf/coraza/v3/types/variables"
)

// FuzzSieve holds that what the sieve keeps back, nothing in it would be asked
// about: automaton and transformations find no literal of any guard.
func FuzzSieve(f *testing.F) {
	for _, text := range []string{
		page, "", "<", "a\u00a0b", "<title>Punk Holic\u2003Shell</title>", "< t i t l e > p u n k H", "<title>punk\xff", "<tıtle>PUN\u212ah", "T\u0130TLE", "\xe2\x80<title>\x85punkh",
		"Warning: pg_query() [", "ORA-00933:", "#!/bin/sh", "<?php echo", "java.lang.Exception at org.x",
	} {
		f.Add(text, uint16(len(text)))
	}
	f.Fuzz(func(t *testing.T, text string, cut uint16) {
		if len(text) > 4<<10 {
			return
		}
		s := subjectOf(t, 4)
		gs := s.guards[variables.ResponseBody]
		if err := gs.kept(s, text); err != "" {
			t.Fatal(err)
		}
		at := int(cut) % (len(text) + 1)
		if err := gs.kept(s, text[at:]+page+text[:at]); err != "" {
			t.Fatal(err)
		}
	})
}

// kept returns what is wrong: a guard whose demand is met by one of the texts that
// the transformations make is not among those that the sieve lets through.
func (gs *guards) kept(s *subject, text string) string {
	var w scratch
	gs.sieve.sift(&w, text)
	asking := slices.Clone(w.asking)
	gs.read(&w, text)
	for _, g := range gs.list {
		if slices.Contains(asking, g) {
			continue
		}
		for _, n := range g.nodes {
			holds := func(literal string) bool { return strings.Contains(asciiLower(gs.make(&w, n)), literal) }
			missing := func(set []string) bool { return !slices.ContainsFunc(set, holds) }
			if g.first == nil || slices.ContainsFunc(g.first, holds) && (g.ways == nil || slices.ContainsFunc(g.ways, func(way [][]string) bool { return !slices.ContainsFunc(way, missing) })) {
				return fmt.Sprintf("the sieve keeps back a text that holds what rule %d demands: %q", s.rules[s.sources[g.bit].rule].id, text)
			}
		}
	}
	return ""
}

// asciiLower makes the letters of ASCII lower case.
func asciiLower(text string) string {
	out := []byte(text)
	for i, c := range out {
		if 'A' <= c && c <= 'Z' {
			out[i] += 'a' - 'A'
		}
	}
	return string(out)
}

// TestSieve: an innocent page is kept back, and each literal that is looked for
// is found wherever it stands, in either case.
func TestSieve(t *testing.T) {
	s := subjectOf(t, 1).guards[variables.ResponseBody].sieve
	innocent := "<!doctype html>\n<html><head><title>A shop</title><script src=\"javascript.js\"></script></head><body>error warning at home: org, com" +
		strings.Repeat(`<li class="product"><a href="/p/1">Teapot, oak lid</a> <span>24.95</span></li>`+"\n", 40) + "</body></html>\n"
	var asking scratch
	s.sift(&asking, strings.ReplaceAll(innocent, "error", ""))
	for _, g := range asking.asking {
		t.Errorf("an innocent page is held to concern a rule: %s", g.link.argument)
	}
	holds := func(text string, id int) bool {
		var w scratch
		s.sift(&w, text)
		return w.found[id] == w.turn
	}
	for key, id := range s.ids {
		if key.without {
			continue
		}
		for i := range 9 {
			if text := strings.Repeat(" ", i) + key.literal + innocent[:8-i]; !holds(text, id) || !holds(strings.ToUpper(text), id) {
				t.Fatalf("%q is not found", text)
			}
		}
	}
	if len(s.squeezed) == 0 {
		t.Error("no literal of a text without blanks is looked for")
	}
	for _, p := range s.squeezed {
		spread := strings.Join(strings.Split(p.literal, ""), "\n\u00a0")
		if !holds(innocent+spread+innocent, p.id) {
			t.Errorf("%q is not found", spread)
		}
		if holds(innocent+strings.Replace(spread, "\n", ".", 1)+innocent, p.id) {
			t.Errorf("%q is found with a point in it", p.literal)
		}
	}
}

// TestEffects: Coraza's transformations do what their names are taken for.
func TestEffects(t *testing.T) {
	list, err := compiledRules(subjectOf(t, 4).full.waf)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[effect]bool{}
	for _, r := range list {
		for i := range r.links {
			for _, s := range r.links[i].steps {
				if seen[s.does] {
					continue
				}
				seen[s.does] = true
				for c := rune(0); c <= 0x2fff; c++ {
					text := string(c)
					got, _, err := s.apply(text)
					switch want := text; {
					case err != nil:
						t.Fatal(err)
					case s.does == changes || c == '\u212a' || c == '\u0130': // folds, which the sieve looks for
					case s.does == lowers && c > 0x7f && !ascii(got):
					case s.does == lowers && c <= 0x7f && got == strings.ToLower(text):
					case s.does == squeezes && (got == "" && strings.TrimSpace(text) == "" || got == text):
					case s.does == keeps && got == want:
					default:
						t.Fatalf("effect %d of %q: %q", s.does, text, got)
					}
				}
			}
		}
	}
	if !seen[lowers] || !seen[squeezes] {
		t.Errorf("seen: %v", seen)
	}
}
