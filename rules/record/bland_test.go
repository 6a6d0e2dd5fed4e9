package record

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/ordergate/ordergate/rules"
)

// TestBland asks about every kind of key and many values whether what is
// passed over as nothing is nothing to the grouper: who changes what
// [grouper.value] keeps learns here which short cut to change.
func TestBland(t *testing.T) {
	values := []string{
		"a", "A", "ab", "Ada", "ada", "ADA LUND", "Ada Lund", "Lund, Ada", "Ångström", "山田太郎", "new", "true", "null", "N/A", "-", "*", "***", "x y",
		"0", "7", "-1", "00", "007", "12345678", "123456789", "0301234567", "030 1234567", "(030) 1234567", "491701234567", "15551234567", "49 30 1234567",
		"4111111111111111", "4111 1111 1111 1111", "371449635398431", "123456789012345", "1234.50", "2026-11-23", "2026-11-23T13:02:48.983Z", "23.11.1990", "0000-00-00 00:00:00", "1764000000", "1764000000000",
		"10.0.0.1", "SKU-1000", "R-00000017", "Elm Street 3", "3 Elm Street", "Storgata 5", "Main St. 12b", "12 items", "Rua A 1 cep 2", "12345 Town", "AB1 2CD",
		"https://shop.example/a.png", "/assets/logo.svg", "EUR", "Size 42, 1,000 ml", "<p>Size 42</p>", "<b>Elm Street 3</b>", "a{b", "x$y", "a+b", "abc{SSHA}",
		"5f4dcc3b5aa765d61d8327deb882cf99", "5f4dcc3b5aa765d61d8327deb882cf99:salt", "da39a3ee5e6b4b0d3255bfef95601890afd80709", "ffffffffffffffffffffffffffffffff",
		"550e8400-e29b-41d4-a716-446655440000", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI3NyJ9.c2lnbmF0dXJlLWZvci10ZXN0cy1vbmx5", "eyJ", "pbkdf2_sha256x{600000}xabcdefgh",
		"scrypt:32768:8:1{abcdefghijkl", "argon2$i$v=19$m=65536", "bcrypt$2b$12$abcdefghijklmnop", "admin", "manager", "2b", "A folding chair of oak, 45 cm high, made to last for many years and more.",
		"A folding chair of oak, 45 cm high, made to last for many years and more, it carries 120 kg on Elm Street 3.",
	}
	senses := []sense{0, senseKnown, senseProduct, senseThing | senseKnown, senseCustomer, sensePlace, senseOrder, senseShop, senseStaff | senseKnown, senseCustomer | senseClient | senseKnown}
	if raceEnabled {
		senses = senses[:3]
	}
	h, passed := testHasher(t), 0
	for k := kindNone; k <= kindLinked; k++ {
		for _, s := range senses {
			for _, around := range [...]sense{0, senseProduct, senseThing | senseKnown, senseCustomer} {
				for _, object := range []bool{true, false} {
					for _, v := range values {
						c := class{k, s}
						said, kept := nothing(h, c, class{sense: around}, []byte(v), object)
						if said && kept {
							t.Fatalf("%q under %+v inside %+v (object: %v) is passed over and tells something", v, c, around, object)
						}
						if said {
							passed++
						}
					}
				}
			}
		}
	}
	if passed < 5000 {
		t.Errorf("only %d values are passed over", passed)
	}
}

// nothing reports whether a short cut passes over a value, and whether the
// grouper would have kept something of it.
func nothing(h *rules.Hasher, c, around class, v []byte, object bool) (said, kept bool) {
	var with, without grouper
	for _, g := range []*grouper{&with, &without} {
		g.init(&Config{}, h)
		defer g.close()
		g.enter(frameObject, around)
		if !object {
			g.enter(frameArray, c)
		}
	}
	switch number := bytes.Trim(v, "-.0123456789"); {
	case len(number) == 0 && (v[0] == '-' || v[0]-'0' <= 9) && len(v) <= 40:
		said = with.blandNumber(c, v)
	case !openings[v[0]] || !opening(c, v):
		said = with.bland(c, v, object)
	}
	without.value(c, v, shapeOf(v), 5)
	return said, !reflect.DeepEqual(with.groups, without.groups) || !reflect.DeepEqual(with.frames, without.frames) ||
		len(with.report.issued) != len(without.report.issued)
}
