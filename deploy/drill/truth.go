package drill

import (
	"bytes"
	"html"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/ordergate/ordergate/deploy/demo"
)

// person is a customer as the truth knows them.
type person struct{ id, name, email, phone, street, postcode string }

// peopleOf returns the customers of the sample shop.
func peopleOf(customers []demo.Customer) []person {
	people := make([]person, len(customers))
	for i, c := range customers {
		people[i] = person{c.ID, c.Name(), c.Email, c.Phone, c.Address.Street, c.Address.Postcode}
	}
	return people
}

// truth knows a shop's customers, and finds them in bytes. Read-only once made;
// safe for concurrent use.
type truth struct {
	people   []person
	byID     map[string]int
	byEmail  map[string]int
	byPhone  map[string]int
	byStreet map[string][]int
}

func newTruth(people []person) *truth {
	t := &truth{people: people, byID: map[string]int{}, byEmail: map[string]int{}, byPhone: map[string]int{}, byStreet: map[string][]int{}}
	for i, p := range people {
		if p.id != "" {
			t.byID[p.id] = i
		}
		if p.email != "" {
			t.byEmail[strings.ToLower(p.email)] = i
		}
		if number := digits(p.phone); len(number) >= minPhone {
			t.byPhone[number] = i
		}
		if p.street != "" && p.name != "" {
			t.byStreet[p.street] = append(t.byStreet[p.street], i)
		}
	}
	return t
}

// minPhone is how many digits make a telephone number: shorter ones are anything.
const minPhone = 8

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
	emailPattern = regexp.MustCompile(`[\p{L}0-9._%+'-]+@[\p{L}0-9-]+(?:\.[\p{L}0-9-]+)+`)
	phonePattern = regexp.MustCompile(`[+0(][0-9 ()./-]{6,24}[0-9]`)
	escapedSigns = regexp.MustCompile(`\\u[0-9a-fA-F]{4}`)
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
	if bytes.Contains(body, []byte(`\u`)) {
		body = escapedSigns.ReplaceAllFunc(body, func(escape []byte) []byte {
			code, _ := strconv.ParseUint(string(escape[2:]), 16, 16) // the pattern lets nothing else through.
			return utf8.AppendRune(nil, rune(code))
		})
	}
	for _, email := range emailPattern.FindAll(body, -1) {
		if i, ok := t.byEmail[strings.ToLower(string(email))]; ok {
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
		near := body[max(0, at-besideBytes):min(len(body), at+length+besideBytes)]
		for _, i := range t.livesAt(string(bytes.TrimSpace(body[at:at+length])), near) {
			found[i] = true
		}
	}
	return found
}

// livesAt returns whose street it is, of those whose name stands near. A street of that
// name may be in several towns: where one's postcode stands there, too, the others are
// not meant, though somebody of their name may be, who is given something.
func (t *truth) livesAt(street string, near []byte) []int {
	var named, exactly []int
	for _, i := range t.byStreet[street] {
		p := &t.people[i]
		if !bytes.Contains(near, []byte(p.name)) {
			continue
		}
		named = append(named, i)
		if p.postcode != "" && bytes.Contains(near, []byte(p.postcode)) {
			exactly = append(exactly, i)
		}
	}
	if len(exactly) > 0 {
		return exactly
	}
	return named
}

// besideBytes is how far a name may stand from the street that it is read with.
const besideBytes = 120
