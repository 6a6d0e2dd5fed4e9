package record

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/ordergate/ordergate/rules"
)

func idOf(t testing.TB, kind rules.IdentifierKind, normal string) rules.Identifier {
	t.Helper()
	return rules.Identifier{Kind: kind, Digest: testHasher(t).Identifier(kind, []byte(normal))}
}

func TestIdentifiers(t *testing.T) {
	records, _ := find(t, "application/json", `{"orders":[{"orderNumber":"A-17","customerId":"77","customer":{"fullName":"Åsa Lindström","email":" Asa@Mail.Example ",
		"phone":"+46 (0)8-123 45 67"},"shippingAddress":{"recipient":"Lindström, Åsa","street":"Storgatan","houseNumber":"5"}}]}`)
	if len(records) != 1 {
		t.Fatalf("%d records", len(records))
	}
	residence, _ := NormalizeResidence([]byte("asa LINDSTROM"), []byte("Storgatan 5"))
	want := []rules.Identifier{
		idOf(t, rules.IdentifierEmail, "asa@mail.example"), idOf(t, rules.IdentifierCustomerID, "77"),
		idOf(t, rules.IdentifierPhone, "4681234567"), idOf(t, rules.IdentifierResidence, string(residence)), idOf(t, rules.IdentifierOrder, "A-17"),
	}
	if !reflect.DeepEqual(records[0].Identifiers, want) || records[0].Subject != want[0] {
		t.Errorf("identifiers %v, want %v", records[0].Identifiers, want)
	}
	row := Identify(testHasher(t), nil, []string{"id", "first name", "surname", "E-Mail", "phone", "street", "postcode"},
		[]string{"77", "Åsa", "Lindström", "ASA@mail.example", "0046 8 1234567", "Storgatan 5", "111 22"})
	if !reflect.DeepEqual(row, want[:4]) {
		t.Errorf("Identify: %v, want %v", row, want[:4])
	}
}

func TestNormalize(t *testing.T) {
	for raw, want := range map[string]string{" A.B+c@X.Example ": "a.b+c@x.example", "mailto:a@b.cd": "a@b.cd", "<a@b.cd>": "a@b.cd", "a@b": "", "a b@c.de": "", "a@@b.cd": "", "ada@lund.example, bo@ek.example": "", "j***@b.cd": "", "@b.cd": "", "a..b@c.de": ""} {
		if got, ok := NormalizeEmail([]byte(raw)); string(got) != want || ok != (want != "") {
			t.Errorf("NormalizeEmail(%q) = %q, %v", raw, got, ok)
		}
	}
	for _, c := range []struct {
		raw, want string
		countries []string
	}{
		{"+49 (0)30 / 123-4567", "49301234567", nil},
		{"0049 30 1234567", "49301234567", nil},
		{"030 1234567", "0301234567", nil},
		{"030 1234567", "49301234567", []string{"IS", "DE"}},
		{"1-418-368-4526 x401", "14183684526", nil},
		{"tel:+4722334455", "4722334455", nil},
		{"2026-11-23", "", nil},
		{"23.11.2026", "", nil},
		{"192.168.100.200", "", nil},
		{"1234.50", "", nil},
		{"12345", "", nil},
		{"call me", "", nil},
	} {
		if got, ok := NormalizePhone([]byte(c.raw), c.countries); string(got) != c.want || ok != (c.want != "") {
			t.Errorf("NormalizePhone(%q, %v) = %q, %v, want %q", c.raw, c.countries, got, ok, c.want)
		}
	}
	for raw, ok := range map[string]bool{"77": true, " K-1 ": true, "0": false, "null": false, "a b": false, "": false, strings.Repeat("1", 48): false} {
		if _, got := NormalizeCustomerID([]byte(raw)); got != ok {
			t.Errorf("NormalizeCustomerID(%q) = %v", raw, got)
		}
	}
	if _, ok := NormalizeResidence([]byte("Ada"), nil); ok {
		t.Error("residence without a street")
	}
}

func TestIgnore(t *testing.T) {
	cfg := &Config{Ignore: []rules.Identifier{idOf(t, rules.IdentifierEmail, "desk@chairs.example"), idOf(t, rules.IdentifierPhone, "4722334455")}}
	f := NewFinder(cfg, testHasher(t), "application/json")
	_, _ = f.Write([]byte(`[{"email":"Desk@Chairs.example","phone":"+47 22 33 44 55","name":"Desk"},{"email":"ada@lund.example","phone":"+47 22 33 44 55"}]`))
	_ = f.Close()
	records := f.Take(nil)
	if len(records) != 1 || f.Subjects() != 1 || len(records[0].Identifiers) != 1 {
		t.Errorf("records %v", records)
	}
}

