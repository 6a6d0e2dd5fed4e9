package record

import (
	"strings"
	"testing"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/unicode"

	"github.com/ordergate/ordergate/rules"
)

// encodedAs returns a text in an encoding.
func encodedAs(t testing.TB, e encoding.Encoding, text string) string {
	t.Helper()
	out, err := e.NewEncoder().String(text)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// charsetCases are texts that are not UTF-8, each with its innocent twin.
func charsetCases(t testing.TB) (all []testCase) {
	t.Helper()
	three := rules.FieldName | rules.FieldEmail | rules.FieldPhone
	little, big := unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)
	for name, e := range map[string]encoding.Encoding{"utf16le": little, "utf16be": big} {
		for bom, mark := range map[string]string{"bom": "\uFEFF", "bare": ""} {
			for _, contentType := range []string{"text/csv", "application/octet-stream", "text/csv; charset=utf-8"} {
				at := name + "/" + bom + " " + contentType
				all = append(all,
					testCase{name: at + "/attack", contentType: contentType, body: encodedAs(t, e, mark+twoCustomers), subjects: 2, fields: three},
					testCase{name: at + "/twin", contentType: contentType, body: encodedAs(t, e, mark+twoProducts)})
			}
			all = append(all, testCase{
				name: name + "/" + bom + "/json", contentType: "application/json", body: encodedAs(t, e, mark+oneCustomer),
				subjects: 1, fields: rules.FieldName | rules.FieldEmail,
			})
		}
	}
	all = append(
		all,
		testCase{name: "utf16/label", contentType: "text/csv; charset=utf-16le", body: encodedAs(t, little, "名,メール\n山田,"), uninspected: ""},
		testCase{name: "utf16/zip", contentType: "application/zip", body: zipped(t, false, file{name: "a.csv", body: encodedAs(t, little, "\uFEFF"+twoCustomers)}), subjects: 2, fields: three},
		testCase{name: "utf16/gzip", contentType: "application/gzip", body: gzipped(t, encodedAs(t, little, "\uFEFF"+twoCustomers+strings.Repeat("a,b,c\n", 20000))), subjects: 2, fields: three},
		testCase{name: "utf32/le", contentType: "text/csv", body: "\xFF\xFE\x00\x00a\x00\x00\x00", uninspected: "encoding"},
		testCase{name: "utf32/be", contentType: "text/csv", body: "\x00\x00\xFE\xFF\x00\x00\x00a", uninspected: "encoding"},
		testCase{name: "replacement", contentType: "text/csv; charset=iso-2022-kr", body: twoCustomers, uninspected: "encoding"},
		testCase{name: "utf16/claimed", contentType: "application/xml", body: `<?xml version="1.0" encoding="utf-16"?><customer><name>Ada Lund</name><email>ada@lund.example</email></customer>`, subjects: 1, fields: rules.FieldName | rules.FieldEmail},
		testCase{name: "utf16/mislabelled", contentType: "text/csv; charset=utf-16", body: twoCustomers, subjects: 2, fields: three},
		testCase{name: "quoted page", contentType: "application/json", body: `{"page":"<meta charset=koi8-r>","note":"` + strings.Repeat("x", 600) + `","customer":{"name":"Åsa Müller","email":"asa@muller.example"}}`, subjects: 1, fields: rules.FieldName | rules.FieldEmail},
		testCase{name: "unknown", contentType: "text/csv; charset=klingon", body: twoCustomers, subjects: 2, fields: three},
		testCase{name: "lie", contentType: "text/csv; charset=shift_jis", body: strings.Replace(twoCustomers, "Ek", "Åkesson", 1), subjects: 2, fields: three},
	)
	for _, c := range []struct{ charset, first, last, street, city string }{
		{"windows-1252", "Åsa", "Müller", "Königstraße 5", "Köln"},
		{"iso-8859-1", "Åsa", "Müller", "Königstraße 5", "Köln"},
		{"iso-8859-2", "Łukasz", "Wiśniewski", "ulica Długa 5", "Łódź"},
		{"iso-8859-15", "Zoë", "Lefèvre", "Rue du Cœur 5", "Nîmes"},
		{"windows-1250", "Jiří", "Dvořák", "Dlouhá ulice 5", "Plzeň"},
		{"windows-1251", "Иван", "Петров", "улица Ленина 5", "Москва"},
		{"koi8-r", "Иван", "Петров", "улица Ленина 5", "Москва"},
		{"shift_jis", "太郎", "山田", "表町1丁目2番3号", "東京"},
		{"euc-jp", "太郎", "山田", "表町1丁目2番3号", "東京"},
		{"iso-2022-jp", "太郎", "山田", "表町1丁目2番3号", "東京"},
		{"gb18030", "小明", "王", "长安街5号", "北京"},
		{"big5", "小明", "王", "中山路5號", "臺北"},
		{"euc-kr", "민준", "김", "세종대로 5", "서울"},
	} {
		e, err := htmlindex.Get(c.charset)
		if err != nil {
			t.Fatal(err)
		}
		row := "first_name,last_name,email,street,city\n" + c.first + "," + c.last + ",ada@lund.example," + c.street + "," + c.city + "\n"
		none := "sku,title,price\n17," + c.first + " " + c.last + ",19.99\n"
		page := "<html><head><meta charset='" + c.charset + "'></head><body><table><tr><th>E-Mail</th><th>Name</th></tr><tr><td>ada@lund.example</td><td>" + c.first + " " + c.last + "</td></tr></table></body></html>"
		all = append(all,
			testCase{name: c.charset + "/attack", contentType: `text/csv; header=present; Charset="` + c.charset + `"`, body: encodedAs(t, e, row), subjects: 1, fields: rules.FieldName | rules.FieldEmail | rules.FieldAddress},
			testCase{name: c.charset + "/twin", contentType: "text/csv; charset=" + c.charset, body: encodedAs(t, e, none)},
			testCase{name: c.charset + "/page", contentType: "text/html", body: encodedAs(t, e, page), subjects: 1, fields: rules.FieldName | rules.FieldEmail})
	}
	return all
}

