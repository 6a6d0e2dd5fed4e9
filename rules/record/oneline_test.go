package record

import (
	"fmt"
	"strings"
	"testing"
	"unicode"

	"github.com/ordergate/ordergate/rules"
)

// addressed are addresses in one line beside the same in the fields of a form.
var addressed = []struct{ country, name, street, house, line string }{
	{"DE", "Selma Dahl", "Lindenweg 5", "", "Lindenweg 5, 10115 Berlin"},
	{"DE", "Selma Dahl", "Lindenweg", "5", "Lindenweg 5, 10115 Berlin, Deutschland"},
	{"DE", "Ottilie Sommer", "Straße des 17. Juni 135", "", "Ottilie Sommer, Straße des 17. Juni 135, 10623 Berlin"},
	{"AU", "Callum Reyes", "20 Bay Rd", "", "20 Bay Rd, Perth WA 6000"},
	{"AU", "Callum Reyes", "3/20 Bay Rd", "", "3/20 Bay Rd, Perth, WA, 6000, Australia"},
	{"US", "Petra Okafor", "969 Market Street", "", "969 Market Street, San Francisco, CA 94103"},
	{"US", "Petra Okafor", "969 Market Street", "", "Petra Okafor, 969 Market Street, Apt 3, San Francisco, CA 94103-1234"},
	{"GB", "Greta Odell", "12 High Street", "", "12 High Street, London N1 9GU"},
	{"GB", "Greta Odell", "Flat 4, 12 High Street", "", "Flat 4, 12 High Street, London, N1 9GU, United Kingdom"},
	{"NL", "Joost van der Veer", "Prinsengracht 263", "", "Prinsengracht 263, 1016 GV Amsterdam"},
	{"NL", "Daan Smits", "Damrak", "70a", "Damrak 70-a, 1012LM Amsterdam"},
	{"FR", "Élodie Garnier", "16 rue des Lilas", "", "16 rue des Lilas, 75011 Paris"},
	{"FR", "Élodie Garnier", "16, rue des Lilas", "", "16, rue des Lilas, 75011 Paris, France"},
	{"IT", "Matteo Bellini", "Via Garibaldi 14", "", "Via Garibaldi, 14, 10122 Torino TO"},
	{"IT", "Matteo Bellini", "Via Garibaldi 14", "", "Via Garibaldi 14, int. 5, Torino, 10122"},
	{"ES", "Inés Prado", "Calle de Toledo 77", "", "Calle de Toledo 77, 3B, 28005 Madrid"},
	{"PL", "Katarzyna Zielińska", "ul. Solna 4/12", "", "ul. Solna 4/12, 60-166 Poznań"},
	{"SE", "Alva Nyström", "Sveavägen 44", "", "Sveavägen 44, lgh 1202, 111 34 Stockholm"},
	{"BR", "Thaís Moura", "Rua Oscar Freire", "379", "Rua Oscar Freire, 379 - Jardins, São Paulo - SP, 01426-001"},
	{"BR", "Thaís Moura", "Rua Oscar Freire 379", "", "Rua Oscar Freire 379, Jardins, São Paulo, SP, 01426-001"},
	{"IN", "Rohan Iyer", "7 Linking Road", "", "7 Linking Road, Bandra West, Mumbai 400050"},
	{"IN", "Rohan Iyer", "7 Linking Road", "", "7 Linking Road, Bandra West, Mumbai, Maharashtra 400 050"},
	{"JP", "佐藤 美咲", "宇田川町3-7", "", "〒150-0042 東京都渋谷区宇田川町3-7"},
	{"JP", "佐藤 美咲", "梅田1-1-3", "", "大阪府大阪市北区梅田1-1-3"},
}

