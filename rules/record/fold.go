package record

import (
	"unicode"
	"unicode/utf8"
)

// folded maps the letters from U+00C0 to U+017F to their Latin base letters;
// a blank keeps the letter as it is.
const folded = "aaaaaaaceeeeiiiidnooooo ouuuuybsaaaaaaaceeeeiiiidnooooo ouuuuyby" +
	"aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiiiiijjkkklllllllll" +
	"lnnnnnnnnnoooooooorrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs"

// foldRune returns r in lower case and without a Latin diacritic, or 0 if it
// is neither letter nor digit.
func foldRune(r rune) rune {
	switch {
	case r < utf8.RuneSelf:
		switch {
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9':
			return r
		case 'A' <= r && r <= 'Z':
			return r + 'a' - 'A'
		}
		return 0
	case 0xC0 <= r && r <= 0x17F && r != 0xD7 && r != 0xF7:
		if b := folded[r-0xC0]; b != ' ' {
			return rune(b)
		}
		return r
	case unicode.IsLetter(r):
		r = unicode.ToLower(r)
		if g, ok := greekTonos[r]; ok {
			return g
		}
		return r
	case unicode.IsDigit(r), unicode.IsMark(r) && r > 0x36F:
		return r
	}
	return 0
}

// greekTonos are the accented Greek letters, which capitals usually lack.
var greekTonos = map[rune]rune{'ά': 'α', 'έ': 'ε', 'ή': 'η', 'ί': 'ι', 'ό': 'ο', 'ύ': 'υ', 'ώ': 'ω', 'ς': 'σ'}

// appendFolded appends s in lower case, without Latin diacritics, blanks and
// signs, at most limit bytes more. Invalid UTF-8 is left out.
func appendFolded(dst, s []byte, limit int) []byte {
	n := len(dst)
	limit += n
	i := 0
	if n+len(s) <= min(limit, cap(dst)) { // ASCII and Latin letters that have room are written in place
		out := dst[:n+len(s)]
		for i < len(s) {
			b := s[i]
			if b < utf8.RuneSelf {
				r := asciiFold[b]
				out[n] = r
				if i++; r != 0 {
					n++
				}
				continue
			}
			if b -= 0xC3; b > 2 || i+1 == len(s) || s[i+1]&0xC0 != 0x80 { // U+00C0 to U+017F are C3 80 to C5 BF
				break
			}
			r := folded[int(b)<<6|int(s[i+1]&0x3F)]
			if r == ' ' {
				break
			}
			out[n] = r
			n, i = n+1, i+2
		}
		dst = out[:n]
	}
	for i < len(s) {
		if b := s[i]; b < utf8.RuneSelf {
			i++
			if r := asciiFold[b]; r != 0 {
				if len(dst) >= limit {
					return dst
				}
				dst = append(dst, r)
			}
			continue
		}
		r, size := utf8.DecodeRune(s[i:])
		i += size
		if r == utf8.RuneError && size == 1 {
			continue
		}
		if r = foldRune(r); r == 0 {
			continue
		}
		if len(dst)+utf8.RuneLen(r) > limit {
			return dst
		}
		dst = utf8.AppendRune(dst, r)
	}
	return dst
}

// asciiFold is [foldRune] for ASCII.
var asciiFold = func() (t [utf8.RuneSelf]byte) {
	for b := range t {
		t[b] = byte(foldRune(rune(b)))
	}
	return t
}()
