package record

import "bytes"

// crypted reports whether s is a password hash that names its own scheme:
// bcrypt, argon2, scrypt, PBKDF2, crypt(3), phpass, LDAP.
func crypted(s []byte) bool {
	if len(s) < 20 || len(s) > 300 {
		return false
	}
	if s[0] == '{' {
		return bytes.HasPrefix(s, []byte("{SSHA")) || bytes.HasPrefix(s, []byte("{SHA")) || bytes.HasPrefix(s, []byte("{CRYPT}")) || bytes.HasPrefix(s, []byte("{PBKDF2"))
	}
	if s[0] != '$' {
		return bytes.HasPrefix(s, []byte("pbkdf2_")) || bytes.HasPrefix(s, []byte("bcrypt$")) || bytes.HasPrefix(s, []byte("argon2$")) || bytes.HasPrefix(s, []byte("scrypt:"))
	}
	scheme, rest, ok := bytes.Cut(s[1:], []byte{'$'})
	if !ok || len(rest) < 8 || bytes.ContainsAny(rest, " \t\n") {
		return false
	}
	switch string(scheme) {
	case "1", "2", "2a", "2b", "2x", "2y", "5", "6", "7", "y", "P", "H", "S", "apr1", "md5", "sha1", "argon2i", "argon2d", "argon2id",
		"scrypt", "pbkdf2", "pbkdf2-sha256", "pbkdf2-sha512", "bcrypt-sha256":
		return true
	}
	return false
}

// hexadecimal reports whether s has the length and the letters of an MD5,
// SHA-1, SHA-2 digest in hexadecimal, with or without salt after a colon.
func hexadecimal(s []byte) bool {
	if n := bytes.IndexByte(s, ':'); n > 0 {
		s = s[:n]
	}
	switch len(s) {
	case 32, 40, 56, 64, 96, 128:
	default:
		return false
	}
	digits, letters := 0, 0
	for _, b := range s {
		switch {
		case b >= '0' && b <= '9':
			digits++
		case b >= 'a' && b <= 'f', b >= 'A' && b <= 'F':
			letters++
		default:
			return false
		}
	}
	return digits > 3 && letters > 0
}

// plainPassword reports whether the value of a password key is a password or
// its hash, not a mask, a flag or a sentence.
func plainPassword(s []byte) bool {
	if len(s) < 4 || len(s) > 300 || bytes.IndexByte(s, ' ') >= 0 || s[0] == '*' || masks(s) {
		return false
	}
	switch string(s) {
	case "null", "true", "false", "none", "password", "required", "undefined", "[REDACTED]", "[FILTERED]", "REDACTED", "[redacted]", "[filtered]":
		return false
	}
	return true
}

// jwt reports whether s has the form of a JSON Web Token (RFC 7519): three
// base64url parts, the first of them an object.
func jwt(s []byte) bool {
	if len(s) < 40 || s[0] != 'e' || s[1] != 'y' || s[2] != 'J' {
		return false
	}
	dots := 0
	for _, b := range s {
		switch {
		case b == '.':
			dots++
		case b >= 'a' && b <= 'z', b >= 'A' && b <= 'Z', b >= '0' && b <= '9', b == '-', b == '_', b == '=':
		default:
			return false
		}
	}
	return dots == 2
}

// bearing reports whether the value of a token key is a token: long enough to
// bear access, without blanks.
func bearing(s []byte) bool {
	return len(s) >= 16 && len(s) <= 4096 && s[0] != '*' && bytes.IndexByte(s, ' ') < 0 && !bytes.Contains(s, []byte("://"))
}

// cardNumber appends the digits of a full payment-card number: issuer range
// (ISO/IEC 7812) and length of its scheme, and the Luhn check digit.
func cardNumber(dst, s []byte) ([]byte, bool) {
	from := len(dst)
	s = bytes.TrimSpace(s)
	if len(s) < 13 || len(s) > 24 {
		return dst, false
	}
	for _, b := range s {
		switch {
		case b >= '0' && b <= '9':
			dst = append(dst, b)
		case b == ' ' || b == '-':
		default:
			return dst[:from], false
		}
	}
	digits := dst[from:]
	if !issued(digits) || !luhn(digits) {
		return dst[:from], false
	}
	return dst, true
}

func issued(d []byte) bool {
	if len(d) < 13 || len(d) > 19 {
		return false
	}
	two := int(d[0]-'0')*10 + int(d[1]-'0')
	four := two*100 + int(d[2]-'0')*10 + int(d[3]-'0')
	switch {
	case d[0] == '4': // Visa
		return len(d) == 16 || len(d) == 13 || len(d) == 19
	case two >= 51 && two <= 55, four >= 2221 && four <= 2720: // Mastercard
		return len(d) == 16
	case two == 34 || two == 37: // American Express
		return len(d) == 15
	case four >= 3000 && four <= 3059, two == 36, two == 38, two == 39: // Diners Club
		return len(d) == 14
	case four == 6011, two == 65, four >= 6440 && four <= 6499: // Discover
		return len(d) == 16
	case four >= 3528 && four <= 3589: // JCB
		return len(d) == 16
	case two == 62: // UnionPay
		return len(d) >= 16
	}
	return false
}

// luhn is the check of ISO/IEC 7812-1 annex B.
func luhn(digits []byte) bool {
	sum := 0
	for i := range digits {
		n := int(digits[len(digits)-1-i] - '0')
		if i%2 == 1 {
			if n *= 2; n > 9 {
				n -= 9
			}
		}
		sum += n
	}
	return sum%10 == 0
}

// dateLike reports whether s could be a date of birth.
func dateLike(s []byte) bool {
	s = bytes.TrimSpace(s)
	if len(s) < 6 || len(s) > 30 || bytes.HasPrefix(s, []byte("0000")) {
		return false
	}
	digits := 0
	for _, b := range s {
		if b >= '0' && b <= '9' {
			digits++
		}
	}
	return digits >= 5 && digits <= 17
}

// governmentID reports whether the value of a government-id key is one.
func governmentID(s []byte) bool {
	s = bytes.TrimSpace(s)
	if len(s) < 6 || len(s) > 32 || s[0] == '*' {
		return false
	}
	digits := 0
	for _, b := range s {
		switch {
		case b >= '0' && b <= '9':
			digits++
		case b >= 'a' && b <= 'z', b >= 'A' && b <= 'Z', b == ' ', b == '-', b == '.', b == '/':
		default:
			return false
		}
	}
	return digits >= 5
}
