package record

import (
	"bytes"
	"unicode"
	"unicode/utf8"
)

// oneLine divides an address that is written in one line, "Name, Street 1, 12345
// Town", so that the street is what a form has in a field of its own: the first
// line of it, with the house number. name is nil where the line has none. It is
// false for a street with a comma in it ("Calle de Toledo 77, 3B"): only a
// postcode behind a comma tells the two apart, or, for addresses that are written
// from the large to the small, a Japanese prefecture with its municipality.
func oneLine(v []byte) (name, street []byte, ok bool) {
	v = trim(v)
	if len(v) > 0 && v[0] >= 0xE2 {
		street, ok = japanese(v)
		return nil, street, ok
	}
	end := locality(v)
	if end < 0 {
		return nil, nil, false
	}
	before := bytes.TrimRight(v[:end], " ,")
	name, street = parts(before)
	if at := bytes.Index(street, []byte(" - ")); at > 0 && digital(street[:at]) && !digital(street[at:]) { // Rua Augusta, 1500 - Consolação
		street = street[:at]
	}
	if streetLike(street) == 0 { // no part of it looks like a street
		street, _, _ = bytes.Cut(before, []byte{','})
	}
	street = trim(street)
	return name, street, len(street) >= 3
}

// locality returns where the postcode of an address in one line begins, with the
// words of its part, or -1. It stands behind a comma and is no house or door; four
// digits alone are one directly behind the street, and an Australian or other
// postcode later.
func locality(v []byte) int {
	for from, n := 0, 0; ; n++ {
		at := bytes.IndexByte(v[from:], ',')
		if at < 0 {
			return -1
		}
		from += at + 1
		part, _, _ := bytes.Cut(v[from:], []byte{','})
		if part = trim(part); postcoded(part) || n > 0 && len(part) == 4 && isDigit(part[0]) && house(part) {
			return from
		}
	}
}

// postcoded reports whether a part of an address has a postcode in it: at least
// four digits together, or the form of the British, Canadian or Irish ones, beside
// nothing that makes a street or a door of it.
func postcoded(part []byte) bool {
	if len(part) < 4 || len(part) > 80 || streetLike(part) == 2 || house(part) && !dashed(part) || door(part) || boxed(part) {
		return false
	}
	digits, run, best := 0, 0, 0
	for i, b := range part {
		if !isDigit(b) {
			if run > 0 && run < 4 && b == ' ' && i+1 < len(part) && isDigit(part[i+1]) { // 111 34 Stockholm
				continue
			}
			if run > 0 && (b == '-' || b == '.') && i+1 < len(part) && isDigit(part[i+1]) { // 60-166, 01304-001
				continue
			}
			run = 0
			continue
		}
		digits++
		run++
		best = max(best, run)
	}
	return best >= 4 && best <= 9 && digits <= 10 && postcodeLike(part) || lettered(part)
}

// dashed reports whether a part of an address begins with a postcode in two parts:
// 60-166, 1100-060, where a house's second number has fewer digits.
func dashed(part []byte) bool {
	_, rest, _ := bytes.Cut(part, []byte{'-'})
	return len(rest) >= 3 && isDigit(rest[0]) && isDigit(rest[1]) && isDigit(rest[2])
}

// boxed reports whether a part of an address is a numbered room or box.
func boxed(part []byte) bool {
	w, rest := nextWord(part)
	var room [12]byte
	switch string(appendFolded(room[:0], w, len(room))) {
	case "room", "box", "po", "pobox", "postfach", "postbus", "bus", "bte", "boite", "apartado", "caixa", "casella", "bp", "skrytka":
		return digital(rest)
	}
	return false
}

// lettered reports whether a part of an address has two words that are a
// postcode of letters and digits: N1 9GU, K1N 5Y3, D02 H364, 1016 GV.
func lettered(part []byte) bool {
	var last []byte
	for rest := part; len(rest) > 0; {
		var w []byte
		w, rest = nextWord(rest)
		if len(last) >= 2 && len(last) <= 4 && len(w) >= 3 && len(w) <= 4 && shapes[last[0]] == shapeLetter && digital(last) && mixed(w) {
			return true
		}
		last = w
	}
	return false
}

// mixed reports whether a word has capital letters and digits, and nothing else.
func mixed(w []byte) bool {
	digits, letters := 0, 0
	for _, b := range w {
		switch {
		case isDigit(b):
			digits++
		case b >= 'A' && b <= 'Z':
			letters++
		}
	}
	return digits > 0 && letters > 0 && digits+letters == len(w)
}

// japanese cuts postcode, prefecture and municipality off an address: what is
// left is what forms have in the line for block and number. It is false where the
// prefecture or the municipality is not written.
func japanese(v []byte) (street []byte, ok bool) {
	v = bytes.TrimLeft(bytes.TrimPrefix(v, []byte("〒")), "0123456789- ")
	v = bytes.TrimLeftFunc(v, unicode.IsSpace)
	at := behind(v, 4, "都", "道", "府", "県")
	if at < 0 {
		return nil, false
	}
	v = v[at:]
	if at = behind(v, 8, "市"); at >= 0 {
		if ward := behind(v[at:], 4, "区"); ward > 0 {
			at += ward
		}
	} else if at = behind(v, 6, "区"); at < 0 {
		if at = behind(v, 6, "郡"); at >= 0 {
			if town := behind(v[at:], 6, "町", "村"); town > 0 {
				at += town
			}
		} else if at = behind(v, 6, "町", "村"); at < 0 {
			return nil, false
		}
	}
	street = bytes.TrimFunc(v[at:], unicode.IsSpace)
	return street, len(street) > 0 && digital(street)
}

// behind returns where the first of the signs ends that stands among the first n
// runes of v but the first one, or -1.
func behind(v []byte, n int, signs ...string) int {
	for i, r := range string(v) {
		if n--; n < 0 {
			return -1
		}
		if i == 0 {
			continue
		}
		for _, sign := range signs {
			if string(r) == sign {
				return i + utf8.RuneLen(r)
			}
		}
	}
	return -1
}

// homeStreet returns the street of a value under a key for streets or for whole
// addresses, and the name that stands before it in one line, or nil.
func homeStreet(k kind, v []byte) (name, street []byte) {
	if name, street, ok := oneLine(v); ok {
		return name, street
	}
	if k == kindAddress {
		return parts(v)
	}
	return nil, v
}
