package record

import (
	"strings"
	"testing"

	"github.com/ordergate/ordergate/rules"
)

// cardCases are vCards, each with its innocent twin.
func cardCases(testing.TB) []testCase {
	all := rules.FieldName | rules.FieldEmail | rules.FieldPhone | rules.FieldAddress | rules.FieldBirthDate
	photo := "PHOTO;ENCODING=b:" + strings.Repeat("QUFB", 5000) + "\n"
	one := "BEGIN:VCARD\nVERSION:3.0\nN:Lund;Ada;;;\nFN:Ada Lund\nORG:Lund AB;Sales\nitem1.EMAIL;TYPE=INTERNET,HOME:ada@\n lund.example\nTEL;TYPE=CELL:+47 22 33 44 55\n" +
		"ADR;TYPE=HOME:;;Storgata 5;Oslo;;0155;Norway\nBDAY:1980-02-03\n" + photo + "END:VCARD\n"
	two := "BEGIN:VCARD\r\nVERSION:2.1\r\nN;CHARSET=ISO-8859-1;ENCODING=QUOTED-PRINTABLE:=D6=\r\nberg;=C5sa\r\nTEL;HOME:08-123 456 78\r\nEMAIL;PREF:asa@oberg.example\r\nEND:VCARD\r\n"
	four := "BEGIN:VCARD\nVERSION:4.0\nKIND:individual\nFN:Bo\\, Ek\nTEL;VALUE=uri;PREF=1;TYPE=\"voice,home\":tel:+46-22-33-44-55\nEMAIL:bo@ek.example\nNOTE:first line\\nsecond\nEND:VCARD\n"
	office := "BEGIN:VCARD\nVERSION:4.0\nFN:Chairs\nADR:;;Allee 1;Town;;12345;\nEMAIL:hello@chairs.example\nTEL:+49301234567\nKIND:org\nEND:VCARD\n" +
		"BEGIN:VCARD\nVERSION:3.0\nFN:Tables\nEMAIL:hello@tables.example\nORG:Tables;\nEND:VCARD\n"
	return []testCase{
		{name: "3/attack", contentType: "text/vcard", body: one, subjects: 1, fields: all},
		{name: "3/crlf", contentType: "text/vcard; charset=utf-8", body: strings.ReplaceAll(one, "\n", "\r\n"), subjects: 1, fields: all},
		{name: "2.1/attack", contentType: "text/x-vcard", body: two, subjects: 1, fields: rules.FieldName | rules.FieldEmail | rules.FieldPhone},
		{name: "4/attack", contentType: "application/octet-stream", body: four, subjects: 1, fields: rules.FieldName | rules.FieldEmail | rules.FieldPhone},
		{name: "many/attack", contentType: "text/directory", body: one + two + four + office, subjects: 3, fields: all},
		{name: "office/twin", contentType: "text/vcard", body: office},
		{name: "event/twin", contentType: "text/vcard", body: "BEGIN:VCARD\nVERSION:4.0\nFN:Ada lamp\nNOTE:lamp@2x.png\nPHOTO:ada@lund.example\nUID:urn:uuid:4111-1111\nEND:VCARD\n"},
		{name: "open", contentType: "text/vcard", body: "BEGIN:VCARD\nFN:Ada Lund\nEMAIL:ada@lund.example\nBEGIN:VCARD\nFN:Bo Ek\nEMAIL:bo@ek.example", subjects: 2, fields: rules.FieldName | rules.FieldEmail},
		{name: "endless fold", contentType: "text/vcard", body: "BEGIN:VCARD\nNOTE:x" + strings.Repeat("\n b", 20<<10), uninspected: "size"},
		{name: "endless QP", contentType: "text/vcard", body: "BEGIN:VCARD\nNOTE;QUOTED-PRINTABLE:x" + strings.Repeat("=\nb", 20<<10), uninspected: "size"},
		{name: "lie", contentType: "text/vcard", body: "E-Mail: ada@lund.example\n", subjects: 1, fields: rules.FieldEmail},
	}
}

func TestCards(t *testing.T) {
	for _, c := range cardCases(t) {
		t.Run(c.name, func(t *testing.T) {
			check(t, &c)
			same(t, c.contentType, []byte(c.body), 1)
		})
	}
}

// TestCardJoins: the person of a card is the one of the same data in JSON.
func TestCardJoins(t *testing.T) {
	want, _ := find(t, "application/json", `{"firstName":"Åsa","lastName":"Öberg","street":"Storgata 5","phone":"+4722334455"}`)
	got, _ := find(t, "text/vcard", "BEGIN:VCARD\nN;CHARSET=ISO-8859-1;ENCODING=QUOTED-PRINTABLE:=D6berg;=C5sa\nADR:;;Storgata 5;;;;\nTEL:tel:+47-22-33-44-55\nEND:VCARD")
	if len(got) != 1 || len(want) != 1 || len(got[0].Identifiers) != 2 || got[0].Identifiers[0] != want[0].Identifiers[0] || got[0].Identifiers[1] != want[0].Identifiers[1] {
		t.Errorf("got %v, want %v", got, want)
	}
}
