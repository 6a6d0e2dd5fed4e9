package record

import "bytes"

// official reports whether a value is, by its shape and its check, an official
// number of a person: an Italian codice fiscale, a Spanish DNI or NIE, a
// Brazilian CPF with its signs, a Swedish personnummer or a Finnish
// henkilötunnus with its sign, a French NIR. Numbers whose check lets every
// tenth one pass are told by their keys only.
func official(s []byte) bool {
	switch len(s) {
	case 9, 10:
		return dni(s)
	case 11:
		return personnummer(s) || hetu(s)
	case 13:
		return personnummer(s[2:]) && (s[0] == '1' || s[0] == '2')
	case 14:
		return cpf(s)
	case 15:
		return nir(s)
	case 16:
		return codiceFiscale(s)
	}
	return false
}

// like reports whether s has the pattern: 9 a digit, A a capital letter, any
// other sign itself.
func like(s []byte, pattern string) bool {
	if len(s) != len(pattern) {
		return false
	}
	for i, b := range s {
		switch pattern[i] {
		case '9':
			if !isDigit(b) {
				return false
			}
		case 'A':
			if b < 'A' || b > 'Z' {
				return false
			}
		default:
			if b != pattern[i] {
				return false
			}
		}
	}
	return true
}

func number(s []byte) (n int) {
	for _, b := range s {
		if isDigit(b) {
			n = n*10 + int(b-'0')
		}
	}
	return n
}

// dni is the check of Spain's DNI and NIE: the letter of the number modulo 23
// (Ministerio del Interior, "Cálculo del dígito de control del NIF-NIE").
func dni(s []byte) bool {
	last := s[len(s)-1]
	if !like(s, "99999999A") && !like(s, "99999999-A") && !like(s, "A9999999A") {
		return false
	}
	n := number(s[:len(s)-1])
	if at := bytes.IndexByte([]byte("XYZ"), s[0]); at >= 0 {
		n += at * 10_000_000
	} else if !isDigit(s[0]) {
		return false
	}
	return "TRWAGMYFPDXBNJZSQVHLCKE"[n%23] == last
}

// personnummer is the check of Swedish personal identity numbers: a date and
// the Luhn digit of the ten digits (Skatteverket, SKV 704).
func personnummer(s []byte) bool {
	if !like(s, "999999-9999") && !like(s, "999999+9999") {
		return false
	}
	var d [10]byte
	copy(d[copy(d[:], s[:6]):], s[7:])
	month, day := number(s[2:4]), number(s[4:6])
	return month >= 1 && month <= 12 && day >= 1 && day <= 31 && luhn(d[:])
}

// hetu is the check of Finnish personal identity codes: a date, a sign for the
// century and the number modulo 31 (Digital and Population Data Services Agency).
func hetu(s []byte) bool {
	if bytes.IndexByte([]byte("+-ABCDEFUVWXY"), s[6]) < 0 || !like(s[:6], "999999") || !like(s[7:10], "999") {
		return false
	}
	day, month := number(s[:2]), number(s[2:4])
	return day >= 1 && day <= 31 && month >= 1 && month <= 12 &&
		"0123456789ABCDEFHJKLMNPRSTUVWXY"[(number(s[:6])*1000+number(s[7:10]))%31] == s[10]
}

// cpf is the check of Brazil's CPF: two digits modulo 11 (Receita Federal).
func cpf(s []byte) bool {
	if !like(s, "999.999.999-99") {
		return false
	}
	var d [11]byte
	n := 0
	for _, b := range s {
		if isDigit(b) {
			d[n] = b - '0'
			n++
		}
	}
	for last := 9; last <= 10; last++ {
		sum := 0
		for i := range last {
			sum += (last + 1 - i) * int(d[i])
		}
		if sum*10%11%10 != int(d[last]) {
			return false
		}
	}
	return true
}

// nir is the check of French social security numbers: 97 less the number
// modulo 97 (INSEE); Corsica's letters are left out.
func nir(s []byte) bool {
	if !like(s, "999999999999999") || s[0] != '1' && s[0] != '2' {
		return false
	}
	month := number(s[3:5])
	return month >= 1 && month <= 12 && 97-number(s[:13])%97 == number(s[13:])
}

// codiceFiscaleOdd are the values of the signs at odd places: those of the
// digits are those of the first ten letters.
var codiceFiscaleOdd = [26]int{1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23}

// codiceFiscale is the check of Italian tax codes: the sum of the values of
// the signs modulo 26 (Decreto ministeriale 23.12.1976, art. 7).
func codiceFiscale(s []byte) bool {
	if !like(s, "AAAAAA99A99A999A") {
		return false
	}
	sum := 0
	for i, b := range s[:15] {
		v := int(b - 'A')
		if isDigit(b) {
			v = int(b - '0')
		}
		if i%2 == 0 {
			v = codiceFiscaleOdd[v]
		}
		sum += v
	}
	return s[15] == byte('A'+sum%26)
}
