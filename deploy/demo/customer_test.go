package demo

import (
	"encoding/csv"
	"net/mail"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

func TestGenerateIsRepeatable(t *testing.T) {
	a, b := Generate(400, 9), Generate(400, 9)
	if !reflect.DeepEqual(a, b) {
		t.Error("the same seed gave two different shops")
	}
	if other := Generate(400, 10); reflect.DeepEqual(a, other) {
		t.Error("two seeds gave the same shop")
	}
	if n := len(Generate(-1, 1)); n != 0 {
		t.Errorf("Generate(-1) made %d customers", n)
	}
	// A change of these lines moves the canaries: see TestConfigNamesTheCanaries.
	if c := Generate(DefaultCustomers, DefaultSeed)[0]; c.Email != "inaki_garcialopez@home.example.com" || c.Password() != "pw-qwoljonwirps" {
		t.Errorf("the first default customer is %s with password %s", c.Email, c.Password())
	}
}

func TestGeneratedCustomersAreDistinct(t *testing.T) {
	seen := map[string]string{}
	once := func(kind, value, id string) {
		t.Helper()
		key := kind + " " + value
		if other, taken := seen[key]; taken {
			t.Errorf("%s and %s share the %s", other, id, key)
		}
		seen[key] = id
	}
	for _, c := range Generate(DefaultCustomers, DefaultSeed) {
		once("id", c.ID, c.ID)
		once("e-mail", c.Email, c.ID)
		once("phone", c.Phone, c.ID)
		once("home", c.Name()+"\n"+c.Address.Street, c.ID)
		for _, o := range c.Orders {
			if o.Gift {
				once("home", o.Delivery.Name+"\n"+o.Delivery.Street, o.NumberText())
			}
		}
	}
}

func TestGeneratedCustomersAreWellFormed(t *testing.T) {
	reserved := regexp.MustCompile(`@([a-z]+\.)?example\.(com|org|net)$`)
	countries, scripts, gifts, orders := map[string]int{}, map[string]int{}, 0, map[int]Order{}
	for _, c := range Generate(DefaultCustomers, DefaultSeed) {
		if _, err := mail.ParseAddress(c.Email); err != nil || !reserved.MatchString(c.Email) || !customerEmail.MatchString(c.Email) {
			t.Errorf("%s: e-mail address %s", c.ID, c.Email)
		}
		if digits := strings.Map(digitsOnly, c.Phone); len(digits) < 10 || len(digits) > 14 || !strings.HasPrefix(c.Phone, "+") {
			t.Errorf("%s: phone %s", c.ID, c.Phone)
		}
		if a := c.Address; a.Name == "" || a.Street == "" || a.City == "" || strings.ContainsAny(a.Postcode, "#@") || strings.Contains(a.Name, "|") {
			t.Errorf("%s: address %+v", c.ID, a)
		}
		countries[c.Address.Country]++
		for name, table := range map[string]*unicode.RangeTable{"latin": unicode.Latin, "han": unicode.Han, "greek": unicode.Greek, "devanagari": unicode.Devanagari} {
			if strings.IndexFunc(c.Name(), func(r rune) bool { return unicode.Is(table, r) }) >= 0 {
				scripts[name]++
			}
		}
		if len(c.Orders) < 1 || len(c.Orders) > 4 {
			t.Errorf("%s: %d orders", c.ID, len(c.Orders))
		}
		for _, o := range c.Orders {
			orders[o.Number] = o
			if o.Gift {
				gifts++
			}
			if o.CustomerID != c.ID || o.Email != c.Email || o.Gift == (o.Delivery == c.Address) || o.TotalCents() <= 0 {
				t.Errorf("order %d does not fit its customer %s: %+v", o.Number, c.ID, o)
			}
		}
	}
	for number := FirstOrderNumber; number < FirstOrderNumber+len(orders); number++ {
		if o, ok := orders[number]; !ok || (number > FirstOrderNumber && o.Placed.Before(orders[number-1].Placed)) {
			t.Fatalf("order %d is missing, or older than the one before it", number)
		}
	}
	for country := range strings.FieldsSeq("AU US GB DE FR NL IT ES PL SE JP BR IN") {
		if countries[country] < 100 {
			t.Errorf("only %d customers live in %s", countries[country], country)
		}
	}
	if len(countries) != 13 || len(scripts) != 4 || gifts < len(orders)/20 {
		t.Errorf("countries %v, scripts %v, %d gifts among %d orders", countries, scripts, gifts, len(orders))
	}
}

func digitsOnly(r rune) rune {
	if r < '0' || r > '9' {
		return -1
	}
	return r
}

func TestWriteCustomersCSV(t *testing.T) {
	customers := Generate(50, 3)
	var out strings.Builder
	if err := WriteCustomersCSV(&out, customers); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(out.String())).ReadAll()
	if err != nil || len(rows) != 51 || strings.Join(rows[0], ",") != "customer_id,name,email,phone,street,city,postcode,country" {
		t.Fatalf("%d rows, %v, header %v", len(rows), err, rows[0])
	}
	for i, c := range customers {
		if !reflect.DeepEqual(rows[i+1], c.row()) {
			t.Errorf("row %d is %v, want %v", i+1, rows[i+1], c.row())
		}
	}
}

func TestPhonebookRepeatsOnlyWhenItMust(t *testing.T) {
	for _, l := range locales() {
		book, seen := newPhonebook(l.country), map[string]bool{}
		for range min(book.total, 2000) {
			number := book.take()
			if seen[number] || strings.Contains(number, "#") {
				t.Fatalf("%s: %s came twice, or is not whole", l.country, number)
			}
			seen[number] = true
		}
	}
}

func TestConfigNamesTheCanaries(t *testing.T) {
	customers := Generate(DefaultCustomers, DefaultSeed)
	planted := Canaries(customers)
	if len(planted) != 2 || planted[0].ID == planted[1].ID {
		t.Fatalf("canaries: %v", planted)
	}
	var emails, ids []string
	third := len(customers) / 3
	for _, c := range planted {
		emails, ids = append(emails, c.Email), append(ids, c.ID)
		if c.Orders[0].Number < FirstOrderNumber+5000 {
			t.Errorf("canary %s is close to the start of the order numbers", c.ID)
		}
		for _, caller := range customers[third : third+5] {
			if strings.Contains(c.Name(), caller.Name()) {
				t.Errorf("staff of the story would meet canary %s when searching a caller", c.ID)
			}
		}
	}
	for _, line := range []string{"emails: [" + strings.Join(emails, ", ") + "]", "customer_ids: [" + strings.Join(ids, ", ") + "]"} {
		if !strings.Contains(Config(), line) {
			t.Errorf("ordergate.yaml lacks %q", line)
		}
	}
}

// TestCanariesHaveNamesOfTheirOwn: a search for anybody else's name lists no planted
// customer, whoever the people are. Planted ones are made up: so are their names.
func TestCanariesHaveNamesOfTheirOwn(t *testing.T) {
	for _, seed := range []uint64{DefaultSeed, 1004} {
		customers := Generate(2000, seed)
		for _, planted := range Canaries(customers) {
			for _, c := range customers {
				if c.ID != planted.ID && strings.Contains(strings.ToLower(planted.Name()), strings.ToLower(c.Name())) {
					t.Errorf("seed %d: a search for %s lists the planted %s", seed, c.ID, planted.ID)
				}
			}
		}
	}
}
