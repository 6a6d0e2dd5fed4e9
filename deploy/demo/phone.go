package demo

import "strings"

// phoneRange is a block of numbers: '#' stands for a digit.
type phoneRange struct{ pattern string }

// size returns how many numbers the block holds.
func (r phoneRange) size() int {
	n := 1
	for range strings.Count(r.pattern, "#") {
		n *= 10
	}
	return n
}

// number returns the i-th number of the block, 0 <= i < size.
func (r phoneRange) number(i int) string {
	out := []byte(r.pattern)
	for at := len(out) - 1; at >= 0; at-- {
		if out[at] == '#' {
			out[at] = byte('0' + i%10)
			i /= 10
		}
	}
	return string(out)
}

// phoneRanges returns the numbers that the people of a country have here.
//
// Where a regulator keeps numbers for films and books, these are used: ACMA
// (AU), NANPA 555-01XX (US), Ofcom (GB), Bundesnetzagentur (DE), Arcep (FR),
// PTS (SE). Elsewhere the first digit after the country or area code is one
// that the national plan gives to nobody: right in length, ringing nowhere.
func phoneRanges(country string) []phoneRange {
	patterns := phonePatterns(country)
	ranges := make([]phoneRange, 0, len(patterns))
	for _, p := range patterns {
		ranges = append(ranges, phoneRange{p})
	}
	return ranges
}

func phonePatterns(country string) []string {
	switch country {
	case "AU":
		return []string{
			"+61 2 5550 ####", "+61 2 7010 ####", "+61 3 5550 ####", "+61 3 7010 ####",
			"+61 7 5550 ####", "+61 7 7010 ####", "+61 8 5550 ####", "+61 8 7010 ####",
		}
	case "US":
		return usPhones()
	case "GB":
		return []string{
			"+44 7700 900###", "+44 20 7946 0###", "+44 161 496 0###", "+44 113 496 0###", "+44 117 496 0###",
			"+44 121 496 0###", "+44 131 496 0###", "+44 141 496 0###", "+44 191 498 0###", "+44 29 2018 0###",
		}
	case "DE":
		return []string{"+49 30 23125###", "+49 69 90009###", "+49 40 66969###", "+49 221 4710###", "+49 89 99998###"}
	case "FR":
		return []string{
			"+33 1 99 00 ## ##", "+33 2 61 91 ## ##", "+33 3 53 01 ## ##",
			"+33 4 65 71 ## ##", "+33 5 36 49 ## ##", "+33 6 39 98 ## ##",
		}
	case "SE":
		return []string{"+46 31 390 06 ##", "+46 40 628 04 ##", "+46 8 465 004 ##", "+46 980 319 2##"}
	case "NL":
		return []string{"+31 20 0## ####"}
	case "IT":
		return []string{"+39 2## ### ####"}
	case "ES":
		return []string{"+34 2## ### ###"}
	case "PL":
		return []string{"+48 01# ### ###"}
	case "JP":
		return []string{"+81 3 0### ####"}
	case "BR":
		return []string{"+55 11 0### ####"}
	default:
		return []string{"+91 11 0### ####"}
	}
}

// usPhones lists 555-01XX under area codes in use.
func usPhones() []string {
	codes := strings.Fields("202 206 212 213 214 215 216 303 305 312 313 314 404 412 414 415 503 504 512 515 602 612 615 617 702 704 713 716 801 808")
	out := make([]string, 0, len(codes))
	for _, code := range codes {
		out = append(out, "+1 "+code+"-555-01##")
	}
	return out
}

// phonebook hands out a country's numbers, each once until all are used.
type phonebook struct {
	ranges []phoneRange
	total  int
	next   int
}

func newPhonebook(country string) *phonebook {
	b := &phonebook{ranges: phoneRanges(country)}
	for _, r := range b.ranges {
		b.total += r.size()
	}
	return b
}

// stride walks a block of any size here without repeating: no block size has
// a divisor other than 2, 3 and 5 in common with it.
const stride = 7919

// take returns the next number. After all are used it starts again: then two
// customers share a number, as households do.
func (b *phonebook) take() string {
	b.next++
	at := (b.next * stride) % b.total
	for _, r := range b.ranges {
		if at < r.size() {
			return r.number(at)
		}
		at -= r.size()
	}
	return b.ranges[0].number(0)
}
