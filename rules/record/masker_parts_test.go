package record

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/textproto"
	"strings"
	"testing"

	"github.com/ordergate/ordergate/rules"
)

const (
	partedType = "multipart/mixed; boundary=b"
	personJSON = `{"id": 12345678, "name":"Ada L\u00fcnd","email":"ada@lund.example","orders":[{"orderNumber": 10001234}],"phone":4722334455}`
)

// parted is a multipart body of such parts.
func parted(parts ...string) string {
	return crlfs("--b\n" + strings.Join(parts, "\n--b\n") + "\n--b--\n")
}

// maskedParts are bodies whose parts are masked, each beside a twin.
func maskedParts() (all []testCase) {
	line := func(s string, n int) string {
		s = base64.StdEncoding.EncodeToString([]byte(s))
		var b strings.Builder
		for ; len(s) > n; s = s[n:] {
			b.WriteString(s[:n] + "\n")
		}
		return b.String() + s
	}
	product := `{"sku":"T-1","name":"Teapot","price":2495}`
	for name, c := range map[string][2]string{
		"json":   {"Content-Type: application/json\nContent-Length: 17\nETag: \"x\"\n\n" + personJSON, "Content-Type: application/json\n\n" + product},
		"base64": {"Content-Type: application/json\nContent-Transfer-Encoding: base64\n\n" + line(personJSON, 76), "Content-Type: application/json\nContent-Transfer-Encoding: base64\n\n" + line(product, 76)},
		"odd":    {"Content-Type: application/json\nContent-Transfer-Encoding: base64\n\n" + line(" "+personJSON, 7), "Content-Transfer-Encoding: base64\n\n" + line(product, 7)},
		"even":   {"Content-Type: application/json\nContent-Transfer-Encoding: base64\n\n" + line("  "+personJSON, 9), "Content-Transfer-Encoding: base64\n\n" + line(product, 9)},
		"quoted": {"Content-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n<p>Name: =C3=85da=20L=C3=BCn=\nd</p><p>E-Mail: =61da=40lund.exam=\nple</p><p>caf=C3=A9</p>", "Content-Transfer-Encoding: quoted-printable\n\nTea=\npot =C3=A9"},
		"http":   {"Content-Type: application/http\n\nHTTP/1.1 200 OK\nContent-Type: application/json\nContent-Length: 17\n\n" + personJSON, "Content-Type: application/http\n\nHTTP/1.1 404 Not Found\n\n"},
		"nested": {"Content-Type: multipart/mixed; boundary=in\n\n--in\nContent-Type: text/csv\n\n" + twoCustomers + "\n--in--", "Content-Type: multipart/mixed; boundary=in\n\n--in\nContent-Type: text/csv\n\n" + twoProducts + "\n--in--"},
		"field":  {"Content-Disposition: form-data; name=email\n\nada@lund.example", "Content-Disposition: form-data; name=q\n\nlamp"},
		"pairs":  {"Content-Type: application/x-www-form-urlencoded\n\nname=Ada+L%C3%BCnd&email=%61da%40lund.example&q=1", "Content-Type: application/x-www-form-urlencoded\n\nq=lamp&email="},
		"mail":   {"Content-Type: message/rfc822\n\nFrom: Ada <ada@lund.example>\nTo: =?utf-8?q?B=C3=B6?= <bo@ek.example>,\n cy@orr.example\nSubject: Chairs\n\nHello\n", "Content-Type: message/rfc822\n\nFrom: Chairs <info@chairs.example>\nSubject: Chairs\n\nHello\n"},
	} {
		subjects := 1
		switch name {
		case "nested":
			subjects = 2
		case "mail":
			subjects = 3
		}
		all = append(all, testCase{name: "masked " + name + "/attack", contentType: partedType, subjects: subjects, body: parted(c[0], "Content-Type: application/json\n\n"+product)},
			testCase{name: "masked " + name + "/twin", contentType: partedType, body: parted(c[1], "Content-Type: application/json\n\n"+product)})
	}
	return all
}

