package record

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ordergate/ordergate/rules"
)

// How a spreadsheet's strings are written.
const (
	inlineStrings = iota
	stringsBehind // as Excel, openpyxl and LibreOffice do
	stringsBefore // as PhpSpreadsheet does
)

var inXML = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// xlsx writes a spreadsheet of one or more sheets of rows; what is all digits
// is a number.
func xlsx(t testing.TB, how int, sheets ...[][]string) string {
	t.Helper()
	const head = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>` + "\r\n"
	const space = `xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"`
	index, shared := map[string]int{}, strings.Builder{}
	files := []file{{name: "[Content_Types].xml", body: head + `<Types/>`}, {name: "docProps/core.xml", body: head + `<cp:coreProperties><dc:creator>Staff</dc:creator></cp:coreProperties>`}}
	var parts []file
	for n, rows := range sheets {
		var b strings.Builder
		b.WriteString(head + `<worksheet ` + space + `><sheetViews><sheetView workbookViewId="0"/></sheetViews><sheetData>`)
		for i, row := range rows {
			fmt.Fprintf(&b, `<row r="%d" spans="1:9">`, i+1)
			for j, v := range row {
				cell := fmt.Sprintf("%c%d", 'A'+j, i+1)
				switch {
				case v == "":
				case strings.Trim(v, "0123456789") == "":
					fmt.Fprintf(&b, `<c r="%s"><v>%s</v></c>`, cell, v)
				case how == inlineStrings:
					fmt.Fprintf(&b, `<c r="%s" s="1" t="inlineStr"><is><t xml:space="preserve">%s</t></is></c>`, cell, inXML.Replace(v))
				default:
					if _, known := index[v]; !known {
						index[v] = len(index)
						fmt.Fprintf(&shared, `<si><t>%s</t></si>`, inXML.Replace(v))
					}
					fmt.Fprintf(&b, `<c r="%s" t="s"><v>%d</v></c>`, cell, index[v])
				}
			}
			b.WriteString(`</row>`)
		}
		b.WriteString(`</sheetData><pageMargins left="0.7"/></worksheet>`)
		parts = append(parts, file{name: fmt.Sprintf("xl/worksheets/sheet%d.xml", n+1), body: b.String()})
	}
	table := file{name: "xl/sharedStrings.xml", body: head + fmt.Sprintf(`<sst %s count="9" uniqueCount="%d">%s</sst>`, space, len(index), shared.String())}
	switch how {
	case stringsBehind:
		parts = append(parts, file{name: "xl/theme/theme1.xml", body: "\x00"}, table)
	case stringsBefore:
		parts = append([]file{table}, parts...)
	}
	return zipped(t, how == stringsBehind, append(files, parts...)...)
}

func customerRows(n int) [][]string {
	rows := [][]string{{"Customers & more"}, {}, {"Customer no", "First name", "Last name", "E-Mail", "Phone", "Street", "City", "Orders"}}
	for i := range n {
		rows = append(rows, []string{
			fmt.Sprint(10000 + i), fmt.Sprintf("Ada%c", 'a'+i%26), fmt.Sprintf("Lund%d", i), fmt.Sprintf("user%d@mail.example", i),
			fmt.Sprintf("+47 22 3%07d", i), fmt.Sprintf("Storgata %d", i%90), []string{"Oslo", "Bergen", "Moss"}[i%3], fmt.Sprint(i % 7),
		})
	}
	return rows
}

func productRows() [][]string {
	rows := [][]string{{"SKU", "Name", "Image", "Price", "Brand"}}
	for i := range 40 {
		rows = append(rows, []string{fmt.Sprintf("A-4111 1111 1111 %04d", i), fmt.Sprintf("Ada lamp %d", i), fmt.Sprintf("lamp%d@2x.png", i), "1999", "Lund"})
	}
	return rows
}

const sheetType = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

func sheetCases(t testing.TB) (out []testCase) {
	t.Helper()
	all := rules.FieldName | rules.FieldEmail | rules.FieldPhone | rules.FieldAddress
	names := []string{"inline", "behind", "before"}
	for how, name := range names {
		out = append(out,
			testCase{name: "xlsx/" + name, contentType: sheetType, body: xlsx(t, how, customerRows(30), customerRows(40)[:36]), subjects: 33, fields: all},
			testCase{name: "xlsx/" + name + " twin", contentType: sheetType, body: xlsx(t, how, productRows())},
			testCase{name: "xlsx/" + name + " addresses only", contentType: "application/octet-stream", body: xlsx(t, how, [][]string{{"ada@lund.example"}, {"bo@ek.example"}, {"ada@lund.example"}}), subjects: 2, fields: rules.FieldEmail},
		)
	}
	return append(out, testCase{
		name: "xlsx/in an archive", contentType: "application/zip", subjects: 30, fields: all,
		body: zipped(t, false, file{name: "customers.xlsx", body: xlsx(t, stringsBehind, customerRows(30))}),
	})
}

// TestSheetRows wants every row's identifiers joined, wherever the strings
// stand.
func TestSheetRows(t *testing.T) {
	for how, name := range []string{"inline", "behind", "before"} {
		records, _ := find(t, sheetType, xlsx(t, how, customerRows(30)))
		if len(records) != 30 {
			t.Errorf("%s: %d records", name, len(records))
		}
		for i, r := range records {
			email := idOf(t, rules.IdentifierEmail, fmt.Sprintf("user%d@mail.example", i))
			number := idOf(t, rules.IdentifierCustomerID, fmt.Sprint(10000+i))
			phone := idOf(t, rules.IdentifierPhone, fmt.Sprintf("47223%07d", i))
			if r.Subject != email || r.IdentifierOf(number.Kind) != number.Digest || r.IdentifierOf(phone.Kind) != phone.Digest {
				t.Fatalf("%s: row %d: %v", name, i, r)
			}
		}
	}
}

// TestSheetLarge has more rows than are kept: every person is found, and what
// is not joined is said.
func TestSheetLarge(t *testing.T) {
	for how, name := range []string{"inline", "behind", "before"} {
		for _, n := range []int{3000, 12000} {
			if testing.Short() && n > 3000 {
				continue
			}
			_, f := find(t, sheetType, xlsx(t, how, customerRows(n)))
			if f.Subjects() != n {
				t.Errorf("%s: %d subjects of %d", name, f.Subjects(), n)
			}
			t.Logf("%s: %d rows: uninspected %q", name, n, f.Uninspected())
		}
	}
}

// FuzzSheet reads the parts of a spreadsheet.
func FuzzSheet(f *testing.F) {
	f.Add(`<row r="1"><c r="A1" t="s"><v>0</v></c><c r="C1"><v>4722334455</v></c></row>`, `<si><t>ada@lund.example</t></si>`, uint64(1))
	f.Add(`<row><c t="inlineStr"><is><t>a&#64;b.example</t></is></c></row>`, `<si><rPh><t>x</t></rPh></si>`, uint64(2))
	f.Fuzz(func(t *testing.T, rows, table string, seed uint64) {
		if len(rows)+len(table) > 32<<10 {
			return
		}
		sheet := file{name: "xl/worksheets/sheet1.xml", body: `<worksheet xmlns="spreadsheetml">` + rows, stored: true}
		shared := file{name: "xl/sharedStrings.xml", body: `<sst xmlns="spreadsheetml">` + table, stored: true}
		same(t, sheetType, []byte(zipped(t, true, sheet, shared)), seed)
		same(t, sheetType, []byte(zipped(t, true, shared, sheet)), seed)
	})
}