// residences are the residence identifiers that the finder reports for a body.
func residences(h *rules.Hasher, contentType, body string) (ids []rules.Identifier) {
	f := NewFinder(&Config{}, h, contentType)
	_, _ = f.Write([]byte(body))
	_ = f.Close()
	for _, r := range f.Take(nil) {
		for _, id := range r.Identifiers {
			if id.Kind == rules.IdentifierResidence {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// TestOneLine: an address in one line is the same residence as in the fields of a
// form, under a key for streets, under one for whole addresses, on a page and in a
// customer list.
func TestOneLine(t *testing.T) {
	h := testHasher(t)
	for _, c := range addressed {
		apart := residences(h, "application/json", fmt.Sprintf(`{"name":%q,"street":%q,"houseNumber":%q}`, c.name, c.street, c.house))
		if len(apart) != 1 {
			t.Fatalf("%s %q: %d residences in separate fields", c.country, c.street, len(apart))
		}
		for form, body := range map[string]string{
			"street":  fmt.Sprintf(`{"name":%q,"street":%q}`, c.name, c.line),
			"address": fmt.Sprintf(`{"name":%q,"address":%q}`, c.name, c.line),
			"page":    fmt.Sprintf(`<dl><dt>Name</dt><dd>%s</dd><dt>Deliver to</dt><dd>%s</dd></dl>`, c.name, c.line),
			"block":   fmt.Sprintf(`<p>Customer: %s</p><p>Delivery address</p><p>%s</p>`, c.name, c.line),
		} {
			contentType := "application/json"
			if body[0] == '<' {
				contentType = "text/html"
			}
			if got := residences(h, contentType, body); len(got) != 1 || got[0] != apart[0] {
				t.Errorf("%s %s %q: not the residence of %q (%d found)", c.country, form, c.line, c.street+" "+c.house, len(got))
			}
		}
		for _, column := range []string{"street", "address"} {
			if got := Identify(h, nil, []string{"name", column}, []string{c.name, c.line}); len(got) != 1 || got[0] != apart[0] {
				t.Errorf("%s list with %s %q: not the residence of %q", c.country, column, c.line, c.street+" "+c.house)
			}
		}
	}
}

// TestSeparateStreet: what stands in a field for the street is digested as it
// always was, commas included.
func TestSeparateStreet(t *testing.T) {
	for _, street := range []string{
		"Calle de Toledo 77, 3B", "Storgata 5, 2. floor", "Flat 4, 12 High Street", "12 Main St, Apt 1204", "Via Roma, 12", "29, rue Haute",
		"W 3d st, 12", "Rua Augusta, 1500 - ap 52", "12 High Street, Suite 1500", "PO Box 1234", "Kirkeveien 7, lgh 1202", "宇田川町3-7 ハイツ202", "Oak House, 4 Mill Lane", "Bay Rd, Room 1203",
	} {
		if name, got := homeStreet(kindStreet, []byte(street)); name != nil || string(got) != street {
			t.Errorf("%q became %q", street, got)
		}
	}
}

// FuzzOneLine: the fields of an address, joined by commas, give the street that
// the fields give.
func FuzzOneLine(f *testing.F) {
	f.Add("Lindenweg", uint16(5), "Berlin", uint32(10115), uint8(0))
	f.Add("Prinsengracht", uint16(263), "Den Haag", uint32(1016), uint8(1))
	f.Add("Solna", uint16(4), "Poznań", uint32(60166), uint8(2))
	f.Add("Sveavägen", uint16(44), "Stockholm", uint32(11134), uint8(3))
	f.Add("Market Street", uint16(969), "San Francisco", uint32(94103), uint8(4))
	f.Fuzz(func(t *testing.T, road string, number uint16, town string, code uint32, form uint8) {
		words := func(s string) string {
			s = strings.Map(func(r rune) rune {
				if !unicode.IsLetter(r) && r != ' ' || r >= '0' && r <= '9' || r >= 0x2E80 {
					return -1
				}
				return r
			}, s)
			return strings.Join(strings.Fields(s), " ")
		}
		road, town = words(road), words(town)
		if len(road) < 4 || len(road) > 40 || len(town) < 3 || len(town) > 30 || strings.Count(road+town, " ") > 4 || personLike([]byte(road)) {
			return
		}
		number, code = number%998+1, 10000+code%90000
		street := fmt.Sprintf("%s %d", road, number)
		line := [...]string{
			fmt.Sprintf("%s, %05d %s", street, code, town),
			fmt.Sprintf("%s, %04d GV %s", street, code%9000+1000, town),
			fmt.Sprintf("%s, %02d-%03d %s", street, code/1000, code%1000, town),
			fmt.Sprintf("%s, %03d %02d %s", street, code/100, code%100, town),
			fmt.Sprintf("%s, %s, CA %05d", street, town, code),
		}[form%5]
		if streetLike([]byte(street)) == 0 || postcoded([]byte(town)) || streetLike([]byte(line[len(street)+2:])) == 2 {
			return // a town that reads like a street
		}
		_, got := homeStreet(kindStreet, []byte(line))
		if string(got) != street {
			t.Errorf("%q: %q, want %q", line, got, street)
		}
	})
}
