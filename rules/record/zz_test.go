package record

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

func TestZZ(t *testing.T) {
	b, _ := os.ReadFile("recall/vocabulary_test.go")
	want := map[string]kind{"id": kindCustomerID, "first": kindFirstName, "last": kindLastName, "full": kindFullName, "email": kindEmail, "phone": kindPhone, "street": kindStreet, "house": kindHouse, "postcode": kindPostcode, "city": kindCity, "region": kindRegion, "country": kindCountry, "birth": kindBirth, "card": kindCard, "password": kindPassword, "token": kindToken, "official": kindGovernment, "order": kindOrder, "total": kindTotal, "date": kindOrderDate}
	senses := map[string]sense{"billing": senseBilling, "delivery": senseDelivery, "address": sensePlace, "customer": senseCustomer}
	s := string(b)
	s = s[strings.Index(s, "const vocabularyText"):strings.Index(s, "const reservedText")]
	for _, line := range strings.Split(s, "\n") {
		w := strings.Fields(line)
		if len(w) < 5 || len(w[1]) != 1 {
			continue
		}
		out := w[0] + ":"
		for _, x := range w[2:] {
			n, k, _ := strings.Cut(x, "=")
			c := classify([]byte(k))
			if kk, ok := want[n]; ok && c.kind != kk {
				out += fmt.Sprintf(" %s=%s(%d,%x)", n, k, c.kind, c.sense)
			}
			if n == "items" && c.kind != kindLines && c.sense&senseProduct == 0 {
				out += fmt.Sprintf(" %s=%s(%d,%x)", n, k, c.kind, c.sense)
			}
			if ss, ok := senses[n]; ok && c.sense&ss == 0 && c.kind != kindAddress {
				out += fmt.Sprintf(" %s=%s(%d,%x)", n, k, c.kind, c.sense)
			}
		}
		fmt.Println(out)
	}
	s = string(b)
	s = s[strings.Index(s, "en|id="):]
	for _, line := range strings.Split(s, "\n") {
		w := strings.Split(line, "|")
		if len(w) < 5 {
			break
		}
		out := w[0] + ":"
		for _, x := range w[1:] {
			n, k, _ := strings.Cut(x, "=")
			c := classify([]byte(k))
			if kk, ok := want[n]; ok && c.kind != kk {
				out += fmt.Sprintf(" %s=%s(%d,%x)", n, k, c.kind, c.sense)
			}
			if ss, ok := senses[n]; ok && c.sense&ss == 0 && c.kind != kindAddress {
				out += fmt.Sprintf(" %s=%s(%d,%x)", n, k, c.kind, c.sense)
			}
		}
		fmt.Println(out)
	}
}