func TestCharsets(t *testing.T) {
	for _, c := range charsetCases(t) {
		t.Run(c.name, func(t *testing.T) {
			check(t, &c)
			same(t, c.contentType, []byte(c.body), 1)
		})
	}
}

// TestCharsetJoins: a person is the same in every encoding.
func TestCharsetJoins(t *testing.T) {
	body := "name,street,city,phone\nÅsa Müller,Königstraße 5,Köln,+4722334455\n"
	want, _ := find(t, "text/csv", body)
	for _, charset := range []string{"windows-1252", "iso-8859-15", "utf-16le", "gb18030"} {
		e, err := htmlindex.Get(charset)
		if err != nil {
			t.Fatal(err)
		}
		got, _ := find(t, "text/csv; charset="+charset, encodedAs(t, e, body))
		if len(want) != 1 || len(got) != 1 || got[0].Subject != want[0].Subject || len(got[0].Identifiers) != len(want[0].Identifiers) || got[0].Identifiers[1] != want[0].Identifiers[1] {
			t.Errorf("%s: %v, want %v", charset, got, want)
		}
	}
	if got, _ := find(t, "text/csv", encodedAs(t, charsetOf("latin1"), body)); len(got) != 1 || got[0].Identifiers[1] != want[0].Identifiers[1] {
		t.Errorf("no charset: %v, want %v", got, want)
	}
}

// TestCharsetPause: a live body that is not UTF-8 is told at every event.
func TestCharsetPause(t *testing.T) {
	f := NewFinder(nil, testHasher(t), "application/x-ndjson; charset=windows-1252")
	for i := range 20 {
		_, _ = f.Write([]byte("{\"email\":\"ada@lund.example\",\"name\":\"\xC5sa\"}\n"))
		f.Flush()
		if f.Safe() != f.Offset() || f.Subjects() != 1 {
			t.Fatalf("event %d: %d of %d safe, %d subjects", i, f.Safe(), f.Offset(), f.Subjects())
		}
	}
}

func TestParameter(t *testing.T) {
	for field, want := range map[string]string{
		"text/html; charset=UTF-8": "UTF-8", `text/html;boundary="a;b=c";CHARSET="koi8-r" `: "koi8-r", "text/html": "", "text/html; x; charset=a": "a", "text/html; charset": "", "text/html; charset=": "", ";;=;": "",
		`text/html; charset="a`: "a", "text/html; xcharset=a": "",
	} {
		if got := parameter(field, "charset"); got != want {
			t.Errorf("%q: %q, want %q", field, got, want)
		}
	}
}
