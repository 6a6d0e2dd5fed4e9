package recall

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
	"unicode"

	"github.com/ordergate/ordergate/rules"
	"github.com/ordergate/ordergate/rules/record"
)

// concept is what a value is, whatever its key.
type concept string

const (
	cID       concept = "id" // the customer's number
	cFirst    concept = "first"
	cLast     concept = "last"
	cFull     concept = "full"
	cEmail    concept = "email"
	cPhone    concept = "phone"
	cStreet   concept = "street"
	cHouse    concept = "house"
	cPostcode concept = "postcode"
	cCity     concept = "city"
	cRegion   concept = "region"
	cCountry  concept = "country"
	cBirth    concept = "birth"
	cCard     concept = "card"
	cPassword concept = "password"
	cToken    concept = "token"
	cOfficial concept = "official"
	cOrder    concept = "order"
	cTotal    concept = "total"
	cDate     concept = "date"
	cItems    concept = "items"
	cBilling  concept = "billing"
	cDelivery concept = "delivery"
	cAddress  concept = "address"
	cCustomer concept = "customer"
)

// place is a postal address.
type place struct {
	name, first, last               string // somebody else's, when the parcel is a gift
	street, house                   string // house is empty when it stands in street
	line                            string // street and house, as a letter has them
	postcode, city, region, country string
	after                           bool
}

// town is the line of postcode and town.
func (p place) town() string {
	if p.after {
		return p.city + " " + p.region + " " + p.postcode
	}
	return p.postcode + " " + p.city
}

// person is a customer with everything that a body may say about them.
type person struct {
	l                       *locale
	has                     rules.Fields // what the body says
	number                  bool         // the body has the customer's number
	first, last, full       string
	email, phone, id        string
	home, billing, delivery place
	birth, card, masked     string
	password, token         string
	official                string
	order, total, date      string
}

// set is what the bodies of one kind say about people.
type set struct {
	name     string
	fields   rules.Fields
	number   bool // a customer number
	masked   bool // a masked card, which is no card
	gift     bool // the parcel goes to somebody else
	optional bool // keys must say what the values are
}

const (
	fName, fEmail, fPhone           = rules.FieldName, rules.FieldEmail, rules.FieldPhone
	fAddress, fBilling, fDelivery   = rules.FieldAddress, rules.FieldBillingAddress, rules.FieldDeliveryAddress
	fPurchase, fBirth, fCard, fCred = rules.FieldPurchase, rules.FieldBirthDate, rules.FieldPaymentCard, rules.FieldCredential
	fOfficial                       = rules.FieldGovernmentID
)

var sets = []set{
	{name: "e-mail", fields: fEmail},
	{name: "contact", fields: fName | fEmail, number: true},
	{name: "contact with phone", fields: fName | fEmail | fPhone},
	{name: "address book", fields: fName | fEmail | fPhone | fAddress},
	{name: "order", fields: fName | fEmail | fBilling | fDelivery | fPurchase, optional: true},
	{name: "gift", fields: fName | fEmail | fBilling | fDelivery | fPurchase, gift: true, optional: true},
	{name: "phone only", fields: fName | fPhone},
	{name: "street only", fields: fName | fAddress},
	{name: "parcel", fields: fName | fDelivery | fPurchase, optional: true},
	{name: "number and name", fields: fName, number: true, optional: true},
	{name: "birthday", fields: fName | fEmail | fBirth, number: true, optional: true},
	{name: "login", fields: fName | fEmail | fCred},
	{name: "card", fields: fName | fEmail | fCard, number: true},
	{name: "masked card", fields: fName | fEmail, masked: true, optional: true},
	{name: "official number", fields: fName | fEmail | fOfficial, optional: true},
	{name: "everything", fields: fName | fEmail | fPhone | fBilling | fDelivery | fPurchase | fBirth | fCard | fCred | fOfficial, number: true, optional: true},
}

