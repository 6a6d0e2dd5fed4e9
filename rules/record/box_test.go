package record

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/ordergate/ordergate/rules"
)

// boxCases are documents and archives in strings of JSON.
func boxCases(t testing.TB) []testCase {
	t.Helper()
	coded := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	attack := pdfCases(t)[0]
	in := func(body string) string {
		return `{"receiver":{"name":"Jana Novak","email":"jana@novak.example"},"shipment":"4711","label":{"format":"PDF","data":"` + coded(body) + `"}}`
	}
	both := rules.FieldName | rules.FieldEmail
	nested := in(in(in(in(oneCustomer))))
	return []testCase{
		{name: "box/pdf", contentType: "application/json", body: in(attack.body), subjects: attack.subjects + 1, fields: attack.fields | both},
		{name: "box/zip", contentType: "application/json", body: in(zipped(t, true, file{name: "customers.csv", body: twoCustomers})), subjects: 3, fields: both | rules.FieldPhone},
		{name: "box/gzip", contentType: "application/json", body: in(gzipped(t, oneCustomer)), subjects: 2, fields: both},
		{name: "box/twice", contentType: "application/json", body: in(gzipped(t, in(gzipped(t, twoCustomers)))), subjects: 3, fields: both | rules.FieldPhone},
		{name: "box/text", contentType: "application/json", body: nested, subjects: 1, fields: both},
		{name: "box/picture", contentType: "application/json", body: in("\x89PNG\r\n\x1A\n" + strings.Repeat("\x00\x01\x02ada@lund.example", 9)), subjects: 1, fields: both},
		{name: "box/twin", contentType: "application/json", body: in(gzipped(t, twoProducts)), subjects: 1, fields: both},
	}
}
