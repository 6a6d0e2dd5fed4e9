package waf

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/corazawaf/coraza/v3/types/variables"
)

// transformations are those of all rules, each once.
func (s *subject) transformations() []step {
	var out []step
	for _, gs := range s.sorted() {
		for _, n := range gs.nodes[1:] {
			if !slices.ContainsFunc(out, func(st step) bool {
				return reflect.ValueOf(st.apply).Pointer() == reflect.ValueOf(n.apply).Pointer()
			}) {
				out = append(out, n.step)
			}
		}
	}
	return out
}

// keeps returns what is wrong with what is known of a transformation, by one text.
func (s step) keeps(text string) string {
	out, _, err := s.apply(text)
	if err != nil {
		return ""
	}
	t, bytes := s.touch, bytesOf(text)
	if t.known && !bytes.meets(&t.bytes) && out != text {
		return "it changes"
	}
	if strange(text, &bytes) {
		return ""
	}
	seen, made := bytes.folded().or(added), bytesOf(out).folded()
	if (t.words && !bytes.meets(&t.breaks) || t.thins) && !made.within(&seen) {
		return "it has other bytes"
	}
	if t.words && !bytes.meets(&t.breaks) {
		before := asciiLower(text)
		for word := range strings.FieldsFuncSeq(asciiLower(out), func(c rune) bool {
			return c > unicode.MaxASCII || c != '_' && !unicode.IsLetter(c) && !unicode.IsDigit(c)
		}) {
			if !strings.Contains(before, word) {
				return "it has another word, " + word
			}
		}
	}
	if t.folds && !bytes.meets(&beyondASCII) && !sameFolded(out, text) {
		return "it differs in more than case"
	}
	return ""
}

// TestTouches: what is known of Coraza's transformations is so. Each is known, but
// those that make another text of every one.
func TestTouches(t *testing.T) {
	s := subjectOf(t, 4)
	list := s.transformations()
	traffic := newTraffic(9, s.analysis)
	var texts []string
	for c := range 256 {
		texts = append(texts, string([]byte{byte(c)}), "a"+string([]byte{byte(c)})+"b c/D", string(rune(c))+" X", "/x"+string([]byte{byte(c), byte(c)})+"/")
	}
	for range 300 {
		texts = append(texts, traffic.attack(), traffic.clean())
	}
	for _, st := range list {
		name := nameOf(st.apply)
		if !st.touch.known && !slices.Contains([]string{"base64decode", "length", "sha1", "hexEncode"}, name) {
			t.Errorf("nothing is known of %s", name)
		}
		for _, text := range texts {
			if wrong := st.keeps(text); wrong != "" {
				t.Errorf("%s of %q: %s", name, text, wrong)
			}
		}
	}
	if len(list) < 14 {
		t.Errorf("%d transformations", len(list))
	}
}

// FuzzTouches looks for a text of which a transformation makes what it is known not
// to make.
func FuzzTouches(f *testing.F) {
	for i, attack := range attacks {
		f.Add(byte(i), attack)
	}
	for i, text := range []string{"/a/../b/./c//", `C:\x:y. /z `, "a , ; (b", "\u0130\u212a\u017f", "\xc4\xb0 \x85\xa0", "..", ".", "a\u00a0b\u0085c", "/*a*/--#<!--", "%zz+&amp"} {
		for k := range 16 {
			f.Add(byte(i+k), text)
		}
	}
	f.Fuzz(func(t *testing.T, which byte, text string) {
		list := subjectOf(t, 4).transformations()
		st := list[int(which)%len(list)]
		if wrong := st.keeps(text); wrong != "" {
			t.Fatalf("%s of %q: %s", nameOf(st.apply), text, wrong)
		}
	})
}

// TestLongValues: attacks of all kinds inside of long innocent texts, whose guards
// go through them side by side.
func TestLongValues(t *testing.T) {
	s := subjectOf(t, 1)
	traffic := newTraffic(11, s.analysis)
	each := 12
	if testing.Short() {
		each = 1
	}
	for _, kind := range kinds {
		for i := range each {
			text := prose[kind](traffic.Rand, 300+traffic.IntN(600))
			if i > 0 {
				at := traffic.IntN(len(text))
				text = text[:at] + traffic.attack() + text[at:]
			}
			for _, v := range []variables.RuleVariable{variables.Args, variables.RequestBody} {
				if err := s.twin(s.guards[v], text); err != nil {
					t.Error(err)
				}
			}
		}
	}
}
