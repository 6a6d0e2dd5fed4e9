package waf

import (
	"reflect"
	"runtime"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
	"unsafe"

	"github.com/corazawaf/coraza/v3/experimental/plugins/plugintypes"
)

// quick returns a transformation that does what another one of Coraza's does in
// less time, or that one itself. Only the guards use it: the rules run with
// Coraza's own. Most of what clearance of a page cost was its removeWhitespace,
// which asks for every character whether it is a blank of any script; a sixth of
// what it cost of English prose was compressWhitespace.
func quick(t plugintypes.Transformation) plugintypes.Transformation {
	var twin plugintypes.Transformation
	switch nameOf(t) {
	case "removeWhitespace":
		twin = withoutBlanks
	case "compressWhitespace":
		twin = singleBlanks
	}
	if twin == nil || !sameAs(t, twin) {
		return t
	}
	return twin
}

// effect is what a transformation does to a text, as far as it is known.
type effect uint8

const (
	keeps    effect = iota
	lowers          // makes letters lower case
	squeezes        // removes the blanks of all scripts
	changes         // something else
)

// effectOf tells Coraza's transformations apart by the name of their function;
// TestEffects holds that they do what the name says.
func effectOf(t plugintypes.Transformation) effect {
	switch nameOf(t) {
	case "none":
		return keeps
	case "lowerCase":
		return lowers
	case "removeWhitespace":
		return squeezes
	}
	return changes
}

// nameOf returns the name of one of Coraza's transformations, "" of another one.
func nameOf(t plugintypes.Transformation) string {
	f := runtime.FuncForPC(reflect.ValueOf(t).Pointer())
	if f == nil {
		return ""
	}
	_, name, _ := strings.Cut(f.Name(), "/coraza/v3/internal/transformations.")
	return name
}

// sameAs reports whether two transformations do the same to ASCII, to the blanks
// of all scripts and what stands beside them, and to what is no character.
func sameAs(a, b plugintypes.Transformation) bool {
	for r := range rune(0x3100) { // no script's blanks stand beyond
		if r > unicode.MaxASCII && !unicode.IsSpace(r-1) && !unicode.IsSpace(r) && !unicode.IsSpace(r+1) {
			continue
		}
		if !agree(a, b, string(r)+"b", "a"+string(r)+" b", "\xC2"+string(r), string(r)+string(r)) {
			return false
		}
	}
	return agree(a, b, "", " ", "  ", "a b", "a\xa0 b\xa0", "\x85\t\nc", "\xc3\xa0\xff ")
}

// agree reports whether two transformations do the same to some texts.
func agree(a, b plugintypes.Transformation, texts ...string) bool {
	for _, text := range texts {
		x, changed, err := a(text)
		y, too, fault := b(text)
		if x != y || changed != too || (err == nil) != (fault == nil) {
			return false
		}
	}
	return true
}

// asciiBlanks are the blanks of ASCII, see [unicode.IsSpace].
var asciiBlanks = [256]bool{'\t': true, '\n': true, '\v': true, '\f': true, '\r': true, ' ': true}

// withoutBlanks removes the blanks of all scripts from a text. Bytes that are no
// UTF-8 become the replacement character, if a blank stands in the text or not,
// as [strings.Map] has it.
func withoutBlanks(text string) (string, bool, error) {
	out := make([]byte, len(text))
	n, changed, same := 0, false, true
	for i := 0; i < len(text); {
		if b := text[i]; b < utf8.RuneSelf {
			out[n] = b
			i++
			if asciiBlanks[b] {
				changed = true
				continue
			}
			n++
			continue
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		i += size
		if unicode.IsSpace(r) {
			changed = true
			continue
		}
		if size == 1 { // what is no character grows
			same = false
			out = slices.Grow(out[:n], len(text)-i+utf8.UTFMax)
			out = out[:cap(out)]
		}
		n += utf8.EncodeRune(out[n:], r)
	}
	if !changed && same {
		return text, false, nil
	}
	return unsafe.String(unsafe.SliceData(out), n), changed, nil // #nosec G103 -- nobody else has the bytes
}

// singleBlanks makes one space of blanks in a row, of those that Latin-1 has; also of
// the byte A0 that is no UTF-8.
func singleBlanks(text string) (string, bool, error) {
	out := make([]byte, len(text))
	n, changed, within := 0, false, false
	for i := 0; i < len(text); {
		b, size := text[i], 1
		blank := asciiBlanks[b]
		if b >= utf8.RuneSelf {
			var r rune
			r, size = utf8.DecodeRuneInString(text[i:])
			blank = r == 0x85 || r == 0xA0 || b == 0xA0
		}
		switch {
		case !blank && size == 1:
			out[n] = b
			n++
		case !blank:
			n += copy(out[n:], text[i:i+size])
		case !within:
			out[n] = ' '
			n++
		}
		changed = changed || blank && (within || b != ' ')
		within = blank
		i += size
	}
	if !changed {
		return text, false, nil
	}
	return unsafe.String(unsafe.SliceData(out), n), true, nil // #nosec G103 -- nobody else has the bytes
}