func (l *locale) place(r *rand.Rand, split bool) place {
	i := r.IntN(len(l.towns)/3) * 3
	p := place{city: l.towns[i], postcode: pattern(r, l.towns[i+1]), region: l.towns[i+2], country: l.code, after: l.after}
	street, number := pick(r, l.streets), fmt.Sprint(1+r.IntN(180))
	shape := pick(r, l.lines)
	if split {
		shape = l.lines[0] // every row has the same columns
	}
	p.line = strings.NewReplacer("{s}", street, "{n}", number).Replace(shape)
	p.street = p.line
	if split && (shape == "{s} {n}" || shape == "{s}, {n}" || shape == "{n} {s}" || shape == "{n}, {s}") {
		p.street, p.house = street, number
	}
	return p
}

func (l *locale) person(r *rand.Rand, s set, split bool) *person {
	p := &person{l: l, has: s.fields, number: s.number, first: pick(r, l.first), last: pick(r, l.last)}
	p.full = p.first + " " + p.last
	if l.family {
		p.full = p.last + " " + p.first
		if p.last[0] >= 0x80 && p.first[0] >= 0x80 && chance(r, 2) {
			p.full = p.last + p.first
		}
	}
	p.email = address(r, p.first, p.last)
	p.phone = pattern(r, pick(r, l.phones))
	p.id = pick(r, []string{pattern(r, "%#####"), pattern(r, "C-%######"), pattern(r, "%###")})
	p.home = l.place(r, split)
	p.billing, p.delivery = l.place(r, split), l.place(r, split)
	if chance(r, 2) {
		p.delivery = p.billing
	}
	if s.gift {
		p.delivery = l.place(r, split)
		p.delivery.first, p.delivery.last = pick(r, l.first), pick(r, l.last)
		p.delivery.name = p.delivery.first + " " + p.delivery.last
	}
	day := time.Date(1940+r.IntN(65), time.Month(1+r.IntN(12)), 1+r.IntN(28), 0, 0, 0, 0, time.UTC)
	p.birth = day.Format(pick(r, []string{l.dates, "2006-01-02"}))
	p.card = card(r)
	p.masked = pick(r, []string{"**** **** **** ", "XXXXXXXXXXXX", "411111******", "•••• ", "xxxx-xxxx-xxxx-"}) + pattern(r, "####")
	p.password = secret(r)
	p.token = letters(r, 40, "0123456789abcdefghijklmnopqrstuvwxyzABCDEF")
	p.official = l.official(r)
	p.order = pick(r, []string{pattern(r, "10000####"), pattern(r, "W-%######"), pattern(r, "ORD%#####"), pattern(r, "%#######")})
	p.total = pattern(r, "%##.##")
	p.date = time.Date(2024+r.IntN(2), time.Month(1+r.IntN(12)), 1+r.IntN(28), r.IntN(24), r.IntN(60), 0, 0, time.UTC).Format(time.RFC3339)
	return p
}

// address makes an e-mail address out of a name, or out of nothing.
func address(r *rand.Rand, first, last string) string {
	f, l := latin(first), latin(last)
	if f == "" || l == "" || chance(r, 5) {
		f, l = letters(r, 5, "abcdefghijklmnopqrstuvwxyz"), pattern(r, "%#")
	}
	local := pick(r, []string{f + "." + l, f[:1] + l, f + pattern(r, "##"), l + "_" + f, f + "+shop", f[:1] + "." + l + pattern(r, "##")})
	return local + "@" + pick(r, list("mail.example|post.example|inbox.example|web.example|home.example"))
}

// latin writes a name without what an address has not.
func latin(s string) string {
	from := []rune("áàâäãåéèêëíìîïóòôöõøúùûüñçßłńśźżąęćřšžýÁÅÉÍÖÓÚŁŚŻĐ")
	to := []rune("aaaaaaeeeeiiiioooooouuuuncslnszzaecrszyaaeioouisz")
	var b strings.Builder
	for _, r := range strings.ToLower(s) {
		for i, f := range from {
			if r == f && i < len(to) {
				r = to[i]
			}
		}
		if r >= 'a' && r <= 'z' {
			b.WriteRune(r)
		} else if unicode.IsLetter(r) && r > 0x250 {
			return ""
		}
	}
	return b.String()
}

