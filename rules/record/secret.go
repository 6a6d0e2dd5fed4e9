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
	s = trim(s)
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

// issuers are the ranges of issuer identification numbers (ISO/IEC 7812-1)
// with the lengths of the numbers that the schemes issue in them, as the
// schemes' own BIN rules publish them: Visa, Mastercard (also 2221-2720),
// American Express, Diners Club, Discover, JCB, UnionPay, Maestro, Mir, RuPay,
// Dankort, Troy.
var issuers = [...]struct{ from, to, min, max uint16 }{
	{2200, 2204, 16, 19}, // Mir
	{2221, 2720, 16, 16}, // Mastercard
	{3000, 3059, 14, 19}, // Diners Club
	{3095, 3095, 14, 19},
	{3400, 3499, 15, 15}, // American Express
	{3528, 3589, 16, 19}, // JCB
	{3600, 3699, 14, 19}, // Diners Club
	{3700, 3799, 15, 15}, // American Express
	{3800, 3999, 14, 19}, // Diners Club
	{4000, 4999, 13, 19}, // Visa: 13, 16 or 19, see below
	{5018, 5018, 12, 19}, // Maestro
	{5019, 5019, 16, 16}, // Dankort
	{5020, 5020, 12, 19}, // Maestro
	{5038, 5038, 12, 19},
	{5100, 5599, 16, 16}, // Mastercard
	{5893, 5893, 12, 19}, // Maestro
	{6011, 6011, 16, 19}, // Discover
	{6200, 6299, 16, 19}, // UnionPay
	{6304, 6304, 12, 19}, // Maestro
	{6440, 6599, 16, 19}, // Discover, RuPay
	{6759, 6759, 12, 19}, // Maestro
	{6761, 6763, 12, 19},
	{8100, 8299, 16, 19}, // UnionPay, RuPay
	{9792, 9792, 16, 16}, // Troy
}

func issued(d []byte) bool {
	if len(d) < 13 || len(d) > 19 {
		return false
	}
	four, n := uint16(d[0]-'0')*1000+uint16(d[1]-'0')*100+uint16(d[2]-'0')*10+uint16(d[3]-'0'), uint16(len(d))
	for _, r := range issuers {
		if four >= r.from && four <= r.to {
			return n >= r.min && n <= r.max && (d[0] != '4' || n == 13 || n == 16 || n == 19)
		}
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
	s = trim(s)
	if len(s) > 19 && s[4] == '-' && s[7] == '-' && (s[10] == 'T' || s[10] == ' ') {
		s = s[:19] // a fraction of a second and an offset say no more (RFC 3339)
	}
	if len(s) < 6 || len(s) > 30 || bytes.HasPrefix(s, []byte("0000")) {
		return false
	}
	digits := digitsOf(s)
	return digits >= 5 && digits <= 17
}

// governmentID reports whether the value of a government-id key is one.
func governmentID(s []byte) bool {
	s = trim(s)
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
	return digits >= 4 // ABCDE1234F, an Indian PAN
}