func TestParts(t *testing.T) {
	f := NewFinder(nil, testHasher(t), "application/json")
	_, _ = f.Write([]byte(`[{"email":"ada@lund.example"},`))
	for f.Offset() < maxSniff {
		_, _ = f.Write([]byte(" "))
	}
	if first := f.Take(nil); len(first) != 1 || first[0].Fields != rules.FieldEmail {
		t.Fatalf("first part %v", first)
	}
	_, _ = f.Write([]byte(`{"email":"ada@lund.example"},{"email":"ada@lund.example","phone":"+4722334455"}]`))
	_ = f.Close()
	second := f.Take(nil)
	if len(second) != 1 || second[0].Fields != rules.FieldPhone || second[0].Subject != idOf(t, rules.IdentifierEmail, "ada@lund.example") || f.Subjects() != 1 {
		t.Errorf("second part %v", second)
	}
	if len(second) == 1 && len(second[0].Identifiers) != 2 {
		t.Errorf("second part has %d identifiers, want subject and phone", len(second[0].Identifiers))
	}
}

// TestLongRecord reports what is known of a record after 32 KiB, and the rest
// as further parts of the same subject.
func TestLongRecord(t *testing.T) {
	f := NewFinder(nil, testHasher(t), "application/json")
	_, _ = f.Write([]byte(`{"email":"ada@lund.example","history":[`))
	event := []byte(`{"at":1},`)
	for range 2 * maxSpan / len(event) {
		_, _ = f.Write(event)
		if f.Offset()-f.Safe() > maxSpan+maxSniff {
			t.Fatalf("%d bytes held back", f.Offset()-f.Safe())
		}
	}
	if first := f.Take(nil); len(first) != 1 {
		t.Fatalf("%d parts before the end", len(first))
	}
	_, _ = f.Write([]byte(`{}],"phone":"+4722334455","firstName":"Ada"}`))
	_ = f.Close()
	rest := f.Take(nil)
	if len(rest) != 1 || rest[0].Fields != rules.FieldPhone|rules.FieldName || f.Subjects() != 1 {
		t.Errorf("rest %v, %d subjects", rest, f.Subjects())
	}
}

func TestIssued(t *testing.T) {
	jwt := "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI3NyJ9.c2lnbmF0dXJlLWZvci10ZXN0cy1vbmx5"
	f := NewFinder(nil, testHasher(t), "application/json")
	_, _ = f.Write([]byte(`{"access_token":"` + jwt + `","x":"` + jwt + `","refreshToken":"6b1b36cbb04b41490bfc0ab2bfa26f86","csrf_token":"9b1b36cbb04b41490bfc0ab2bfa26f86","token":"short"}`))
	_ = f.Close()
	h := testHasher(t)
	want := []rules.Digest{h.Key(rules.KeySession, []byte(jwt)), h.Key(rules.KeySession, []byte("6b1b36cbb04b41490bfc0ab2bfa26f86"))}
	if got := f.Issued(nil); !reflect.DeepEqual(got, want) {
		t.Errorf("issued %v, want %v", got, want)
	}
	if again := f.Issued(nil); len(again) != 0 {
		t.Errorf("issued again: %v", again)
	}
}

