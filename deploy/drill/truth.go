package drill

import (
	"bytes"
	"html"
	"regexp"
	"strings"

	"github.com/ordergate/ordergate/deploy/demo"
)

// truth knows the shop's customers, and finds them in bytes. Read-only once
// made; safe for concurrent use.
type truth struct {
	customers []demo.Customer
	byID      map[string]int
	byEmail   map[string]int
	byPhone   map[string]int
	byStreet  map[string][]int
}

func newTruth(customers []demo.Customer) *truth {
	t := &truth{
		customers: customers, byID: map[string]int{}, byEmail: map[string]int{}, byPhone: map[string]int{}, byStreet: map[string][]int{},
	}
	for i, c := range customers {
		t.byID[c.ID], t.byEmail[c.Email], t.byPhone[digits(c.Phone)] = i, i, i
		t.byStreet[c.Address.Street] = append(t.byStreet[c.Address.Street], i)
	}
	return t
}

// digits keeps of a phone number what it is told by.
func digits(phone string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, phone)
}

var (
	emailPattern = regexp.MustCompile(`[a-z0-9._+-]+@(?:[a-z0-9-]+\.)*example\.(?:com|org|net)\b`)
	phonePattern = regexp.MustCompile(`\+\d[\d ]{6,18}\d`)
)

// find returns the customers whose e-mail address, phone number, or name and
// street stand in a decoded body.
func (t *truth) find(body []byte) map[int]bool {
	found := map[int]bool{}
	if len(body) < 8 {
		return found
	}
	if bytes.Contains(body, []byte("&#")) || bytes.Contains(body, []byte("&amp;")) {
		body = []byte(html.UnescapeString(string(body)))
	}
	for _, email := range emailPattern.FindAll(body, -1) {
		if i, ok := t.byEmail[string(email)]; ok {
			found[i] = true
		}
	}
	for _, phone := range phonePattern.FindAll(body, -1) {
		if i, ok := t.byPhone[digits(string(phone))]; ok {
			found[i] = true
		}
	}
	for from := 0; from < len(body); {
		length := bytes.IndexAny(body[from:], "\"<>\n,")
		if length < 0 {
			length = len(body) - from
		}
		at := from
		if from += length + 1; length > 80 {
			continue
		}
		for _, i := range t.byStreet[string(bytes.TrimSpace(body[at:at+length]))] {
			near := body[max(0, at-besideBytes):min(len(body), at+length+besideBytes)]
			if !found[i] && bytes.Contains(near, []byte(t.customers[i].Name())) {
				found[i] = true
			}
		}
	}
	return found
}

// besideBytes is how far a name may stand from the street that it is read with.
const besideBytes = 120
