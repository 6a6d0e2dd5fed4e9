package blind

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/ordergate/ordergate/rules"
)

// place is one postal address.
type place struct{ street, house, postcode, city, region, country string }

// purchase is one order of a person.
type purchase struct{ number, total, date, sku, line string }

// person is a made-up customer. shown is what a body shows of them; what is
// not in it has no value in the body.
type person struct {
	at                       *locale
	number                   string // the shop's customer number
	first, last              string
	email                    string
	phone, intl              string // as written, and in E.164
	home, delivery           place
	bought                   purchase
	birth                    time.Time
	card, secret, government string
	shown                    rules.Fields
	numbered                 bool // the customer number is shown
}

func (p *person) has(f rules.Fields) bool { return p.shown&f == f }

func (p *person) full() string {
	if p.at.code == "JP" {
		return p.last + " " + p.first
	}
	return p.first + " " + p.last
}

// street is the street line of an address in the custom of its country.
func (p *person) street(a *place) string { return fmt.Sprintf(p.at.line, a.street, a.house) }

// town is the line of the place below it.
func (p *person) town(a *place) string { return fmt.Sprintf(p.at.town, a.postcode, a.city, a.region) }

// maker makes people and values, the same ones for the same seed.
type maker struct {
	*rand.Rand
	n int // makes numbers of customers and orders unique
}

func newMaker(seed, stream uint64) *maker { return &maker{Rand: rand.New(rand.NewPCG(seed, stream))} }

func pick[T any](m *maker, of []T) T { return of[m.IntN(len(of))] }

// fill replaces each # of a pattern with a digit.
func (m *maker) fill(pattern string) string {
	b := []byte(pattern)
	for i := range b {
		if b[i] == '#' {
			b[i] = '1' + byte(m.IntN(9))
		}
	}
	return string(b)
}

// both fills two patterns with the same digits.
func (m *maker) both(a, b string) (string, string) {
	digits := m.fill(strings.Repeat("#", 12))
	put := func(s string) string {
		n := 0
		return strings.Map(func(r rune) rune {
			if r != '#' {
				return r
			}
			n++
			return rune(digits[n-1])
		}, s)
	}
	return put(a), put(b)
}

var hosts = []string{"mail.example", "webpost.example", "inbox.example", "post.example.org", "firma.example"}

var wares = []string{"Oak Chair 44", "Trailblazer Jacket", "Espressokanne 6T", "Lampe de bureau", "Set 3 Schrauben M8", "Kaffeemühle"}

func (m *maker) person(at *locale) *person {
	m.n++
	first, firstASCII, _ := strings.Cut(pick(m, at.firsts), "|")
	last, lastASCII, _ := strings.Cut(pick(m, at.lasts), "|")
	p := &person{at: at, first: first, last: last, number: fmt.Sprint(10000 + 37*m.n + m.IntN(30))}
	unique := fmt.Sprint(m.IntN(90)+10, m.n)
	unique = strings.ReplaceAll(unique, " ", "")
	switch m.IntN(4) {
	case 0:
		p.email = firstASCII + unique + "@" + pick(m, hosts)
	case 1:
		p.email = firstASCII[:1] + "." + lastASCII + unique + "@" + pick(m, hosts)
	case 2:
		p.email = pick(m, []string{"sunny", "bikerfan", "x.y", "team_blue"}) + unique + "@" + pick(m, hosts)
	default:
		p.email = firstASCII + "." + lastASCII + "+" + unique + "@" + pick(m, hosts)
	}
	phone := pick(m, at.phones)
	p.phone, p.intl = m.both(phone[0], phone[1])
	if m.IntN(3) == 0 {
		p.phone = p.intl
	}
	p.home, p.delivery = m.place(at), m.place(at)
	p.bought = purchase{
		number: pick(m, []string{"", "SO-", "1000", "R"}) + fmt.Sprint(200000+41*m.n+m.IntN(40)),
		total:  fmt.Sprintf("%d.%02d", 10+m.IntN(400), m.IntN(100)),
		date:   fmt.Sprintf("2026-0%d-1%d 1%d:2%d:0%d", 1+m.IntN(9), m.IntN(10), m.IntN(10), m.IntN(10), m.IntN(10)),
		sku:    m.fill("SKU-####-##"), line: pick(m, wares),
	}
	p.birth = time.Date(1945+m.IntN(60), time.Month(1+m.IntN(12)), 1+m.IntN(28), 0, 0, 0, 0, time.UTC)
	p.card, p.secret, p.government = m.card(), m.secret(), strings.TrimSpace(m.fill(at.government))
	return p
}

func (m *maker) place(at *locale) place {
	city := pick(m, at.cities)
	return place{pick(m, at.streets), m.fill(pick(m, at.houses)), m.fill(city[0]), city[1], city[2], at.code}
}

// issuers are prefixes of real payment-card ranges (ISO/IEC 7812) and lengths.
var issuers = []struct {
	prefix string
	length int
}{{"4539", 16}, {"4", 16}, {"5105", 16}, {"2223", 16}, {"37", 15}, {"36", 14}, {"6011", 16}, {"3530", 16}, {"62", 16}}

// card makes a full card number with its check digit, grouped or not.
func (m *maker) card() string {
	of := pick(m, issuers)
	s := of.prefix + m.fill(strings.Repeat("#", of.length-1-len(of.prefix)))
	s += string(checkDigit(s))
	if of.length == 16 && m.IntN(3) == 0 {
		s = s[:4] + " " + s[4:8] + " " + s[8:12] + " " + s[12:]
	}
	return s
}

// checkDigit returns the Luhn digit that s lacks.
func checkDigit(s string) byte {
	sum := 0
	for i := range len(s) {
		n := int(s[len(s)-1-i] - '0')
		if i%2 == 0 {
			if n *= 2; n > 9 {
				n -= 9
			}
		}
		sum += n
	}
	return '0' + byte((10-sum%10)%10)
}

func (m *maker) letters(of string, n int) string {
	var b strings.Builder
	for range n {
		b.WriteByte(of[m.IntN(len(of))])
	}
	return b.String()
}

const (
	hexDigits = "0123456789abcdef"
	base64s   = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789./"
)

// secret makes the hash of a password in one of the usual schemes.
func (m *maker) secret() string {
	switch m.IntN(5) {
	case 0:
		return "$2y$10$" + m.letters(base64s, 53)
	case 1:
		return "$argon2id$v=19$m=65536,t=4,p=1$" + m.letters(base64s[:62], 22) + "$" + m.letters(base64s[:62], 43)
	case 2:
		return m.letters(hexDigits, 32)
	case 3:
		return m.letters(hexDigits, 64)
	}
	return m.letters(hexDigits, 40)
}
