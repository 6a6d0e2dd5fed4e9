package record

import (
	"strings"
	"testing"
)

func TestOfficial(t *testing.T) {
	for s, want := range map[string]bool{
		"RSSMRA85T10A562S": true, "RSSMRA85T10A562T": false, // the codice fiscale's own example
		"12345678Z": true, "12345678-Z": true, "12345678A": false, "X1234567L": true, "X1234567A": false, "A1234567L": false,
		"529.982.247-25": true, "529.982.247-26": false, "52998224725": false,
		"811218-9876": true, "19811218-9876": true, "811218-9875": false, "811318-9876": false,
		"131052-308T": true, "131052-308U": false,
		"255081416802538": true, "255081416802539": false, "355081416802538": false,
		"": false, "0301-234567": false, "4111111111111111": false, "ABCDEFGHIJKLMNOP": false,
	} {
		if got := official([]byte(s)); got != want {
			t.Errorf("official(%q) = %v", s, got)
		}
	}
}

func TestCardNumber(t *testing.T) {
	for s, want := range map[string]bool{
		"4111111111111111": true, "4111 1111 1111 1111": true, "4111-1111-1111-1112": false, "411111111111111": false,
		"5555555555554444": true, "2223003122003222": true, "378282246310005": true, "30569309025904": true,
		"6011111111111117": true, "3530111333300000": true, "6759649826438453": true, "6200000000000005": true,
		"2200000000000004": true, "1111111111111117": false, "9999999999999995": false, "**** **** **** 1111": false,
		"411111******1111": false, "4006381333931": false,
	} {
		if _, got := cardNumber(nil, []byte(s)); got != want {
			t.Errorf("cardNumber(%q) = %v", s, got)
		}
	}
	for i, r := range issuers {
		if r.from > r.to || r.min > r.max || i > 0 && r.from <= issuers[i-1].to {
			t.Errorf("range %d of issuers is out of order: %v", i, r)
		}
	}
}

func TestTimeRange(t *testing.T) {
	for s, want := range map[string]bool{
		"09:00-18:00": true, "Mo-Fr 9.00 – 18.00 Uhr": true, "lun. 9h00-12h30": true, "09:00": false, "closed": false,
		"2025-01-02T09:00:00Z": false, "ada@lund.example 09:00-18:00": false, "+47 22 33 44 55": false,
	} {
		if got := timeRange([]byte(s)); got != want {
			t.Errorf("timeRange(%q) = %v", s, got)
		}
	}
}

// TestAddressParts: whole addresses in one line, in the customs of the countries.
func TestAddressParts(t *testing.T) {
	for _, tt := range []struct{ in, name, street string }{
		{"Ada Lund, Storgata 5, 0155 Oslo", "Ada Lund", "Storgata 5"},
		{"Flat 2, 7 High Street, Leeds LS1 4AB", "", "Flat 2, 7 High Street"},
		{"119 The Green, Norwich NR1 4AB", "", "119 The Green"},
		{"Via Garibaldi, 12, 20121 Milano", "", "Via Garibaldi, 12"},
		{"29, rue de la République, 69001 Lyon", "", "29, rue de la République"},
		{"Rua das Flores, 12 - apto 32, São Paulo", "", "Rua das Flores, 12 - apto 32"},
		{"Södra Torget 153 B, 115 64 Stockholm", "", "Södra Torget 153 B"},
		{"Thijs van 't Hof, Laan van Meerdervoort 77c, 2517 AB Den Haag", "Thijs van 't Hof", "Laan van Meerdervoort 77c"},
		{"神田町1-2-3, 東京都", "", "神田町1-2-3"},
		{"somewhere else", "", "somewhere else"},
	} {
		name, street := parts([]byte(tt.in))
		if string(name) != tt.name || string(street) != tt.street {
			t.Errorf("parts(%q) = %q, %q", tt.in, name, street)
		}
	}
	parts([]byte(strings.Repeat(",", 300)))
	parts([]byte(strings.Repeat("1, ", 100)))
}

func TestMessageID(t *testing.T) {
	for s, want := range map[string]bool{
		"Message-ID: <17@mail.chairs.example>": true, "references: <17@mail.chairs.example>": true,
		"E-Mail: ada@lund.example": false, "To: <ada@lund.example>": false, "References": false,
	} {
		if got := messageID([]byte(s)); got != want {
			t.Errorf("messageID(%q) = %v", s, got)
		}
	}
}

// TestClasses: keys that are put together of words that the lexicon knows one
// by one.
func TestClasses(t *testing.T) {
	for key, want := range map[string]kind{
		"N° client": kindCustomerID, "num_cliente": kindCustomerID, "customer_group_id": kindNone, "user_code": kindCode,
		"shipping_address_1": kindStreet, "deliveryLine1": kindStreet, "Adresse de livraison": kindAddress,
		"order_date_created": kindOrderDate, "created_at": kindDate, "date": kindDate,
		"opening_hours": kindHours, "totalPriceWithTax": kindTotal, "priceWithTax": kindPrice,
	} {
		if c := classify([]byte(key)); c.kind != want {
			t.Errorf("classify(%q) = %d, want %d", key, c.kind, want)
		}
	}
}
