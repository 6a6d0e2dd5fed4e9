package waf

import "github.com/corazawaf/coraza/v3/experimental/plugins/plugintypes"

// touch says what a transformation may do to a text, by the bytes that are in it.
// The zero value knows nothing. TestTouches and FuzzTouches hold what it says.
type touch struct {
	known bool
	// bytes: a text without any of them stays as it is.
	bytes byteSet
	// words: words of the letters, digits and underscores of ASCII, in whatever case,
	// stay as they are and apart, if the text has none of breaks and no character that
	// becomes one of ASCII in lower case. Bytes may be lost; new ones are blanks, and
	// beyond ASCII.
	words  bool
	breaks byteSet
	// folds: a text of ASCII changes in nothing but the case of its letters.
	folds bool
	// thins: bytes may be lost; new ones are beyond ASCII.
	thins bool
}

// touchOf is what is known of Coraza's transformations.
func touchOf(t plugintypes.Transformation) touch {
	if effectOf(t) == squeezes { // also in the quick way
		return touch{known: true, bytes: bytesOf("\t\n\v\f\r ").or(beyondASCII), thins: true}
	}
	switch nameOf(t) {
	case "none":
		return touch{known: true}
	case "lowerCase":
		return touch{known: true, bytes: bytesOf("ABCDEFGHIJKLMNOPQRSTUVWXYZ").or(beyondASCII), words: true, folds: true}
	case "compressWhitespace":
		return touch{known: true, bytes: bytesOf("\t\n\v\f\r ").or(beyondASCII), words: true}
	case "cmdLine":
		return touch{known: true, bytes: bytesOf("ABCDEFGHIJKLMNOPQRSTUVWXYZ\"'\\^ ,;\t\r\n/("), words: true, breaks: bytesOf("\"'\\^")}
	case "normalisePath":
		return touch{known: true, bytes: bytesOf("/.\\:"), words: true, breaks: bytesOf("\\")}
	case "normalisePathWin":
		return touch{known: true, bytes: bytesOf("/.\\: "), words: true, breaks: bytesOf("\\")}
	case "urlDecodeUni":
		return touch{known: true, bytes: bytesOf("%+")}
	case "jsDecode", "cssDecode", "escapeSeqDecode":
		return touch{known: true, bytes: bytesOf("\\")}
	case "htmlEntityDecode":
		return touch{known: true, bytes: bytesOf("&")}
	case "removeNulls":
		return touch{known: true, bytes: bytesOf("\x00")}
	case "utf8ToUnicode":
		return touch{known: true, bytes: beyondASCII}
	case "replaceComments":
		return touch{known: true, bytes: bytesOf("*")}
	case "removeCommentsChar":
		return touch{known: true, bytes: bytesOf("*-#")}
	}
	return touch{}
}

// byteSet is a set of bytes.
type byteSet [4]uint64

// beyondASCII are the bytes of which characters beyond ASCII consist.
var beyondASCII = byteSet{2: ^uint64(0), 3: ^uint64(0)}

// bytesOf are the bytes of a text.
func bytesOf(text string) (s byteSet) {
	if len(text) < 256 {
		for i := range len(text) {
			s[text[i]>>6] |= 1 << (text[i] & 63)
		}
		return s
	}
	var seen [256]uint8 // no store waits for the last one
	for i := range len(text) {
		seen[text[i]] = 1
	}
	for c, is := range seen {
		s[c>>6] |= uint64(is) << (c & 63)
	}
	return s
}

func (s byteSet) or(o byteSet) byteSet {
	return byteSet{s[0] | o[0], s[1] | o[1], s[2] | o[2], s[3] | o[3]}
}

func (s *byteSet) meets(o *byteSet) bool {
	return s[0]&o[0]|s[1]&o[1]|s[2]&o[2]|s[3]&o[3] != 0
}

// within reports whether all bytes are in another set.
func (s *byteSet) within(o *byteSet) bool {
	return s[0]&^o[0]|s[1]&^o[1]|s[2]&^o[2]|s[3]&^o[3] == 0
}

// folded is the set with the upper case letters of ASCII as lower ones.
func (s byteSet) folded() byteSet {
	const letters = (1<<26 - 1) << 1 // A is 0x41
	s[1] = s[1]&^letters | s[1]&letters<<32
	return s
}