// TestConstantMemory streams 200 MB of a list.
func TestConstantMemory(t *testing.T) {
	if testing.Short() || raceEnabled {
		t.Skip("long")
	}
	f := NewFinder(nil, testHasher(t), "application/json")
	_, _ = f.Write([]byte("["))
	body := append(customersJSON(40), ',')
	var records []rules.Record
	grown := func(total int) uint64 {
		for at := 0; at < total; at += len(body) {
			_, _ = f.Write(body)
			records = f.Take(records[:0])
		}
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	first := grown(2 << 20)
	last := grown(200 << 20)
	if last > first+64<<10 {
		t.Errorf("heap grew from %d to %d bytes", first, last)
	}
	if f.Offset()-f.Safe() > maxSpan {
		t.Errorf("%d bytes held back", f.Offset()-f.Safe())
	}
	if f.Subjects() != 40 {
		t.Errorf("%d subjects, want 40", f.Subjects())
	}
}

// TestManySubjects goes beyond what is remembered: nobody is lost, memory has
// an end.
func TestManySubjects(t *testing.T) {
	f := NewFinder(nil, testHasher(t), "application/json")
	_, _ = f.Write([]byte("["))
	n := maxSubjects + 500
	for i := range n {
		_, _ = fmt.Fprintf(f, `{"email":"u%d@mail.example"},`, i)
		f.Take(nil)
	}
	told := f.group.report.told
	_ = f.Close()
	if f.Subjects() != n {
		t.Errorf("%d subjects, want %d", f.Subjects(), n)
	}
	if len(told.table)*8+told.digests.n*16 > 2<<20 || len(f.group.groups) > maxGroups+2 {
		t.Errorf("table of %d, %d groups", len(told.table), len(f.group.groups))
	}
}

func TestHostile(t *testing.T) {
	deep := strings.Repeat(`{"a":[`, 2000)
	for name, body := range map[string]string{
		"deep": deep + `{"email":"ada@lund.example"}`, "closers": "]]]}}}", "nul": "{\"a\x00\":\"\x00\xff\xfe@\xff.\xff\"}",
		"tags": strings.Repeat("<div><table><tr><td>", 600) + "ada@lund.example", "ends": strings.Repeat("</table></td>", 100),
		"wide": `{` + strings.Repeat(`"o":{"firstName":"Ada","email":"a@b.example","x":{"phone":"+4722334455",`, 300), "ats": strings.Repeat("@", 5000), "amp": "<p>" + strings.Repeat("&", 5000),
	} {
		for _, contentType := range []string{"application/json", "text/html", "text/csv", "application/sql", "application/xml", "text/plain", "application/x-www-form-urlencoded", "text/event-stream", "message/rfc822", "multipart/mixed; boundary=b", "text/vcard", "text/javascript", "application/yaml", "text/html; charset=shift_jis"} {
			same(t, contentType, []byte(body), 5)
			_, f := find(t, contentType, body)
			if len(f.group.groups) > maxGroups+2 {
				t.Errorf("%s as %s: %d groups", name, contentType, len(f.group.groups))
			}
		}
	}
	if _, f := find(t, "application/json", deep); f.Uninspected() != rules.UninspectedSize {
		t.Errorf("nesting of 4,000: uninspected %q, want size", f.Uninspected())
	}
}

func TestTypes(t *testing.T) {
	for contentType, want := range map[string][2]bool{
		"application/json": {true, false}, "application/graphql-response+json; charset=utf-8": {true, false}, "TEXT/HTML": {true, false}, "text/csv": {true, false},
		"": {true, false}, "application/octet-stream": {true, false}, "application/soap+xml": {true, false}, "text/plain": {true, false},
		"image/png": {false, true}, "text/css": {false, true}, "application/javascript": {true, false}, "text/javascript": {true, false}, "font/woff2": {false, true}, "image/svg+xml": {false, true},
		"application/pdf": {true, false}, "application/zip": {true, false}, "application/gzip": {true, false}, "application/x-tar": {true, false},
		sheetType: {true, false}, "application/protobuf": {true, false}, "application/grpc+proto": {true, false}, "application/grpc-web-text": {true, false},
		"application/msword": {false, false}, "application/x-7z-compressed": {false, false}, "multipart/form-data": {true, false}, "message/rfc822": {true, false}, "text/event-stream": {true, false}, "application/x-unknown": {false, false},
	} {
		if got := [2]bool{Inspectable(contentType), Harmless(contentType)}; got != want {
			t.Errorf("%q: inspectable and harmless %v, want %v", contentType, got, want)
		}
	}
}

func TestInspect(t *testing.T) {
	body := `[{"email":"ada@lund.example","phone":"+4722334455"},{"email":"ada@lund.example","name":"Ada"},{"email":"bo@ek.example"}]`
	got, err := Inspect(nil, testHasher(t), "application/json", "gzip", bytes.NewReader(encode(t, "gzip", []byte(body))))
	if err != nil {
		t.Fatal(err)
	}
	text, _ := json.Marshal(got)
	if want := `{"subjects":2,"records":[{"fields":["name","email","phone"],"identifiers":{"email":1,"phone":1}},{"fields":["email"],"identifiers":{"email":1}}],"uninspected":""}`; string(text) != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
	got, err = Inspect(nil, testHasher(t), "image/png", "gzip", bytes.NewReader(encode(t, "gzip", []byte("email,phone\nada@lund.example,+4722334455\n"))))
	if err != nil || got.Subjects != 1 || got.Uninspected != "" {
		t.Errorf("a list under the name of a picture: %+v, %v", got, err)
	}
	lie, err := Inspect(nil, testHasher(t), "application/json", "br", strings.NewReader(body))
	if err != nil || lie.Uninspected != "encoding" {
		t.Errorf("lying encoding: %+v, %v", lie, err)
	}
}

func TestClaims(t *testing.T) {
	email := idOf(t, rules.IdentifierEmail, "ada@lund.example")
	for _, c := range []struct {
		name, contentType, query, body string
		ids                            []rules.Identifier
		password                       bool
	}{
		{"json", "application/json", "", `{"user":{"email":"Ada@lund.example","password":"x y"}}`, []rules.Identifier{email}, true},
		{"twin", "application/json", "", `{"q":"chair","page":2,"password":""}`, nil, false},
		{"variables", "application/json", "", `{"query":"mutation L($e:String!,$p:String!){login(email:$e,password:$p){token}}","variables":{"e":"ada@lund.example","password":"abc"}}`, []rules.Identifier{email}, true},
		{"inline", "application/json", "", `{"query":"mutation { login(username: \"ada@lund.example\", password: \"secret\") { token } }"}`, []rules.Identifier{email}, true},
		{"pairs", "application/x-www-form-urlencoded", "", "login=ada%40lund.example&passwort=geheim", []rules.Identifier{email}, true},
		{"query", "", "order_id=17&email=ada%40lund.example", "", []rules.Identifier{idOf(t, rules.IdentifierOrder, "17"), email}, false},
		{"multipart", "multipart/form-data; boundary=b", "", "--b\r\nContent-Disposition: form-data; name=\"email\"\r\n\r\nada@lund.example\r\n--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x\"\r\n\r\nbo@ek.example\r\n--b--\r\n", []rules.Identifier{email}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := Claims([]byte(c.body), c.contentType, c.query, testHasher(t))
			if !reflect.DeepEqual(got.Identifiers, c.ids) || got.Password != c.password {
				t.Errorf("got %v, want %v %v", got, c.ids, c.password)
			}
		})
	}
}