// TestMaskedParts: a masked multipart body is one that a client reads (package mime), with
// the same parts and headers but for what told of the original; nothing of anybody
// is in it, decoded; and the twins go as they are.
func TestMaskedParts(t *testing.T) {
	for _, c := range maskedParts() {
		t.Run(c.name, func(t *testing.T) {
			out, m := masked(t, c.contentType, []byte(c.body), atOnce([]byte(c.body)), nil)
			before, after := decodedParts(t, c.contentType, []byte(c.body)), decodedParts(t, c.contentType, out)
			if c.subjects == 0 {
				if !bytes.Equal(out, []byte(c.body)) || m.Masked() != 0 {
					t.Fatalf("nobody is in it, and it becomes\n%s", out)
				}
				return
			}
			if m.Masked() == 0 || len(before) != len(after) {
				t.Fatalf("%d values masked; %d parts, not %d, in\n%s", m.Masked(), len(after), len(before), out)
			}
			for i := range after {
				for _, value := range []string{"da@lund", "lund", "L\u00fcnd", "\\u00fcnd", "ek.example", "orr.example", "72233445", "0001234"} {
					if strings.Contains(after[i].body, value) {
						t.Errorf("%s is still there: %s", value, after[i].body)
					}
				}
				for name := range after[i].header {
					if ofOriginal[strings.ToLower(name)] {
						t.Errorf("the part still has %s", name)
					}
				}
				if json.Valid([]byte(before[i].body)) && !json.Valid([]byte(after[i].body)) {
					t.Errorf("no JSON any more: %s", after[i].body)
				}
			}
			if last := len(before) - 1; before[last].body != after[last].body {
				t.Errorf("the part of a product became %s", after[last].body)
			}
		})
	}
}

type decodedPart struct {
	header textproto.MIMEHeader
	body   string
}

// decodedParts reads a body as a client does.
func decodedParts(t *testing.T, contentType string, body []byte) (all []decodedPart) {
	t.Helper()
	_, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		t.Fatal(err)
	}
	for r := multipart.NewReader(bytes.NewReader(body), params["boundary"]); ; {
		p, err := r.NextRawPart()
		if err == io.EOF { //nolint:errorlint // as package multipart says
			return all
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, body)
		}
		var from io.Reader = p
		switch p.Header.Get("Content-Transfer-Encoding") {
		case "base64":
			from = base64.NewDecoder(base64.StdEncoding, p)
		case "quoted-printable":
			from = quotedprintable.NewReader(p)
		}
		text, err := io.ReadAll(from)
		if err != nil {
			t.Fatalf("%v in\n%s", err, body)
		}
		all = append(all, decodedPart{p.Header, string(text)})
	}
}

// TestMaskedPartsKept: in base64, what is kept beside what is masked keeps every
// byte, wherever in its quantum it begins and ends.
func TestMaskedPartsKept(t *testing.T) {
	for shift := range 3 {
		for length := range 3 {
			blank := strings.Repeat(" ", shift)
			text := blank + `{"a":[{"email":"bo@ek.example"},{"email":"ad` + strings.Repeat("a", length) + `@lund.example"},{"email":"cy@orr.example"}]}`
			want := blank + `{"a":[{"email":"bo@ek.example"},{"email":"` + strings.Repeat("*", length+15) + `"},{"email":"cy@orr.example"}]}`
			coded := base64.StdEncoding.EncodeToString([]byte(text))
			body := []byte(parted("Content-Type: application/json\nContent-Transfer-Encoding: base64\n\n" + coded))
			n := 0
			out, _ := masked(t, partedType, body, func() int { return 1 }, func(rules.Record) bool { n++; return n != 2 })
			if got := decodedParts(t, partedType, out); got[0].body != want {
				t.Errorf("%d %d: %s", shift, length, got[0].body)
			}
		}
	}
}