// card makes a payment-card number of a scheme's range and length (ISO/IEC
// 7812), with its check digit.
func card(r *rand.Rand) string {
	d := pattern(r, pick(r, list("4############## |51############# |55############# |2221########### |37############ |6011########### |3530########### |6759###########")))
	d = strings.TrimSpace(d)
	d += fmt.Sprint(luhnDigit(d))
	if len(d) == 16 && chance(r, 3) {
		return d[:4] + " " + d[4:8] + " " + d[8:12] + " " + d[12:]
	}
	return d
}

func letters(r *rand.Rand, n int, from string) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = from[r.IntN(len(from))]
	}
	return string(b)
}

const (
	hexDigits = "0123456789abcdef"
	crypt64   = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
)

// secret makes a password hash as shops store it.
func secret(r *rand.Rand) string {
	switch r.IntN(6) {
	case 0:
		return "$2y$10$" + letters(r, 53, crypt64)
	case 1:
		return "$argon2id$v=19$m=65536,t=4,p=1$" + letters(r, 22, crypt64[2:]) + "$" + letters(r, 43, crypt64[2:])
	case 2:
		return letters(r, 32, hexDigits) // MD5
	case 3:
		return letters(r, 40, hexDigits) // SHA-1
	case 4:
		return letters(r, 64, hexDigits) + ":" + letters(r, 32, crypt64[2:]) + ":1" // Magento
	}
	return "$P$B" + letters(r, 30, crypt64)
}

// names are the ways in which the finder may have read the person's name.
func (p *person) names() []string {
	return []string{p.full, p.first + " " + p.last, p.last, p.first}
}

// identifiers are the digests that name the person, however a body wrote them.
func (p *person) identifiers(h *rules.Hasher, countries []string) map[rules.Identifier]bool {
	ids := map[rules.Identifier]bool{}
	add := func(kind rules.IdentifierKind, v []byte, ok bool) {
		if ok {
			ids[rules.Identifier{Kind: kind, Digest: h.Identifier(kind, v)}] = true
		}
	}
	if p.has&fEmail != 0 {
		v, ok := record.NormalizeEmail([]byte(p.email))
		add(rules.IdentifierEmail, v, ok)
	}
	if p.has&fPhone != 0 {
		v, ok := record.NormalizePhone([]byte(p.phone), countries)
		add(rules.IdentifierPhone, v, ok)
	}
	if p.number {
		v, ok := record.NormalizeCustomerID([]byte(p.id))
		add(rules.IdentifierCustomerID, v, ok)
	}
	if p.has&fCard != 0 {
		v := []byte(strings.ReplaceAll(p.card, " ", ""))
		add(rules.IdentifierCard, v, true)
	}
	for _, a := range p.places() {
		names := p.names()
		if a.name != "" {
			names = append(names, a.name)
		}
		for _, name := range names {
			first, _, _ := strings.Cut(a.line, ",")
			for _, street := range []string{a.line, first, a.street + " " + a.house, a.house + " " + a.street, a.one(), a.line + " " + a.town(), a.line + " " + a.line} {
				v, ok := record.NormalizeResidence([]byte(name), []byte(street))
				add(rules.IdentifierResidence, v, ok)
			}
		}
	}
	return ids
}

// places are the addresses that the body has.
func (p *person) places() (all []place) {
	if p.has&fAddress != 0 {
		all = append(all, p.home)
	}
	if p.has&fBilling != 0 {
		all = append(all, p.billing)
	}
	if p.has&fDelivery != 0 {
		all = append(all, p.delivery)
	}
	return all
}

// one is the address in one line.
func (p place) one() string { return p.line + ", " + p.town() }
