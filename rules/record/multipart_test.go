package record

import (
	"encoding/base64"
	"fmt"
	"mime/quotedprintable"
	"strings"
	"testing"

	"github.com/ordergate/ordergate/rules"
)

// crlfs gives a text the line ends of the network.
func crlfs(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }

func quotedPrintable(t testing.TB, s string) string {
	t.Helper()
	var b strings.Builder
	w := quotedprintable.NewWriter(&b)
	_, _ = w.Write([]byte(s))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// lined is base64 in lines.
func lined(s string) string {
	text := base64.StdEncoding.EncodeToString([]byte(s))
	var b strings.Builder
	for ; len(text) > 76; text = text[76:] {
		b.WriteString(text[:76] + "\n")
	}
	return b.String() + text
}

// partCases are bodies with headers in them, each with its innocent twin.
func partCases(t testing.TB) (all []testCase) {
	t.Helper()
	both, three := rules.FieldName|rules.FieldEmail, rules.FieldName|rules.FieldEmail|rules.FieldPhone
	body := func(parts ...string) string {
		return crlfs("This is a multi-part message in MIME format.\n--b=_1\n" + strings.Join(parts, "\n--b=_1 \n") + "\n--b=_1--\nbye\n")
	}
	const mixed = `multipart/mixed; boundary="b=_1"`
	mail := "Return-Path: <bounce@mailer.example>\nFrom: Chairs <no-reply@chairs.example>\nTo: =?ISO-8859-1?Q?=C5sa_M=FCller?= <asa@muller.example>,\n\t\"Ek, Bo\" <bo@ek.example>\nSubject: =?utf-8?b?" + base64.StdEncoding.EncodeToString([]byte("Bestellung 17")) + "?=\nMIME-Version: 1.0\n"
	all = append(all,
		testCase{name: "plain/attack", contentType: mixed, subjects: 3, fields: three, body: body("Content-Type: text/csv\n\n"+twoCustomers, "content-type: application/json; charset=utf-8\n\n"+oneCustomer)},
		testCase{name: "plain/twin", contentType: mixed, body: body("Content-Type: text/csv\n\n"+twoProducts, "Content-Type: image/png\n\n\x89PNG ada@lund.example", "\n--b=_1x\n--b=_")},
		testCase{name: "encoded/attack", contentType: "multipart/related", subjects: 3, fields: three, body: body(
			"Content-Type: text/csv\nContent-Transfer-Encoding: base64\n\n"+lined(twoCustomers),
			"Content-Type: text/html; charset=windows-1252\nContent-Transfer-Encoding: Quoted-Printable\n\n"+
				strings.ReplaceAll(quotedPrintable(t, "<p>Customer name: \xC5sa \xD6berg"+strings.Repeat(" ", 80)+"</p><p>E-Mail: asa@oberg.example</p>"), "@", "=40"))},
		testCase{name: "encoded/twin", contentType: mixed, body: body(
			"Content-Type: text/csv\nContent-Transfer-Encoding: base64\n\n"+lined(twoProducts), "Content-Transfer-Encoding: quoted-printable\n\nAda =\nLamp =XX =4\n=")},
		testCase{name: "fold/attack", contentType: "multipart/form-data; boundary=b=_1", subjects: 1, fields: three, body: body(
			"Content-Disposition: form-data;\n name=\"full_name\"\n\nAda Lund", "Content-Disposition: form-data; name=email\n\nada@lund.example",
			"Content-Disposition: form-data; name=\"phone\"\n\n+4722334455")},
		testCase{name: "form/file", contentType: "multipart/form-data; boundary=b=_1", subjects: 2, fields: three, body: body(
			"Content-Disposition: form-data; name=\"x\"; filename=\"customers.csv\"\n\n"+twoCustomers, "Content-Disposition: form-data; name=y; filename=a.png\n\nada@lund.example")},
		testCase{name: "form/long", contentType: "multipart/form-data; boundary=b=_1", subjects: 1, fields: rules.FieldEmail, body: body(
			"Content-Disposition: form-data; name=\"text\"\n\n" + strings.Repeat("lorem ipsum ", 400) + "ada@lund.example " + strings.Repeat("lorem ipsum ", 400))},
		testCase{name: "form/twin", contentType: "multipart/form-data; boundary=b=_1", body: body("Content-Disposition: form-data; name=q\n\nAda Lund", "Content-Disposition: form-data; name=csrf_token\n\n6b1b36cbb04b41490bfc0ab2bfa26f86")},
		testCase{name: "ranges", contentType: "multipart/byteranges; boundary=b=_1", subjects: 2, fields: three, body: body("Content-Type: text/csv\nContent-Range: bytes 0-99/200\n\n" + twoCustomers)},
		testCase{name: "batch", contentType: mixed, subjects: 1, fields: both, body: body("Content-Type: application/http\n\nHTTP/1.1 200 OK\nContent-Type: application/json\n\n" + oneCustomer)},
		testCase{name: "archive", contentType: mixed, subjects: 2, fields: three, body: body("Content-Type: application/zip\nContent-Transfer-Encoding: base64\n\n" + lined(zipped(t, false, file{name: "a.csv", body: twoCustomers})))},
		testCase{name: "lie/boundary", contentType: "multipart/mixed; boundary=other", subjects: 1, fields: rules.FieldEmail, body: body("Content-Type: text/plain\n\nada@lund.example")},
		testCase{name: "lie/json", contentType: "multipart/mixed; boundary=other", subjects: 1, fields: both, body: oneCustomer},
		testCase{name: "many", contentType: mixed, uninspected: "size", body: body(strings.Split(strings.Repeat("\n\nx|", 1500), "|")...)},
		testCase{name: "endless header", contentType: mixed, uninspected: "size", body: body("X: " + strings.Repeat("a ", 40<<10) + "\n\nx")},
		testCase{name: "endless fold", contentType: "message/rfc822", uninspected: "size", body: "To: x" + strings.Repeat("\n b", 40<<10)},
		testCase{name: "many fields", contentType: "message/rfc822", uninspected: "size", body: strings.Repeat("To: x\n", 1000)},
		testCase{name: "mail/attack", contentType: "message/rfc822", subjects: 2, fields: both, body: crlfs(mail + "\nHello!\n")},
		testCase{name: "mail/plain", contentType: "text/plain", subjects: 2, fields: both, body: mail + "\nHello!\n"},
		testCase{name: "mail/parts", contentType: "message/rfc822", subjects: 4, fields: three, body: crlfs(mail+"Content-Type: multipart/mixed;\n  boundary=\"b=_1\"\n\n") +
			body("Content-Type: multipart/alternative; boundary=in\n\n--in\nContent-Type: text/html\n\n<p>E-Mail: cy@orr.example</p>\n--in--\n", "Content-Type: text/csv\n\n"+twoCustomers)},
		testCase{name: "mail/twin", contentType: "message/rfc822", body: "From: Chairs <info@chairs.example>\nTo: undisclosed-recipients:;\nMessage-ID: <17.ada@lund.example>\nSubject: News\n\nNew lamps@2x.png\n"},
		testCase{name: "mail/deep", contentType: "message/rfc822", uninspected: "type", body: strings.Repeat("Content-Type: message/rfc822\n\n", 40) + "To: Ada <ada@lund.example>\n\n"},
	)
	deep := "Content-Type: text/plain\n\nada@lund.example"
	for i := range 20 {
		deep = fmt.Sprintf("Content-Type: multipart/mixed; boundary=x%d\n\n--x%d\n%s\n--x%d--", i, i, deep, i)
	}
	return append(all, testCase{name: "deep", contentType: "message/rfc822", body: deep, uninspected: "type"})
}

func TestParts5322(t *testing.T) {
	for _, c := range partCases(t) {
		t.Run(c.name, func(t *testing.T) {
			check(t, &c)
			same(t, c.contentType, []byte(c.body), 1)
		})
	}
}

// TestPartsMemory streams 20 MB of parts.
func TestPartsMemory(t *testing.T) {
	f := NewFinder(nil, testHasher(t), "multipart/mixed; boundary=b")
	part := []byte(crlfs("--b\nContent-Type: text/csv\n\n" + strings.Repeat(twoCustomers, 400) + "\n"))
	rounds := 500
	if testing.Short() {
		rounds = 100
	}
	for range rounds {
		for p := part; len(p) > 0; {
			n := min(len(p), 4096)
			_, _ = f.Write(p[:n])
			if p = p[n:]; f.Offset()-f.Safe() > maxSpan {
				t.Fatalf("%d bytes held", f.Offset()-f.Safe())
			}
		}
		f.Take(nil)
	}
	_ = f.Close()
	if f.Subjects() != 2 || f.Uninspected() != rules.UninspectedNone {
		t.Errorf("%d subjects, uninspected %q", f.Subjects(), f.Uninspected())
	}
}

// TestPartsPause: the parts of a live body are told one by one.
func TestPartsPause(t *testing.T) {
	f := NewFinder(nil, testHasher(t), "multipart/mixed; boundary=\"-\"")
	for i := range 10 {
		_, _ = f.Write([]byte("\r\n---\r\nContent-Type: application/json\r\n\r\n" + oneCustomer + "\r\n"))
		f.Flush()
		if f.Subjects() != 1 || f.Offset()-f.Safe() > 2 {
			t.Fatalf("part %d: %d subjects, %d of %d safe", i, f.Subjects(), f.Safe(), f.Offset())
		}
	}
}
