package record

import (
	"bytes"

	"github.com/nyaruka/phonenumbers"
)

// phoneDigits collects the digits of a phone number. ok is false if s holds
// anything that a phone number does not.
func phoneDigits(s []byte, room *[20]byte) (digits []byte, international, ok bool) {
	if s = trim(s); len(s) > 0 && s[0] == '\'' { // a spreadsheet's sign for a text
		s = s[1:]
	}
	if len(s) > 4 && s[3] == ':' && bytes.EqualFold(s[:4], []byte("tel:")) {
		s = s[4:]
	}
	if len(s) < 6 || len(s) > 40 {
		return nil, false, false
	}
	n, signs, parted := 0, 0, false
	for i := 0; i < len(s); i++ {
		switch b := s[i]; {
		case b-'0' <= 9:
			if n == len(room) {
				return nil, false, false
			}
			room[n] = b
			n++
		case b == ' ':
			signs++
		case b == '+' && n == 0:
			international = true
		case b == '(' && international && bytes.HasPrefix(s[i:], []byte("(0)")):
			i += 2
		case b == '-' || b == '.' || b == '/' || b == '(' || b == ')':
			signs++
			parted = parted || b == '-' || b == '.' || b == '/'
		case b == 0xC2 && i+1 < len(s) && s[i+1] == 0xA0: // no-break space
			i++
		case n >= 6 && extension(s[i:]):
			i = len(s)
		default:
			return nil, false, false
		}
	}
	digits = room[:n]
	if bytes.HasPrefix(digits, []byte("00")) && len(digits) > 9 {
		digits, international = digits[2:], true
	}
	if len(digits) < 6 || len(digits) > 15 || signs > 8 || parted && dated(s) {
		return nil, false, false
	}
	return digits, international, true
}

// extension reports whether s is the extension after a number: x401, ext. 5,
// #12.
func extension(s []byte) bool {
	rest := bytes.TrimLeft(s, "xX#eEtT.: ")
	if len(rest) == len(s) || len(rest) == 0 || len(rest) > 6 {
		return false
	}
	for _, b := range rest {
		if b < '0' || b > '9' {
			return false
		}
	}
	return true
}

// dated reports whether digits and signs of s form a date, an address of a
// machine or an amount instead of a phone number.
func dated(s []byte) bool {
	var run [4]int
	var sign [4]byte
	runs := 0
	for i := 0; i < len(s); {
		if s[i] < '0' || s[i] > '9' {
			if s[i] == '+' {
				return false
			}
			i++
			continue
		}
		from := i
		for i < len(s) && s[i] >= '0' && s[i] <= '9' {
			i++
		}
		if runs == len(run) {
			return false
		}
		run[runs] = i - from
		if i < len(s) {
			sign[runs] = s[i]
		}
		runs++
	}
	same := sign[0] == sign[1] && (sign[0] == '-' || sign[0] == '.' || sign[0] == '/')
	switch runs {
	case 2:
		return sign[0] == '.' && run[1] <= 2
	case 3:
		return same && (run[0] == 4 && run[1] <= 2 && run[2] <= 2 || run[0] <= 2 && run[1] <= 2 && (run[2] == 4 || run[2] == 2))
	case 4:
		return same && sign[2] == '.' && run[0] <= 3 && run[1] <= 3 && run[2] <= 3 && run[3] <= 3 ||
			sign[0] == '-' && sign[1] == '-' && run[0] == 4 && run[1] == 2 && run[2] == 2
	}
	return false
}

// shapedPhone reports whether a value without a telling key is a phone
// number: an international one with its plus sign.
func shapedPhone(s []byte) bool {
	var room [20]byte
	if len(s) < 9 || s[0] != '+' || s[1] < '1' || s[1] > '9' {
		return false
	}
	digits, international, ok := phoneDigits(s, &room)
	return ok && international && len(digits) >= 8 && !decimal(s[1:])
}

// decimal reports whether s is a number with one decimal point: a coordinate,
// a difference.
func decimal(s []byte) bool {
	points := 0
	for _, b := range s {
		if b == '.' {
			points++
		} else if b < '0' || b > '9' {
			return false
		}
	}
	return points == 1
}

// normalizePhone appends a phone number's normal form to dst: its digits with
// the country code where it is written or one of the countries makes a valid
// number of it, else the digits as they are.
func normalizePhone(dst, raw []byte, countries []string) ([]byte, bool) {
	var room [20]byte
	digits, international, ok := phoneDigits(raw, &room)
	if !ok {
		return dst, false
	}
	if !international {
		for _, country := range countries {
			n, err := phonenumbers.Parse(string(digits), country)
			if err == nil && phonenumbers.IsValidNumberForRegion(n, country) {
				return append(dst, phonenumbers.Format(n, phonenumbers.E164)[1:]...), true
			}
		}
	}
	return append(dst, digits...), true
}