func FuzzClaims(f *testing.F) {
	f.Add([]byte(`{"query":"{ a(email: \"a@b.cd\") }"}`), "application/json", "a=b")
	f.Fuzz(func(t *testing.T, body []byte, contentType, query string) {
		if c := Claims(body, contentType, query, testHasher(t)); len(c.Identifiers) > maxClaims {
			t.Fatalf("%d identifiers", len(c.Identifiers))
		}
	})
}

func TestClassify(t *testing.T) {
	for key, want := range map[string]class{
		"shippingAddressLine1": {kindStreet, senseDelivery}, "billing_first_name": {kindFirstName, senseBilling}, "customer[email]": {kindEmail, senseCustomer},
		"Kundennummer": {kindCustomerID, 0}, "UserId": {kindCustomerID, 0}, "PLZ": {kindPostcode, 0}, "postnr": {kindPostcode, 0}, "cp": {kindPostcode, 0}, "eMail": {kindEmail, 0},
		"emailVerified": {kindNone, senseVeto}, "store_phone": {kindPhone, senseShop}, "productName": {kindNone, senseProduct}, "csrf_token": {kindOpaque, 0}, "resetToken": {kindToken, 0},
		"numéro de commande": {kindOrder, 0}, "電話番号": {kindPhone, 0}, "фамилия": {kindLastName, 0}, "lieferstrasse": {kindStreet, senseDelivery}, "": {}, "x": {}, "wibble": {},
	} {
		got := classify([]byte(key))
		if got.kind != want.kind || want.sense&^got.sense != 0 || want == (class{}) && got != want {
			t.Errorf("classify(%q) = %+v, want %+v", key, got, want)
		}
	}
	if n := len(lexicon()); n < 1200 {
		t.Errorf("the lexicon has %d words", n)
	}
}

// TestBound adds up what one finder can hold of a body.
func TestBound(t *testing.T) {
	k := newKeys()
	perText := maxValue + 2*maxValue // a token, and a page's or a text's lines
	held := maxGroups*int(reflect.TypeFor[group]().Size()) + maxDepth*int(reflect.TypeFor[frame]().Size()) +
		int(reflect.TypeOf(k).Size()) + maxNested*perText/2
	if held > 48<<10 {
		t.Errorf("a finder may hold %d bytes", held)
	}
	// Decoders of nested files, and what one form keeps beside them: in the
	// outermost file all of it, in one inside a third.
	one := int(reflect.TypeFor[inflater]().Size())
	nested := maxInflaters * one
	for form, keeps := range map[string]int{
		"spreadsheet": max(maxSharedText+maxSharedText/8*4, maxRowMasks+maxRowNumbers),
		"pdf":         maxPDFWaiting + maxPDFRanges*int(reflect.TypeFor[pdfRange]().Size()),
	} {
		if most := max(one+keeps, nested+keeps/3); held+most > 128<<10 {
			t.Errorf("a finder may hold %d bytes of a %s", held+most, form)
		}
	}
	if held+nested+maxProtoField > 128<<10 {
		t.Errorf("a finder may hold %d bytes of messages", held+nested+maxProtoField)
	}
	// The entities and charsets inside each other, with what a value's key or
	// a card's line is.
	if inside := (maxContained + 1) * (int(reflect.TypeFor[charsetScanner]().Size()+reflect.TypeFor[partsScanner]().Size()) + maxHeader + maxValue + 2*maxSniff); inside > 48<<10 {
		t.Errorf("containers may hold %d bytes", inside)
	}
}
